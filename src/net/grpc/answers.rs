//! What JavaScript asks of calls and connections, done.

use super::call::{Call, Carrier};
use super::command::{Command, Words};
use super::connection::State;
use super::engine::Engine;
use super::head;
use super::outgoing::Ended;
use super::packing;
use crate::codec::grpc::Coding;
use crate::net::h2::{Reason, StreamId};

impl Engine {
    /// Does what JavaScript asks, with one system call for each connection at the end.
    pub fn apply(&self, commands: &[Words], slab: &[u8], buffers: &[&[u8]]) {
        for &[kind, id, first, second] in commands {
            let bytes = || {
                let (start, length) = (first as usize, second as usize);
                slab.get(start..start.saturating_add(length)).unwrap_or_default()
            };
            let compress = kind & Command::UNCOMPRESSED == 0;
            match Command::from_word(kind) {
                Some(Command::Head) => self.send_head(id, bytes()),
                Some(Command::Message) => self.send_message(id, bytes(), compress),
                Some(Command::MessageBuffer) => {
                    if let Some(buffer) = buffers.get(first as usize) {
                        self.send_message(id, buffer, compress);
                    }
                }
                Some(Command::Status) => self.send_status(id, bytes()),
                Some(Command::Taken) => self.taken(id, first as usize),
                Some(Command::Drop) => self.forget_call(id),
                Some(Command::Drain) => self.with_connection(id, |state| {
                    state.is_draining = true;
                    state.h2.shutdown();
                }),
                Some(Command::Destroy) => self.destroy(id, Reason::from(first)),
                Some(Command::Ping) => self.with_connection(id, |state| {
                    // One is under way already: its answer is as good.
                    let _ = state.h2.ping();
                }),
                Some(Command::Start) => self.start(id, bytes()),
                Some(Command::HalfClose) => self.half_close(id),
                Some(Command::Cancel) => self.cancel(id),
                None => {}
            }
        }
        self.flush();
    }

    /// Gives what was written to the frame layer, and sends what comes of it.
    pub(super) fn flush(&self) {
        let written = self.writing.take();
        for &id in &written {
            let mut calls = self.calls.borrow_mut();
            let Some(call) = calls.get(id) else { continue };
            call.is_listed = false;
            let carrier = call.carrier;
            // One that waits for its stream is listed again when it has one.
            if matches!(carrier, Carrier::Waiting { .. } | Carrier::Gone) {
                continue;
            }
            // So is one that waits for what is compressed elsewhere.
            let ending = call.ending && call.lane.is_none();
            let bytes = call.take_out();
            drop(calls);
            if bytes.is_some() || ending {
                self.send_frames(carrier, bytes.unwrap_or_default(), ending);
            }
        }
        for id in self.touched.take() {
            if let Some(connection) = self.connection(id) {
                connection.state.borrow_mut().is_listed = false;
                connection.drive(self);
            }
        }
        // What left at once is told by no event.
        for id in written {
            let mut calls = self.calls.borrow_mut();
            if let Some(call) = calls.get(id)
                && let Carrier::Stream { connection, stream } = call.carrier
                && let Some(connection) = self.connection(connection)
            {
                let pending = connection.state.borrow().h2.pending(stream);
                call.progressed(id, pending, &self.config, &mut self.batch());
            }
        }
    }

    /// Asks something of a connection, which is driven when all is asked.
    pub(super) fn with_connection(&self, id: u32, ask: impl FnOnce(&mut State)) {
        if let Some(connection) = self.connection(id) {
            let state = &mut *connection.state.borrow_mut();
            ask(state);
            if !std::mem::replace(&mut state.is_listed, true) {
                self.touched.borrow_mut().push(id);
            }
        }
    }

    /// Ends a connection, and each of its calls with the same reason.
    fn destroy(&self, id: u32, reason: Reason) {
        self.with_connection(id, |state| {
            for (stream, call) in state.calls.drain() {
                state.h2.reset(StreamId(stream), reason);
                if state.outbound.is_some() {
                    self.failed(call, reason, Ended::WithConnection);
                } else {
                    self.cancelled(call, reason);
                }
            }
            // The resets go before the end.
            state.h2.poll();
            state.h2.abort(reason);
        });
    }

    fn send_head(&self, id: u32, metadata: &[u8]) {
        let Some((carrier, coding)) = self.calls.borrow_mut().get(id).and_then(|call| {
            (!std::mem::replace(&mut call.head_sent, true)).then_some((call.carrier, call.answers))
        }) else {
            return;
        };
        let head = head::response(metadata, coding);
        match carrier {
            Carrier::Stream { connection, stream } => self.with_connection(connection, |state| {
                state.h2.respond(stream, head, false);
            }),
            Carrier::Exchange(exchange) => self.exchange_head(exchange, head.into_parts().0.headers),
            Carrier::Waiting { .. } | Carrier::Gone => {}
        }
    }

