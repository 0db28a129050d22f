//! The tables of a Django project: what they are called, whether they are there, and what is asked of them.

use super::{
    super::database::{Database, Dialect, Sql, StoreError, quoted},
    key::KeyKind,
};

/// The tables of a project's users, where they are not Django's own.
///
/// ```
/// use psd_core::auth::DjangoTables;
///
/// // class User(AbstractBaseUser, PermissionsMixin) of an app `accounts`, with USERNAME_FIELD = "email"
/// let tables = DjangoTables::of("accounts_user").username_column("email");
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct DjangoTables {
    users: String,
    key: String,
    username: String,
    has_active: bool,
    permissions: bool,
    user_groups: String,
    user_permissions: String,
}

pub(super) struct Queries {
    pub(super) by_name: Sql,
    pub(super) by_key: Sql,
    /// Rows of app and codename, and of an empty text and a user group's name; none if the project has no permissions.
    pub(super) rights: Option<Sql>,
    pub(super) replace_password: Sql,
    pub(super) note_login: Sql,
    pub(super) sample: Sql,
}

impl DjangoTables {
    /// The tables of a custom user model by the name of its table, which is `app_model` unless `db_table` says
    /// otherwise. What connects users with groups and permissions is called by Django's rule: `app_model_groups` and
    /// `app_model_user_permissions`.
    pub fn of(users: impl Into<String>) -> Self {
        let users = users.into();
        Self {
            key: "id".into(),
            username: "username".into(),
            has_active: true,
            permissions: true,
            user_groups: format!("{users}_groups"),
            user_permissions: format!("{users}_user_permissions"),
            users,
        }
    }

    /// The column of the model's `USERNAME_FIELD`. Default: `username`.
    pub fn username_column(mut self, column: impl Into<String>) -> Self {
        self.username = column.into();
        self
    }

    /// The column of the primary key: an integer, a UUID or text. Default: `id`.
    pub fn key_column(mut self, column: impl Into<String>) -> Self {
        self.key = column.into();
        self
    }

    /// The table that connects users with groups.
    pub fn user_groups_table(mut self, table: impl Into<String>) -> Self {
        self.user_groups = table.into();
        self
    }

    /// The table that connects users with permissions of their own.
    pub fn user_permissions_table(mut self, table: impl Into<String>) -> Self {
        self.user_permissions = table.into();
        self
    }

    /// The model has no column `is_active`: everybody is active.
    pub fn without_active(mut self) -> Self {
        self.has_active = false;
        self
    }

    /// The model is without `PermissionsMixin`: nobody is a superuser or has groups or permissions.
    pub fn without_permissions(mut self) -> Self {
        self.permissions = false;
        self
    }

    /// Names all that is missing, or says what to ask.
    pub(super) async fn check(&self, database: &Database) -> Result<(KeyKind, Queries), StoreError> {
        let mut problems = Vec::new();
        let columns = database.columns(&self.users).await?;
        if columns.is_empty() {
            problems.push(format!(
                "there is no table `{}`: run `manage.py migrate`, or name the table of the project's user model by \
                 `DjangoTables::of(\"app_model\")`",
                self.users
            ));
            return Err(StoreError::Tables(problems));
        }
        let mut wanted = vec![
            (&*self.key, "name the primary key by `.key_column(…)`"),
            (&*self.username, "name the column of USERNAME_FIELD by `.username_column(…)`"),
            ("password", "this is no table of users"),
        ];
        if self.has_active {
            wanted.push(("is_active", "say `.without_active()` if everybody is active"));
        }
        if self.permissions {
            wanted.push(("is_superuser", "say `.without_permissions()` if the model is without PermissionsMixin"));
        }
        let type_of = |name: &str| columns.iter().find(|(column, _)| column == name).map(|(_, kind)| kind.as_str());
        for (name, way_out) in wanted {
            if type_of(name).is_none() {
                let there = columns.iter().map(|(column, _)| format!("`{column}`")).collect::<Vec<_>>().join(", ");
                problems.push(format!("table `{}` has no column `{name}`, but {there}: {way_out}", self.users));
            }
        }
        let (mut member, mut holder) = (String::new(), String::new());
        if self.permissions {
            for (table, columns) in [
                ("auth_group", &["id", "name"] as &[_]),
                ("auth_permission", &["id", "content_type_id", "codename"]),
                ("auth_group_permissions", &["group_id", "permission_id"]),
                ("django_content_type", &["id", "app_label"]),
            ] {
                let there = database.columns(table).await?;
                let missing = columns.iter().filter(|name| !there.iter().any(|(column, _)| column == *name));
                problems.extend(
                    missing.map(|name| {
                        format!("there is no column `{name}` of a table `{table}`: run `manage.py migrate`")
                    }),
                );
            }
            member = user_column(database, &self.user_groups, "group_id", "user_groups_table", &mut problems).await?;
            holder =
                user_column(database, &self.user_permissions, "permission_id", "user_permissions_table", &mut problems)
                    .await?;
        }
        match (type_of(&self.key), type_of(&self.username)) {
            (Some(key), Some(username)) if problems.is_empty() => {
                let key = KeyKind::of(key);
                Ok((key, self.queries(key, username, &member, &holder, database.dialect())))
            }
            _ => Err(StoreError::Tables(problems)),
        }
    }

