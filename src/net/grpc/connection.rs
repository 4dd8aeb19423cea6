//! One connection: a socket, or the bytes that somebody else carries, and the HTTP/2 on it.

use super::engine::Engine;
use super::outgoing::Ended;
use crate::net::h2::{self, Event, Reason};
use crate::net::reactor::{Interest, Reactor, Readiness, Source, Token, Turn};
use crate::net::transport::Transport;
use http::Request;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::rc::Weak;
use std::time::{Duration, Instant};

/// How long a connection that is over may take to send its last frames.
const LINGER: Duration = Duration::from_secs(5);

/// Where bytes come from and go to.
enum Wire {
    Socket {
        transport: Transport,
        token: Option<Token>,
        interest: Interest,
        /// Frames that the socket did not take yet, and how many bytes of them it did.
        unsent: (Vec<u8>, usize),
    },
    /// Somebody else feeds it and takes what is to be sent; whether that one was told.
    Carried { told: bool },
}

pub(super) struct State {
    wire: Wire,
    pub h2: h2::Connection,
    /// Of a client's connection.
    pub outbound: Option<Outbound>,
    /// Calls by their streams' numbers.
    pub calls: HashMap<u32, u32>,
    /// HTTP/2 is over: errno and reason.
    closing: Option<(u32, Reason)>,
    /// Calls that come now are refused: their client may send them elsewhere.
    pub is_draining: bool,
    /// It is in the list of those that are to be driven.
    pub is_listed: bool,
    /// Its peer has a deadline for its preface.
    awaits_preface: bool,
    /// An HTTP server accepted it, which takes what is not gRPC's on other connections.
    pub is_adopted: bool,
}

/// What a client's connection has.
pub(super) struct Outbound {
    /// The system has not said whether the server is there.
    connecting: bool,
    /// The server has said that it speaks HTTP/2.
    greeted: bool,
    /// It keeps the event loop alive.
    referenced: bool,
    /// Calls that wait for a stream, and what they begin with.
    pub waiting: VecDeque<(u32, Request<()>)>,
    /// Why it ended, in words.
    why: String,
}

impl Outbound {
    pub fn new(connecting: bool) -> Self {
        Self { connecting, greeted: false, referenced: true, waiting: VecDeque::new(), why: String::new() }
    }
}

impl State {
    /// The server is there: it has as long as it likes from now on.
    pub fn greeted(&mut self, reactor: &Reactor) {
        if let Some(outbound) = &mut self.outbound {
            outbound.greeted = true;
        }
        if let Wire::Socket { token: Some(token), .. } = &self.wire {
            reactor.set_deadline(*token, None);
        }
    }
}

pub(super) struct Connection {
    id: u32,
    engine: Weak<Engine>,
    pub state: RefCell<State>,
}

impl Connection {
    pub fn new(id: u32, engine: Weak<Engine>, transport: Option<Transport>, h2: h2::Connection) -> Self {
        let wire = match transport {
            Some(transport) => {
                Wire::Socket { transport, token: None, interest: Interest::READ, unsent: (Vec::new(), 0) }
            }
            None => Wire::Carried { told: false },
        };
        let state = State {
            wire,
            h2,
            outbound: None,
            calls: HashMap::new(),
            closing: None,
            is_draining: false,
            is_listed: false,
            awaits_preface: false,
            is_adopted: false,
        };
        Self { id, engine, state: RefCell::new(state) }
    }

