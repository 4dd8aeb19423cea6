//! Event streams: responses that follow topics of a hub.
//!
//! JavaScript answers the request's head and hands the response over; from there on events go from the hub to the socket
//! without it, each framed once for all clients.

use super::engine::Engine;
use crate::net::hub::{Cursor, Event, Fanout, Frame, Gap, Hub, Joined, Members, Pattern, SlowPolicy, data};
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// How the clients of a route are treated.
#[derive(Debug, Clone, Copy)]
pub struct StreamOptions {
    /// Bytes that may wait for a client; one larger event may wait alone.
    pub buffered_bytes: usize,
    /// What happens beyond.
    pub policy: SlowPolicy,
    /// Time between comments that keep the connection alive; none without.
    pub keep_alive: Option<Duration>,
}

/// A response to be an event stream.
#[derive(Debug)]
pub struct StreamRequest<'a> {
    /// Its connection.
    pub connection: u32,
    /// The body is sent in chunks.
    pub chunked: bool,
    /// What it follows.
    pub patterns: &'a [Pattern],
    /// The last event that the client saw, as it names it.
    pub since: Option<&'a str>,
    /// See [`Fanout::join`].
    pub scopes: Option<Vec<Box<str>>>,
}

/// What happened to the clients of a route.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamCounts {
    /// Streams that are open.
    pub open: usize,
    /// Events that clients did not get because they were slow.
    pub dropped: u64,
    /// Clients that were disconnected for it.
    pub slow: u64,
}

/// The event streams of one path, on the thread of their engine.
pub struct EventRoute {
    engine: Weak<Engine>,
    fanout: OnceCell<Rc<Fanout>>,
    pub(super) options: StreamOptions,
    /// Connections with events that were queued since the last flush.
    pub(super) touched: RefCell<Vec<u32>>,
    open: Cell<usize>,
    pub(super) dropped: Cell<u64>,
    pub(super) slow: Cell<u64>,
}

/// What an event is on the wire, for both framings of a body; made when it is first asked for.
pub(super) struct Frames<'a> {
    event: &'a Event,
    chunk: OnceCell<Frame>,
    plain: OnceCell<Frame>,
}

impl Frames<'_> {
    pub fn get(&self, chunked: bool) -> &Frame {
        if chunked {
            self.chunk.get_or_init(|| self.event.sse_chunk())
        } else {
            self.plain.get_or_init(|| self.event.sse())
        }
    }
}

impl EventRoute {
    /// A route without clients. `mailbox_bytes` may wait for the thread.
    ///
    /// # Errors
    /// The system's: no more descriptors.
    pub fn new(
        engine: &Rc<Engine>,
        hub: &Arc<Hub>,
        options: StreamOptions,
        mailbox_bytes: usize,
    ) -> io::Result<Rc<Self>> {
        let route = Rc::new(Self {
            engine: Rc::downgrade(engine),
            fanout: OnceCell::new(),
            options,
            touched: RefCell::default(),
            open: Cell::new(0),
            dropped: Cell::new(0),
            slow: Cell::new(0),
        });
        let members: Rc<dyn Members> = route.clone();
        let fanout = Fanout::new(hub, Rc::downgrade(&members), &engine.shared_reactor(), mailbox_bytes)?;
        let _ = route.fanout.set(fanout);
        Ok(route)
    }

    /// The response under way on a connection follows topics from here on: its head was sent. Nothing where the connection
    /// is gone or at something else.
    pub fn open(self: &Rc<Self>, request: StreamRequest<'_>, now_ms: u64) -> Option<Joined> {
        let engine = self.engine.upgrade()?;
        let id = request.connection;
        let connection = engine.get(id)?;
        if !connection.begin_stream(&engine, self, request.chunked, request.since) {
            return None;
        }
        self.open.set(self.open.get() + 1);
        // An id that is none of the hub's is of another life.
        let since =
            request.since.map(|id| Cursor::parse(id).unwrap_or(Cursor { epoch: u64::MAX, offset: 0 }));
        let joined = self.fanout.get()?.join(id, request.patterns, since, request.scopes, now_ms);
        self.flush();
        Some(joined)
    }

    /// The response is JavaScript's again: what was queued goes before what that writes.
    pub fn close(&self, id: u32) {
        if let Some(engine) = self.engine.upgrade()
            && let Some(connection) = engine.get(id)
        {
            connection.end_stream(&engine);
        }
    }

    /// A connection's stream is over.
    pub(super) fn left(&self, id: u32) {
        self.open.set(self.open.get() - 1);
        if let Some(fanout) = self.fanout.get() {
            fanout.leave(id, None);
        }
    }

    /// What happened so far.
    pub fn counts(&self) -> StreamCounts {
        StreamCounts { open: self.open.get(), dropped: self.dropped.get(), slow: self.slow.get() }
    }

    /// Events of the hub that the thread was too busy for.
    pub fn missed(&self) -> u64 {
        self.fanout.get().map_or(0, |fanout| fanout.dropped())
    }
}

impl Members for EventRoute {
    fn offer(&self, event: &Arc<Event>, members: &[u32]) {
        let Some(engine) = self.engine.upgrade() else { return };
        let frames = Frames { event, chunk: OnceCell::new(), plain: OnceCell::new() };
        for &id in members {
            if let Some(connection) = engine.get(id) {
                connection.offer_event(&engine, event, &frames);
            }
        }
    }

    fn tell_gap(&self, member: u32, gap: Gap, id: &str) {
        let Some(engine) = self.engine.upgrade() else { return };
        if let Some(connection) = engine.get(member) {
            connection.offer_gap(&engine, gap, id);
        }
    }

    fn flush(&self) {
        let Some(engine) = self.engine.upgrade() else { return };
        let touched = std::mem::take(&mut *self.touched.borrow_mut());
        for id in touched {
            if let Some(connection) = engine.get(id) {
                connection.flush_stream(&engine);
            }
        }
    }
}

/// The event that tells a client of a gap: what it has may be old.
pub(super) fn reset_event(gap: Gap, last_id: &str, id: &str) -> Vec<u8> {
    let text = serde_json::json!({ "reason": gap.name(), "lastId": last_id }).to_string();
    let mut out = format!("event:reset\nid:{id}\n").into_bytes();
    data(&mut out, text.as_bytes());
    out
}
