//! `psd user`: accounts in the embedded store, from a terminal or a script.

mod password;

use std::io::Write as _;

use clap::{Args, Subcommand};
use psd_core::auth::{Account, SqlUsers, StoreError};
use serde::Serialize;

use crate::{exit::Exit, output::printable};

const EXAMPLES: &str = "\
Examples:
  psd user add ann --superuser --database sqlite:users.sqlite
  export PSD_DATABASE_URL=postgres://app@localhost/app
  psd user add bob --permission chat.add_message --group editors
  openssl rand -base64 18 | tee /dev/stderr | psd user passwd bob
  psd user grant bob --group moderators
  psd user revoke bob --permission chat.add_message
  psd user deactivate bob
  psd user list --json

A password is asked for without showing it, or read as one line from standard input
where that is no terminal. A user's connections see new rights with their next token.

Exit codes:
  0  success
  1  the store refuses: no such user, a name that is taken, a password that is too short
  2  the arguments are wrong
  3  the database cannot be used";

/// Rows that are fetched at once.
const PAGE: u32 = 500;

/// Manage the users that an application keeps in psd's own tables.
///
/// They are in a SQLite or PostgreSQL database, which the application opens by `SqlUsers`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The database, such as `sqlite:users.sqlite`; without it that of DATABASE_URL
    #[arg(long, value_name = "URL", env = "PSD_DATABASE_URL", hide_env_values = true, global = true)]
    database: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a user, and the tables if they are not there
    Add {
        name: String,
        #[command(flatten)]
        rights: Rights,
        /// Let no password open the account, until `psd user passwd` sets one
        #[arg(long)]
        no_password: bool,
    },
    /// Set a user's password
    Passwd {
        name: String,
        /// Let no password open the account any more
        #[arg(long)]
        remove: bool,
    },
    /// Give a user permissions, user groups, or the rights of a superuser
    Grant {
        name: String,
        #[command(flatten)]
        rights: Rights,
    },
    /// Take them away
    Revoke {
        name: String,
        #[command(flatten)]
        rights: Rights,
    },
    /// Give all members of a user group permissions
    GrantGroup {
        group: String,
        #[arg(required = true)]
        permissions: Vec<String>,
    },
    /// Take permissions from a user group
    RevokeGroup {
        group: String,
        #[arg(required = true)]
        permissions: Vec<String>,
    },
    /// Give a user another name
    Rename { name: String, new: String },
    /// Let a user log in again
    Activate { name: String },
    /// Refuse a user's logins and tokens
    Deactivate { name: String },
    /// Delete a user with its rights
    Delete { name: String },
    /// Show all users in the order of their names
    List {
        /// Print one line of JSON per user
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Rights {
    /// A permission, written `app.codename`; may be repeated
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    /// A user group; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Everything: every guard lets a superuser pass
    #[arg(long)]
    superuser: bool,
}

/// A user for machines; times are seconds since 1970.
#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    name: &'a str,
    active: bool,
    superuser: bool,
    has_password: bool,
    created: u64,
    last_login: Option<u64>,
    permissions: &'a [String],
    groups: &'a [String],
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Exit> {
    let url = arguments.database.or_else(|| std::env::var("DATABASE_URL").ok()).filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| {
        Exit::Usage("no database is named: give `--database sqlite:users.sqlite`, or set PSD_DATABASE_URL".into())
    })?;
    let users = match &arguments.command {
        Command::Add { .. } => SqlUsers::connect(&url).await,
        _ => SqlUsers::connect_existing(&url).await,
    }?;
    let done = carry_out(&users, arguments.command).await;
    users.close().await;
    done
}

