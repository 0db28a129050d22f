use insta::assert_snapshot;

use super::{pretty, tokens};

#[track_caller]
fn expand(item: &str) -> String {
    pretty(crate::into_message::into_message(tokens(item)))
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
fn a_function_named_like_a_field_is_not_hidden() {
    assert_snapshot!(expand(
        "#[message(pb::UserData)] struct User { #[message(with = status)] state: State, status: String }"
    ));
}

#[test]
fn a_mistake_leaves_a_placeholder() {
    assert_snapshot!(expand("#[message(pb::UserData)] struct User<'a> { #[message(skp)] name: &'a str }"));
}
