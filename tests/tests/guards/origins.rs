//! Pages that may connect, and pages that may not.

use psd_core::{AllowedOrigins, Settings};
use psd_tests::Running;
use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest as _};

use crate::app::server;

/// The answer to a handshake of a page of this origin: a status and a text.
async fn open(running: &Running, origin: Option<&str>) -> (u16, String) {
    let mut request = format!("ws://{}/ws", running.address()).into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("Origin", origin.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((_, response)) => (response.status().as_u16(), String::new()),
        Err(Error::Http(response)) => {
            let text = response.body().as_deref().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(text.to_vec()).unwrap())
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn only_own_pages_connect_by_default() {
    let running = Running::start(server().0).await;
    let own = format!("http://{}", running.address());
    assert_eq!(open(&running, None).await.0, 101, "no browser");
    assert_eq!(open(&running, Some(&own)).await.0, 101);
    for foreign in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let (status, text) = open(&running, Some(foreign)).await;
        assert_eq!(status, 403, "{foreign}");
        assert!(text.contains(foreign) && text.contains("PSD_ALLOWED_ORIGINS"), "{text}");
    }
    assert!(running.server().connections().len() <= 2, "a foreign page has opened a connection");
}

#[tokio::test]
async fn listed_pages_connect_too() {
    let list: AllowedOrigins = "https://*.example.org, http://localhost:3000".parse().unwrap();
    let running = Running::start(server().0.settings(Settings::default().allowed_origins(list))).await;
    let own = format!("http://{}", running.address());
    for (origin, status) in [
        (own.as_str(), 101),
        ("https://app.example.org", 101),
        ("http://localhost:3000", 101),
        ("https://example.org", 403),
        ("http://localhost:3001", 403),
    ] {
        assert_eq!(open(&running, Some(origin)).await.0, status, "{origin}");
    }
}

#[tokio::test]
async fn every_page_connects_where_that_is_said() {
    let settings = Settings::default().allowed_origins(AllowedOrigins::any());
    let running = Running::start(server().0.settings(settings)).await;
    for origin in ["https://evil.example", "null"] {
        assert_eq!(open(&running, Some(origin)).await.0, 101, "{origin}");
    }
}
