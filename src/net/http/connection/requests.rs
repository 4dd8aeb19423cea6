//! Bytes from the peer → requests in the batch.

use super::*;

impl Connection {
    pub(super) fn parse_inbox(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        if state.inbox.is_empty() {
            return Ok(After::Open);
        }
        let mut inbox = std::mem::take(&mut state.inbox);
        let taken = self.parse(engine, state, &inbox);
        inbox.drain(..taken);
        state.inbox = inbox;
        self.after_parse(engine, state)
    }

    pub(super) fn after_parse(&self, engine: &Engine, state: &mut State) -> io::Result<After> {
        match state.error.take() {
            Some(error) => Err(error),
            None => self.finish_if_sent(engine, state),
        }
    }

    /// Parses the start of `input`; returns how many bytes are done with.
    pub(super) fn parse(&self, engine: &Engine, state: &mut State, input: &[u8]) -> usize {
        let batch = &mut *engine.batch();
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match state.stage {
                Stage::Lingering => return input.len(),
                Stage::Handshake { .. }
                | Stage::Broken
                | Stage::Deciding
                | Stage::Http2
                | Stage::Busy { complete: true, .. } => return at,
                Stage::Head if rest.is_empty() && state.decoder.is_between_requests() => return at,
                Stage::Raw | Stage::Busy { .. } if state.paused => return at,
                Stage::Busy { .. } if state.upload.as_ref().is_some_and(|upload| upload.full) => return at,
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
                    let data = &rest[skip..skip + len];
                    match &mut state.upload {
                        Some(upload) => {
                            upload.feed(data);
                            state.fed += len as u64;
                        }
                        None => batch.data(self.id, data),
                    }
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

    pub(super) fn head(&self, engine: &Engine, state: &mut State, batch: &mut Batch, input: &[u8]) {
        let head = state.decoder.head();
        if let Some(answer) = engine.answer_file(head, input, self.id) {
            let answered = Answered {
                head_only: head.method_name() == "HEAD",
                keep_alive: head.keep_alive && engine.is_listening(),
            };
            // Takes the end, which has no bytes.
            let end = state.decoder.step(&[]);
            debug_assert_eq!(end, Ok(Step::End(0)));
            match answer {
                FileAnswer::Ready(plan, file) => self.answer(engine, state, &answered, plan, file),
                FileAnswer::Awaited(plan) => {
                    state.native = true;
                    state.stage = Stage::Busy { complete: true, answered: false };
                    state.awaited = Some((answered, plan));
                    self.set_timer(engine, state, None);
                }
            }
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

    pub(super) fn request_ended(&self, engine: &Engine, state: &mut State) {
        let Stage::Busy { answered, .. } = state.stage else { return };
        state.paused = false;
        state.upload = None;
        state.stage = Stage::Busy { complete: true, answered };
        if answered && state.outbox.is_empty() && state.awaited.is_none() {
            state.stage = Stage::Head;
            state.began = Instant::now();
            self.set_timer(engine, state, Some(Timer::KeepAlive));
        } else {
            self.set_timer(engine, state, None);
        }
    }
}
