//! Fetching files.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Cors, caller, problem,
    range::{Wanted, has_tag, wanted},
};
use crate::{
    Error,
    files::{FileService, StoredFile, kind, record::file_path, service::missing_file, stored::http_date},
    listener::Client,
};

pub(super) const CORS: Cors = Cors {
    methods: "GET, HEAD, OPTIONS",
    headers: "Authorization, If-Match, If-None-Match, If-Range, Range",
    exposed: "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag",
};

/// What RFC 8187 lets stand in a parameter.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// What a file may do in a browser that is led to it: nothing.
const POLICY: &str = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";

pub(super) async fn download(service: FileService, request: Request, client: Client) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD => {}
        _ => return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD, OPTIONS")]).into_response(),
    }
    // Not the body, which is not read, and must not be held.
    let (parts, _) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let path = parts.uri.path();
    let key = path.find(&*service.core.download_path).map(|at| &path[at + service.core.download_path.len()..]);
    let key = key.and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    let answered = async {
        service.take_request_from(client)?;
        let file = match service.check_link(key, parts.uri.query().unwrap_or_default()).await? {
            Some(left) => (service.find(key).await?.ok_or_else(missing_file)?, Some(left)),
            None => {
                let caller = caller(&service, &parts.headers, client).await?;
                let file = service.find(key).await?.ok_or_else(missing_file)?;
                service.core.hooks.download(&file, caller.identity.as_ref(), &service.server).await?;
                (file, None)
            }
        };
        send(&service, &file.0, file.1, &parts.headers, is_head).await
    };
    answered.await.unwrap_or_else(|error| problem(&service, &error))
}

async fn send(
    service: &FileService,
    file: &StoredFile,
    good_for: Option<u64>,
    asked: &HeaderMap,
    is_head: bool,
) -> Result<Response, Error> {
    let tag = format!("\"{}\"", file.sha256);
    let said = |name: header::HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let conditions = (said(header::IF_MATCH), said(header::IF_NONE_MATCH), said(header::IF_RANGE));
    let mut range = wanted(said(header::RANGE).filter(|_| asked.get_all(header::RANGE).iter().count() == 1), file.size);
    match conditions {
        (Some(list), ..) if !has_tag(list, &tag, false) => {
            return Err(Error::new(412, "the file is another"));
        }
        (_, Some(list), _) if has_tag(list, &tag, true) => {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            describe(response.headers_mut(), file, &tag, good_for);
            return Ok(response);
        }
        // By its date, which says less than the tag, nobody is known to have this file.
        (.., Some(condition)) if !has_tag(condition, &tag, false) || condition.trim() == "*" => range = Wanted::All,
        _ => {}
    }
    let (status, part) = match range {
        Wanted::All => (StatusCode::OK, 0..file.size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Nothing => {
            let mut response = problem(service, &Error::new(416, format!("the file has {} bytes", file.size)));
            insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{}", file.size));
            return Ok(response);
        }
    };
    let body = match is_head {
        true => Body::empty(),
        false => {
            let bytes = service.bytes(&file_path(&file.key), part.clone()).await?.ok_or_else(missing_file)?;
            let core = service.core.clone();
            let bytes = bytes.inspect_ok(move |bytes| core.metrics.sent(bytes.len()));
            // An `Error` is none of the standard library's.
            Body::from_stream(bytes.map_err(|error| error.to_string()))
        }
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    describe(headers, file, &tag, good_for);
    headers.insert(header::CONTENT_LENGTH, (part.end - part.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        insert(headers, header::CONTENT_RANGE, &format!("bytes {}-{}/{}", part.start, part.end - 1, file.size));
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, file: &StoredFile, tag: &str, good_for: Option<u64>) {
    insert(headers, header::CONTENT_TYPE, if file.mime.is_empty() { kind::UNKNOWN } else { &file.mime });
    insert(headers, header::CONTENT_DISPOSITION, &disposition(file));
    insert(headers, header::ETAG, tag);
    insert(headers, header::LAST_MODIFIED, &http_date(file.created));
    insert(headers, header::ACCEPT_RANGES, "bytes");
    insert(headers, header::CONTENT_SECURITY_POLICY, POLICY);
    let cache = match (file.public, good_for) {
        (true, _) => "public, max-age=86400".to_owned(),
        // Its link would still be refused when it has expired.
        (false, Some(left)) => format!("private, max-age={}", left.min(86400)),
        (false, None) => "private, no-cache".to_owned(),
    };
    insert(headers, header::CACHE_CONTROL, &cache);
}

/// Shown where it can do no harm, else saved under its name (RFC 6266): in ASCII, and as it is.
fn disposition(file: &StoredFile) -> String {
    let how = if kind::is_inline(&file.mime) { "inline" } else { "attachment" };
    if file.name.is_empty() {
        return how.to_owned();
    }
    let is_plain = |letter: char| letter.is_ascii_graphic() && !"\"\\%".contains(letter) || letter == ' ';
    let plain: String = file.name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let full = utf8_percent_encode(&file.name, NAME);
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{full}")
}

/// What is no header's value has been refused long before.
fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
