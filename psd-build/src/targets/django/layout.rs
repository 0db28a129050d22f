//! Lines, broken where black would break them, so that generated files pass a project's `black --check`.

/// How many characters black lets stand in a line.
pub(super) const WIDTH: usize = 88;

pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// `name = value`, in a class if `indent` is 4.
pub(super) fn assignment(indent: usize, target: &str, value: &str) -> String {
    let pad = " ".repeat(indent);
    let line = format!("{pad}{target} = {value}");
    // A value that fits nowhere is left where it is.
    if width(&line) <= WIDTH || indent + 4 + width(value) > WIDTH {
        return line + "\n";
    }
    format!("{pad}{target} = (\n{pad}    {value}\n{pad})\n")
}

/// A field of a class: `name: kind = function(arguments)`.
pub(super) fn field(name: &str, kind: &str, function: &str, arguments: &[String]) -> String {
    let call = format!("{function}({})", arguments.join(", "));
    let line = format!("    {name}: {kind} = {call}");
    if width(&line) <= WIDTH {
        return line + "\n";
    }
    let head = format!("    {name}: {kind} = ");
    if width(&head) + width(function) < WIDTH {
        return head + &bracketed(function, arguments);
    }
    if width(&head) < WIDTH {
        return format!("{head}(\n        {call}\n    )\n");
    }
    if let Some((outer, inner)) = kind.strip_suffix(']').and_then(|kind| kind.split_once('[')) {
        return format!("    {name}: {outer}[\n        {inner}\n    ] = {call}\n");
    }
    format!("    {name}: (\n        {kind}\n    ) = {call}\n")
}

/// A call in a class whose arguments do not fit beside it.
fn bracketed(function: &str, arguments: &[String]) -> String {
    let inner = arguments.join(", ");
    if width(&inner) + 8 <= WIDTH {
        return format!("{function}(\n        {inner}\n    )\n");
    }
    let lines: String = arguments.iter().map(|argument| format!("        {argument},\n")).collect();
    format!("{function}(\n{lines}    )\n")
}

/// `from module import names`.
pub(super) fn import(module: &str, names: &[String]) -> String {
    let line = format!("from {module} import {}", names.join(", "));
    if width(&line) <= WIDTH {
        return line + "\n";
    }
    let lines: String = names.iter().map(|name| format!("    {name},\n")).collect();
    format!("from {module} import (\n{lines})\n")
}

/// A docstring of a class; nothing if there is nothing to say.
pub(super) fn docstring(text: &str) -> String {
    let text = text.trim().replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"");
    let text = match text.strip_prefix('"') {
        Some(rest) => format!("\\\"{rest}"),
        None => text,
    };
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    match lines.as_slice() {
        [] => String::new(),
        // A quote must not touch those that end the text.
        [line] => format!("    \"\"\"{line}{}\"\"\"\n\n", if line.ends_with('"') { " " } else { "" }),
        [first, rest @ ..] => {
            let rest = rest.iter().map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") });
            format!("    \"\"\"{first}\n{}    \"\"\"\n\n", rest.collect::<String>())
        }
    }
}

/// A comment above something.
pub(super) fn comment(indent: usize, text: &str) -> String {
    text.lines().map(|line| format!("{:indent$}# {line}", "").trim_end().to_owned() + "\n").collect()
}
