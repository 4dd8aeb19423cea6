//! What a server is told.

use super::http2::Http2Config;
use crate::codec::http1::Limits;
use std::time::Duration;

/// Time limits; `None` for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// For a head, from its first byte, or from the connection.
    pub headers: Option<Duration>,
    /// For a whole request.
    pub request: Option<Duration>,
    /// Between a response and the next request.
    pub keep_alive: Option<Duration>,
    /// For a TLS handshake, from the connection.
    pub handshake: Option<Duration>,
}

/// How a server treats its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// What a peer may send.
    pub limits: Limits,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// `TCP_NODELAY`.
    pub no_delay: bool,
    /// `SO_KEEPALIVE`, with the delay before the first probe.
    pub keep_alive_probe: Option<Duration>,
    /// Connections at once; more are closed as they come.
    pub most_connections: usize,
    /// HTTP/2 for peers that begin with its preface; `None` to treat that as any bad request.
    pub http2: Option<Http2Config>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timeouts: Timeouts {
                headers: Some(Duration::from_secs(60)),
                request: Some(Duration::from_secs(300)),
                keep_alive: Some(Duration::from_secs(5)),
                handshake: Some(Duration::from_secs(120)),
            },
            no_delay: true,
            keep_alive_probe: None,
            most_connections: usize::MAX,
            http2: Some(Http2Config::default()),
        }
    }
}
