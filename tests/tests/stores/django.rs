//! What becomes of stored passwords, and what a Django project may look like.

use psd_core::auth::{
    DjangoTables, DjangoUsers, UserStore as _,
    password::{Argon2Variant, Passwords, Scheme},
};

use crate::fixture::{CHEAP, Db, PERMISSIONS, USER_GROUPS, django};

const STRONGER: Scheme = Scheme::Pbkdf2Sha256 { iterations: 4 };
const STRONGEST: Scheme =
    Scheme::Argon2 { variant: Argon2Variant::Argon2id, old: false, memory: 16, passes: 1, lanes: 1 };
const ANNS: &str = "SELECT password FROM auth_user WHERE username = 'ann'";

async fn login(users: &DjangoUsers, password: &str) -> bool {
    users.verify("ann", password).await.unwrap().is_some()
}

#[tokio::test]
async fn a_weaker_password_is_stored_anew_by_the_login_that_knows_it() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = django(&db).await.passwords(Passwords::new(STRONGER));
        let before = db.text(ANNS).await;
        assert!(before.starts_with("pbkdf2_sha256$3$"));
        assert!(!login(&users, "wrong").await);
        assert_eq!(db.text(ANNS).await, before, "a wrong password changes nothing");
        assert!(login(&users, "ann's password").await);
        let after = db.text(ANNS).await;
        assert!(after.starts_with("pbkdf2_sha256$4$"), "{after}");
        assert!(login(&users, "ann's password").await);
        assert_eq!(db.text(ANNS).await, after, "once is enough");

        let users = users.passwords(Passwords::new(STRONGEST));
        assert!(login(&users, "ann's password").await);
        let strongest = db.text(ANNS).await;
        assert!(strongest.starts_with("argon2$argon2id$v=19$m=16,t=1,p=1$"), "{strongest}");
        let users = users.passwords(Passwords::new(CHEAP));
        assert!(login(&users, "ann's password").await && !login(&users, "wrong").await);
        assert_eq!(db.text(ANNS).await, strongest, "nothing is ever weakened");
    }
}

#[tokio::test]
async fn what_is_switched_off_is_not_written() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = django(&db).await.passwords(Passwords::new(STRONGER)).upgrade_passwords(false);
        let before = db.text(ANNS).await;
        assert!(login(&users, "ann's password").await);
        assert_eq!(db.text(ANNS).await, before);
        let seen = "SELECT CAST(count(last_login) AS TEXT) FROM auth_user";
        assert_eq!(db.text(seen).await, "0");
        let users = users.update_last_login(true);
        assert!(!login(&users, "wrong").await);
        assert_eq!(db.text(seen).await, "0");
        assert!(login(&users, "ann's password").await);
        assert_eq!(db.text(seen).await, "1");
    }
}

/// The database user may only be allowed to read.
#[tokio::test]
async fn a_login_does_not_fail_for_what_cannot_be_written() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = django(&db).await.passwords(Passwords::new(STRONGER)).update_last_login(true);
        db.run(match db {
            Db::Sqlite(_) => {
                "CREATE TRIGGER read_only BEFORE UPDATE ON auth_user BEGIN SELECT RAISE(ABORT, 'read only'); END"
            }
            Db::Postgres(_) => {
                "CREATE FUNCTION refuse() RETURNS trigger AS
                    $$ BEGIN RAISE EXCEPTION 'read only'; END $$ LANGUAGE plpgsql;
                 CREATE TRIGGER read_only BEFORE UPDATE ON auth_user FOR EACH ROW EXECUTE FUNCTION refuse()"
            }
        })
        .await;
        let before = db.text(ANNS).await;
        assert!(login(&users, "ann's password").await);
        assert_eq!(db.text(ANNS).await, before);
    }
}

#[tokio::test]
async fn a_stored_password_that_is_broken_opens_nothing() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = django(&db).await;
        for stored in [
            "",
            "!",
            "ann's password",
            "md5$x$5f4dcc3b5aa765d61d8327deb882cf99",
            "pbkdf2_sha256$4294967295$x$tFVRvOBZbQpxWzzTVVXhFZVNKYCjGWJKwqHaTXGlmtI=",
            "argon2$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
            "bcrypt$$2b$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde",
        ] {
            let quoted = stored.replace('\'', "''");
            db.run(&format!("UPDATE auth_user SET password = '{quoted}' WHERE username = 'ann'")).await;
            for password in ["ann's password", "", stored] {
                assert!(!login(&users, password).await, "{stored}");
            }
        }
    }
}

