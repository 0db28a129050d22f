//! A handler that met every rule: what `expand` prints.

use heck::ToSnakeCase;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, Ident, LitStr, PathArguments, Signature, Type};

use super::args::{Args, List};
use super::function::Function;
use super::limits::Limits;
use crate::errors::{Errors, shown};

/// More parameters than this are better off in one `State`.
const MAX_PARAMETERS: usize = 12;

/// A handler and what guards it.
pub(crate) struct Handler {
    pub(crate) name: Ident,
    /// The type of the first parameter.
    pub(crate) message: Type,
    /// The further parameters, in order.
    pub(crate) arguments: Vec<Argument>,
    /// The return type as written.
    pub(crate) output: Option<Type>,
    pub(crate) mode: Mode,
    /// The consumer's type, if it is not the default one.
    pub(crate) consumer: Option<syn::Path>,
    pub(crate) auth: Option<bool>,
    pub(crate) permissions: Vec<LitStr>,
    pub(crate) whitelist_groups: Vec<LitStr>,
    pub(crate) blacklist_groups: Vec<LitStr>,
    /// The application's function that decides after these rules.
    pub(crate) guard: Option<syn::Path>,
    pub(crate) limits: Limits,
}

/// A parameter that is extracted.
pub(crate) struct Argument {
    /// The `#[cfg]`s on the parameter, which hold for its extraction too.
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) kind: Type,
}

/// How the handler runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A plain `fn`, on the connection's task.
    InPlace,
    /// An `async fn`, awaited on the connection's task.
    Async,
    /// An `async fn` beside the connection's task.
    Concurrent,
    /// A plain `fn` on the sync workers.
    Blocking,
}

impl Handler {
    /// Checks every rule; `None` only where a mistake was reported that leaves nothing to build on.
    pub(crate) fn new(args: Args, function: &Function, errors: &mut Errors) -> Option<Self> {
        for repeated in function.repeated() {
            errors.at(repeated, "`#[receive]` is given twice: a handler has one route, write a function for each");
        }
        let signature = &function.signature;
        check_qualifiers(signature, errors);
        let mode = mode(&args, signature, errors);
        let limits = Limits::new(&args, mode, errors);
        check_guards(&args, errors);
        let mut parameters = parameters(signature, errors).into_iter();
        let message = parameters.next()?;
        check_message(&message, &args, signature, errors);
        let values = |list: Option<List>| list.map_or_else(Vec::new, |list| list.values);
        Some(Self {
            name: signature.ident.clone(),
            message: message.kind,
            arguments: parameters.collect(),
            output: match &signature.output {
                syn::ReturnType::Default => None,
                syn::ReturnType::Type(_, output) => Some((**output).clone()),
            },
            mode,
            consumer: args.consumer,
            auth: args.auth.map(|(_, auth)| auth),
            permissions: values(args.permissions),
            whitelist_groups: values(args.whitelist_groups),
            blacklist_groups: values(args.blacklist_groups),
            guard: args.guard,
            limits,
        })
    }
}

fn check_qualifiers(signature: &Signature, errors: &mut Errors) {
    if let Some(qualifier) = &signature.unsafety {
        errors.at(qualifier, "a handler cannot be `unsafe`: nobody could vouch for what a client sends");
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a handler cannot be `extern`: it is called from Rust only");
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, "a handler cannot be variadic: name every parameter");
    }
    let generics = &signature.generics;
    if !generics.params.is_empty() {
        let text = "a handler cannot be generic: it is registered once, for one message; write out the types";
        errors.at(generics, text);
    }
    if let Some(clause) = &generics.where_clause {
        errors.at(
            clause,
            "a handler cannot have a `where` clause: it is registered once, for one message; write out the types",
        );
    }
}

fn mode(args: &Args, signature: &Signature, errors: &mut Errors) -> Mode {
    match (&signature.asyncness, &args.blocking, &args.concurrent) {
        (_, Some(_), Some(concurrent)) => {
            let text = "`blocking` and `concurrent` exclude each other: `blocking` is for a plain `fn`, `concurrent` for an `async fn`";
            errors.at(concurrent, text);
        }
        (Some(_), Some(blocking), None) => {
            errors.at(blocking, "`blocking` is for a plain `fn`: remove `async`, or remove `blocking`");
        }
        (None, None, Some(concurrent)) => {
            errors.at(
                concurrent,
                "`concurrent` is for an `async fn`: add `async`, or write `blocking` for work that takes time",
            );
        }
        (Some(_), None, Some(_)) => return Mode::Concurrent,
        (None, Some(_), None) => return Mode::Blocking,
        (Some(_), None, None) => return Mode::Async,
        (None, None, None) => {}
    }
    Mode::InPlace
}

