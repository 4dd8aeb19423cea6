//! Hubs and the mailbox of a JavaScript thread.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use super::bell::bell;
use crate::net::hub::{
    self, Cursor, Event, HubOptions, MailboxOptions, NewEvent, Origin, Pattern, Replay, SlowPolicy,
};
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Hubs that have a name: all threads of the process that give it share one.
static NAMED: Mutex<Option<HashMap<String, Weak<hub::Hub>>>> = Mutex::new(None);

/// Bytes of a record before its texts: offset and time (f64 each), lengths of topic, name, key and scope (u32 each, all ones
/// for none), of data (u32), and whether it is text (u32).
const RECORD_BYTES: usize = 2 * 8 + 6 * 4;
const NONE: u32 = u32::MAX;

pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// What a subscription begins with.
#[napi(object)]
pub struct HubSubscribed {
    /// The hub's last event at that time.
    pub offset: f64,
    /// Events that were missed wait in the mailbox's `takeMissed`.
    pub missed: bool,
    /// They are not kept any more.
    pub too_old: bool,
}

/// Topics, shared by threads.
#[napi]
pub struct Hub {
    hub: Arc<hub::Hub>,
}

#[napi]
impl Hub {
    /// The hub of that name, where there is one in the process, or a new one. JavaScript has checked the numbers; 0 ms is no age.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        name: Option<String>,
        history_count: u32,
        history_bytes: f64,
        age_ms: f64,
        total_bytes: f64,
    ) -> Self {
        let options = HubOptions {
            history_count: history_count as usize,
            history_bytes: history_bytes as usize,
            history_age_ms: (age_ms > 0.0).then_some(age_ms as u64),
            total_bytes: total_bytes as usize,
        };
        // A hasher of the standard library is seeded at random. An epoch stays a safe integer.
        let epoch = || RandomState::new().hash_one(now_ms()) >> 11;
        let Some(name) = name else { return Self { hub: hub::Hub::new(epoch(), options) } };
        let mut guard = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        let named = guard.get_or_insert_default();
        named.retain(|_, hub| hub.strong_count() > 0);
        let hub = named.get(&name).and_then(Weak::upgrade).unwrap_or_else(|| {
            let hub = hub::Hub::new(epoch(), options);
            named.insert(name, Arc::downgrade(&hub));
            hub
        });
        Self { hub }
    }

    /// The hub's life, as it stands in ids.
    #[napi(getter, catch_unwind)]
    pub fn epoch(&self) -> String {
        format!("{:x}", self.hub.epoch())
    }

    /// The last event's offset.
    #[napi(getter, catch_unwind)]
    pub fn offset(&self) -> f64 {
        self.hub.cursor().offset as f64
    }

    /// Publishes, to all but `member` of `fanout` where these are told; returns the event's offset.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)] // as JavaScript has them: an object would cost more than the call
    pub fn publish(
        &self,
        topic: String,
        data: &[u8],
        text: bool,
        name: Option<String>,
        key: Option<String>,
        scope: Option<String>,
        fanout: Option<f64>,
        member: Option<u32>,
    ) -> Result<f64> {
        if !hub::is_topic(&topic) {
            return Err(Error::new(Status::InvalidArg, "not a topic"));
        }
        let origin = fanout.zip(member).map(|(fanout, member)| Origin { fanout: fanout as u64, member });
        let new = NewEvent {
            topic: topic.into(),
            name: name.map(Into::into),
            key: key.map(Into::into),
            scope: scope.map(Into::into),
            data: data.to_vec(),
            text,
            origin,
        };
        Ok(self.hub.publish(new, now_ms()).offset() as f64)
    }

    /// Begins to put events of `patterns` into `mailbox`; `since` is an event's id.
    #[napi(catch_unwind)]
    pub fn subscribe(
        &self,
        mailbox: &HubMailbox,
        patterns: Vec<String>,
        since: Option<String>,
    ) -> Result<HubSubscribed> {
        let patterns = parse(&patterns)?;
        let since = since.map(cursor);
        let subscribed = self.hub.subscribe(&mailbox.mailbox, &patterns, since, now_ms());
        let (missed, too_old) = match subscribed.replay {
            Some(Replay::Missed(events)) => {
                let missed = !events.is_empty();
                mailbox.missed.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
                (missed, false)
            }
            Some(Replay::TooOld) => (false, true),
            None => (false, false),
        };
        Ok(HubSubscribed { offset: subscribed.cursor.offset as f64, missed, too_old })
    }

    /// Ends what one `subscribe` began.
    #[napi(catch_unwind)]
    pub fn unsubscribe(&self, mailbox: &HubMailbox, patterns: Vec<String>) -> Result<()> {
        self.hub.unsubscribe(&mailbox.mailbox, &parse(&patterns)?);
        Ok(())
    }

    /// The latest kept events of `topic`, one for each key, come by `mailbox`'s `takeMissed`; returns how many.
    #[napi(catch_unwind)]
    pub fn latest(&self, mailbox: &HubMailbox, topic: String) -> u32 {
        let events = self.hub.latest(&topic, now_ms());
        let count = events.len() as u32;
        mailbox.missed.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
        count
    }

    /// Subscriptions of all threads that match `topic`.
    #[napi(catch_unwind)]
    pub fn subscribers(&self, topic: String) -> u32 {
        self.hub.subscribers(&topic) as u32
    }

    /// Topics with a history, events kept, and their bytes.
    #[napi(catch_unwind)]
    pub fn held(&self) -> Vec<f64> {
        let (topics, events, bytes) = self.hub.held();
        vec![topics as f64, events as f64, bytes as f64]
    }
}

