use tempfile::TempDir;

use crate::fixture::{Finished, failure, psd, success};

/// A folder with the URL of a database in it that is not there yet.
fn database() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.sqlite").display());
    (folder, url)
}

fn user(url: &str, arguments: &[&str], password: &str) -> Finished {
    let arguments: Vec<_> = ["user"].iter().chain(arguments).copied().collect();
    psd(&arguments).env("PSD_DATABASE_URL", url).input(password).run()
}

#[test]
fn the_first_user_is_made_with_the_tables() {
    let (_folder, url) = database();
    let finished = user(&url, &["add", "ann", "--superuser"], "correct horse battery\n");
    assert_eq!(finished, success("created user 1 `ann`\n"));
    let finished = user(&url, &["add", "bob", "--permission", "chat.add_message", "--group", "editors"], "a password");
    assert_eq!(finished, success("created user 2 `bob`\n"));
    assert_eq!(user(&url, &["add", "carl", "--no-password"], ""), success("created user 3 `carl`\n"));
    let listed = "1 ann (superuser)\n2 bob: editors; chat.add_message\n3 carl (no password)\n";
    assert_eq!(user(&url, &["list"], ""), success(listed));
}

#[test]
fn rights_passwords_and_names_change() {
    let (_folder, url) = database();
    user(&url, &["add", "ann"], "a password");
    let all =
        &["--permission", "chat.add_room", "--permission", "chat.add_message", "--group", "editors", "--superuser"];
    assert_eq!(user(&url, &[&["grant", "ANN"], &all[..]].concat(), ""), success("granted to `ANN`\n"));
    let listed = "1 ann (superuser): editors; chat.add_message, chat.add_room\n";
    assert_eq!(user(&url, &["list"], ""), success(listed));
    assert_eq!(user(&url, &["deactivate", "ann"], ""), success("`ann` may not log in any more\n"));
    assert_eq!(user(&url, &["passwd", "ann", "--remove"], ""), success("no password opens the account of `ann`\n"));
    assert_eq!(user(&url, &[&["revoke", "ann"], &all[..]].concat(), ""), success("revoked from `ann`\n"));
    assert_eq!(user(&url, &["list"], ""), success("1 ann (inactive, no password)\n"));
    assert_eq!(user(&url, &["activate", "ann"], ""), success("`ann` may log in\n"));
    assert_eq!(user(&url, &["passwd", "ann"], "another one\r\n"), success("set the password of `ann`\n"));
    assert_eq!(user(&url, &["rename", "ann", "Anna"], ""), success("`ann` is called `Anna` now\n"));
    let json = user(&url, &["list", "--json"], "");
    let line: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&line["id"], &line["name"], &line["active"]), (&1.into(), &"Anna".into(), &true.into()));
    assert_eq!((&line["has_password"], &line["last_login"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(user(&url, &["delete", "anna"], ""), success("deleted `anna`\n"));
    assert_eq!(user(&url, &["list"], ""), success(""));
    let granted = success("granted to the members of `editors`\n");
    assert_eq!(user(&url, &["grant-group", "editors", "chat.add_room", "chat.view_room"], ""), granted);
}

#[test]
fn what_the_store_refuses_is_exit_code_1() {
    let (_folder, url) = database();
    user(&url, &["add", "ann"], "a password");
    for (arguments, password, err) in [
        (
            &["add", "ANN"][..],
            "",
            "error: the name `ANN` is taken: choose another, or change the user by `psd user grant` and `psd user passwd`\n",
        ),
        (&["add", "bob"], "short", "error: the password has fewer than 8 characters\n"),
        (&["add", " bob"], "a password", "error: the name begins or ends with a space\n"),
        (
            &["add", "bob", "--permission", "everything"],
            "a password",
            "error: the permission `everything` is not written `app.codename`\n",
        ),
        (&["passwd", "bob"], "", "error: there is no user `bob`: `psd user list` shows all\n"),
        (&["grant", "bob", "--superuser"], "", "error: there is no user `bob`: `psd user list` shows all\n"),
    ] {
        assert_eq!(user(&url, arguments, password), failure(1, "", err), "{arguments:?}");
    }
    assert_eq!(user(&url, &["list"], ""), success("1 ann\n"), "nothing of it was done by half");
}

#[test]
fn arguments_that_make_no_sense_are_exit_code_2() {
    let (_folder, url) = database();
    user(&url, &["add", "ann"], "a password");
    for (arguments, password, err) in [
        (&["grant", "ann"][..], "", "error: name what: `--permission app.codename`, `--group NAME` or `--superuser`\n"),
        (&["passwd", "ann"], "", "error: standard input has no password: write it there as one line\n"),
        (&["passwd", "ann"], "one\ntwo\n", "error: standard input has more than one line\n"),
    ] {
        assert_eq!(user(&url, arguments, password), failure(2, "", err), "{arguments:?}");
    }
    let err = "error: no database is named: give `--database sqlite:users.sqlite`, or set PSD_DATABASE_URL\n";
    assert_eq!(user("", &["list"], ""), failure(2, "", err));
    let err = "error: a database URL begins with `sqlite:` or `postgres://`, this one with `mysql`\n";
    assert_eq!(user("mysql://x:hunter2@y/z", &["list"], ""), failure(2, "", err));
}

#[test]
fn a_database_that_is_not_there_is_exit_code_3() {
    let (folder, url) = database();
    let finished = user(&url, &["list"], "");
    assert_eq!((finished.code, &*finished.out), (Some(3), ""));
    assert!(finished.err.starts_with("error: cannot open the database: "), "{}", finished.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made by looking");
    std::fs::write(folder.path().join("users.sqlite"), "").unwrap();
    let err = "error: the tables of users cannot be used:\n- there is no table `psd_users`: the first start of the \
               application makes it, or `psd user add`\n";
    assert_eq!(user(&url, &["list"], ""), failure(3, "", err));
}

#[test]
fn the_url_of_the_environment_is_not_shown() {
    let help = psd(&["user", "add", "--help"]).env("PSD_DATABASE_URL", "postgres://ann:hunter2@db/app").run();
    assert!(help.out.contains("PSD_DATABASE_URL") && !help.out.contains("hunter2"), "{}", help.out);
}