    fn send_message(&self, id: u32, message: &[u8], compress: bool) {
        self.send_head(id, &[]);
        let mut calls = self.calls.borrow_mut();
        let Some(call) = calls.get(id) else { return };
        let coding = packing::coding_of(call.answers, compress, message.len(), &self.config);
        if call.lane.is_some() || packing::is_worth_it(coding, message.len()) {
            drop(calls);
            return self.pack(id, message, coding);
        }
        call.put(message, coding);
        self.list(id, call);
    }

    /// Gives what a call has to the frame layer with the next [`flush`](Self::flush).
    pub(super) fn list(&self, id: u32, call: &mut Call) {
        if !std::mem::replace(&mut call.is_listed, true) {
            self.writing.borrow_mut().push(id);
        }
    }

    /// Frames of messages behind the head.
    pub(super) fn send_frames(&self, carrier: Carrier, frames: Vec<u8>, ending: bool) {
        match carrier {
            Carrier::Stream { connection, stream } => self.with_connection(connection, |state| {
                // A stream that is over takes nothing; that is told.
                let _ = state.h2.send(stream, frames.into(), ending);
            }),
            Carrier::Exchange(exchange) => self.exchange_body(exchange, frames),
            Carrier::Waiting { .. } | Carrier::Gone => {}
        }
    }

    fn send_status(&self, id: u32, text: &[u8]) {
        let Some(mut call) = self.calls.borrow_mut().remove(id) else { return };
        let (carrier, ended) = (call.carrier, call.is_ended());
        if let Carrier::Stream { connection, stream } = carrier {
            self.with_connection(connection, |state| {
                state.calls.remove(&stream.0);
            });
        }
        let out = call.take_out().unwrap_or_default();
        if let Some(lane) = call.lane {
            if !out.is_empty() {
                self.send_frames(carrier, out, false);
            }
            lane.borrow_mut().finish(text, ended);
        } else if call.head_sent {
            self.end_answer(carrier, out, text, ended);
        } else {
            self.answer_with_status(carrier, call.answers, text, ended);
        }
    }

    /// The end of an answer whose head is sent: frames where there are some, and the trailers.
    pub(super) fn end_answer(&self, carrier: Carrier, frames: Vec<u8>, text: &[u8], ended: bool) {
        match carrier {
            Carrier::Stream { connection, stream } => self.with_connection(connection, |state| {
                if !frames.is_empty() {
                    state.h2.send(stream, frames.into(), false);
                }
                state.h2.finish(stream, Some(head::trailers(text)));
                if !ended {
                    state.h2.discard(stream);
                }
            }),
            Carrier::Exchange(exchange) => self.exchange_over(exchange, frames, &head::trailers(text)),
            // A client answers nothing.
            Carrier::Waiting { .. } | Carrier::Gone => {}
        }
    }

    /// All of an answer that has no message.
    fn answer_with_status(&self, carrier: Carrier, coding: Option<Coding>, text: &[u8], ended: bool) {
        match carrier {
            Carrier::Stream { connection, stream } => self.with_connection(connection, |state| {
                state.h2.respond(stream, head::trailers_only(text), true);
                if !ended {
                    state.h2.discard(stream);
                }
            }),
            Carrier::Exchange(exchange) => {
                // Its trailers are where they always are: not all clients look at its head.
                self.exchange_head(exchange, head::response(&[], coding).into_parts().0.headers);
                self.exchange_over(exchange, Vec::new(), &head::trailers(text));
            }
            // A client answers nothing.
            Carrier::Waiting { .. } | Carrier::Gone => {}
        }
    }

    /// JavaScript is done with a call that was cancelled.
    fn forget_call(&self, id: u32) {
        let lane = self.calls.borrow_mut().remove(id).and_then(|call| call.lane);
        if let Some(lane) = lane {
            lane.borrow_mut().abandon();
        }
    }

    fn taken(&self, id: u32, bytes: usize) {
        let mut calls = self.calls.borrow_mut();
        let Some(call) = calls.get(id) else { return };
        call.taken(id, bytes, &self.config, &mut self.batch());
        let carrier = call.carrier;
        let (answered, wants_data) = (call.is_answered(), call.wants_data());
        drop(calls);
        if answered {
            return self.answered(id);
        }
        match carrier {
            Carrier::Stream { connection, stream } if wants_data => {
                let credit = self.config.h2.credit;
                self.with_connection(connection, |state| state.h2.allow(stream, credit));
            }
            Carrier::Exchange(exchange) if wants_data => self.exchange_wanted(exchange, &mut self.batch()),
            _ => {}
        }
    }
}
