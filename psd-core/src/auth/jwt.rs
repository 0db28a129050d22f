//! JSON Web Tokens as Django's simplejwt writes and reads them.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Authenticator, Identity, Login, TokenError, TokenIssuer, UserStore, authenticator::BoxFuture};
use crate::Error;

/// A shorter secret could be guessed (RFC 7518, section 3.2 asks for the hash's length).
const SHORTEST_SECRET: usize = 16;

/// Verifies JSON Web Tokens signed with a shared secret, and issues them where it knows the users.
///
/// Reads and writes the claims of Django's simplejwt: `token_type` (`access` or `refresh`), `user_id` (a string or a
/// number), `exp`, `iat` and `jti`. Only the configured algorithm is accepted, and a token without `exp` is refused.
///
/// ```
/// use psd_core::{Identity, auth::{Jwt, MemoryUsers, User}};
///
/// let users = MemoryUsers::new().user(User::new(Identity::new("1", "ann")), "secret password");
/// let jwt = Jwt::hs256("a secret of at least sixteen bytes")?.users(users);
/// # drop(jwt);
/// # Ok::<(), psd_core::auth::JwtError>(())
/// ```
pub struct Jwt {
    algorithm: Algorithm,
    signing: EncodingKey,
    verifying: DecodingKey,
    leeway: Duration,
    access_lifetime: Duration,
    refresh_lifetime: Duration,
    users: Option<Box<dyn UserStore>>,
}

/// A key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// The secret is short enough to be guessed.
    #[error("the secret has {0} bytes: use at least {SHORTEST_SECRET} random ones")]
    ShortSecret(usize),
}

impl Jwt {
    /// Tokens signed with HMAC and SHA-256.
    ///
    /// # Errors
    /// The secret has fewer than 16 bytes.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, JwtError> {
        Self::hmac(Algorithm::HS256, secret.as_ref())
    }

    /// Tokens signed with HMAC and SHA-384.
    ///
    /// # Errors
    /// The secret has fewer than 16 bytes.
    pub fn hs384(secret: impl AsRef<[u8]>) -> Result<Self, JwtError> {
        Self::hmac(Algorithm::HS384, secret.as_ref())
    }

    /// Tokens signed with HMAC and SHA-512.
    ///
    /// # Errors
    /// The secret has fewer than 16 bytes.
    pub fn hs512(secret: impl AsRef<[u8]>) -> Result<Self, JwtError> {
        Self::hmac(Algorithm::HS512, secret.as_ref())
    }

    /// Sets where users and their rights come from. Without it a token's user has no name and no rights, and nobody
    /// can log in.
    #[must_use]
    pub fn users(mut self, users: impl UserStore) -> Self {
        self.users = Some(Box::new(users));
        self
    }

    /// Sets how far clocks may differ. Default: none, as in simplejwt.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets how long an access token is good for. Default: one hour.
    #[must_use]
    pub fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_lifetime = lifetime;
        self
    }

    /// Sets how long a refresh token is good for. Default: one day.
    #[must_use]
    pub fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = lifetime;
        self
    }

    fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, JwtError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(JwtError::ShortSecret(secret.len()));
        }
        Ok(Self {
            algorithm,
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            leeway: Duration::ZERO,
            access_lifetime: Duration::from_secs(60 * 60),
            refresh_lifetime: Duration::from_secs(24 * 60 * 60),
            users: None,
        })
    }

    /// The claims of a good token of the given type.
    fn verify(&self, token: &str, token_type: &str) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(self.algorithm);
        validation.leeway = self.leeway.as_secs();
        validation.validate_nbf = true;
        let data = jsonwebtoken::decode::<Claims>(token, &self.verifying, &validation)
            .map_err(|error| TokenError::from(error.to_string()))?;
        if data.claims.token_type != token_type {
            return Err(format!("the token's type is `{}`, not `{token_type}`", data.claims.token_type).into());
        }
        Ok(data.claims)
    }

    fn issue(&self, identity: Identity) -> Result<Login, Error> {
        let now = SystemTime::now();
        let access = self.sign("access", identity.user_id(), now, self.access_lifetime)?;
        let refresh = self.sign("refresh", identity.user_id(), now, self.refresh_lifetime)?;
        Ok(Login { identity: identity.expiring_at(now + self.access_lifetime), access, refresh })
    }

    fn sign(&self, token_type: &str, user_id: &str, now: SystemTime, lifetime: Duration) -> Result<String, Error> {
        let claims = Claims {
            token_type: token_type.into(),
            exp: seconds(now + lifetime),
            iat: Some(seconds(now)),
            jti: Some(format!("{:032x}", rand::random::<u128>())),
            user_id: user_id.into(),
        };
        Ok(jsonwebtoken::encode(&Header::new(self.algorithm), &claims, &self.signing)?)
    }

    /// The user of a token, if it may still use it.
    async fn user(&self, user_id: &str) -> Result<Option<Identity>, Error> {
        match &self.users {
            Some(users) => Ok(users.find(user_id).await?.filter(|user| user.active).map(|user| user.identity)),
            None => Ok(Some(Identity::new(user_id, ""))),
        }
    }
}

