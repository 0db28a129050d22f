//! One handler for each message of `proto/board.proto` that clients send.

use std::time::Duration;

use psd_core::{Connection, Error, Identity, RequestHeaders, State, receive};

use crate::{notes::Notes, pb};

#[receive]
fn post(
    message: pb::Post,
    author: Identity,
    headers: RequestHeaders,
    connection: Connection,
    State(notes): State<Notes>,
) -> Result<(), Error> {
    if message.text.is_empty() {
        return Err(Error::new(422, "the note is empty"));
    }
    let note = pb::Posted {
        board: message.board,
        note_id: headers.uuid.unwrap_or_default().into(),
        author: author.username().to_owned(),
        text: message.text,
        number: 0,
        retry_count: headers.retry_count,
    };
    // Under the lock, so that notes are sent in the order of their numbers.
    let mut notes = notes.lock();
    match notes.add(note)? {
        Some(note) => connection.broadcast(&group(&note.board), &note),
        None => Ok(()),
    }
}

#[receive]
fn watch(message: pb::Watch, connection: Connection, State(notes): State<Notes>) -> Result<pb::Board, Error> {
    let notes = notes.lock();
    connection.join(&group(&message.board))?;
    Ok(pb::Board { notes: notes.of(&message.board) })
}

#[receive]
fn set_draft(
    message: pb::SetDraft,
    author: Identity,
    headers: RequestHeaders,
    connection: Connection,
    notes: State<Notes>,
) -> Result<(), Error> {
    let State(notes) = notes;
    post(pb::Post { board: message.board, text: message.text }, author, headers, connection, State(notes))
}

#[receive(auth = false)]
fn who_am_i(_: pb::WhoAmI, identity: Option<Identity>, connection: Connection) -> pb::You {
    let connections = i64::try_from(connection.server().connections().len()).unwrap_or(i64::MAX);
    pb::You { name: identity.map(|identity| identity.username().to_owned()).unwrap_or_default(), connections }
}

/// Counts a wait that is dropped before its end.
struct Waiting(Option<Notes>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(notes) = &self.0 {
            notes.lock().cancelled += 1;
        }
    }
}

#[receive(auth = false)]
async fn wait(message: pb::Wait, State(notes): State<Notes>) -> pb::Waited {
    let mut waiting = Waiting(Some(notes.clone()));
    tokio::time::sleep(Duration::from_millis(message.ms.into())).await;
    waiting.0 = None;
    pb::Waited { cancelled: notes.lock().cancelled }
}

#[receive(auth = false)]
fn fail(message: pb::Fail, connection: Connection) -> Result<(), Error> {
    match u16::try_from(message.code) {
        Ok(code) if code >= 4000 => {
            connection.close(code, &message.text);
            Ok(())
        }
        _ => Err(Error::new(message.code, message.text)),
    }
}

#[receive(auth = false)]
fn ignore(_: pb::Ignore) {}

fn group(board: &str) -> String {
    format!("board {board}")
}
