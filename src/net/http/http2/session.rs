//! The streams of one connection.

use super::super::batch::Record;
use super::super::command::Command;
use super::super::connection::Upload;
use super::super::engine::{Engine, FileAnswer};
use super::answer::{FileBody, Next, STEP_BYTES};
use super::{Http2Config, fields};
use crate::codec::grpc::is_grpc;
use crate::codec::http_files::{Plan, refuse};
use crate::net::h2::{Closed, Connection, Event, Reason, StreamId};
use bytes::Bytes;
use http::{StatusCode, request};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

/// A stream that the peer opened.
pub(super) struct Open {
    /// Its number in the engine.
    pub id: u32,
    /// When it was opened.
    pub began: Instant,
    /// All of the request came.
    pub complete: bool,
    /// Since when bytes wait of which the peer took none.
    pub stalled: Option<Instant>,
    /// It is answered here: JavaScript does not know it.
    pub(super) native: bool,
    /// What is sent from a file.
    body: Option<FileBody>,
    /// The answer that waits for a file to be compressed; whether it is to HEAD.
    awaited: Option<(bool, Plan)>,
    /// The request's body goes to an operator.
    pub(super) upload: Option<Upload>,
    /// Bytes of it that did.
    pub(super) fed_bytes: u64,
    /// The credit is used up, and is not renewed before the operator has room.
    pub(super) exhausted: bool,
}

/// HTTP/2 on a connection.
pub(in super::super) struct Session {
    pub(super) h2: Connection,
    pub(super) config: Http2Config,
    pub(super) connection: u32,
    pub(super) streams: HashMap<StreamId, Open>,
    /// When it last had a stream.
    pub(super) used: Instant,
    /// When the peer was last heard of.
    pub(super) heard: Instant,
    pub(super) pinged: Option<Instant>,
    /// Streams that may take more of a file; one is not among them while its bytes wait for the peer.
    ready: Vec<StreamId>,
    /// Streams that more of a file was sent to.
    fed: Vec<StreamId>,
    now: Instant,
    /// Nothing has happened on it yet.
    is_new: bool,
}

/// Whether that is a request of gRPC's.
fn is_call(event: &Event) -> bool {
    let Event::Request { head, .. } = event else { return false };
    head.headers.get(http::header::CONTENT_TYPE).is_some_and(|value| is_grpc(value.as_bytes()))
}

/// What work came to.
pub(in super::super) enum Work {
    /// It goes on.
    Open,
    /// It is over: output is to be sent, then the socket to be closed.
    Closed(Closed),
    /// Its first request is gRPC's: the connection is to be handed over, with that request.
    HandOver(Event),
}

impl Session {
    /// The session of connection number `connection`.
    pub fn new(connection: u32, config: Http2Config, now: Instant) -> Box<Self> {
        Box::new(Self {
            h2: Connection::server(&config.limits),
            config,
            connection,
            streams: HashMap::new(),
            used: now,
            heard: now,
            pinged: None,
            ready: Vec::new(),
            fed: Vec::new(),
            now,
            is_new: true,
        })
    }

