//! HTTP/2 on a server's connection: what its streams bring, as records; what JavaScript answers, as frames.
//!
//! A stream has a number in the engine, as a connection has, with [`STREAM`] set: its records and commands are those of a
//! connection with HTTP/1, but for heads and trailers, which are fields and not text.

mod answer;
mod fields;
mod session;
mod table;
mod times;
mod uploads;

pub(super) use session::{Session, Work};
pub(super) use table::Table;

use std::time::Duration;

/// Set in the number of a stream.
pub const STREAM: u32 = 1 << 31;

/// How HTTP/2 is served. Times are `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http2Config {
    /// Windows, frames, heads, floods.
    pub limits: crate::net::h2::Config,
    /// A connection without a stream is ended after so long. Defaults to 2 minutes.
    pub idle: Option<Duration>,
    /// A stream of which the peer takes nothing for so long, though bytes wait, is reset. Defaults to 1 minute.
    pub stall: Option<Duration>,
    /// A peer with open streams that is not heard of for so long is asked for a sign of life. Defaults to 1 minute.
    pub ping: Option<Duration>,
    /// It has so long to answer. Defaults to 20 seconds.
    pub ping_timeout: Duration,
}

impl Default for Http2Config {
    fn default() -> Self {
        Self {
            limits: crate::net::h2::Config::default(),
            idle: Some(Duration::from_secs(120)),
            stall: Some(Duration::from_secs(60)),
            ping: Some(Duration::from_secs(60)),
            ping_timeout: Duration::from_secs(20),
        }
    }
}
