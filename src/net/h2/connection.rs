//! A connection of either side, and what it tells its owner.

use super::config::Config;
use super::event::{Closed, Event, OpenError, StreamId};
use super::flood::FloodGuard;
use super::pipe::Pipe;
use super::ready::{Ready, connection_waker};
use super::stream::{Fate, Stream};
use super::window::WindowEstimate;
use ::h2::client::SendRequest;
use ::h2::{Ping, PingPong, Reason};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

type ClientParts = (SendRequest<Bytes>, ::h2::client::Connection<Pipe, Bytes>);
type Joining = Pin<Box<dyn Future<Output = Result<ClientParts, ::h2::Error>>>>;

enum Side {
    /// A server before the peer's preface.
    Greeting(Box<::h2::server::Handshake<Pipe, Bytes>>),
    Server(Box<::h2::server::Connection<Pipe, Bytes>>),
    /// A client that has not said its preface.
    Joining(Joining),
    Client {
        connection: Box<::h2::client::Connection<Pipe, Bytes>>,
        requests: Option<SendRequest<Bytes>>,
    },
    Closed,
}

/// One connection. See the [module](super).
pub struct Connection {
    side: Side,
    config: Config,
    pipe: Pipe,
    guard: FloodGuard,
    ready: Arc<Ready>,
    task: Waker,
    streams: HashMap<u32, Stream>,
    events: VecDeque<Event>,
    pings: Option<PingPong>,
    awaits_pong: bool,
    /// The owner waits for it.
    owes_pong: bool,
    window: Option<WindowEstimate>,
    /// When bytes were last fed.
    fed: Option<Instant>,
    /// A client was told that there is no room.
    awaits_room: bool,
    /// A client was told that its server is there.
    told_greeted: bool,
    closing: bool,
    /// It was given up for this.
    aborted: Option<Reason>,
    woken: Vec<u32>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("streams", &self.streams.len()).finish_non_exhaustive()
    }
}

impl Connection {
    /// The server's side; it waits for the peer's preface.
    pub fn server(config: &Config) -> Self {
        let pipe = Pipe::new(config.output_bytes);
        let side = Side::Greeting(Box::new(config.server().handshake(pipe.clone())));
        Self::new(side, pipe, config, super::PREFACE.len())
    }

    /// The client's side. It may open a stream after its first [`poll`](Self::poll), before the server said anything.
    pub fn client(config: &Config) -> Self {
        let pipe = Pipe::new(config.output_bytes);
        let (builder, io) = (config.client(), pipe.clone());
        let side = Side::Joining(Box::pin(async move { builder.handshake(io).await }));
        Self::new(side, pipe, config, 0)
    }

    fn new(side: Side, pipe: Pipe, config: &Config, preface: usize) -> Self {
        let ready = Arc::new(Ready::default());
        ready.wake_connection();
        Self {
            side,
            config: *config,
            pipe,
            guard: FloodGuard::new(&config.flood, preface),
            task: connection_waker(&ready),
            ready,
            streams: HashMap::new(),
            events: VecDeque::new(),
            pings: None,
            awaits_pong: false,
            owes_pong: false,
            window: config.most_window.map(|most| WindowEstimate::new(config.stream_window, most)),
            fed: None,
            awaits_room: false,
            told_greeted: false,
            closing: false,
            aborted: None,
            woken: Vec::new(),
        }
    }

    // Bytes.

    /// Whether what was fed is worked off, so that the socket may be read.
    pub fn wants_input(&self) -> bool {
        self.pipe.unread() == 0
    }

