//! Calls of a client.

use super::batch::Record;
use super::call::{Call, Carrier};
use super::connection::State;
use super::engine::Engine;
use super::head;
use crate::codec::grpc::Coding;
use crate::net::h2::{Event, OpenError, Reason, StreamId};

/// Who ended a call, as [`Record::Reset`] says it.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(super) enum Ended {
    ByPeer = 0,
    WithConnection = 1,
    BeforeItBegan = 2,
}

/// The trailers of a call were told: its stream ends from our side, too.
fn end_stream(state: &mut State, stream: StreamId) {
    state.calls.remove(&stream.0);
    if state.h2.pending(stream) > 0 {
        // The server wants none of it.
        state.h2.reset(stream, Reason::CANCEL);
    } else {
        state.h2.finish(stream, None);
    }
}

impl Engine {
    // Up.

    pub(super) fn on_outbound_event(&self, connection: u32, state: &mut State, event: Event) {
        let Some(StreamId(number)) = event.stream() else {
            return match event {
                Event::Greeted => {
                    state.greeted(self.reactor());
                    self.batch().push(Record::Greeted, connection, &[]);
                }
                Event::Leaving => {
                    self.batch().push(Record::Leaving, connection, &[]);
                    self.refuse_waiting(state);
                }
                Event::Ready => self.open_waiting(state),
                Event::Pong => self.batch().push(Record::Pong, connection, &[]),
                _ => {}
            };
        };
        let Some(&id) = state.calls.get(&number) else { return };
        if let Event::Reset { reason, remote, .. } = event {
            state.calls.remove(&number);
            // A server that leaves in order has not looked at the calls that it does not name.
            let refused = remote && reason == Reason::NO_ERROR;
            let ended = if state.h2.is_closed() && !refused { Ended::WithConnection } else { Ended::ByPeer };
            self.failed(id, if refused { Reason::REFUSED_STREAM } else { reason }, ended);
            return;
        }
        let batch = &mut *self.batch();
        let config = &self.config;
        let mut calls = self.calls.borrow_mut();
        let Some(call) = calls.get(id) else { return };
        match event {
            Event::Response { head, end: false, .. } => {
                let compresses = call.answers.is_some();
                if let Some(answer) = &mut call.answer {
                    let coding = answer.head(id, head.status, &head.headers, compresses, batch);
                    call.set_coding(coding);
                }
            }
            Event::Response { head, end: true, .. } => {
                if let Some(answer) = &mut call.answer {
                    answer.end(Some(head.status), Some(&head.headers));
                }
                call.end(id, config, batch);
            }
            Event::Data { stream, data, credit } => {
                call.receive(id, data, config, batch);
                if call.wants_data() && credit < config.h2.credit / 2 {
                    state.h2.allow(stream, config.h2.credit);
                }
            }
            Event::End { trailers, .. } => {
                if let Some(answer) = &mut call.answer {
                    answer.end(None, trailers.as_ref());
                }
                call.end(id, config, batch);
            }
            Event::Sent { pending, .. } => call.progressed(id, pending, config, batch),
            _ => {}
        }
        if call.is_answered() {
            drop(calls.take(id));
            end_stream(state, StreamId(number));
        }
    }

    /// JavaScript took so much of a call that its trailers were told.
    pub(super) fn answered(&self, id: u32) {
        let taken = self.calls.borrow_mut().take(id).map(|call| call.carrier);
        if let Some(Carrier::Stream { connection, stream }) = taken {
            self.with_connection(connection, |state| end_stream(state, stream));
        }
    }

    /// A call's stream is gone before its time.
    pub(super) fn failed(&self, id: u32, reason: Reason, ended: Ended) {
        let mut calls = self.calls.borrow_mut();
        let Some(call) = calls.get(id) else { return };
        if call.is_ended() {
            // All of the answer is here: JavaScript takes it without the stream.
            call.carrier = Carrier::Gone;
            return;
        }
        drop(calls.take(id));
        self.batch().push(Record::Reset, id, &[reason.into(), ended as u32]);
    }

