//! Groups, users, and who gets what.

use psd_core::Settings;
use psd_tests::{Running, eventually};
use serde_json::json;

use crate::app::{note, server, server_with};

#[tokio::test]
async fn members_get_what_is_said_once_and_in_order() {
    let running = Running::start(server().0).await;
    let (mut ann, mut bob, mut cat) = (running.connect().await, running.connect().await, running.connect().await);
    for client in [&mut ann, &mut bob] {
        client.request("join", json!({"group": "grün ✓"})).await;
        client.request("join", json!({"group": "grün ✓"})).await;
    }
    assert_eq!(running.server().group_size("grün ✓"), 2);
    for number in 0..50 {
        cat.request("say", json!({"group": "grün ✓", "text": format!("{number}")})).await;
    }
    for client in [&mut ann, &mut bob] {
        for number in 0..50 {
            let expected = json!({"headers": {"messageType": "note"}, "body": {"text": format!("{number}")}});
            assert_eq!(client.push().await, expected);
        }
    }
    bob.request("leave", json!({"group": "grün ✓"})).await;
    ann.request("say", json!({"group": "grün ✓", "text": "alone"})).await;
    assert_eq!(ann.push().await["body"], json!({"text": "alone"}));
    assert_eq!(bob.request("maybe", json!({})).await.len(), 1);
    cat.request("say", json!({"group": "nobody's", "text": "x"})).await;
}

#[tokio::test]
async fn everybody_but_the_sender() {
    let running = Running::start(server().0).await;
    let (mut ann, mut bob) = (running.connect().await, running.connect().await);
    for client in [&mut ann, &mut bob] {
        client.request("join", json!({"group": "g"})).await;
    }
    ann.request("say", json!({"group": "g", "text": "to others", "others": true})).await;
    ann.request("say", json!({"group": "g", "text": "to all"})).await;
    assert_eq!(ann.push().await["body"], json!({"text": "to all"}));
    assert_eq!(bob.push().await["body"], json!({"text": "to others"}));
}

#[tokio::test]
async fn a_large_publication_is_shared_and_whole() {
    let running = Running::start(server().0).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = running.connect().await;
        client.request("join", json!({"group": "g"})).await;
        clients.push(client);
    }
    let text = "é".repeat(100_000);
    running.server().broadcast("g", &note(text.clone(), 1)).unwrap();
    running.server().broadcast("g", &note("small", 2)).unwrap();
    for client in &mut clients {
        assert_eq!(client.push().await["body"], json!({"text": text, "number": "1"}));
        assert_eq!(client.push().await["body"], json!({"text": "small", "number": "2"}));
    }
}

#[tokio::test]
async fn a_connection_leaves_its_groups_however_it_ends() {
    let running = Running::start(server().0).await;
    for close_properly in [true, false] {
        let mut client = running.connect().await;
        client.request("join", json!({"group": "g"})).await;
        assert_eq!(running.server().groups().len(), 1);
        if close_properly {
            client.close().await
        } else {
            drop(client)
        }
        eventually("the group is gone", || running.server().groups().is_empty()).await;
    }
}

#[tokio::test]
async fn a_user_is_reached_on_every_connection() {
    let running = Running::start(server().0).await;
    let mut devices = Vec::new();
    for token in ["t-ann", "t-ann", "t-bob"] {
        let mut device = running.connect().await;
        let uuid = device.send_with("plain", json!({}), json!({"authHeader": token})).await;
        device.answers(&uuid).await;
        devices.push(device);
    }
    let mut other = running.connect().await;
    let answers = other.request("tell", json!({"user": "1", "text": "psst"})).await;
    assert_eq!(answers[0], json!({"text": "told", "number": "2"}));
    assert_eq!(devices[0].push().await["body"], json!({"text": "psst"}));
    assert_eq!(devices[1].push().await["body"], json!({"text": "psst"}));
    assert_eq!(devices[2].request("maybe", json!({})).await.len(), 1);
    // Somebody else on the same connection takes it along.
    let uuid = devices[0].send_with("plain", json!({}), json!({"authHeader": "t-bob"})).await;
    devices[0].answers(&uuid).await;
    let answers = other.request("tell", json!({"user": "1", "text": "psst"})).await;
    assert_eq!(answers[0], json!({"text": "told", "number": "1"}));
}

#[tokio::test]
async fn one_connection_is_reached_by_its_id() {
    let running = Running::start(server().0).await;
    let mut client = running.connect().await;
    client.request("plain", json!({})).await;
    let id = running.server().connections()[0].id();
    assert!(running.server().send_to(id, &note("you", 0)).unwrap());
    assert_eq!(client.push().await["body"], json!({"text": "you"}));
    client.close().await;
    eventually("it is gone", || running.server().connection(id).is_none()).await;
    assert!(!running.server().send_to(id, &note("you", 0)).unwrap());
}

#[tokio::test]
async fn names_and_numbers_of_groups_are_bounded() {
    let running = Running::start(server_with(Settings::default().groups_per_connection(2)).0).await;
    let mut client = running.connect().await;
    let longest = "g".repeat(256);
    for (group, code) in
        [("", Some(422)), (&*"g".repeat(257), Some(422)), (&*longest, None), ("b", None), ("c", Some(429))]
    {
        let answers = client.request("join", json!({"group": group})).await;
        assert_eq!(answers[0].get("errorCode").and_then(|code| code.as_i64()), code, "{group}");
    }
    client.request("leave", json!({"group": "b"})).await;
    assert_eq!(client.request("join", json!({"group": "c"})).await[0].get("errorCode"), None);
}