    /// A client's.
    pub fn outbound(
        id: u32,
        engine: Weak<Engine>,
        transport: Option<Transport>,
        h2: h2::Connection,
        outbound: Outbound,
    ) -> Self {
        let mut connection = Self::new(id, engine, transport, h2);
        let state = connection.state.get_mut();
        state.outbound = Some(outbound);
        if let Wire::Socket { interest, .. } = &mut state.wire {
            // So the system tells whether it came about.
            *interest = Interest::WRITE;
        }
        connection
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    /// Runs `work` with its socket, where it has one.
    pub fn with_socket<R>(&self, work: impl FnOnce(&OwnedFd) -> R) -> Option<R> {
        match &self.state.borrow().wire {
            Wire::Socket { transport, .. } => Some(work(transport.socket())),
            Wire::Carried { .. } => None,
        }
    }

    pub fn registered(&self, at: Token) {
        if let Wire::Socket { token, .. } = &mut self.state.borrow_mut().wire {
            *token = Some(at);
        }
    }

    /// Closes it unless its peer says its preface by then.
    pub fn expect_preface(&self, reactor: &Reactor, within: Duration) {
        let state = &mut *self.state.borrow_mut();
        if let Wire::Socket { token: Some(token), .. } = &state.wire {
            state.awaits_preface = true;
            reactor.set_deadline(*token, Some(Instant::now() + within));
        }
    }

    pub fn token(&self) -> Option<Token> {
        match &self.state.borrow().wire {
            Wire::Socket { token, .. } => *token,
            Wire::Carried { .. } => None,
        }
    }

    /// Bytes that somebody else carried here; none are the peer's end. Returns whether more are wanted now.
    pub fn feed(&self, engine: &Engine, bytes: &[u8]) -> bool {
        {
            let state = &mut *self.state.borrow_mut();
            if bytes.is_empty() {
                state.h2.feed_end();
            } else {
                state.h2.feed(bytes, Instant::now());
            }
        }
        self.drive(engine);
        engine.flush();
        self.state.borrow().h2.wants_input()
    }

    pub fn wants_input(&self) -> bool {
        self.state.borrow().h2.wants_input()
    }

    /// Frames for somebody else to carry.
    pub fn take_output(&self, engine: &Engine) -> Vec<u8> {
        let bytes = {
            let state = &mut *self.state.borrow_mut();
            state.wire = Wire::Carried { told: false };
            state.h2.take_output()
        };
        self.drive(engine);
        bytes
    }

    /// Works off what came and what was asked for, and sends what comes of it.
    pub fn drive(&self, engine: &Engine) {
        let state = &mut *self.state.borrow_mut();
        loop {
            state.h2.poll();
            while let Some(event) = state.h2.next_event() {
                match event {
                    Event::Closed(closed) => {
                        let errno = state.closing.map_or(0, |(errno, _)| errno);
                        state.closing = Some((errno, closed.reason));
                        if let Some(outbound) = &mut state.outbound {
                            outbound.why = closed.message;
                        }
                    }
                    event => engine.on_event(self.id, state, event),
                }
            }
            if state.h2.is_quiet() && !self.send(engine, state) {
                break;
            }
        }
        if state.awaits_preface && state.h2.is_greeted() {
            state.awaits_preface = false;
            if let Wire::Socket { token: Some(token), .. } = &state.wire {
                engine.reactor().set_deadline(*token, None);
            }
        }
        self.watch(engine, state);
        if state.closing.is_some() && !state.h2.has_output() {
            self.close(engine, state);
        }
    }

    /// Returns whether bytes left and the frame layer may go on.
    fn send(&self, engine: &Engine, state: &mut State) -> bool {
        match &mut state.wire {
            Wire::Carried { told } => {
                if state.h2.has_output() && !std::mem::replace(told, true) {
                    engine.output(self.id);
                }
                false
            }
            Wire::Socket { .. } if state.outbound.as_ref().is_some_and(|outbound| outbound.connecting) => {
                false
            }
            Wire::Socket { transport, unsent, .. } => {
                if unsent.1 == unsent.0.len() {
                    *unsent = (state.h2.take_output(), 0);
                }
                let mut sent = false;
                while unsent.1 < unsent.0.len() {
                    match transport.write(&[IoSlice::new(&unsent.0[unsent.1..])]) {
                        Ok(0) => return false,
                        Ok(count) => {
                            unsent.1 += count;
                            sent = true;
                        }
                        Err(error) => {
                            self.fail(engine, state, error);
                            return false;
                        }
                    }
                }
                sent
            }
        }
    }

    /// The socket is of no use any more.
    fn fail(&self, engine: &Engine, state: &mut State, error: io::Error) {
        let errno = error.raw_os_error().unwrap_or_default().unsigned_abs();
        if let Some(outbound) = &mut state.outbound {
            outbound.why = error.to_string();
        }
        state.closing.get_or_insert((errno, Reason::INTERNAL_ERROR));
        // What it did not take will not leave any more, also of a connection that was about to close.
        self.close_now(engine, state);
    }

    fn watch(&self, engine: &Engine, state: &mut State) {
        let wants_input = state.h2.wants_input() && state.closing.is_none();
        let closing = state.closing.is_some();
        if let (Some(outbound), Wire::Socket { token: Some(token), .. }) = (&mut state.outbound, &state.wire)
        {
            if outbound.connecting {
                return;
            }
            let busy = !outbound.greeted || !state.calls.is_empty() || !outbound.waiting.is_empty();
            if std::mem::replace(&mut outbound.referenced, busy) != busy {
                engine.reactor().set_referenced(*token, busy);
            }
        }
        if let Wire::Socket { transport, token: Some(token), interest, unsent } = &mut state.wire {
            let held = unsent.1 < unsent.0.len() && transport.is_established();
            let waits = held || transport.waiting() > 0;
            let wanted = Interest { read: wants_input, write: waits };
            if wanted != *interest && engine.reactor().set_interest(*token, &*transport, wanted).is_ok() {
                *interest = wanted;
            }
            if closing && waits {
                engine.reactor().set_deadline(*token, Some(Instant::now() + LINGER));
            }
        }
    }

    /// Closes the socket, unless frames are still to be sent; calls that are open are cancelled.
    fn close(&self, engine: &Engine, state: &mut State) {
        if let Wire::Socket { unsent, transport, .. } = &state.wire
            && (unsent.1 < unsent.0.len() || transport.waiting() > 0)
            && state.closing.is_some_and(|(errno, _)| errno == 0)
        {
            return; // closed when it is sent, or by the deadline
        }
        self.close_now(engine, state);
    }

    pub fn close_now(&self, engine: &Engine, state: &mut State) {
        let (errno, reason) = state.closing.unwrap_or((0, Reason::CANCEL));
        if let Wire::Socket { transport, token, .. } = &mut state.wire
            && let Some(token) = token.take()
        {
            engine.reactor().deregister(token, &*transport);
            // The turn may still hold the descriptor; the peer is told now. It is gone already otherwise.
            let _ = transport.end();
        }
        let calls = std::mem::take(&mut state.calls);
        if let Some(outbound) = &state.outbound {
            let why = outbound.why.clone();
            calls.into_values().for_each(|call| engine.failed(call, reason, Ended::WithConnection));
            engine.refuse_waiting(state);
            engine.lost(self.id, errno, reason, &why);
            return;
        }
        calls.into_values().for_each(|call| engine.cancelled(call, reason));
        engine.gone(self.id, errno, reason);
    }
}

impl Connection {
    /// Asks the system once whether a client's connection came about.
    fn finish_connecting(&self) -> io::Result<()> {
        let state = &mut *self.state.borrow_mut();
        if let (Some(outbound), Wire::Socket { transport, .. }) = (&mut state.outbound, &state.wire)
            && std::mem::replace(&mut outbound.connecting, false)
        {
            rustix::net::sockopt::socket_error(transport)??;
        }
        Ok(())
    }
}

impl Source for Connection {
    fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
        let Some(engine) = self.engine.upgrade() else { return };
        if let Err(error) = self.finish_connecting() {
            return self.fail(&engine, &mut self.state.borrow_mut(), error);
        }
        if readiness.writable {
            let state = &mut *self.state.borrow_mut();
            if let Wire::Socket { transport, .. } = &mut state.wire
                && let Err(error) = transport.flush()
            {
                return self.fail(&engine, state, error);
            }
        }
        if readiness.readable {
            let state = &mut *self.state.borrow_mut();
            let now = turn.now();
            let Wire::Socket { transport, .. } = &mut state.wire else { return };
            match transport.read(turn) {
                Ok([]) => {
                    state.h2.feed_end();
                    // What is open is over: nobody is there to be answered.
                    state.closing.get_or_insert((0, Reason::NO_ERROR));
                }
                Ok(bytes) => {
                    state.h2.feed(bytes, now);
                    // The end of a TLS session comes with its last bytes.
                    if transport.take_end() {
                        state.h2.feed_end();
                        state.closing.get_or_insert((0, Reason::NO_ERROR));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return self.fail(&engine, state, error),
            }
        }
        self.drive(&engine);
        // Calls that waited for a stream may have found one.
        engine.flush();
    }

    fn expired(&self, _turn: &mut Turn<'_>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let state = &mut *self.state.borrow_mut();
        if state.outbound.as_ref().is_some_and(|outbound| !outbound.greeted) {
            return self.fail(&engine, state, rustix::io::Errno::TIMEDOUT.into());
        }
        self.close_now(&engine, state);
    }
}
