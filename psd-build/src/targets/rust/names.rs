//! Identifiers as prost-build makes them.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// A module, field or function. prost-build's own rule, which it does not export; a test holds the two together.
pub(super) fn snake(name: &str) -> String {
    sanitize(name.to_snake_case())
}

/// A type or variant. prost-build's own rule, as above.
pub(super) fn upper_camel(name: &str) -> String {
    sanitize(name.to_upper_camel_case())
}

fn sanitize(identifier: String) -> String {
    match identifier.as_str() {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if" | "impl" | "in"
        | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref" | "return" | "static" | "struct"
        | "trait" | "true" | "type" | "unsafe" | "use" | "where" | "while" | "dyn" | "abstract" | "become" | "box"
        | "do" | "final" | "macro" | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async"
        | "await" | "try" | "gen" => format!("r#{identifier}"),
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{identifier}_"),
        _ if identifier.starts_with(char::is_numeric) => format!("_{identifier}"),
        _ => identifier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What prost-build makes of a message and its field of this name.
    fn of_prost(name: &str) -> (String, String) {
        use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
        let field = FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(1),
            label: Some(prost_types::field_descriptor_proto::Label::Optional.into()),
            r#type: Some(prost_types::field_descriptor_proto::Type::Int32.into()),
            ..FieldDescriptorProto::default()
        };
        let message = DescriptorProto { name: Some(name.to_owned()), field: vec![field], ..DescriptorProto::default() };
        let file = FileDescriptorProto {
            name: Some("a.proto".to_owned()),
            package: Some("a".to_owned()),
            message_type: vec![message],
            syntax: Some("proto3".to_owned()),
            ..FileDescriptorProto::default()
        };
        let module = prost_build::Module::from_protobuf_package_name("a");
        let code = prost_build::Config::new().generate(vec![(module, file)]).expect("prost-build takes the file");
        let code = code.into_values().next().expect("one module");
        let items = syn::parse_file(&code).expect("prost-build prints Rust").items;
        let Some(syn::Item::Struct(structure)) = items.into_iter().next() else { panic!("no structure in {code}") };
        let field = structure.fields.iter().next().and_then(|field| field.ident.clone()).expect("a field");
        (structure.ident.to_string(), field.to_string())
    }

    #[test]
    fn identifiers_are_those_of_prost() {
        let names = "type self Self crate super extern async await dyn gen try union box static yield macro matches \
            HTTPCode XMLHttpRequest URLs iOS foo_bar fooBar FooBar FOO_BAR _foo foo_ foo__bar a1b2 A1B2C ab1Cd x X \
            with_2_digit with_2Digits field_1 field1 Field_1A m_x mX MX WhoAmI UFile UploadUFile T t_2_t option Vec";
        for name in names.split_whitespace() {
            assert_eq!((upper_camel(name), snake(name)), of_prost(name), "{name}");
        }
    }

    #[test]
    fn identifiers() {
        for (name, expected) in [("type", "r#type"), ("Self", "self_"), ("HTTPCode", "http_code"), ("a1B2", "a1_b2")] {
            assert_eq!(snake(name), expected);
        }
        for (name, expected) in [("foo_bar", "FooBar"), ("self", "Self_"), ("WhoAmI", "WhoAmI"), ("UFile", "UFile")] {
            assert_eq!(upper_camel(name), expected);
        }
    }
}
