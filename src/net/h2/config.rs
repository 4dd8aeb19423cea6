//! What a connection allows its peer.

use super::flood::FloodLimits;

/// Limits of a connection, with defaults that are safe towards strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Bytes of a body that a peer may send ahead of what was taken, for each stream. Defaults to 1 MiB.
    pub stream_window: u32,
    /// The same for all streams of the connection together. Defaults to 4 MiB.
    pub connection_window: u32,
    /// Bytes up to which windows grow where the way to the peer holds more than they let it send: a stream's, and twice as
    /// many for all of them. Defaults to none: they stay as they are.
    pub most_window: Option<u32>,
    /// Streams that the peer may have open at once; more are refused. Defaults to 128.
    pub concurrent_streams: u32,
    /// Bytes of the largest frame that the peer may send, 16,384 to 16,777,215. Defaults to 16,384.
    pub frame_bytes: u32,
    /// Bytes of a head as RFC 9113 §6.5.2 counts them: 32 more for each field. A server answers a larger one with 431.
    /// Defaults to 16 KiB.
    pub header_list_bytes: u32,
    /// Bytes of output that are made before they are taken. Defaults to 256 KiB.
    pub output_bytes: usize,
    /// Bytes of one stream's body that wait for the peer within the frame layer. Defaults to 64 KiB.
    pub stream_send_bytes: usize,
    /// Bytes of a body that are handed over before [`Connection::allow`](super::Connection::allow) is called again.
    /// Defaults to 64 KiB.
    pub credit: usize,
    /// Streams that the peer may open and reset before they are seen; one more closes the connection (CVE-2023-44487).
    /// Defaults to 20.
    pub pending_resets: usize,
    /// Streams that may be reset for the peer's faults; one more closes the connection. Defaults to 1,024.
    pub error_resets: usize,
    /// How many frames that carry nothing a peer may send.
    pub flood: FloodLimits,
    /// A server takes extended CONNECT (RFC 8441). Defaults to false.
    pub connect_protocol: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stream_window: 1 << 20,
            connection_window: 4 << 20,
            most_window: None,
            concurrent_streams: 128,
            frame_bytes: 16 << 10,
            header_list_bytes: 16 << 10,
            output_bytes: 256 << 10,
            stream_send_bytes: 64 << 10,
            credit: 64 << 10,
            pending_resets: 20,
            error_resets: 1024,
            flood: FloodLimits::default(),
            connect_protocol: false,
        }
    }
}

/// The limits that both sides' builders take, which are different types.
macro_rules! limited {
    ($builder:expr, $config:expr) => {{
        let (mut builder, config) = ($builder, $config);
        builder
            .initial_window_size(config.stream_window)
            .initial_connection_window_size(config.connection_window)
            .max_concurrent_streams(config.concurrent_streams)
            .max_frame_size(config.frame_bytes)
            .max_header_list_size(config.header_list_bytes)
            .max_send_buffer_size(config.stream_send_bytes)
            .max_pending_accept_reset_streams(config.pending_resets)
            .max_local_error_reset_streams(Some(config.error_resets));
        builder
    }};
}

impl Config {
    pub(super) fn server(&self) -> ::h2::server::Builder {
        let mut builder = limited!(::h2::server::Builder::new(), self);
        if self.connect_protocol {
            builder.enable_connect_protocol();
        }
        builder
    }

    pub(super) fn client(&self) -> ::h2::client::Builder {
        let mut builder = limited!(::h2::client::Builder::new(), self);
        builder.enable_push(false);
        builder
    }
}
