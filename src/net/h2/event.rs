//! What a connection tells its owner.

use ::h2::Reason;
use bytes::Bytes;
use http::{HeaderMap, request, response};
use std::fmt;

/// A stream's number within its connection, as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u32);

/// What happened on a connection.
#[derive(Debug)]
pub enum Event {
    /// A server's peer opened a stream.
    Request {
        /// Its number.
        stream: StreamId,
        /// Method, target and fields. An extended CONNECT (RFC 8441) has an `h2::ext::Protocol` among its extensions.
        head: Box<request::Parts>,
        /// There is no body: no [`Event::End`] follows.
        end: bool,
    },
    /// A 1xx head for a client's stream.
    Informational {
        /// Whose.
        stream: StreamId,
        /// Status and fields.
        head: response::Parts,
    },
    /// The head for a client's stream.
    Response {
        /// Whose.
        stream: StreamId,
        /// Status and fields.
        head: response::Parts,
        /// There is no body: no [`Event::End`] follows.
        end: bool,
    },
    /// Bytes of a body. The peer's window is open for as many again.
    Data {
        /// Whose.
        stream: StreamId,
        /// The bytes.
        data: Bytes,
        /// What is left of the stream's credit: at 0 nothing more comes until [`Connection::allow`](super::Connection::allow) is called.
        credit: usize,
    },
    /// The peer has sent all of a stream.
    End {
        /// Whose.
        stream: StreamId,
        /// The fields behind the body.
        trailers: Option<HeaderMap>,
    },
    /// The frame layer took bytes of a body, within what the peer's windows allow.
    Sent {
        /// Whose.
        stream: StreamId,
        /// Bytes that still wait.
        pending: usize,
    },
    /// A stream is over before both sides ended it. It is forgotten.
    Reset {
        /// Whose.
        stream: StreamId,
        /// Why.
        reason: Reason,
        /// By the peer; otherwise for its fault, or because the connection is gone.
        remote: bool,
    },
    /// The answer to [`Connection::ping`](super::Connection::ping).
    Pong,
    /// A client may open a stream again, after [`OpenError::Full`].
    Ready,
    /// A client's server speaks HTTP/2: its settings are here.
    Greeted,
    /// A client's server takes no more streams (GOAWAY). Those that it took go on; the connection ends with the last.
    Leaving,
    /// The connection is over. Every stream that was open was told of as [`Event::Reset`] before, but for those that are
    /// sent, and whose rest came and waits for credit. What output there is is still to be sent.
    Closed(Closed),
}

impl Event {
    /// The stream that it is about.
    pub fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Request { stream, .. }
            | Self::Informational { stream, .. }
            | Self::Response { stream, .. }
            | Self::Data { stream, .. }
            | Self::End { stream, .. }
            | Self::Sent { stream, .. }
            | Self::Reset { stream, .. } => Some(*stream),
            Self::Pong | Self::Ready | Self::Greeted | Self::Leaving | Self::Closed(_) => None,
        }
    }
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// `NO_ERROR` for an orderly end.
    pub reason: Reason,
    /// The peer said so (GOAWAY, or its end); otherwise it was closed here, for its fault or by the owner.
    pub remote: bool,
    /// In words.
    pub message: String,
}

/// Why a client cannot open a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// The peer allows no further stream now; [`Event::Ready`] tells when it does.
    Full,
    /// The connection takes no streams any more: it is closing, closed, or its peer said GOAWAY.
    Closing,
    /// The request cannot be sent.
    Invalid(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room for a further stream"),
            Self::Closing => f.write_str("the connection is closing"),
            Self::Invalid(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for OpenError {}
