//! Topics: what is published is kept for a while, numbered, and handed to subscribers on any thread.
//!
//! One [`Hub`] numbers all its events, whatever their topic, so that a client that follows several topics has one cursor:
//! the hub's *epoch* (one life of the hub) and an *offset*. [`Hub::subscribe`] with a cursor gives what was missed and what comes,
//! without a gap and without a double, or says that the cursor is too old.
//!
//! What is kept is kept by a [`Storage`], in memory by default; a [`Relay`] hears of each event that is published here, and gives
//! what comes from elsewhere to [`Hub::receive`].
//!
//! # Queues and who waits at them
//! Nobody waits: a publisher is never held back by a subscriber.
//!
//! * **History**: bounded for each topic in events, bytes and age, and in bytes for the whole hub; the oldest go first.
//! * **Mailbox** of a subscriber: bounded in bytes; beyond it the subscriber's [`SlowPolicy`] decides, and what it drops is counted.

mod event;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod fanout;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod followers;
mod history;
mod mailbox;
mod pattern;
mod storage;
#[cfg(test)]
mod tests;

pub use event::{Event, Frame, NewEvent, Origin};
pub(crate) use event::{chunk, data};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use fanout::{Fanout, Gap, Joined, Members, REST_MOST};
pub use mailbox::{Mailbox, MailboxOptions, SlowPolicy};
pub use pattern::{MAX_TOPIC_BYTES, Pattern, is_topic};
pub use storage::{Held, Relay, Storage};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use history::{Histories, Retention};

/// What a hub keeps.
#[derive(Debug, Clone, Copy)]
pub struct HubOptions {
    /// Most events of a topic's history. Defaults to 1,000.
    pub history_count: usize,
    /// Most bytes of a topic's history. Defaults to 1 MiB.
    pub history_bytes: usize,
    /// Age in milliseconds at which an event leaves the history. Defaults to none.
    pub history_age_ms: Option<u64>,
    /// Most bytes of all histories. Defaults to 64 MiB.
    pub total_bytes: usize,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self { history_count: 1000, history_bytes: 1 << 20, history_age_ms: None, total_bytes: 64 << 20 }
    }
}

/// A place in a hub's sequence of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The hub's life that it is of.
    pub epoch: u64,
    /// The last event that was seen; 0 is before the first.
    pub offset: u64,
}

/// Where a subscription begins.
#[derive(Debug)]
pub struct Subscribed {
    /// The hub's last event at that time: what comes later comes into the mailbox.
    pub cursor: Cursor,
    /// For a subscriber with a cursor.
    pub replay: Option<Replay>,
}

/// What a subscriber with a cursor gets first.
#[derive(Debug)]
pub enum Replay {
    /// What it missed, in order, of what it may see.
    Missed(Vec<Arc<Event>>),
    /// Some of it is not kept any more: the subscriber must fetch its state anew.
    TooOld,
}

/// A mailbox that follows a pattern, and how often it was told to: a thread's mailbox may stand for many clients.
struct Follower {
    mailbox: Weak<Mailbox>,
    times: usize,
}

#[derive(Default)]
struct Subscribers {
    /// By exact topic.
    topics: HashMap<Box<str>, Vec<Follower>>,
    wildcards: Vec<(Pattern, Follower)>,
}

struct State {
    last: u64,
    storage: Box<dyn Storage>,
    subscribers: Subscribers,
}

/// See the module's page. Shared by threads.
pub struct Hub {
    epoch: u64,
    options: HubOptions,
    relay: Option<Box<dyn Relay>>,
    state: Mutex<State>,
}

impl Hub {
    /// A hub without events. `epoch` tells its life from others: a random number.
    pub fn new(epoch: u64, options: HubOptions) -> Arc<Self> {
        let retention = Retention {
            count: options.history_count,
            bytes: options.history_bytes,
            age_ms: options.history_age_ms,
            total_bytes: options.total_bytes,
        };
        Self::with_storage(epoch, options, Box::new(Histories::new(retention)), None)
    }

