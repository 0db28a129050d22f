//! A client of upload streams that knows docs/PROTOCOL.md, in both forms of v1.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use psd_core::proto::{
    common::{
        psd::v1::{
            Envelope, Headers, UploadCancel, UploadChunk, UploadCredit, UploadFailed, UploadFinished, UploadOpen,
            UploadOpened,
        },
        sfiles::UploadedFile,
        socket_api::ProtocolError,
    },
    prost::Message as _,
};
use psd_tests::{DEADLINE, Running, Socket, connect, v1::envelopes, v1::frame};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// What the server says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Opened(UploadOpened),
    Credit(UploadCredit),
    Done(UploadFinished),
    Failed(UploadFailed),
    ProtocolError(String),
    /// The type and the uuid of anything else.
    Other(String, String),
    /// The connection is closed.
    Closed,
}

/// A connection of v1.
pub(crate) struct Client {
    socket: Socket,
    is_json: bool,
    rest: std::collections::VecDeque<Said>,
}

impl Client {
    /// Connects as somebody and reads the welcome.
    pub(crate) async fn connect(running: &Running, dialect: &str, token: &str) -> Self {
        Self::connect_at(running.address(), dialect, token).await
    }

    pub(crate) async fn connect_at(server: SocketAddr, dialect: &str, token: &str) -> Self {
        let offer = format!("{dialect}, psd.token.{token}");
        let socket = connect(&format!("ws://{server}/ws"), Some(&offer)).await;
        let mut client = Self { socket, is_json: dialect == "psd.v1.json", rest: Default::default() };
        assert_eq!(client.next().await, Said::Other("psd.welcome".into(), String::new()));
        client
    }

    pub(crate) async fn ann(running: &Running) -> Self {
        Self::connect(running, "psd.v1.proto", "ann").await
    }

    pub(crate) async fn open(&mut self, open: UploadOpen) {
        let mut body = json!({"stream": open.stream, "uploadId": open.upload_id, "name": open.name, "mime": open.mime});
        if let Some(size) = open.size {
            body["size"] = size.to_string().into();
        }
        body["localKey"] = open.local_key.clone().into();
        body["metadata"] = json!(open.metadata);
        self.send("psd.upload-open", body, open.encode_to_vec()).await;
    }

    pub(crate) async fn chunk(&mut self, chunk: UploadChunk) {
        let data = STANDARD.encode(&chunk.data);
        let body = json!({
            "stream": chunk.stream, "offset": chunk.offset, "data": data, "crc32c": chunk.crc32c, "last": chunk.last,
        });
        self.send("psd.upload-chunk", body, chunk.encode_to_vec()).await;
    }

    pub(crate) async fn cancel(&mut self, stream: u32, keep: bool) {
        let cancel = UploadCancel { stream, keep };
        self.send("psd.upload-cancel", json!({"stream": stream, "keep": keep}), cancel.encode_to_vec()).await;
    }

    /// Sends a message without `uuid`.
    pub(crate) async fn send(&mut self, message_type: &str, json: Value, proto: Vec<u8>) {
        self.send_as(message_type, "", json, proto).await;
    }

    pub(crate) async fn send_as(&mut self, message_type: &str, uuid: &str, json: Value, proto: Vec<u8>) {
        let message = match self.is_json {
            true => {
                let headers = json!({"messageType": message_type, "uuid": uuid, "ack": !uuid.is_empty()});
                Message::text(json!({"headers": headers, "body": json}).to_string())
            }
            false => Message::binary(frame(&[envelope(message_type, uuid, proto)])),
        };
        self.socket.send(message).await.unwrap();
    }

    /// Sends chunks in one frame.
    pub(crate) async fn chunks(&mut self, chunks: &[UploadChunk]) {
        let envelope = |chunk: &UploadChunk| envelope("psd.upload-chunk", "", chunk.encode_to_vec());
        let envelopes: Vec<_> = chunks.iter().map(envelope).collect();
        self.socket.send(Message::binary(frame(&envelopes))).await.unwrap();
    }