#[tokio::test]
async fn a_custom_user_model_has_tables_columns_and_keys_of_its_own() {
    const UUIDS: [&str; 5] = [
        "0a1b2c3d-0000-4000-8000-000000000001",
        "0a1b2c3d-0000-4000-8000-000000000002",
        "0a1b2c3d-0000-4000-8000-000000000003",
        "0a1b2c3d-0000-4000-8000-000000000004",
        "0a1b2c3d-0000-4000-8000-000000000005",
    ];
    let hex = UUIDS.map(|uuid| uuid.replace('-', ""));
    let tables = || DjangoTables::of("accounts_person").username_column("email");
    for db in [Db::sqlite().await, Db::postgres().await] {
        let (kind, keys) = match db {
            Db::Sqlite(_) => ("char(32)", hex.each_ref().map(String::as_str)),
            Db::Postgres(_) => ("uuid", UUIDS),
        };
        db.make_django_tables("accounts_person", "email", kind).await;
        db.fill_django_tables("accounts_person", "email", keys).await;
        let users = db.django(tables()).await.unwrap();
        let ann = users.verify("ann", "ann's password").await.unwrap().unwrap();
        assert_eq!(ann.identity.user_id(), UUIDS[0], "simplejwt writes it so");
        assert!(PERMISSIONS.iter().all(|permission| ann.identity.has_permission(permission)));
        assert!(USER_GROUPS.iter().all(|user_group| ann.identity.in_user_group(user_group)));
        assert_eq!(users.find(UUIDS[0]).await.unwrap(), Some(ann));
        for unknown in ["1", "0a1b2c3d-0000-4000-8000-00000000000g", "0a1b2c3d-0000-4000-8000-000000000009", "'", "\0"]
        {
            assert_eq!(users.find(unknown).await.unwrap(), None, "{unknown}");
        }
    }
}

/// Django's login form looks names up in normal form, its API as they are.
#[tokio::test]
async fn a_name_is_looked_up_as_it_is_and_then_in_normal_form() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let users = django(&db).await;
        for (name, known) in [("Zoe\u{308} Ωμέγα", true), ("\u{ff21}nn", false), ("Ann", false), ("\u{ff41}nn", true)]
        {
            let password = if name.starts_with('Z') { "пароль 密码" } else { "ann's password" };
            assert_eq!(users.verify(name, password).await.unwrap().is_some(), known, "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_missing_is_named_with_the_way_out() {
    for db in [Db::sqlite().await, Db::postgres().await] {
        let refused = async |tables| db.django(tables).await.expect_err("something is missing");
        assert_eq!(
            refused(DjangoTables::default()).await,
            "the tables of users cannot be used:\n- there is no table `auth_user`: run `manage.py migrate`, or name the \
             table of the project's user model by `DjangoTables::of(\"app_model\")`"
        );
        db.run("CREATE TABLE people_person (pk integer PRIMARY KEY, email varchar(100), password varchar(128))").await;
        assert_eq!(
            refused(DjangoTables::of("people_person").key_column("pk")).await,
            "the tables of users cannot be used:\
             \n- table `people_person` has no column `username`, but `pk`, `email`, `password`: name the column of \
             USERNAME_FIELD by `.username_column(…)`\
             \n- table `people_person` has no column `is_active`, but `pk`, `email`, `password`: say \
             `.without_active()` if everybody is active\
             \n- table `people_person` has no column `is_superuser`, but `pk`, `email`, `password`: say \
             `.without_permissions()` if the model is without PermissionsMixin\
             \n- there is no column `id` of a table `auth_group`: run `manage.py migrate`\
             \n- there is no column `name` of a table `auth_group`: run `manage.py migrate`\
             \n- there is no column `id` of a table `auth_permission`: run `manage.py migrate`\
             \n- there is no column `content_type_id` of a table `auth_permission`: run `manage.py migrate`\
             \n- there is no column `codename` of a table `auth_permission`: run `manage.py migrate`\
             \n- there is no column `group_id` of a table `auth_group_permissions`: run `manage.py migrate`\
             \n- there is no column `permission_id` of a table `auth_group_permissions`: run `manage.py migrate`\
             \n- there is no column `id` of a table `django_content_type`: run `manage.py migrate`\
             \n- there is no column `app_label` of a table `django_content_type`: run `manage.py migrate`\
             \n- there is no table `people_person_groups`: name it by `.user_groups_table(…)`, or say \
             `.without_permissions()` if the model is without PermissionsMixin\
             \n- there is no table `people_person_user_permissions`: name it by `.user_permissions_table(…)`, or say \
             `.without_permissions()` if the model is without PermissionsMixin"
        );
        let tables = DjangoTables::of("people_person").key_column("pk").username_column("email");
        let users = db.django(tables.without_active().without_permissions()).await.unwrap();
        let stored = Passwords::new(CHEAP).hash("secret").await.unwrap();
        db.run(&format!("INSERT INTO people_person VALUES (7, 'pia@example.org', '{stored}')")).await;
        let pia = users.verify("pia@example.org", "secret").await.unwrap().unwrap();
        assert_eq!((pia.identity.user_id(), pia.active, pia.identity.is_superuser()), ("7", true, false));
    }
}
