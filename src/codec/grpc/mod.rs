//! gRPC over HTTP/2, as `PROTOCOL-HTTP2.md` of grpc/grpc has it: what is inside DATA frames and a few fields.
//!
//! * [`MessageDecoder`]: messages out of a body that is cut anywhere; [`prefix`] in front of one to send.
//! * [`Coding`]: `grpc-encoding`, with a limit to what a message may become.
//! * [`Timeout`]: `grpc-timeout`. [`encode_status_message`]: `grpc-message`.
//! * [`is_grpc`]: whose request it is, by its content type.
//! * [`Framing`], [`append_trailers`], [`TextDecoder`]: gRPC-Web.

mod coding;
mod message;
mod status_message;
mod timeout;
mod web;

#[cfg(test)]
mod tests;

pub use coding::{Coding, CodingError};
pub use message::{Message, MessageDecoder, MessageFault, PREFIX_BYTES, prefix};
pub use status_message::{decode_status_message, encode_status_message};
pub use timeout::Timeout;
pub use web::{Framing, NoText, TextDecoder, append_trailers};

/// Whether a request with this content type is gRPC's. As in grpc-js, whatever begins with `application/grpc` is, but
/// for gRPC-Web, which frames its answers in another way.
pub fn is_grpc(content_type: &[u8]) -> bool {
    Framing::of(content_type) == Some(Framing::Plain)
}