impl Authenticator for Jwt {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        Box::pin(async move {
            let claims = self.verify(token, "access")?;
            let user = self.user(&claims.user_id).await.map_err(|error| TokenError::unavailable(error.to_string()))?;
            let identity = user.ok_or("the token's user is gone or not active")?;
            // A time that no clock reaches is none.
            let lifetime = Duration::from_secs(claims.exp).checked_add(self.leeway);
            Ok(match lifetime.and_then(|lifetime| UNIX_EPOCH.checked_add(lifetime)) {
                Some(time) => identity.expiring_at(time),
                None => identity,
            })
        })
    }

    fn issuer(&self) -> Option<&dyn TokenIssuer> {
        self.users.as_ref().map(|_| self as &dyn TokenIssuer)
    }
}

impl TokenIssuer for Jwt {
    fn login<'a>(&'a self, username: &'a str, password: &'a str) -> BoxFuture<'a, Result<Option<Login>, Error>> {
        Box::pin(async move {
            let Some(users) = &self.users else { return Ok(None) };
            match users.verify(username, password).await?.filter(|user| user.active) {
                Some(user) => self.issue(user.identity).map(Some),
                None => Ok(None),
            }
        })
    }

    fn refresh<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<Login>, Error>> {
        Box::pin(async move {
            let Ok(claims) = self.verify(token, "refresh") else { return Ok(None) };
            match self.user(&claims.user_id).await? {
                // The refresh token stays valid, and its holder keeps it.
                Some(identity) => Ok(Some(Login { refresh: token.to_owned(), ..self.issue(identity)? })),
                None => Ok(None),
            }
        })
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    token_type: String,
    exp: u64,
    #[serde(default)]
    iat: Option<u64>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(deserialize_with = "string_or_number")]
    user_id: String,
}

/// simplejwt writes `user_id` as a string since 5.5 and as a number before.
fn string_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(i64),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Text(text) => text,
        Id::Number(number) => number.to_string(),
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::super::{MemoryUsers, User};
    use super::*;

    const SECRET: &str = "a secret of at least sixteen bytes";

    fn jwt() -> Jwt {
        let users = MemoryUsers::new()
            .user(User::new(Identity::new("1", "ann")), "pw")
            .user(User::new(Identity::new("2", "ian")).active(false), "pw");
        Jwt::hs256(SECRET).expect("it is long enough").users(users)
    }

    fn token(algorithm: Algorithm, secret: &str, claims: &serde_json::Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes()))
            .expect("claims are JSON")
    }

    #[tokio::test]
    async fn what_it_issues_it_accepts() {
        let jwt = jwt();
        let login = jwt.login("ann", "pw").await.expect("memory does not fail").expect("it is her password");
        let identity = jwt.authenticate(&login.access).await.expect("the token is fresh");
        assert_eq!((identity.user_id(), identity.username()), ("1", "ann"));
        assert!(identity.expires_at().is_some());
        assert!(jwt.authenticate(&login.refresh).await.is_err(), "a refresh token is no access token");
        assert!(jwt.refresh(&login.access).await.expect("memory does not fail").is_none());
        let again = jwt.refresh(&login.refresh).await.expect("memory does not fail").expect("it is fresh");
        assert_eq!(again.refresh, login.refresh, "it stays valid");
    }

    #[tokio::test]
    async fn the_inactive_and_the_unknown_get_nothing() {
        for (name, password) in [("ian", "pw"), ("ann", "no"), ("nobody", "pw"), ("", "")] {
            assert!(jwt().login(name, password).await.expect("memory does not fail").is_none(), "{name}");
        }
    }

    #[tokio::test]
    async fn bad_tokens_are_refused() {
        let far = u64::from(u32::MAX);
        let claims = serde_json::json!({"token_type": "access", "user_id": 1, "exp": far});
        assert!(jwt().authenticate(&token(Algorithm::HS256, SECRET, &claims)).await.is_ok(), "user_id as a number");
        let with = |name: &str, value: serde_json::Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            claims
        };
        let mut without_exp = claims.clone();
        without_exp.as_object_mut().expect("it is an object").remove("exp");
        for bad in [
            token(Algorithm::HS256, "another secret of that length", &claims),
            token(Algorithm::HS384, SECRET, &claims),
            token(Algorithm::HS256, SECRET, &without_exp),
            token(Algorithm::HS256, SECRET, &with("exp", 1.into())),
            token(Algorithm::HS256, SECRET, &with("nbf", far.into())),
            token(Algorithm::HS256, SECRET, &with("token_type", "refresh".into())),
            token(Algorithm::HS256, SECRET, &with("user_id", 2.into())),
            token(Algorithm::HS256, SECRET, &with("user_id", 3.into())),
            "eyJhbGciOiJub25lIn0.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6MSwiZXhwIjo0Mjk0OTY3Mjk1fQ.".into(),
            String::new(),
            "a.b.c".into(),
            "x".repeat(100_000),
        ] {
            assert!(jwt().authenticate(&bad).await.is_err(), "{bad:.80}");
        }
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(Jwt::hs256("short").err(), Some(JwtError::ShortSecret(5)));
    }
}