    /// `member` and `holder` are the columns of users in the tables that connect them with groups and permissions.
    fn queries(&self, kind: KeyKind, username_type: &str, member: &str, holder: &str, dialect: Dialect) -> Queries {
        let (users, key, username) = (quoted(&self.users), quoted(&self.key), quoted(&self.username));
        let active = if self.has_active { "is_active" } else { "TRUE" };
        let superuser = if self.permissions { "is_superuser" } else { "FALSE" };
        let select = format!(
            "SELECT CAST({key} AS TEXT), CAST({username} AS TEXT), password, {active}, {superuser} FROM {users}"
        );
        let parameter = kind.parameter();
        // The one type of text that compares in a way of its own, which it would not do with plain text.
        let name = if username_type == "citext" { "CAST($1 AS citext)" } else { "$1" };
        let rights = self.permissions.then(|| {
            let (user_groups, user_permissions) = (quoted(&self.user_groups), quoted(&self.user_permissions));
            let (member, holder) = (quoted(member), quoted(holder));
            Sql::built(format!(
                "SELECT CAST(types.app_label AS TEXT), CAST(permissions.codename AS TEXT)
                 FROM auth_permission permissions JOIN django_content_type types ON types.id = permissions.content_type_id
                 WHERE permissions.id IN (
                    SELECT permission_id FROM {user_permissions} WHERE {holder} = {parameter}
                    UNION SELECT of_groups.permission_id FROM auth_group_permissions of_groups
                        JOIN {user_groups} members ON members.group_id = of_groups.group_id
                        WHERE members.{member} = {parameter}
                 )
                 UNION ALL SELECT '', CAST(groups_.name AS TEXT) FROM auth_group groups_
                    JOIN {user_groups} members ON members.group_id = groups_.id WHERE members.{member} = {parameter}"
            ))
        });
        let now = match dialect {
            // As Django writes it: in UTC, without saying so.
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
            #[cfg(feature = "postgres")]
            Dialect::Postgres => "now()",
        };
        // Here the key is `$2`.
        let second = parameter.replace("$1", "$2");
        Queries {
            by_name: Sql::built(format!("{select} WHERE {username} = {name}")),
            by_key: Sql::built(format!("{select} WHERE {key} = {parameter}")),
            rights,
            replace_password: Sql::built(format!(
                "UPDATE {users} SET password = $1 WHERE {key} = {second} AND password = $3"
            )),
            note_login: Sql::built(format!("UPDATE {users} SET last_login = {now} WHERE {key} = {parameter}")),
            sample: Sql::built(format!("SELECT password FROM {users} ORDER BY {key} DESC LIMIT 256")),
        }
    }
}

impl Default for DjangoTables {
    /// Those of `django.contrib.auth.models.User`.
    fn default() -> Self {
        Self::of("auth_user")
    }
}

/// The column of a connecting table that is neither its own key nor the other side's: it is called after the model.
async fn user_column(
    database: &Database,
    table: &str,
    other: &str,
    option: &str,
    problems: &mut Vec<String>,
) -> Result<String, StoreError> {
    let columns: Vec<_> = database.columns(table).await?.into_iter().map(|(name, _)| name).collect();
    let mut rest = columns.iter().filter(|name| *name != "id" && *name != other);
    match (rest.next(), rest.next()) {
        (Some(column), None) if columns.iter().any(|name| name == other) => Ok(column.clone()),
        _ => {
            let found = match columns.as_slice() {
                [] => format!("there is no table `{table}`"),
                _ => format!("table `{table}` does not connect users by one column with `{other}`"),
            };
            problems.push(format!(
                "{found}: name it by `.{option}(…)`, or say `.without_permissions()` if the model is without \
                 PermissionsMixin"
            ));
            Ok(String::new())
        }
    }
}
