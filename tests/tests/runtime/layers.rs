//! Hooks around every request.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use psd_core::{Error, Layer, LayerFuture, Outcome, RequestContext, Settings};
use psd_tests::{
    Running, eventually,
    v1::{V1Client, control, headers, request, result},
};
use serde_json::json;

use crate::app::{Admin, Tenant, pb, server, server_with};

/// Writes down what it sees, under its name.
#[derive(Clone, Default)]
struct Log {
    name: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn note(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn named(&self, name: &'static str) -> Self {
        Self { name, ..self.clone() }
    }
}

impl Layer for Log {
    fn arrive(&self, request: &RequestContext) -> Result<(), Error> {
        self.note(format!("{}arrive {}", self.name, request.headers().message_type));
        Ok(())
    }

    fn identified(&self, request: &RequestContext) -> Result<(), Error> {
        let user = request.identity().map_or("nobody".into(), |identity| identity.username().to_owned());
        self.note(format!("{}identified {user}", self.name));
        Ok(())
    }

    fn before(&self, request: &RequestContext) -> Result<(), Error> {
        self.note(format!("{}before {}", self.name, request.route().unwrap().handler));
        Ok(())
    }

    fn after(&self, request: &RequestContext, outcome: &Outcome<'_>) {
        self.note(format!("{}after {}: {outcome}", self.name, request.headers().message_type));
    }
}

/// Only the ends.
#[derive(Clone, Default)]
struct Ends(Log);

impl Layer for Ends {
    fn after(&self, request: &RequestContext, outcome: &Outcome<'_>) {
        let outcome = match outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Failed(error) => error.code().unwrap_or_default().to_string(),
            _ => "gone".to_owned(),
        };
        self.0.note(format!("{} {outcome}", request.headers().message_type));
    }
}

#[tokio::test]
async fn layers_nest_and_those_of_a_consumer_are_inside() {
    let log = Log::default();
    let builder = server().0.consumer_layer::<Admin>(log.named("admin ")).layer(log.named("all "));
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    let uuid = client.send_with("plain", json!({}), json!({"authHeader": "t-ann"})).await;
    client.answers(&uuid).await;
    let expected = ["all arrive plain", "all identified ann", "all before plain", "all after plain: done"];
    assert_eq!(log.lines(), expected);
    let mut client = running.connect_to("/admin").await;
    client.push().await;
    client.request("admin-ping", json!({})).await;
    let expected = [
        "all arrive admin-ping",
        "admin arrive admin-ping",
        "all identified nobody",
        "admin identified nobody",
        "all before admin_ping",
        "admin before admin_ping",
        "admin after admin-ping: done",
        "all after admin-ping: done",
    ];
    assert_eq!(log.lines()[4..], expected);
}

/// Whatever becomes of a request, and wherever: its end is seen once, with what the client was told.
#[tokio::test]
async fn every_request_ends_once() {
    let ends = Ends::default();
    let settings = Settings::default().handler_timeout(Duration::from_millis(50)).max_deferred(1);
    let running = Running::start(server_with(settings).0.layer(ends.clone())).await;
    let mut client = running.connect().await;
    let cases = [
        ("plain", json!({}), "done"),
        ("later", json!({}), "done"),
        ("on-worker", json!({}), "done"),
        ("list", json!({"count": 3}), "done"),
        ("outcome", json!({"kind": "coded"}), "422"),
        ("outcome", json!({"kind": "std"}), "500"),
        ("plain", json!({"number": "x"}), "400"),
        ("extract-all", json!({}), "401"),
        ("nobody-knows", json!({}), "404"),
        ("panic-plain", json!({}), "500"),
        ("panic-later", json!({}), "500"),
        ("panic-on-worker", json!({}), "500"),
        ("panic-extract", json!({}), "500"),
        ("panic-deferred", json!({"blocking": true}), "500"),
        ("panic-deferred", json!({"blocking": false}), "500"),
        ("hang", json!({}), "408"),
        ("hang-concurrent", json!({}), "408"),
        ("hang-deferred", json!({"detached": true}), "done"),
        ("hang-deferred", json!({}), "503"),
    ];
    for (message_type, body, expected) in cases {
        client.request(message_type, body).await;
        let expected = format!("{message_type} {expected}");
        // The ack is queued first, and may arrive before a worker has come to the layers.
        eventually("its end is seen", || ends.0.lines().last() == Some(&expected)).await;
    }
    assert_eq!(ends.0.lines().len(), 19);
}

#[tokio::test]
async fn requests_whose_client_has_gone_end_too() {
    let ends = Ends::default();
    let (builder, probe) = server();
    let running = Running::start(builder.layer(ends.clone())).await;
    let mut client = running.connect().await;
    client.send("hang-concurrent", json!({})).await;
    client.send("hang-deferred", json!({})).await;
    client.send("hang", json!({})).await;
    eventually("they run", || probe.waiting() == 3).await;
    drop(client);
    eventually("all have ended", || ends.0.lines().len() == 3).await;
    let mut lines = ends.0.lines();
    lines.sort();
    assert_eq!(lines, ["hang gone", "hang-concurrent gone", "hang-deferred 499"]);
}

