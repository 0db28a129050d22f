//! What has come from the server, and waiting for it.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{AckError, Received};

/// How long something that must happen is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Inbox {
    /// Held while something is put in or taken out.
    state: Mutex<State>,
    /// Counts changes, so that whoever waits looks again.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) pushes: VecDeque<Received>,
    pub(super) requests: HashMap<String, Answers>,
    /// The number of the last ping that was answered.
    pub(super) pong: u64,
    pub(super) closed: Option<Closed>,
}

/// What has come for one request.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) replies: Vec<Received>,
    pub(super) result: Option<Result<(), AckError>>,
    /// How often the message was sent: as often it may end.
    pub(super) sent: usize,
}

/// How a connection ended.
#[derive(Debug, Clone)]
pub(super) enum Closed {
    /// By the server, with this code and reason.
    Frame(u16, String),
    /// Without a close frame.
    Lost,
    /// By the test.
    Here,
    /// The server sent what cannot be read.
    Unreadable(String),
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), changes: watch::Sender::new(0) }
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changes.send_modify(|count| *count += 1);
        result
    }

    /// Waits until something is there; `Err` says why it does not come.
    pub(super) async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Result<T, String> {
        let mut changes = self.changes.subscribe();
        let looking = async {
            loop {
                {
                    let mut state = self.lock();
                    if let Some(found) = look(&mut state) {
                        return Ok(found);
                    }
                    if state.closed.is_some() {
                        return Err(state.to_string());
                    }
                }
                let _ = changes.changed().await; // The sender is ours.
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => Err(format!("{}, and nothing more within {} s", self.lock(), PATIENCE.as_secs())),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Puts a message where it is looked for.
    pub(super) fn put(&mut self, received: Received) {
        let answers = received.uuid.as_ref().and_then(|uuid| self.requests.get_mut(uuid));
        match answers {
            // The answer to a duplicate.
            Some(answers) if answers.result.is_some() && answers.sent > 1 => {
                answers.sent -= usize::from(received.result.is_some());
            }
            Some(answers) if answers.result.is_none() => {
                answers.result.clone_from(&received.result);
                if !received.is_ack() {
                    answers.replies.push(received);
                }
            }
            // A push; or an answer to what was not asked, or was answered already, which is as good as unasked.
            _ => self.pushes.push_back(received),
        }
    }
}

/// What has come instead of what was looked for.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pushes.len() {
            0 => f.write_str("nothing else has come")?,
            _ => write!(f, "what has come instead is {:?}", self.pushes)?,
        }
        match &self.closed {
            None => Ok(()),
            Some(Closed::Frame(code, reason)) => write!(f, ", and the server closed with {code} \"{reason}\""),
            Some(Closed::Lost) => f.write_str(", and the connection ended without a close frame"),
            Some(Closed::Here) => f.write_str(", and the test has closed the connection"),
            Some(Closed::Unreadable(reason)) => write!(f, ", and the server sent what cannot be read: {reason}"),
        }
    }
}
