//! Python, as far as a migration looks at it: classes with their methods and decorators, assignments, calls.
//!
//! Nothing is run. What stands there as something else than a literal is kept as it is written.

use std::collections::BTreeSet;

use tree_sitter::{Node, Parser, Tree};

/// A source file.
pub(super) struct File {
    /// Its path in the project, with `/`.
    pub(super) path: String,
    text: String,
    tree: Option<Tree>,
}

/// A class at the top of a file.
pub(super) struct Class {
    pub(super) name: String,
    pub(super) line: usize,
    /// As written, such as `psd.FPSReceiver`.
    pub(super) bases: Vec<String>,
    pub(super) values: Vec<Assignment>,
    pub(super) methods: Vec<Method>,
}

pub(super) struct Method {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) decorators: Vec<Value>,
    /// Names and annotations, without `self`.
    pub(super) parameters: Vec<(String, Option<String>)>,
    /// The lines of the body, without their indentation.
    pub(super) body: Vec<String>,
    /// Every attribute and call target in it, such as `self.consumer.user`.
    pub(super) mentions: BTreeSet<String>,
}

pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Number(String),
    Nothing,
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    /// A name or an attribute, such as `UserGroups.admin`.
    Name(String),
    Call {
        function: String,
        arguments: Vec<Value>,
        keywords: Vec<(String, Value)>,
    },
    /// Anything else, as written.
    Other(String),
}

impl Value {
    /// The value of a key, if this is a dictionary with texts as keys.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The last part of a dotted name.
pub(super) fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

impl File {
    pub(super) fn parse(path: String, text: String) -> Self {
        let mut parser = Parser::new();
        let tree = match parser.set_language(&tree_sitter_python::LANGUAGE.into()) {
            Ok(()) => parser.parse(&text, None),
            Err(_) => None,
        };
        Self { path, text, tree }
    }

    /// The first line that is no Python, as far as this parser knows it.
    pub(super) fn mistake(&self) -> Option<usize> {
        fn first(node: Node<'_>) -> Option<usize> {
            if node.is_error() || node.is_missing() {
                return Some(line(node));
            }
            node.has_error().then(|| children(node).find_map(first)).flatten()
        }
        self.tree.as_ref().map_or(Some(1), |tree| first(tree.root_node()))
    }

    pub(super) fn classes(&self) -> Vec<Class> {
        let top = self.top();
        let class = |node: Node<'_>| {
            let (_, node) = self.undecorated(node);
            (node.kind() == "class_definition").then(|| self.class(node))
        };
        top.into_iter().filter_map(class).collect()
    }

    /// The assignments at the top of the file, those under an `if` or a `try` too.
    pub(super) fn assignments(&self) -> Vec<Assignment> {
        let mut found = Vec::new();
        self.top().into_iter().for_each(|node| self.collect(node, &mut found));
        found
    }

    /// Every call in the file, with its line.
    pub(super) fn calls(&self) -> Vec<(usize, Value)> {
        let mut found = Vec::new();
        let mut open = self.top();
        open.reverse();
        while let Some(node) = open.pop() {
            if node.kind() == "call" {
                found.push((line(node), self.value(node)));
            }
            let mut inner: Vec<Node<'_>> = children(node).collect();
            inner.reverse();
            open.extend(inner);
        }
        found
    }

