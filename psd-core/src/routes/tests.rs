//! Everything that start-up refuses, with hand-made receivers.

use super::*;
use crate::{Consumer, DefaultConsumer, Error, call::Invocation};

const fn message(name: &'static str, message_type: &'static str) -> MessageInfo {
    MessageInfo {
        name,
        full_name: name,
        message_type,
        origin: psd_proto::Origin::Client,
        auth: None,
        client_cache: None,
        cache_keys: &[],
        location: SourceLocation { file: "chat.proto", line: 1, column: 1 },
    }
}

static SEND: MessageInfo = message("SendChat", "send-chat");
static PING: MessageInfo = message("Ping", "ping");

fn receive(_: &mut crate::Call<'_>) -> Result<Invocation, Error> {
    Err(Error::new(500, "never called"))
}

const fn receiver(name: &'static str, message: &'static MessageInfo, line: u32) -> Receiver {
    Receiver {
        name,
        module: "app::handlers",
        location: SourceLocation { file: "src/handlers.rs", line, column: 4 },
        message,
        consumer: ConsumerSpec::of::<DefaultConsumer>,
        guard: Guard { auth: None, permissions: &[], whitelist_groups: &[], blacklist_groups: &[], function: None },
        limits: crate::Limits::NONE,
        mode: Mode::InPlace,
        requirements: &[],
        receive,
    }
}

struct Admin;

impl Consumer for Admin {
    const PATH: &'static str = "/admin";
    type Session = u32;
}

struct Squatter;

impl Consumer for Squatter {
    const PATH: &'static str = "/ws";
    type Session = ();
}

struct Crooked;

impl Consumer for Crooked {
    const PATH: &'static str = "crooked";
    type Session = ();
}

fn build(settings: Settings, receivers: &'static [Receiver]) -> (Endpoints, Vec<String>) {
    let mut problems = Vec::new();
    let states = States::default();
    let table = Table {
        settings: &settings,
        states: &states,
        consumers: Vec::new(),
        unhandled: Unhandled::Refuse,
        layers: &[],
        ready_made: &[],
    };
    let endpoints = table.build(receivers.iter().collect(), &mut problems);
    (endpoints, problems)
}

#[track_caller]
fn refused(receivers: &'static [Receiver], expected: &[&str]) {
    let (_, problems) = build(Settings::default().n_sync_workers(0), receivers);
    assert_eq!(problems, expected);
}

fn get<'a>(endpoint: &'a Endpoint, message_type: &str) -> Option<&'a Route> {
    endpoint.routes.at(endpoint.routes.find(message_type)?)
}

#[test]
fn a_sound_table_has_every_route() {
    static RECEIVERS: [Receiver; 3] = [
        receiver("send_chat", &SEND, 1),
        receiver("ping", &PING, 2),
        Receiver { consumer: ConsumerSpec::of::<Admin>, ..receiver("ping", &PING, 3) },
    ];
    let (endpoints, problems) = build(Settings::default(), &RECEIVERS);
    assert_eq!(problems, Vec::<String>::new());
    let shown: Vec<String> = endpoints
        .iter()
        .flat_map(|endpoint| endpoint.routes.iter().map(|route| format!("{} {}", route.path, route.location.line)))
        .collect();
    assert_eq!(shown.len(), 3, "{shown:?}");
    let admin = &endpoints[0];
    assert_eq!((admin.spec.path, get(admin, "ping").map(|route| route.location.line)), ("/admin", Some(3)));
    assert!(get(admin, "send-chat").is_none());
}

#[test]
fn two_handlers_for_one_message() {
    static RECEIVERS: [Receiver; 2] = [receiver("ping", &PING, 2), receiver("other_ping", &PING, 9)];
    refused(
        &RECEIVERS,
        &["two handlers receive `ping` on /ws: `ping` at src/handlers.rs:2:4 and `other_ping` at \
           src/handlers.rs:9:4; keep one of them, or put one on a consumer of its own"],
    );
}

