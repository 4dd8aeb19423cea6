//! What connections tell their owner: rows of one table, gathered over a turn.

use crate::codec::ws::{MessageKind, NO_STATUS, Payload, Sink, WsError};
use std::ops::ControlFlow;

/// A payload of at most this many bytes lies in a slab beside others.
pub const SMALL_BYTES: usize = 1 << 10;

/// What a row tells; its number is in the low byte of the row's second word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// A text message.
    Text = 1,
    /// A binary message.
    Binary = 2,
    /// The next message has a frame that ends at this offset (third word); only where fragments are wanted.
    FragmentEnd = 3,
    /// A close frame; the code is in the upper half of the second word.
    Close = 8,
    /// A ping.
    Ping = 9,
    /// A pong.
    Pong = 10,
    /// The peer broke the protocol or a limit. The payload is `close code, RangeError or Error, code, message`, with
    /// spaces between.
    Breach = 11,
    /// The peer ended its side.
    End = 12,
    /// The socket failed; the third word is the error number, the fourth 1 where it was in writing.
    Failure = 13,
    /// Sends with callbacks were written (third word: how many); the fourth is what is still queued, in bytes.
    Written = 14,
    /// The deadline of the connection has passed.
    Expired = 15,
    /// A connection without a socket has bytes to take out.
    Output = 16,
    /// More is queued than the connection allows (third word, bytes), and it is to be given up.
    Overflow = 17,
    /// Messages were left out, because more is queued than the connection allows; the third word is how many.
    Dropped = 18,
}

/// The bit of the second word that says that a payload is a buffer of its own.
const WHOLE: u32 = 1 << 8;

/// Keeps payloads for the reader of the table. It may copy them straight to where that one wants them.
pub trait Store {
    /// Keeps a small payload; returns slab number (upper half) and offset in the slab (lower half).
    fn keep_small(&mut self, bytes: &[u8]) -> u32;
    /// Keeps a payload as a buffer of its own; returns its number.
    fn keep_whole(&mut self, payload: Payload<'_>) -> u32;
    /// The batch was handed over: numbers begin anew.
    fn end(&mut self) {}
}

/// The table, and the store of the payloads that it speaks of.
pub struct Batch {
    rows: Vec<[u32; 4]>,
    store: Box<dyn Store>,
}

impl Batch {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        Self { rows: Vec::new(), store }
    }

    /// Takes up to `most` rows: connection, kind (see [`EventKind`]), and two words that depend on it, for payloads where
    /// it lies and its length.
    pub fn take(&mut self, most: usize, mut each: impl FnMut(&[u32; 4])) -> usize {
        let count = most.min(self.rows.len());
        self.rows.drain(..count).for_each(|row| each(&row));
        count
    }

    /// Rows that wait.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn push_row(&mut self, row: [u32; 4]) {
        self.rows.push(row);
    }

    pub(super) fn append(&mut self, rows: &mut Vec<[u32; 4]>) {
        self.rows.append(rows);
    }

    /// Where payloads are kept.
    pub fn store(&mut self) -> &mut dyn Store {
        &mut *self.store
    }

    pub(super) fn push(&mut self, connection: u32, kind: EventKind, third: u32, fourth: u32) {
        self.rows.push([connection, kind as u32, third, fourth]);
    }

    fn push_payload(&mut self, connection: u32, kind: EventKind, extra: u16, payload: Payload<'_>) {
        let length = payload.as_slice().len();
        let word = kind as u32 | u32::from(extra) << 16;
        let (word, at) = if length <= SMALL_BYTES {
            (word, self.store.keep_small(payload.as_slice()))
        } else {
            (word | WHOLE, self.store.keep_whole(payload))
        };
        self.rows.push([connection, word, at, length as u32]);
    }

    pub(super) fn breach(&mut self, connection: u32, error: &WsError) {
        let class = if error.kind.is_range_error() { "RangeError" } else { "Error" };
        let text = format!("{} {class} {} {}", error.kind.close_code(), error.kind.code(), error.message);
        self.push_payload(connection, EventKind::Breach, 0, Payload::Borrowed(text.as_bytes()));
    }
}

/// Writes what one connection's receiver finds into the table.
pub(super) struct ConnectionSink<'a> {
    pub batch: &'a mut Batch,
    pub connection: u32,
    pub fragments: bool,
}

impl Sink for ConnectionSink<'_> {
    fn message(
        &mut self,
        kind: MessageKind,
        payload: Payload<'_>,
        fragment_ends: &[usize],
    ) -> ControlFlow<()> {
        if self.fragments && kind == MessageKind::Binary {
            for &end in fragment_ends {
                self.batch.push(self.connection, EventKind::FragmentEnd, end as u32, 0);
            }
        }
        let kind = match kind {
            MessageKind::Text => EventKind::Text,
            MessageKind::Binary => EventKind::Binary,
        };
        self.batch.push_payload(self.connection, kind, 0, payload);
        ControlFlow::Continue(())
    }

    fn ping(&mut self, payload: &[u8]) -> ControlFlow<()> {
        self.batch.push_payload(self.connection, EventKind::Ping, 0, Payload::Borrowed(payload));
        ControlFlow::Continue(())
    }

    fn pong(&mut self, payload: &[u8]) -> ControlFlow<()> {
        self.batch.push_payload(self.connection, EventKind::Pong, 0, Payload::Borrowed(payload));
        ControlFlow::Continue(())
    }

    fn close(&mut self, code: u16, reason: &[u8]) {
        debug_assert!(code == NO_STATUS || code >= 1000);
        self.batch.push_payload(self.connection, EventKind::Close, code, Payload::Borrowed(reason));
    }
}
