//! An event, and its bytes for each protocol, made once.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::codec::ws::frame::{FrameHead, write_frame};
use crate::codec::ws::opcode;

/// Who published an event, so that it does not come back: a fan-out of the process, and a member of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// See `Fanout::id`.
    pub fanout: u64,
    /// The member.
    pub member: u32,
}

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// See [`is_topic`](super::is_topic).
    pub topic: Arc<str>,
    /// The event's name for server-sent events.
    pub name: Option<Box<str>>,
    /// What it is about: of events with one key only the latest counts.
    pub key: Option<Box<str>>,
    /// Who may see it: `None` for all.
    pub scope: Option<Box<str>>,
    /// The payload.
    pub data: Vec<u8>,
    /// The payload is text.
    pub text: bool,
    /// Who does not get it.
    pub origin: Option<Origin>,
}

/// What was published, with its place.
#[derive(Debug)]
pub struct Event {
    new: NewEvent,
    epoch: u64,
    offset: u64,
    time_ms: u64,
    sse: Shared,
    sse_chunk: Shared,
    ws: Shared,
}

/// An event's bytes for a protocol, shared by all who send them.
pub type Frame = Arc<Vec<u8>>;

/// Bytes that are made once for all who hold them at a time. An event that is only kept holds none, and so costs a history
/// what it says.
#[derive(Debug, Default)]
struct Shared(Mutex<Weak<Vec<u8>>>);

impl Shared {
    fn get(&self, make: impl FnOnce() -> Vec<u8>) -> Frame {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.upgrade().unwrap_or_else(|| {
            let made = Arc::new(make());
            *held = Arc::downgrade(&made);
            made
        })
    }
}

/// What an event costs beside its texts and bytes.
const OVERHEAD_BYTES: usize = 160;

impl Event {
    pub(super) fn new(new: NewEvent, epoch: u64, offset: u64, time_ms: u64) -> Self {
        let (sse, sse_chunk, ws) = Default::default();
        Self { new, epoch, offset, time_ms, sse, sse_chunk, ws }
    }

    /// Its topic.
    pub fn topic(&self) -> &str {
        &self.new.topic
    }

    pub(super) fn shared_topic(&self) -> &Arc<str> {
        &self.new.topic
    }

    /// Its name for server-sent events.
    pub fn name(&self) -> Option<&str> {
        self.new.name.as_deref()
    }

    /// What it is about.
    pub fn key(&self) -> Option<&str> {
        self.new.key.as_deref()
    }

    /// Who may see it.
    pub fn scope(&self) -> Option<&str> {
        self.new.scope.as_deref()
    }

    /// The payload.
    pub fn data(&self) -> &[u8] {
        &self.new.data
    }

    /// Whether the payload is text.
    pub fn is_text(&self) -> bool {
        self.new.text
    }

    /// Who does not get it.
    pub fn origin(&self) -> Option<Origin> {
        self.new.origin
    }

    /// Its number in the hub.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Milliseconds since 1970.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// `<epoch>-<offset>`, what a client gives back as `Last-Event-ID`.
    pub fn id(&self) -> String {
        id(self.epoch, self.offset)
    }

    /// Bytes that it counts in queues and histories.
    pub fn cost(&self) -> usize {
        let texts = [&self.new.name, &self.new.key, &self.new.scope];
        let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
        OVERHEAD_BYTES + self.new.topic.len() + texts + self.new.data.len()
    }

    /// As a server-sent event (WHATWG HTML, "Server-sent events"). Line ends in names become spaces; data has a field a line.
    pub fn sse(&self) -> Frame {
        self.sse.get(|| self.sse_bytes())
    }

    /// The same as a chunk of an HTTP/1.1 body (RFC 9112 section 7.1).
    pub fn sse_chunk(&self) -> Frame {
        self.sse_chunk.get(|| chunk(&self.sse_bytes()))
    }

    fn sse_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.new.data.len() + 64);
        if let Some(name) = self.name() {
            out.extend_from_slice(b"event:");
            let clean = |byte: u8| if matches!(byte, b'\n' | b'\r' | 0) { b' ' } else { byte };
            guard(&mut out, name.as_bytes());
            out.extend(name.bytes().map(clean));
            out.push(b'\n');
        }
        out.extend_from_slice(format!("id:{}\n", self.id()).as_bytes());
        data(&mut out, self.data());
        out
    }

    /// As a server's WebSocket frame (RFC 6455).
    pub fn ws(&self) -> Frame {
        self.ws.get(|| {
            let opcode = if self.new.text { opcode::TEXT } else { opcode::BINARY };
            let mut out = Vec::new();
            write_frame(&mut out, FrameHead { opcode, fin: true, rsv1: false, mask: None }, self.data());
            out
        })
    }
}

/// The fields of `text`, one a line, and the end of their event.
pub(crate) fn data(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    loop {
        let end = memchr::memchr2(b'\n', b'\r', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        out.extend_from_slice(b"data:");
        guard(out, line);
        out.extend_from_slice(line);
        out.push(b'\n');
        let Some(end) = end else { break };
        let both = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + if both { 2 } else { 1 }..];
    }
    out.push(b'\n');
}

/// A chunk of an HTTP/1.1 body.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

/// A client drops one space behind the colon.
fn guard(out: &mut Vec<u8>, text: &[u8]) {
    if text.first() == Some(&b' ') {
        out.push(b' ');
    }
}

/// A cursor as text.
pub(super) fn id(epoch: u64, offset: u64) -> String {
    format!("{epoch:x}-{offset}")
}

impl super::Cursor {
    /// Reads what [`Event::id`] wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, offset) = text.split_once('-')?;
        let epoch = u64::from_str_radix(epoch, 16).ok()?;
        let offset = offset.parse().ok()?;
        // One text for each cursor: no sign, no leading zero.
        (id(epoch, offset) == text).then_some(Self { epoch, offset })
    }
}