#[test]
fn no_handler_at_all() {
    refused(
        &[],
        &[
            "the program has no handler: write one with `#[receive]`; a crate that is used for nothing but its handlers \
           must be linked with `use my_handlers as _;`",
        ],
    );
}

#[test]
fn a_state_that_nobody_provided() {
    static RECEIVERS: [Receiver; 1] = [Receiver {
        requirements: &[<crate::State<u64> as crate::Extract>::requirement],
        ..receiver("ping", &PING, 2)
    }];
    refused(
        &RECEIVERS,
        &["handler `ping` at src/handlers.rs:2:4 takes `State<u64>`, which nobody provided: add `.state(…)` of that \
           type to the server"],
    );
}

#[test]
fn another_consumers_session() {
    static RECEIVERS: [Receiver; 2] = [
        Receiver {
            requirements: &[<crate::Session<u32> as crate::Extract>::requirement],
            ..receiver("ping", &PING, 2)
        },
        Receiver {
            requirements: &[<crate::Session<u32> as crate::Extract>::requirement],
            consumer: ConsumerSpec::of::<Admin>,
            ..receiver("ping", &PING, 3)
        },
    ];
    refused(
        &RECEIVERS,
        &["handler `ping` at src/handlers.rs:2:4 takes `Session<u32>`, but its consumer `psd_core::consumer::\
           DefaultConsumer` keeps `()`: take that one, or name the right consumer"],
    );
}

#[test]
fn everything_at_once() {
    static RECEIVERS: [Receiver; 5] = [
        Receiver { mode: Mode::Blocking, ..receiver("send_chat", &SEND, 1) },
        receiver("ping", &PING, 2),
        receiver("ping_again", &PING, 3),
        Receiver { consumer: ConsumerSpec::of::<Squatter>, ..receiver("squat", &PING, 4) },
        Receiver { consumer: ConsumerSpec::of::<Crooked>, ..receiver("crooked", &PING, 5) },
    ];
    refused(
        &RECEIVERS,
        &[
            "handler `send_chat` at src/handlers.rs:1:4 is `blocking`, but there are no workers: set \
             `PSD_N_SYNC_WORKERS` above 0",
            "two handlers receive `ping` on /ws: `ping` at src/handlers.rs:2:4 and `ping_again` at \
             src/handlers.rs:3:4; keep one of them, or put one on a consumer of its own",
            "consumers `psd_core::consumer::DefaultConsumer` and `psd_core::routes::tests::Squatter` share the path \
             `/ws`: give one of them another",
            "consumer `psd_core::routes::tests::Crooked` has the path `crooked`: begin it with `/`",
        ],
    );
}

#[test]
fn ready_made_receivers_give_way_to_the_applications_own() {
    static RECEIVERS: [Receiver; 1] = [receiver("ping", &PING, 2)];
    static READY_MADE: [Receiver; 2] = [receiver("ready_ping", &PING, 7), receiver("ready_send", &SEND, 8)];
    let (settings, states, mut problems) = (Settings::default(), States::default(), Vec::new());
    let table = Table {
        settings: &settings,
        states: &states,
        consumers: Vec::new(),
        unhandled: Unhandled::Allow,
        layers: &[],
        ready_made: &READY_MADE,
    };
    let endpoints = table.build(RECEIVERS.iter().collect(), &mut problems);
    let handler = |message_type: &str| get(&endpoints[0], message_type).map(|route| route.handler);
    assert_eq!((handler("ping"), handler("send-chat")), (Some("ping"), Some("ready_send")));
}

#[test]
fn types_are_named_as_one_writes_them() {
    for (type_name, expected) in [
        ("u64", "u64"),
        ("app::Db", "Db"),
        (
            "alloc::sync::Arc<std::sync::Mutex<std::collections::HashMap<alloc::string::String, f64>>>",
            "Arc<Mutex<HashMap<String, f64>>>",
        ),
        ("(app::a::B, [u8; 4])", "(B, [u8; 4])"),
        ("&dyn app::Trait", "&dyn Trait"),
    ] {
        assert_eq!(brief(type_name), expected);
    }
}
