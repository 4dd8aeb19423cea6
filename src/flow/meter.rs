//! Counters of one operator. Relaxed atomics: each is read for display, none guards anything.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// What an operator that is not running waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Waiting {
    /// Nothing to wait for: not begun, or ended.
    Nothing = 0,
    /// Input.
    Input = 1,
    /// Room at its consumer.
    Room = 2,
    /// Its own blocks on other threads.
    Blocks = 3,
}

/// Counts bytes, rows and time of one operator.
#[derive(Debug)]
pub struct Meter {
    born: Instant,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    pub(super) rows_in: AtomicU64,
    pub(super) rows_out: AtomicU64,
    pub(super) rejects: AtomicU64,
    busy_ns: AtomicU64,
    starved_ns: AtomicU64,
    held_ns: AtomicU64,
    waiting: AtomicU8,
    waiting_since_ns: AtomicU64,
    ended_ns: AtomicU64,
}

/// A reading of a [`Meter`]; times in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeterReading {
    /// Bytes taken from the inbox.
    pub bytes_in: u64,
    /// Bytes given out.
    pub bytes_out: u64,
    /// Rows taken, where the stage knows rows.
    pub rows_in: u64,
    /// Rows given out.
    pub rows_out: u64,
    /// Rows left out.
    pub rejects: u64,
    /// Time at work, all threads added up.
    pub busy_ns: u64,
    /// Time without input.
    pub starved_ns: u64,
    /// Time held back by the consumer.
    pub held_ns: u64,
    /// Time from the first byte's chance to now, or to the end.
    pub life_ns: u64,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            born: Instant::now(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            rows_in: AtomicU64::new(0),
            rows_out: AtomicU64::new(0),
            rejects: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            starved_ns: AtomicU64::new(0),
            held_ns: AtomicU64::new(0),
            waiting: AtomicU8::new(0),
            waiting_since_ns: AtomicU64::new(0),
            ended_ns: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        self.born.elapsed().as_nanos() as u64
    }

    pub(super) fn add_busy(&self, ns: u64) {
        self.busy_ns.fetch_add(ns, Relaxed);
    }

    /// The operator stops running; what follows counts as waiting for `what`.
    pub(super) fn wait_for(&self, what: Waiting) {
        self.waiting_since_ns.store(self.now(), Relaxed);
        self.waiting.store(what as u8, Relaxed);
    }

    /// The operator runs again: the wait is booked.
    pub(super) fn resume(&self) {
        let what = self.waiting.swap(0, Relaxed);
        let waited = self.now().saturating_sub(self.waiting_since_ns.load(Relaxed));
        match what {
            1 => self.starved_ns.fetch_add(waited, Relaxed),
            2 => self.held_ns.fetch_add(waited, Relaxed),
            _ => 0,
        };
    }

    pub(super) fn end(&self) {
        if self.ended_ns.load(Relaxed) == 0 {
            self.resume();
            self.ended_ns.store(self.now().max(1), Relaxed);
        }
    }

    /// All counters now, with the wait that is under way.
    pub fn read(&self) -> MeterReading {
        let now = self.now();
        let mut reading = MeterReading {
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            rows_in: self.rows_in.load(Relaxed),
            rows_out: self.rows_out.load(Relaxed),
            rejects: self.rejects.load(Relaxed),
            busy_ns: self.busy_ns.load(Relaxed),
            starved_ns: self.starved_ns.load(Relaxed),
            held_ns: self.held_ns.load(Relaxed),
            life_ns: match self.ended_ns.load(Relaxed) {
                0 => now,
                ended => ended,
            },
        };
        let waited = now.saturating_sub(self.waiting_since_ns.load(Relaxed));
        match self.waiting.load(Relaxed) {
            1 => reading.starved_ns += waited,
            2 => reading.held_ns += waited,
            _ => {}
        }
        reading
    }
}
