use crate::fixture::{failure, psd, server, success};

#[test]
#[cfg(unix)]
fn pushes_are_printed_until_ctrl_c_or_a_polite_kill() {
    for signal in ["INT", "TERM"] {
        let (runtime, server) = server();
        let mut running = psd(&["listen", "{url}"]).at(&server).start();
        let mut peer = runtime.block_on(async {
            let mut peer = server.accept().await;
            peer.push("one", r#"{"n": 1}"#).await;
            peer.push("two", "{}").await;
            peer
        });
        assert_eq!(running.line(), r#"push  one {"n":1}"#);
        assert_eq!(running.line(), "push  two {}");
        running.signal(signal);
        runtime.block_on(peer.goodbye());
        assert_eq!(running.finish(), success(""));
    }
}

#[test]
fn types_can_be_chosen() {
    let finished =
        psd(&["listen", "{url}", "--type", "b", "--type", "c", "--json", "--no-reconnect"]).against(async |server| {
            let mut peer = server.accept().await;
            for message_type in ["a", "b", "c", "bb"] {
                peer.push(message_type, "{}").await;
            }
            peer.close(1000, "").await;
        });
    let out = "{\"kind\":\"push\",\"type\":\"b\",\"body\":{}}\n{\"kind\":\"push\",\"type\":\"c\",\"body\":{}}\n";
    assert_eq!(finished, failure(3, out, "error: the server closed the connection with 1000\n"));
}

#[test]
#[cfg(unix)]
fn it_connects_again_and_sends_its_greetings_again() {
    let (runtime, server) = server();
    let mut running = psd(&["listen", "{url}", "--send", r#"join-room {"room": "lobby"}"#]).at(&server).start();
    let greeted = async || {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        assert_eq!(request["headers"]["messageType"], "join-room");
        assert_eq!(request["body"]["room"], "lobby");
        peer.ack(&request, "").await;
        peer
    };
    runtime.block_on(async {
        let mut peer = greeted().await;
        peer.close(1001, "bye").await;
    });
    let note = running.error_line();
    let expected = "note: the server closed the connection with 1001: bye; trying again in ";
    assert!(note.starts_with(expected), "{note}");
    let mut peer = runtime.block_on(async {
        let mut peer = greeted().await;
        peer.push("room-event", "{}").await;
        peer
    });
    assert_eq!(running.error_line(), "note: connected again");
    assert_eq!(running.line(), "push  room-event {}");
    running.signal("INT");
    runtime.block_on(peer.goodbye());
    assert_eq!(running.finish(), success(""));
}

#[test]
fn a_refused_greeting_is_exit_code_1() {
    let finished = psd(&["listen", "{url}", "--send", "join-room"]).against(async |server| {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        peer.ack(&request, r#","errorMessage":"members only","errorCode":403"#).await;
        peer.goodbye().await;
    });
    assert_eq!(finished, failure(1, "", "error: the server refused `join-room` with 403: members only\n"));
}

#[test]
fn a_token_travels_even_with_nothing_to_send() {
    let finished = psd(&["listen", "{url}"]).env("PSD_TOKEN", "t-1").against(async |server| {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        assert_eq!(request["headers"]["messageType"], "verify-token");
        assert_eq!(request["headers"]["authHeader"], "t-1");
        assert_eq!(request["headers"]["ack"], false);
        peer.close(4403, "kicked").await;
    });
    assert_eq!(finished, failure(3, "", "error: the server closed the connection with 4403: kicked\n"));
}

#[test]
fn it_ends_quietly_when_nobody_reads_any_more() {
    let (runtime, server) = server();
    let mut running = psd(&["listen", "{url}"]).at(&server).start();
    let mut peer = runtime.block_on(async {
        let mut peer = server.accept().await;
        peer.push("one", "{}").await;
        peer
    });
    assert_eq!(running.line(), "push  one {}");
    let mut child = running.close_output();
    runtime.block_on(async {
        peer.push("two", "{}").await;
        peer.goodbye().await;
    });
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
