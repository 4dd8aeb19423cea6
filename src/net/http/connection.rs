//! One connection: its requests one after the other, and the bytes that wait in both directions.

use super::batch::{Batch, Record, flag};
use super::engine::{Answered, Engine};
use super::outbox::{Outbox, Sent};
use crate::codec::http_files::Plan;
use crate::codec::http1::{Limits, RequestDecoder, Step};
use crate::net::reactor::{Interest, Readiness, Source, Token, Turn};
use rustix::net::sockopt;
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
}

/// Why a deadline is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timer {
    Headers = 0,
    Request = 1,
    KeepAlive = 2,
    Linger = 3,
}

struct State {
    decoder: RequestDecoder,
    /// What was read and not parsed.
    inbox: Vec<u8>,
    outbox: Outbox,
    stage: Stage,
    /// JavaScript takes no body bytes.
    paused: bool,
    peer_ended: bool,
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
    /// A failure that closes the connection once parsing is over.
    error: Option<io::Error>,
    /// When the request that comes in, or will, began.
    began: Instant,
}

/// A socket in the reactor.
pub(super) struct Connection {
    pub id: u32,
    engine: Weak<Engine>,
    socket: RefCell<Option<OwnedFd>>,
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
    pub fn new(id: u32, engine: Weak<Engine>, socket: OwnedFd, limits: Limits, now: Instant) -> Self {
        Self {
            id,
            engine,
            socket: RefCell::new(Some(socket)),
            token: Cell::new(None),
            interest: Cell::new(Interest::READ),
            state: RefCell::new(State {
                decoder: RequestDecoder::new(limits),
                inbox: Vec::new(),
                outbox: Outbox::default(),
                stage: Stage::Head,
                paused: false,
                peer_ended: false,
                finishing: false,
                finished: false,
                timer: None,
                native: false,
                corked: false,
                cold: false,
                error: None,
                began: now,
            }),
        }
    }

    /// Tells what the reactor calls it, and starts its first time limit.
    pub fn registered(&self, engine: &Engine, token: Token) {
        self.token.set(Some(token));
        self.set_timer(engine, &mut self.state.borrow_mut(), Some(Timer::Headers));
    }

    /// Runs `use_socket` on the socket, where it is still open.
    pub fn with_socket<T>(&self, use_socket: impl FnOnce(&OwnedFd) -> T) -> Option<T> {
        self.socket.borrow().as_ref().map(use_socket)
    }

    /// Whether it waits for a request of which nothing came.
    pub fn is_idle(&self) -> bool {
        let state = self.state.borrow();
        state.stage == Stage::Head
            && state.decoder.is_between_requests()
            && state.inbox.is_empty()
            && state.outbox.is_empty()
    }

    /// Bytes that wait for the peer.
    pub fn pending(&self) -> u64 {
        self.state.borrow().outbox.bytes()
    }

