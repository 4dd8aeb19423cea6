//! What waits for one subscriber.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Event;

/// What happens when a mailbox is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlowPolicy {
    /// The oldest events go.
    DropOldest,
    /// The new event goes.
    DropNewest,
    /// An event replaces one that waits and has its topic and key; where that is not enough, the oldest go.
    KeepLatest,
    /// The mailbox is closed, and what waits is dropped.
    Close,
}

/// What a subscriber is like.
#[derive(Debug, Clone)]
pub struct MailboxOptions {
    /// Bytes that may wait; one larger event may wait alone.
    pub bytes: usize,
    /// What happens beyond.
    pub policy: SlowPolicy,
    /// Scopes of events that it may see beside those for all; `None` for every scope.
    pub scopes: Option<Vec<Box<str>>>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Something came since the owner last took all.
    news: bool,
    /// The owner was told, and did not come yet.
    rung: bool,
    closed: bool,
}

/// See the module's page.
pub struct Mailbox {
    options: MailboxOptions,
    queue: Mutex<Queue>,
    dropped: AtomicU64,
    bell: Box<dyn Fn() + Send + Sync>,
}

impl Mailbox {
    /// An empty mailbox. `bell` is called, on the publisher's thread, when the first event comes into an empty one.
    pub fn new(options: MailboxOptions, bell: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            options,
            queue: Mutex::new(Queue::default()),
            dropped: AtomicU64::new(0),
            bell: Box::new(bell),
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its owner may see `event`.
    pub fn may_see(&self, event: &Event) -> bool {
        match (event.scope(), &self.options.scopes) {
            (None, _) | (_, None) => true,
            (Some(scope), Some(scopes)) => scopes.iter().any(|own| **own == *scope),
        }
    }

    pub(super) fn put(&self, event: &Arc<Event>) {
        if !self.may_see(event) {
            return;
        }
        let mut guard = self.queue();
        let queue = &mut *guard;
        if queue.closed {
            return;
        }
        let (cost, mut dropped) = (event.cost(), 0);
        if self.options.policy == SlowPolicy::KeepLatest && event.key().is_some() {
            let same = |other: &Arc<Event>| other.key() == event.key() && other.topic() == event.topic();
            if let Some(at) = queue.events.iter().position(same) {
                queue.take_out(at);
                dropped += 1;
            }
        }
        if queue.bytes + cost > self.options.bytes && !queue.events.is_empty() {
            match self.options.policy {
                SlowPolicy::DropNewest => {
                    self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
                    return;
                }
                SlowPolicy::Close => {
                    dropped += queue.events.len() as u64 + 1;
                    *queue = Queue { closed: true, news: true, rung: queue.rung, ..Queue::default() };
                    self.dropped.fetch_add(dropped, Ordering::Relaxed);
                    return;
                }
                SlowPolicy::DropOldest | SlowPolicy::KeepLatest => {
                    while queue.bytes + cost > self.options.bytes && !queue.events.is_empty() {
                        queue.take_out(0);
                        dropped += 1;
                    }
                }
            }
        }
        queue.events.push_back(Arc::clone(event));
        queue.bytes += cost;
        queue.news = true;
        if dropped > 0 {
            self.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
    }

    /// Tells the owner, unless it was told and did not come yet.
    pub(super) fn ring(&self) {
        let due = {
            let mut queue = self.queue();
            let due = queue.news && !queue.rung;
            queue.rung |= due;
            due
        };
        if due {
            (self.bell)();
        }
    }

    /// Takes events of up to `bytes`, or one that is larger. The bell rings again for what comes once all were taken.
    pub fn take(&self, bytes: usize) -> Vec<Arc<Event>> {
        let mut queue = self.queue();
        let mut taken = Vec::new();
        let mut sum = 0;
        while let Some(event) = queue.events.front() {
            let cost = event.cost();
            if sum > 0 && sum + cost > bytes {
                return taken;
            }
            sum += cost;
            queue.bytes -= cost;
            taken.extend(queue.events.pop_front());
        }
        queue.rung = false;
        queue.news = false;
        taken
    }

    /// Bytes that wait.
    pub fn queued_bytes(&self) -> usize {
        self.queue().bytes
    }

    /// Events that were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether [`SlowPolicy::Close`] closed it.
    pub fn is_closed(&self) -> bool {
        self.queue().closed
    }
}

impl Queue {
    fn take_out(&mut self, at: usize) {
        if let Some(event) = self.events.remove(at) {
            self.bytes -= event.cost();
        }
    }
}
