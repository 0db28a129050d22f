//! Accounts in our own tables.

use psd_core::{
    Error,
    auth::{SqlUsers, UserStore as _},
};

use crate::fixture::{Db, cheap, own};

#[track_caller]
fn refused<T>(result: Result<T, Error>, code: i32) {
    assert_eq!(result.err().and_then(|error| error.code()), Some(code));
}

#[tokio::test]
async fn names_are_taken_in_upper_and_lower_case() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = own(&db).await;
        for name in ["ann", "ANN", "\u{ff21}nn", "zoe\u{308} ωμέγα"] {
            refused(users.create(name, "a password").await, 409);
        }
        for name in ["", " ", "a\0b", " ann", "\u{200b}ann", &"x".repeat(151)] {
            refused(users.create(name, "a password").await, 422);
        }
        refused(users.create("bob", "short").await, 422);
        refused(users.create("bob", &"x".repeat(5000)).await, 422);
        let bob = users.create("Bob", "a password").await.unwrap();
        assert_eq!((&*bob.name, bob.active, bob.superuser, bob.has_password), ("Bob", true, false, true));
        assert!(users.verify("bOB", "a password").await.unwrap().is_some());
        refused(users.rename("bob", "ANN").await, 409);
        refused(users.rename("nobody", "carl").await, 404);
        users.rename("bob", "BOB").await.unwrap();
        assert_eq!(users.account("bob").await.unwrap().unwrap().name, "BOB");
        users.rename("bob", "Carl").await.unwrap();
        assert_eq!(users.account("bob").await.unwrap(), None);
        assert_eq!(users.account("carl").await.unwrap().unwrap().id, bob.id);
    }
}

#[tokio::test]
async fn two_cannot_take_one_name_at_once() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = db.own().await;
        let (one, other) = tokio::join!(users.create("Ann", "a password"), users.create("ann", "a password"));
        assert!(one.is_ok() != other.is_ok());
        refused(one.and(other), 409);
    }
}

#[tokio::test]
async fn passwords_are_set_and_taken_away() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = own(&db).await;
        let opens = async |password| users.verify("ann", password).await.unwrap().is_some();
        users.set_password("ANN", "another one").await.unwrap();
        assert!(opens("another one").await && !opens("ann's password").await);
        users.remove_password("ann").await.unwrap();
        assert!(!opens("another one").await && !opens("!").await && !opens("").await);
        assert!(!users.account("ann").await.unwrap().unwrap().has_password);
        refused(users.set_password("nobody", "another one").await, 404);
        refused(users.set_password("ann", "short").await, 422);
        let users = users.minimum_password(12);
        refused(users.set_password("ann", "another one").await, 422);
    }
}

#[tokio::test]
async fn rights_come_and_go() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = own(&db).await;
        let id = users.account("ann").await.unwrap().unwrap().id.to_string();
        let may = async |permission| users.find(&id).await.unwrap().unwrap().identity.has_permission(permission);
        users.grant("ann", "chat.add_room").await.unwrap();
        users.grant("ann", "chat.add_room").await.unwrap();
        assert!(may("chat.add_room").await);
        users.revoke("ann", "chat.add_room").await.unwrap();
        assert!(!may("chat.add_room").await);
        users.leave("ann", "editors").await.unwrap();
        assert!(!may("chat.view_room").await);
        users.join("ann", "editors").await.unwrap();
        assert!(may("chat.view_room").await);
        users.revoke_user_group("editors", "chat.view_room").await.unwrap();
        assert!(!may("chat.view_room").await);
        assert_eq!(users.permissions("ann").await.unwrap(), ["chat.add_message".to_owned()].into());
        assert_eq!(users.user_groups("ann").await.unwrap(), ["Zwölf 12".to_owned(), "editors".to_owned()].into());
        for permission in ["", "chat", ".add", "chat.", "chat.add room", "chat.\0"] {
            refused(users.grant("ann", permission).await, 422);
        }
        refused(users.grant("nobody", "chat.add_room").await, 404);
        refused(users.join("ann", "").await, 422);
        refused(users.join("ann", "a\0").await, 422);
    }
}

#[tokio::test]
async fn the_inactive_and_the_deleted_are_told_apart() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = own(&db).await;
        let ann = users.account("ann").await.unwrap().unwrap();
        assert_eq!(ann.last_login, None);
        users.verify("ann", "ann's password").await.unwrap().unwrap();
        assert!(users.account("ann").await.unwrap().unwrap().last_login >= Some(ann.created));
        users.set_active("ann", false).await.unwrap();
        assert!(!users.find(&ann.id.to_string()).await.unwrap().unwrap().active);
        users.delete("ann").await.unwrap();
        assert_eq!(users.find(&ann.id.to_string()).await.unwrap(), None);
        refused(users.delete("ann").await, 404);
        let again = users.create("ann", "a password").await.unwrap();
        assert!(again.id > ann.id, "the tokens of a deleted user are not those of its successor");
        let rights = users.find(&again.id.to_string()).await.unwrap().unwrap().identity;
        assert!(!rights.has_permission("chat.add_message") && !rights.in_user_group("editors"));
    }
}

#[tokio::test]
async fn accounts_are_listed_page_by_page() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = own(&db).await;
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page = users.accounts(after.as_deref(), 2).await.unwrap();
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            names.extend(page.into_iter().map(|account| account.name));
        }
        assert_eq!(names, ["ann", "ian", "sue", "una", "Zoë Ωμέγα"]);
    }
}

/// Several programs may start at once on an empty database; and what is there stays there.
#[tokio::test]
async fn a_store_is_opened_again_and_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = psd_tests::postgres::Postgres::shared();
    for url in
        [format!("sqlite:{}", folder.path().join("users.sqlite").display()), postgres.url(&postgres.create_database())]
    {
        let (one, other) = tokio::join!(SqlUsers::connect(&url), SqlUsers::connect(&url));
        let (one, other) = (one.unwrap().passwords(cheap()), other.unwrap());
        one.create("ann", "a password").await.unwrap();
        assert!(other.account("ann").await.unwrap().is_some());
        one.close().await;
        let again = SqlUsers::connect(&url).await.unwrap();
        assert!(again.account("ann").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn tables_of_a_later_version_are_left_alone() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        drop(db.own().await);
        db.run("UPDATE psd_schema SET version = 4711").await;
        let error = match &db {
            Db::Sqlite(pool) => SqlUsers::open(pool.clone()).await,
            Db::Postgres(pool) => SqlUsers::open(pool.clone()).await,
        };
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("the tables `psd_…` are of version 4711, but this program knows version "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_url_that_leads_nowhere_says_so_and_keeps_its_password() {
    for (url, expected) in [
        (
            "mysql://ann:hunter2@localhost/x",
            "a database URL begins with `sqlite:` or `postgres://`, this one with `mysql`",
        ),
        ("hunter2", "a database URL begins with `sqlite:` or `postgres://`, this one with `hunter2`"),
        ("postgres://ann:hunter2@127.0.0.1:1/x", "cannot open the database: "),
        ("sqlite:/nowhere/at/all.sqlite", "cannot open the database: "),
    ] {
        let error = SqlUsers::connect(url).await.expect_err("it leads nowhere");
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(url == "hunter2" || !format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