    /// Bytes from the peer; [`work`](Self::work) works them off.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) {
        self.now = now;
        self.heard = now;
        self.h2.feed(bytes, now);
    }

    /// The peer sends no more.
    pub fn feed_end(&mut self) {
        self.h2.feed_end();
    }

    /// Whether the socket is to be read.
    pub fn wants_input(&self) -> bool {
        self.h2.wants_input()
    }

    /// Whether there are bytes for the socket.
    pub fn has_output(&self) -> bool {
        self.h2.has_output()
    }

    /// Bytes for the socket.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.h2.take_output()
    }

    /// Whether no stream is open.
    pub fn is_idle(&self) -> bool {
        self.streams.is_empty()
    }

    /// GOAWAY; the streams that are open go on.
    pub fn shutdown(&mut self) {
        self.h2.shutdown();
    }

    /// The connection alone, before it has any stream of ours.
    pub fn into_connection(self) -> Connection {
        self.h2
    }

    /// The connection is gone: so are its streams. JavaScript is told where `tell`.
    pub fn close(self, engine: &Engine, tell: bool) {
        for open in self.streams.values() {
            engine.streams().over(open.id);
            if open.native {
                engine.streams().release(open.id);
            } else if tell {
                engine.batch().push(Record::Reset, open.id, &[Reason::CANCEL.into()]);
            }
        }
    }

    /// Works off what came and what was asked for.
    pub fn work(&mut self, engine: &Engine) -> Work {
        loop {
            self.h2.poll();
            while let Some(event) = self.h2.next_event() {
                if self.is_new {
                    self.is_new = false;
                    if engine.has_grpc() && is_call(&event) {
                        return Work::HandOver(event);
                    }
                }
                if let Some(closed) = self.tell(engine, event) {
                    return Work::Closed(closed);
                }
            }
            for stream in std::mem::take(&mut self.fed) {
                self.tell_pending(engine, stream);
            }
            for stream in std::mem::take(&mut self.ready) {
                self.feed_body(engine, stream);
            }
            if self.ready.is_empty() && self.fed.is_empty() && self.h2.is_quiet() {
                return Work::Open;
            }
        }
    }

    fn tell(&mut self, engine: &Engine, event: Event) -> Option<Closed> {
        match event {
            Event::Request { stream, head, end } => self.request(engine, stream, &head, end),
            Event::Data { stream, data, credit } => self.data(engine, stream, &data, credit),
            Event::End { stream, trailers } => {
                if let Some(open) = self.streams.get_mut(&stream) {
                    open.complete = true;
                    open.upload = None;
                    if !open.native {
                        fields::push_end(&mut engine.batch(), open.id, trailers.as_ref());
                    }
                }
                self.forget_if_over(engine, stream);
            }
            Event::Sent { stream, pending } => {
                let open = self.streams.get_mut(&stream)?;
                open.stalled = (pending > 0).then_some(self.now);
                if open.body.is_some() {
                    self.ready.push(stream);
                } else if !open.native {
                    engine.batch().push(Record::Pending, open.id, &[pending as u32]);
                }
                self.forget_if_over(engine, stream);
            }
            Event::Reset { stream, reason, .. } => self.reset(engine, stream, reason),
            Event::Pong => self.pinged = None,
            // A client's.
            Event::Informational { .. }
            | Event::Response { .. }
            | Event::Ready
            | Event::Greeted
            | Event::Leaving => {}
            Event::Closed(closed) => return Some(closed),
        }
        None
    }

    fn request(&mut self, engine: &Engine, stream: StreamId, head: &request::Parts, end: bool) {
        if head.uri.path().is_empty() && head.method != http::Method::CONNECT {
            // RFC 9113 §8.3.1; the frame layer lets it pass.
            self.h2.reset(stream, Reason::PROTOCOL_ERROR);
            return;
        }
        let id = engine.streams().insert(self.connection, stream);
        let open = Open {
            id,
            began: self.now,
            complete: end,
            stalled: None,
            native: false,
            body: None,
            awaited: None,
            upload: None,
            fed_bytes: 0,
            exhausted: false,
        };
        self.streams.insert(stream, open);
        self.used = self.now;
        let target = head.uri.path_and_query().map_or("/", |path| path.as_str()).as_bytes();
        let place = (self.connection, stream);
        if end && let Some(answer) = engine.answer_file_fields(&head.method, target, &head.headers, place) {
            self.native(stream);
            let head_only = head.method == http::Method::HEAD;
            match answer {
                FileAnswer::Ready(plan, file) => {
                    self.answer(engine, stream, head_only, plan, file);
                }
                FileAnswer::Awaited(plan) => self.await_answer(stream, head_only, plan),
            }
            return;
        }
        let known = head.method != http::Method::CONNECT
            && fields::push_request(&mut engine.batch(), id, self.connection, stream, head, end);
        if !known {
            self.native(stream);
            let status = StatusCode::NOT_IMPLEMENTED.as_u16();
            self.h2.respond(stream, fields::response(status, http::HeaderMap::new()), true);
            self.forget_if_over(engine, stream);
        }
    }

    fn native(&mut self, stream: StreamId) {
        if let Some(open) = self.streams.get_mut(&stream) {
            open.native = true;
        }
    }

    /// Answers with what was planned; returns the bytes of the body.
    pub fn answer(
        &mut self,
        engine: &Engine,
        stream: StreamId,
        head_only: bool,
        plan: Plan,
        file: Option<OwnedFd>,
    ) -> u64 {
        let mut head = fields::response(plan.status, fields::from_lines(&plan.fields));
        add_date(engine, head.headers_mut());
        let body = if head_only { None } else { FileBody::new(plan, file) };
        let bytes = body.as_ref().map_or(0, |body| body.left);
        self.h2.respond(stream, head, body.is_none());
        if let Some(open) = self.streams.get_mut(&stream)
            && body.is_some()
        {
            open.body = body;
            self.ready.push(stream);
        }
        if bytes == 0 {
            self.forget_if_over(engine, stream);
        }
        bytes
    }

    /// The answer waits for a file to be compressed.
    pub fn await_answer(&mut self, stream: StreamId, head_only: bool, plan: Plan) {
        if let Some(open) = self.streams.get_mut(&stream) {
            open.awaited = Some((head_only, plan));
        }
    }

    /// The file that a stream waits for is compressed, or cannot be read.
    pub fn compressed(&mut self, engine: &Engine, stream: StreamId, bytes: Option<&Arc<Vec<u8>>>) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        let Some((head_only, plan)) = open.awaited.take() else { return };
        let native = open.native;
        match bytes {
            Some(bytes) => {
                self.answer(engine, stream, head_only, plan.with_body(Arc::clone(bytes)), None);
                self.tell_pending(engine, stream);
            }
            None if native => drop(self.answer(engine, stream, head_only, refuse(500, ""), None)),
            // JavaScript has been told of another status.
            None => self.fail(engine, stream),
        }
    }

    /// Resets a stream for a fault of ours.
    fn fail(&mut self, engine: &Engine, stream: StreamId) {
        self.h2.reset(stream, Reason::INTERNAL_ERROR);
        self.reset(engine, stream, Reason::INTERNAL_ERROR);
    }

    /// Sends more of a file, where the peer takes it.
    fn feed_body(&mut self, engine: &Engine, stream: StreamId) {
        let pending = self.h2.pending(stream);
        let Some(open) = self.streams.get_mut(&stream) else { return };
        let Some(body) = &mut open.body else { return };
        if pending >= STEP_BYTES || body.cold {
            return;
        }
        match body.next() {
            Next::Cold { file, offset, bytes } => engine.fetch(open.id, file, offset, bytes),
            Next::Truncated => self.fail(engine, stream),
            Next::Bytes(bytes, end) => {
                if end {
                    open.body = None;
                }
                self.h2.send(stream, Bytes::from(bytes), end);
                self.fed.push(stream);
                if !end {
                    self.ready.push(stream);
                }
            }
        }
    }

    /// A file's bytes went to the frame layer.
    fn tell_pending(&mut self, engine: &Engine, stream: StreamId) {
        let pending = self.pending(stream);
        if let Some(open) = self.streams.get(&stream).filter(|open| !open.native) {
            engine.batch().push(Record::Pending, open.id, &[saturate(pending)]);
        }
        self.forget_if_over(engine, stream);
    }

    /// The file's next `bytes` are in memory.
    pub fn warmed(&mut self, stream: StreamId, bytes: u64) {
        if let Some(body) = self.streams.get_mut(&stream).and_then(|open| open.body.as_mut()) {
            body.warmed(bytes);
            self.ready.push(stream);
        }
    }

    /// Bytes of a stream that wait.
    pub fn pending(&self, stream: StreamId) -> u64 {
        let open = self.streams.get(&stream);
        let body = open.and_then(|open| open.body.as_ref()).map_or(0, |body| body.left);
        // An answer that is not made yet is more than nothing.
        let awaited = open.is_some_and(|open| open.awaited.is_some());
        self.h2.pending(stream) as u64 + body + u64::from(awaited)
    }

    /// Bytes of a body.
    pub fn send(&mut self, stream: StreamId, data: &[u8]) {
        if !data.is_empty() {
            self.h2.send(stream, Bytes::copy_from_slice(data), false);
        }
    }

    /// A stream is over before its time.
    pub(super) fn reset(&mut self, engine: &Engine, stream: StreamId, reason: Reason) {
        let Some(open) = self.streams.remove(&stream) else { return };
        engine.streams().over(open.id);
        if open.native {
            engine.streams().release(open.id);
        } else {
            engine.batch().push(Record::Reset, open.id, &[reason.into()]);
        }
        self.used = self.now;
    }

    /// One that is answered here ends without JavaScript.
    fn forget_if_over(&mut self, engine: &Engine, stream: StreamId) {
        let over =
            |open: &Open| open.native && open.complete && open.body.is_none() && open.awaited.is_none();
        if self.streams.get(&stream).is_some_and(over) && self.h2.pending(stream) == 0 {
            self.forget(engine, stream);
        }
    }

    fn forget(&mut self, engine: &Engine, stream: StreamId) {
        if let Some(open) = self.streams.remove(&stream) {
            engine.streams().over(open.id);
            if open.native {
                engine.streams().release(open.id);
            }
            self.used = self.now;
        }
    }

    /// Does what JavaScript asks of a stream. `bytes` are what the command speaks of.
    pub fn command(&mut self, engine: &Engine, stream: StreamId, command: Command, first: u32, bytes: &[u8]) {
        match command {
            Command::Write | Command::WriteBuffer => self.send(stream, bytes),
            Command::Head => {
                // The flag for `Date`, the status in three digits, a NUL, then the fields.
                let (dated, rest) = bytes.split_first().unwrap_or((&0, &[]));
                let (status, text) = rest.split_at_checked(4).unwrap_or((b"500\0", &[]));
                let status = status[..3].iter().fold(0, |n, d| n * 10 + u16::from(d.wrapping_sub(b'0') % 10));
                let mut head = fields::response(status, fields::from_text(text));
                if status < 200 {
                    self.h2.inform(stream, head);
                    return;
                }
                if *dated == b'1' {
                    add_date(engine, head.headers_mut());
                }
                self.h2.respond(stream, head, false);
            }
            Command::Trailers => self.h2.finish(stream, Some(fields::from_text(bytes))),
            Command::Respond => self.h2.finish(stream, None),
            Command::Pause => self.h2.allow(stream, 0),
            Command::Resume => self.h2.allow(stream, self.config.limits.credit),
            Command::Destroy => {
                // What is complete on both sides is let go of; the rest is told to the peer.
                let whole = first == 0 && self.streams.get(&stream).is_some_and(|open| open.complete);
                if !whole {
                    self.h2.reset(stream, Reason::from(first));
                }
                self.forget(engine, stream);
            }
            _ => {}
        }
    }
}

fn add_date(engine: &Engine, fields: &mut http::HeaderMap) {
    engine.with_date(|date| {
        if let Ok(date) = http::HeaderValue::from_str(date) {
            fields.entry(http::header::DATE).or_insert(date);
        }
    });
}

fn saturate(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
