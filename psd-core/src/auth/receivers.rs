//! The ready-made receivers: `login`, `refresh-token`, `revoke-token` and `verify-token`.

use std::time::Duration;

use psd_proto::{
    ClientMessage, SourceLocation,
    common::authentication::{
        Login, LoginError, LoginToken, RefreshToken, RefreshTokenInvalid, RevokeToken, TokenInvalid, VerifyToken,
    },
};

use super::{Authenticator, Refreshed};
use crate::{
    Connection, ConsumerSpec, DefaultConsumer, Error, Guard, Limits, Mode, Receiver, dispatch, metrics::LoginOutcome,
};

/// Switched on by [`ServerBuilder::login`](crate::ServerBuilder::login).
pub(crate) static LOGIN_RECEIVERS: &[Receiver] = &[
    receiver("login", Login::INFO, line!(), |call| Ok(call.future(login(call.connection(), call.message()?)))),
    receiver("refresh_token", RefreshToken::INFO, line!(), |call| {
        Ok(call.future(refresh_token(call.connection(), call.message()?)))
    }),
    receiver("revoke_token", RevokeToken::INFO, line!(), |call| {
        Ok(call.future(revoke_token(call.connection(), call.message()?)))
    }),
    receiver("verify_token", VerifyToken::INFO, line!(), |call| {
        let _: VerifyToken = call.message()?;
        Ok(call.ready(verify_token(&call.connection())))
    }),
];

/// None of them can ask for a valid token: they are how a client gets one.
const fn receiver(
    name: &'static str,
    message: &'static psd_proto::MessageInfo,
    line: u32,
    receive: crate::receiver::ReceiveFn,
) -> Receiver {
    Receiver {
        name,
        module: module_path!(),
        location: SourceLocation { file: file!(), line, column: 5 },
        message,
        consumer: ConsumerSpec::of::<DefaultConsumer>,
        guard: Guard {
            auth: Some(false),
            permissions: &[],
            whitelist_groups: &[],
            blacklist_groups: &[],
            function: None,
        },
        limits: Limits::NONE,
        mode: Mode::Async,
        requirements: &[],
        receive,
    }
}

/// What the builder's call `wish` needs to be there.
pub(crate) fn check(wish: &str, authenticator: Option<&dyn Authenticator>, problems: &mut Vec<String>) {
    match authenticator {
        None => problems.push(format!(
            "`.{wish}` is switched on without an authenticator: add `.authenticator(Jwt::hs256(secret)?.users(users))`"
        )),
        Some(authenticator) if authenticator.issuer().is_none() => problems.push(format!(
            "`.{wish}` is switched on, but the authenticator gives no tokens: give it a key that signs, and a user \
             store, such as `Jwt::hs256(secret)?.users(users)`"
        )),
        Some(_) => {}
    }
}

/// A failed login is answered by `login-error` and a successful ack: clients rely on it.
async fn login(connection: Connection, message: Login) -> Result<(), Error> {
    let issuer = connection.server().issuer()?;
    let logins = &connection.server().0.metrics.logins;
    let attempt = match connection.server().login_throttle().begin(&message.username, connection.peer()) {
        Ok(attempt) => attempt,
        Err(wait) => {
            logins.add(LoginOutcome::Throttled);
            return connection.send(&too_many_failures(&connection, wait));
        }
    };
    let rights = connection.server().rights_changes();
    match issuer.login(&message.username, &message.password).await {
        Ok(Some(login)) => {
            attempt.succeeded();
            logins.add(LoginOutcome::Done);
            connection.send(&welcome(&connection, rights, login).await?)
        }
        Ok(None) => {
            logins.add(LoginOutcome::Wrong);
            connection
                .send(&LoginError { error_text: "Invalid login details.".into(), error_code: "login-error".into() })
        }
        // Nobody knows whether it was right.
        Err(error) => {
            attempt.forgiven();
            logins.add(LoginOutcome::Unavailable);
            Err(error)
        }
    }
}

fn too_many_failures(connection: &Connection, wait: Duration) -> LoginError {
    tracing::info!(connection = %connection.id(), peer = ?connection.peer(), "too many logins failed");
    let seconds = wait.as_secs() + 1;
    LoginError {
        error_text: format!("Too many logins failed. Try again in {seconds} seconds."),
        error_code: "too-many-attempts".into(),
    }
}

async fn refresh_token(connection: Connection, message: RefreshToken) -> Result<(), Error> {
    let rights = connection.server().rights_changes();
    match connection.server().issuer()?.refresh(&message.refresh_token).await? {
        Refreshed::Login(login) => connection.send(&welcome(&connection, rights, login).await?),
        Refreshed::Refused => connection.send(&RefreshTokenInvalid {}),
        Refreshed::Reused(session) => {
            connection.server().end_session(&session.user_id, &session.session_id);
            connection.send(&RefreshTokenInvalid {})
        }
    }
}

/// Everybody may log out at any time, with whatever tokens they have.
async fn revoke_token(connection: Connection, message: RevokeToken) -> Result<(), Error> {
    let issuer = connection.server().issuer()?;
    let current = connection.token();
    let mut ended = Vec::new();
    for token in current.as_deref().into_iter().chain([message.refresh_token.as_str()]).filter(|it| !it.is_empty()) {
        ended.extend(issuer.revoke(token).await?);
    }
    // This one first, so that it is not told what it asked for.
    connection.deauthenticate();
    for session in ended {
        connection.server().end_session(&session.user_id, &session.session_id);
    }
    Ok(())
}

impl Connection {
    /// Logs in a user whom the application has authenticated itself, as after a sign-up: the connection is theirs at once,
    /// and what is returned is the reply that clients know from `login`. `user_id` is the user's key in the user store.
    ///
    /// # Errors
    /// The user is gone or not active (code 403), the authenticator issues no tokens, or the store fails.
    pub async fn log_in(&self, user_id: &str) -> Result<LoginToken, Error> {
        let rights = self.server().rights_changes();
        let login = self.server().issuer()?.issue(user_id).await?;
        welcome(self, rights, login.ok_or_else(|| Error::new(403, "the user is gone or not active"))?).await
    }
}

/// The connection is authenticated at once; the token in the next envelope is then simply the current one.
///
/// Whoever has changed rights since there were `rights` changes did not find this connection among the user's, so that
/// they are read again.
async fn welcome(connection: &Connection, rights: u64, login: super::Login) -> Result<LoginToken, Error> {
    connection.authenticate(&login.access, login.identity);
    if connection.server().rights_changes() != rights
        && let Some(before) = connection.shared.authenticated()
    {
        dispatch::refresh(connection.shared.clone(), before).await?;
    }
    Ok(LoginToken { token: login.access, refresh: login.refresh })
}

/// Success says that somebody is authenticated; otherwise the reply is `token-invalid`.
fn verify_token(connection: &Connection) -> Option<TokenInvalid> {
    connection.identity().is_none().then(TokenInvalid::default)
}
