//! TLS between a connection and its socket, by rustls.
//!
//! A [`Session`] holds what a connection needs between two calls and no more: an idle one has no buffers. Records are
//! decrypted out of the turn's buffer, and encrypted into one that all sessions of a thread share.
//!
//! # Bounds
//! | queue | bound | at the bound |
//! | --- | --- | --- |
//! | bytes read that are no whole record, or handshake message, yet | [`READ_BYTES`](crate::net::reactor::READ_BYTES) | the handshake fails |
//! | records that the socket did not take | those of [`STEP_BYTES`] of plain text or [`FILE_STEP_BYTES`] of a file, and a handshake's | nothing is taken until they are sent |
//! | sessions that can be resumed by their number (TLS 1.2 without tickets) | [`CACHED_SESSIONS`](context::CACHED_SESSIONS) | the oldest is forgotten |

mod context;
mod drive;
mod fault;
mod records;
mod session;
mod verify;

pub use context::{CIPHER_SUITES, Context, ContextError, ContextOptions, Contexts, Identity};
pub use fault::TlsFault;
pub use session::{Hello, Session, SessionFacts};

/// Bytes of plain text that are encrypted at a time.
pub const STEP_BYTES: usize = 64 << 10;

/// Bytes of a file that are encrypted, by [`STEP_BYTES`], and then sent at a time. Each time may wake who waits for them: with
/// 64 KiB that was an eighth of what a file cost, and a file of 1 MiB took a sixth longer.
pub const FILE_STEP_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests;
