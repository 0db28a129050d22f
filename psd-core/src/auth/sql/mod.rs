//! Users in SQL databases, in tables of our own and in Django's; and revoked tokens.

mod accounts;
mod database;
mod decoys;
mod deny_list;
mod django;
mod login;
mod names;
mod own;
mod schema;

pub use accounts::Account;
pub use database::{Database, StoreError};
pub use deny_list::SqlDenyList;
pub use django::{DjangoTables, DjangoUsers};
pub use own::SqlUsers;
