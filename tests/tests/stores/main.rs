//! Stores of users: what all of them must do alike, over SQLite and PostgreSQL, in our tables and in Django's.
#![allow(clippy::unwrap_used)]

mod fixture;

// What every store does with names, passwords and keys; each store is named once.
mod conformance;
// What becomes of stored passwords, and what a Django project may look like.
mod django;
// Accounts in our own tables.
mod accounts;
// Revoked tokens, in memory and in databases.
mod deny_list;
// Logins over the wire: what the client sees, and how many may fail.
mod login;