    /// Sends `parts`, or as much as the socket takes; the rest waits.
    pub fn send(&self, engine: &Engine, parts: &[IoSlice<'_>]) {
        let result = {
            let mut state = self.state.borrow_mut();
            match &*self.socket.borrow() {
                Some(socket) => state.outbox.send(socket, parts),
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

    /// JavaScript takes body bytes, or does not.
    pub fn set_paused(&self, engine: &Engine, paused: bool) {
        let after = {
            let mut state = self.state.borrow_mut();
            state.paused = paused;
            if paused { Ok(After::Open) } else { self.parse_inbox(engine, &mut state) }
        };
        self.settle(engine, after);
    }

    /// Ends our side once all is sent.
    pub fn finish(&self, engine: &Engine) {
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

    /// What JavaScript decided about another protocol: its bytes from here on, or this request as any other.
    pub fn decide(&self, engine: &Engine, raw: bool) {
        let after = {
            let mut state = self.state.borrow_mut();
            if state.stage != Stage::Deciding {
                return;
            }
            state.stage = if raw { Stage::Raw } else { Stage::Busy { complete: false, answered: false } };
            self.set_timer(engine, &mut state, None);
            self.parse_inbox(engine, &mut state)
        };
        self.settle(engine, after);
    }

    /// Takes the socket out of the reactor, with the bytes that were read and not parsed.
    pub fn take(&self, engine: &Engine) -> Option<(OwnedFd, Vec<u8>)> {
        let socket = self.socket.borrow_mut().take()?;
        if let Some(token) = self.token.take() {
            engine.reactor().deregister(token, &socket);
        }
        Some((socket, std::mem::take(&mut self.state.borrow_mut().inbox)))
    }

    /// Closes the socket. Nobody is told.
    pub fn close(&self, engine: &Engine) {
        drop(self.take(engine));
    }

    /// Closes the socket, and tells JavaScript.
    pub fn close_and_tell(&self, engine: &Engine, errno: i32) {
        if self.take(engine).is_some() {
            engine.batch().push(Record::Closed, self.id, &[errno as u32]);
        }
    }

    /// Closes where that was the outcome, else waits for what the state calls for.
    fn settle(&self, engine: &Engine, after: io::Result<After>) {
        match after {
            Ok(After::Open) => self.update_interest(engine),
            Ok(After::Close(errno)) => self.close_and_tell(engine, errno),
            Err(error) => self.close_and_tell(engine, error.raw_os_error().unwrap_or(5)),
        }
    }

    fn update_interest(&self, engine: &Engine) {
        let interest = {
            let state = self.state.borrow();
            let waits = match state.stage {
                Stage::Head | Stage::Lingering => false,
                Stage::Busy { complete: false, .. } | Stage::Raw => state.paused,
                Stage::Busy { .. } | Stage::Deciding => state.inbox.len() >= AHEAD_BYTES,
                Stage::Broken => true,
            };
            Interest { read: !waits && !state.peer_ended, write: !state.outbox.is_empty() && !state.cold }
        };
        if interest == self.interest.get() {
            return;
        }
        let (Some(token), Some(socket)) = (self.token.get(), &*self.socket.borrow()) else { return };
        if engine.reactor().set_interest(token, socket, interest).is_ok() {
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
            None => (state.began, None),
        };
        state.timer = timer.filter(|_| limit.is_some());
        if let Some(token) = self.token.get() {
            engine.reactor().set_deadline(token, limit.map(|limit| from + limit));
        }
    }

    /// All was sent and our side is to end: ends it. What keeps the socket open then is the peer.
    fn finish_if_sent(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        if !state.finishing || state.finished || !state.outbox.is_empty() {
            return Ok(After::Open);
        }
        state.finished = true;
        if state.peer_ended || state.stage == Stage::Broken {
            return Ok(After::Close(0));
        }
        if let Some(socket) = &*self.socket.borrow() {
            rustix::net::shutdown(socket, rustix::net::Shutdown::Write)?;
        }
        if state.stage == Stage::Lingering {
            self.set_timer(engine, state, Some(Timer::Linger));
        }
        Ok(After::Open)
    }

    /// Begins with the next request, where this one is over: it came, was answered, and the answer was sent. So a peer
    /// that asks and does not read gets one answer.
    fn go_on(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        if state.stage != (Stage::Busy { complete: true, answered: true }) || !state.outbox.is_empty() {
            return Ok(After::Open);
        }
        state.stage = Stage::Head;
        state.paused = false;
        state.native = false;
        state.began = Instant::now();
        if state.inbox.is_empty() {
            if state.peer_ended {
                return Ok(After::Close(0));
            }
            self.set_timer(engine, state, Some(Timer::KeepAlive));
            return Ok(After::Open);
        }
        self.set_timer(engine, state, Some(Timer::Headers));
        self.parse_inbox(engine, state)
    }

    fn parse_inbox(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        if state.inbox.is_empty() {
            return Ok(After::Open);
        }
        let mut inbox = std::mem::take(&mut state.inbox);
        let taken = self.parse(engine, state, &inbox);
        inbox.drain(..taken);
        state.inbox = inbox;
        self.after_parse(engine, state)
    }

    fn after_parse(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        match state.error.take() {
            Some(error) => Err(error),
            None => self.finish_if_sent(engine, state),
        }
    }

    /// Parses the start of `input`; returns how many bytes are done with.
    fn parse(&self, engine: &Engine, state: &mut State, input: &[u8]) -> usize {
        let batch = &mut *engine.batch();
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match state.stage {
                Stage::Lingering => return input.len(),
                Stage::Broken | Stage::Deciding | Stage::Busy { complete: true, .. } => return at,
                Stage::Head if rest.is_empty() && state.decoder.is_between_requests() => return at,
                Stage::Raw | Stage::Busy { .. } if state.paused => return at,
                Stage::Raw => {
                    if !rest.is_empty() {
                        batch.data(self.id, rest);
                    }
                    return input.len();
                }
                Stage::Head | Stage::Busy { .. } => {}
            }
            match state.decoder.step(rest) {
                Err(fault) => {
                    batch.fault(self.id, &fault, input);
                    state.stage = Stage::Broken;
                    self.set_timer(engine, state, None);
                    return input.len();
                }
                Ok(Step::More(0)) => return at,
                Ok(Step::More(bytes)) => at += bytes,
                Ok(Step::Head(bytes)) => {
                    self.head(engine, state, batch, rest);
                    at += bytes;
                }
                Ok(Step::Data { skip, len }) => {
                    batch.data(self.id, &rest[skip..skip + len]);
                    at += skip + len;
                }
                Ok(Step::End(bytes)) => {
                    batch.end(self.id, state.decoder.trailers(), rest);
                    at += bytes;
                    self.request_ended(engine, state);
                }
            }
        }
    }

    fn head(&self, engine: &Engine, state: &mut State, batch: &mut Batch, input: &[u8]) {
        let head = state.decoder.head();
        if let Some((plan, file)) = engine.answer_file(head, input) {
            let answered = Answered {
                head_only: head.method_name() == "HEAD",
                keep_alive: head.keep_alive && engine.is_listening(),
            };
            // Takes the end, which has no bytes.
            let end = state.decoder.step(&[]);
            debug_assert_eq!(end, Ok(Step::End(0)));
            self.answer(engine, state, &answered, plan, file);
            return;
        }
        let upgrade = head.upgrade && (engine.takes_upgrades() || head.method_name() == "CONNECT");
        let complete = !upgrade && !head.has_body();
        let flags = [
            (complete, flag::COMPLETE),
            (head.keep_alive, flag::KEEP_ALIVE),
            (head.expects_continue, flag::EXPECTS_CONTINUE),
            (head.expects_other, flag::EXPECTS_OTHER),
            (upgrade, flag::UPGRADE),
            (head.has_host, flag::HAS_HOST),
        ];
        let flags = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, bit)| all | bit);
        batch.request(self.id, flags, head, input);
        state.stage =
            if upgrade { Stage::Deciding } else { Stage::Busy { complete: false, answered: false } };
        if complete {
            // Takes the end, which has no bytes.
            let end = state.decoder.step(&[]);
            debug_assert_eq!(end, Ok(Step::End(0)));
            self.request_ended(engine, state);
        } else {
            self.set_timer(engine, state, (!upgrade).then_some(Timer::Request));
        }
    }

    fn request_ended(&self, engine: &Engine, state: &mut State) {
        let Stage::Busy { answered, .. } = state.stage else { return };
        state.paused = false;
        state.stage = Stage::Busy { complete: true, answered };
        if answered && state.outbox.is_empty() {
            state.stage = Stage::Head;
            state.began = Instant::now();
            self.set_timer(engine, state, Some(Timer::KeepAlive));
        } else {
            self.set_timer(engine, state, None);
        }
    }

    fn read(&self, engine: &Engine, state: &mut State, turn: &mut Turn<'_>) -> io::Result<After> {
        let now = turn.now();
        let read = match &*self.socket.borrow() {
            Some(socket) => turn.read(socket),
            None => return Ok(After::Open),
        };
        let bytes = match read {
            Ok([]) => return Ok(self.peer_end(engine, state)),
            Ok(bytes) => &*bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(After::Open),
            Err(error) => return Err(error),
        };
        if state.timer == Some(Timer::KeepAlive) {
            state.began = now;
            self.set_timer(engine, state, Some(Timer::Headers));
        }
        if state.inbox.is_empty() {
            let taken = self.parse(engine, state, bytes);
            if taken < bytes.len() {
                state.inbox.extend_from_slice(&bytes[taken..]);
            }
            return self.after_parse(engine, state);
        }
        state.inbox.extend_from_slice(bytes);
        self.parse_inbox(engine, state)
    }

    /// Sends what the socket takes; where a file's bytes come from a disk, an I/O thread fetches them first.
    fn flush(&self, engine: &Engine, state: &mut State) -> io::Result<()> {
        if state.cold {
            return Ok(());
        }
        let socket = self.socket.borrow();
        let Some(socket) = &*socket else { return Ok(()) };
        // sendfile(2) sends in pieces of 64 KiB, a few bytes more than a segment of loopback holds: without a cork every other
        // segment is tiny, and the peer takes twice the time. A Unix socket has none, and needs none.
        if !state.corked && state.outbox.has_file() {
            state.corked = sockopt::set_tcp_cork(socket, true).is_ok();
        }
        let sent = state.outbox.flush(socket)?;
        if state.corked && (state.outbox.is_empty() || matches!(sent, Sent::Cold { .. })) {
            state.corked = false;
            sockopt::set_tcp_cork(socket, false)?;
        }
        match sent {
            Sent::Enough => {}
            // A shorter answer than was promised must not look whole.
            Sent::Truncated => return Err(io::Error::from_raw_os_error(5)),
            Sent::Cold { file, offset, bytes } => {
                state.cold = true;
                engine.fetch(self.id, file, offset, bytes);
            }
        }
        Ok(())
    }

    /// A file's next `bytes` are in memory now.
    pub fn warmed(&self, engine: &Engine, bytes: u64) {
        let after = {
            let mut state = self.state.borrow_mut();
            state.cold = false;
            state.outbox.warmed(bytes);
            self.write(engine, &mut state)
        };
        self.settle(engine, after);
    }

    /// Sends an answer that was made here: to a file's request, without JavaScript.
    fn answer(&self, engine: &Engine, state: &mut State, head: &Answered, plan: Plan, file: Option<OwnedFd>) {
        state.native = true;
        engine.lay_out(&mut state.outbox, head, plan, file);
        if !head.keep_alive {
            state.finishing = true;
        }
        state.error = self.flush(engine, state).err();
        if head.keep_alive && state.outbox.is_empty() {
            state.native = false;
            state.stage = Stage::Head;
            state.began = Instant::now();
            self.set_timer(engine, state, Some(Timer::KeepAlive));
        } else {
            state.stage =
                if head.keep_alive { Stage::Busy { complete: true, answered: true } } else { Stage::Broken };
            self.set_timer(engine, state, None);
        }
    }

    /// Sends an answer that JavaScript asked for; returns its bytes.
    pub fn send_answer(&self, engine: &Engine, head: &Answered, plan: Plan, file: Option<OwnedFd>) -> u64 {
        let (after, bytes) = {
            let mut state = self.state.borrow_mut();
            let before = state.outbox.bytes();
            engine.lay_out(&mut state.outbox, head, plan, file);
            let bytes = state.outbox.bytes() - before;
            (self.flush(engine, &mut state).map(|()| After::Open), bytes)
        };
        self.settle(engine, after);
        bytes
    }

    fn peer_end(&self, engine: &Engine, state: &mut State) -> After {
        use crate::codec::http1::{Fault, FaultCode};
        state.peer_ended = true;
        match state.stage {
            Stage::Lingering => return After::Close(0),
            Stage::Head if state.decoder.is_between_requests() && state.inbox.is_empty() => {
                if state.outbox.is_empty() {
                    return After::Close(0);
                }
                state.stage = Stage::Lingering;
                state.finishing = true;
            }
            Stage::Head | Stage::Busy { complete: false, .. } => {
                let fault = Fault { code: FaultCode::InvalidEofState, reason: "" };
                engine.batch().fault(self.id, &fault, &[]);
                state.stage = Stage::Broken;
            }
            Stage::Raw if state.finished => return After::Close(0),
            Stage::Busy { .. } | Stage::Deciding | Stage::Raw | Stage::Broken => {
                engine.batch().push(Record::PeerEnd, self.id, &[]);
            }
        }
        After::Open
    }

    fn write(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        let before = state.outbox.bytes();
        self.flush(engine, state)?;
        if state.outbox.bytes() < before && !state.native {
            engine.batch().push(Record::Pending, self.id, &[saturate(state.outbox.bytes())]);
        }
        match self.finish_if_sent(engine, state) {
            Ok(After::Open) => self.go_on(engine, state),
            other => other,
        }
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

    fn expired(&self, _turn: &mut Turn<'_>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let timer = self.state.borrow_mut().timer.take();
        match timer {
            None => {}
            Some(Timer::KeepAlive | Timer::Linger) => self.close_and_tell(&engine, 0),
            Some(timer) => {
                self.state.borrow_mut().stage = Stage::Broken;
                self.update_interest(&engine);
                engine.batch().push(Record::Timeout, self.id, &[timer as u32]);
            }
        }
    }
}
