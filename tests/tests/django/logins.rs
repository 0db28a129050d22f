//! Names and passwords, in every format that Django stores them in.

use std::time::{Duration, Instant};

use psd_core::auth::{DjangoUsers, UserStore as _};
use serde_json::json;

use crate::project::{Project, projects};

/// Django's hashers by their names, with what a stored password begins with.
const HASHERS: [&str; 6] = ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt"];

/// Whom we take a name and a password for, and whom Django does.
async fn both(project: &Project, users: &DjangoUsers, name: &str, password: &str) -> (Option<String>, Option<String>) {
    let user = users.verify(name, password).await.unwrap().filter(|user| user.active);
    let ours = user.map(|user| user.identity.user_id().to_owned());
    (ours, project.ask_text("login", json!({"name": name, "password": password})))
}

#[tokio::test]
async fn every_format_opens_and_still_opens_in_django() {
    for project in projects() {
        let running = project.serve().await;
        for hasher in HASHERS {
            let password = "pässwörd 🔑 of one";
            let fields = json!({"name": hasher, "password": password, "hasher": hasher});
            let key = project.ask_text("create", fields).unwrap();
            let stored = project.ask_text("stored", json!({"name": hasher})).unwrap();
            assert!(stored.starts_with(hasher), "{stored}");
            let mut client = running.connect().await;
            let answers = client.request("login", json!({"username": hasher, "password": "wrong"})).await;
            assert_eq!(answers[0]["errorCode"], "login-error", "{}: {hasher}", project.name);
            let answers = client.request("login", json!({"username": hasher, "password": password})).await;
            let token =
                answers[0]["token"].as_str().unwrap_or_else(|| panic!("{}: {hasher} is not read", project.name));
            assert!(client.request("read-page", json!({})).await[0].get("errorCode").is_none(), "not logged in");
            assert_eq!(project.ask_text("accepts", json!({"token": token})), Some(key.clone()), "{hasher}");
            let theirs = project.ask_text("login", json!({"name": hasher, "password": password}));
            assert_eq!(theirs, Some(key), "{}: Django no longer opens {hasher}", project.name);
            project.ask("delete", json!({"name": hasher}));
        }
    }
}

#[tokio::test]
async fn hostile_and_foreign_names_are_nothing_but_names() {
    // Names as they may stand in a database; the third and fourth look alike and are the same in normal form.
    let names = ["o'connor\"; DROP TABLE auth_user; --", "Zoë Ångström", "ﬁona", "Привет", "用户", "%", "a_b", "ann\\"];
    let password = "a password of everybody";
    for project in projects() {
        let users = project.users().await;
        for name in names {
            project.ask("create", json!({"name": name, "password": password}));
        }
        let attempts = [
            "' OR 1=1 --",
            "' OR '1'='1",
            "\" OR \"\"=\"",
            "o'connor\"; DROP TABLE accounts_account; --",
            "o%",
            "a%b",
            "axb",
            "Zoe\u{308} A\u{30a}ngstro\u{308}m",
            "zoë ångström",
            "fiona",
            "ｆｉｏｎａ",
            "Привет ",
            "ПРИВЕТ",
            "用戶",
            "",
            " ",
            "\u{202e}nna",
        ];
        for name in names.into_iter().chain(attempts) {
            let (ours, theirs) = both(project, &users, name, password).await;
            assert_eq!(ours, theirs, "{}: `{name}`", project.name);
            if names.contains(&name) {
                assert!(ours.is_some(), "{}: `{name}`", project.name);
            }
        }
        // Django answers this one with an internal error.
        let nul = users.verify("a\0b", password).await.unwrap();
        assert!(nul.is_none());
        for name in names {
            project.ask("delete", json!({"name": name}));
        }
    }
}

#[tokio::test]
async fn who_may_not_log_in_may_not_in_django_either() {
    for project in projects() {
        let users = project.users().await;
        let create = |fields| project.ask("create", fields);
        create(json!({"name": "gone", "password": "right", "is_active": false}));
        create(json!({"name": "without", "password": null}));
        create(json!({"name": "spaces", "password": "  right  "}));
        for (name, password, opens) in [
            ("gone", "right", false),
            ("without", "", false),
            ("without", "!", false),
            ("spaces", "  right  ", true),
            ("spaces", "right", false),
            ("spaces", "  RIGHT  ", false),
            ("spaces", "", false),
            ("nobody", "right", false),
        ] {
            let (ours, theirs) = both(project, &users, name, password).await;
            assert_eq!((ours.is_some(), theirs.is_some()), (opens, opens), "{}: {name} `{password}`", project.name);
        }
        for name in ["gone", "without", "spaces"] {
            project.ask("delete", json!({"name": name}));
        }
    }
}

/// Without a decoy an unknown name would be answered some thousand times faster.
#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let project = projects()[0];
    project.ask("create", json!({"name": "timed", "password": "right", "hasher": "pbkdf2_sha256"}));
    let users = project.users().await;
    let mut times = Vec::new();
    for name in ["timed", "unknown"] {
        let mut fastest = Duration::MAX;
        for _ in 0..5 {
            let begin = Instant::now();
            assert!(users.verify(name, "wrong").await.unwrap().is_none());
            fastest = fastest.min(begin.elapsed());
        }
        times.push(fastest);
    }
    let ratio = times[0].as_secs_f64() / times[1].as_secs_f64();
    assert!((0.1..10.0).contains(&ratio), "{times:?}");
    project.ask("delete", json!({"name": "timed"}));
}
