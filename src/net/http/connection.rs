//! One connection: its requests one after the other, and the bytes that wait in both directions.

mod answers;
mod handshake;
mod http2;
mod input;
mod requests;
mod stream;
mod uploads;

pub(super) use self::uploads::Upload;

use super::batch::{Batch, Record, flag};
use super::engine::{Answered, Engine, FileAnswer};
use super::http2::Session;
use super::outbox::{Outbox, Sent};
use crate::codec::http_files::Plan;
use crate::codec::http1::{Limits, RequestDecoder, Step};
use crate::net::reactor::{Interest, Readiness, Source, Token, Turn};
use crate::net::transport::Transport;
use crate::net::transport::tls::TlsFault;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::rc::Weak;
use std::time::{Duration, Instant};

/// Bytes that a peer may send ahead of the response that is under way before its socket is not read any more.
pub const AHEAD_BYTES: usize = 64 << 10;

/// How long a peer that is answered amid its request may go on sending: closed at once, its system could throw the
/// response away before the peer has read it.
const LINGER: Duration = Duration::from_secs(2);

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In a TLS handshake.
    Handshake {
        /// JavaScript chooses what the client gets.
        asked: bool,
    },
    /// Between requests, or within a head.
    Head,
    /// A request is with JavaScript.
    Busy {
        /// All of it came.
        complete: bool,
        /// It was answered.
        answered: bool,
    },
    /// JavaScript decides about another protocol; nothing is parsed.
    Deciding,
    /// Bytes of another protocol.
    Raw,
    /// No HTTP any more; JavaScript is to close it.
    Broken,
    /// Our side is over; what still comes is dropped.
    Lingering,
    /// Frames, which the session sees to.
    Http2,
}

/// Why a deadline is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timer {
    Headers = 0,
    Request = 1,
    KeepAlive = 2,
    Linger = 3,
    /// An event stream gets a comment.
    Comment = 4,
    /// A session looks at its times.
    Http2 = 5,
    /// A TLS handshake is to be over.
    Handshake = 6,
}

struct State {
    /// Nothing was parsed yet: it may speak HTTP/2.
    is_new: bool,
    session: Option<Box<Session>>,
    decoder: RequestDecoder,
    /// What was read and not parsed.
    inbox: Vec<u8>,
    outbox: Outbox,
    stage: Stage,
    /// JavaScript takes no body bytes.
    paused: bool,
    /// The answer that waits for a file to be compressed.
    awaited: Option<(Answered, Plan)>,
    /// The body goes to an operator.
    upload: Option<Upload>,
    /// Bytes of bodies that did.
    fed: u64,
    peer_ended: bool,
    /// The end of a TLS session came behind the requests in `inbox`; the socket's own, which mostly follows, is told as ever.
    end_behind: bool,
    /// Our side ends when the outbox is empty.
    finishing: bool,
    /// Our side is ended.
    finished: bool,
    timer: Option<Timer>,
    /// The answer that is being sent was made here: JavaScript does not wait for its bytes.
    native: bool,
    /// The system gathers what is sent into whole segments.
    corked: bool,
    /// An I/O thread fetches what is to be sent next.
    cold: bool,
    /// The engine's list of broadcasts has it.
    queued: bool,
    /// A failure that closes the connection once parsing is over.
    error: Option<io::Error>,
    /// When the request that comes in, or will, began.
    began: Instant,
    /// The response under way is an event stream.
    stream: Option<Box<stream::EventStream>>,
}

/// A socket in the reactor.
pub(super) struct Connection {
    pub id: u32,
    engine: Weak<Engine>,
    transport: RefCell<Option<Transport>>,
    token: Cell<Option<Token>>,
    interest: Cell<Interest>,
    state: RefCell<State>,
}

/// What a call left the connection in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Open,
    /// To be closed, with the system's error number or 0.
    Close(i32),
}

impl Connection {
    pub fn new(id: u32, engine: Weak<Engine>, transport: Transport, limits: Limits, now: Instant) -> Self {
        let stage = match transport.is_established() {
            true => Stage::Head,
            false => Stage::Handshake { asked: false },
        };
        Self {
            id,
            engine,
            transport: RefCell::new(Some(transport)),
            token: Cell::new(None),
            interest: Cell::new(Interest::READ),
            state: RefCell::new(State {
                is_new: true,
                session: None,
                decoder: RequestDecoder::new(limits),
                inbox: Vec::new(),
                outbox: Outbox::default(),
                stage,
                paused: false,
                awaited: None,
                upload: None,
                fed: 0,
                peer_ended: false,
                end_behind: false,
                finishing: false,
                finished: false,
                timer: None,
                native: false,
                corked: false,
                cold: false,
                queued: false,
                error: None,
                began: now,
                stream: None,
            }),
        }
    }

