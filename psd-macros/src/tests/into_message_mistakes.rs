use super::{check_mistakes, mistakes};

/// The mistakes of a derive: what each is written over, and its text.
#[track_caller]
fn check(item: &str, expected: &[(&str, &str)]) {
    let input = syn::parse_str(item).unwrap();
    let error = crate::into_message::conversion(&input).map(|_| ()).unwrap_err();
    check_mistakes(mistakes(error), expected);
}

#[test]
fn what_is_no_struct_with_names() {
    let way_out = "derive it on a struct with named fields, or implement the trait by hand";
    check(
        "#[message(pb::A)] enum Kind { A }",
        &[("enum", &format!("`Kind` is an enum, which no message is: {way_out}"))],
    );
    check(
        "#[message(pb::A)] union Kind { a: u8 }",
        &[("union", &format!("`Kind` is a union, which no message is: {way_out}"))],
    );
    check(
        "#[message(pb::A)] struct Pair(u8, u8);",
        &[("(u8, u8)", &format!("the fields of `Pair` have no names that the message could have too: {way_out}"))],
    );
    check("#[message(pb::A)] struct Unit;", &[("Unit", &format!("`Unit` has no fields: {way_out}"))]);
}

#[test]
fn no_message_named() {
    check(
        "struct User { name: String }",
        &[("User", "`User` does not say which message it becomes: add `#[message(pb::…)]`")],
    );
    check(
        "#[message] struct User { name: String }",
        &[("#[message]", "`#[message]` names no message: write `#[message(pb::UserData)]`")],
    );
    check(
        "#[message()] struct User { name: String }",
        &[("#[message()]", "`#[message]` names no message: write `#[message(pb::UserData)]`")],
    );
    check(
        "#[message = \"pb::A\"] struct User { name: String }",
        &[("#[message = \"pb::A\"]", "`#[message]` names no message: write `#[message(pb::UserData)]`")],
    );
}

#[test]
fn no_path_to_a_message() {
    check(
        "#[message(\"pb::A\")] struct User { name: String }",
        &[(
            "\"pb::A\"",
            "expected the path of a message: write `#[message(pb::UserData)]` or `#[message(pb::UserData, default)]`",
        )],
    );
    check(
        "#[message(pb::A default)] struct User { name: String }",
        &[(
            "default",
            "expected `,` after the message: write `#[message(pb::UserData)]` or `#[message(pb::UserData, default)]`",
        )],
    );
    check(
        "#[message(pb::A, defualt)] struct User { name: String }",
        &[(
            "defualt",
            "unknown option `defualt`: write `#[message(pb::UserData)]` or `#[message(pb::UserData, default)]`",
        )],
    );
    check(
        "#[message(pb::A, default, skip)] struct User { name: String }",
        &[(
            "skip",
            "nothing may follow `default`: write `#[message(pb::UserData)]` or `#[message(pb::UserData, default)]`",
        )],
    );
    check(
        "#[message(pb::A, default = 1)] struct User { name: String }",
        &[(
            "=",
            "nothing may follow `default`: write `#[message(pb::UserData)]` or `#[message(pb::UserData, default)]`",
        )],
    );
    check(
        "#[message(pb::A<B> = 3)] struct User { name: String }",
        &[(
            "=",
            "expected `,` after the message: write `#[message(pb::UserData)]` or `#[message(pb::UserData, default)]`",
        )],
    );
}

#[test]
fn message_given_twice() {
    check(
        "#[message(pb::A)] #[message(pb::B)] struct User { name: String }",
        &[("#[message(pb::B)]", "`#[message]` is given twice: a struct becomes one message, keep one of them")],
    );
}

#[test]
fn an_unknown_field_option() {
    check(
        "#[message(pb::A)] struct User { #[message(renam = \"x\")] name: String }",
        &[("renam", "unknown option `renam`, did you mean `rename`? the options are `rename`, `with`, `skip`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(default)] name: String }",
        &[("default", "unknown option `default`: the options are `rename`, `with`, `skip`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message] name: String, #[message()] id: u8 }",
        &[
            ("#[message]", "`#[message]` says nothing here: the options are `rename`, `with`, `skip`"),
            ("#[message()]", "`#[message]` says nothing here: the options are `rename`, `with`, `skip`"),
        ],
    );
    check(
        "#[message(pb::A)] struct User { #[message(\"x\")] name: String }",
        &[("\"x\"", "expected an option: the options are `rename`, `with`, `skip`")],
    );
}

#[test]
fn a_repeated_field_option() {
    check(
        "#[message(pb::A)] struct User { #[message(skip, skip)] name: String }",
        &[("skip", "`skip` is given twice: keep one of them")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(rename = \"a\")] #[message(rename = \"b\")] name: String }",
        &[("rename", "`rename` is given twice: keep one of them")],
    );
}

#[test]
fn skip_stands_alone() {
    check(
        "#[message(pb::A)] struct User { #[message(skip, rename = \"a\")] name: String }",
        &[("skip", "`skip` contradicts the other options: a skipped field is not in the message")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(skip = true)] name: String }",
        &[("=", "`skip` takes no value: write `skip`, or leave it out")],
    );
}

#[test]
fn rename_names_a_field() {
    check(
        "#[message(pb::A)] struct User { #[message(rename)] name: String }",
        &[("rename", "`rename` needs a value: write `rename = \"field_of_the_message\"`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(rename = )] name: String }",
        &[("rename", "`rename` needs a value: write `rename = \"field_of_the_message\"`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(rename = 3)] name: String }",
        &[("3", "`rename` takes the name of a field: write `rename = \"field_of_the_message\"`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(rename = \"a b\")] name: String }",
        &[("\"a b\"", "`a b` is not the name of a field: write `rename = \"field_of_the_message\"`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(rename = \"self\")] name: String }",
        &[("\"self\"", "`self` is not the name of a field: write `rename = \"field_of_the_message\"`")],
    );
}

#[test]
fn with_names_a_function() {
    check(
        "#[message(pb::A)] struct User { #[message(with)] name: String }",
        &[("with", "`with` needs a value: write `with = path::to::function`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(with = \"text\")] name: String }",
        &[("\"text\"", "`with` takes the path of a function: write `with = path::to::function`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(with = text())] name: String }",
        &[("(", "`with` takes the path of a function, not a call: write `with = path::to::function`")],
    );
    check(
        "#[message(pb::A)] struct User { #[message(with = |x| x)] name: String }",
        &[("|", "`with` takes the path of a function: write `with = path::to::function`")],
    );
}

#[test]
fn two_fields_for_one() {
    check(
        "#[message(pb::A)] struct User { name: String, #[message(rename = \"name\")] title: String }",
        &[("\"name\"", "`name` already becomes the message's field `name`: rename or skip one of them")],
    );
}

#[test]
fn all_mistakes_at_once() {
    check(
        "struct User { #[message(skip = 1)] name: String, #[message(with = 3)] id: u8 }",
        &[
            ("User", "`User` does not say which message it becomes: add `#[message(pb::…)]`"),
            ("=", "`skip` takes no value: write `skip`, or leave it out"),
            ("3", "`with` takes the path of a function: write `with = path::to::function`"),
        ],
    );
}
