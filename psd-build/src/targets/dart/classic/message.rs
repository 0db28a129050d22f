//! `.pb.dart`: the messages of a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::Type;

use super::model::{Field, File, Message, Model, is_message};
use super::{docs, head};
use crate::targets::dart::imports::relative;
use crate::targets::dart::names::literal;
use crate::targets::descriptors::Shape;
use crate::targets::json_names;

pub(super) fn print(file: &File<'_>, model: &Model<'_>) -> String {
    let mut printer = Printer { file, model, prefixes: BTreeMap::new(), uses_fixnum: false, uses_mixin: false };
    let mut body = String::new();
    for message in &file.messages {
        body.push('\n');
        body.push_str(&printer.message(message));
    }
    let mut out = head(&format!(" from {}", file.source));
    out.push_str("import 'dart:core' as $core;\n\n");
    if printer.uses_fixnum {
        out.push_str("import 'package:fixnum/fixnum.dart' as $fixnum;\n");
    }
    out.push_str("import 'package:protobuf/protobuf.dart' as $pb;\n");
    if printer.uses_mixin {
        out.push_str("import 'package:protobuf/src/protobuf/mixins/well_known.dart' as $mixin;\n");
    }
    for (library, prefix) in &printer.prefixes {
        let path = if library.starts_with("package:") { library.clone() } else { relative(&file.path, library) };
        let _ = writeln!(out, "import '{path}.pb.dart' as {prefix};");
    }
    if !file.enums.is_empty() {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let _ = writeln!(out, "import '{name}.pbenum.dart';\n\nexport '{name}.pbenum.dart';");
    }
    out + &body
}

struct Printer<'a> {
    file: &'a File<'a>,
    model: &'a Model<'a>,
    /// How other files are called in this one.
    prefixes: BTreeMap<String, String>,
    uses_fixnum: bool,
    uses_mixin: bool,
}

/// How the runtime reads and writes values of a type: the letters in names of `PbFieldType`, and of the methods.
struct Kind {
    letters: &'static str,
    get: &'static str,
    set: &'static str,
}

fn kind(field: &FieldDescriptorProto) -> Kind {
    let (letters, get, set) = match field.r#type() {
        Type::Bool => ("B", "$_getBF", "$_setBool"),
        Type::Bytes => ("Y", "$_getN", "$_setBytes"),
        Type::String => ("S", "$_getSZ", "$_setString"),
        Type::Float => ("F", "$_getN", "$_setFloat"),
        Type::Double => ("D", "$_getN", "$_setDouble"),
        Type::Int32 => ("3", "$_getIZ", "$_setSignedInt32"),
        Type::Sint32 => ("S3", "$_getIZ", "$_setSignedInt32"),
        Type::Sfixed32 => ("SF3", "$_getIZ", "$_setSignedInt32"),
        Type::Uint32 => ("U3", "$_getIZ", "$_setUnsignedInt32"),
        Type::Fixed32 => ("F3", "$_getIZ", "$_setUnsignedInt32"),
        Type::Int64 => ("6", "$_getI64", "$_setInt64"),
        Type::Sint64 => ("S6", "$_getI64", "$_setInt64"),
        Type::Sfixed64 => ("SF6", "$_getI64", "$_setInt64"),
        Type::Uint64 => ("U6", "$_getI64", "$_setInt64"),
        Type::Fixed64 => ("F6", "$_getI64", "$_setInt64"),
        Type::Enum => ("E", "$_getN", "$_setField"),
        Type::Message | Type::Group => ("M", "$_getN", "$_setField"),
    };
    Kind { letters, get, set }
}

/// What a field is called in JSON: what servers write to classic clients, and find a message by its cache keys with.
pub(super) fn json_name(field: &FieldDescriptorProto) -> String {
    json_names::classic(field.name())
}