    fn open_waiting(&self, state: &mut State) {
        while let Some(outbound) = &mut state.outbound
            && let Some((id, request)) = outbound.waiting.pop_front()
        {
            if !self.open_stream(id, request, state) {
                return;
            }
        }
    }

    /// The server takes no more calls: those that it has not heard of are somebody else's.
    pub(super) fn refuse_waiting(&self, state: &mut State) {
        let Some(outbound) = &mut state.outbound else { return };
        for (id, _) in std::mem::take(&mut outbound.waiting) {
            self.failed(id, Reason::REFUSED_STREAM, Ended::BeforeItBegan);
        }
    }

    /// Opens a call's stream. Returns whether there was room; it waits where there was none.
    fn open_stream(&self, id: u32, request: http::Request<()>, state: &mut State) -> bool {
        let State { h2, calls: streams, outbound: Some(outbound), .. } = state else { return true };
        let opened = match h2.can_open() {
            Ok(()) => h2.open(request, false),
            Err(OpenError::Full) => {
                outbound.waiting.push_front((id, request));
                return false;
            }
            Err(error) => Err(error),
        };
        match opened {
            Ok(stream) => {
                streams.insert(stream.0, id);
                if let Some(call) = self.calls.borrow_mut().get(id) {
                    if let Carrier::Waiting { connection } = call.carrier {
                        call.carrier = Carrier::Stream { connection, stream };
                    }
                    if !std::mem::replace(&mut call.is_listed, true) {
                        self.writing.borrow_mut().push(id);
                    }
                }
            }
            Err(OpenError::Invalid(_)) => self.failed(id, Reason::INTERNAL_ERROR, Ended::BeforeItBegan),
            Err(OpenError::Closing | OpenError::Full) => {
                self.failed(id, Reason::REFUSED_STREAM, Ended::BeforeItBegan);
            }
        }
        true
    }

    // Down.

    pub(super) fn start(&self, id: u32, text: &[u8]) {
        let Some(head::Start { connection, coding, request }) = head::start(text) else {
            self.batch().push(
                Record::Reset,
                id,
                &[Reason::INTERNAL_ERROR.into(), Ended::BeforeItBegan as u32],
            );
            return;
        };
        let call = Call::outgoing(connection, Coding::from_name(coding), &self.config);
        self.calls.borrow_mut().put(id, call);
        let mut begun = false;
        self.with_connection(connection, |state| {
            begun = true;
            let waits = state.outbound.as_ref().is_some_and(|outbound| !outbound.waiting.is_empty());
            match &mut state.outbound {
                Some(outbound) if waits => outbound.waiting.push_back((id, request)),
                _ => drop(self.open_stream(id, request, state)),
            }
        });
        if !begun {
            self.failed(id, Reason::REFUSED_STREAM, Ended::BeforeItBegan);
        }
    }

    pub(super) fn half_close(&self, id: u32) {
        if let Some(call) = self.calls.borrow_mut().get(id) {
            call.ending = true;
            if !std::mem::replace(&mut call.is_listed, true) {
                self.writing.borrow_mut().push(id);
            }
        }
    }

    pub(super) fn cancel(&self, id: u32) {
        // One that is over has said so, and its number is free by that.
        let Some(call) = self.calls.borrow_mut().take(id) else { return };
        match call.carrier {
            Carrier::Waiting { connection } => self.with_connection(connection, |state| {
                if let Some(outbound) = &mut state.outbound {
                    outbound.waiting.retain(|(waiting, _)| *waiting != id);
                }
            }),
            Carrier::Stream { connection, stream } => self.with_connection(connection, |state| {
                state.calls.remove(&stream.0);
                state.h2.reset(stream, Reason::CANCEL);
            }),
            Carrier::Exchange(_) | Carrier::Gone => {}
        }
        self.batch().push(Record::Freed, id, &[]);
    }
}