impl Hub {
    pub(super) fn inner(&self) -> &Arc<hub::Hub> {
        &self.hub
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn describe(joined: hub::Joined) -> HubSubscribed {
    HubSubscribed { offset: joined.offset as f64, missed: joined.replayed > 0, too_old: joined.too_old }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn boxed(scopes: Option<Vec<String>>) -> Option<Vec<Box<str>>> {
    scopes.map(|all| all.into_iter().map(Into::into).collect())
}

/// An id that is none of ours is of another life.
pub(super) fn cursor(id: String) -> Cursor {
    Cursor::parse(&id).unwrap_or(Cursor { epoch: u64::MAX, offset: 0 })
}

pub(super) fn parse<T: AsRef<[String]> + ?Sized>(patterns: &T) -> Result<Vec<Pattern>> {
    let parsed: Option<Vec<_>> = patterns.as_ref().iter().map(|text| Pattern::new(text)).collect();
    parsed.ok_or_else(|| Error::new(Status::InvalidArg, "not a pattern"))
}

/// What waits for a JavaScript thread.
#[napi]
pub struct HubMailbox {
    mailbox: Arc<hub::Mailbox>,
    /// Events of a replay, before what comes by `take`. Bounded by the hub's history.
    missed: Mutex<VecDeque<Arc<Event>>>,
    /// Taken, and had no room in JavaScript's buffer.
    waiting: VecDeque<Arc<Event>>,
}

#[napi]
impl HubMailbox {
    /// An empty mailbox for `bytes`. `onRing` is called when something is there; it keeps no event loop alive.
    #[napi(constructor, catch_unwind)]
    pub fn new(on_ring: Function<(), ()>, bytes: f64) -> Result<Self> {
        let options = MailboxOptions { bytes: bytes as usize, policy: SlowPolicy::DropOldest, scopes: None };
        let mailbox = hub::Mailbox::new(options, bell(on_ring)?);
        Ok(Self { mailbox, missed: Mutex::default(), waiting: VecDeque::new() })
    }

    /// Fills `buffer` with events, oldest first. Returns the bytes that were filled, or the negative size that the next event
    /// needs, or 0 where nothing waits.
    #[napi(catch_unwind)]
    pub fn take(&mut self, mut buffer: BufferSlice) -> i64 {
        if self.waiting.is_empty() {
            self.waiting.extend(self.mailbox.take(buffer.len()));
        }
        pack(&mut self.waiting, &mut buffer)
    }

    /// The same for what a subscription missed.
    #[napi(catch_unwind)]
    pub fn take_missed(&mut self, mut buffer: BufferSlice) -> i64 {
        pack(self.missed.get_mut().unwrap_or_else(PoisonError::into_inner), &mut buffer)
    }

    /// Events that were dropped because the thread did not come for them.
    #[napi(catch_unwind)]
    pub fn dropped(&self) -> f64 {
        self.mailbox.dropped() as f64
    }
}

fn pack(events: &mut VecDeque<Arc<Event>>, buffer: &mut [u8]) -> i64 {
    let mut at = 0;
    while let Some(event) = events.front() {
        let texts = [Some(event.topic()), event.name(), event.key(), event.scope()];
        let length: usize = texts.iter().flatten().map(|text| text.len()).sum();
        let size = RECORD_BYTES + length + event.data().len();
        let Some(record) = buffer.get_mut(at..at + size) else {
            return if at > 0 { at as i64 } else { -(size as i64) };
        };
        let mut fill = Fill { record, at: 0 };
        fill.put(&(event.offset() as f64).to_le_bytes());
        fill.put(&(event.time_ms() as f64).to_le_bytes());
        for text in texts {
            fill.put(&text.map_or(NONE, |text| text.len() as u32).to_le_bytes());
        }
        fill.put(&(event.data().len() as u32).to_le_bytes());
        fill.put(&u32::from(event.is_text()).to_le_bytes());
        for text in texts.into_iter().flatten() {
            fill.put(text.as_bytes());
        }
        fill.put(event.data());
        at += size;
        events.pop_front();
    }
    at as i64
}

struct Fill<'a> {
    record: &'a mut [u8],
    at: usize,
}

impl Fill<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.record[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}
