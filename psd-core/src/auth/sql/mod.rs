//! Users in SQL databases: tables of our own, and Django's.

mod accounts;
mod database;
mod decoys;
mod django;
mod login;
mod names;
mod own;
mod schema;

pub use accounts::Account;
pub use database::{Database, StoreError};
pub use django::{DjangoTables, DjangoUsers};
pub use own::SqlUsers;
