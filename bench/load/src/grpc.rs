//! A client of gRPC, for the service in `bench/servers/programs/load.proto`.

use crate::counters::{Counters, Digest};
use crate::http2::{Exchange, lost};
use crate::options::{Call, Options};
use bytes::Bytes;
use http::{HeaderMap, Request};
use millrace::codec::grpc::{PREFIX_BYTES, prefix};
use millrace::net::h2::{Connection, Event, StreamId};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Instant;

/// Calls of one kind, of which each is checked: as many messages as there have to be, and status 0.
pub struct Calls {
    call: Call,
    target: String,
    /// The first message of a call.
    first: Bytes,
    /// As many messages as are ever sent at once.
    run: Bytes,
    message_bytes: usize,
    /// Of a call.
    messages: usize,
    window: usize,
    check: bool,
    counters: Rc<Counters>,
    streams: HashMap<StreamId, Running>,
}

struct Running {
    frames: Frames,
    sent: usize,
    received: usize,
    at: VecDeque<Instant>,
}

impl Calls {
    pub fn new(call: Call, options: &Options, counters: Rc<Counters>) -> Self {
        let (messages, window) = (options.messages, options.window);
        let message = frame(&encode(options.bytes, 0));
        let (method, first, at_once) = match call {
            Call::Unary => ("Echo", message.clone(), 0),
            Call::Server => ("Give", frame(&encode(options.bytes, messages)), 0),
            Call::Client => ("Take", message.clone(), messages - 1),
            Call::Bidi => ("Talk", message.repeat(window), window),
        };
        Self {
            call,
            target: format!("{}://localhost/millrace.load.Load/{method}", options.scheme()),
            first: first.into(),
            run: message.repeat(at_once).into(),
            message_bytes: message.len(),
            messages: if call == Call::Unary { 1 } else { messages },
            window,
            check: options.check,
            counters,
            streams: HashMap::new(),
        }
    }

    fn messages_came(
        &mut self,
        stream: StreamId,
        data: &[u8],
        connection: &mut Connection,
    ) -> Result<(), String> {
        let Some(running) = self.streams.get_mut(&stream) else { return Ok(()) };
        let came = running.frames.feed(data, self.check.then_some(&*self.counters))?;
        running.received += came;
        if self.call == Call::Client {
            return Ok(());
        }
        for _ in 0..came {
            self.counters.count((self.message_bytes - PREFIX_BYTES) as u64);
            if let Some(at) = running.at.pop_front() {
                self.counters.answered(at);
            }
        }
        if self.call == Call::Bidi {
            let more = came.min(self.messages - running.sent);
            running.sent += more;
            running.at.extend(std::iter::repeat_n(Instant::now(), more));
            connection.send(
                stream,
                self.run.slice(..more * self.message_bytes),
                running.sent == self.messages,
            );
        }
        Ok(())
    }

    fn end(
        &mut self,
        stream: StreamId,
        fields: Option<&HeaderMap>,
        connection: &mut Connection,
    ) -> Result<(), String> {
        let field = |name| fields.and_then(|fields| fields.get(name)).and_then(|value| value.to_str().ok());
        match field("grpc-status") {
            Some("0") => {}
            status => {
                let message = field("grpc-message").unwrap_or_default();
                return Err(format!("a call ended with {}: {message}", status.unwrap_or("no status")));
            }
        }
        let Some(running) = self.streams.remove(&stream) else { return Ok(()) };
        let expected = if self.call == Call::Client { 1 } else { self.messages };
        if running.received != expected {
            return Err(format!("a call brought {} messages instead of {expected}", running.received));
        }
        if self.call == Call::Client {
            for at in running.at {
                self.counters.answered(at);
            }
            for _ in 0..self.messages {
                self.counters.count((self.message_bytes - PREFIX_BYTES) as u64);
            }
        }
        self.open(connection)
    }
}

