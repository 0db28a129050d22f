//! Every frame on standard error, for `--trace`.

use std::io::Write as _;

use psd_client::{
    Direction, Payload, Trace,
    proto::envelope::{self, v1_proto},
};

use crate::{bodies::hex, output::printable};

const MASK: &str = "***";

/// Shows frames without the token.
pub(crate) fn tracer(token: Option<String>) -> impl Fn(Trace<'_>) + Send + Sync + 'static {
    move |trace| {
        let text = describe(&trace, token.as_deref().filter(|token| !token.is_empty()));
        // With standard error gone there is nobody to tell.
        let _ = writeln!(anstream::stderr(), "{}", printable(&text));
    }
}

fn describe(trace: &Trace<'_>, token: Option<&str>) -> String {
    let arrow = match trace.direction {
        Direction::Sent => ">",
        Direction::Received => "<",
    };
    match trace.payload {
        Payload::Text(text) => format!("{arrow} {}", masked(text, token)),
        Payload::Binary(bytes) => {
            let mut out = format!("{arrow} {} bytes: {}", bytes.len(), masked_hex(bytes, token));
            let (ranges, result) = v1_proto::split(bytes);
            for range in ranges {
                let line = match v1_proto::read(&bytes[range]) {
                    Ok(envelope) => headers(&envelope),
                    Err(error) => error.to_string(),
                };
                out.push_str(&format!("\n    {line}"));
            }
            if let Err(error) = result {
                out.push_str(&format!("\n    {error}"));
            }
            out
        }
    }
}

/// The headers that say something, by their names in JSON.
fn headers(envelope: &envelope::Envelope<'_>) -> String {
    let mut out = envelope.message_type.clone().into_owned();
    let mut add = |name: &str, value: String| out.push_str(&format!(" {name}={value}"));
    if let Some(uuid) = &envelope.uuid {
        add("uuid", uuid.clone().into_owned());
    }
    if envelope.auth_header.is_some() {
        add("authHeader", MASK.to_owned());
    }
    if envelope.ack {
        add("ack", "true".to_owned());
    }
    for (name, number) in [
        ("retryCount", u64::from(envelope.retry_count)),
        ("apiVersion", envelope.api_version.into()),
        ("deadlineMs", envelope.deadline_ms.into()),
        ("seq", envelope.seq),
        ("seen", envelope.seen),
    ] {
        if number > 0 {
            add(name, number.to_string());
        }
    }
    match &envelope.result {
        Some(Ok(())) => add("result", "ok".to_owned()),
        Some(Err((text, code))) => add("result", format!("{} {text:?}", code.unwrap_or_default())),
        None => {}
    }
    match envelope.body {
        envelope::Body::Deflated(body) => add("body", format!("{} bytes, compressed", body.len())),
        envelope::Body::Proto(body) => add("body", format!("{} bytes", body.len())),
        envelope::Body::Json(body) => add("body", body.to_owned()),
    }
    out
}

fn masked(text: &str, token: Option<&str>) -> String {
    match token {
        Some(token) => {
            let escaped = serde_json::Value::from(token).to_string();
            text.replace(escaped.trim_matches('"'), MASK)
        }
        None => text.to_owned(),
    }
}

fn masked_hex(bytes: &[u8], token: Option<&str>) -> String {
    let mut out = hex(bytes, " ");
    if let Some(token) = token {
        let secret = hex(token.as_bytes(), " ");
        let mask = vec!["**"; token.len()].join(" ");
        out = out.replace(&secret, &mask);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked() {
        assert_eq!(masked(r#"{"authHeader":"a\"b"}"#, Some("a\"b")), r#"{"authHeader":"***"}"#);
        assert_eq!(masked("{}", None), "{}");
        assert_eq!(masked_hex(b"\x1a\x02t1\x01", Some("t1")), "1a 02 ** ** 01");
    }
}
