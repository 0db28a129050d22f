//! The ready-made receivers of the common messages about files.

use psd_proto::{
    ClientMessage, MessageInfo, SourceLocation,
    common::{
        sfiles::{DeleteFile, UploadEnd, UploadStart, UploadStartSlot},
        uploader::{DeleteUFile, UFile, UploadSlot, UploadUFile},
    },
};

use super::{
    Files,
    record::Role,
    uploads::{Caller, Wish},
};
use crate::{Connection, ConsumerSpec, DefaultConsumer, Error, Guard, Limits, Mode, Receiver, receiver::ReceiveFn};

static RECEIVERS: &[Receiver] = &[
    receiver("upload_start", UploadStart::INFO, line!(), |call| {
        Ok(call.future(upload_start(call.connection(), call.message()?)))
    }),
    receiver("upload_end", UploadEnd::INFO, line!(), |call| {
        let _: UploadEnd = call.message()?;
        Ok(call.ready(upload_end()))
    }),
    receiver("delete_file", DeleteFile::INFO, line!(), |call| {
        Ok(call.future(delete_file(call.connection(), call.message()?)))
    }),
    receiver("upload_ufile", UploadUFile::INFO, line!(), |call| {
        Ok(call.future(upload_ufile(call.connection(), call.message()?)))
    }),
    receiver("delete_ufile", DeleteUFile::INFO, line!(), |call| {
        Ok(call.future(delete_ufile(call.connection(), call.message()?)))
    }),
];

const fn receiver(name: &'static str, message: &'static MessageInfo, line: u32, receive: ReceiveFn) -> Receiver {
    Receiver {
        name,
        module: module_path!(),
        location: SourceLocation { file: file!(), line, column: 5 },
        message,
        consumer: ConsumerSpec::of::<DefaultConsumer>,
        guard: Guard { auth: None, permissions: &[], whitelist_groups: &[], blacklist_groups: &[], function: None },
        limits: Limits::NONE,
        mode: Mode::Async,
        requirements: &[],
        receive,
    }
}

impl Files {
    /// The receivers, behind the guard that the application gave.
    pub(crate) fn receivers(&self) -> impl Iterator<Item = Receiver> {
        RECEIVERS.iter().map(|receiver| Receiver { guard: self.guard, ..*receiver })
    }
}

impl Caller {
    pub(crate) fn of(connection: &Connection) -> Self {
        Self { identity: connection.identity(), address: connection.peer().map(|peer| peer.ip()) }
    }
}

/// The reply's `key` names the upload, which goes on by whatever way.
async fn upload_start(connection: Connection, message: UploadStart) -> Result<UploadStartSlot, Error> {
    let UploadStart { local_key, extension, mut name, mime } = message;
    if !extension.is_empty() && !name.contains('.') {
        name = format!("{name}.{}", extension.trim_start_matches('.'));
    }
    let wish = Wish {
        name,
        mime,
        length: None,
        local_key: local_key.clone(),
        metadata: Default::default(),
        raw_metadata: String::new(),
        role: Role::Whole,
        counted: 0,
    };
    let files = connection.server().files()?;
    let record = files.start(&Caller::of(&connection), wish).await?;
    if record.owner.is_none() {
        files.core.slots.note(&files.server, record.id, connection.id());
    }
    Ok(UploadStartSlot { key: record.id.to_string(), local_key })
}

/// It ends the upload of an upload connection, which this is none.
fn upload_end() -> Result<(), Error> {
    Err(Error::new(409, "there is no upload on this connection: send it on the upload's own"))
}

async fn delete_file(connection: Connection, message: DeleteFile) -> Result<(), Error> {
    let file = message.file.ok_or_else(|| Error::new(422, "`file` is missing"))?;
    let files = connection.server().files()?;
    files.delete_for(&Caller::of(&connection), &files.key_of(&file).await?).await
}

/// `upload_url` in the metadata of the reply is where the file is sent, by tus.
async fn upload_ufile(connection: Connection, message: UploadUFile) -> Result<UploadSlot, Error> {
    let task = message.task.ok_or_else(|| Error::new(422, "`task` is missing"))?;
    let files = connection.server().files()?;
    let wish = Wish {
        name: task.name,
        mime: task.mime,
        length: None,
        local_key: message.file_id,
        metadata: task.metadata.clone(),
        raw_metadata: String::new(),
        role: Role::Whole,
        counted: 0,
    };
    let record = files.start(&Caller::of(&connection), wish).await?;
    let mut metadata = task.metadata;
    metadata.insert("upload_url".into(), files.upload_url(record.id));
    let file = UFile {
        id: record.key.clone(),
        src: files.url(&record.key),
        name: record.name.clone(),
        upload_task: record.id.to_string(),
        local_path: task.path,
        ..UFile::default()
    };
    Ok(UploadSlot { file: Some(file), metadata })
}

async fn delete_ufile(connection: Connection, message: DeleteUFile) -> Result<(), Error> {
    connection.server().files()?.delete_for(&Caller::of(&connection), &message.id).await
}
