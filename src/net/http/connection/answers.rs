//! What waits to be sent → the socket: JavaScript's bytes, files, and answers that need no handler.

use super::*;
use crate::codec::http_files::refuse;
use std::sync::Arc;

impl Connection {
    /// Sends what the socket takes; where a file's bytes come from a disk, an I/O thread fetches them first.
    pub(super) fn flush(&self, engine: &Engine, state: &mut State) -> io::Result<()> {
        if state.cold {
            return Ok(());
        }
        let mut transport = self.transport.borrow_mut();
        let Some(transport) = &mut *transport else { return Ok(()) };
        // sendfile(2) sends in pieces of 64 KiB, a few bytes more than a segment of loopback holds: without a cork every other
        // segment is tiny, and the peer takes twice the time. A Unix socket has none, and needs none.
        if !state.corked && state.outbox.has_file() {
            state.corked = transport.set_corked(true);
        }
        let sent = state.outbox.flush(transport)?;
        if state.corked && (state.outbox.is_empty() || matches!(sent, Sent::Cold { .. })) {
            state.corked = false;
            transport.set_corked(false);
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
    pub(super) fn answer(
        &self,
        engine: &Engine,
        state: &mut State,
        head: &Answered,
        plan: Plan,
        file: Option<OwnedFd>,
    ) {
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

    /// An answer that JavaScript asked for waits for a file to be compressed.
    pub fn await_answer(&self, head: Answered, plan: Plan) {
        self.state.borrow_mut().awaited = Some((head, plan));
    }

    /// The file that is waited for is compressed, or cannot be read.
    pub fn compressed(&self, engine: &Engine, bytes: Option<&Arc<Vec<u8>>>) {
        let after = {
            let mut state = self.state.borrow_mut();
            let Some((head, plan)) = state.awaited.take() else { return };
            let plan = bytes.map(|bytes| plan.with_body(Arc::clone(bytes)));
            match (state.native, plan) {
                (true, plan) => self.answer_awaited(engine, &mut state, head, plan),
                (false, Some(plan)) => {
                    engine.lay_out(&mut state.outbox, &head, plan, None);
                    self.write(engine, &mut state)
                }
                // JavaScript has been told of another status.
                (false, None) => Err(io::Error::from_raw_os_error(5)),
            }
        };
        self.settle(engine, after);
    }

    fn answer_awaited(
        &self,
        engine: &Engine,
        state: &mut State,
        mut head: Answered,
        plan: Option<Plan>,
    ) -> io::Result<After> {
        head.keep_alive &= !state.peer_ended;
        self.answer(engine, state, &head, plan.unwrap_or_else(|| refuse(500, "")), None);
        match state.stage {
            Stage::Head if !state.inbox.is_empty() => self.parse_inbox(engine, state),
            _ => self.after_parse(engine, state),
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

    /// Queues a copy of `bytes` for the answer under way, which [`end_queue`](Self::end_queue) is to send. Returns whether
    /// these are the first since then.
    pub fn queue(&self, bytes: &[u8]) -> bool {
        let mut state = self.state.borrow_mut();
        if !matches!(state.stage, Stage::Busy { answered: false, .. })
            || state.finishing
            || state.stream.is_some()
        {
            return false;
        }
        state.outbox.push_copy(bytes);
        !std::mem::replace(&mut state.queued, true)
    }

    /// Sends what was queued, unless the socket is known to be full.
    pub fn send_queued(&self, engine: &Engine) {
        if self.interest.get().write {
            return;
        }
        let after = {
            let mut state = self.state.borrow_mut();
            self.write(engine, &mut state)
        };
        self.settle(engine, after);
    }

    /// The same, and what is queued from here on is the first again.
    pub fn end_queue(&self, engine: &Engine) {
        if std::mem::take(&mut self.state.borrow_mut().queued) {
            self.send_queued(engine);
            if self.pending() > 0 {
                engine.batch().push(Record::Pending, self.id, &[saturate(self.pending())]);
            }
        }
    }

    pub(super) fn write(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        if state.session.is_some() {
            self.flush(engine, state)?;
            return self.pump(engine, state);
        }
        let before = state.outbox.bytes();
        self.flush(engine, state)?;
        if state.stream.is_some() {
            self.send_events(engine, state)?;
        }
        if state.outbox.bytes() < before && !state.native {
            engine.batch().push(Record::Pending, self.id, &[saturate(state.outbox.bytes())]);
        }
        match self.finish_if_sent(engine, state) {
            Ok(After::Open) => self.go_on(engine, state),
            other => other,
        }
    }
}
