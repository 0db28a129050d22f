//! Who a client is: tokens, users, and the ready-made receivers of login.

mod authenticator;
mod claims;
mod deny_list;
mod entries;
mod identity;
mod jwk;
mod jwks;
#[cfg(feature = "jwks-url")]
mod jwks_url;
mod jwt;
mod key;
mod names;
#[cfg(feature = "passwords")]
pub mod password;
mod receivers;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
mod throttle;
mod users;

pub use authenticator::{
    Authenticator, BoxFuture, Login, Refreshed, RevokedSession, StaticTokens, TokenError, TokenIssuer,
};
pub use claims::Claims;
pub use deny_list::{DenyList, MemoryDenyList, RefreshUse};
pub use identity::Identity;
pub use jwks::Jwks;
pub use jwt::Jwt;
pub use key::{Algorithm, Key, KeyError};
pub(crate) use receivers::{LOGIN_RECEIVERS, check as check_issuer};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sql::{Account, Database, DjangoTables, DjangoUsers, SqlDenyList, SqlUsers, StoreError};
pub(crate) use throttle::LoginThrottle;
pub use users::{MemoryUsers, User, UserStore};
