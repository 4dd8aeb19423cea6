//! What all clients count.

use crate::histogram::Histogram;
use std::cell::{Cell, RefCell};
use std::time::Instant;

/// Digits of a stamp.
pub const STAMP_DIGITS: usize = 16;

pub struct Counters {
    /// Messages, responses or events.
    pub messages: Cell<u64>,
    /// Of their payloads.
    pub bytes: Cell<u64>,
    /// Connections that the server ended.
    pub closed: Cell<u64>,
    pub latency: RefCell<Histogram>,
    /// The first thing that went wrong.
    pub failure: RefCell<Option<String>>,
    /// Of the first payload, which all others must equal.
    digest: Cell<Option<u64>>,
}

impl Counters {
    pub fn new() -> Self {
        Self {
            messages: Cell::new(0),
            bytes: Cell::new(0),
            closed: Cell::new(0),
            latency: RefCell::new(Histogram::new()),
            failure: RefCell::new(None),
            digest: Cell::new(None),
        }
    }

    pub fn count(&self, bytes: u64) {
        self.messages.set(self.messages.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
    }

    /// Something that was sent at `sent` is back.
    pub fn answered(&self, sent: Instant) {
        self.latency.borrow_mut().add(sent.elapsed().as_micros() as u64);
    }

    /// Something came that says itself when it was sent.
    pub fn stamped(&self, payload: &[u8]) {
        let Some(sent) = payload.get(..STAMP_DIGITS).and_then(|digits| std::str::from_utf8(digits).ok())
        else {
            return self.fail("a payload is too short for its stamp");
        };
        let Ok(sent) = sent.parse::<u64>() else { return self.fail("a payload has no stamp") };
        self.latency.borrow_mut().add(monotonic_micros().saturating_sub(sent));
    }

    /// The digest of a payload: all must be the same.
    pub fn check(&self, digest: Digest) {
        match self.digest.get() {
            None => self.digest.set(Some(digest.0)),
            Some(first) if first != digest.0 => self.fail("two payloads differ"),
            Some(_) => {}
        }
    }

    /// The digest that all payloads have, in hexadecimal; empty where none was checked.
    pub fn digest(&self) -> String {
        self.digest.get().map_or_else(String::new, |digest| format!("{digest:016x}"))
    }

    pub fn fail(&self, what: &str) {
        self.failure.borrow_mut().get_or_insert_with(|| what.to_owned());
    }
}

/// FNV-1a: whether two payloads are the same, not more.
#[derive(Clone, Copy)]
pub struct Digest(u64);

impl Digest {
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = Self::new();
        digest.add(bytes);
        digest
    }

    pub fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// What Node's `process.hrtime` counts, too.
fn monotonic_micros() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}
