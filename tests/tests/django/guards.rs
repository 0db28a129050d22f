//! Every combination of permissions, user groups and callers.

use std::collections::HashMap;

use psd_core::auth::UserStore as _;
use psd_tests::guard_table::{Case, GuardTable};
use serde_json::{Value, json};

use crate::project::{Project, projects};

/// Makes the users of the table; returns their keys.
fn create(project: &Project, table: &GuardTable) -> HashMap<&'static str, String> {
    for group in &table.user_groups {
        project.ask("grant", json!({"group": group.name, "permissions": group.permissions}));
    }
    let create = |user: &psd_tests::guard_table::Holder| {
        let fields = json!({
            "name": user.name, "permissions": user.permissions, "groups": user.user_groups,
            "is_superuser": user.superuser, "is_active": user.active,
        });
        (user.name, project.ask_text("create", fields).unwrap())
    };
    table.users.iter().map(create).collect()
}

fn demands(case: &Case) -> Value {
    let guard = &case.guard;
    json!({
        "name": case.caller, "permissions": guard.permissions, "whitelist": guard.whitelist_groups,
        "blacklist": guard.blacklist_groups,
    })
}

#[tokio::test]
async fn django_decides_every_combination_like_our_guards() {
    let table = GuardTable::read();
    for project in projects() {
        let keys = create(project, &table);
        let users = project.users().await;
        let mut known = HashMap::new();
        for (name, key) in &keys {
            known.insert(*name, users.find(key).await.unwrap().unwrap());
        }
        for case in &table.cases {
            let theirs = project.ask("allows", demands(case));
            let ours = case.decide(case.caller.map(|caller| &known[caller]));
            assert_eq!((&theirs, ours), (&json!(case.status), case.status), "{}: {case:?}", project.name);
        }
        through_a_socket(project, &table, &keys).await;
        for name in keys.keys() {
            project.ask("delete", json!({"name": name}));
        }
    }
}

/// The same through a socket, with tokens of Django's, for the rows that are guards of handlers.
async fn through_a_socket(project: &Project, table: &GuardTable, keys: &HashMap<&'static str, String>) {
    let running = project.serve().await;
    let mut decided = 0;
    for route in running.server().routes() {
        let is_row = |case: &&Case| {
            let (guard, own) = (&case.guard, &route.guard);
            (guard.permissions, guard.whitelist_groups, guard.blacklist_groups)
                == (own.permissions, own.whitelist_groups, own.blacklist_groups)
        };
        if route.guard.auth == Some(false) || route.module.starts_with("psd_core") {
            continue;
        }
        for case in table.cases.iter().filter(is_row) {
            let token = case.caller.map(|name| project.ask_text("access", json!({"name": name})).unwrap());
            let mut client = running.connect().await;
            let headers = json!({"authHeader": token});
            let uuid = client.send_with(route.message.message_type, json!({}), headers).await;
            let ack = client.answers(&uuid).await.pop().unwrap();
            let status = ack["errorCode"].as_u64().unwrap_or(200);
            assert_eq!(status, u64::from(case.status), "{}: {} {case:?}", project.name, route.handler);
            decided += 1;
        }
    }
    assert_eq!(decided, 5 * (keys.len() + 1), "a handler's guard is no row of the table");
}

#[tokio::test]
async fn rights_that_django_takes_away_count_when_asked() {
    for project in projects() {
        let fields = json!({"name": "changing", "permissions": ["pages.add_page"], "groups": ["staff"]});
        let key = project.ask_text("create", fields).unwrap();
        let running = project.serve().await;
        let mut client = running.connect().await;
        let token = project.ask_text("access", json!({"name": "changing"}));
        let uuid = client.send_with("edit-page", json!({}), json!({"authHeader": token})).await;
        assert!(client.answers(&uuid).await[0].get("errorCode").is_none(), "{}", project.name);
        project.ask("take", json!({"name": "changing", "permissions": ["pages.add_page"]}));
        assert_eq!(running.server().refresh_identity(&key).await.unwrap(), 1);
        assert_eq!(client.request("edit-page", json!({})).await[0]["errorCode"], 403, "{}", project.name);
        assert!(client.request("print-page", json!({})).await[0].get("errorCode").is_none(), "still in `staff`");
        project.ask("change", json!({"name": "changing", "is_active": false}));
        assert_eq!(running.server().refresh_identity(&key).await.unwrap(), 1);
        assert_eq!(client.push().await["headers"]["messageType"], "token-invalid");
        assert_eq!(client.request("read-page", json!({})).await[0]["errorCode"], 401, "{}", project.name);
        project.ask("delete", json!({"name": "changing"}));
    }
}
