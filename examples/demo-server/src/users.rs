//! The users of the recorded application; everybody's password is `pw-` and the name.

use psd_core::{
    Identity,
    auth::{Jwt, MemoryUsers, User},
};

/// Signs and verifies the tokens of the demo server.
#[must_use]
pub fn jwt() -> Jwt {
    let user = |id: &str, name: &str| Identity::new(id, name);
    let users = [
        User::new(user("1", "alice")),
        User::new(user("2", "bob")),
        User::new(user("3", "root").superuser(true)),
        User::new(user("4", "perm").with_permissions(["auth.view_user"])),
        User::new(user("5", "staff").with_user_groups(["staffers"])),
        User::new(user("6", "banned").with_user_groups(["banned"])),
        User::new(user("7", "inactive")).active(false),
    ];
    let users = users.into_iter().fold(MemoryUsers::new(), |users, user| {
        let password = format!("pw-{}", user.identity.username());
        users.user(user, password)
    });
    Jwt::hs256("the demo server's secret is no secret").expect("it is long enough").users(users)
}
