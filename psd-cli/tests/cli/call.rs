use crate::fixture::{failure, psd, server, success};

#[test]
fn an_acknowledged_call_prints_pushes_replies_and_the_ack() {
    let finished =
        psd(&["call", "{url}", "echo", r#"{"text": "hi"}"#, "--ack", "--token", "t-1"]).against(async |server| {
            let mut peer = server.accept().await;
            let request = peer.receive().await;
            assert_eq!(request["body"]["text"], "hi");
            assert_eq!(request["headers"]["messageType"], "echo");
            assert_eq!(request["headers"]["ack"], true);
            assert_eq!(request["headers"]["authHeader"], "t-1");
            peer.push("chat-sent", r#"{"text": "a b", "n": [1, 2]}"#).await;
            peer.reply(&request, "echo-reply", r#"{"text":"hi"}"#).await;
            peer.ack(&request, "").await;
            peer.goodbye().await;
        });
    let out = "push  chat-sent {\"text\":\"a b\",\"n\":[1,2]}\nreply echo-reply {\"text\":\"hi\"}\nack   ok\n";
    assert_eq!(finished, success(out));
}

#[test]
fn machines_get_one_object_per_line() {
    let mut uuid = String::new();
    let finished = psd(&["call", "{url}", "echo", "--ack", "--json"]).against(async |server| {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        assert_eq!(request["body"], serde_json::json!({}));
        uuid = request["headers"]["uuid"].as_str().unwrap().to_owned();
        peer.push("news", "{\n  \"big\": 9007199254740993\n}").await;
        peer.reply(&request, "echo-reply", "{}").await;
        peer.ack(&request, r#","errorMessage":"not \"now\"","errorCode":503"#).await;
        peer.goodbye().await;
    });
    let out = format!(
        r#"{{"kind":"push","type":"news","body":{{"big":9007199254740993}}}}
{{"kind":"reply","type":"echo-reply","uuid":"{uuid}","body":{{}}}}
{{"kind":"ack","uuid":"{uuid}","ok":false,"code":503,"message":"not \"now\""}}
"#
    );
    assert_eq!(finished, failure(1, &out, ""));
}

#[test]
fn wss_is_tls() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let running = psd(&["call", &format!("wss://localhost:{port}/ws"), "echo"]).start();
    let (sender, accepted) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(listener.accept().unwrap().0));
    // Nobody comes from a machine without certificates of issuers.
    let came = accepted.recv_timeout(std::time::Duration::from_secs(60));
    let mut stream = came.expect("the command connects: does this machine have the package `ca-certificates`?");
    let mut record = [0; 2];
    stream.read_exact(&mut record).unwrap();
    assert_eq!(record, [0x16, 3], "the beginning of a TLS handshake");
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    drop(stream);
    let finished = running.finish();
    assert_eq!(finished.code, Some(3));
    assert!(finished.err.contains("cannot connect to localhost"), "{}", finished.err);
}

#[test]
fn a_refusal_is_exit_code_1() {
    let finished = psd(&["call", "{url}", "echo", "--ack"]).against(async |server| {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        peer.ack(&request, r#","errorMessage":"bad \u001b[2J","errorCode":422"#).await;
        peer.goodbye().await;
    });
    assert_eq!(finished, failure(1, "ack   refused 422: bad \\u{1b}[2J\n", ""));
}

#[test]
fn without_ack_the_first_reply_is_the_end() {
    let finished = psd(&["call", "{url}", "echo", "{}"]).env("PSD_TOKEN", "from-env").against(async |server| {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        assert_eq!(request["headers"]["ack"], false);
        assert_eq!(request["headers"]["authHeader"], "from-env");
        peer.push("unrelated", "{}").await;
        peer.reply(&request, "echo-reply", "{}").await;
        peer.goodbye().await;
    });
    assert_eq!(finished, success("push  unrelated {}\nreply echo-reply {}\n"));
}

#[test]
fn the_body_may_come_from_standard_input() {
    let finished = psd(&["call", "{url}", "echo", "-", "--ack"]).input("{\"n\":\n7}\n").against(async |server| {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        assert_eq!(request["body"], serde_json::json!({"n": 7}));
        peer.ack(&request, "").await;
        peer.goodbye().await;
    });
    assert_eq!(finished, success("ack   ok\n"));
}

#[test]
fn an_answer_in_time_or_exit_code_4() {
    let silent = async |server: crate::fixture::Server| {
        let mut peer = server.accept().await;
        peer.receive().await;
        peer.goodbye().await;
    };
    let finished = psd(&["call", "{url}", "echo", "--ack", "--timeout", "150ms"]).against(silent);
    assert_eq!(finished, failure(4, "", "error: the server did not answer `echo` within 150ms\n"));
    let finished = psd(&["call", "{url}", "echo", "--timeout", "150ms"]).against(silent);
    let hint = "error: no reply to `echo` came within 150ms; with `--ack` the server says when it is done\n";
    assert_eq!(finished, failure(4, "", hint));
}

#[test]
fn a_lost_connection_is_exit_code_3() {
    let finished = psd(&["call", "{url}", "echo", "--ack"]).against(async |server| {
        let mut peer = server.accept().await;
        peer.receive().await;
        peer.close(1012, "restart").await;
    });
    assert_eq!(finished, failure(3, "", "error: the server closed the connection with 1012: restart\n"));
}

#[test]
fn nobody_there_is_exit_code_3() {
    let (_, server) = server();
    let run = psd(&["call", "{url}", "echo"]).at(&server);
    let address = server.url.trim_start_matches("ws://").trim_end_matches("/ws").to_owned();
    drop(server);
    let err = format!("error: cannot connect to {address}: connection refused (os error 111)\n");
    assert_eq!(run.run(), failure(3, "", &err));
}

#[test]
fn a_server_without_websocket_is_exit_code_3() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let finished = psd(&["call", "{url}", "echo"]).against(async |server| {
        let mut stream = server.accept_raw().await;
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    });
    let err = "error: the server refused the handshake with HTTP 404: is the path of the URL right?\n";
    assert_eq!(finished, failure(3, "", err));
}

#[test]
#[cfg(unix)]
fn following_goes_on_until_ctrl_c() {
    let (runtime, server) = server();
    let mut running = psd(&["call", "{url}", "join-room", "--ack", "--follow"]).at(&server).start();
    let mut peer = runtime.block_on(async {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        peer.ack(&request, "").await;
        peer.push("room-event", r#"{"seq":1}"#).await;
        peer
    });
    assert_eq!(running.line(), "ack   ok");
    assert_eq!(running.line(), r#"push  room-event {"seq":1}"#);
    running.signal("INT");
    runtime.block_on(peer.goodbye());
    assert_eq!(running.finish(), success(""));
}

#[test]
fn following_ends_with_a_refusal() {
    let finished = psd(&["call", "{url}", "join-room", "--ack", "--follow"]).against(async |server| {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        peer.ack(&request, r#","errorMessage":"no""#).await;
        peer.goodbye().await;
    });
    assert_eq!(finished, failure(1, "ack   refused: no\n", ""));
}

#[test]
fn colours_are_for_terminals_and_can_be_forced_or_forbidden() {
    let colours = |arguments: &[&str], forced: bool| {
        let psd = psd(arguments);
        let psd = if forced { psd.env("CLICOLOR_FORCE", "1") } else { psd };
        psd.against(async |server| {
            let mut peer = server.accept().await;
            let request = peer.receive().await;
            peer.ack(&request, "").await;
            peer.goodbye().await;
        })
    };
    let plain = ["call", "{url}", "echo", "--ack"];
    assert_eq!(colours(&plain, true), success("\u{1b}[1m\u{1b}[32mack\u{1b}[0m   ok\n"));
    assert_eq!(colours(&plain, false), success("ack   ok\n"));
    assert_eq!(colours(&["call", "{url}", "echo", "--ack", "--no-color"], true), success("ack   ok\n"));
}

#[test]
fn a_frame_that_is_no_envelope_is_reported() {
    let finished = psd(&["call", "{url}", "echo", "--ack"]).against(async |server| {
        let mut peer = server.accept().await;
        let request = peer.receive().await;
        peer.send("[]".to_owned()).await;
        peer.ack(&request, "").await;
        peer.goodbye().await;
    });
    assert_eq!(finished.code, Some(0));
    assert_eq!(finished.out, "ack   ok\n");
    assert!(finished.err.starts_with("error: the server sent a frame that is no envelope: "), "{}", finished.err);
}
