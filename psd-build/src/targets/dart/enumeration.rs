//! An enum: its values, and what stands for numbers without a name.

use std::fmt::Write as _;

use super::layout::{Piece, assignment};
use super::message::Printer;
use super::model::Enum;
use super::names;

impl Printer<'_> {
    pub(super) fn enumeration(&mut self, item: &Enum<'_>) {
        let names = &item.names;
        self.blank();
        self.docs(0, &item.full_name);
        self.deprecated(0, item.descriptor.options.as_ref().is_some_and(|options| options.deprecated()));
        self.line(0, format_args!("enum {} implements {} {{", names.known, names.open));
        let mut seen = Vec::new();
        let mut aliases = Vec::new();
        for (value, name) in item.descriptor.value.iter().zip(&item.values) {
            if let Some((_, first)) = seen.iter().find(|(number, _)| *number == value.number()) {
                aliases.push((value, name, *first));
            } else {
                seen.push((value.number(), name));
            }
        }
        for (index, (number, name)) in seen.iter().enumerate() {
            let value = item.descriptor.value.iter().find(|value| value.number() == *number);
            let proto = value.map_or("", |value| value.name());
            let full_name = format!("{}.{proto}", item.full_name);
            let is_deprecated =
                value.is_some_and(|value| value.options.as_ref().is_some_and(|options| options.deprecated()));
            if index > 0 && (is_deprecated || self.model.schema.docs(&full_name).is_some()) {
                self.blank();
            }
            self.docs(1, &full_name);
            self.deprecated(1, is_deprecated);
            let end = if index + 1 == seen.len() { ';' } else { ',' };
            let arguments = [number.to_string(), names::literal(proto)];
            let value = Piece::texts(&format!("{name}("), arguments, ")").print(2, 1);
            self.line(1, format_args!("{value}{end}"));
        }
        self.blank();
        self.line(1, format_args!("const {}(this.number, this.protoName);", names.known));
        for (value, name, first) in &aliases {
            self.blank();
            match self.model.schema.docs(&format!("{}.{}", item.full_name, value.name())) {
                Some(_) => self.docs(1, &format!("{}.{}", item.full_name, value.name())),
                None => self.line(1, format_args!("/// Another name of [{first}].")),
            }
            self.deprecated(1, value.options.as_ref().is_some_and(|options| options.deprecated()));
            self.line(1, format_args!("static const {} {name} = {first};", names.known));
        }
        self.out.push_str(
            "\n  @override\n  final int number;\n\n  @override\n  final String protoName;\n\n  /// The enum as data.\n",
        );
        let mut arguments = vec![
            Piece::Text(names::literal(&item.full_name)),
            Piece::Text("values".to_owned()),
            Piece::Text(format!("{}.new", names.unknown)),
        ];
        if !aliases.is_empty() {
            let entries = aliases.iter().map(|(value, name, _)| format!("{}: {name}", names::literal(value.name())));
            arguments.push(Piece::texts("aliases: {", entries, "}"));
        }
        let start = format!("static final psd.EnumType<{}> descriptor =", names.open);
        let value = Piece::list("psd.EnumType(", arguments, ")");
        self.out.push_str("  ");
        self.out.push_str(assignment(2, &start, &value).trim_start());
        let _ = write!(
            self.out,
            "}}\n\n/// A value of [{known}], or a number that has no name there.\n\
             sealed class {open} implements psd.ProtoEnum {{}}\n\n\
             /// A number that has no name in [{known}].\n",
            known = names.known,
            open = names.open,
        );
        self.line(
            0,
            heritage(&format!("final class {}", names.unknown), "psd.UnknownEnum", std::slice::from_ref(&names.open)),
        );
        self.out.push_str("  /// This number.\n");
        self.line(1, format_args!("const {}(super.number);", names.unknown));
        self.line(0, "}");
    }
}

/// `class A extends B implements C {`, broken as `dart format` does.
pub(super) fn heritage(class: &str, parent: &str, interfaces: &[String]) -> String {
    let implements =
        if interfaces.is_empty() { String::new() } else { format!("implements {}", interfaces.join(", ")) };
    let line = format!("{class} extends {parent} {implements}");
    let line = format!("{} {{", line.trim_end());
    if line.chars().count() <= super::layout::WIDTH {
        return line;
    }
    let implements = if implements.is_empty() { String::new() } else { format!("\n    {implements}") };
    let one_line = format!("{class} extends {parent}{}", if implements.is_empty() { " {" } else { "" });
    let parent =
        if one_line.chars().count() <= super::layout::WIDTH { " " } else { "\n    " }.to_owned() + "extends " + parent;
    format!("{class}{parent}{implements} {{")
}
