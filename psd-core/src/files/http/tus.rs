//! Resumable uploads by tus 1.0.0 (<https://tus.io/protocols/resumable-upload>): the core protocol, creation (also with
//! upload, and with a length that is said later), expiration, checksum, termination and concatenation.

use std::collections::BTreeMap;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use psd_proto::json::{self, WriteOptions};

use super::{Cors, body::Incoming, caller, number, problem, text};
use crate::{
    Error,
    files::{
        FileService, UploadId,
        hash::{ALGORITHMS, Checksum},
        record::{Record, Role, Stage},
        stored::http_date,
        uploads::{Caller, Finished, Resumed, Wish},
        writer::Writer,
    },
    listener::{Client, is_handshake},
};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str =
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation";
const CHUNK: &str = "application/offset+octet-stream";

/// Bytes that `Upload-Metadata` may have.
const LONGEST_METADATA: usize = 8 * 1024;

/// Parts that a file may be made of.
const MOST_PARTS: usize = 1000;

pub(super) const CORS: Cors = Cors {
    methods: "POST, HEAD, PATCH, DELETE, OPTIONS",
    headers: "Authorization, Content-Type, Prefer, Tus-Resumable, Upload-Checksum, Upload-Concat, \
              Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Request-ID, X-Requested-With",
    exposed: "Content-Location, Location, Preference-Applied, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, \
              Tus-Resumable, Tus-Version, Upload-Concat, Upload-Defer-Length, Upload-Expires, Upload-Length, \
              Upload-Metadata, Upload-Offset",
};

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The preference for an answer that has what a request has made.
const REPRESENTATION: &str = "return=representation";

/// The path where uploads begin.
pub(super) async fn uploads(service: FileService, request: Request, client: Client) -> Response {
    let (parts, body) = request.into_parts();
    match method(&parts) {
        Method::OPTIONS => options(&service),
        Method::POST => answer(&service, parts, body, client, |exchange| Box::pin(create(exchange))).await,
        _ => not_allowed("POST, OPTIONS"),
    }
}

/// The path of one upload.
pub(super) async fn upload(service: FileService, request: Request, client: Client) -> Response {
    if is_handshake(request.headers()) {
        return super::socket::open(service, request, client).await;
    }
    let (parts, body) = request.into_parts();
    match method(&parts) {
        Method::OPTIONS => options(&service),
        Method::HEAD => answer(&service, parts, body, client, |exchange| Box::pin(head(exchange))).await,
        Method::PATCH => answer(&service, parts, body, client, |exchange| Box::pin(patch(exchange))).await,
        Method::DELETE => answer(&service, parts, body, client, |exchange| Box::pin(terminate(exchange))).await,
        _ => not_allowed("HEAD, PATCH, DELETE, OPTIONS"),
    }
}

/// One request, once it is known who asks.
struct Exchange<'a> {
    service: &'a FileService,
    caller: Caller,
    parts: &'a Parts,
    body: &'a mut Incoming,
}

type Answer<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'a>>;