    /// Tells what the reactor calls it, and starts its first time limit.
    pub fn registered(&self, engine: &Engine, token: Token) {
        self.token.set(Some(token));
        let state = &mut *self.state.borrow_mut();
        let timer = if state.stage == Stage::Head { Timer::Headers } else { Timer::Handshake };
        self.set_timer(engine, state, Some(timer));
    }

    /// Runs `use_socket` on the socket, where it is still open.
    pub fn with_socket<T>(&self, use_socket: impl FnOnce(&OwnedFd) -> T) -> Option<T> {
        self.transport.borrow().as_ref().map(|transport| use_socket(transport.socket()))
    }

    /// Whether it waits for a request of which nothing came.
    pub fn is_idle(&self) -> bool {
        let state = self.state.borrow();
        if let Some(session) = &state.session {
            return session.is_idle() && state.outbox.is_empty();
        }
        state.stage == Stage::Head
            && state.decoder.is_between_requests()
            && state.inbox.is_empty()
            && state.outbox.is_empty()
    }

    /// Bytes that wait for the peer.
    pub fn pending(&self) -> u64 {
        let state = self.state.borrow();
        // An answer that is not made yet is more than nothing.
        let awaited = u64::from(state.awaited.is_some());
        state.outbox.bytes() + state.stream.as_ref().map_or(0, |stream| stream.bytes() as u64) + awaited
    }

