//! What one turn brought, packed: a table of words and the bytes that it speaks of.

use crate::codec::grpc::Message;
use crate::net::packed::Table;
use std::ops::{Deref, DerefMut};

/// The kinds of record. The number is the record's first word; the second is the call or the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Record {
    /// A connection was accepted: its number, the listener's.
    Open = 1,
    /// A call: its number, its connection's (of one that came by an exchange, that one's with [`EXCHANGE`] set), ms until
    /// its deadline ([`NO_TIMEOUT`], [`INVALID_TIMEOUT`]), place of the text, lengths of path and of authority, length of
    /// the text. The text is path, authority, then `name NUL value NUL` for each field of the metadata.
    Call = 2,
    /// A message of a call: place, length.
    Message = 3,
    /// The peer sends no more: 1 where it broke off within a message.
    End = 4,
    /// The call was cancelled by the peer, or its connection is gone: the reason (RFC 9113 §7). Nothing of it follows.
    Cancelled = 5,
    /// So many bytes of a call's messages are on their way, counted as JavaScript counts them: message and prefix.
    Sent = 6,
    /// What came of a call cannot be understood, and is dropped from here on: status, place and length of a text.
    Fault = 7,
    /// The connection is gone: the system's error number or 0, the reason of HTTP/2.
    Closed = 8,
    /// The answer to a ping.
    Pong = 9,
    /// A connection without a socket has bytes for the peer.
    Output = 10,
    /// A message of a call that is a buffer of its own: its place in [`Batch::large`], its length.
    Large = 11,
    /// The head of the answer to an exchange: place and length of `name NUL value NUL` …
    ExchangeHead = 12,
    /// Bytes of that answer's body: place, length.
    ExchangeBody = 13,
    /// The answer is complete: place and length of its trailers, as those of a head. The exchange is forgotten.
    ExchangeOver = 14,
    /// More of an exchange's request is wanted.
    ExchangeWanted = 15,

    // Of a client. With `Trailers`, `Reset` and `Freed` a call is over, and its number free.
    /// The head of an answer: the status of HTTP, place and length of its fields.
    Head = 32,
    /// The end of an answer: `grpc-status` ([`NO_STATUS`]), the status of HTTP, place, length of `grpc-message` as it came,
    /// length of that and of the fields behind it.
    Trailers = 33,
    /// The call failed: the reason (RFC 9113 §7); 0 where the peer reset it, 1 where the connection is gone, 2 where it was
    /// not begun.
    Reset = 34,
    /// A call that was given up.
    Freed = 35,
    /// A connection's server is there, and takes calls.
    Greeted = 36,
    /// A connection's server takes no more calls.
    Leaving = 37,
    /// A connection is gone, or did not come about: the system's error number or 0, the reason of HTTP/2, place and length of
    /// a text.
    Lost = 38,
}

/// No `grpc-status`.
pub const NO_STATUS: u32 = u32::MAX;

/// No `grpc-timeout`.
pub const NO_TIMEOUT: u32 = u32::MAX;
/// A `grpc-timeout` that says nothing; its text is in the metadata.
pub const INVALID_TIMEOUT: u32 = u32::MAX - 1;

/// Set on the number of an exchange where that of a connection may stand.
pub const EXCHANGE: u32 = 1 << 31;

/// Records in order: see [`Record`].
#[derive(Debug, Default)]
pub struct Batch {
    table: Table,
    /// Messages that would cost a copy to lie among the bytes.
    pub large: Vec<Vec<u8>>,
}

impl Deref for Batch {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.table
    }
}

impl DerefMut for Batch {
    fn deref_mut(&mut self) -> &mut Table {
        &mut self.table
    }
}

/// Messages of at least so many bytes are handed over as they are, where they are nobody else's.
const LARGE_BYTES: usize = 32 << 10;

impl Batch {
    /// Forgets all, and keeps the memory of an ordinary turn.
    pub fn clear(&mut self) {
        self.table.clear();
        self.large.clear();
    }

    pub(super) fn push(&mut self, record: Record, id: u32, rest: &[u32]) {
        self.table.push(record as u32, id, rest);
    }

    pub(super) fn text(&mut self, record: Record, id: u32, first: u32, text: &[u8]) {
        let start = self.keep(text);
        self.push(record, id, &[first, start, text.len() as u32]);
    }

    pub(super) fn push_bytes(&mut self, record: Record, id: u32, bytes: &[u8]) {
        let start = self.keep(bytes);
        self.push(record, id, &[start, bytes.len() as u32]);
    }

    pub(super) fn message(&mut self, call: u32, message: Message<'_>) {
        let length = message.as_slice().len();
        match message {
            Message::Owned(message) if length >= LARGE_BYTES => {
                self.push(Record::Large, call, &[self.large.len() as u32, length as u32]);
                self.large.push(message);
            }
            message => {
                let start = self.keep(message.as_slice());
                self.push(Record::Message, call, &[start, length as u32]);
            }
        }
    }
}
