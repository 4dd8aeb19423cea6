//! What a hub leaves to others: to keep its events, and to tell other machines of them.

use super::{Event, Pattern};
use std::sync::Arc;

/// What a storage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Topics with events.
    pub topics: usize,
    /// Events.
    pub events: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// Keeps the events of a hub for those who come later. It is called within the hub's lock, one call at a time, and must not
/// block.
pub trait Storage: Send {
    /// Keeps an event, whose offset is larger than all before. What is too much or too old may go.
    fn add(&mut self, event: &Arc<Event>);

    /// Events of `patterns` after `offset`, in order; `None` where some of them are not kept any more.
    fn after(&mut self, patterns: &[Pattern], offset: u64, now_ms: u64) -> Option<Vec<Arc<Event>>>;

    /// The last event of `topic` that is kept, for each key and for those without one.
    fn latest(&mut self, topic: &str, now_ms: u64) -> Vec<Arc<Event>>;

    /// What it holds.
    fn held(&self) -> Held;
}

/// Carries the events of a hub to those of other machines. What comes from there it gives to
/// [`Hub::receive`](super::Hub::receive).
pub trait Relay: Send + Sync {
    /// An event was published here, and has its number and its place in the storage. Must not block: publishers never wait.
    fn publish(&self, event: &Arc<Event>);
}
