//! Files over HTTP: who asks, which pages may, and how errors are written.

mod body;
mod download;
mod range;
mod socket;
mod tus;

use std::{
    future::Future,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::FutureExt as _;
use psd_proto::envelope::LONGEST_TOKEN;
use serde_json::json;

use super::{FileService, Files, core::Core, uploads::Caller};
use crate::{
    Error, Settings,
    consumer::Endpoint,
    continue_::{panic_text, panicked},
    dispatch::attempted,
    listener::{Client, bearer},
};

/// Seconds for which a browser may remember what it was allowed.
const PREFLIGHT_SECONDS: &str = "7200";

/// What a way into files tells pages of other origins.
#[derive(Clone, Copy)]
struct Cors {
    methods: &'static str,
    headers: &'static str,
    exposed: &'static str,
}

impl Files {
    /// Opens the storage, and sees that the paths stand beside all others.
    pub(crate) fn open(
        self,
        settings: &Settings,
        routers: &[Router],
        endpoints: &[Arc<Endpoint>],
        problems: &mut Vec<String>,
    ) -> Option<Core> {
        let paths = [&self.upload_path, &self.download_path];
        for path in paths {
            let is_path = |path: &str| path.starts_with('/') && path.len() > 1 && !path.ends_with('/');
            if !is_path(path) || path.contains(['{', '}', '?', '#', ' ']) {
                problems.push(format!("files cannot be at `{path}`: give them a path such as `/files`"));
                return None;
            }
        }
        if let Some(path) = self.socket_path.as_deref()
            && (!path.starts_with('/') || path.matches("{key}").count() != 1 || path.contains(['?', '#', ' ']))
        {
            problems
                .push(format!("upload connections cannot be at `{path}`: give them a path such as `/upload/{{key}}`"));
            return None;
        }
        let beside = || {
            let idle = || any(|| async {});
            let router = routers.iter().fold(Router::new(), |all, router| all.merge(router.clone()));
            let router = endpoints.iter().fold(router, |all, endpoint| all.route(endpoint.spec.path, idle()));
            let socket = self.socket_path.as_deref().map(|path| (path, idle()));
            router.merge(routes(&self.upload_path, &self.download_path, idle(), idle(), idle(), socket))
        };
        // What does not fit without files is somebody else's to refuse.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(beside)) {
            let reason = panic_text(&*panic);
            problems
                .push(format!("files cannot be at `{}` and `{}`: {reason}; give them other paths", paths[0], paths[1]));
            return None;
        }
        Core::open(self, settings).map_err(|problem| problems.push(problem)).ok()
    }
}

fn routes(
    upload_path: &str,
    download_path: &str,
    uploads: axum::routing::MethodRouter,
    upload: axum::routing::MethodRouter,
    download: axum::routing::MethodRouter,
    socket: Option<(&str, axum::routing::MethodRouter)>,
) -> Router {
    let router = match socket {
        Some((path, socket)) => Router::new().route(path, socket),
        None => Router::new(),
    };
    router
        .route(upload_path, uploads.clone())
        .route(&format!("{upload_path}/"), uploads)
        .route(&format!("{upload_path}/{{id}}"), upload)
        .route(&format!("{download_path}/{{*key}}"), download)
}

impl FileService {
    /// Uploads and downloads.
    pub(crate) fn router(&self) -> Router {
        let (uploads, upload, download) = (self.clone(), self.clone(), self.clone());
        let socket = self.clone();
        let socket = any(move |request: Request| serve(socket.clone(), request, tus::CORS, socket::open));
        routes(
            &self.core.upload_path,
            &self.core.download_path,
            any(move |request: Request| serve(uploads.clone(), request, tus::CORS, tus::uploads)),
            any(move |request: Request| serve(upload.clone(), request, tus::CORS, tus::upload)),
            any(move |request: Request| serve(download.clone(), request, download::CORS, download::download)),
            self.core.socket_path.as_deref().map(|path| (path, socket)),
        )
    }
}

/// Answers a request, or says what is wrong with it.
async fn serve<F>(
    service: FileService,
    request: Request,
    cors: Cors,
    answer: impl FnOnce(FileService, Request, Client) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let client = Client::of(&request, service.settings());
    let origins = &service.settings().allowed_origins;
    if let Err(refusal) = origins.check(request.uri(), request.headers(), client.is_secure) {
        return problem(&service, &Error::new(403, refusal));
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match is_preflight {
        true => preflight(cors),
        false => match AssertUnwindSafe(answer(service.clone(), request, client)).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => problem(&service, &panicked(&*panic)),
        },
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(cors.exposed));
    }
    response
}

fn preflight(cors: Cors) -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, cors.methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, cors.headers),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// An error as the answer to a request.
fn problem(service: &FileService, error: &Error) -> Response {
    if let Some(source) = error.source() {
        tracing::error!(error = ?source, "a request about files failed");
    }
    let status = error.code().and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
    let is_failure = |status: &StatusCode| status.is_client_error() || status.is_server_error();
    // An error without a code is the application's wish, not a failure.
    let other = if error.code().is_none() { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR };
    let status = status.filter(is_failure).unwrap_or(other);
    let text = json!({"error": service.settings().text_for_client(error)}).to_string();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, text).into_response();
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::LOCKED => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        _ => {}
    }
    response
}

/// Finds out who asks: by `Authorization: Bearer`, with the authenticator of the server. A token that is not good is
/// refused, also where nobody need be authenticated.
async fn caller(service: &FileService, headers: &HeaderMap, client: Client) -> Result<Caller, Error> {
    let address = client.address().map(|address| address.ip());
    match bearer(headers) {
        Some(token) => identified(service, token, address).await,
        None => Ok(Caller { identity: None, address }),
    }
}

/// Whose a token is.
pub(super) async fn identified(service: &FileService, token: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
    if token.len() > LONGEST_TOKEN {
        return Err(Error::new(401, format!("the token has {} bytes; {LONGEST_TOKEN} are allowed", token.len())));
    }
    let refused = || Error::new(401, "the token is not good");
    let authenticator = service.server.authenticator().ok_or_else(refused)?;
    let identity = match attempted(&service.server, async { authenticator.authenticate(token).await }).await? {
        Ok(identity) => identity,
        Err(reason) if reason.is_unavailable() => {
            tracing::error!(%reason, "a token cannot be verified");
            return Err(Error::unavailable("the token cannot be verified now"));
        }
        Err(reason) => {
            tracing::debug!(%reason, "a token was refused");
            return Err(refused());
        }
    };
    service.take_request_of(identity.user_id())?;
    Ok(Caller { identity: Some(identity), address })
}

/// A header's value as text; `None` if it is missing.
///
/// # Errors
/// Code 400: it is there twice, or not ASCII.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Error> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let unreadable = |_| Error::new(400, format!("the header `{name}` is not ASCII text"));
            value.to_str().map(|text| Some(text.trim())).map_err(unreadable)
        }
        _ => Err(Error::new(400, format!("the header `{name}` is there twice"))),
    }
}

/// A header's value as a number of bytes: digits alone.
fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, Error> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        // What nothing counts in is nothing that a file has.
        Ok(number) if is_number && i64::try_from(number).is_ok() => Ok(Some(number)),
        _ => Err(Error::new(400, format!("the header `{name}` is no number of bytes"))),
    }
}
