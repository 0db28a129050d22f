//! The table of fixtures/guards.txt: what every combination of a guard's rules decides about every kind of caller.

use psd_core::{Guard, Identity, auth::User};

/// A user group or a user, with its own permissions.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Its name.
    pub name: &'static str,
    /// Its permissions.
    pub permissions: Vec<&'static str>,
    /// A user's groups.
    pub user_groups: Vec<&'static str>,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether it is active.
    pub active: bool,
}

/// A decision: who comes, what is asked for, and the status.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The rules.
    pub guard: Guard,
    /// Who comes; `None` is nobody.
    pub caller: Option<&'static str>,
    /// 200, 401 or 403.
    pub status: u16,
}

/// The table.
#[derive(Debug, Default)]
pub struct GuardTable {
    /// All users.
    pub users: Vec<Holder>,
    /// All user groups.
    pub user_groups: Vec<Holder>,
    /// All decisions.
    pub cases: Vec<Case>,
}

impl GuardTable {
    /// Reads the table.
    ///
    /// # Panics
    /// A line is not what it should be.
    #[must_use]
    pub fn read() -> Self {
        let mut table = Self::default();
        let mut callers = Vec::new();
        let lines = include_str!("../fixtures/guards.txt").lines().filter(|line| !line.starts_with('#'));
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let words: Vec<&'static str> = line.split_whitespace().collect();
            match words[..] {
                ["user", name, permissions, user_groups, rest] => table.users.push(Holder {
                    name,
                    permissions: list(permissions),
                    user_groups: list(user_groups),
                    superuser: list(rest).contains(&"superuser"),
                    active: !list(rest).contains(&"inactive"),
                }),
                ["group", name, permissions] => table.user_groups.push(Holder {
                    name,
                    permissions: list(permissions),
                    user_groups: Vec::new(),
                    superuser: false,
                    active: true,
                }),
                ["callers", ref names @ ..] => callers = names.to_vec(),
                ["guard", permissions, whitelist, blacklist, ref statuses @ ..] => {
                    assert_eq!(statuses.len(), callers.len(), "{line}");
                    let leaked = |text| &*list(text).leak();
                    let guard = Guard {
                        auth: Some(true),
                        permissions: leaked(permissions),
                        whitelist_groups: leaked(whitelist),
                        blacklist_groups: leaked(blacklist),
                        function: None,
                    };
                    for (caller, status) in callers.iter().zip(statuses) {
                        let caller = Some(*caller).filter(|caller| *caller != "nobody");
                        table.cases.push(Case { guard, caller, status: status.parse().unwrap() });
                    }
                }
                _ => panic!("what is this? {line}"),
            }
        }
        table
    }

    /// A user as a user store gives it: with the permissions of its groups.
    ///
    /// # Panics
    /// There is none of this name.
    #[must_use]
    pub fn user(&self, name: &str) -> User {
        let user = self.users.iter().find(|user| user.name == name).unwrap();
        let of_groups = self.user_groups.iter().filter(|group| user.user_groups.contains(&group.name));
        let identity = Identity::new(name, name)
            .with_permissions(user.permissions.iter().copied())
            .with_permissions(of_groups.flat_map(|group| group.permissions.iter().copied()))
            .with_user_groups(user.user_groups.iter().copied())
            .superuser(user.superuser);
        User::new(identity).active(user.active)
    }
}

impl Case {
    /// What our guard decides about a user, of whom a token of its says who it is.
    #[must_use]
    pub fn decide(&self, user: Option<&User>) -> u16 {
        let identity = user.filter(|user| user.active).map(|user| &user.identity);
        match self.guard.check(true, identity) {
            Ok(()) => 200,
            Err(refusal) => psd_core::Error::from(refusal).code().unwrap_or_default().try_into().unwrap_or_default(),
        }
    }
}

fn list(text: &'static str) -> Vec<&'static str> {
    if text == "-" { Vec::new() } else { text.split(',').collect() }
}
