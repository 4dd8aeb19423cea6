//! Bytes for many connections at once: what a channel sends its sessions.
//!
//! Each connection queues a copy of them behind what waits in it, and nothing is sent until the bell rings in the reactor's
//! next turn. What was queued until then leaves with one system call for each connection, which is most of what an event
//! costs; after that the bell rests as a fan-out's does ([`REST_MOST`]).
//!
//! Bound: JavaScript's, which counts what it queues for each response, and beyond its `highWaterMark` asks with
//! [`Engine::send_queued`] what the system takes.

use super::engine::Engine;
use crate::net::hub::REST_MOST;
use crate::net::reactor::{Bell, Reactor};
use std::cell::RefCell;
use std::io;
use std::rc::{Rc, Weak};
use std::time::Instant;

/// Connections with queued bytes, and what wakes the reactor for them.
pub(super) struct Broadcasts {
    queued: RefCell<Vec<u32>>,
    bell: Rc<Bell>,
}

impl Broadcasts {
    /// # Errors
    /// The system's: no more descriptors.
    pub fn new(engine: Weak<Engine>, reactor: &Reactor) -> io::Result<Self> {
        let bell = Bell::new(reactor, move || {
            if let Some(engine) = engine.upgrade() {
                engine.ring_queued();
            }
        })?;
        Ok(Self { queued: RefCell::default(), bell })
    }

    pub fn close(&self, reactor: &Reactor) {
        self.bell.close(reactor);
    }
}

impl Engine {
    /// Queues a copy of `bytes` for each of `connections`, all of which answer a request. Those that are gone are passed
    /// over.
    ///
    /// # Errors
    /// The system's, of the first call: no more descriptors.
    pub fn broadcast(
        self: &Rc<Self>,
        connections: impl Iterator<Item = u32>,
        bytes: &[u8],
    ) -> io::Result<()> {
        let broadcasts = self.broadcasts()?;
        let mut queued = broadcasts.queued.borrow_mut();
        let rings = queued.is_empty();
        for id in connections {
            if let Some(connection) = self.get(id)
                && connection.queue(bytes)
            {
                queued.push(id);
            }
        }
        if rings && !queued.is_empty() {
            broadcasts.bell.ringer().ring();
        }
        Ok(())
    }

    /// Sends what is queued, as far as the sockets take it; the bell still tells JavaScript of it.
    pub fn send_queued(self: &Rc<Self>) -> io::Result<()> {
        let broadcasts = self.broadcasts()?;
        let queued = broadcasts.queued.borrow();
        for &id in &*queued {
            if let Some(connection) = self.get(id) {
                connection.send_queued(self);
            }
        }
        Ok(())
    }

    fn ring_queued(self: &Rc<Self>) {
        let Ok(broadcasts) = self.broadcasts() else { return };
        let began = Instant::now();
        let queued = std::mem::take(&mut *broadcasts.queued.borrow_mut());
        for id in queued {
            if let Some(connection) = self.get(id) {
                connection.end_queue(self);
            }
        }
        broadcasts.bell.rest(began.elapsed().min(REST_MOST));
    }
}
