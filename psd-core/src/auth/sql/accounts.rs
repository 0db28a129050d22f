//! What an application, and `psd user`, do with users in tables of our own.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    database::{Row, Sql, Value},
    login::Tables as _,
    names,
    own::{SqlUsers, now},
};
use crate::Error;

/// Stands where a password would, and no password opens it; as Django does it.
const UNUSABLE: &str = "!";
const COLUMNS: &str = "id, name, password, is_active, is_superuser, created_at, last_login";

/// A user as its administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// What tokens and [`Identity::user_id`](crate::Identity::user_id) call the user.
    pub id: i64,
    /// The user's name.
    pub name: String,
    /// Whether the user may log in and use its tokens.
    pub active: bool,
    /// Whether every guard lets the user pass.
    pub superuser: bool,
    /// Whether there is a password that opens the account.
    pub has_password: bool,
    /// When the user was created.
    pub created: SystemTime,
    /// When the user logged in last.
    pub last_login: Option<SystemTime>,
}

/// Accounts. Names are those of users, in upper or lower case.
///
/// Errors have code 404 if there is no such user, 409 if a name is taken, 422 if a name, password or permission cannot
/// be given, 503 if too many passwords wait to be hashed; every other one is internal. A handler can return them as
/// they are. Connections keep the rights they have until their token changes; a user's tokens work until they expire,
/// unless the account is deactivated or deleted.
impl SqlUsers {
    /// Creates a user with a password, active, without rights.
    ///
    /// # Errors
    /// Code 409 if the name is taken, 422 if the name or the password cannot be given.
    pub async fn create(&self, name: &str, password: &str) -> Result<Account, Error> {
        let name = names::checked(name)?;
        self.check_password(password)?;
        // Before a hash is computed for nothing; the insertion below decides.
        if self.0.by_name(&name).await?.is_some() {
            return Err(taken(&name));
        }
        let stored = self.0.logins.passwords.hash(password).await?;
        self.insert(&name, &stored).await
    }