    fn top(&self) -> Vec<Node<'_>> {
        self.tree.iter().flat_map(|tree| children(tree.root_node())).collect()
    }

    fn collect(&self, node: Node<'_>, found: &mut Vec<Assignment>) {
        match node.kind() {
            "expression_statement"
            | "block"
            | "if_statement"
            | "else_clause"
            | "elif_clause"
            | "try_statement"
            | "except_clause" => children(node).for_each(|inner| self.collect(inner, found)),
            "assignment" => {
                if let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
                {
                    found.push(Assignment {
                        name: self.source(left).to_owned(),
                        line: line(node),
                        value: self.value(right),
                    });
                }
            }
            _ => {}
        }
    }

    fn class(&self, node: Node<'_>) -> Class {
        let bases = node.child_by_field_name("superclasses").into_iter().flat_map(children);
        let bases = bases.filter(|base| matches!(base.kind(), "identifier" | "attribute"));
        let bases = bases.map(|base| self.source(base).to_owned()).collect();
        let (mut values, mut methods) = (Vec::new(), Vec::new());
        for member in node.child_by_field_name("body").into_iter().flat_map(children) {
            self.collect(member, &mut values);
            let (decorators, function) = self.undecorated(member);
            if function.kind() == "function_definition" {
                methods.push(self.method(function, decorators));
            }
        }
        Class { name: self.field(node, "name"), line: line(node), bases, values, methods }
    }

    fn method(&self, node: Node<'_>, decorators: Vec<Value>) -> Method {
        let parameters = node.child_by_field_name("parameters").into_iter().flat_map(children);
        let parameters = parameters.filter_map(|parameter| {
            let name = match parameter.kind() {
                "identifier" => parameter,
                _ => children(parameter).find(|part| part.kind() == "identifier")?,
            };
            let annotation = parameter.child_by_field_name("type").map(|kind| self.source(kind).to_owned());
            Some((self.source(name).to_owned(), annotation))
        });
        let parameters = parameters.skip(1).collect();
        let body = node.child_by_field_name("body");
        let mut mentions = BTreeSet::new();
        let mut open: Vec<Node<'_>> = body.into_iter().collect();
        while let Some(inner) = open.pop() {
            if inner.kind() == "attribute" {
                mentions.insert(self.source(inner).to_owned());
            }
            open.extend(children(inner));
        }
        let lines = body.map(|body| {
            let indentation = " ".repeat(body.start_position().column);
            let text = self.source(body);
            text.lines().map(|line| line.strip_prefix(&indentation).unwrap_or(line).trim_end().to_owned()).collect()
        });
        let name = self.field(node, "name");
        Method { name, line: line(node), decorators, parameters, body: lines.unwrap_or_default(), mentions }
    }

    /// A definition and its decorators.
    fn undecorated<'t>(&self, node: Node<'t>) -> (Vec<Value>, Node<'t>) {
        let Some(definition) = node.child_by_field_name("definition") else { return (Vec::new(), node) };
        let decorators = children(node).filter(|part| part.kind() == "decorator");
        let decorators = decorators.filter_map(|part| children(part).next()).map(|part| self.value(part));
        (decorators.collect(), definition)
    }

    fn value(&self, node: Node<'_>) -> Value {
        let source = || self.source(node).to_owned();
        match node.kind() {
            "string" => self.string(node).map_or_else(|| Value::Other(source()), Value::Text),
            "concatenated_string" => {
                let parts: Option<String> = children(node).map(|part| self.string(part)).collect();
                parts.map_or_else(|| Value::Other(source()), Value::Text)
            }
            "true" => Value::Flag(true),
            "false" => Value::Flag(false),
            "none" => Value::Nothing,
            "integer" | "float" => Value::Number(source()),
            "list" | "tuple" | "set" => Value::List(children(node).map(|item| self.value(item)).collect()),
            "dictionary" => {
                let pairs = children(node).filter(|pair| pair.kind() == "pair");
                let part = |pair: Node<'_>, name| pair.child_by_field_name(name).map(|part| self.value(part));
                Value::Map(pairs.filter_map(|pair| Some((part(pair, "key")?, part(pair, "value")?))).collect())
            }
            "identifier" | "attribute" => Value::Name(source()),
            "parenthesized_expression" => {
                children(node).next().map_or_else(|| Value::Other(source()), |inner| self.value(inner))
            }
            "call" => {
                let (mut arguments, mut keywords) = (Vec::new(), Vec::new());
                for argument in node.child_by_field_name("arguments").into_iter().flat_map(children) {
                    match argument.child_by_field_name("value") {
                        Some(value) if argument.kind() == "keyword_argument" => {
                            keywords.push((self.field(argument, "name"), self.value(value)));
                        }
                        _ => arguments.push(self.value(argument)),
                    }
                }
                Value::Call { function: self.field(node, "function"), arguments, keywords }
            }
            _ => Value::Other(source()),
        }
    }

    /// What a string says; nothing for one with expressions in it.
    fn string(&self, node: Node<'_>) -> Option<String> {
        let mut text = String::new();
        let is_raw = children(node).next().is_some_and(|start| self.source(start).to_lowercase().contains('r'));
        for part in children(node) {
            match part.kind() {
                "interpolation" => return None,
                "string_content" if !is_raw && self.source(part).contains('\\') => return None,
                "string_content" => text.push_str(self.source(part)),
                _ => {}
            }
        }
        Some(text)
    }

    fn field(&self, node: Node<'_>, name: &str) -> String {
        node.child_by_field_name(name).map(|part| self.source(part).to_owned()).unwrap_or_default()
    }

    fn source(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

/// The named parts of a node, without comments.
fn children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let count = u32::try_from(node.named_child_count()).unwrap_or(u32::MAX);
    (0..count).filter_map(move |index| node.named_child(index)).filter(|child| child.kind() != "comment")
}

fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}