    /// Sends `parts`, or as much as the socket takes; the rest waits.
    pub fn send(&self, engine: &Engine, parts: &[IoSlice<'_>]) {
        let result = {
            let mut state = self.state.borrow_mut();
            match &mut *self.transport.borrow_mut() {
                Some(transport) => state.outbox.send(transport, parts),
                None => return,
            }
        };
        self.settle(engine, result.map(|()| After::Open));
        if self.pending() > 0 {
            let pending = saturate(self.pending());
            engine.batch().push(Record::Pending, self.id, &[pending]);
        }
    }

    /// The response is complete.
    pub fn respond(&self, engine: &Engine, keep: bool) {
        let after = {
            let mut state = self.state.borrow_mut();
            let Stage::Busy { complete, .. } = state.stage else { return };
            if !keep {
                state.stage = if complete { Stage::Broken } else { Stage::Lingering };
                state.finishing = true;
                self.finish_if_sent(engine, &mut state)
            } else {
                state.stage = Stage::Busy { complete, answered: true };
                self.go_on(engine, &mut state)
            }
        };
        self.settle(engine, after);
    }

    /// Ends our side once all is sent.
    pub fn finish(&self, engine: &Engine) {
        if self.go_away(engine) {
            return;
        }
        let after = {
            let mut state = self.state.borrow_mut();
            state.finishing = true;
            if !matches!(state.stage, Stage::Raw) {
                state.stage = Stage::Lingering;
            }
            self.finish_if_sent(engine, &mut state)
        };
        self.settle(engine, after);
    }

    /// Takes the transport out of the reactor, with the bytes that were read and not parsed.
    pub fn take(&self, engine: &Engine) -> Option<(Transport, Vec<u8>)> {
        let transport = self.transport.borrow_mut().take()?;
        self.drop_stream();
        if let Some(token) = self.token.take() {
            engine.reactor().deregister(token, &transport);
        }
        let mut state = self.state.borrow_mut();
        state.upload = None;
        Some((transport, std::mem::take(&mut state.inbox)))
    }

    /// Closes the socket. Nobody is told.
    pub fn close(&self, engine: &Engine) {
        let session = self.state.borrow_mut().session.take();
        if let Some(session) = session {
            session.close(engine, false);
        }
        drop(self.take(engine));
    }

    /// Closes the socket, and tells JavaScript.
    pub fn close_and_tell(&self, engine: &Engine, errno: i32) {
        let session = self.state.borrow_mut().session.take();
        if let Some(session) = session {
            session.close(engine, true);
        }
        if let Some((mut transport, _)) = self.take(engine) {
            if errno == 0 && transport.session().is_some() {
                // It is over in good order. A peer that is gone need not hear it.
                let _ = transport.end();
            }
            engine.batch().push(Record::Closed, self.id, &[errno as u32]);
        }
    }

    /// Closes where that was the outcome, else waits for what the state calls for.
    fn settle(&self, engine: &Engine, after: io::Result<After>) {
        match after {
            Ok(After::Open) => self.update_interest(engine),
            Ok(After::Close(errno)) => self.close_and_tell(engine, errno),
            Err(error) => self.fail(engine, &error),
        }
    }

    fn update_interest(&self, engine: &Engine) {
        let interest = {
            let state = self.state.borrow();
            let waits = match state.stage {
                Stage::Head | Stage::Lingering => false,
                Stage::Busy { complete: false, .. } | Stage::Raw => {
                    state.paused || state.upload.as_ref().is_some_and(|upload| upload.full)
                }
                Stage::Busy { .. } | Stage::Deciding => state.inbox.len() >= AHEAD_BYTES,
                Stage::Handshake { asked } => asked,
                Stage::Broken => true,
                Stage::Http2 => state.session.as_ref().is_none_or(|session| !session.wants_input()),
            };
            let streams = state.stream.as_ref().is_some_and(|stream| !stream.is_empty())
                || state.session.as_ref().is_some_and(|session| session.has_output());
            let sends = streams || !state.outbox.is_empty();
            Interest { read: !waits && !state.peer_ended, write: sends && !state.cold }
        };
        if interest == self.interest.get() {
            return;
        }
        let (Some(token), Some(transport)) = (self.token.get(), &*self.transport.borrow()) else { return };
        if engine.reactor().set_interest(token, transport, interest).is_ok() {
            self.interest.set(interest);
        }
    }

    fn set_timer(&self, engine: &Engine, state: &mut State, timer: Option<Timer>) {
        let timeouts = engine.timeouts();
        let (from, limit) = match timer {
            Some(Timer::Headers) => (state.began, timeouts.headers),
            Some(Timer::Request) => (state.began, timeouts.request),
            Some(Timer::KeepAlive) => (state.began, timeouts.keep_alive),
            Some(Timer::Linger) => (Instant::now(), Some(LINGER)),
            Some(Timer::Handshake) => (state.began, timeouts.handshake),
            // These set their own.
            Some(Timer::Comment | Timer::Http2) | None => (state.began, None),
        };
        state.timer = timer.filter(|_| limit.is_some());
        if let Some(token) = self.token.get() {
            engine.reactor().set_deadline(token, limit.map(|limit| from + limit));
        }
    }

    /// All was sent and our side is to end: ends it. What keeps the socket open then is the peer.
    fn finish_if_sent(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        if !state.finishing || state.finished || !state.outbox.is_empty() || state.awaited.is_some() {
            return Ok(After::Open);
        }
        if state.peer_ended || state.stage == Stage::Broken {
            state.finished = true;
            return Ok(After::Close(0));
        }
        if let Some(transport) = &mut *self.transport.borrow_mut() {
            let ended = transport.end()?;
            state.outbox.count_held(transport);
            if !ended {
                return Ok(After::Open);
            }
        }
        state.finished = true;
        if state.stage == Stage::Lingering {
            self.set_timer(engine, state, Some(Timer::Linger));
        }
        Ok(After::Open)
    }
}

/// A count for a record: what is more than it holds is as good as that.
fn saturate(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Source for Connection {
    fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let mut state = self.state.borrow_mut();
        let mut after = Ok(After::Open);
        if readiness.readable {
            after = self.read(&engine, &mut state, turn);
        }
        if readiness.writable && matches!(after, Ok(After::Open)) {
            after = self.write(&engine, &mut state);
        }
        drop(state);
        self.settle(&engine, after);
    }

    fn expired(&self, turn: &mut Turn<'_>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let timer = self.state.borrow_mut().timer.take();
        match timer {
            None => {}
            Some(Timer::KeepAlive | Timer::Linger) => self.close_and_tell(&engine, 0),
            Some(Timer::Comment) => self.comment(&engine),
            Some(Timer::Http2) => self.look(&engine, turn.now()),
            Some(Timer::Handshake) => {
                let fault = TlsFault::new("ERR_TLS_HANDSHAKE_TIMEOUT", "TLS handshake timeout");
                self.fail(&engine, &fault.into());
            }
            Some(timer) => {
                self.state.borrow_mut().stage = Stage::Broken;
                self.update_interest(&engine);
                engine.batch().push(Record::Timeout, self.id, &[timer as u32]);
            }
        }
    }
}