    /// Creates a user whom no password opens, who logs in by other means or gets one later.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn create_without_password(&self, name: &str) -> Result<Account, Error> {
        self.insert(&names::checked(name)?, UNUSABLE).await
    }

    /// The account of a name; `None` if there is none.
    ///
    /// # Errors
    /// The database fails.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, Error> {
        if !names::can_exist(name) {
            return Ok(None);
        }
        let find = Sql::built(format!("SELECT {COLUMNS} FROM psd_users WHERE name_key = $1"));
        let row = self.0.database.fetch_one(&find, &[Value::Text(&names::key(name))]).await?;
        row.map(|row| account(&row)).transpose()
    }

    /// A page of at most `limit` accounts in the order of their names, beginning behind `after`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<Account>, Error> {
        let list =
            Sql::built(format!("SELECT {COLUMNS} FROM psd_users WHERE name_key > $1 ORDER BY name_key LIMIT $2"));
        let after = after.map(names::key).unwrap_or_default().replace('\0', "");
        let rows = self.0.database.fetch(&list, &[Value::Text(&after), Value::Integer(limit.into())]).await?;
        rows.iter().map(account).collect()
    }

    /// Sets a user's password.
    ///
    /// # Errors
    /// Code 404 if there is no such user, 422 if the password cannot be given.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<(), Error> {
        self.check_password(password)?;
        let stored = self.0.logins.passwords.hash(password).await?;
        self.update(name, "password = $2", Value::Text(&stored)).await
    }

    /// Takes a user's password away: no password opens the account.
    ///
    /// # Errors
    /// Code 404 if there is no such user.
    pub async fn remove_password(&self, name: &str) -> Result<(), Error> {
        self.update(name, "password = $2", Value::Text(UNUSABLE)).await
    }

    /// Gives a user another name.
    ///
    /// # Errors
    /// Code 404 if there is no such user, 409 if the name is taken, 422 if it cannot be given.
    pub async fn rename(&self, name: &str, new: &str) -> Result<(), Error> {
        let new = names::checked(new)?;
        let (old_key, new_key) = (names::key(name), names::key(&new));
        let mut transaction = self.0.database.begin().await?;
        let other = Sql::Fixed("SELECT id FROM psd_users WHERE name_key = $1 AND name_key <> $2");
        if transaction.fetch_one(&other, &[Value::Text(&new_key), Value::Text(&old_key)]).await?.is_some() {
            return Err(taken(&new));
        }
        let rename = Sql::Fixed("UPDATE psd_users SET name = $1, name_key = $2 WHERE name_key = $3");
        let values = [Value::Text(&new), Value::Text(&new_key), Value::Text(&old_key)];
        if !names::can_exist(name) || transaction.execute(&rename, &values).await? == 0 {
            return Err(unknown(name));
        }
        Ok(transaction.commit().await?)
    }

    /// Lets a user log in and use its tokens, or no longer.
    ///
    /// # Errors
    /// Code 404 if there is no such user.
    pub async fn set_active(&self, name: &str, active: bool) -> Result<(), Error> {
        self.update(name, "is_active = $2", Value::Boolean(active)).await
    }

    /// Makes a user a superuser, whom every guard lets pass, or an ordinary one.
    ///
    /// # Errors
    /// Code 404 if there is no such user.
    pub async fn set_superuser(&self, name: &str, superuser: bool) -> Result<(), Error> {
        self.update(name, "is_superuser = $2", Value::Boolean(superuser)).await
    }

    /// Deletes a user with its rights. Its number is never given again, so its tokens open nothing.
    ///
    /// # Errors
    /// Code 404 if there is no such user.
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        let id = self.id(name).await?;
        // SQLite follows `ON DELETE CASCADE` only on connections that were told to; the pool may be the application's.
        let mut transaction = self.0.database.begin().await?;
        for delete in [
            "DELETE FROM psd_user_permissions WHERE user_id = $1",
            "DELETE FROM psd_memberships WHERE user_id = $1",
            "DELETE FROM psd_users WHERE id = $1",
        ] {
            transaction.execute(&Sql::Fixed(delete), &[Value::Integer(id)]).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The permissions given to the user itself; those of its user groups are not among them.
    ///
    /// # Errors
    /// Code 404 if there is no such user.
    pub async fn permissions(&self, name: &str) -> Result<BTreeSet<String>, Error> {
        let list = "SELECT permission FROM psd_user_permissions WHERE user_id = $1";
        self.texts(list, self.id(name).await?).await
    }

    /// The user groups that the user is in.
    ///
    /// # Errors
    /// Code 404 if there is no such user.
    pub async fn user_groups(&self, name: &str) -> Result<BTreeSet<String>, Error> {
        let list = "SELECT name FROM psd_user_groups JOIN psd_memberships ON user_group_id = id WHERE user_id = $1";
        self.texts(list, self.id(name).await?).await
    }

    /// Gives a user a permission, written `app.codename`.
    ///
    /// # Errors
    /// Code 404 if there is no such user, 422 if the permission is written otherwise.
    pub async fn grant(&self, name: &str, permission: &str) -> Result<(), Error> {
        check_permission(permission)?;
        let grant = "INSERT INTO psd_user_permissions (user_id, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let values = [Value::Integer(self.id(name).await?), Value::Text(permission)];
        Ok(self.0.database.execute(&Sql::Fixed(grant), &values).await.map(drop)?)
    }

    /// Takes a permission from a user; what its user groups give it stays.
    ///
    /// # Errors
    /// Code 404 if there is no such user.
    pub async fn revoke(&self, name: &str, permission: &str) -> Result<(), Error> {
        let revoke = "DELETE FROM psd_user_permissions WHERE user_id = $1 AND permission = $2";
        let values = [Value::Integer(self.id(name).await?), Value::Text(permission)];
        Ok(self.0.database.execute(&Sql::Fixed(revoke), &values).await.map(drop)?)
    }

    /// Puts a user into a user group, which is made if it is not there.
    ///
    /// # Errors
    /// Code 404 if there is no such user, 422 if the group cannot be called so.
    pub async fn join(&self, name: &str, user_group: &str) -> Result<(), Error> {
        let id = self.id(name).await?;
        let user_group = self.user_group(user_group).await?;
        let join = "INSERT INTO psd_memberships (user_id, user_group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let values = [Value::Integer(id), Value::Integer(user_group)];
        Ok(self.0.database.execute(&Sql::Fixed(join), &values).await.map(drop)?)
    }

    /// Takes a user out of a user group.
    ///
    /// # Errors
    /// Code 404 if there is no such user.
    pub async fn leave(&self, name: &str, user_group: &str) -> Result<(), Error> {
        let leave = "DELETE FROM psd_memberships WHERE user_id = $1
            AND user_group_id IN (SELECT id FROM psd_user_groups WHERE name = $2)";
        let values = [Value::Integer(self.id(name).await?), Value::Text(user_group)];
        Ok(self.0.database.execute(&Sql::Fixed(leave), &values).await.map(drop)?)
    }

    /// Gives all members of a user group a permission; the group is made if it is not there.
    ///
    /// # Errors
    /// Code 422 if the permission is not written `app.codename`, or the group cannot be called so.
    pub async fn grant_user_group(&self, user_group: &str, permission: &str) -> Result<(), Error> {
        check_permission(permission)?;
        let grant = "INSERT INTO psd_user_group_permissions (user_group_id, permission) VALUES ($1, $2)
            ON CONFLICT DO NOTHING";
        let values = [Value::Integer(self.user_group(user_group).await?), Value::Text(permission)];
        Ok(self.0.database.execute(&Sql::Fixed(grant), &values).await.map(drop)?)
    }

    /// Takes a permission from a user group.
    ///
    /// # Errors
    /// The database fails.
    pub async fn revoke_user_group(&self, user_group: &str, permission: &str) -> Result<(), Error> {
        let revoke = "DELETE FROM psd_user_group_permissions WHERE permission = $2
            AND user_group_id IN (SELECT id FROM psd_user_groups WHERE name = $1)";
        let values = [Value::Text(user_group), Value::Text(permission)];
        Ok(self.0.database.execute(&Sql::Fixed(revoke), &values).await.map(drop)?)
    }

    async fn insert(&self, name: &str, stored: &str) -> Result<Account, Error> {
        let insert = Sql::built(format!(
            "INSERT INTO psd_users (name, name_key, password, is_active, is_superuser, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name_key) DO NOTHING RETURNING {COLUMNS}"
        ));
        let key = names::key(name);
        let (active, superuser) = (Value::Boolean(true), Value::Boolean(false));
        let values =
            [Value::Text(name), Value::Text(&key), Value::Text(stored), active, superuser, Value::Integer(now())];
        match self.0.database.fetch_one(&insert, &values).await? {
            Some(row) => account(&row),
            None => Err(taken(name)),
        }
    }

    /// Changes one column, whose value is `$2`.
    async fn update(&self, name: &str, change: &'static str, value: Value<'_>) -> Result<(), Error> {
        let update = Sql::built(format!("UPDATE psd_users SET {change} WHERE name_key = $1"));
        let values = [Value::Text(&names::key(name)), value];
        match names::can_exist(name) && self.0.database.execute(&update, &values).await? > 0 {
            true => Ok(()),
            false => Err(unknown(name)),
        }
    }

    async fn id(&self, name: &str) -> Result<i64, Error> {
        Ok(self.account(name).await?.ok_or_else(|| unknown(name))?.id)
    }

    /// The number of a user group, which is made if it is not there.
    async fn user_group(&self, name: &str) -> Result<i64, Error> {
        if name.trim().is_empty() || name.contains('\0') || name.chars().count() > 150 {
            return Err(Error::new(422, "a user group's name has 1 to 150 characters"));
        }
        let insert = Sql::Fixed("INSERT INTO psd_user_groups (name) VALUES ($1) ON CONFLICT (name) DO NOTHING");
        self.0.database.execute(&insert, &[Value::Text(name)]).await?;
        let find = Sql::Fixed("SELECT id FROM psd_user_groups WHERE name = $1");
        let row = self.0.database.fetch_one(&find, &[Value::Text(name)]).await?;
        Ok(row.ok_or_else(|| Error::internal("a user group is gone as soon as it is made"))?.integer(0)?)
    }

    async fn texts(&self, sql: &'static str, id: i64) -> Result<BTreeSet<String>, Error> {
        let rows = self.0.database.fetch(&Sql::Fixed(sql), &[Value::Integer(id)]).await?;
        rows.iter().map(|row| Ok(row.text(0)?)).collect()
    }

    fn check_password(&self, password: &str) -> Result<(), Error> {
        let minimum = self.0.minimum_password;
        if password.chars().count() < minimum {
            return Err(Error::new(422, format!("the password has fewer than {minimum} characters")));
        }
        Ok(())
    }
}

fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.integer(0)?,
        name: row.text(1)?,
        has_password: !row.text(2)?.starts_with('!'),
        active: row.boolean(3)?,
        superuser: row.boolean(4)?,
        created: time(row.integer(5)?),
        last_login: row.optional_integer(6)?.map(time),
    })
}

fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn check_permission(permission: &str) -> Result<(), Error> {
    let is_well_formed =
        permission.split_once('.').is_some_and(|(app, codename)| !app.is_empty() && !codename.is_empty());
    match is_well_formed && permission.len() <= 256 && !permission.contains(|c: char| c.is_control() || c == ' ') {
        true => Ok(()),
        false => Err(Error::new(422, format!("the permission `{permission}` is not written `app.codename`"))),
    }
}

fn taken(name: &str) -> Error {
    Error::new(409, format!("the name `{name}` is taken"))
}

fn unknown(name: &str) -> Error {
    let name: String = name.chars().take(150).collect();
    Error::new(404, format!("there is no user `{name}`"))
}
