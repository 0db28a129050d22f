//! Who a client is: tokens, users, and the ready-made receivers of login.

mod authenticator;
mod deny_list;
mod identity;
mod jwt;
#[cfg(feature = "passwords")]
pub mod password;
mod receivers;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
mod users;

pub use authenticator::{Authenticator, BoxFuture, Login, StaticTokens, TokenError, TokenIssuer};
pub use deny_list::{DenyList, MemoryDenyList, RefreshUse};
pub use identity::Identity;
pub use jwt::{Jwt, JwtError};
pub(crate) use receivers::{LOGIN_RECEIVERS, check as check_login};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sql::{Account, Database, DjangoTables, DjangoUsers, SqlUsers, StoreError};
pub use users::{MemoryUsers, User, UserStore};