    /// A hub that keeps its events in `storage`, and tells `relay` of them.
    pub fn with_storage(
        epoch: u64,
        options: HubOptions,
        storage: Box<dyn Storage>,
        relay: Option<Box<dyn Relay>>,
    ) -> Arc<Self> {
        let state = State { last: 0, storage, subscribers: Subscribers::default() };
        Arc::new(Self { epoch, options, relay, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in the lock's reach panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hub's life.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What the hub keeps.
    pub fn options(&self) -> HubOptions {
        self.options
    }

    /// Where the next subscriber without a cursor begins.
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, offset: self.state().last }
    }

    /// Numbers an event, keeps it, and puts it into the mailboxes of who follows its topic. `now_ms` is the time since 1970.
    pub fn publish(&self, new: NewEvent, now_ms: u64) -> Arc<Event> {
        let event = self.receive(new, now_ms);
        if let Some(relay) = &self.relay {
            relay.publish(&event);
        }
        event
    }

    /// The same for what was published elsewhere: the relay is not told.
    pub fn receive(&self, new: NewEvent, now_ms: u64) -> Arc<Event> {
        // Mailboxes are told outside of the lock.
        let (event, receivers) = {
            let mut state = self.state();
            state.last += 1;
            let event = Arc::new(Event::new(new, self.epoch, state.last, now_ms));
            let receivers = state.subscribers.of(event.topic());
            // In the order of offsets, which the lock gives.
            for mailbox in &receivers {
                mailbox.put(&event);
            }
            state.storage.add(&event);
            (event, receivers)
        };
        for mailbox in receivers {
            mailbox.ring();
        }
        event
    }

    /// Puts what is published to `patterns` from now on into `mailbox`. With a cursor, what came after it is given at once.
    pub fn subscribe(
        &self,
        mailbox: &Arc<Mailbox>,
        patterns: &[Pattern],
        since: Option<Cursor>,
        now_ms: u64,
    ) -> Subscribed {
        let mut state = self.state();
        for pattern in patterns {
            state.subscribers.add(pattern, mailbox);
        }
        let last = state.last;
        let replay = since.map(|Cursor { epoch, offset }| {
            let known = epoch == self.epoch && offset <= last;
            match known.then(|| state.storage.after(patterns, offset, now_ms)).flatten() {
                Some(events) => {
                    Replay::Missed(events.into_iter().filter(|event| mailbox.may_see(event)).collect())
                }
                None => Replay::TooOld,
            }
        });
        Subscribed { cursor: Cursor { epoch: self.epoch, offset: last }, replay }
    }

    /// Ends what one call of [`subscribe`](Self::subscribe) began. What is in the mailbox stays.
    pub fn unsubscribe(&self, mailbox: &Arc<Mailbox>, patterns: &[Pattern]) {
        let mut state = self.state();
        for pattern in patterns {
            state.subscribers.remove(pattern, mailbox);
        }
    }

    /// Subscriptions that match `topic` now: a mailbox that subscribed twice counts twice.
    pub fn subscribers(&self, topic: &str) -> usize {
        self.state().subscribers.count(topic)
    }

    /// The last event of `topic` that is kept, for each key and for those without one: what a newcomer needs to know.
    pub fn latest(&self, topic: &str, now_ms: u64) -> Vec<Arc<Event>> {
        self.state().storage.latest(topic, now_ms)
    }

    /// Topics with a history, events in all histories, and their bytes.
    pub fn held(&self) -> (usize, usize, usize) {
        let Held { topics, events, bytes } = self.state().storage.held();
        (topics, events, bytes)
    }
}

impl Subscribers {
    /// Live mailboxes that follow `topic`, each once.
    fn of(&mut self, topic: &str) -> Vec<Arc<Mailbox>> {
        let mut found: Vec<Arc<Mailbox>> = Vec::new();
        if let Some(exact) = self.topics.get_mut(topic) {
            exact.retain(|follower| follower.mailbox.upgrade().map(|mailbox| found.push(mailbox)).is_some());
            if exact.is_empty() {
                self.topics.remove(topic);
            }
        }
        self.wildcards.retain(|(pattern, follower)| {
            let Some(mailbox) = follower.mailbox.upgrade() else { return false };
            if pattern.matches(topic) && !found.iter().any(|other| Arc::ptr_eq(other, &mailbox)) {
                found.push(mailbox);
            }
            true
        });
        found
    }

    fn count(&self, topic: &str) -> usize {
        let exact = self.topics.get(topic).into_iter().flatten();
        let wild = self.wildcards.iter().filter(|(pattern, _)| pattern.matches(topic));
        let followers = exact.chain(wild.map(|(_, follower)| follower));
        followers.filter(|follower| follower.mailbox.strong_count() > 0).map(|follower| follower.times).sum()
    }

    fn add(&mut self, pattern: &Pattern, mailbox: &Arc<Mailbox>) {
        let new = || Follower { mailbox: Arc::downgrade(mailbox), times: 1 };
        match pattern.exact() {
            Some(topic) => {
                let followers = self.topics.entry(topic.into()).or_default();
                match followers.iter_mut().find(|follower| follower.is(mailbox)) {
                    Some(follower) => follower.times += 1,
                    None => followers.push(new()),
                }
            }
            None => {
                let mut wild = self.wildcards.iter_mut();
                match wild.find(|(other, follower)| other == pattern && follower.is(mailbox)) {
                    Some((_, follower)) => follower.times += 1,
                    None => self.wildcards.push((pattern.clone(), new())),
                }
            }
        }
    }

    fn remove(&mut self, pattern: &Pattern, mailbox: &Arc<Mailbox>) {
        match pattern.exact() {
            Some(topic) => {
                if let Some(followers) = self.topics.get_mut(topic) {
                    followers.retain_mut(|follower| follower.stays_without(mailbox));
                    if followers.is_empty() {
                        self.topics.remove(topic);
                    }
                }
            }
            None => self
                .wildcards
                .retain_mut(|(other, follower)| other != pattern || follower.stays_without(mailbox)),
        }
    }
}

impl Follower {
    fn is(&self, mailbox: &Arc<Mailbox>) -> bool {
        std::ptr::eq(self.mailbox.as_ptr(), Arc::as_ptr(mailbox))
    }

    /// Counts one subscription of `mailbox` less. Returns whether the follower is one still.
    fn stays_without(&mut self, mailbox: &Arc<Mailbox>) -> bool {
        if self.is(mailbox) {
            self.times -= 1;
        }
        self.times > 0 && self.mailbox.strong_count() > 0
    }
}
