//! JSON Web Tokens as Django's simplejwt writes and reads them, and those of other identity providers.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Authenticator, Claims, DenyList, Identity, Jwks, Key, KeyError, MemoryDenyList, TokenError, TokenIssuer, UserStore,
    authenticator::BoxFuture,
    claims::Rules,
    entries::Entries,
    key::{self, Algorithm, Refused},
};

/// Issues and revokes tokens.
mod issue;

/// Verifies JSON Web Tokens, and issues them where it has a key that signs and knows the users.
///
/// Reads and writes the claims of Django's simplejwt: `token_type` (`access` or `refresh`), `user_id` (a string or a
/// number), `exp`, `iat` and `jti`. Its own tokens also carry `sid`, the login session that they belong to, so that a
/// session can be revoked as a whole. A token without `exp` or, where tokens have a type, without `jti` is refused, and so
/// is one that is signed in any other way than its key is for.
///
/// ```
/// use psd_core::{Identity, auth::{Jwt, MemoryUsers, User}};
///
/// let users = MemoryUsers::new().user(User::new(Identity::new("1", "ann")), "secret password");
/// let jwt = Jwt::hs256("a secret of at least sixteen bytes")?.users(users).rotate_refresh_tokens();
/// # drop(jwt);
/// # Ok::<(), psd_core::auth::KeyError>(())
/// ```
///
/// Keys are exchanged without logging anybody out: sign with the new one and [`accept`](Self::accept) the old one until
/// its last token has expired.
///
/// ```
/// use psd_core::auth::{Algorithm, Jwt, Key};
///
/// # let (new, old) = ("the secret from now on", "the secret until now");
/// let jwt = Jwt::new(Key::secret(Algorithm::HS256, new)?.with_id("2026-11"))
///     .accept(Key::secret(Algorithm::HS256, old)?);
/// # drop(jwt);
/// # Ok::<(), psd_core::auth::KeyError>(())
/// ```
///
/// Tokens of an identity provider are verified with its published keys:
///
/// ```
/// use psd_core::{Identity, auth::{Jwks, Jwt, KeyError}};
///
/// # fn provider(key_set: &str) -> Result<Jwt, KeyError> {
/// let jwt = Jwt::external(Jwks::from_json(key_set)?)
///     .issued_by("https://id.example.org")
///     .audience("chat")
///     .claims(|claims| {
///         let id = claims.text("sub").ok_or("it has no `sub`")?;
///         Ok(Identity::new(id, claims.text("name").unwrap_or(id)).with_permissions(claims.texts("scope")))
///     });
/// # Ok(jwt)
/// # }
/// ```
pub struct Jwt {
    keys: Vec<Key>,
    jwks: Option<Jwks>,
    /// Where signing takes long it is done on another thread.
    signing: Option<Arc<Key>>,
    rules: Rules,
    user_id_claim: String,
    token_type_claim: Option<String>,
    jti_claim: String,
    access_lifetime: Duration,
    refresh_lifetime: Duration,
    /// For how long a used refresh token may come again; `None` where they are not rotated.
    reuse_grace: Option<Duration>,
    deny_list: Box<dyn DenyList>,
    who: Who,
}

/// Who the bearer of a token is.
enum Who {
    /// Nothing is known but the id.
    Id,
    Store(Box<dyn UserStore>),
    Claims(Box<IdentityOf>),
}

type IdentityOf = dyn Fn(&Claims) -> Result<Identity, TokenError> + Send + Sync;

/// Nothing is set to more, so that no sum of times overflows.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
const ACCESS: &str = "access";
const REFRESH: &str = "refresh";
const GONE: &str = "its user is gone or not active";
/// The claim that names a login session (registered by OpenID Connect).
const SESSION_CLAIM: &str = "sid";

impl Jwt {
    /// Tokens signed with a key. If it can sign, tokens are issued with it.
    #[must_use]
    pub fn new(key: Key) -> Self {
        let signing = key.can_sign().then(|| Arc::new(key.clone()));
        Self {
            keys: vec![key],
            jwks: None,
            signing,
            rules: Rules::default(),
            user_id_claim: "user_id".into(),
            token_type_claim: Some("token_type".into()),
            jti_claim: "jti".into(),
            access_lifetime: Duration::from_secs(60 * 60),
            refresh_lifetime: Duration::from_secs(24 * 60 * 60),
            reuse_grace: None,
            deny_list: Box::new(MemoryDenyList::new()),
            who: Who::Id,
        }
    }

    /// Tokens of an identity provider with these keys. Nothing is issued; the user's id is `sub`, and tokens need no
    /// `token_type`. Set [`issued_by`](Self::issued_by) and [`audience`](Self::audience): the provider signs tokens for
    /// others, too.
    #[must_use]
    pub fn external(keys: Jwks) -> Self {
        Self {
            keys: Vec::new(),
            jwks: Some(keys),
            signing: None,
            rules: Rules::default(),
            user_id_claim: "sub".into(),
            token_type_claim: None,
            jti_claim: "jti".into(),
            access_lifetime: Duration::ZERO,
            refresh_lifetime: Duration::ZERO,
            reuse_grace: None,
            deny_list: Box::new(MemoryDenyList::new()),
            who: Who::Id,
        }
    }

