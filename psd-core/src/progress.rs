//! What long work says about itself, and whether it is still wanted.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use psd_proto::common::socket_api::AsyncProgress;
use tokio::time::Instant;

use crate::{Call, Error, Extract, request::Request};

/// Reports closer together than this are not sent; the last of all is.
const INTERVAL: Duration = Duration::from_millis(100);

/// A handle by which work tells its client how far it has come, as `async-progress` messages, and learns whether anybody
/// still wants it. Taken as a handler's parameter; cheap to clone, and usable from any thread.
///
/// The messages belong to no reply: they carry no `uuid` but a key, which is the request's `uuid` if the work gives no
/// other. At most ten a second are sent, however often is reported, and one more with `done` when the work has ended, if
/// anything was reported at all: with the error if it failed.
///
/// ```
/// use psd_core::{Continue, Error, Progress, receive};
/// # mod pb { pub use psd_core::proto::common::uploader::UploadUFile; }
///
/// #[receive]
/// fn upload_u_file(_: pb::UploadUFile, progress: Progress) -> Continue {
///     Continue::blocking(move || {
///         for step in 0..1000 {
///             if progress.is_cancelled() {
///                 return Err(Error::new(499, "nobody waits for it"));
///             }
///             progress.report(f64::from(step) / 1000.0, "reading");
///         }
///         Ok(())
///     })
/// }
/// ```
#[derive(Clone)]
pub struct Progress {
    request: Request,
    reports: Reports,
}

/// What was reported of one request's work; attached to the request, so that its end can be reported too.
#[derive(Clone, Default)]
pub(crate) struct Reports(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    key: Option<String>,
    /// The last report, sent or not.
    last: Option<AsyncProgress>,
    sent: Option<Instant>,
    /// Whether the end was said, or nothing was reported until then.
    has_ended: bool,
}

impl Progress {
    /// Names the work in its messages. Default: the request's `uuid`.
    #[must_use]
    pub fn with_key(self, key: impl Into<String>) -> Self {
        self.reports.lock().key = Some(key.into());
        self
    }

    /// Says how much is done, from 0 to 1, and what is being done.
    ///
    /// Returns at once. A client that has gone, or reads too slowly, is no error: the work may go on without it. What is
    /// reported when the work has ended is not sent.
    pub fn report(&self, progress: f64, info: &str) {
        // Held until the report is queued, so that the end cannot overtake it.
        let mut state = self.reports.lock();
        if state.has_ended {
            return;
        }
        let key = match &state.key {
            Some(key) => key.clone(),
            None => self.request.uuid().unwrap_or_default().to_owned(),
        };
        let report =
            AsyncProgress { key, progress: progress.clamp(0.0, 1.0), info: info.to_owned(), ..Default::default() };
        let now = Instant::now();
        let is_due = state.sent.is_none_or(|sent| now.duration_since(sent) >= INTERVAL);
        state.last = Some(report.clone());
        if is_due {
            state.sent = Some(now);
            if !self.is_cancelled() {
                let _ = self.request.shared().send(&report, None);
            }
        }
    }

    /// Whether nobody waits for the work any more: its client has gone or has cancelled the request, or its deadline has
    /// passed. Never so for [`detached`](crate::Continue::detached) work.
    ///
    /// Futures are dropped then. Work on a thread cannot be, and should ask from time to time.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.request.is_cancelled()
    }
}

impl Extract for Progress {
    fn extract(call: &Call<'_>) -> Result<Self, Error> {
        let request = call.request().clone();
        let reports = request.extensions().get_or_insert_default::<Reports>().clone();
        Ok(Self { request, reports })
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("last", &self.reports.lock().last).finish_non_exhaustive()
    }
}

impl Reports {
    /// Says that the work has ended, if it ever said anything.
    pub(crate) fn end(&self, request: &Request, error: Option<(String, Option<i32>)>) {
        let mut state = self.lock();
        state.has_ended = true;
        let Some(last) = state.last.take() else { return };
        let (error_message, error_code) = error.unwrap_or_default();
        let progress = if error_message.is_empty() { 1.0 } else { last.progress };
        let error_code = error_code.unwrap_or_default();
        let _ = request.shared().send(&AsyncProgress { progress, done: true, error_message, error_code, ..last }, None);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
