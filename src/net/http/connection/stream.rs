//! A response that became an event stream.

use super::super::events::{EventRoute, Frames, reset_event};
use super::*;
use crate::net::hub::{Event, Frame, Gap, SlowPolicy, chunk};
use crate::net::transport::MOST_SLICES;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// What waits for a client beyond what its connection's outbox has: whole events, so that they can be dropped.
pub(super) struct EventStream {
    route: Rc<EventRoute>,
    chunked: bool,
    queue: VecDeque<Waiting>,
    bytes: usize,
    /// The route's list has it.
    touched: bool,
    /// The last event that was queued for it, or what the client named.
    last_id: LastId,
}

enum LastId {
    Named(Box<str>),
    Sent(Arc<Event>),
}

/// An event that waits; one of ours without what it is about.
struct Waiting {
    frame: Frame,
    event: Option<Arc<Event>>,
}

/// What became of an event that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Made,
    /// The new one is dropped.
    None,
    /// The client is disconnected.
    Overflow,
}

impl EventStream {
    /// Bytes of whole events that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn push(&mut self, id: u32, frame: Frame, event: Option<Arc<Event>>) {
        self.bytes += frame.len();
        self.queue.push_back(Waiting { frame, event });
        if !std::mem::replace(&mut self.touched, true) {
            self.route.touched.borrow_mut().push(id);
        }
    }

    fn take_out(&mut self, at: usize) {
        if let Some(waiting) = self.queue.remove(at) {
            self.bytes -= waiting.frame.len();
            self.route.dropped.set(self.route.dropped.get() + 1);
        }
    }

    /// Makes room for `bytes`, with `outside` bytes in the connection that are out of reach.
    fn make_room(&mut self, event: Option<&Event>, bytes: usize, outside: usize) -> Room {
        let options = self.route.options;
        if options.policy == SlowPolicy::KeepLatest
            && let Some(event) = event.filter(|event| event.key().is_some())
        {
            let same = |other: &Event| other.key() == event.key() && other.topic() == event.topic();
            let at = self.queue.iter().position(|one| one.event.as_deref().is_some_and(same));
            at.into_iter().for_each(|at| self.take_out(at));
        }
        let fits = |stream: &Self| {
            let waits = stream.bytes + outside;
            waits == 0 || waits + bytes <= options.buffered_bytes
        };
        if fits(self) {
            return Room::Made;
        }
        match options.policy {
            SlowPolicy::Close => Room::Overflow,
            SlowPolicy::DropNewest => Room::None,
            SlowPolicy::DropOldest | SlowPolicy::KeepLatest => {
                while !fits(self) && !self.queue.is_empty() {
                    self.take_out(0);
                }
                if fits(self) { Room::Made } else { Room::None }
            }
        }
    }
}

impl Connection {
    /// The response under way is `route`'s. False where there is none.
    pub fn begin_stream(
        &self,
        engine: &Engine,
        route: &Rc<EventRoute>,
        chunked: bool,
        since: Option<&str>,
    ) -> bool {
        let state = &mut *self.state.borrow_mut();
        if !matches!(state.stage, Stage::Busy { answered: false, .. })
            || state.stream.is_some()
            || state.finishing
        {
            return false;
        }
        state.stream = Some(Box::new(EventStream {
            route: Rc::clone(route),
            chunked,
            queue: VecDeque::new(),
            bytes: 0,
            touched: false,
            last_id: LastId::Named(since.unwrap_or_default().into()),
        }));
        state.native = true;
        self.set_comment_timer(engine, state);
        true
    }

    fn set_comment_timer(&self, engine: &Engine, state: &mut State) {
        let Some(stream) = &state.stream else { return };
        if let (Some(pause), Some(token)) = (stream.route.options.keep_alive, self.token.get()) {
            state.timer = Some(Timer::Comment);
            engine.reactor().set_deadline(token, Some(Instant::now() + pause));
        }
    }

    /// The response is JavaScript's again. What waits goes to the outbox, ahead of what that will write.
    pub fn end_stream(&self, engine: &Engine) {
        let after = {
            let state = &mut *self.state.borrow_mut();
            let Some(stream) = state.stream.take() else { return };
            stream.route.left(self.id);
            state.native = false;
            self.set_timer(engine, state, None);
            for Waiting { frame, .. } in stream.queue {
                state.outbox.push_shared(frame, 0);
            }
            self.flush(engine, state).map(|()| After::Open)
        };
        let pending = saturate(self.pending());
        engine.batch().push(Record::Pending, self.id, &[pending]);
        self.settle(engine, after);
    }

    /// The connection is closed.
    pub(super) fn drop_stream(&self) {
        let stream = self.state.borrow_mut().stream.take();
        if let Some(stream) = stream {
            stream.route.left(self.id);
        }
    }

