//! Lines, broken where `dart format` breaks them.

/// How long a line may be, where it can be broken.
pub(super) const WIDTH: usize = 80;

/// A piece of code that may be too long for its line.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// What is never broken.
    Text(String),
    /// What is broken into a line an item, each with a comma behind it: arguments, parameters, the items of a list.
    List { open: String, items: Vec<Piece>, close: String },
}

impl Piece {
    /// `open item, item close`
    pub(super) fn list(open: impl Into<String>, items: Vec<Self>, close: impl Into<String>) -> Self {
        Self::List { open: open.into(), items, close: close.into() }
    }

    /// The same, of texts.
    pub(super) fn texts<S: Into<String>>(open: &str, items: impl IntoIterator<Item = S>, close: &str) -> Self {
        Self::list(open, items.into_iter().map(|item| Self::Text(item.into())).collect(), close)
    }

    /// In one line.
    pub(super) fn flat(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List { open, items, close } => {
                let items: Vec<String> = items.iter().map(Self::flat).collect();
                format!("{open}{}{close}", items.join(", "))
            }
        }
    }

    /// At this indent, in a line where `taken` more characters stand; broken if it does not fit.
    pub(super) fn print(&self, indent: usize, taken: usize) -> String {
        let flat = self.flat();
        if indent + flat.chars().count() + taken <= WIDTH { flat } else { self.broken(indent) }
    }

    /// A line an item.
    pub(super) fn broken(&self, indent: usize) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List { open, items, close } if items.is_empty() => format!("{open}{close}"),
            Self::List { open, items, close } => {
                let mut out = format!("{open}\n");
                for item in items {
                    out.push_str(&" ".repeat(indent + 2));
                    out.push_str(&item.print(indent + 2, 1));
                    out.push_str(",\n");
                }
                format!("{out}{}{close}", " ".repeat(indent))
            }
        }
    }
}

/// A function whose body is an expression: `signature => body;`.
///
/// A call that does not fit goes to the next line, if it fits there; a list is broken at once.
pub(super) fn arrow(indent: usize, signature: &Piece, body: &Piece, is_list: bool) -> String {
    let (head, flat) = (signature.flat(), body.flat());
    let pad = " ".repeat(indent);
    let fits = |line: &str| line.chars().count() <= WIDTH;
    let whole = format!("{pad}{head} => {flat};");
    if fits(&whole) {
        return whole + "\n";
    }
    let next = format!("{pad}    {flat};");
    let opening = body.broken(indent);
    let first = opening.lines().next().unwrap_or_default();
    if !is_list && fits(&format!("{pad}{head} =>")) && fits(&next) {
        return format!("{pad}{head} =>\n{next}\n");
    }
    if matches!(body, Piece::List { .. }) && fits(&format!("{pad}{head} => {first}")) {
        return format!("{pad}{head} => {opening};\n");
    }
    let head = signature.broken(indent);
    let last = head.lines().last().unwrap_or_default();
    if fits(&format!("{last} => {flat};")) {
        format!("{pad}{head} => {flat};\n")
    } else if !is_list && fits(&next) {
        format!("{pad}{head} =>\n{next}\n")
    } else {
        format!("{pad}{head} => {opening};\n")
    }
}

/// `start value;`, where a value that does not even begin in this line goes to the next one.
pub(super) fn assignment(indent: usize, start: &str, value: &Piece) -> String {
    let pad = " ".repeat(indent);
    let flat = format!("{pad}{start} {};", value.flat());
    if flat.chars().count() <= WIDTH {
        return flat + "\n";
    }
    let broken = value.broken(indent);
    let first = broken.lines().next().unwrap_or_default();
    if broken.contains('\n') && indent + start.chars().count() + 1 + first.chars().count() <= WIDTH {
        format!("{pad}{start} {broken};\n")
    } else {
        format!("{pad}{start}\n{pad}    {};\n", value.print(indent + 4, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The cases are those of dart_style's own tests, in our words and for a line of 80.
    #[test]
    fn calls_go_to_the_next_line_and_lists_are_broken() {
        let call = |items: &[&str]| Piece::texts("another(", items.iter().copied(), ")");
        let signature = Piece::Text("function()".to_owned());
        let long = ["argumentNumberOne", "argumentNumberTwo", "argumentNumberThree"];
        let longer = [long, long].concat();
        assert_eq!(arrow(0, &signature, &call(&["a"]), false), "function() => another(a);\n");
        let two = "function() =>\n    another(argumentNumberOne, argumentNumberTwo, argumentNumberThree);\n";
        assert_eq!(arrow(0, &signature, &call(&long), false), two);
        assert!(
            arrow(0, &signature, &call(&longer), false).starts_with("function() => another(\n  argumentNumberOne,\n")
        );
        let list = Piece::texts("[", longer, "]");
        assert!(arrow(0, &signature, &list, true).starts_with("function() => [\n  argumentNumberOne,\n"));
    }
}