fn check_guards(args: &Args, errors: &mut Errors) {
    let guards = [&args.permissions, &args.whitelist_groups, &args.blacklist_groups];
    if let Some((name, false)) = &args.auth {
        let given: Vec<String> = guards.into_iter().flatten().map(|list| format!("`{}`", list.name)).collect();
        if !given.is_empty() {
            let text = format!(
                "`auth = false` contradicts {}, which need an identity: remove one or the other",
                given.join(" and ")
            );
            errors.at(name, text);
        }
    }
    for permission in args.permissions.iter().flat_map(|list| &list.values) {
        let value = permission.value();
        let complete = value.split_once('.').is_some_and(|(app, codename)| !app.is_empty() && !codename.is_empty());
        if !complete || value.contains(char::is_whitespace) {
            let text = format!("`{value}` is not a permission: write `app.codename`, such as `chat.add_message`");
            errors.at(permission, text);
        }
    }
    let whitelisted: Vec<&LitStr> = args.whitelist_groups.iter().flat_map(|list| &list.values).collect();
    for group in args.blacklist_groups.iter().flat_map(|list| &list.values) {
        if whitelisted.contains(&group) {
            let text = format!("`{}` is in `whitelist_groups` too: nobody would pass, keep one of them", group.value());
            errors.at(group, text);
        }
    }
}

/// All parameters, message first.
fn parameters(signature: &Signature, errors: &mut Errors) -> Vec<Argument> {
    if signature.inputs.is_empty() {
        let text = format!(
            "`{}` takes no message: the type of the first parameter is the route, write `{}(message: pb::…)`",
            signature.ident, signature.ident
        );
        errors.at(&signature.ident, text);
    }
    if let Some(excess) = signature.inputs.iter().nth(MAX_PARAMETERS) {
        errors.at(excess, format!("a handler takes at most {MAX_PARAMETERS} parameters: gather some in one `State`"));
    }
    let mut parameters = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                errors.at(
                    receiver,
                    "a handler cannot take `self`: write a free function and take what it needs as `State`",
                );
            }
            FnArg::Typed(parameter) => {
                check_type(&parameter.ty, errors);
                let conditions = parameter.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
                let conditions: Vec<Attribute> = conditions.cloned().collect();
                parameters.push(Argument { conditions, kind: ungrouped(&parameter.ty).clone() });
            }
        }
    }
    parameters
}

fn check_type(kind: &Type, errors: &mut Errors) {
    if let Type::Reference(reference) = ungrouped(kind) {
        let text = format!("a handler owns its parameters: write `{}` without `&`", shown(&reference.elem));
        errors.at(kind, text);
    } else if let Some(word) = find_impl(kind.to_token_stream()) {
        errors.at(word, "a parameter cannot be `impl Trait`: it is extracted by its type, write out the type");
    }
}

fn check_message(message: &Argument, args: &Args, signature: &Signature, errors: &mut Errors) {
    if let Some(condition) = message.conditions.first() {
        errors.at(condition, "the message cannot depend on `cfg`: put the `cfg` on the function");
    }
    let way_out = "the type of the first parameter is the route, write `message: pb::…` first";
    match &message.kind {
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return };
            if !matches!(last.arguments, PathArguments::None) {
                errors.at(&message.kind, format!("`{}` is not a message: {way_out}", shown(&message.kind)));
                return;
            }
            let expected = last.ident.unraw().to_string().to_snake_case();
            if args.any_name.is_none() && signature.ident.unraw() != expected {
                let text = format!(
                    "`{}` handles `{}`: name it `{}`, or write `#[receive(any_name)]`",
                    signature.ident,
                    last.ident,
                    raw_if_keyword(&expected)
                );
                errors.at(&signature.ident, text);
            }
        }
        // Said by `check_type`.
        Type::Reference(_) | Type::ImplTrait(_) => {}
        other => errors.at(other, format!("`{}` is not a message: {way_out}", shown(other))),
    }
}

/// The type itself where a `macro_rules!` or the user wrapped it.
fn ungrouped(kind: &Type) -> &Type {
    match kind {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

/// The first `impl` of a type, however deep.
fn find_impl(tokens: TokenStream) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(word) => (word == "impl").then_some(word),
        TokenTree::Group(group) => find_impl(group.stream()),
        _ => None,
    })
}

/// `type` is written `r#type`.
fn raw_if_keyword(name: &str) -> String {
    if syn::parse_str::<Ident>(name).is_ok() { name.to_owned() } else { format!("r#{name}") }
}
