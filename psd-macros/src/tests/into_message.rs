use insta::assert_snapshot;

use super::{check_mistakes, mistakes, pretty, tokens};

#[track_caller]
fn expand(item: &str) -> String {
    pretty(crate::into_message::into_message(tokens(item)))
}

#[track_caller]
fn check(item: &str, expected: &[(&str, &str)]) {
    let input = syn::parse_str(item).unwrap();
    let error = crate::into_message::conversion(&input).map(|_| ()).unwrap_err();
    check_mistakes(mistakes(error), expected);
}

#[test]
fn every_container() {
    assert_snapshot!(expand(
        "#[message(pb::UserData)]
         struct User {
             id: u32,
             address: Option<Address>,
             tags: Vec<String>,
             rights: std::collections::HashMap<String, bool>,
             parent: Option<Box<Self>>,
         }"
    ));
}

#[test]
fn every_option() {
    assert_snapshot!(expand(
        "#[message(pb::UserData, default)]
         struct User {
             #[message(rename = \"name\")] title: String,
             #[message(rename = type)] kind: Kind,
             #[message(with = time::to_millis)] joined: SystemTime,
             #[message(rename = \"left\", with = time::to_millis)] #[doc = \"x\"] gone: SystemTime,
             #[message(skip)] password: String,
         }"
    ));
}

#[test]
fn generics() {
    assert_snapshot!(expand(
        "#[message(pb::UserData)]
         struct User<'a, T: Into<String> = String, const N: usize = 3> where T: Clone {
             name: &'a str,
             title: T,
             #[message(skip)] seats: [u8; N],
         }"
    ));
}

#[test]
fn no_fields() {
    assert_snapshot!(expand("#[message(pb::Pong)] struct Nothing {}"));
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