    /// Bytes from the peer. [`poll`](Self::poll) works them off.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) {
        if matches!(self.side, Side::Closed) || self.aborted.is_some() {
            return;
        }
        let admitted = self.guard.admit(bytes, now);
        self.pipe.feed(&bytes[..admitted]);
        self.fed = Some(now);
        if self.guard.too_many_pings {
            // Behind our SETTINGS, which must be the first frame.
            self.poll();
            self.say_too_many_pings();
        }
        if admitted < bytes.len() || self.guard.too_many_pings {
            self.abort(Reason::ENHANCE_YOUR_CALM);
        } else if self.window.as_mut().is_some_and(|window| window.received(bytes.len()))
            && self.send_ping()
            && let Some(window) = &mut self.window
        {
            window.begin(now);
        }
    }

    /// The peer sends no more.
    pub fn feed_end(&mut self) {
        self.pipe.end();
    }

    /// Whether there are bytes for the peer.
    pub fn has_output(&self) -> bool {
        self.pipe.output_bytes() > 0
    }

    /// Bytes for the peer, in order; there may be more after the next [`poll`](Self::poll).
    pub fn take_output(&mut self) -> Vec<u8> {
        self.pipe.take_output()
    }

    // Events.

    /// Works off what was fed and what was asked for, as far as it goes.
    pub fn poll(&mut self) {
        // Each round works off input or output, and both are bounded.
        while !self.ready.is_quiet() {
            if self.ready.take_connection() {
                self.poll_side();
            }
            let mut woken = std::mem::take(&mut self.woken);
            self.ready.take_streams(&mut woken);
            for stream in woken.drain(..) {
                self.poll_stream(stream);
            }
            self.woken = woken;
        }
    }

    /// Whether it is over: [`Event::Closed`] was told, or waits to be.
    pub fn is_closed(&self) -> bool {
        matches!(self.side, Side::Closed)
    }

    /// Whether a server's peer has said its preface.
    pub fn is_greeted(&self) -> bool {
        !matches!(self.side, Side::Greeting(_))
    }

    /// Whether [`poll`](Self::poll) would do nothing.
    pub fn is_quiet(&self) -> bool {
        self.ready.is_quiet()
    }

    /// What happened next.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn poll_side(&mut self) {
        let task = self.task.clone();
        let cx = &mut Context::from_waker(&task);
        loop {
            match &mut self.side {
                Side::Closed => return,
                Side::Greeting(handshake) => match Pin::new(&mut **handshake).poll(cx) {
                    Poll::Pending if self.aborted.is_some() => {
                        return self.close(Reason::NO_ERROR, false, "the connection was given up");
                    }
                    Poll::Pending => return,
                    Poll::Ready(Ok(mut connection)) => {
                        match self.aborted {
                            Some(reason) => connection.abrupt_shutdown(reason),
                            None if self.closing => connection.graceful_shutdown(),
                            None => {}
                        }
                        self.side = Side::Server(Box::new(connection));
                    }
                    Poll::Ready(Err(error)) => return self.close_for(&error),
                },
                Side::Joining(handshake) => match handshake.as_mut().poll(cx) {
                    Poll::Pending => return,
                    Poll::Ready(Ok((requests, connection))) => {
                        let requests = (!self.closing).then_some(requests);
                        self.side = Side::Client { connection: Box::new(connection), requests };
                    }
                    Poll::Ready(Err(error)) => return self.close_for(&error),
                },
                Side::Server(connection) => match connection.poll_accept(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Some(Ok((request, respond)))) => {
                        let (head, body) = request.into_parts();
                        let end = body.is_end_stream();
                        let stream = Stream::accepted(body, respond, self.config.credit, &self.ready);
                        self.events.push_back(Event::Request {
                            stream: stream.id,
                            head: Box::new(head),
                            end,
                        });
                        stream.waker.note();
                        self.streams.insert(stream.id.0, stream);
                    }
                    Poll::Ready(Some(Err(error))) => return self.close_for(&error),
                    Poll::Ready(None) => return self.close(Reason::NO_ERROR, true, "the connection ended"),
                },
                Side::Client { connection, requests } => {
                    match Pin::new(&mut **connection).poll(cx) {
                        Poll::Pending => {}
                        Poll::Ready(Ok(())) => {
                            return self.close(Reason::NO_ERROR, true, "the connection ended");
                        }
                        Poll::Ready(Err(error)) => return self.close_for(&error),
                    }
                    if self.guard.greeted && !std::mem::replace(&mut self.told_greeted, true) {
                        self.events.push_back(Event::Greeted);
                    }
                    if self.guard.leaving && requests.take().is_some() {
                        self.events.push_back(Event::Leaving);
                        // Without the means to open streams the frame layer ends with the last one.
                        continue;
                    }
                    if self.awaits_room
                        && let Some(requests) = requests
                        && requests.poll_ready(cx).is_ready()
                    {
                        self.awaits_room = false;
                        self.events.push_back(Event::Ready);
                    }
                    break;
                }
            }
        }
        if self.awaits_pong
            && let Some(pings) = &mut self.pings
            && pings.poll_pong(cx).is_ready()
        {
            self.awaits_pong = false;
            if std::mem::take(&mut self.owes_pong) {
                self.events.push_back(Event::Pong);
            }
            let wider = self.window.as_mut().zip(self.fed).and_then(|(window, now)| window.end(now));
            if let Some(window) = wider {
                self.widen(window);
            }
        }
    }

    /// Lets the peer send so much ahead on each stream, and twice as much on all.
    fn widen(&mut self, window: u32) {
        let all = window.saturating_mul(2).min(i32::MAX as u32).max(self.config.connection_window);
        // Not while it has not acknowledged the last ones: then the next sample does it.
        match &mut self.side {
            Side::Server(connection) => {
                let _ = connection.set_initial_window_size(window);
                connection.set_target_window_size(all);
            }
            Side::Client { connection, .. } => {
                let _ = connection.set_initial_window_size(window);
                connection.set_target_window_size(all);
            }
            _ => {}
        }
        self.ready.wake_connection();
    }

    /// GOAWAY with what gRPC's clients look for: they ping less often from then on. The frame layer's own says nothing.
    fn say_too_many_pings(&mut self) {
        const WHY: &[u8] = b"too_many_pings";
        let mut frame = vec![0, 0, 8 + WHY.len() as u8, 7, 0, 0, 0, 0, 0];
        frame.extend_from_slice(&i32::MAX.to_be_bytes());
        frame.extend_from_slice(&u32::from(Reason::ENHANCE_YOUR_CALM).to_be_bytes());
        frame.extend_from_slice(WHY);
        self.pipe.append(&frame);
    }

    fn poll_stream(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let events = &mut self.events;
        match stream.poll(&mut |event| events.push_back(event)) {
            Fate::Open => {}
            Fate::Over => drop(self.streams.remove(&id)),
            Fate::Reset { reason, remote } => {
                self.streams.remove(&id);
                self.events.push_back(Event::Reset { stream: StreamId(id), reason, remote });
            }
        }
    }

    fn close_for(&mut self, error: &::h2::Error) {
        let reason = error.reason().unwrap_or(Reason::INTERNAL_ERROR);
        self.close(reason, error.is_remote() || error.is_io(), &error.to_string());
    }

    fn close(&mut self, reason: Reason, remote: bool, message: &str) {
        let (reason, remote) = self.aborted.map_or((reason, remote), |reason| (reason, false));
        self.side = Side::Closed;
        self.pings = None;
        let events = &mut self.events;
        self.streams.retain(|id, stream| {
            // What came before the end is still to be had.
            let (reason, remote) = match stream.poll(&mut |event| events.push_back(event)) {
                Fate::Over => return false,
                Fate::Open if stream.is_sent() => return true,
                Fate::Open if reason == Reason::NO_ERROR => (Reason::CANCEL, remote),
                Fate::Open => (reason, remote),
                Fate::Reset { reason, remote } => (reason, remote),
            };
            events.push_back(Event::Reset { stream: StreamId(*id), reason, remote });
            false
        });
        self.events.push_back(Event::Closed(Closed { reason, remote, message: message.into() }));
    }

    // Streams.

    /// Streams that are open.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// A client's request; `end` where it has no body.
    ///
    /// # Errors
    /// There is no room, the connection is closing, or the request is no valid one: its URI has no authority, or it has
    /// fields that HTTP/2 forbids.
    pub fn open(&mut self, request: Request<()>, end: bool) -> Result<StreamId, OpenError> {
        self.can_open()?;
        let Side::Client { requests: Some(requests), .. } = &mut self.side else {
            return Err(OpenError::Closing);
        };
        let sent = requests.send_request(request, end);
        let (response, body) = sent.map_err(|error| OpenError::Invalid(error.to_string()))?;
        let stream = Stream::opened(response, body, end, self.config.credit, &self.ready);
        let id = stream.id;
        stream.waker.note();
        self.streams.insert(id.0, stream);
        self.ready.wake_connection();
        Ok(id)
    }

    /// Whether [`open`](Self::open) would find room now; [`Event::Ready`] tells when it does where it would not.
    ///
    /// # Errors
    /// As `open`'s, but for the request's.
    pub fn can_open(&mut self) -> Result<(), OpenError> {
        let Side::Client { requests: Some(requests), .. } = &mut self.side else {
            // Before the first poll there is no frame layer to ask.
            let joining = matches!(self.side, Side::Joining(_)) && !self.closing;
            self.awaits_room |= joining;
            return Err(if joining { OpenError::Full } else { OpenError::Closing });
        };
        match requests.poll_ready(&mut Context::from_waker(&self.task)) {
            Poll::Pending => {
                self.awaits_room = true;
                Err(OpenError::Full)
            }
            Poll::Ready(Err(_)) => Err(OpenError::Closing),
            Poll::Ready(Ok(())) => Ok(()),
        }
    }

    /// Streams that the peer allows at once.
    pub fn most_streams(&self) -> usize {
        match &self.side {
            Side::Client { requests: Some(requests), .. } => requests.current_max_send_streams(),
            _ => 0,
        }
    }

    /// The stream's, noted for the next poll, where it is open.
    fn stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        let stream = self.streams.get_mut(&id.0)?;
        stream.waker.note();
        Some(stream)
    }

    /// Hands over up to `bytes` more of a stream's body from now on, and one frame; 0 holds it back.
    pub fn allow(&mut self, stream: StreamId, bytes: usize) {
        if let Some(stream) = self.stream(stream) {
            stream.allow(bytes);
        }
    }

    /// Nothing more of a stream's body is wanted: what still comes is dropped, and once our side is complete, a peer that has
    /// more to send is told to stop (RFC 9113 §8.1).
    pub fn discard(&mut self, stream: StreamId) {
        if let Some(stream) = self.stream(stream) {
            stream.discard();
        }
    }

    /// A server's 1xx. Returns whether it could be sent: not behind the head.
    pub fn inform(&mut self, stream: StreamId, response: Response<()>) -> bool {
        self.stream(stream).is_some_and(|stream| stream.inform(response))
    }

    /// A server's head; `end` where no body follows. Returns whether there was none before.
    pub fn respond(&mut self, stream: StreamId, response: Response<()>, end: bool) -> bool {
        self.guard.sends();
        match self.stream(stream) {
            Some(stream) if stream.awaits_head() => {
                stream.respond(response, end);
                true
            }
            _ => false,
        }
    }

    /// Bytes of a body, behind a server's head or a client's request; `end` where they are the last. Returns the bytes
    /// of the stream that wait for the peer (see [`Event::Sent`]), or `None` where it takes no more.
    pub fn send(&mut self, stream: StreamId, data: Bytes, end: bool) -> Option<usize> {
        self.guard.sends();
        let stream = self.stream(stream).filter(|stream| stream.takes_data())?;
        stream.send(data, end);
        Some(stream.pending())
    }

    /// Our side of a stream is complete, with these trailers.
    pub fn finish(&mut self, stream: StreamId, trailers: Option<HeaderMap>) {
        if let Some(stream) = self.stream(stream).filter(|stream| stream.takes_data()) {
            stream.finish(trailers);
        }
    }

    /// Bytes of a stream that wait for the peer's windows, or for the output to be taken.
    pub fn pending(&self, stream: StreamId) -> usize {
        self.streams.get(&stream.0).map_or(0, Stream::pending)
    }

    /// Ends a stream at once; no event tells of it any more.
    pub fn reset(&mut self, stream: StreamId, reason: Reason) {
        if let Some(mut open) = self.streams.remove(&stream.0) {
            open.reset(reason);
            drop(open);
            self.ready.wake_connection();
            self.events.retain(|event| event.stream() != Some(stream));
        }
    }

    // The connection.

    /// Asks the peer for a sign of life; [`Event::Pong`] is the answer. Returns whether it was asked: not where an
    /// answer is still awaited.
    pub fn ping(&mut self) -> bool {
        if std::mem::replace(&mut self.owes_pong, true) {
            return false;
        }
        // One of our own that is under way is as good.
        self.owes_pong = self.awaits_pong || self.send_ping();
        self.owes_pong
    }

    fn send_ping(&mut self) -> bool {
        if self.pings.is_none() {
            self.pings = match &mut self.side {
                Side::Server(connection) => connection.ping_pong(),
                Side::Client { connection, .. } => connection.ping_pong(),
                _ => None,
            };
        }
        let Some(pings) = &mut self.pings else { return false };
        if self.awaits_pong || pings.send_ping(Ping::opaque()).is_err() {
            return false;
        }
        self.awaits_pong = true;
        self.ready.wake_connection();
        true
    }

    /// Ends in order: GOAWAY, no new streams, and [`Event::Closed`] when those that are open are over.
    pub fn shutdown(&mut self) {
        self.closing = true;
        match &mut self.side {
            Side::Server(connection) => connection.graceful_shutdown(),
            Side::Client { requests, .. } => *requests = None,
            Side::Greeting(_) | Side::Joining(_) | Side::Closed => {}
        }
        self.ready.wake_connection();
    }

    /// Ends at once: GOAWAY with `reason`; streams that are open are lost.
    pub fn abort(&mut self, reason: Reason) {
        self.aborted.get_or_insert(reason);
        match &mut self.side {
            Side::Server(connection) => {
                connection.abrupt_shutdown(reason);
                self.ready.wake_connection();
            }
            Side::Greeting(_) => self.ready.wake_connection(),
            Side::Closed => {}
            Side::Joining(_) | Side::Client { .. } => {
                self.close(reason, false, "the connection was given up")
            }
        }
    }
}