impl Exchange for Calls {
    fn open(&mut self, connection: &mut Connection) -> Result<(), String> {
        let request = Request::post(&self.target)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| error.to_string())?;
        let stream = connection.open(request, false).map_err(|error| error.to_string())?;
        let all_sent = match self.call {
            Call::Unary | Call::Server => true,
            Call::Client => false,
            Call::Bidi => self.window >= self.messages,
        };
        connection.send(stream, self.first.clone(), all_sent);
        if self.call == Call::Client {
            connection.send(stream, self.run.clone(), true);
        }
        // Of a stream that the server alone fills, each message was asked for once: no time is taken.
        let timed = match self.call {
            Call::Unary | Call::Client => 1,
            Call::Server => 0,
            Call::Bidi => self.window,
        };
        let at = std::iter::repeat_n(Instant::now(), timed).collect();
        self.streams
            .insert(stream, Running { frames: Frames::default(), sent: self.window, received: 0, at });
        Ok(())
    }

    fn event(&mut self, event: Event, connection: &mut Connection) -> Result<(), String> {
        match event {
            Event::Response { head, .. } if head.status != http::StatusCode::OK => {
                Err(format!("the server answered {}", head.status))
            }
            Event::Response { stream, head, end: true } => self.end(stream, Some(&head.headers), connection),
            Event::End { stream, trailers } => self.end(stream, trailers.as_ref(), connection),
            Event::Data { stream, data, .. } => self.messages_came(stream, &data, connection),
            other => lost(&other),
        }
    }
}

/// `Message { bytes data = 1; uint32 count = 2; }` of about `bytes` bytes, as protobuf has it.
fn encode(bytes: usize, count: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(bytes + 16);
    let data = bytes.saturating_sub(2);
    if data > 0 {
        message.push(1 << 3 | 2);
        put_varint(data, &mut message);
        message.extend((0..data).map(|n| b"0123456789abcdef ghijklmn"[n % 25]));
    }
    if count > 0 {
        message.push(2 << 3);
        put_varint(count, &mut message);
    }
    message
}

fn put_varint(mut value: usize, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut framed = prefix(false, message.len()).map(Vec::from).unwrap_or_default();
    framed.extend_from_slice(message);
    framed
}

/// Follows the messages in a body, of which none is put together.
struct Frames {
    prefix: [u8; PREFIX_BYTES],
    filled: usize,
    /// Bytes of a message that are still to come.
    left: usize,
    digest: Digest,
}

impl Default for Frames {
    fn default() -> Self {
        Self { prefix: [0; PREFIX_BYTES], filled: 0, left: 0, digest: Digest::new() }
    }
}

impl Frames {
    /// Returns how many messages came to their end.
    fn feed(&mut self, mut bytes: &[u8], check: Option<&Counters>) -> Result<usize, String> {
        let mut ended = 0;
        loop {
            if self.filled < PREFIX_BYTES {
                let n = (PREFIX_BYTES - self.filled).min(bytes.len());
                self.prefix[self.filled..self.filled + n].copy_from_slice(&bytes[..n]);
                self.filled += n;
                bytes = &bytes[n..];
                if self.filled < PREFIX_BYTES {
                    return Ok(ended);
                }
                let [flag, length @ ..] = self.prefix;
                if flag != 0 {
                    return Err("a message is compressed".into());
                }
                self.left = u32::from_be_bytes(length) as usize;
            }
            let n = self.left.min(bytes.len());
            if check.is_some() {
                self.digest.add(&bytes[..n]);
            }
            self.left -= n;
            bytes = &bytes[n..];
            if self.left > 0 {
                return Ok(ended);
            }
            self.filled = 0;
            ended += 1;
            let digest = std::mem::replace(&mut self.digest, Digest::new());
            if let Some(counters) = check {
                counters.check(digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_messages_however_they_are_cut() {
        let body = [frame(b"one"), frame(b""), frame(&[7; 300])].concat();
        for cut in 1..=body.len() {
            let mut frames = Frames::default();
            let ended: usize = body.chunks(cut).map(|piece| frames.feed(piece, None).unwrap()).sum();
            assert_eq!(ended, 3, "in pieces of {cut}");
        }
        assert!(Frames::default().feed(&[1, 0, 0, 0, 0], None).is_err());
    }

    #[test]
    fn encodes_messages_as_protobuf_has_them() {
        assert_eq!(encode(4, 0), [0x0a, 2, b'0', b'1']);
        assert_eq!(encode(0, 300), [0x10, 0xac, 0x02]);
    }
}
