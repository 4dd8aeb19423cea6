//! How calls are treated.

use crate::codec::grpc::Coding;
use crate::net::h2;
use std::time::Duration;

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Bytes of a message from a peer, on the wire and decompressed. `None` is no limit. Defaults to 4 MiB.
    pub max_receive_bytes: Option<u32>,
    /// Bytes of a call's messages that wait for JavaScript, and that wait for the peer. Defaults to 64 KiB.
    pub high_water_bytes: usize,
    /// What answers are compressed with, where the peer accepts it: the first that it does. Defaults to none.
    pub compression: Vec<Coding>,
    /// Messages of fewer bytes are not compressed. Defaults to 1 KiB.
    pub compression_threshold: usize,
    /// How long a peer may take to say its preface. `None` is as long as it likes. Defaults to 120 s.
    pub handshake: Option<Duration>,
    /// Limits of connections.
    pub h2: h2::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_receive_bytes: Some(4 << 20),
            high_water_bytes: 64 << 10,
            compression: Vec::new(),
            compression_threshold: 1 << 10,
            handshake: Some(Duration::from_secs(120)),
            h2: h2::Config::default(),
        }
    }
}