impl Printer<'_> {
    fn message(&mut self, message: &Message<'_>) -> String {
        let class = &message.class;
        let mut out = String::new();
        for oneof in &message.oneofs {
            let cases: Vec<&str> = oneof.cases.iter().map(|(_, case)| case.as_str()).collect();
            let _ = writeln!(out, "enum {} {{ {}, notSet }}\n", oneof.class, cases.join(", "));
        }
        let is_deprecated = message.descriptor.options.as_ref().is_some_and(prost_types::MessageOptions::deprecated);
        out.push_str(&docs(self.model.schema, &message.full_name, is_deprecated, ""));
        let mixin = mixin(&message.full_name);
        let with = mixin.map(|(name, _)| format!(" with $mixin.{name}")).unwrap_or_default();
        self.uses_mixin |= mixin.is_some();
        let _ = writeln!(out, "class {class} extends $pb.GeneratedMessage{with} {{");
        out.push_str(&self.constructors(message));
        out.push_str(&self.info(message, mixin.map(|(_, kind)| kind)));
        let _ = write!(
            out,
            "
  @$core.override
  $pb.BuilderInfo get info_ => _i;

  @$core.override
  {class} createEmptyInstance() => create();

  static {class} create() => {class}._();

  static {class} getDefault() => _defaultInstance ??= $pb.GeneratedMessage.$_defaultFor<{class}>(create);
  static {class}? _defaultInstance;

  @$core.Deprecated('Use deepCopy.')
  @$core.override
  {class} clone() => $pb.GeneratedMessageGenericExtensions<{class}>(this).deepCopy();

  @$core.Deprecated('Use rebuild.')
  @$core.override
  {class} copyWith(void Function({class}) $updates) =>
      super.copyWith(($message) => $updates($message as {class})) as {class};
"
        );
        out.push_str(&self.helpers(&message.full_name, class));
        for oneof in &message.oneofs {
            let index = message.oneofs.iter().position(|other| other.stem == oneof.stem).unwrap_or_default();
            let _ = writeln!(out, "\n  static const $core.Map<$core.int, {0}> _{0}ByTag = {{", oneof.class);
            for (number, case) in &oneof.cases {
                let _ = writeln!(out, "    {number}: {}.{case},", oneof.class);
            }
            let _ = write!(
                out,
                "    0: {class}.notSet,\n  }};\n\n  {class} which{stem}() => _{class}ByTag[$_whichOneof({index})]!;\n\n  \
                 void clear{stem}() => $_clearField($_whichOneof({index}));\n",
                class = oneof.class,
                stem = oneof.stem,
            );
        }
        for (index, field) in message.fields.iter().enumerate() {
            out.push_str(&self.accessors(message, field, index));
        }
        out.push_str("}\n");
        out
    }

    fn constructors(&mut self, message: &Message<'_>) -> String {
        let class = &message.class;
        let mut parameters = String::new();
        let mut body = String::new();
        for field in &message.fields {
            let name = &field.property;
            let (kind, set) = match &field.shape {
                Shape::List { .. } => {
                    let kind = format!("$core.Iterable<{}>", self.type_name(field.descriptor));
                    (kind, format!("$result.{name}.addAll({name})"))
                }
                Shape::Map(key, value) => {
                    let (key, value) = (self.type_name(key), self.type_name(value));
                    let kind = format!("$core.Iterable<$core.MapEntry<{key}, {value}>>");
                    (kind, format!("$result.{name}.addEntries({name})"))
                }
                _ => (self.type_name(field.descriptor), format!("$result.{name} = {name}")),
            };
            let _ = writeln!(parameters, "    {kind}? {name},");
            let _ = writeln!(body, "    if ({name} != null) {set};");
        }
        let first = if message.fields.is_empty() {
            format!("  factory {class}() => create();\n")
        } else {
            format!(
                "  factory {class}({{\n{parameters}  }}) {{\n    final $result = create();\n{body}    return $result;\n  }}\n"
            )
        };
        format!(
            "{first}
  {class}._() : super();

  factory {class}.fromBuffer($core.List<$core.int> data,
          [$pb.ExtensionRegistry registry = $pb.ExtensionRegistry.EMPTY]) =>
      create()..mergeFromBuffer(data, registry);

  factory {class}.fromJson($core.String json,
          [$pb.ExtensionRegistry registry = $pb.ExtensionRegistry.EMPTY]) =>
      create()..mergeFromJson(json, registry);
"
        )
    }

    /// The message as package:protobuf knows it.
    fn info(&mut self, message: &Message<'_>, well_known: Option<&str>) -> String {
        let package = self.file.package;
        let name = message
            .full_name
            .strip_prefix(package)
            .map_or(&*message.full_name, |name| name.strip_prefix('.').unwrap_or(name));
        let package = literal(package);
        let kind = well_known.map(|kind| format!(", wellKnownType: $mixin.WellKnownType.{kind}")).unwrap_or_default();
        let mut out = format!(
            "\n  static final $pb.BuilderInfo _i = $pb.BuilderInfo({},\n      \
             package: const $pb.PackageName({package}), createEmptyInstance: create{kind})\n",
            literal(name)
        );
        for (index, oneof) in message.oneofs.iter().enumerate() {
            let numbers: Vec<String> = oneof.cases.iter().map(|(number, _)| number.to_string()).collect();
            let _ = writeln!(out, "    ..oo({index}, [{}])", numbers.join(", "));
        }
        for field in &message.fields {
            let entry = self.entry(name, &package, field);
            let _ = writeln!(out, "    ..{entry}");
        }
        out.push_str("    ..hasRequiredFields = false;\n");
        out
    }

    fn entry(&mut self, message: &str, package: &str, field: &Field<'_>) -> String {
        let descriptor = field.descriptor;
        let json = json_name(descriptor);
        let start = format!("{}, {}", descriptor.number(), literal(&json));
        let end = if json == descriptor.name() {
            ")".to_owned()
        } else {
            format!(", protoName: {})", literal(descriptor.name()))
        };
        let letters = kind(descriptor).letters;
        match &field.shape {
            Shape::Map(key, value) => {
                let (key_type, value_type) = (self.type_name(key), self.type_name(value));
                let entry = descriptor.type_name().rsplit('.').next().unwrap_or_default();
                let mut arguments = format!(
                    "{start}, entryClassName: {}, keyFieldType: $pb.PbFieldType.O{}, valueFieldType: $pb.PbFieldType.O{}",
                    literal(&format!("{message}.{entry}")),
                    kind(key).letters,
                    kind(value).letters
                );
                if is_message(value) {
                    let _ = write!(
                        arguments,
                        ", valueCreator: {value_type}.create, valueDefaultOrMaker: {value_type}.getDefault"
                    );
                } else if value.r#type() == Type::Enum {
                    let first = self.first_value(value);
                    let _ = write!(
                        arguments,
                        ", valueOf: {value_type}.valueOf, enumValues: {value_type}.values, \
                         valueDefaultOrMaker: {first}, defaultEnumValue: {first}"
                    );
                }
                format!("m<{key_type}, {value_type}>({arguments}, packageName: const $pb.PackageName({package}){end}")
            }
            Shape::List { is_packed } => {
                let value_type = self.type_name(descriptor);
                let is_packed = *is_packed
                    && !matches!(descriptor.r#type(), Type::String | Type::Bytes | Type::Message | Type::Group);
                let constant = format!("$pb.PbFieldType.{}{letters}", if is_packed { 'K' } else { 'P' });
                if is_message(descriptor) {
                    format!("pc<{value_type}>({start}, {constant}, subBuilder: {value_type}.create{end}")
                } else if descriptor.r#type() == Type::Enum {
                    let first = self.first_value(descriptor);
                    format!(
                        "pc<{value_type}>({start}, {constant}, valueOf: {value_type}.valueOf, \
                         enumValues: {value_type}.values, defaultEnumValue: {first}{end}"
                    )
                } else {
                    format!("p<{value_type}>({start}, {constant}{end}")
                }
            }
            Shape::Single | Shape::Optional => {
                let value_type = self.type_name(descriptor);
                if is_message(descriptor) {
                    return format!("aOM<{value_type}>({start}, subBuilder: {value_type}.create{end}");
                }
                let constant = format!("$pb.PbFieldType.O{letters}");
                let more = match descriptor.r#type() {
                    Type::Enum => format!(
                        ", defaultOrMaker: {}, valueOf: {value_type}.valueOf, enumValues: {value_type}.values",
                        self.first_value(descriptor)
                    ),
                    _ if letters.ends_with('6') => ", defaultOrMaker: $fixnum.Int64.ZERO".to_owned(),
                    _ => String::new(),
                };
                format!("a<{value_type}>({start}, {constant}{more}{end}")
            }
        }
    }

    fn accessors(&mut self, message: &Message<'_>, field: &Field<'_>, index: usize) -> String {
        let descriptor = field.descriptor;
        let (name, stem, number) = (&field.property, &field.stem, descriptor.number());
        let is_deprecated = descriptor.options.as_ref().is_some_and(prost_types::FieldOptions::deprecated);
        let full_name = format!("{}.{}", message.full_name, descriptor.name());
        let mut out = String::from("\n");
        out.push_str(&docs(self.model.schema, &full_name, is_deprecated, "  "));
        let tag = format!("@$pb.TagNumber({number})");
        let _ = writeln!(out, "  {tag}");
        match &field.shape {
            Shape::Map(key, value) => {
                let (key, value) = (self.type_name(key), self.type_name(value));
                let _ = writeln!(out, "  $pb.PbMap<{key}, {value}> get {name} => $_getMap({index});");
            }
            Shape::List { .. } => {
                let kind = self.type_name(descriptor);
                let _ = writeln!(out, "  $pb.PbList<{kind}> get {name} => $_getList({index});");
            }
            Shape::Single | Shape::Optional => {
                let kind_name = self.type_name(descriptor);
                let Kind { get, set, .. } = kind(descriptor);
                // The method for types of all kinds takes the number, the others the place.
                let place = if set == "$_setField" { number.to_string() } else { index.to_string() };
                let _ = write!(
                    out,
                    "  {kind_name} get {name} => {get}({index});
  {tag}
  set {name}({kind_name} value) => {set}({place}, value);
  {tag}
  $core.bool has{stem}() => $_has({index});
  {tag}
  void clear{stem}() => $_clearField({number});
"
                );
                if is_message(descriptor) {
                    let _ = writeln!(out, "  {tag}\n  {kind_name} ensure{stem}() => $_ensure({index});");
                }
            }
        }
        out
    }

    /// What package:protobuf's own users have beside the fields.
    fn helpers(&mut self, full_name: &str, class: &str) -> String {
        match full_name {
            "google.protobuf.Any" => "
  /// An [Any] that holds this message.
  static Any pack($pb.GeneratedMessage message, {$core.String typeUrlPrefix = 'type.googleapis.com'}) {
    final result = create();
    $mixin.AnyMixin.packIntoAny(result, message, typeUrlPrefix: typeUrlPrefix);
    return result;
  }
"
            .to_owned(),
            "google.protobuf.Timestamp" => "
  /// The point in time, without its time zone.
  static Timestamp fromDateTime($core.DateTime dateTime) {
    final result = create();
    $mixin.TimestampMixin.setFromDateTime(result, dateTime);
    return result;
  }
"
            .to_owned(),
            "google.protobuf.Duration" => {
                self.uses_fixnum = true;
                format!(
                    "
  /// The duration, cut to microseconds.
  $core.Duration toDart() => $core.Duration(seconds: seconds.toInt(), microseconds: nanos ~/ 1000);

  /// The duration as a message.
  static {class} fromDart($core.Duration duration) => {class}(
      seconds: $fixnum.Int64(duration.inSeconds),
      nanos: duration.inMicroseconds.remainder($core.Duration.microsecondsPerSecond) * 1000);
"
                )
            }
            _ => String::new(),
        }
    }

    fn type_name(&mut self, field: &FieldDescriptorProto) -> String {
        match field.r#type() {
            Type::Bool => "$core.bool".to_owned(),
            Type::Bytes => "$core.List<$core.int>".to_owned(),
            Type::String => "$core.String".to_owned(),
            Type::Float | Type::Double => "$core.double".to_owned(),
            Type::Enum | Type::Message | Type::Group => self.named(field.type_name()),
            _ if kind(field).letters.ends_with('6') => {
                self.uses_fixnum = true;
                "$fixnum.Int64".to_owned()
            }
            _ => "$core.int".to_owned(),
        }
    }

    fn first_value(&mut self, field: &FieldDescriptorProto) -> String {
        let first = self.model.place(field.type_name()).first.unwrap_or_default();
        format!("{}.{first}", self.named(field.type_name()))
    }

    fn named(&mut self, full_name: &str) -> String {
        let place = self.model.place(full_name);
        if place.library == self.file.path || place.library.is_empty() {
            return place.class;
        }
        let next = self.prefixes.len();
        let prefix = self.prefixes.entry(place.library).or_insert_with(|| format!("${next}"));
        format!("{prefix}.{}", place.class)
    }
}

/// What package:protobuf adds to a well-known type: the mixin, and its kind.
fn mixin(full_name: &str) -> Option<(&'static str, &'static str)> {
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "Any" => ("AnyMixin", "any"),
        "Timestamp" => ("TimestampMixin", "timestamp"),
        "Duration" => ("DurationMixin", "duration"),
        "FieldMask" => ("FieldMaskMixin", "fieldMask"),
        "Struct" => ("StructMixin", "struct"),
        "Value" => ("ValueMixin", "value"),
        "ListValue" => ("ListValueMixin", "listValue"),
        "DoubleValue" => ("DoubleValueMixin", "doubleValue"),
        "FloatValue" => ("FloatValueMixin", "floatValue"),
        "Int64Value" => ("Int64ValueMixin", "int64Value"),
        "UInt64Value" => ("UInt64ValueMixin", "uint64Value"),
        "Int32Value" => ("Int32ValueMixin", "int32Value"),
        "UInt32Value" => ("UInt32ValueMixin", "uint32Value"),
        "BoolValue" => ("BoolValueMixin", "boolValue"),
        "StringValue" => ("StringValueMixin", "stringValue"),
        "BytesValue" => ("BytesValueMixin", "bytesValue"),
        _ => return None,
    })
}
