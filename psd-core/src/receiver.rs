//! What `#[receive]` leaves behind: data.

use std::time::Duration;

use psd_proto::{MessageInfo, SourceLocation};

use crate::{Call, ConsumerSpec, Error, Guard, Rate, call::Invocation, extract::Requirement};

/// One handler, as `#[receive]` registers it.
#[derive(Debug, Clone, Copy)]
pub struct Receiver {
    /// The function's name.
    pub name: &'static str,
    /// The module it is in.
    pub module: &'static str,
    /// Where it is written.
    pub location: SourceLocation,
    /// The message it receives: its route.
    pub message: &'static MessageInfo,
    /// The endpoint it belongs to.
    pub consumer: fn() -> ConsumerSpec,
    /// Who may call it.
    pub guard: Guard,
    /// What limits its calls, as written at the handler.
    pub limits: Limits,
    /// Where it runs.
    pub mode: Mode,
    /// What its parameters need.
    pub requirements: &'static [fn() -> Requirement],
    /// Takes the parameters out of a call and calls the function.
    pub receive: ReceiveFn,
}

/// What limits the calls of one handler; `None` where it is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take; zero is without end.
    pub timeout: Option<Duration>,
    /// How often one caller may call it.
    pub rate: Option<Rate>,
    /// How many bytes a body may have.
    pub max_bytes: Option<usize>,
}

impl Limits {
    /// Silence.
    pub const NONE: Self = Self { timeout: None, rate: None, max_bytes: None };
}

/// Takes a handler's parameters out of a call and calls it.
pub type ReceiveFn = fn(&mut Call<'_>) -> Result<Invocation, Error>;

/// Where a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A plain `fn`: in place, so it must not block.
    InPlace,
    /// An `async fn`: on the connection's task; the connection's next message waits for it.
    Async,
    /// An `async fn` with `concurrent`: beside the connection's next messages.
    Concurrent,
    /// A `fn` with `blocking`: on a sync worker; the connection's next message waits for it.
    Blocking,
}

inventory::collect!(Receiver);

/// A schema that `include_messages!` registers.
#[doc(hidden)]
#[derive(Debug)]
pub struct RegisteredSchema(pub &'static psd_proto::Schema);

inventory::collect!(RegisteredSchema);

/// Every handler linked into the program.
pub(crate) fn receivers() -> impl Iterator<Item = &'static Receiver> {
    inventory::iter::<Receiver>()
}

/// Every schema linked into the program.
pub(crate) fn schemas() -> impl Iterator<Item = &'static psd_proto::Schema> {
    inventory::iter::<RegisteredSchema>().map(|registered| registered.0)
}
