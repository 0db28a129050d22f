use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use psd_core::{
    Server, Settings,
    test::{Dialect, TestServer},
};
use psd_tests::{DEADLINE, RawClient, Running, Seen, eventually, get, v1::V1Client};
use serde_json::json;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::app::{Probe, pb, server, server_with};

/// A server whose end the test waits for, with a port for its operator.
struct Serving {
    address: SocketAddr,
    admin: SocketAddr,
    server: Server,
    run: JoinHandle<()>,
    probe: Probe,
}

impl Serving {
    async fn start(settings: Settings) -> Self {
        let (builder, probe) = server_with(settings.admin_address(Some(([127, 0, 0, 1], 0).into())));
        let listening = builder.listen("127.0.0.1:0").await.unwrap();
        let (address, admin) = (listening.local_addr(), listening.admin_addr().unwrap());
        let server = listening.server().clone();
        Self { address, admin, server, run: tokio::spawn(listening.run()), probe }
    }

    async fn connect(&self) -> RawClient {
        RawClient::connect(&format!("ws://{}/ws", self.address)).await
    }

    async fn ended(self) {
        tokio::time::timeout(DEADLINE, self.run).await.expect("it does not end").unwrap();
    }
}

#[tokio::test]
async fn readiness_goes_first_and_health_last() {
    let serving = Serving::start(Settings::default().drain_delay(DEADLINE * 10)).await;
    assert_eq!(get(serving.admin, "/healthz").await, Some((200, "alive\n".into())));
    assert_eq!(get(serving.admin, "/readyz").await, Some((200, "ready\n".into())));
    // They are the operator's business, not the public's.
    assert_eq!(get(serving.address, "/healthz").await.map(|(status, _)| status), Some(404));

    serving.server.shut_down();
    assert!(!serving.server.is_ready());
    assert_eq!(get(serving.admin, "/readyz").await, Some((503, "shutting down\n".into())));
    assert_eq!(get(serving.admin, "/healthz").await.map(|(status, _)| status), Some(200));
    // Until the delay is over whoever comes is served.
    let mut client = serving.connect().await;
    client.request("plain", json!({})).await;

    serving.server.shut_down_now();
    assert_eq!(client.see().await, Seen::Closed(1012, "the server is restarting".into()));
    drop(client);
    let admin = serving.admin;
    serving.ended().await;
    assert_eq!(get(admin, "/healthz").await, None);
}

#[tokio::test]
async fn the_delay_passes() {
    let serving = Serving::start(Settings::default().drain_delay(Duration::from_millis(50))).await;
    let mut client = V1Client::connect_to(serving.address, "psd.v1.json").await;
    client.json().await;
    let since = Instant::now();
    serving.server.shut_down();
    assert_eq!(client.json().await["headers"]["messageType"], "psd.drain");
    assert!(since.elapsed() >= Duration::from_millis(50));
    assert_eq!(client.closed().await.0, 1012);
    drop(client);
    serving.ended().await;
}

#[tokio::test(start_paused = true)]
async fn classic_clients_are_closed_one_after_another() {
    let window = Duration::from_secs(5);
    let server = TestServer::start(server_with(Settings::default().reconnect_window(window)).0);
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(server.client().dialect(Dialect::Classic).connect().await);
    }
    let since = tokio::time::Instant::now();
    let closed = clients.iter().map(|client| async move {
        assert_eq!(client.expect_close(1012).await, "the server is restarting");
        since.elapsed()
    });
    let (mut times, ()) = tokio::join!(futures_util::future::join_all(closed), server.server().drain());
    times.sort();
    // That 16 random times lie within a tenth of the window happens once in 10^14 runs.
    assert!(times[15] - times[0] >= window / 10 && times[15] <= window, "{times:?}");
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_answered() {
    let serving = Serving::start(Settings::default().drain_timeout(Duration::from_millis(100))).await;
    let mut client = serving.connect().await;
    let running = client.send("hang", json!({})).await;
    let waiting = client.send("plain", json!({})).await;
    let mut deferred = serving.connect().await;
    let later = deferred.send("hang-deferred", json!({})).await;
    eventually("both run", || serving.probe.waiting() == 2).await;
    serving.server.shut_down();
    let text = "the server is shutting down";
    for uuid in [running, waiting] {
        let expected = json!({"uuid": uuid, "errorCode": 503, "errorMessage": text});
        assert_eq!(client.answers(&uuid).await, [expected]);
    }
    assert!(matches!(client.see().await, Seen::Closed(1012, _)));
    let expected = json!({"uuid": later, "errorCode": 503, "errorMessage": text});
    assert_eq!(deferred.answers(&later).await, [expected]);
    assert!(matches!(deferred.see().await, Seen::Closed(1012, _)));
    assert_eq!(serving.probe.waiting(), 0);
    drop((client, deferred));
    serving.ended().await;
}

