//! One connection: a socket, or the bytes that somebody else carries, and the HTTP/2 on it.

use super::engine::Engine;
use crate::net::h2::{self, Event, Reason};
use crate::net::reactor::{Interest, Readiness, Source, Token, Turn};
use crate::net::transport::Transport;
use std::cell::RefCell;
use std::collections::HashMap;
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
    /// Calls by their streams' numbers.
    pub calls: HashMap<u32, u32>,
    /// HTTP/2 is over: errno and reason.
    closing: Option<(u32, Reason)>,
    /// Calls that come now are refused: their client may send them elsewhere.
    pub is_draining: bool,
    /// It is in the list of those that are to be driven.
    pub is_listed: bool,
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
        let state =
            State { wire, h2, calls: HashMap::new(), closing: None, is_draining: false, is_listed: false };
        Self { id, engine, state: RefCell::new(state) }
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
                    }
                    event => engine.on_event(self.id, state, event),
                }
            }
            if state.h2.is_quiet() && !self.send(engine, state) {
                break;
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
        state.closing.get_or_insert((errno, Reason::INTERNAL_ERROR));
        self.close(engine, state);
    }

    fn watch(&self, engine: &Engine, state: &mut State) {
        let wants_input = state.h2.wants_input() && state.closing.is_none();
        let closing = state.closing.is_some();
        if let Wire::Socket { transport, token: Some(token), interest, unsent } = &mut state.wire {
            let waits = unsent.1 < unsent.0.len() || transport.waiting() > 0;
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
        for (_, call) in state.calls.drain() {
            engine.cancelled(call, reason);
        }
        engine.gone(self.id, errno, reason);
    }
}

impl Source for Connection {
    fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
        let Some(engine) = self.engine.upgrade() else { return };
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
    }

    fn expired(&self, _turn: &mut Turn<'_>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let state = &mut *self.state.borrow_mut();
        self.close_now(&engine, state);
    }
}
