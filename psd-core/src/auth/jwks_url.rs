//! Fetches key sets over HTTPS; the only module that knows the HTTP client.

use std::{sync::LazyLock, time::Duration};

use axum::http::Uri;

use super::KeyError;

/// Real key sets have a few KiB.
const MOST_BYTES: u64 = 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// One client, so that connections are used again. It follows no redirect: that could lead from HTTPS to HTTP.
static CLIENT: LazyLock<ureq::Agent> =
    LazyLock::new(|| ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(0).build().new_agent());

/// Whether an address may be trusted with keys.
pub(super) fn check(url: &str) -> Result<(), KeyError> {
    let refuse = |reason: &str| Err(KeyError::KeySet(format!("`{url}`: {reason}")));
    let Ok(parsed) = url.parse::<Uri>() else { return refuse("it is no address") };
    let host = parsed.host().unwrap_or_default();
    match parsed.scheme_str() {
        _ if host.is_empty() => refuse("it names no host"),
        Some("https") => Ok(()),
        Some("http") if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => Ok(()),
        _ => refuse("only https:// can be trusted with keys"),
    }
}

/// The client blocks, so it runs on a thread of its own: a few times an hour.
pub(super) async fn fetch(url: String) -> anyhow::Result<String> {
    tokio::task::spawn_blocking(move || {
        let mut response = CLIENT.get(&url).header("Accept", "application/json").call()?;
        anyhow::ensure!(response.status() == 200, "the answer has the status {}", response.status());
        Ok(response.body_mut().with_config().limit(MOST_BYTES).read_to_string()?)
    })
    .await?
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::{MOST_BYTES, check, fetch};

    /// What comes of this answer of a server.
    async fn fetched(answer: String) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("the client comes");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.expect("the client asks"));
            }
            let _ = stream.write_all(answer.as_bytes()).await; // It may have seen enough.
        });
        let fetched = fetch(format!("http://{address}/jwks")).await.map_err(|error| format!("{error:#}"));
        server.await.expect("it answers");
        fetched
    }

    fn answer(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn what_is_no_answer() {
        assert_eq!(fetched(answer("200 OK", "{}")).await, Ok("{}".into()));
        for (status, expected) in [("500 No", "500"), ("404 No", "404"), ("204 No Content", "status 204")] {
            let error = fetched(answer(status, "")).await.expect_err("it is no key set");
            assert!(error.contains(expected), "{error}");
        }
        let elsewhere = answer("302 Found\r\nLocation: http://127.0.0.1:1/", "{}");
        assert!(fetched(elsewhere).await.is_err(), "a redirect is not followed");
        let long = "x".repeat(usize::try_from(MOST_BYTES).expect("it is small") + 1);
        assert!(fetched(answer("200 OK", &long)).await.is_err(), "it is too long");
        assert!(fetched("nonsense\r\n\r\n".into()).await.is_err());
        assert!(fetched(String::new()).await.is_err());
    }

    #[test]
    fn only_https_is_trusted() {
        for (url, is_good) in [
            ("https://id.example.org/jwks", true),
            ("https://id.example.org:8443/jwks?x=1", true),
            ("http://127.0.0.1:8000/jwks", true),
            ("http://localhost/jwks", true),
            ("http://[::1]:1/jwks", true),
            ("http://id.example.org/jwks", false),
            ("http://localhost.example.org/jwks", false),
            ("http://127.0.0.1.example.org/jwks", false),
            ("ftp://id.example.org/jwks", false),
            ("file:///etc/jwks", false),
            ("/etc/jwks", false),
            ("", false),
        ] {
            assert_eq!(check(url).is_ok(), is_good, "{url}");
        }
    }
}
