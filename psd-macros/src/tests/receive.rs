use insta::assert_snapshot;

use super::{pretty, tokens};

#[track_caller]
fn expand(args: &str, function: &str) -> String {
    pretty(crate::receive::receive(tokens(args), tokens(function)))
}

#[test]
fn a_plain_function_runs_in_place() {
    assert_snapshot!(expand("", "fn ping(message: pb::Ping) -> pb::Pong { pb::Pong::default() }"));
}

#[test]
fn an_async_function_is_awaited() {
    assert_snapshot!(expand("", "async fn send_chat(message: pb::SendChat) {}"));
}

#[test]
fn blocking() {
    assert_snapshot!(expand(
        "blocking",
        "fn render(message: pb::Render, State(db): State<Db>) -> Result<pb::Rendered, Error> { db.render(message) }"
    ));
}

#[test]
fn concurrent() {
    assert_snapshot!(expand(
        "concurrent",
        "async fn search(message: pb::Search, identity: Option<Identity>) -> Vec<pb::Hit> { vec![] }"
    ));
}

#[test]
fn every_guard() {
    assert_snapshot!(expand(
        r#"auth, permissions = ["chat.add_message", "chat.view_room"], whitelist_groups = ["staff",], blacklist_groups = ["muted", "banned"]"#,
        "async fn send_chat(message: pb::SendChat) {}"
    ));
}

#[test]
fn a_guard_function() {
    assert_snapshot!(expand(
        "auth = false, guard = rooms::may_send",
        "async fn send_chat(message: pb::SendChat, connection: Connection) -> Result<(), Error> { Ok(()) }"
    ));
    assert_snapshot!(expand("guard = may_ping, blocking", "fn ping(message: pb::Ping) -> pb::Pong { pong() }"));
}

#[test]
fn every_limit() {
    let limits = r#"timeout = "1500ms", rate = "600/m", max_bytes = 4_096"#;
    assert_snapshot!(expand(limits, "async fn send_chat(message: pb::SendChat) {}"));
}

#[test]
fn auth_is_false() {
    assert_snapshot!(expand("auth = false", "fn ping(message: pb::Ping) {}"));
}

#[test]
fn auth_is_true() {
    assert_snapshot!(expand("auth = true,", "fn ping(message: pb::Ping) {}"));
}

#[test]
fn a_consumer_with_commas() {
    assert_snapshot!(expand("consumer = admin::Console<Db, Clock>, blocking", "fn ping(message: pb::Ping) {}"));
}

#[test]
fn any_name() {
    assert_snapshot!(expand("any_name", "fn answer(message: pb::Ping) {}"));
}

#[test]
fn patterns_attributes_and_conditions_stay_with_the_function() {
    assert_snapshot!(expand(
        "",
        "/// Documented.
         #[allow(unused)]
         pub(crate) async fn send_chat(
             mut message: pb::SendChat,
             #[allow(unused)] State(Db { pool, .. }): State<Db>,
             #[cfg(feature = \"audit\")] _audit: Audit,
             connection: Connection,
         ) -> Result<Option<pb::ChatSent>, Error> { message.text.clear(); Ok(None) }"
    ));
}

#[test]
fn a_keyword_as_a_name() {
    assert_snapshot!(expand("", "async fn r#type(message: pb::Type) -> Continue { Continue::done() }"));
}

#[test]
fn a_body_that_syn_does_not_know() {
    let expansion = crate::receive::receive(tokens(""), tokens("fn ping(message: Ping) { let x = do ~yeet 5 @; }"));
    assert!(expansion.to_string().contains("yeet 5 @"), "{expansion}");
}

#[test]
fn a_type_from_a_macro_is_seen_through_its_group() {
    let kind = proc_macro2::Group::new(proc_macro2::Delimiter::None, tokens("pb::Ping"));
    let expansion = crate::receive::receive(tokens(""), quote::quote! { fn ping(message: #kind) {} });
    assert!(expansion.to_string().contains("call . message :: < pb :: Ping > ()"), "{expansion}");
}

#[test]
fn a_mistake_leaves_the_function_and_no_registration() {
    assert_snapshot!(expand("auth = 1", "#[receive] #[allow(unused)] pub fn ping(message: &pb::Ping) -> u8 { 1 }"));
}

#[test]
fn what_is_no_function_stays() {
    assert_snapshot!(expand("", "#[derive(Clone)] struct Ping(u8);"));
}
