//! To every connection of a user, and the end of them all.

use psd_tests::{RawClient, Running, Seen, eventually};
use serde_json::json;

use crate::app::{pb, server};

async fn connect(running: &Running, token: &str) -> RawClient {
    let mut client = running.connect().await;
    let uuid = client.send_with("read-page", json!({"owner": "everybody"}), json!({"authHeader": token})).await;
    client.answers(&uuid).await;
    client
}

#[tokio::test]
async fn a_message_reaches_every_connection_of_a_user() {
    let running = Running::start(server().0).await;
    let (mut first, mut second) = (connect(&running, "t-ann").await, connect(&running, "t-ann").await);
    let mut other = connect(&running, "t-bob").await;
    let send = |user: &str, text: &str| {
        let count = running.server().send_to_user(user, &pb::GuardNote { text: text.into() });
        count.unwrap()
    };
    assert_eq!((send("1", "for ann"), send("2", "for bob"), send("4", "for nobody")), (2, 1, 0));
    assert_eq!(first.push().await["body"]["text"], "for ann");
    assert_eq!(second.push().await["body"]["text"], "for ann");
    assert_eq!(other.push().await["body"]["text"], "for bob");
    // A connection that becomes somebody else's belongs to that user from then on.
    let uuid = second.send_with("guarded", json!({}), json!({"authHeader": "t-bob"})).await;
    second.answers(&uuid).await;
    assert_eq!((send("1", "again"), send("2", "again")), (1, 2));
}

#[tokio::test]
async fn a_user_is_thrown_out_everywhere() {
    let running = Running::start(server().0).await;
    let mut clients = [connect(&running, "t-ann").await, connect(&running, "t-ann").await];
    let mut other = connect(&running, "t-bob").await;
    running.server().send_to_user("1", &pb::GuardNote { text: "goodbye".into() }).unwrap();
    assert_eq!(running.server().disconnect_user("1", "your account was closed"), 2);
    for client in &mut clients {
        assert_eq!(client.push().await["body"]["text"], "goodbye", "what was sent before still arrives");
        assert_eq!(client.see().await, Seen::Closed(4403, "your account was closed".into()));
    }
    eventually("they are gone", || running.server().connections().len() == 1).await;
    assert_eq!(running.server().disconnect_user("1", "again"), 0);
    assert!(other.request("read-page", json!({"owner": "bob"})).await.len() == 2, "bob is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throwing_out_races_with_coming_and_going() {
    let running = Running::start(server().0).await;
    let server = running.server().clone();
    let kicking = tokio::spawn(async move {
        loop {
            server.disconnect_user("1", "out");
            let _ = server.send_to_user("1", &pb::GuardNote { text: "x".into() });
            server.refresh_identity("1").await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..20 {
        let mut client = running.connect().await;
        client
            .send_text(
                &json!({"headers": {"messageType": "read-page", "authHeader": "t-ann", "ack": true, "uuid": "u"}})
                    .to_string(),
            )
            .await;
        while !matches!(client.see().await, Seen::Closed(4403, _) | Seen::Lost) {}
    }
    kicking.abort();
    eventually("nobody is left behind", || running.server().connections().is_empty()).await;
    assert_eq!(running.server().send_to_user("1", &pb::GuardNote::default()).unwrap(), 0);
}
