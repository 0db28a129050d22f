//! Paused time and threads.

use std::{sync::mpsc, time::Duration};

use tokio::runtime::{Handle, RuntimeFlavor};

/// How long a job may hold time still: a test whose job never ends must end all the same.
const AT_MOST: Duration = Duration::from_secs(60);

/// A job for another thread, during which paused time stands still.
///
/// tokio moves paused time on when its tasks have nothing to do, and knows nothing of our threads; a blocking task of its
/// own, which ends with the job, keeps it from that.
pub(crate) fn holding_time(job: impl FnOnce() + Send + 'static) -> impl FnOnce() + Send + 'static {
    // Only a runtime of one thread can be paused.
    let runtime = Handle::try_current().ok().filter(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread);
    let held = runtime.map(|runtime| {
        let (held, released) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || {
            let _ = released.recv_timeout(AT_MOST);
        });
        held
    });
    move || {
        job();
        drop(held);
    }
}
