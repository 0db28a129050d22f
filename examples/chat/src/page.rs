//! The page, built from `../web` and embedded, so that the program needs nothing beside it.

use axum::{Router, http::header, response::IntoResponse, routing::get};

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files of `web/dist`.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", include_str!("../web/dist/index.html"))))
        .route("/chat.js", get(async || file(SCRIPT, include_str!("../web/dist/chat.js"))))
        .route("/streams.js", get(async || file(SCRIPT, include_str!("../web/dist/streams.js"))))
        .route("/text.js", get(async || file(SCRIPT, include_str!("../web/dist/text.js"))))
        .route("/index.css", get(async || file("text/css; charset=utf-8", include_str!("../web/dist/index.css"))))
}

fn file(content_type: &'static str, contents: &'static str) -> impl IntoResponse {
    // The names of the files do not change when the page does.
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")];
    (headers, contents)
}
