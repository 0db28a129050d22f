//! An HTTP endpoint that gives tokens to whoever the application has authenticated in a way of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;

use super::client::Client;
use crate::{
    Error, Settings,
    auth::{Authenticator, BoxFuture, Login},
    continue_::panic_text,
    dispatch::within,
};

/// Finds out whose the request is; `None` if nobody's.
pub(crate) type UserOf = dyn Fn(Parts) -> BoxFuture<'static, Result<Option<String>, Error>> + Send + Sync;

/// What [`ServerBuilder::token_endpoint`](crate::ServerBuilder::token_endpoint) opens.
#[derive(Clone)]
pub(crate) struct TokenEndpoint {
    pub(crate) path: String,
    pub(crate) user: Arc<UserOf>,
}

impl TokenEndpoint {
    /// Its route. Only POST: what a link or an image can open must give nothing away.
    ///
    /// # Errors
    /// The path is none.
    pub(crate) fn router(self, authenticator: &Arc<dyn Authenticator>, settings: &Settings) -> Result<Router, String> {
        let path = self.path.clone();
        let (authenticator, settings) = (authenticator.clone(), settings.clone());
        let answer = move |request: Request| {
            let (endpoint, authenticator, settings) = (self.clone(), authenticator.clone(), settings.clone());
            async move { endpoint.answer(&*authenticator, &settings, request).await }
        };
        // axum says only by a panic that a path is malformed.
        catch_unwind(AssertUnwindSafe(|| Router::new().route(&path, post(answer)))).map_err(|panic| {
            format!("the token endpoint cannot have the path `{path}`: {}; give it another", panic_text(&*panic))
        })
    }

    async fn answer(self, authenticator: &dyn Authenticator, settings: &Settings, request: Request) -> Response {
        let Client { is_secure, .. } = Client::of(&request, settings);
        let (parts, _) = request.into_parts();
        if let Err(refusal) = settings.allowed_origins.check(&parts.uri, &parts.headers, is_secure) {
            return respond(StatusCode::FORBIDDEN, json!({"error": refusal}));
        }
        let login = within(settings.handler_timeout, self.login(authenticator, parts)).await;
        match login.unwrap_or_else(|| Err(Error::unavailable("it took too long"))) {
            Ok(Some(Login { access, refresh, .. })) => {
                respond(StatusCode::OK, json!({"token": access, "refresh": refresh}))
            }
            Ok(None) => respond(StatusCode::UNAUTHORIZED, json!({"error": "authentication required"})),
            Err(error) => {
                if let Some(source) = error.source() {
                    tracing::error!(path = self.path, error = ?source, "the token endpoint failed");
                }
                let status = error.code().and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
                let is_failure = |status: &StatusCode| status.is_client_error() || status.is_server_error();
                let status = status.filter(is_failure).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                respond(status, json!({"error": settings.text_for_client(&error)}))
            }
        }
    }

    async fn login(&self, authenticator: &dyn Authenticator, parts: Parts) -> Result<Option<Login>, Error> {
        let Some(user) = (self.user)(parts).await? else { return Ok(None) };
        match authenticator.issuer() {
            Some(issuer) => issuer.issue(&user).await,
            None => Err(Error::internal("the authenticator issues no tokens")),
        }
    }
}

/// No cache may keep a token, and no browser may take the answer for a page.
fn respond(status: StatusCode, body: serde_json::Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, body.to_string()).into_response()
}