async fn carry_out(users: &SqlUsers, command: Command) -> Result<(), Exit> {
    let said = match command {
        Command::Add { name, rights, no_password } => {
            // Before a password is typed for nothing.
            if users.account(&name).await?.is_some() {
                return Err(Exit::Refused(Some(format!(
                    "the name `{name}` is taken: choose another, or change the user by `psd user grant` and `psd user passwd`"
                ))));
            }
            let account = match no_password {
                true => users.create_without_password(&name).await?,
                false => users.create(&name, &password::read()?).await?,
            };
            if let Err(error) = rights.grant(users, &account.name).await {
                // All or nothing: a user without the rights it should have would be in the way of a second try.
                users.delete(&account.name).await?;
                return Err(error);
            }
            format!("created user {} `{}`", account.id, account.name)
        }
        Command::Passwd { name, remove: true } => {
            users.remove_password(&name).await?;
            format!("no password opens the account of `{name}`")
        }
        Command::Passwd { name, remove: false } => {
            let Some(account) = users.account(&name).await? else { return Err(unknown(&name)) };
            users.set_password(&name, &password::read()?).await?;
            format!("set the password of `{}`", account.name)
        }
        Command::Grant { name, rights } => {
            rights.some()?.grant(users, &name).await?;
            format!("granted to `{name}`")
        }
        Command::Revoke { name, rights } => {
            rights.some()?.revoke(users, &name).await?;
            format!("revoked from `{name}`")
        }
        Command::GrantGroup { group, permissions } => {
            for permission in permissions {
                users.grant_user_group(&group, &permission).await?;
            }
            format!("granted to the members of `{group}`")
        }
        Command::RevokeGroup { group, permissions } => {
            for permission in permissions {
                users.revoke_user_group(&group, &permission).await?;
            }
            format!("revoked from the members of `{group}`")
        }
        Command::Rename { name, new } => {
            users.rename(&name, &new).await?;
            format!("`{name}` is called `{new}` now")
        }
        Command::Activate { name } => {
            users.set_active(&name, true).await?;
            format!("`{name}` may log in")
        }
        Command::Deactivate { name } => {
            users.set_active(&name, false).await?;
            format!("`{name}` may not log in any more")
        }
        Command::Delete { name } => {
            users.delete(&name).await?;
            format!("deleted `{name}`")
        }
        Command::List { json } => return list(users, json).await,
    };
    writeln!(anstream::stdout(), "{}", printable(&said))?;
    Ok(())
}

impl Rights {
    /// Refuses a command that would change nothing.
    fn some(self) -> Result<Self, Exit> {
        if self.permissions.is_empty() && self.groups.is_empty() && !self.superuser {
            return Err(Exit::Usage("name what: `--permission app.codename`, `--group NAME` or `--superuser`".into()));
        }
        Ok(self)
    }

    async fn grant(&self, users: &SqlUsers, name: &str) -> Result<(), Exit> {
        for permission in &self.permissions {
            users.grant(name, permission).await?;
        }
        for group in &self.groups {
            users.join(name, group).await?;
        }
        if self.superuser {
            users.set_superuser(name, true).await?;
        }
        Ok(())
    }

    async fn revoke(&self, users: &SqlUsers, name: &str) -> Result<(), Exit> {
        for permission in &self.permissions {
            users.revoke(name, permission).await?;
        }
        for group in &self.groups {
            users.leave(name, group).await?;
        }
        if self.superuser {
            users.set_superuser(name, false).await?;
        }
        Ok(())
    }
}

async fn list(users: &SqlUsers, json: bool) -> Result<(), Exit> {
    let mut out = anstream::stdout();
    let mut after = None;
    loop {
        let page = users.accounts(after.as_deref(), PAGE).await?;
        for account in &page {
            let permissions = Vec::from_iter(users.permissions(&account.name).await?);
            let groups = Vec::from_iter(users.user_groups(&account.name).await?);
            let line = if json {
                json_line(account, &permissions, &groups)?
            } else {
                text_line(account, &permissions, &groups)
            };
            writeln!(out, "{}", printable(&line))?;
        }
        match page.last() {
            Some(last) => after = Some(last.name.clone()),
            None => return Ok(()),
        }
    }
}

fn json_line(account: &Account, permissions: &[String], groups: &[String]) -> Result<String, Exit> {
    let seconds =
        |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let line = Line {
        id: account.id,
        name: &account.name,
        active: account.active,
        superuser: account.superuser,
        has_password: account.has_password,
        created: seconds(account.created),
        last_login: account.last_login.map(seconds),
        permissions,
        groups,
    };
    Ok(serde_json::to_string(&line).map_err(std::io::Error::from)?)
}

/// `7 ann (superuser, inactive): editors; chat.add_message`, of which only what there is.
fn text_line(account: &Account, permissions: &[String], groups: &[String]) -> String {
    let marks =
        [(account.superuser, "superuser"), (!account.active, "inactive"), (!account.has_password, "no password")];
    let marks: Vec<_> = marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark).collect();
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
    let rights: Vec<_> =
        [groups, permissions].iter().filter(|rights| !rights.is_empty()).map(|rights| rights.join(", ")).collect();
    let rights = if rights.is_empty() { String::new() } else { format!(": {}", rights.join("; ")) };
    format!("{} {}{marks}{rights}", account.id, account.name)
}

fn unknown(name: &str) -> Exit {
    Exit::Refused(Some(format!("there is no user `{name}`: `psd user list` shows all")))
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Scheme(_) => Self::Usage(error.to_string()),
            error => Self::Connection(error.to_string()),
        }
    }
}

/// Codes of accounts: what can be helped by another name or password, and what cannot.
impl From<psd_core::Error> for Exit {
    fn from(error: psd_core::Error) -> Self {
        match error.code() {
            Some(404) => Self::Refused(Some(format!("{}: `psd user list` shows all", error.message()))),
            Some(409 | 422) => Self::Refused(Some(error.message().to_owned())),
            _ => Self::Connection(error.to_string()),
        }
    }
}