    /// Tokens signed with HMAC and SHA-256, the default of simplejwt.
    ///
    /// # Errors
    /// As [`Key::secret`].
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Key::secret(Algorithm::HS256, secret).map(Self::new)
    }

    /// Tokens signed with HMAC and SHA-384.
    ///
    /// # Errors
    /// As [`Key::secret`].
    pub fn hs384(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Key::secret(Algorithm::HS384, secret).map(Self::new)
    }

    /// Tokens signed with HMAC and SHA-512.
    ///
    /// # Errors
    /// As [`Key::secret`].
    pub fn hs512(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Key::secret(Algorithm::HS512, secret).map(Self::new)
    }

    /// Also accepts tokens signed with this key, such as the one that was in use before. It signs nothing.
    #[must_use]
    pub fn accept(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }

    /// Sets where users and their rights come from. Without it, and without [`claims`](Self::claims), a token's user
    /// has no name and no rights, and nobody can log in.
    #[must_use]
    pub fn users(mut self, users: impl UserStore) -> Self {
        self.who = Who::Store(Box::new(users));
        self
    }

    /// Sets who somebody is by the claims of their token, where there is no user store. Nobody can log in.
    #[must_use]
    pub fn claims(
        mut self,
        identity: impl Fn(&Claims) -> Result<Identity, TokenError> + Send + Sync + 'static,
    ) -> Self {
        self.who = Who::Claims(Box::new(identity));
        self
    }

    /// Accepts only tokens whose `iss` is this, or another that is set; its own tokens carry the first. Default: `iss`
    /// is not looked at.
    #[must_use]
    pub fn issued_by(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuers.push(issuer.into());
        self
    }

    /// Accepts only tokens whose `aud` is or holds this, or another that is set; its own tokens carry all of them.
    /// Default: none, and then a token that has an `aud` is refused (RFC 7519, section 4.1.3).
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.push(audience.into());
        self
    }

    /// Sets how far clocks may differ. Default: none, as in simplejwt.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway.min(CENTURY);
        self
    }

    /// Sets how long an access token is good for. Default: one hour.
    #[must_use]
    pub fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_lifetime = lifetime.min(CENTURY);
        self
    }

    /// Sets how long a refresh token is good for. Default: one day.
    #[must_use]
    pub fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = lifetime.min(CENTURY);
        self
    }

    /// Gives a new refresh token with each refresh. Default: the refresh token stays good until it expires.
    ///
    /// Each is good once. One that was used comes again only if its answer was lost, soon, or if somebody has stolen
    /// it: within the [`reuse_grace`](Self::reuse_grace), and as long as its successor was not used, it is answered
    /// again; later the whole login session is revoked, since nobody knows who of the two is the thief.
    #[must_use]
    pub fn rotate_refresh_tokens(mut self) -> Self {
        self.reuse_grace.get_or_insert(Duration::from_secs(30));
        self
    }

    /// Rotates refresh tokens and sets for how long a used one may come again. Default: 30 seconds, since a client whose
    /// connection broke comes back within 20.
    #[must_use]
    pub fn reuse_grace(mut self, grace: Duration) -> Self {
        self.reuse_grace = Some(grace);
        self
    }

    /// Sets where revoked tokens are remembered. Default: [`MemoryDenyList`].
    #[must_use]
    pub fn deny_list(mut self, list: impl DenyList) -> Self {
        self.deny_list = Box::new(list);
        self
    }

    /// Sets the claim with the user's id. Default: `user_id`; [`external`](Self::external): `sub`.
    #[must_use]
    pub fn user_id_claim(mut self, name: impl Into<String>) -> Self {
        self.user_id_claim = name.into();
        self
    }

    /// Sets the claim that says `access` or `refresh`. Default: `token_type`; [`external`](Self::external): none.
    #[must_use]
    pub fn token_type_claim(mut self, name: impl Into<String>) -> Self {
        self.token_type_claim = Some(name.into());
        self
    }

    /// Does not look at a token's type. Refresh tokens are then as good as access tokens, so none are issued.
    #[must_use]
    pub fn without_token_type(mut self) -> Self {
        self.token_type_claim = None;
        self
    }

    /// Sets the claim with the token's own id. Default: `jti`.
    #[must_use]
    pub fn jti_claim(mut self, name: impl Into<String>) -> Self {
        self.jti_claim = name.into();
        self
    }

    /// The claims of a good token of any type: one whose key is known, that is valid now, for us, and not revoked.
    ///
    /// # Errors
    /// The token is not good, or that cannot be told now.
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let claims = Claims(self.open(token).await?);
        self.rules.check(&claims, SystemTime::now())?;
        let (jti, session) = (self.jti(&claims), claims.text(SESSION_CLAIM));
        let both = [jti.unwrap_or_default(), session.unwrap_or_default()];
        let ids = &both[usize::from(jti.is_none())..1 + usize::from(session.is_some())];
        match self.deny_list.is_denied(ids).await {
            Ok(false) => Ok(claims),
            Ok(true) => Err("it was revoked".into()),
            Err(error) => Err(TokenError::unavailable(format!("the deny list does not answer: {error}"))),
        }
    }

    /// The claims of a good token of this type.
    async fn verify_as(&self, token: &str, token_type: &str) -> Result<Claims, TokenError> {
        let claims = self.verify(token).await?;
        match &self.token_type_claim {
            Some(name) if claims.text(name) != Some(token_type) => Err(format!("it is no {token_type} token").into()),
            // As in simplejwt: nobody could revoke it.
            Some(_) if claims.get(&self.jti_claim).is_none() => Err(format!("it has no `{}`", self.jti_claim).into()),
            _ => Ok(claims),
        }
    }

    async fn open(&self, token: &str) -> Result<Entries, TokenError> {
        let unknown = || TokenError::from("it names a key that is not known here");
        let Some(jwks) = &self.jwks else {
            return key::open(token, &[&self.keys]).map_err(|refused| match refused {
                Refused::UnknownKey => unknown(),
                Refused::Bad(reason) => reason.into(),
            });
        };
        let mut keys = jwks.keys().await?;
        let mut is_fresh = false;
        loop {
            match key::open(token, &[&self.keys, &keys]) {
                Ok(claims) => return Ok(claims),
                Err(Refused::Bad(reason)) => return Err(reason.into()),
                Err(Refused::UnknownKey) if is_fresh => return Err(unknown()),
                Err(Refused::UnknownKey) => keys = jwks.refetch().await.ok_or_else(unknown)?,
            }
            is_fresh = true;
        }
    }

    fn jti<'a>(&self, claims: &'a Claims) -> Option<&'a str> {
        claims.text(&self.jti_claim)
    }

    /// The login session of a token; one of simplejwt's is a session by itself.
    fn session<'a>(&self, claims: &'a Claims) -> Option<&'a str> {
        claims.text(SESSION_CLAIM).or_else(|| self.jti(claims))
    }

    /// Whose a good token is; `None` if its user is gone or not active.
    async fn bearer(&self, claims: &Claims) -> Result<Option<Identity>, TokenError> {
        let id = || {
            let name = &self.user_id_claim;
            claims.id(name).ok_or_else(|| TokenError::from(format!("it has no user in its `{name}`")))
        };
        match &self.who {
            Who::Id => Ok(Some(Identity::new(id()?, ""))),
            Who::Claims(identity) => identity(claims).map(Some),
            Who::Store(users) => find(&**users, &id()?).await,
        }
    }
}

