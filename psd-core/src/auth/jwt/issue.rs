//! Tokens that we give: login sessions, their refresh, and their end.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::{
    super::{
        BoxFuture, Claims, Identity, Login, RefreshUse, Refreshed, RevokedSession, TokenIssuer, User, claims::seconds,
    },
    ACCESS, GONE, Jwt, REFRESH, SESSION_CLAIM, Who,
};
use crate::Error;

/// Counts the refresh tokens of a session where they are rotated.
const ROTATION_CLAIM: &str = "rotation";

impl Jwt {
    /// Begins a login session for somebody whom the application has authenticated itself.
    ///
    /// # Errors
    /// There is no key that signs, or tokens have no type (code 500).
    pub async fn issue_for(&self, identity: Identity) -> Result<Login, Error> {
        self.tokens(identity, &random_id(), 0).await
    }

    async fn tokens(&self, identity: Identity, session: &str, rotation: u64) -> Result<Login, Error> {
        let user = identity.user_id();
        let refresh = self.sign(REFRESH, user, Some(session), rotation, self.refresh_lifetime).await?;
        self.access(identity, Some(session), refresh).await
    }

    /// A new access token beside this refresh token.
    async fn access(&self, mut identity: Identity, session: Option<&str>, refresh: String) -> Result<Login, Error> {
        let end = SystemTime::now() + self.access_lifetime + self.rules.leeway;
        let access = self.sign(ACCESS, identity.user_id(), session, 0, self.access_lifetime).await?;
        if let Some(session) = session {
            identity = identity.with_session_id(session);
        }
        Ok(Login { identity: identity.expiring_at(end), access, refresh })
    }

    async fn sign(
        &self,
        token_type: &str,
        user_id: &str,
        session: Option<&str>,
        rotation: u64,
        lifetime: Duration,
    ) -> Result<String, Error> {
        let (Some(key), Some(token_type_claim)) = (&self.signing, &self.token_type_claim) else {
            return Err(Error::internal("tokens are not issued: there is no key that signs, or they have no type"));
        };
        let now = SystemTime::now();
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        if let Some(issuer) = self.rules.issuers.first() {
            claim("iss", json!(issuer));
        }
        match &*self.rules.audiences {
            [] => {}
            [audience] => claim("aud", json!(audience)),
            audiences => claim("aud", json!(audiences)),
        }
        if let Some(session) = session {
            claim(SESSION_CLAIM, json!(session));
        }
        if rotation > 0 {
            claim(ROTATION_CLAIM, json!(rotation));
        }
        claim("iat", json!(seconds(now)));
        claim("exp", json!(seconds(now + lifetime)));
        claim(&self.jti_claim, json!(random_id()));
        claim(&self.user_id_claim, json!(user_id));
        claim(token_type_claim, json!(token_type));
        if !key.signs_slowly() {
            return key.sign(&claims);
        }
        let key = key.clone();
        tokio::task::spawn_blocking(move || key.sign(&claims)).await?
    }

    /// A session for a user of the store, if it is there and active.
    async fn begin(&self, user: Option<User>) -> Result<Option<Login>, Error> {
        match user.filter(|user| user.active) {
            Some(user) => self.issue_for(user.identity).await.map(Some),
            None => Ok(None),
        }
    }

    /// The next tokens of a session for the holder of this refresh token, which is thereby used.
    async fn rotate(
        &self,
        claims: &Claims,
        identity: Identity,
        session: &str,
        grace: Duration,
    ) -> Result<Refreshed, Error> {
        let rotation = claims.get(ROTATION_CLAIM).and_then(Value::as_u64).unwrap_or_default();
        let may_go_on = match self.deny_list.use_up(session, rotation, self.last_expiry(claims)).await? {
            RefreshUse::First => true,
            RefreshUse::Again(at) => at.elapsed().unwrap_or_default() < grace,
            RefreshUse::Outdated => false,
        };
        if may_go_on {
            return self.tokens(identity, session, rotation.saturating_add(1)).await.map(Refreshed::Login);
        }
        let user_id = identity.user_id().to_owned();
        tracing::warn!(user = user_id, session, "a refresh token was used twice: its login session is revoked");
        self.deny_list.deny(session, self.last_expiry(claims)).await?;
        Ok(Refreshed::Reused(RevokedSession { user_id, session_id: session.to_owned() }))
    }

    /// When every token of a session has expired, as far as is known now.
    fn last_expiry(&self, claims: &Claims) -> SystemTime {
        let longest = SystemTime::now() + self.refresh_lifetime.max(self.access_lifetime);
        let last = claims.expires_at().unwrap_or(longest).max(longest);
        last.checked_add(self.rules.leeway).unwrap_or(last)
    }
}

impl TokenIssuer for Jwt {
    fn login<'a>(&'a self, username: &'a str, password: &'a str) -> BoxFuture<'a, Result<Option<Login>, Error>> {
        Box::pin(async move {
            let Who::Store(users) = &self.who else { return Ok(None) };
            self.begin(users.verify(username, password).await?).await
        })
    }

    fn issue<'a>(&'a self, user_id: &'a str) -> BoxFuture<'a, Result<Option<Login>, Error>> {
        Box::pin(async move {
            let Who::Store(users) = &self.who else { return Ok(None) };
            self.begin(users.find(user_id).await?).await
        })
    }

    fn refresh<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Refreshed, Error>> {
        Box::pin(async move {
            let verified = async {
                let claims = self.verify_as(token, REFRESH).await?;
                let identity = self.bearer(&claims).await?.ok_or(GONE)?;
                Ok((claims, identity))
            };
            let (claims, identity) = match verified.await {
                Ok(verified) => verified,
                Err(reason) => return refused(&reason),
            };
            let session = self.session(&claims);
            let Some(grace) = self.reuse_grace else {
                // The refresh token stays valid, and its holder keeps it.
                return self.access(identity, session, token.to_owned()).await.map(Refreshed::Login);
            };
            match session {
                Some(session) => self.rotate(&claims, identity, session, grace).await,
                None => refused(&"it names no session, and cannot be rotated".into()),
            }
        })
    }

    fn revoke<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<RevokedSession>, Error>> {
        Box::pin(async move {
            let claims = match self.verify(token).await {
                Ok(claims) => claims,
                Err(reason) if reason.is_unavailable() => return Err(unavailable(&reason)),
                Err(_) => return Ok(None), // It is worth nothing already.
            };
            let until = self.last_expiry(&claims);
            // The token by itself too, for those who know nothing of sessions, such as Django.
            let ids = [self.session(&claims), self.jti(&claims)];
            for id in ids.into_iter().flatten() {
                self.deny_list.deny(id, until).await?;
            }
            let user_id = claims.id(&self.user_id_claim).unwrap_or_default();
            let session = self.session(&claims);
            Ok(session.map(|session| RevokedSession { user_id, session_id: session.to_owned() }))
        })
    }
}

/// The answer to a refresh token that is not good, or of which that cannot be told now.
fn refused(reason: &super::TokenError) -> Result<Refreshed, Error> {
    if reason.is_unavailable() {
        return Err(unavailable(reason));
    }
    tracing::debug!(%reason, "a refresh token was refused");
    Ok(Refreshed::Refused)
}

fn unavailable(reason: &super::TokenError) -> Error {
    tracing::error!(%reason, "a token cannot be verified");
    Error::unavailable("the token cannot be verified now")
}

/// What tells one token, or one session, from every other.
fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
