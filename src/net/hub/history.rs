//! The last events of each topic.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Event, Held, Pattern, Storage};

/// Entries of the hub's order that may be of events gone already, before it is swept.
const STALE_MOST: usize = 4096;

#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub count: usize,
    pub bytes: usize,
    pub age_ms: Option<u64>,
    pub total_bytes: usize,
}

#[derive(Default)]
struct History {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// The last event that left: a cursor before it cannot be served.
    lost: u64,
}

/// Where an event is kept, without holding it.
struct Place {
    topic: Arc<str>,
    offset: u64,
    time_ms: u64,
}

pub(super) struct Histories {
    retention: Retention,
    topics: HashMap<Box<str>, History>,
    bytes: usize,
    count: usize,
    /// All events in the order in which they came, for the bound of the whole hub. May name events that are gone.
    order: VecDeque<Place>,
    /// The last event that left a topic which is not known any more.
    lost: u64,
}

impl Histories {
    pub fn new(retention: Retention) -> Self {
        Self { retention, topics: HashMap::new(), bytes: 0, count: 0, order: VecDeque::new(), lost: 0 }
    }

    /// Forgets a topic's event that was never kept.
    fn lose(&mut self, event: &Arc<Event>) {
        if let Some(history) = self.topics.get_mut(event.topic()) {
            let (count, bytes) = (history.events.len(), history.bytes);
            history.events.clear();
            history.bytes = 0;
            history.lost = event.offset();
            self.count -= count;
            self.bytes -= bytes;
        } else {
            self.lost = event.offset();
        }
    }

    /// The oldest event of the hub leaves. Returns whether there was one.
    fn drop_oldest(&mut self) -> bool {
        while let Some(place) = self.order.pop_front() {
            if !holds(&self.topics, &place) {
                continue;
            }
            if let Some(history) = self.topics.get_mut(&*place.topic) {
                self.bytes -= history.pop();
                self.count -= 1;
                if history.events.is_empty() {
                    // Topics that nobody publishes to any more must not stay for ever.
                    self.lost = self.lost.max(history.lost);
                    self.topics.remove(&*place.topic);
                }
            }
            return true;
        }
        false
    }

    /// What is too old leaves.
    fn expire(&mut self, now_ms: u64) {
        let Some(age) = self.retention.age_ms else { return };
        while let Some(place) = self.order.front() {
            if !holds(&self.topics, place) {
                self.order.pop_front();
            } else if place.time_ms.saturating_add(age) <= now_ms {
                self.drop_oldest();
            } else {
                break;
            }
        }
    }
}

impl Storage for Histories {
    fn add(&mut self, event: &Arc<Event>) {
        let Retention { count, bytes, total_bytes, .. } = self.retention;
        if count == 0 || event.cost() > bytes {
            // It is never there to be replayed, so a cursor before it is too old.
            self.lose(event);
            return;
        }
        let history = match self.topics.get_mut(event.topic()) {
            Some(history) => history,
            // What was published to it before may be forgotten.
            None => self
                .topics
                .entry(event.topic().into())
                .or_insert(History { lost: self.lost, ..History::default() }),
        };
        history.events.push_back(Arc::clone(event));
        history.bytes += event.cost();
        self.bytes += event.cost();
        self.count += 1;
        let topic = Arc::clone(event.shared_topic());
        self.order.push_back(Place { topic, offset: event.offset(), time_ms: event.time_ms() });
        while history.events.len() > count || history.bytes > bytes {
            let gone = history.pop();
            self.bytes -= gone;
            self.count -= 1;
        }
        let now = event.time_ms();
        self.expire(now);
        while self.bytes > total_bytes && self.drop_oldest() {}
        if self.order.len() > self.count + STALE_MOST {
            let topics = &self.topics;
            self.order.retain(|place| holds(topics, place));
        }
    }

    fn after(&mut self, patterns: &[Pattern], offset: u64, now_ms: u64) -> Option<Vec<Arc<Event>>> {
        self.expire(now_ms);
        let mut found = Vec::new();
        let mut visit = |history: &History| {
            if offset < history.lost {
                return false;
            }
            let from = history.events.partition_point(|event| event.offset() <= offset);
            found.extend(history.events.range(from..).cloned());
            true
        };
        let mut complete = true;
        if patterns.iter().all(|pattern| pattern.exact().is_some()) {
            for topic in patterns.iter().filter_map(Pattern::exact) {
                complete &= match self.topics.get(topic) {
                    Some(history) => visit(history),
                    None => offset >= self.lost,
                };
            }
        } else {
            complete = offset >= self.lost;
            let matching = |topic: &str| patterns.iter().any(|pattern| pattern.matches(topic));
            for (_, history) in self.topics.iter().filter(|(topic, _)| matching(topic)) {
                complete &= visit(history);
            }
        }
        found.sort_unstable_by_key(|event| event.offset());
        found.dedup_by_key(|event| event.offset());
        complete.then_some(found)
    }

    fn latest(&mut self, topic: &str, now_ms: u64) -> Vec<Arc<Event>> {
        self.expire(now_ms);
        let Some(history) = self.topics.get(topic) else { return Vec::new() };
        let mut seen = std::collections::HashSet::new();
        let mut found: Vec<_> =
            history.events.iter().rev().filter(|event| seen.insert(event.key())).cloned().collect();
        found.reverse();
        found
    }

    fn held(&self) -> Held {
        Held { topics: self.topics.len(), events: self.count, bytes: self.bytes }
    }
}

impl History {
    /// The oldest leaves. Returns its bytes.
    fn pop(&mut self) -> usize {
        let Some(event) = self.events.pop_front() else { return 0 };
        self.lost = event.offset();
        self.bytes -= event.cost();
        event.cost()
    }
}

/// Whether the event is kept still: its topic's events are in the order of their offsets, and the oldest go first.
fn holds(topics: &HashMap<Box<str>, History>, place: &Place) -> bool {
    let first = topics.get(&*place.topic).and_then(|history| history.events.front());
    first.is_some_and(|first| first.offset() <= place.offset)
}
