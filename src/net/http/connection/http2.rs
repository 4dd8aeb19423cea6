//! Bytes of a connection that speaks HTTP/2, and commands for its streams.

use super::*;
use crate::net::h2::{Event, Handover, PREFACE, Reason, StreamId};
use crate::net::http::http2::{Session, Work};
use std::sync::Arc;

/// Bytes that a connection sends before others have their turn.
const TURN_BYTES: usize = 1 << 20;

/// What a connection's first bytes are.
enum First {
    Http1,
    Http2,
    /// It takes more to tell.
    Unknown,
}

fn look_at(bytes: &[u8]) -> First {
    let common = bytes.len().min(PREFACE.len());
    match bytes[..common] == PREFACE[..common] {
        false => First::Http1,
        true if common == PREFACE.len() => First::Http2,
        true => First::Unknown,
    }
}

impl Connection {
    /// Takes bytes that are, or may become, HTTP/2's. Returns nothing where they are HTTP/1's.
    pub(super) fn read_http2(
        &self,
        engine: &Engine,
        state: &mut State,
        bytes: &[u8],
        now: Instant,
    ) -> Option<io::Result<After>> {
        if let Some(session) = &mut state.session {
            session.feed(bytes, now);
            return Some(self.pump(engine, state));
        }
        if !state.is_new {
            return None;
        }
        let Some(config) = engine.config().http2 else {
            state.is_new = false;
            return None;
        };
        // At most the first bytes of a preface wait.
        let mut first = std::mem::take(&mut state.inbox);
        first.extend_from_slice(bytes);
        match look_at(&first) {
            First::Unknown => {
                state.inbox = first;
                Some(Ok(After::Open))
            }
            First::Http1 => {
                first.truncate(first.len() - bytes.len());
                state.inbox = first;
                state.is_new = false;
                None
            }
            First::Http2 => {
                state.is_new = false;
                state.stage = Stage::Http2;
                let mut session = Session::new(self.id, config, now);
                session.feed(&first, now);
                state.session = Some(session);
                engine.batch().push(Record::Http2, self.id, &[]);
                let after = self.pump(engine, state);
                self.look_again(engine, state, now);
                Some(after)
            }
        }
    }

    /// Has the session work, and sends what it gives, as far as the socket takes it.
    pub(super) fn pump(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        let mut sent = 0;
        let was_idle = state.session.as_ref().is_some_and(|session| session.is_idle());
        loop {
            let Some(session) = &mut state.session else { return Ok(After::Open) };
            let work = session.work(engine);
            if let Work::HandOver(first) = work {
                return Ok(self.hand_over(engine, state, first));
            }
            if let Work::Closed(closed) = work {
                let session = state.session.take();
                if let Some(mut session) = session {
                    state.outbox.push(session.take_output());
                    session.close(engine, true);
                }
                if closed.reason != Reason::NO_ERROR && !closed.message.is_empty() && !state.peer_ended {
                    engine.batch().session_fault(self.id, closed.reason.into(), &closed.message);
                }
                state.finishing = true;
                state.stage = Stage::Lingering;
                self.flush(engine, state)?;
                return self.finish_if_sent(engine, state);
            }
            if !state.outbox.is_empty() {
                self.flush(engine, state)?;
            }
            if !state.outbox.is_empty() || !session_has_output(state) || sent >= TURN_BYTES {
                break;
            }
            if let Some(session) = &mut state.session {
                let output = session.take_output();
                sent += output.len();
                state.outbox.push(output);
            }
            self.flush(engine, state)?;
        }
        if was_idle != state.session.as_ref().is_some_and(|session| session.is_idle()) {
            self.look_again(engine, state, Instant::now());
        }
        Ok(After::Open)
    }

    /// The connection is gRPC's from now on. What was framed and not sent goes with it.
    fn hand_over(&self, engine: &Engine, state: &mut State, first: Event) -> After {
        let transport = self.transport.borrow_mut().take();
        if let (Some(session), Some(transport)) = (state.session.take(), transport) {
            if let Some(token) = self.token.take() {
                engine.reactor().deregister(token, &transport);
            }
            engine.hand_over(Handover { transport, h2: session.into_connection(), first });
            engine.batch().push(Record::Closed, self.id, &[0]);
        }
        After::Open
    }

    /// The peer sends no more: its streams are over.
    pub(super) fn pump_end(&self, engine: &Engine, state: &mut State) -> After {
        if let Some(session) = &mut state.session {
            session.feed_end();
        }
        match self.pump(engine, state) {
            Ok(after) => after,
            Err(error) => After::Close(error.raw_os_error().unwrap_or(5)),
        }
    }

    /// Sets the time for the session's next look at its limits.
    fn look_again(&self, engine: &Engine, state: &mut State, now: Instant) {
        let Some(session) = &state.session else { return };
        let at = session.look_again(engine, now);
        state.timer = at.map(|_| Timer::Http2);
        if let Some(token) = self.token.get() {
            engine.reactor().set_deadline(token, at);
        }
    }

    /// The session's time has come.
    pub(super) fn look(&self, engine: &Engine, now: Instant) {
        let after = {
            let mut state = self.state.borrow_mut();
            let Some(session) = &mut state.session else { return };
            session.look(engine, now);
            let after = self.pump(engine, &mut state);
            self.look_again(engine, &mut state, now);
            after
        };
        self.settle(engine, after);
    }

    /// Does something with the session; [`go_on_http2`](Self::go_on_http2) is to follow.
    pub fn with_session<T>(&self, act: impl FnOnce(&mut Session) -> T) -> Option<T> {
        self.state.borrow_mut().session.as_mut().map(|session| act(session))
    }

    /// Sends what was asked of the session.
    pub fn go_on_http2(&self, engine: &Engine) {
        let after = self.pump(engine, &mut self.state.borrow_mut());
        self.settle(engine, after);
    }

    /// A file's next `bytes` of a stream are in memory now.
    pub fn warmed_stream(&self, engine: &Engine, stream: StreamId, bytes: u64) {
        self.with_session(|session| session.warmed(stream, bytes));
        self.go_on_http2(engine);
    }

    /// The file that a stream waits for is compressed, or cannot be read.
    pub fn compressed_stream(&self, engine: &Engine, stream: StreamId, bytes: Option<&Arc<Vec<u8>>>) {
        self.with_session(|session| session.compressed(engine, stream, bytes));
        self.go_on_http2(engine);
    }

    /// The inbox that a stream's body goes to has room again, or had.
    pub fn room_stream(&self, engine: &Engine, stream: StreamId) {
        self.with_session(|session| session.room(stream));
        self.go_on_http2(engine);
    }

    /// Ends in order, where it speaks HTTP/2: GOAWAY, and open streams go on. Returns whether it does.
    pub fn go_away(&self, engine: &Engine) -> bool {
        let speaks = self.with_session(|session| session.shutdown()).is_some();
        if speaks {
            self.go_on_http2(engine);
        }
        speaks
    }
}

fn session_has_output(state: &State) -> bool {
    state.session.as_ref().is_some_and(|session| session.has_output())
}
