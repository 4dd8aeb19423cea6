//! HTTP/1.1 requests, by RFC 9112, without I/O: bytes in, what they mean out.
//!
//! Strict where leniency is how requests are smuggled (bare CR or LF, obs-fold, whitespace before a colon, two lengths, a
//! length beside chunks, odd chunk sizes); lenient where the RFC asks for it (empty lines before a request). Failures
//! carry the codes of `node:http` (`HPE_…`). What a message means does not depend on how its bytes were cut.

mod chunked;
mod decoder;
mod fault;
mod head;
mod method;

pub use decoder::{Limits, RequestDecoder, Step};
pub use fault::{Fault, FaultCode};
pub use head::{Head, HeaderSpan, Span};
pub use method::{METHODS, method_index};

#[cfg(test)]
mod tests;