/// The user with this key; `None` if it is gone or not active.
async fn find(users: &dyn UserStore, user_id: &str) -> Result<Option<Identity>, TokenError> {
    match users.find(user_id).await {
        Ok(user) => Ok(user.filter(|user| user.active).map(|user| user.identity)),
        Err(error) => Err(TokenError::unavailable(error.to_string())),
    }
}

impl Authenticator for Jwt {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        Box::pin(async move {
            let claims = self.verify_as(token, ACCESS).await?;
            let mut identity = self.bearer(&claims).await?.ok_or(GONE)?;
            if let Some(session) = self.session(&claims) {
                identity = identity.with_session_id(session);
            }
            let end = claims.expires_at().and_then(|time| time.checked_add(self.rules.leeway));
            let earliest = end.into_iter().chain(identity.expires_at()).min();
            Ok(match earliest {
                Some(time) => identity.expiring_at(time),
                None => identity,
            })
        })
    }

    /// Whoever came without a token, such as by a session cookie, is looked up in the user store, where there is one.
    fn refresh_identity<'a>(
        &'a self,
        identity: &'a Identity,
        token: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Identity, TokenError>> {
        Box::pin(async move {
            match (token, &self.who) {
                (Some(token), _) => self.authenticate(token).await,
                (None, Who::Store(users)) => {
                    let mut refreshed = find(&**users, identity.user_id()).await?.ok_or(GONE)?;
                    if let Some(session) = identity.session_id() {
                        refreshed = refreshed.with_session_id(session);
                    }
                    Ok(match identity.expires_at() {
                        Some(time) => refreshed.expiring_at(time),
                        None => refreshed,
                    })
                }
                (None, _) => Ok(identity.clone()),
            }
        })
    }

    fn issuer(&self) -> Option<&dyn TokenIssuer> {
        let issues = self.signing.is_some() && self.token_type_claim.is_some() && matches!(self.who, Who::Store(_));
        issues.then_some(self as &dyn TokenIssuer)
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("keys", &self.keys).field("jwks", &self.jwks).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
