//! Beside a real Django: it makes the database, users and tokens, and decides; ours must decide the same.
//!
//! Needs Python (3.10 or later, with `venv`) and the Python registry, from which Django and simplejwt are installed into
//! a folder under `target`; and PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs)]

/// The Django project, and the server on its database.
mod project;
/// Python with Django.
mod python;

/// Every combination of permissions, user groups and callers.
mod guards;
/// Names and passwords, in every format that Django stores them in.
mod logins;
/// Tokens of either side, valid and not.
mod tokens;
