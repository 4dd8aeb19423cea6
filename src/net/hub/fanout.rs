//! A hub's events → the connections of one thread, without leaving it.
//!
//! To the hub a [`Fanout`] is one mailbox. What comes into it is handed to an engine's connections in turns of their reactor:
//! by reference, framed once, and written once for each connection however many events there were.
//!
//! # Bounds
//! The mailbox is bounded in bytes; beyond it the oldest events go, and all members are told. What waits for a member is its
//! engine's to bound. After a delivery the fan-out rests for as long as it took, at most [`REST_MOST`]: where events come
//! faster than sockets can be written one by one, they gather and share a write. An event after a pause waits for nothing.

use super::followers::{Followers, Scopes, may_see};
use super::{Event, Hub, Mailbox, MailboxOptions, Pattern, Replay, SlowPolicy};
use crate::net::reactor::{Bell, Reactor};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes of events that are handed out before what they are for is written.
const STEP_BYTES: usize = 64 << 10;

/// Time after which the rest waits for another turn.
const TURN_TIME: Duration = Duration::from_millis(5);

/// The longest pause between two deliveries.
pub const REST_MOST: Duration = Duration::from_millis(5);

/// Tells fan-outs apart in the process.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Why a member missed events for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Its cursor is too old.
    History,
    /// Its thread was busy for too long.
    Overflow,
}

impl Gap {
    /// As clients are told.
    pub fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Overflow => "overflow",
        }
    }
}

/// The engine whose connections are members. It must not call into the fan-out from within these, but to take members out.
pub trait Members {
    /// Queues an event for these members. One that is gone is passed over.
    fn offer(&self, event: &Arc<Event>, members: &[u32]);

    /// Tells a member that it missed events, and, as an event's id, from where it goes on.
    fn tell_gap(&self, member: u32, gap: Gap, id: &str);

    /// Writes what was queued.
    fn flush(&self);
}

/// How a member begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The hub's last event at that time.
    pub offset: u64,
    /// Events that were missed and are queued now.
    pub replayed: usize,
    /// They are not kept any more: the member was told.
    pub too_old: bool,
}

/// See the [module](self). One thread's.
pub struct Fanout {
    id: u64,
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
    members: Weak<dyn Members>,
    reactor: Rc<Reactor>,
    bell: Rc<Bell>,
    followers: RefCell<Followers>,
    /// Events that the mailbox dropped, as far as members were told.
    dropped: Cell<u64>,
    chosen: RefCell<Vec<u32>>,
}

impl Fanout {
    /// A fan-out without members. `mailbox_bytes` may wait for the thread.
    ///
    /// # Errors
    /// The system's: no more descriptors.
    pub fn new(
        hub: &Arc<Hub>,
        members: Weak<dyn Members>,
        reactor: &Rc<Reactor>,
        mailbox_bytes: usize,
    ) -> io::Result<Rc<Self>> {
        let target = Rc::new(RefCell::new(Weak::<Self>::new()));
        let bell = {
            let target = Rc::clone(&target);
            Bell::new(reactor, move || {
                let fanout = target.borrow().upgrade();
                if let Some(fanout) = fanout {
                    fanout.deliver();
                }
            })?
        };
        let ringer = bell.ringer();
        let options = MailboxOptions { bytes: mailbox_bytes, policy: SlowPolicy::DropOldest, scopes: None };
        let fanout = Rc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            hub: Arc::clone(hub),
            mailbox: Mailbox::new(options, move || ringer.ring()),
            members,
            reactor: Rc::clone(reactor),
            bell,
            followers: RefCell::default(),
            dropped: Cell::new(0),
            chosen: RefCell::default(),
        });
        *target.borrow_mut() = Rc::downgrade(&fanout);
        Ok(fanout)
    }

    /// Its name in [`Origin`].
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whose events it hands out.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Events that were dropped because the thread was busy for too long.
    pub fn dropped(&self) -> u64 {
        self.mailbox.dropped()
    }

    /// Members that follow anything.
    pub fn len(&self) -> usize {
        self.followers.borrow().len()
    }

    /// Whether nobody follows anything.
    pub fn is_empty(&self) -> bool {
        self.followers.borrow().len() == 0
    }

    /// `member` follows `patterns` from now on, and gets first what it missed since `since`, where that is told. A pattern
    /// that it follows already is followed once, with these scopes.
    pub fn join(
        &self,
        member: u32,
        patterns: &[Pattern],
        since: Option<super::Cursor>,
        scopes: Option<Vec<Box<str>>>,
        now_ms: u64,
    ) -> Joined {
        let scopes: Scopes = scopes.map(Into::into);
        let subscribed = self.hub.subscribe(&self.mailbox, patterns, since, now_ms);
        let offset = subscribed.cursor.offset;
        let again = self.followers.borrow_mut().follow(member, patterns, &scopes, offset, since.is_some());
        if !again.is_empty() {
            self.hub.unsubscribe(&self.mailbox, &again);
        }
        let Some(engine) = self.members.upgrade() else {
            return Joined { offset, replayed: 0, too_old: false };
        };
        match subscribed.replay {
            None => Joined { offset, replayed: 0, too_old: false },
            Some(Replay::TooOld) => {
                engine.tell_gap(member, Gap::History, &super::event::id(self.hub.epoch(), offset));
                Joined { offset, replayed: 0, too_old: true }
            }
            Some(Replay::Missed(events)) => {
                let mut replayed = 0;
                for event in events.iter().filter(|event| may_see(event, &scopes)) {
                    engine.offer(event, &[member]);
                    replayed += 1;
                }
                Joined { offset, replayed, too_old: false }
            }
        }
    }

    /// Ends what `member` follows: all of it, or `patterns`.
    pub fn leave(&self, member: u32, patterns: Option<&[Pattern]>) {
        let left = self.followers.borrow_mut().unfollow(member, patterns);
        if !left.is_empty() {
            self.hub.unsubscribe(&self.mailbox, &left);
        }
    }

    /// Patterns that `member` follows, in the order in which it began.
    pub fn followed(&self, member: u32) -> Vec<String> {
        self.followers.borrow().followed(member)
    }

    /// Hands out what waits.
    fn deliver(&self) {
        let Some(engine) = self.members.upgrade() else { return };
        let began = Instant::now();
        loop {
            let events = self.mailbox.take(STEP_BYTES);
            self.tell_overflow(&*engine);
            if events.is_empty() {
                break;
            }
            for event in &events {
                let mut chosen = std::mem::take(&mut *self.chosen.borrow_mut());
                let origin = event.origin().filter(|origin| origin.fanout == self.id);
                self.followers.borrow().choose(event, origin.map(|origin| origin.member), &mut chosen);
                if !chosen.is_empty() {
                    engine.offer(event, &chosen);
                }
                *self.chosen.borrow_mut() = chosen;
            }
            engine.flush();
            if began.elapsed() >= TURN_TIME {
                // The mailbox rings once it was found empty.
                self.bell.ringer().ring();
                break;
            }
        }
        self.bell.rest(began.elapsed().min(REST_MOST));
    }

    fn tell_overflow(&self, engine: &dyn Members) {
        let dropped = self.mailbox.dropped();
        if self.dropped.replace(dropped) == dropped {
            return;
        }
        let id = super::event::id(self.hub.epoch(), self.hub.cursor().offset);
        let members = self.followers.borrow().members();
        for member in members {
            engine.tell_gap(member, Gap::Overflow, &id);
        }
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        self.bell.close(&self.reactor);
    }
}
