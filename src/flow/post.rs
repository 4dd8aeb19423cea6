//! The post office of one JavaScript thread: which operators have news for it, and the doorbell.
//!
//! Any number of operators put news here; the bell rings only when the list goes from empty to non-empty, and
//! JavaScript then takes all of it in one call. The list holds one entry at most for each live operator (news of one
//! operator are bits), so it is bounded by their number.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Wakes the JavaScript thread. Must not block; may be called from any thread, and after that thread is gone.
pub type Ring = Box<dyn Fn() + Send + Sync>;

/// News for one JavaScript thread.
pub struct Post {
    ring: Ring,
    news: Mutex<Vec<(u32, Arc<AtomicU32>)>>,
    /// Operators at work, and blocks of theirs: while there are any, the event loop is kept alive.
    active: AtomicUsize,
    rung: AtomicBool,
    /// Bytes of native memory of this thread's operators, for the report to V8.
    native_bytes: AtomicI64,
}

impl Post {
    /// A post office that wakes its reader with `ring`.
    pub fn new(ring: Ring) -> Self {
        Self {
            ring,
            news: Mutex::new(Vec::new()),
            active: AtomicUsize::new(0),
            rung: AtomicBool::new(false),
            native_bytes: AtomicI64::new(0),
        }
    }

    /// Adds news of operator `id`, whose untold bits are `pending`; `urgent` news ring the bell.
    pub(super) fn tell(&self, id: u32, pending: &Arc<AtomicU32>, bits: u32, urgent: bool) {
        // Non-zero bits mean that the operator stands in the list already.
        if pending.fetch_or(bits, Ordering::AcqRel) == 0 {
            self.news.lock().unwrap_or_else(PoisonError::into_inner).push((id, Arc::clone(pending)));
        }
        if urgent {
            self.wake();
        }
    }

    fn wake(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) && !super::operator::on_js_thread() {
            (self.ring)();
        }
    }

    /// Takes up to `most` entries (operator, event bits), oldest first.
    pub fn take(&self, most: usize, mut each: impl FnMut(u32, u32)) -> usize {
        self.rung.store(false, Ordering::Release);
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let count = news.len().min(most);
        for (id, pending) in news.drain(..count) {
            each(id, pending.swap(0, Ordering::AcqRel));
        }
        count
    }

    /// Operators and blocks at work.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Acquire)
    }

    pub(super) fn enter(&self) {
        self.active.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn leave(&self) {
        if self.active.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.wake();
        }
    }

    pub(super) fn grow(&self, bytes: i64) {
        self.native_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of native memory held by this thread's operators.
    pub fn native_bytes(&self) -> i64 {
        self.native_bytes.load(Ordering::Relaxed)
    }
}
