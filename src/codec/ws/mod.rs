//! WebSocket framing (RFC 6455) and permessage-deflate (RFC 7692) without I/O.
//!
//! * [`Receiver`] turns bytes into messages and control frames, with every limit that `ws` has and its errors.
//! * [`frame`] writes frames and masks payloads.
//! * [`MessageDeflater`] compresses outgoing messages, [`DeflateParams`] is what a handshake agreed on.

mod deflate;
mod error;
pub mod frame;
mod message;
mod receiver;
#[cfg(test)]
mod tests;

pub use deflate::{DeflateParams, MessageDeflater};
pub use error::{WsError, WsErrorKind};
pub use message::{MessageKind, Payload, ReceiverOptions, Role, Sink};
pub use receiver::Receiver;

/// What a frame is (RFC 6455 section 5.2).
pub mod opcode {
    /// Goes on with a fragmented message.
    pub const CONTINUATION: u8 = 0;
    /// UTF-8 text.
    pub const TEXT: u8 = 1;
    /// Bytes.
    pub const BINARY: u8 = 2;
    /// Ends the connection.
    pub const CLOSE: u8 = 8;
    /// Asks for a pong.
    pub const PING: u8 = 9;
    /// Answers a ping.
    pub const PONG: u8 = 10;
}

/// The close code for a close frame without one (RFC 6455 section 7.4.1): never on the wire.
pub const NO_STATUS: u16 = 1005;

/// Whether a peer may send this close code (RFC 6455 section 7.4, as `ws` reads it).
pub fn is_valid_close_code(code: u16) -> bool {
    matches!(code, 1000..=1014 if !matches!(code, 1004..=1006)) || matches!(code, 3000..=4999)
}