    /// Queues an event; [`flush_stream`](Self::flush_stream) sends it.
    pub fn offer_event(&self, engine: &Engine, event: &Arc<Event>, frames: &Frames<'_>) {
        let after = {
            let state = &mut *self.state.borrow_mut();
            let Some(stream) = &state.stream else { return };
            let frame = frames.get(stream.chunked);
            let after = self.offer(engine, state, frame, Some(event));
            if let Some(stream) = &mut state.stream {
                stream.last_id = LastId::Sent(Arc::clone(event));
            }
            after
        };
        if after != Ok(After::Open) {
            self.settle(engine, after.map_err(io::Error::from_raw_os_error));
        }
    }

    /// Queues the event that tells of a gap.
    pub fn offer_gap(&self, engine: &Engine, gap: Gap, id: &str) {
        let after = {
            let state = &mut *self.state.borrow_mut();
            let Some(stream) = &state.stream else { return };
            let bytes = match &stream.last_id {
                LastId::Named(name) => reset_event(gap, name, id),
                LastId::Sent(event) => reset_event(gap, &event.id(), id),
            };
            let frame = Arc::new(if stream.chunked { chunk(&bytes) } else { bytes });
            self.offer(engine, state, &frame, None)
        };
        if after != Ok(After::Open) {
            self.settle(engine, after.map_err(io::Error::from_raw_os_error));
        }
    }

    fn offer(
        &self,
        engine: &Engine,
        state: &mut State,
        frame: &Frame,
        event: Option<&Arc<Event>>,
    ) -> Result<After, i32> {
        let Some(stream) = &mut state.stream else { return Ok(After::Open) };
        if state.finishing {
            return Ok(After::Open);
        }
        let waits = stream.bytes + state.outbox.bytes() as usize;
        if waits > 0 && waits + frame.len() > stream.route.options.buffered_bytes && state.outbox.is_empty() {
            // What only waits for the rest of its batch does not wait for the client.
            self.send_events(engine, state).map_err(|error| error.raw_os_error().unwrap_or(5))?;
        }
        let outside = state.outbox.bytes() as usize;
        let Some(stream) = &mut state.stream else { return Ok(After::Open) };
        match stream.make_room(event.map(|event| &**event), frame.len(), outside) {
            Room::Made => stream.push(self.id, Arc::clone(frame), event.cloned()),
            Room::None => stream.route.dropped.set(stream.route.dropped.get() + 1),
            Room::Overflow => {
                stream.route.slow.set(stream.route.slow.get() + 1);
                return Ok(After::Close(0));
            }
        }
        Ok(After::Open)
    }

    /// Sends what was queued, as far as the socket takes it.
    pub fn flush_stream(&self, engine: &Engine) {
        let after = {
            let state = &mut *self.state.borrow_mut();
            if let Some(stream) = &mut state.stream {
                stream.touched = false;
            }
            self.send_events(engine, state).map(|()| After::Open)
        };
        self.settle(engine, after);
    }

    /// One system call for all that is queued, unless that is more than 64 events.
    pub(super) fn send_events(&self, engine: &Engine, state: &mut State) -> io::Result<()> {
        if !state.outbox.is_empty() {
            self.flush(engine, state)?;
        }
        let mut transport = self.transport.borrow_mut();
        let Some(transport) = &mut *transport else { return Ok(()) };
        let State { stream: Some(stream), outbox, .. } = state else { return Ok(()) };
        while outbox.is_empty() && !stream.queue.is_empty() {
            let mut parts = [IoSlice::new(&[]); MOST_SLICES];
            let count = stream.queue.len().min(MOST_SLICES);
            for (part, waiting) in parts.iter_mut().zip(&stream.queue) {
                *part = IoSlice::new(&waiting.frame);
            }
            let mut taken = transport.write(&parts[..count])?;
            outbox.count_held(transport);
            if taken == 0 {
                break;
            }
            stream.bytes -= taken;
            while taken > 0
                && let Some(Waiting { frame, .. }) = stream.queue.pop_front()
            {
                let sent = taken.min(frame.len());
                taken -= sent;
                if sent < frame.len() {
                    // Begun, it must be finished.
                    stream.bytes -= frame.len() - sent;
                    outbox.push_shared(frame, sent);
                }
            }
        }
        if stream.queue.is_empty() {
            // An idle stream holds no queue.
            stream.queue = VecDeque::new();
        }
        Ok(())
    }

    /// Sends a comment, so that nobody on the way takes the connection for dead. A client that does not read needs none.
    pub(super) fn comment(&self, engine: &Engine) {
        let after = {
            let state = &mut *self.state.borrow_mut();
            let Some(stream) = &state.stream else { return };
            let bytes: &[u8] = if stream.chunked { b"3\r\n:\n\n\r\n" } else { b":\n\n" };
            let outcome = match &mut *self.transport.borrow_mut() {
                Some(transport) if stream.is_empty() && state.outbox.is_empty() => {
                    state.outbox.send(transport, &[IoSlice::new(bytes)])
                }
                _ => Ok(()),
            };
            self.set_comment_timer(engine, state);
            outcome.map(|()| After::Open)
        };
        self.settle(engine, after);
    }
}
