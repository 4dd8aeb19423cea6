//! The HTTP server: connections on the reactor, requests packed for JavaScript, its answers gathered for the sockets.
//!
//! An [`Engine`] belongs to one reactor, and so to one thread. What a turn brings is packed into one [`Batch`]; what
//! JavaScript answers comes back as a list of [`Command`]s, and each connection's bytes of a list leave in one system
//! call. A connection handles one request at a time: what a peer sends ahead waits, in its socket beyond
//! [`AHEAD_BYTES`].
//!
//! # Bounds
//! | queue | bound | at the bound |
//! | --- | --- | --- |
//! | unparsed bytes of a connection | a head's limit, or [`AHEAD_BYTES`] | the socket is not read |
//! | body bytes for JavaScript | one read of 64 KiB more than its `highWaterMark` | the socket is not read |
//! | bytes for a peer | what JavaScript was told not to exceed (`highWaterMark`), and one write | `drain` waits |
//! | bytes of broadcasts | the same `highWaterMark`: beyond it what the system takes is looked at first | `drain` waits |
//! | events for a client | the route's `buffered_bytes` | its policy: see [`SlowPolicy`](crate::net::hub::SlowPolicy) |
//! | connections | the system's descriptors, or `maxConnections` | closed at once, and counted |

mod batch;
mod broadcast;
mod command;
mod config;
mod connection;
mod engine;
mod events;
mod files;
mod http2;
mod outbox;
mod variants;
mod wake;

pub use super::listener::{Address, Listen};
pub use batch::{Batch, Record};
pub use command::Command;
pub use config::{Config, Timeouts};
pub use connection::AHEAD_BYTES;
pub use engine::{Engine, SendFile};
pub use events::{EventRoute, StreamCounts, StreamOptions, StreamRequest};
pub use files::{FileOptions, Mount, Symlinks};
pub use http2::{Http2Config, STREAM};
pub use variants::CompressOptions;

#[cfg(test)]
mod tests;
