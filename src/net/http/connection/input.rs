//! What comes from the peer: its bytes, its end, and the turn of its next request.

use super::*;
use crate::codec::http1::{Fault, FaultCode};

impl Connection {
    /// Begins with the next request, where this one is over: it came, was answered, and the answer was sent. So a peer
    /// that asks and does not read gets one answer.
    pub(super) fn go_on(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        let busy = state.stage != (Stage::Busy { complete: true, answered: true });
        if busy || !state.outbox.is_empty() || state.awaited.is_some() {
            return Ok(After::Open);
        }
        state.stage = Stage::Head;
        state.paused = false;
        state.native = false;
        state.began = Instant::now();
        if state.inbox.is_empty() {
            if state.peer_ended || state.end_behind {
                return Ok(After::Close(0));
            }
            self.set_timer(engine, state, Some(Timer::KeepAlive));
            return Ok(After::Open);
        }
        self.set_timer(engine, state, Some(Timer::Headers));
        self.parse_inbox(engine, state)
    }

    pub(super) fn read(&self, engine: &Engine, state: &mut State, turn: &mut Turn<'_>) -> io::Result<After> {
        let now = turn.now();
        let read = match &mut *self.transport.borrow_mut() {
            Some(transport) => {
                let read = transport.read(turn);
                state.outbox.count_held(transport);
                self.shake_hands(engine, state, transport);
                read
            }
            None => return Ok(After::Open),
        };
        let bytes = match read {
            Ok([]) => return Ok(self.peer_end(engine, state)),
            Ok(bytes) => &*bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(After::Open),
            Err(error) => return Err(error),
        };
        let http2 = self.read_http2(engine, state, bytes, now);
        if http2.is_none() && state.timer == Some(Timer::KeepAlive) {
            state.began = now;
            self.set_timer(engine, state, Some(Timer::Headers));
        }
        let outcome = if let Some(after) = http2 {
            after
        } else if state.inbox.is_empty() {
            let taken = self.parse(engine, state, bytes);
            if taken < bytes.len() {
                state.inbox.extend_from_slice(&bytes[taken..]);
            }
            self.after_parse(engine, state)
        } else {
            state.inbox.extend_from_slice(bytes);
            self.parse_inbox(engine, state)
        };
        match outcome {
            Ok(After::Open) if self.takes_end() => match state.stage {
                // As on a plain socket, where it would come in a later turn: what came before it is answered.
                Stage::Busy { complete: true, .. } => {
                    state.end_behind = true;
                    Ok(After::Open)
                }
                _ => Ok(self.peer_end(engine, state)),
            },
            other => other,
        }
    }

    pub(super) fn peer_end(&self, engine: &Engine, state: &mut State) -> After {
        state.peer_ended = true;
        match state.stage {
            Stage::Lingering | Stage::Handshake { .. } => return After::Close(0),
            Stage::Http2 => return self.pump_end(engine, state),
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
            // Nobody else is concerned: the answer is the last one.
            Stage::Busy { .. } if state.native && state.awaited.is_some() => {}
            Stage::Busy { .. } | Stage::Deciding | Stage::Raw | Stage::Broken => {
                engine.batch().push(Record::PeerEnd, self.id, &[]);
            }
        }
        After::Open
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
}