#[tokio::test]
async fn deferred_work_on_a_thread_is_answered_although_it_cannot_be_ended() {
    let serving = Serving::start(Settings::default().drain_timeout(Duration::from_millis(100))).await;
    let mut client = serving.connect().await;
    let uuid = client.send("block-deferred", json!({"gate": "g"})).await;
    eventually("it runs", || serving.probe.waiting() == 1).await;
    serving.server.shut_down();
    let expected = json!({"uuid": uuid, "errorCode": 503, "errorMessage": "the server is shutting down"});
    assert_eq!(client.answers(&uuid).await, [expected]);
    assert!(matches!(client.see().await, Seen::Closed(1012, _)));
    serving.probe.gate("g").add_permits(1);
    drop(client);
    serving.ended().await;
}

#[tokio::test]
async fn work_that_was_acked_is_waited_for() {
    let serving = Serving::start(Settings::default()).await;
    let mut client = serving.connect().await;
    assert_eq!(client.request("hang-deferred", json!({"detached": true})).await.len(), 1);
    eventually("it runs", || serving.probe.waiting() == 1).await;
    serving.server.shut_down();
    client.close().await;
    assert!(!serving.run.is_finished());
    serving.probe.gate("deferred").add_permits(1);
    eventually("it is done", || serving.probe.events().contains(&"deferred work went on".to_owned())).await;
    serving.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_classic_client_that_vanished_is_found_by_a_ping() {
    let interval = Duration::from_secs(25);
    let settings = Settings::default().heartbeat(interval).close_timeout(Duration::from_secs(2));
    let server = TestServer::start(server_with(settings).0);
    let began = tokio::time::Instant::now();
    let classic = || server.client().dialect(Dialect::Classic).connect();
    let (vanishing, silent) = (classic().await, classic().await);
    for client in [&vanishing, &silent] {
        client.send(pb::Join { group: "g".into() }).await;
    }
    let vanished = vanishing.connection();
    vanishing.fall_silent();
    vanished.closed().await;
    // An interval in which it was heard, one until it is pinged, one until that is not answered, and the close.
    assert_eq!(began.elapsed(), interval * 3 + Duration::from_secs(2));
    // The library under the other one answers pings.
    tokio::time::sleep(interval * 10).await;
    assert_eq!(server.server().group_size("g"), 1, "who answers pings stays");
    server.server().broadcast("g", &crate::app::note("still there", 1)).unwrap();
    assert_eq!(silent.expect_push::<pb::Note>().await.text, "still there");
}

/// Set in the child of a test that needs a process of its own.
const CHILD: &str = "PSD_TEST_CHILD";

/// Runs a test again, alone in a process of its own, behind what a shell does first. False in that process.
pub(crate) async fn runs_in_a_child(test: &str, before: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return false;
    }
    let mut child = tokio::process::Command::new("sh");
    child.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env(CHILD, "1");
    let output = child.output().await.unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
    true
}

/// Sends a signal to this process.
pub(crate) async fn signal(name: &str) {
    let id = std::process::id().to_string();
    let sent = tokio::process::Command::new("kill").args(["-s", name, &id]).status().await;
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn the_first_signal_lets_finish_and_the_second_does_not() {
    if runs_in_a_child("lifecycle::the_first_signal_lets_finish_and_the_second_does_not", "").await {
        return;
    }
    let (builder, probe) = server_with(Settings::default().drain_timeout(DEADLINE * 100));
    let listening = builder.listen("127.0.0.1:0").await.unwrap();
    let (address, server) = (listening.local_addr(), listening.server().clone());
    let run = tokio::spawn(listening.run_until_signal());
    let mut client = RawClient::connect(&format!("ws://{address}/ws")).await;
    let uuid = client.send("hang", json!({})).await;
    eventually("it runs", || probe.waiting() == 1).await;
    signal("TERM").await;
    eventually("it shuts down", || !server.is_ready()).await;
    assert_eq!(probe.waiting(), 1);
    signal("TERM").await;
    let expected = json!({"uuid": uuid, "errorCode": 503, "errorMessage": "the server is shutting down"});
    assert_eq!(client.answers(&uuid).await, [expected]);
    drop(client);
    tokio::time::timeout(DEADLINE, run).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_server_out_of_file_descriptors_recovers() {
    if runs_in_a_child("lifecycle::a_server_out_of_file_descriptors_recovers", "ulimit -n 64 &&").await {
        return;
    }
    let running = Running::start(server().0).await;
    let mut before = running.connect().await;
    before.request("plain", json!({})).await;
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    assert!(files.len() > 8, "there were none to begin with");
    files.pop();
    // The client gets the last one; the server has none to take the connection with.
    let waiting = TcpStream::connect(running.address()).await.unwrap();
    eventually("it was tried", || running.server().failed_accepts() > 1).await;
    assert_eq!(before.request("plain", json!({})).await.len(), 2, "who is connected is served");
    drop(files);
    let url = format!("ws://{}/ws", running.address());
    let connect = tokio_tungstenite::client_async(url, waiting);
    tokio::time::timeout(DEADLINE, connect).await.expect("it does not recover").unwrap();
}
