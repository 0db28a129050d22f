//! What the macros of psd do for their users, and what they tell them.
#![allow(clippy::unwrap_used)]

// Handlers as they are registered: place, message, guard, mode, and names that could clash.
mod handlers;
// Structs as messages: every container and every option.
mod into_message;
// What the compiler says about mistakes.
mod mistakes;
