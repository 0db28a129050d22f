//! Endpoints on their own paths.

use std::time::Duration;

use psd_core::Settings;
use psd_tests::{Running, Seen, eventually};
use serde_json::json;

use crate::app::{server, server_with};

#[tokio::test]
async fn each_path_has_its_own_handlers_hooks_and_session() {
    let (builder, probe) = server();
    let running = Running::start(builder).await;
    let mut admin = running.connect_to("/admin?from=test").await;
    assert_eq!(admin.push().await["body"], json!({"text": "welcome"}));
    assert_eq!(running.server().group_size("admins"), 1);
    let uuid = admin.send_with("admin-ping", json!({}), json!({"authHeader": "t-ann"})).await;
    assert_eq!(admin.answers(&uuid).await[0], json!({"text": "pong", "number": "1"}));
    assert_eq!(admin.request("admin-ping", json!({})).await[0], json!({"text": "pong", "number": "2"}));
    assert_eq!(admin.request("plain", json!({})).await[0]["errorCode"], 404);

    let mut second = running.connect_to("/admin").await;
    second.push().await;
    assert_eq!(second.request("admin-ping", json!({})).await[0], json!({"text": "pong", "number": "1"}));
    let mut plain = running.connect().await;
    assert_eq!(plain.request("admin-ping", json!({})).await[0]["errorCode"], 404);
    let mut quiet = running.connect_to("/quiet").await;
    assert_eq!(quiet.request("plain", json!({})).await[0]["errorCode"], 404);

    admin.close().await;
    eventually("the hook has run", || probe.events().len() == 4).await;
    assert_eq!(probe.events(), ["connect true", "authenticated ann", "connect true", "disconnect, groups 0"]);
    assert_eq!(running.server().group_size("admins"), 1);
}

#[tokio::test]
async fn a_hook_may_refuse_a_connection() {
    let running = Running::start(server().0).await;
    let mut client = running.connect_to("/admin?refuse").await;
    assert_eq!(client.see().await, Seen::Closed(4403, "not today".into()));
}

/// It may be what keeps strangers out. Clients may try again: it is no fault of theirs.
#[tokio::test]
async fn a_hook_that_panics_or_hangs_lets_nobody_in() {
    let settings = Settings::default().handler_timeout(Duration::from_millis(100));
    let running = Running::start(server_with(settings).0).await;
    for path in ["/admin?panic", "/admin?hang"] {
        let mut client = running.connect_to(path).await;
        assert_eq!(client.see().await, Seen::Closed(1011, "internal error".into()), "{path}");
    }
}

#[tokio::test]
async fn messages_sent_before_the_hook_has_finished_wait_for_it() {
    let running = Running::start(server().0).await;
    let mut client = running.connect_to("/admin").await;
    let uuid = client.send("admin-ping", json!({})).await;
    assert_eq!(client.frame().await["body"], json!({"text": "welcome"}));
    assert_eq!(client.answers(&uuid).await.len(), 2);
}
