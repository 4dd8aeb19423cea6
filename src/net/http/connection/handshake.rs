//! The TLS handshake before the first request, and its end.

use super::*;
use crate::net::transport::tls::{Context, SessionFacts};
use std::sync::Arc;

impl Connection {
    /// Tells what the bytes that were read came to for the handshake.
    pub(super) fn shake_hands(&self, engine: &Engine, state: &mut State, transport: &Transport) {
        let (Stage::Handshake { asked: false }, Some(session)) = (state.stage, transport.session()) else {
            return;
        };
        if session.is_established() {
            state.stage = Stage::Head;
            state.began = Instant::now();
            self.set_timer(engine, state, Some(Timer::Headers));
            engine.batch().secure(self.id, session);
        } else if let Some(hello) = session.asks() {
            state.stage = Stage::Handshake { asked: true };
            engine.batch().hello(self.id, hello);
        }
    }

    /// What JavaScript chose for a client that waits; without a choice it is what is there for all.
    pub fn choose(&self, engine: &Engine, context: Option<Arc<Context>>, alpn: Option<Vec<u8>>) {
        let after = {
            let mut state = self.state.borrow_mut();
            if state.stage != (Stage::Handshake { asked: true }) {
                return;
            }
            state.stage = Stage::Handshake { asked: false };
            match &mut *self.transport.borrow_mut() {
                Some(transport) => {
                    let chosen = transport.choose(context, alpn);
                    state.outbox.count_held(transport);
                    chosen.map(|()| After::Open)
                }
                None => return,
            }
        };
        self.settle(engine, after);
    }

    /// Whether the peer's end came with what was read last.
    pub(super) fn takes_end(&self) -> bool {
        self.transport.borrow_mut().as_mut().is_some_and(Transport::take_end)
    }

    /// Closes for that reason, and tells JavaScript.
    pub(super) fn fail(&self, engine: &Engine, error: &io::Error) {
        let fault = TlsFault::of(error);
        if let Some(fault) = fault
            && self.transport.borrow().is_some()
        {
            engine.batch().tls_fault(self.id, fault);
        }
        let errno = error.raw_os_error().unwrap_or(if fault.is_some() { 0 } else { 5 });
        self.close_and_tell(engine, errno);
    }

    /// What the handshake came to, and the peer's certificates in DER.
    pub fn session(&self) -> Option<(SessionFacts, Vec<Vec<u8>>)> {
        let transport = self.transport.borrow();
        let session = transport.as_ref()?.session()?;
        let certificates = session.peer_certificates().iter().map(|one| one.to_vec()).collect();
        Some((session.facts()?, certificates))
    }
}
