//! What every store does.

use std::sync::Arc;

use psd_core::auth::UserStore;

use crate::fixture::{Db, PEOPLE, PERMISSIONS, USER_GROUPS, django, memory, own};

#[tokio::test]
async fn memory_conforms() {
    conforms(memory()).await;
}

#[tokio::test]
async fn own_tables_in_sqlite_conform() {
    conforms(Arc::new(own(&Db::sqlite().await).await)).await;
}

#[tokio::test]
async fn own_tables_in_postgres_conform() {
    conforms(Arc::new(own(&Db::postgres().await).await)).await;
}

#[tokio::test]
async fn djangos_tables_in_sqlite_conform() {
    conforms(Arc::new(django(&Db::sqlite().await).await)).await;
}

#[tokio::test]
async fn djangos_tables_in_postgres_conform() {
    conforms(Arc::new(django(&Db::postgres().await).await)).await;
}

async fn conforms(store: Arc<dyn UserStore>) {
    let store = &*store;
    the_right_password_opens(store).await;
    nothing_else_does(store).await;
    everybody_is_found_by_key(store).await;
    nobody_is_found_by_another(store).await;
    rights_are_those_of_the_user_and_its_user_groups(store).await;
}

async fn the_right_password_opens(store: &dyn UserStore) {
    for (name, password, active, superuser) in PEOPLE {
        let Some(password) = password else { continue };
        let user = store.verify(name, password).await.unwrap().unwrap_or_else(|| panic!("{name} is refused"));
        assert_eq!(user.identity.username(), name);
        assert_eq!((user.active, user.identity.is_superuser()), (active, superuser), "{name}");
    }
}

async fn nothing_else_does(store: &dyn UserStore) {
    let long = "x".repeat(1_000_000);
    let passwords = ["", " ", "wrong", "ann's password ", "Ann's password", "!", "!unusable", "' OR '1'='1", &long];
    for (name, ..) in PEOPLE {
        for password in passwords {
            assert!(store.verify(name, password).await.unwrap().is_none(), "{name} {password:.80}");
        }
    }
    let names = [
        "",
        " ",
        "nobody",
        "ann x",
        "ann\0",
        "\0",
        "a\0nn",
        "%",
        "_nn",
        "ann' --",
        "' OR 1=1 --",
        "'; DROP TABLE auth_user; DROP TABLE psd_users; --",
        "ann\" OR \"1\"=\"1",
        "Ζοή",
        "\u{202e}nna",
        "\u{fffd}",
        "𝔞𝔫𝔫\u{301}",
        &long,
    ];
    for name in names {
        assert!(store.verify(name, "ann's password").await.unwrap().is_none(), "{name:.80}");
    }
    // The tables are still there.
    the_right_password_opens(store).await;
}

async fn everybody_is_found_by_key(store: &dyn UserStore) {
    for (name, password, active, superuser) in PEOPLE {
        let Some(password) = password else { continue };
        let user = store.verify(name, password).await.unwrap().unwrap();
        let found = store.find(user.identity.user_id()).await.unwrap().unwrap();
        assert_eq!(found, user);
        assert_eq!((found.active, found.identity.is_superuser()), (active, superuser), "{name}");
    }
}

async fn nobody_is_found_by_another(store: &dyn UserStore) {
    let long = "1".repeat(100_000);
    for key in ["", "0", "-1", "4711", "99999999999999999999999", "1 OR 1=1", "1;--", "ann", "1\0", "\0", "１", &long]
    {
        assert!(store.find(key).await.unwrap().is_none(), "{key:.80}");
    }
}

async fn rights_are_those_of_the_user_and_its_user_groups(store: &dyn UserStore) {
    let ann = store.verify("ann", "ann's password").await.unwrap().unwrap().identity;
    for permission in PERMISSIONS {
        assert!(ann.has_permission(permission), "{permission}");
    }
    for permission in ["chat.delete_room", "chat", "add_message", "chat.add_messag", ""] {
        assert!(!ann.has_permission(permission), "{permission}");
    }
    for user_group in USER_GROUPS {
        assert!(ann.in_user_group(user_group), "{user_group}");
    }
    for user_group in ["nobody", "Editors", ""] {
        assert!(!ann.in_user_group(user_group), "{user_group}");
    }
    let zoe = store.verify("Zoë Ωμέγα", "пароль 密码").await.unwrap().unwrap().identity;
    assert!(PERMISSIONS.iter().all(|permission| !zoe.has_permission(permission)));
    assert!(USER_GROUPS.iter().all(|user_group| !zoe.in_user_group(user_group)));
}
