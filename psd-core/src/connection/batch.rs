//! Publications leave in batches: when whoever publishes is done, what waits for each client is written with one system
//! call, without waking the tasks of connections that sleep.
//!
//! A connection's task is done at the end of its turn, which may have handled several messages; anybody else at the end of
//! each publication. What a client does not take at once is left to its connection's task.

use std::{
    cell::RefCell,
    marker::PhantomData,
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::runtime::Handle;

use super::Shared;

/// Clients written to before others on the same thread have their turn.
const AT_ONCE: usize = 256;

/// Connections whose tasks sleep while something waits for their clients.
#[derive(Default)]
pub(crate) struct Batch {
    /// Tells batches apart; 0 before it is filled.
    number: u64,
    connections: Vec<Arc<Shared>>,
}

#[derive(Default)]
struct Current {
    /// How many [`Batching`]s there are.
    depth: usize,
    batch: Batch,
}

thread_local! {
    static CURRENT: RefCell<Current> = RefCell::default();
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Batch {
    /// Lets `publish` add to the batch of this thread.
    pub(crate) fn fill<R>(publish: impl FnOnce(&mut Self) -> R) -> R {
        let _batching = Batching::begin();
        // Taken out, since `publish` may log, and whoever writes logs may publish.
        let mut filling = Filling(CURRENT.with_borrow_mut(|current| mem::take(&mut current.batch)));
        if filling.0.number == 0 {
            filling.0.number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        }
        publish(&mut filling.0)
    }

    /// The number by which outboxes know that their connection is in the batch.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    #[inline]
    pub(crate) fn add(&mut self, connection: &Arc<Shared>) {
        self.connections.push(connection.clone());
    }
}

/// Puts a batch back, also if whoever filled it panics.
struct Filling(Batch);

impl Drop for Filling {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| {
            let other = mem::replace(&mut current.batch, mem::take(&mut self.0));
            current.batch.connections.extend(other.connections);
        });
    }
}

/// While it lives, publications of this thread gather. Held within one poll of a task, never across an await.
pub(crate) struct Batching(PhantomData<*const ()>);

impl Batching {
    pub(crate) fn begin() -> Self {
        CURRENT.with_borrow_mut(|current| current.depth += 1);
        Self(PhantomData)
    }
}

impl Drop for Batching {
    fn drop(&mut self) {
        let batch = CURRENT.with_borrow_mut(|current| {
            current.depth -= 1;
            let is_over = current.depth == 0 && current.batch.number != 0;
            is_over.then(|| mem::take(&mut current.batch))
        });
        let Some(Batch { mut connections, .. }) = batch else { return };
        write(&mut connections);
        // The room is kept for the next batch. Whoever was written to may have begun one, by what it logs.
        connections.clear();
        if connections.capacity() <= AT_ONCE {
            CURRENT.with_borrow_mut(|current| {
                if current.batch.connections.capacity() == 0 {
                    current.batch.connections = connections;
                }
            });
        }
    }
}

/// Writes what waits for each; beyond some of them, in tasks of their own.
fn write(connections: &mut Vec<Arc<Shared>>) {
    if let Ok(runtime) = Handle::try_current() {
        while connections.len() > AT_ONCE {
            let some = connections.split_off(connections.len() - AT_ONCE);
            drop(runtime.spawn(async move { write_each(&some) }));
        }
    }
    write_each(connections);
}

fn write_each(connections: &[Arc<Shared>]) {
    for connection in connections {
        connection.write_out();
    }
}
