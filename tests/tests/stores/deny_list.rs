//! What every deny list does.

use std::time::{Duration, SystemTime};

use psd_core::auth::{DenyList, MemoryDenyList, RefreshUse, SqlDenyList};

use crate::fixture::Db;

async fn open(db: &Db) -> SqlDenyList {
    match db {
        Db::Sqlite(pool) => SqlDenyList::open(pool.clone()).await,
        Db::Postgres(pool) => SqlDenyList::open(pool.clone()).await,
    }
    .unwrap()
}

fn soon() -> SystemTime {
    SystemTime::now() + Duration::from_secs(1000)
}

#[tokio::test]
async fn memory_conforms() {
    conforms(&MemoryDenyList::new()).await;
}

#[tokio::test]
async fn databases_conform() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        conforms(&open(&db).await).await;
    }
}

async fn conforms(list: &dyn DenyList) {
    let long = "x".repeat(16 * 1024);
    let past = SystemTime::now() - Duration::from_secs(1);
    for id in ["a", "", "' OR 1=1 --", "\0", "ä", &long] {
        assert!(!list.is_denied(&["other", id]).await.unwrap(), "{id:.20}");
        list.deny(id, soon()).await.unwrap();
        list.deny(id, past).await.unwrap();
        assert!(list.is_denied(&["other", id]).await.unwrap(), "an earlier end does not shorten it: {id:.20}");
    }
    assert!(!list.is_denied(&[]).await.unwrap() && !list.is_denied(&["A", "b"]).await.unwrap());

    let before = SystemTime::now() - Duration::from_secs(1);
    let used = async |session, number| list.use_up(session, number, soon()).await.unwrap();
    assert_eq!(used("s", 3).await, RefreshUse::First);
    assert!(matches!(used("s", 3).await, RefreshUse::Again(at) if at >= before));
    assert_eq!(used("s", 5).await, RefreshUse::First);
    assert_eq!(used("s", 3).await, RefreshUse::Outdated);
    assert_eq!(used("t", 3).await, RefreshUse::First, "each session counts for itself");
    assert!(!list.is_denied(&["s"]).await.unwrap(), "used is not denied");
    let both = tokio::join!(list.use_up("u", 1, soon()), list.use_up("u", 1, soon()));
    let firsts = [both.0.unwrap(), both.1.unwrap()].iter().filter(|used| **used == RefreshUse::First).count();
    assert_eq!(firsts, 1, "of two at once one is the first");
}

#[tokio::test]
async fn a_database_keeps_it_and_forgets_what_has_expired() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let list = open(&db).await;
        list.deny("old", SystemTime::now() - Duration::from_secs(10)).await.unwrap();
        list.deny("new", soon()).await.unwrap();
        assert!(open(&db).await.is_denied(&["new"]).await.unwrap(), "another process sees it");
        assert_eq!(db.text("SELECT CAST(count(*) AS TEXT) FROM psd_revoked").await, "1");
        assert_eq!(
            db.text("SELECT CAST(count(*) AS TEXT) FROM psd_revoked WHERE id = 'new'").await,
            "0",
            "only a hash"
        );
    }
}

#[tokio::test]
async fn the_blacklist_of_simplejwt_is_read() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let error = open(&db).await.reading_simplejwt().await.unwrap_err().to_string();
        assert!(error.contains("add `rest_framework_simplejwt.token_blacklist` to INSTALLED_APPS"), "{error}");
        db.run(
            "CREATE TABLE token_blacklist_outstandingtoken (id bigint PRIMARY KEY, jti varchar(255) NOT NULL UNIQUE);
             CREATE TABLE token_blacklist_blacklistedtoken (id bigint PRIMARY KEY, token_id bigint NOT NULL UNIQUE);
             INSERT INTO token_blacklist_outstandingtoken VALUES (1, 'good'), (2, 'listed');
             INSERT INTO token_blacklist_blacklistedtoken VALUES (1, 2);",
        )
        .await;
        let list = open(&db).await.reading_simplejwt().await.unwrap();
        assert!(list.is_denied(&["session", "listed"]).await.unwrap());
        assert!(!list.is_denied(&["good", "session", "\0", ""]).await.unwrap());
        list.deny("good", soon()).await.unwrap();
        assert!(list.is_denied(&["good"]).await.unwrap());
    }
}