async fn answer(
    service: &FileService,
    parts: Parts,
    body: axum::body::Body,
    client: Client,
    run: impl for<'a> FnOnce(Exchange<'a>) -> Answer<'a>,
) -> Response {
    let mut body = Incoming::new(body);
    let answered = async {
        if text(&parts.headers, "tus-resumable")? != Some(VERSION) {
            let mut response = problem(service, &Error::new(412, format!("`Tus-Resumable: {VERSION}` is spoken here")));
            response.headers_mut().insert(TUS_VERSION, HeaderValue::from_static(VERSION));
            return Ok(response);
        }
        service.take_request_from(client)?;
        let caller = caller(service, &parts.headers, client).await?;
        run(Exchange { service, caller, parts: &parts, body: &mut body }).await
    };
    let mut response = match answered.await {
        Ok(response) => response,
        Err(error) => problem(service, &error),
    };
    if !response.status().is_success() {
        body.linger().await;
    }
    response.headers_mut().insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

/// Clients behind proxies that know no PATCH send POST, and say what they mean.
fn method(parts: &Parts) -> Method {
    let meant = parts.headers.get("x-http-method-override").and_then(|value| value.to_str().ok());
    match meant.filter(|_| parts.method == Method::POST) {
        Some("PATCH") => Method::PATCH,
        Some("DELETE") => Method::DELETE,
        Some("HEAD") => Method::HEAD,
        _ => parts.method.clone(),
    }
}

fn not_allowed(allowed: &'static str) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allowed)]).into_response()
}

fn options(service: &FileService) -> Response {
    let headers = [
        ("tus-resumable", VERSION),
        ("tus-version", VERSION),
        ("tus-extension", EXTENSIONS),
        ("tus-checksum-algorithm", ALGORITHMS),
    ];
    let mut response = (StatusCode::NO_CONTENT, headers).into_response();
    let most = service.settings().upload_max_bytes;
    if most > 0 {
        response.headers_mut().insert("tus-max-size", most.into());
    }
    response
}

/// Begins an upload (creation), perhaps with its first bytes (creation-with-upload), or makes a file of parts
/// (concatenation).
async fn create(exchange: Exchange<'_>) -> Result<Response, Error> {
    let Exchange { service, caller, parts, body } = exchange;
    let headers = &parts.headers;
    let raw_metadata = text(headers, "upload-metadata")?.unwrap_or_default().to_owned();
    let metadata = metadata(&raw_metadata)?;
    let role = match text(headers, "upload-concat")? {
        None => Role::Whole,
        Some("partial") => Role::Partial,
        Some(concat) if concat.starts_with("final;") => Role::Final(concat.to_owned()),
        Some(_) => return Err(Error::new(400, "`Upload-Concat` is neither `partial` nor `final;` with the parts")),
    };
    let length = match (number(headers, "upload-length")?, text(headers, "upload-defer-length")?) {
        (Some(_), _) if matches!(role, Role::Final(_)) => {
            return Err(Error::new(
                400,
                "the length of a file of parts is that of its parts: leave `Upload-Length` out",
            ));
        }
        (Some(length), None) => Some(length),
        (None, Some("1")) => None,
        (None, None) if matches!(role, Role::Final(_)) => None,
        _ => return Err(Error::new(400, "say either `Upload-Length`, or `Upload-Defer-Length: 1`")),
    };
    let said = |keys: &[&str]| keys.iter().find_map(|key| metadata.get(*key)).cloned().unwrap_or_default();
    let wish = Wish {
        name: said(&["filename", "name"]),
        mime: said(&["filetype", "type", "mime", "contentType"]),
        local_key: said(&["local_key", "localKey"]),
        metadata,
        raw_metadata,
        length,
        role,
        counted: 0,
    };
    if let Role::Final(concat) = &wish.role {
        let ids = parts_of(service, concat)?;
        // Once begun it goes on, whether the client waits for it or not.
        let (service, caller) = (service.clone(), caller);
        let made =
            tokio::spawn(async move { service.concatenate(&caller, wish, &ids).await.map(|made| (service, made)) });
        let (service, made) = made.await??;
        return Ok(done(&service, StatusCode::CREATED, headers, &made));
    }
    let chunk = Chunk::read(headers, false)?;
    let record = service.start(&caller, wish).await?;
    let id = record.id;
    let is_empty = record.length == Some(0);
    if chunk.is_none() && !is_empty {
        return Ok(state(service, StatusCode::CREATED, &record, 0));
    }
    // Nobody but this request knows the upload yet: what goes wrong leaves nothing behind.
    match receive(service, &caller, id, chunk.unwrap_or_default(), body).await {
        Ok(Received::Open(record, offset)) => Ok(state(service, StatusCode::CREATED, &record, offset)),
        Ok(Received::Done(made)) => Ok(done(service, StatusCode::CREATED, headers, &made)),
        Err(error) => {
            let _ = service.cancel(&caller, id).await; // Or it is swept.
            Err(error)
        }
    }
}

/// Appends to an upload.
async fn patch(exchange: Exchange<'_>) -> Result<Response, Error> {
    let Exchange { service, caller, parts, body } = exchange;
    let id = id_of(parts.uri.path())?;
    let chunk = Chunk::read(&parts.headers, true)?.unwrap_or_default();
    Ok(match receive(service, &caller, id, chunk, body).await? {
        Received::Open(record, offset) => state(service, StatusCode::NO_CONTENT, &record, offset),
        Received::Done(made) => done(service, StatusCode::NO_CONTENT, &parts.headers, &made),
    })
}

/// Says how far an upload is.
async fn head(exchange: Exchange<'_>) -> Result<Response, Error> {
    let Exchange { service, caller, parts, .. } = exchange;
    let (record, offset) = service.status(&caller, id_of(parts.uri.path())?).await?;
    let mut response = state(service, StatusCode::OK, &record, offset);
    let headers = response.headers_mut();
    headers.remove(header::LOCATION);
    match record.length {
        Some(length) => headers.insert(UPLOAD_LENGTH, length.into()),
        None => headers.insert("upload-defer-length", HeaderValue::from_static("1")),
    };
    if let Ok(metadata) = HeaderValue::from_str(&record.raw_metadata)
        && !metadata.is_empty()
    {
        headers.insert("upload-metadata", metadata);
    }
    let concat = match &record.role {
        Role::Whole => None,
        Role::Partial => Some("partial"),
        Role::Final(concat) => Some(concat.as_str()),
    };
    if let Some(concat) = concat.and_then(|concat| HeaderValue::from_str(concat).ok()) {
        headers.insert("upload-concat", concat);
    }
    if let Stage::Done { key, .. } = &record.stage
        && !record.is_partial()
        && let Ok(url) = HeaderValue::from_str(&service.url(key))
    {
        headers.insert(header::CONTENT_LOCATION, url);
    }
    Ok(response)
}

/// Ends an upload (termination).
async fn terminate(exchange: Exchange<'_>) -> Result<Response, Error> {
    let Exchange { service, caller, parts, .. } = exchange;
    service.cancel(&caller, id_of(parts.uri.path())?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a request says about the bytes in it.
#[derive(Default)]
struct Chunk {
    offset: u64,
    /// Bytes of the body, where the request says it.
    bytes: Option<u64>,
    /// The length of the file, said now.
    length: Option<u64>,
    checksum: Option<Checksum>,
}

impl Chunk {
    /// `None` if the request that begins an upload brings nothing of it.
    fn read(headers: &HeaderMap, is_patch: bool) -> Result<Option<Self>, Error> {
        let bytes = number(headers, "content-length")?;
        match text(headers, "content-type")? {
            Some(CHUNK) => {}
            _ if is_patch => return Err(Error::new(415, format!("send bytes as `Content-Type: {CHUNK}`"))),
            None if bytes.unwrap_or(0) == 0 && !headers.contains_key(header::TRANSFER_ENCODING) => return Ok(None),
            // Some clients say a type with no bytes.
            Some(_) if bytes == Some(0) => return Ok(None),
            _ => return Err(Error::new(415, format!("send the first bytes as `Content-Type: {CHUNK}`, or none"))),
        }
        let offset = match number(headers, "upload-offset")? {
            Some(offset) if is_patch => offset,
            None if is_patch => return Err(Error::new(400, "the header `Upload-Offset` is missing")),
            _ => 0,
        };
        let length = if is_patch { number(headers, "upload-length")? } else { None };
        let checksum = text(headers, "upload-checksum")?.map(Checksum::parse).transpose()?;
        Ok(Some(Self { offset, bytes, length, checksum }))
    }
}

/// What became of an upload in a request.
enum Received {
    Open(Box<Record>, u64),
    Done(Box<Finished>),
}

/// Takes the bytes of a request.
async fn receive(
    service: &FileService,
    caller: &Caller,
    id: UploadId,
    chunk: Chunk,
    body: &mut Incoming,
) -> Result<Received, Error> {
    let mut writer = match service.resume(caller, id).await? {
        Resumed::Open(writer) => *writer,
        Resumed::Done(record, _) if matches!(record.role, Role::Final(_)) => {
            return Err(Error::new(403, "a file of parts takes no bytes of its own"));
        }
        // The answer to the last bytes did not arrive, and they are not sent again.
        Resumed::Done(record, size) if chunk.offset == size && body.is_empty().await => {
            return Ok(Received::Done(Box::new(service.told(*record).await?)));
        }
        Resumed::Done(_, size) => return Err(wrong_offset(chunk.offset, size)),
    };
    match take(service, &mut writer, chunk, body).await {
        Ok(()) if writer.is_complete() => {
            let finished = writer.finish().await?;
            finished.announce(service);
            Ok(Received::Done(Box::new(finished)))
        }
        Ok(()) => {
            let (record, offset) = writer.pause().await?;
            Ok(Received::Open(Box::new(record), offset))
        }
        // The file is not what was said, or there is no room: there is nothing to go on with.
        Err(error) if matches!(error.code(), Some(415 | 507)) => {
            writer.discard().await;
            Err(error)
        }
        Err(error) => {
            service.core.metrics.interrupted(&error);
            writer.pause().await?;
            Err(error)
        }
    }
}

async fn take(service: &FileService, writer: &mut Writer, chunk: Chunk, body: &mut Incoming) -> Result<(), Error> {
    let offset = writer.offset();
    if chunk.offset != offset {
        return Err(wrong_offset(chunk.offset, offset));
    }
    if let Some(length) = chunk.length {
        writer.set_length(length).await?;
    }
    let (most, is_known) = match writer.record().length {
        Some(length) => (length, true),
        None => (writer.record().limit, false),
    };
    if let Some(bytes) = chunk.bytes
        && offset.saturating_add(bytes) > most
    {
        let whose = if is_known { "the file was said to have" } else { "a file may have" };
        return Err(Error::new(413, format!("{whose} {most} bytes, and with these it had {}", offset + bytes)));
    }
    if let Some(checksum) = chunk.checksum {
        writer.expect(checksum).await?;
    }
    body.write_to(writer, &service.server).await?;
    writer.verify().await
}

fn wrong_offset(said: u64, offset: u64) -> Error {
    Error::new(409, format!("the upload is at {offset}, not at {said}: ask for its offset and go on there"))
}

/// How an upload stands, as headers.
fn state(service: &FileService, status: StatusCode, record: &Record, offset: u64) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, offset.into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(expires) = HeaderValue::from_str(&http_date(record.expires)) {
        headers.insert(UPLOAD_EXPIRES, expires);
    }
    if status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::from_str(&service.upload_url(record.id))
    {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// As [`state`], with the URL of the file; and with all that is known of it, for clients that prefer to hear it (RFC 7240).
fn done(service: &FileService, status: StatusCode, asked: &HeaderMap, finished: &Finished) -> Response {
    let offset = finished.record.length.unwrap_or_default();
    let mut response = state(service, status, &finished.record, offset);
    let Some((_, file)) = &finished.file else { return response };
    if let Ok(url) = HeaderValue::from_str(&file.url) {
        response.headers_mut().insert(header::CONTENT_LOCATION, url);
    }
    let mut json = Vec::new();
    if asked.get_all(PREFER).iter().any(wants_representation)
        && json::write(file, &mut json, &WriteOptions::default()).is_ok()
    {
        if status == StatusCode::NO_CONTENT {
            *response.status_mut() = StatusCode::OK;
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static(REPRESENTATION));
        *response.body_mut() = json.into();
    }
    response
}

fn wants_representation(preferences: &HeaderValue) -> bool {
    let preferences = preferences.to_str().unwrap_or_default();
    preferences.split(',').any(|preference| preference.trim().eq_ignore_ascii_case(REPRESENTATION))
}

fn id_of(path: &str) -> Result<UploadId, Error> {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.parse().map_err(|_| Error::new(404, "there is no such upload: it never was, has expired, or was deleted"))
}

/// The parts that a file is to be made of: URLs of this server, with or without its name.
fn parts_of(service: &FileService, concat: &str) -> Result<Vec<UploadId>, Error> {
    let urls = concat.strip_prefix("final;").unwrap_or_default().split_ascii_whitespace();
    let id = |url: &str| -> Option<UploadId> {
        let path = match url.split_once("://") {
            Some((_, rest)) => &rest[rest.find('/')?..],
            None => url,
        };
        let (folder, name) = path.rsplit_once('/')?;
        // Whoever mounts the server below a path of their own has that before ours.
        folder.ends_with(&*service.core.upload_path).then(|| name.parse().ok())?
    };
    let wrong = |url: &str| Error::new(400, format!("`{}` is no upload of this server", crate::request::shown(url)));
    let ids = urls.map(|url| id(url).ok_or_else(|| wrong(url))).collect::<Result<Vec<_>, _>>()?;
    match ids.len() {
        0 => Err(Error::new(400, "`Upload-Concat: final;` names no parts")),
        1..=MOST_PARTS => Ok(ids),
        count => Err(Error::new(400, format!("a file of {count} parts: {MOST_PARTS} are allowed"))),
    }
}

/// Reads `Upload-Metadata`: keys, each with a value in base64 or none, separated by commas.
fn metadata(text: &str) -> Result<BTreeMap<String, String>, Error> {
    if text.len() > LONGEST_METADATA {
        return Err(Error::new(
            400,
            format!("`Upload-Metadata` has {} bytes; {LONGEST_METADATA} are allowed", text.len()),
        ));
    }
    let mut metadata = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|_| !text.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if key.is_empty() {
            return Err(Error::new(400, "`Upload-Metadata` has a value without a key"));
        }
        let value = STANDARD.decode(value.trim()).ok().and_then(|value| String::from_utf8(value).ok());
        let wrong = || Error::new(400, format!("the value of `{key}` in `Upload-Metadata` is no text in base64"));
        if metadata.insert(key.to_owned(), value.ok_or_else(wrong)?).is_some() {
            return Err(Error::new(400, format!("`Upload-Metadata` has the key `{key}` twice")));
        }
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read() {
        let metadata = |text| metadata(text).map_err(|error| error.code());
        assert_eq!(metadata(""), Ok(BTreeMap::new()));
        let expected = [("filename", "a b.txt"), ("is_confidential", "")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(metadata("filename YSBiLnR4dA==,is_confidential"), Ok(expected.clone().into()));
        assert_eq!(metadata("filename YSBiLnR4dA==, is_confidential "), Ok(expected.into()));
        for wrong in ["a b c", "a YQ==,a YQ==", "a /w==", ",", "a YQ==,", "a YQ"] {
            assert_eq!(metadata(wrong), Err(Some(400)), "{wrong}");
        }
        assert_eq!(metadata(&"x".repeat(9000)), Err(Some(400)));
    }
}
