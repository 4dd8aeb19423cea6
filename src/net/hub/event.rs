//! An event, and its bytes for each protocol, made once.

use std::sync::{Arc, OnceLock};

use crate::codec::ws::frame::{FrameHead, write_frame};
use crate::codec::ws::opcode;

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
}

/// What was published, with its place.
#[derive(Debug)]
pub struct Event {
    new: NewEvent,
    epoch: u64,
    offset: u64,
    time_ms: u64,
    sse: OnceLock<Arc<[u8]>>,
    ws: OnceLock<Arc<[u8]>>,
}

/// What an event costs beside its texts and bytes.
const OVERHEAD_BYTES: usize = 160;

impl Event {
    pub(super) fn new(new: NewEvent, epoch: u64, offset: u64, time_ms: u64) -> Self {
        Self { new, epoch, offset, time_ms, sse: OnceLock::new(), ws: OnceLock::new() }
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
    pub fn sse(&self) -> Arc<[u8]> {
        Arc::clone(self.sse.get_or_init(|| {
            let mut out = Vec::with_capacity(self.new.data.len() + 64);
            if let Some(name) = self.name() {
                out.extend_from_slice(b"event:");
                let clean = |byte: u8| if matches!(byte, b'\n' | b'\r' | 0) { b' ' } else { byte };
                guard(&mut out, name.as_bytes());
                out.extend(name.bytes().map(clean));
                out.push(b'\n');
            }
            out.extend_from_slice(format!("id:{}\n", self.id()).as_bytes());
            let mut rest = self.data();
            loop {
                let end = memchr::memchr2(b'\n', b'\r', rest);
                let line = &rest[..end.unwrap_or(rest.len())];
                out.extend_from_slice(b"data:");
                guard(&mut out, line);
                out.extend_from_slice(line);
                out.push(b'\n');
                let Some(end) = end else { break };
                let both = rest[end..].starts_with(b"\r\n");
                rest = &rest[end + if both { 2 } else { 1 }..];
            }
            out.push(b'\n');
            out.into()
        }))
    }

    /// As a server's WebSocket frame (RFC 6455).
    pub fn ws(&self) -> Arc<[u8]> {
        Arc::clone(self.ws.get_or_init(|| {
            let opcode = if self.new.text { opcode::TEXT } else { opcode::BINARY };
            let mut out = Vec::new();
            write_frame(&mut out, FrameHead { opcode, fin: true, rsv1: false, mask: None }, self.data());
            out.into()
        }))
    }
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