#[tokio::test]
async fn cancelled_requests_end_once() {
    let ends = Ends::default();
    let (builder, probe) = server();
    let running = Running::start(builder.layer(ends.clone())).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("running", &pb::Hang {}), request("waiting", &pb::Plain { number: 1 })]).await;
    eventually("it runs", || probe.waiting() == 1).await;
    for uuid in ["waiting", "running"] {
        client.send(&[control("psd.cancel", uuid)]).await;
        assert_eq!(result(&client.envelope().await).0, 499);
    }
    client.ask("after", &pb::Plain { number: 1 }).await;
    assert_eq!(ends.0.lines(), ["plain 499", "hang 499", "plain done"]);
}

/// Refuses where it is told to.
struct Wall(&'static str);

impl Layer for Wall {
    fn arrive(&self, _: &RequestContext) -> Result<(), Error> {
        match self.0 {
            "arrive" => Err(Error::new(429, "too much")),
            _ => Ok(()),
        }
    }

    fn identified(&self, _: &RequestContext) -> Result<(), Error> {
        match self.0 {
            "identified" => Err(Error::new(429, "too much")),
            _ => Ok(()),
        }
    }

    fn before(&self, _: &RequestContext) -> Result<(), Error> {
        match self.0 {
            "before" => Err(Error::new(429, "too much")),
            "panic" => panic!("expected by the test"),
            _ => Ok(()),
        }
    }

    fn before_async(&self, _: &RequestContext) -> Option<LayerFuture> {
        match self.0 {
            "async" => Some(Box::pin(async {
                tokio::task::yield_now().await;
                Err(Error::new(429, "too much"))
            })),
            "async panic" => Some(Box::pin(async { panic!("expected by the test") })),
            "hang" => Some(Box::pin(std::future::pending())),
            _ => None,
        }
    }
}

#[tokio::test]
async fn a_refusal_comes_before_the_body_is_looked_at() {
    let cases = [
        ("arrive", 429),
        ("identified", 429),
        ("before", 429),
        ("async", 429),
        ("panic", 500),
        ("async panic", 500),
        ("hang", 408),
    ];
    for (place, code) in cases {
        let ends = Ends::default();
        let settings = Settings::default().handler_timeout(Duration::from_millis(50));
        let running = Running::start(server_with(settings).0.layer(ends.clone()).layer(Wall(place))).await;
        let mut client = running.connect().await;
        for _ in 0..2 {
            let answers = client.request("plain", json!({"number": "no number"})).await;
            assert_eq!((answers.len(), &answers[0]["errorCode"]), (1, &json!(code)), "{place}");
        }
        eventually("both have ended", || ends.0.lines() == [format!("plain {code}"), format!("plain {code}")]).await;
    }
}

/// A client sends its token once: it counts even if the request it came with is refused.
#[tokio::test]
async fn the_token_of_a_refused_request_counts() {
    let running = Running::start(server().0.layer(Wall("arrive"))).await;
    let mut client = running.connect().await;
    let uuid = client.send_with("plain", json!({}), json!({"authHeader": "t-ann"})).await;
    assert_eq!(client.answers(&uuid).await[0]["errorCode"], 429);
    eventually("she is known", || running.server().connections()[0].identity().is_some()).await;
}

#[tokio::test]
async fn the_guard_comes_first() {
    let log = Log::default();
    let running = Running::start(server().0.layer(log.clone())).await;
    assert_eq!(running.connect().await.request("extract-all", json!({})).await[0]["errorCode"], 401);
    let expected =
        ["arrive extract-all", "identified nobody", "after extract-all: failed: authentication required (401)"];
    assert_eq!(log.lines(), expected);
}

/// Attaches what it has found out, in its own time.
struct Tenancy;

impl Layer for Tenancy {
    fn before_async(&self, request: &RequestContext) -> Option<LayerFuture> {
        let (identity, request) = (request.identity()?, request.clone());
        Some(Box::pin(async move {
            tokio::task::yield_now().await;
            request.attach(Tenant(format!("tenant of {}", identity.username())));
            Ok(())
        }))
    }
}

#[tokio::test]
async fn handlers_take_what_layers_attach() {
    let log = Log::default();
    let builder = server().0.layer(log.named("outer ")).layer(Tenancy).layer(log.named("inner "));
    let running = Running::start(builder).await;
    let mut client = running.connect().await;
    assert_eq!(client.request("whose", json!({})).await[0]["text"], "nobody's");
    // Those behind are handled behind.
    let uuid = client.send_with("whose", json!({}), json!({"authHeader": "t-ann"})).await;
    let behind = client.send("plain", json!({})).await;
    assert_eq!(client.answers(&uuid).await[0]["text"], "tenant of ann");
    client.answers(&behind).await;
    let lines = log.lines();
    let order = |line: &str| lines.iter().rposition(|seen| seen == line).unwrap();
    assert!(order("outer before whose") < order("inner before whose"));
    assert!(order("inner after whose: done") < order("outer arrive plain"));
}

#[tokio::test]
async fn a_cancelled_layer_is_dropped() {
    let ends = Ends::default();
    let running = Running::start(server().0.layer(ends.clone()).layer(Wall("hang"))).await;
    let mut client = V1Client::welcomed(&running).await;
    client.send(&[request("h", &pb::Plain { number: 1 })]).await;
    client.send(&[control("psd.cancel", "h")]).await;
    let ack = client.envelope().await;
    assert_eq!((headers(&ack).uuid.as_str(), result(&ack).0), ("h", 499));
    assert_eq!(ends.0.lines(), ["plain 499"]);
}
