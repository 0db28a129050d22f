//! `.pbenum.dart`: the enums of a file.

use std::fmt::Write as _;

use super::model::{Enum, File};
use super::{docs, head};
use crate::Schema;
use crate::targets::dart::names::literal;

pub(super) fn print(file: &File<'_>, schema: &Schema) -> String {
    let mut out = head(&format!(" from {}", file.source));
    out.push_str("import 'dart:core' as $core;\n\nimport 'package:protobuf/protobuf.dart' as $pb;\n");
    for item in &file.enums {
        out.push('\n');
        out.push_str(&class(item, schema));
    }
    out
}

fn class(item: &Enum<'_>, schema: &Schema) -> String {
    let name = &item.class;
    let is_deprecated = item.descriptor.options.as_ref().is_some_and(prost_types::EnumOptions::deprecated);
    let mut out = docs(schema, &item.full_name, is_deprecated, "");
    let _ = writeln!(out, "class {name} extends $pb.ProtobufEnum {{");
    let mut listed: Vec<(i32, &str)> = Vec::new();
    for (value, constant) in item.descriptor.value.iter().zip(&item.values) {
        let is_deprecated = value.options.as_ref().is_some_and(prost_types::EnumValueOptions::deprecated);
        out.push_str(&docs(schema, &format!("{}.{}", item.full_name, value.name()), is_deprecated, "  "));
        let other = listed.iter().find(|(number, _)| *number == value.number());
        let _ = match other {
            Some((_, first)) => writeln!(out, "  static const {name} {constant} = {first};"),
            None => {
                let text = literal(value.name());
                writeln!(out, "  static const {name} {constant} = {name}._({}, {text});", value.number())
            }
        };
        if other.is_none() {
            listed.push((value.number(), constant));
        }
    }
    let _ = writeln!(out, "\n  static const $core.List<{name}> values = <{name}>[");
    for (_, constant) in &listed {
        let _ = writeln!(out, "    {constant},");
    }
    let _ = write!(
        out,
        "  ];

  static final $core.Map<$core.int, {name}> _byNumber = {{for (final each in values) each.value: each}};

  /// The value of this number; `null` if it has none.
  static {name}? valueOf($core.int value) => _byNumber[value];

  const {name}._($core.int value, $core.String name) : super(value, name);
}}
"
    );
    out
}