    /// The next thing that the server says, but for the push that tells everybody about a file.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            if let Some(said) = self.rest.pop_front() {
                match said {
                    Said::Other(message_type, _) if message_type == "upload-done" => continue,
                    said => return said,
                }
            }
            let message = tokio::time::timeout(DEADLINE, self.socket.next()).await.expect("the server says nothing");
            match message {
                Some(Ok(Message::Binary(bytes))) => self.rest.extend(envelopes(&bytes).iter().map(read_proto)),
                Some(Ok(Message::Text(text))) => self.rest.push_back(read_json(&serde_json::from_str(&text).unwrap())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Said::Closed,
            }
        }
    }

    /// What comes next but for credit.
    pub(crate) async fn answer(&mut self) -> Said {
        loop {
            match self.next().await {
                Said::Credit(_) => {}
                said => return said,
            }
        }
    }

    pub(crate) async fn opened(&mut self) -> UploadOpened {
        match self.answer().await {
            Said::Opened(opened) => opened,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn done(&mut self) -> UploadFinished {
        match self.answer().await {
            Said::Done(done) => done,
            other => panic!("{other:?}"),
        }
    }

    /// Code and text, and whether the upload is kept.
    pub(crate) async fn failed(&mut self) -> (i32, String, bool) {
        match self.answer().await {
            Said::Failed(failed) => (failed.error_code, failed.error_message, failed.kept),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn expect_failed(&mut self, code: i32, text: &str, kept: bool) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let failed = self.failed().await;
            let is_as_expected = failed.0 == code && failed.1.contains(text) && failed.2 == kept;
            assert!(is_as_expected, "{at}: expected {code}, `{text}`, {kept}: {failed:?}");
        }
    }

    pub(crate) async fn protocol_error(&mut self) -> String {
        match self.answer().await {
            Said::ProtocolError(text) => text,
            other => panic!("{other:?}"),
        }
    }

    /// Sends bytes from where the stream is open on, up to `to`, as credit allows; returns what is safe by then.
    pub(crate) async fn send_up_to(&mut self, opened: &UploadOpened, bytes: &[u8], to: usize) -> u64 {
        let (stream, mut offset, mut until) = (opened.stream, opened.offset, opened.until);
        let mut safe = offset;
        while offset < to as u64 {
            let end = (offset + u64::from(opened.chunk_bytes)).min(until).min(to as u64);
            if end > offset {
                self.chunk(chunk(stream, bytes, offset, end)).await;
                offset = end;
                continue;
            }
            match self.next().await {
                Said::Credit(credit) => {
                    assert_eq!(credit.stream, stream);
                    assert!(credit.offset >= safe && credit.until >= until, "{credit:?}");
                    (safe, until) = (credit.offset, credit.until);
                }
                other => panic!("{other:?}"),
            }
        }
        safe
    }

    /// Brings a whole file.
    pub(crate) async fn upload(&mut self, open: UploadOpen, bytes: &[u8]) -> UploadFinished {
        self.open(open).await;
        let opened = self.opened().await;
        self.send_up_to(&opened, bytes, bytes.len()).await;
        self.done().await
    }
}

/// A new upload of this size.
pub(crate) fn new(stream: u32, size: usize) -> UploadOpen {
    UploadOpen { stream, size: Some(size as u64), name: "a.bin".into(), ..UploadOpen::default() }
}

pub(crate) fn saying(mut open: UploadOpen, said: &[(&str, &str)]) -> UploadOpen {
    open.metadata = said.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    open
}

pub(crate) fn resume(stream: u32, upload_id: &str) -> UploadOpen {
    UploadOpen { stream, upload_id: upload_id.into(), ..UploadOpen::default() }
}

pub(crate) fn chunk(stream: u32, bytes: &[u8], offset: u64, end: u64) -> UploadChunk {
    let data = bytes[offset as usize..end as usize].to_vec();
    UploadChunk { stream, offset, crc32c: crc32c(&data), data, last: false }
}

/// As docs/PROTOCOL.md says it.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256)
        .map(|byte| (0..8).fold(byte, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 }))
        .collect();
    !bytes.iter().fold(u32::MAX, |crc, byte| (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)])
}

fn envelope(message_type: &str, uuid: &str, body: Vec<u8>) -> Envelope {
    let headers =
        Headers { message_type: message_type.into(), uuid: uuid.into(), ack: !uuid.is_empty(), ..Headers::default() };
    Envelope { headers: Some(headers), body, ..Envelope::default() }
}

fn read_proto(envelope: &Envelope) -> Said {
    let (headers, body) = (envelope.headers.as_ref().unwrap(), &*envelope.body);
    assert!(envelope.seq == 0 || !headers.message_type.starts_with("psd."), "messages of v1 itself have no number");
    match headers.message_type.as_str() {
        "psd.upload-opened" => Said::Opened(UploadOpened::decode(body).unwrap()),
        "psd.upload-credit" => Said::Credit(UploadCredit::decode(body).unwrap()),
        "psd.upload-done" => Said::Done(UploadFinished::decode(body).unwrap()),
        "psd.upload-failed" => Said::Failed(UploadFailed::decode(body).unwrap()),
        "protocol-error" => Said::ProtocolError(ProtocolError::decode(body).unwrap().error_message),
        other => Said::Other(other.into(), headers.uuid.clone()),
    }
}

fn read_json(envelope: &Value) -> Said {
    let (headers, body) = (&envelope["headers"], &envelope["body"]);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| match &body[name] {
        Value::Null => 0,
        Value::String(text) => text.parse::<u64>().unwrap(),
        number => number.as_u64().unwrap(),
    };
    let stream = number("stream") as u32;
    match headers["messageType"].as_str().unwrap() {
        "psd.upload-opened" => Said::Opened(UploadOpened {
            stream,
            upload_id: text("uploadId"),
            offset: number("offset"),
            until: number("until"),
            chunk_bytes: number("chunkBytes") as u32,
            expires: number("expires") as i64,
        }),
        "psd.upload-credit" => Said::Credit(UploadCredit { stream, offset: number("offset"), until: number("until") }),
        "psd.upload-done" => {
            let file = |name: &str| body["file"][name].as_str().unwrap_or_default().to_owned();
            let file = UploadedFile {
                id: file("id"),
                url: file("url"),
                mime: file("mime"),
                name: file("name"),
                ..UploadedFile::default()
            };
            Said::Done(UploadFinished { stream, upload_id: text("uploadId"), file: Some(file) })
        }
        "psd.upload-failed" => Said::Failed(UploadFailed {
            stream,
            error_code: number("errorCode") as i32,
            error_message: text("errorMessage"),
            kept: body["kept"] == true,
        }),
        "protocol-error" => Said::ProtocolError(text("errorMessage")),
        other => Said::Other(other.into(), headers["uuid"].as_str().unwrap_or_default().into()),
    }
}
