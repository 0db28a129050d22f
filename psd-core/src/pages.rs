//! Pages beside the sockets: what a browser must be told so that nobody turns them against their users.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use tower::util::MapResponseLayer;

/// What a page gets unless it says otherwise. `'self'` allows WebSockets to the page's own host, too.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Adds security headers to every answer of a router that does not set them itself, for
/// [`ServerBuilder::router`](crate::ServerBuilder::router):
///
/// | header | value |
/// | --- | --- |
/// | `Content-Security-Policy` | scripts, styles, connections and all else from the page's own host alone, nothing inline; no frames around it, no plugins |
/// | `X-Content-Type-Options` | `nosniff` |
/// | `X-Frame-Options` | `DENY` |
/// | `Referrer-Policy` | `no-referrer` |
/// | `Cross-Origin-Opener-Policy` | `same-origin` |
///
/// Tokens live in pages: a script that somebody else manages to put there is what steals them, and with this policy the
/// browser does not run it.
///
/// ```
/// use axum::{Router, response::Html, routing::get};
/// use psd_core::Server;
///
/// let pages = Router::new().route("/", get(async || Html("<script src=/page.js></script>")));
/// let builder = Server::builder().router(psd_core::with_security_headers(pages));
/// # drop(builder);
/// ```
pub fn with_security_headers(router: Router) -> Router {
    router.layer(MapResponseLayer::new(|mut response: Response| {
        for (name, value) in HEADERS {
            response.headers_mut().entry(name).or_insert(value);
        }
        response
    }))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request, http::StatusCode, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn every_answer_has_them_and_a_page_may_say_otherwise() {
        let framed = || async { ([(header::X_FRAME_OPTIONS, "SAMEORIGIN")], "framed") };
        let pages = Router::new().route("/", get(|| async { "page" })).route("/framed", get(framed));
        let pages = with_security_headers(pages);
        for (path, status, frames) in [
            ("/", StatusCode::OK, "DENY"),
            ("/framed", StatusCode::OK, "SAMEORIGIN"),
            ("/no", StatusCode::NOT_FOUND, "DENY"),
        ] {
            let request = Request::builder().uri(path).body(Body::empty()).expect("it is a request");
            let response = pages.clone().oneshot(request).await.expect("a router always answers");
            let headers = response.headers();
            assert_eq!(
                (response.status(), &headers[header::X_FRAME_OPTIONS]),
                (status, &frames.parse().expect("ascii"))
            );
            for (name, _) in HEADERS {
                assert_eq!(headers.get_all(&name).iter().count(), 1, "{path} {name}");
            }
        }
    }
}
