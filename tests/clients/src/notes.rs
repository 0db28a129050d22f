//! The notes of all boards, each in a line of a file.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

use crate::pb;

/// What the server remembers.
#[derive(Clone)]
pub(crate) struct Notes(Arc<Mutex<Kept>>);

/// Guarded as a whole: a note is looked for and written in one go.
pub(crate) struct Kept {
    file: File,
    notes: Vec<pb::Posted>,
    /// How many waits were given up.
    pub(crate) cancelled: i64,
}

impl Notes {
    /// Reads what an earlier run has left.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut notes = Vec::new();
        for line in BufReader::new(&file).lines() {
            // The last line is half of one, if the process was killed while it wrote.
            if let Ok(note) = serde_json::from_str::<Value>(&line?) {
                notes.push(read(&note));
            }
        }
        Ok(Self(Arc::new(Mutex::new(Kept { file, notes, cancelled: 0 }))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Keeps a note, unless it is there already.
    pub(crate) fn add(&mut self, mut note: pb::Posted) -> anyhow::Result<Option<pb::Posted>> {
        if self.notes.iter().any(|other| other.note_id == note.note_id) {
            return Ok(None);
        }
        note.number = i64::try_from(self.notes.len())? + 1;
        let pb::Posted { board, note_id, author, text, retry_count, .. } = &note;
        let line = json!({"board": board, "id": note_id, "author": author, "text": text, "retries": retry_count});
        // In one piece, so that a process that is killed leaves no half of it.
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.notes.push(note.clone());
        Ok(Some(note))
    }

    /// The notes of a board.
    pub(crate) fn of(&self, board: &str) -> Vec<pb::Posted> {
        self.notes.iter().filter(|note| note.board == board).cloned().collect()
    }
}

fn read(line: &Value) -> pb::Posted {
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    pb::Posted {
        board: text("board"),
        note_id: text("id"),
        author: text("author"),
        text: text("text"),
        number: 0,
        retry_count: line["retries"].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
    }
}
