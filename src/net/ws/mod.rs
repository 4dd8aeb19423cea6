//! WebSocket connections behind the handshake: what comes in becomes rows of a [`Batch`], what goes out is gathered and
//! written once a turn.
//!
//! The bytes come from a socket that the reactor watches, or are fed by hand where the socket belongs to somebody else.
//! Everything is on one thread.

mod batch;
mod connection;
mod deflaters;
mod engine;
mod outbox;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod topics;

#[cfg(test)]
mod tests;

pub use batch::{Batch, EventKind, SMALL_BYTES, Store};
pub use engine::{Engine, Limits, Outgoing};
