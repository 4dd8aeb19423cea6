//! Events of topics → connections.

use super::connection::Connection;
use super::deflaters::Frames;
use super::engine::Engine;
use crate::codec::ws::opcode;
use crate::net::hub::{Cursor, Event, Fanout, Gap, Hub, Joined, Members, Pattern};
use crate::net::reactor::Reactor;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// Bytes that may be queued for a connection that set no bound, before an event of a topic is refused: a peer that does not
/// read must not hold memory without a bound.
pub const SUBSCRIPTION_BYTES: usize = 1 << 20;

impl Engine {
    /// What hands events of `hub` to connections of this engine, in turns of `reactor`.
    ///
    /// # Errors
    /// The system's: no more descriptors.
    pub fn fanout(
        self: &Rc<Self>,
        hub: &Arc<Hub>,
        reactor: &Rc<Reactor>,
        mailbox_bytes: usize,
    ) -> io::Result<Rc<Fanout>> {
        let members: Rc<dyn Members> = self.clone();
        let fanout = Fanout::new(hub, Rc::downgrade(&members), reactor, mailbox_bytes)?;
        let mut fanouts = self.fanouts.borrow_mut();
        fanouts.retain(|fanout| fanout.strong_count() > 0);
        fanouts.push(Rc::downgrade(&fanout));
        Ok(fanout)
    }

    /// Connection `id` follows `patterns`, as [`Fanout::join`] has it. Nothing where it is gone.
    pub fn follow(
        &self,
        fanout: &Fanout,
        id: u32,
        patterns: &[Pattern],
        since: Option<Cursor>,
        scopes: Option<Vec<Box<str>>>,
        now_ms: u64,
    ) -> Option<Joined> {
        let is_there = self.with(id, |state| {
            state.follows = true;
            true
        });
        is_there.then(|| fanout.join(id, patterns, since, scopes, now_ms))
    }

    /// A connection that goes follows nothing.
    pub(super) fn forget(&self, id: u32, connection: &Connection) {
        if connection.state.borrow().follows {
            let fanouts = self.fanouts.borrow();
            fanouts.iter().filter_map(Weak::upgrade).for_each(|fanout| fanout.leave(id, None));
        }
    }
}

impl Members for Engine {
    fn offer(&self, event: &Arc<Event>, members: &[u32]) {
        let kind = if event.is_text() { opcode::TEXT } else { opcode::BINARY };
        let length = event.data().len();
        let frames = Frames::with_plain(kind, event.data(), event.ws());
        self.spread(members, |state| length >= state.compress_from, SUBSCRIPTION_BYTES, frames);
    }

    fn tell_gap(&self, member: u32, gap: Gap, id: &str) {
        let text = format!("{{\"reset\":\"{}\",\"id\":\"{id}\"}}", gap.name());
        self.spread(&[member], |_| false, 0, Frames::new(opcode::TEXT, text.as_bytes()));
    }

    fn flush(&self) {
        Engine::flush(self);
    }
}
