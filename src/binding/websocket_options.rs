//! How a WebSocket connection is to be.

use crate::codec::ws::{DeflateParams, ReceiverOptions, Role};
use crate::net::ws::Limits;
use napi_derive::napi;

/// How a connection is to be.
#[napi(object)]
pub struct WebSocketOptions {
    /// This end is the server.
    pub is_server: bool,
    /// Bytes of a message at the most; 0 for no limit.
    pub max_payload: f64,
    /// Frames of a message at the most; 0 for no limit.
    pub max_fragments: u32,
    /// Texts are not checked.
    pub skip_utf8_validation: bool,
    /// Bytes that may be queued before messages are refused; 0 for no limit.
    pub max_buffered_amount: f64,
    /// A refused message ends the connection.
    pub overflow_closes: bool,
    /// Bytes from which events of topics are compressed.
    pub compress_from: f64,
    /// permessage-deflate, as it was negotiated.
    pub deflate: Option<WebSocketDeflate>,
}

/// permessage-deflate, as it was negotiated; see `codec::ws::DeflateParams`.
#[napi(object)]
pub struct WebSocketDeflate {
    /// This end begins each message anew.
    pub own_no_context_takeover: bool,
    /// The peer does.
    pub peer_no_context_takeover: bool,
    /// Binary logarithm of this end's window.
    pub own_window_bits: u8,
    /// Of the peer's.
    pub peer_window_bits: u8,
    /// zlib's level.
    pub level: i32,
    /// zlib's memLevel.
    pub mem_level: u8,
    /// zlib's strategy.
    pub strategy: u8,
}

impl From<&WebSocketDeflate> for DeflateParams {
    fn from(deflate: &WebSocketDeflate) -> Self {
        Self {
            own_no_context_takeover: deflate.own_no_context_takeover,
            peer_no_context_takeover: deflate.peer_no_context_takeover,
            own_window_bits: deflate.own_window_bits,
            peer_window_bits: deflate.peer_window_bits,
            level: deflate.level as i8,
            mem_level: deflate.mem_level,
            strategy: deflate.strategy,
        }
    }
}

impl From<&WebSocketOptions> for ReceiverOptions {
    fn from(options: &WebSocketOptions) -> Self {
        Self {
            role: if options.is_server { Role::Server } else { Role::Client },
            max_payload: options.max_payload as u64,
            max_fragments: options.max_fragments,
            skip_utf8_validation: options.skip_utf8_validation,
            deflate: options.deflate.as_ref().map(DeflateParams::from),
        }
    }
}

impl From<&WebSocketOptions> for Limits {
    fn from(options: &WebSocketOptions) -> Self {
        Self {
            max_buffered: options.max_buffered_amount as usize,
            overflow_closes: options.overflow_closes,
            compress_from: options.compress_from as usize,
        }
    }
}
