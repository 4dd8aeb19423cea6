//! Who has something to do: the wakers of a connection and of its streams.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// What was woken since it was last asked. Each stream is in it once at most.
#[derive(Debug, Default)]
pub(super) struct Ready {
    connection: AtomicBool,
    streams: Mutex<Vec<u32>>,
}

impl Ready {
    fn streams(&self) -> MutexGuard<'_, Vec<u32>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wake_connection(&self) {
        self.connection.store(true, Ordering::Relaxed);
    }

    /// Whether the connection was woken; it is not any more.
    pub fn take_connection(&self) -> bool {
        self.connection.swap(false, Ordering::Relaxed)
    }

    /// Moves the streams that were woken into `list`, which is empty.
    pub fn take_streams(&self, list: &mut Vec<u32>) {
        std::mem::swap(&mut *self.streams(), list);
    }

    pub fn is_quiet(&self) -> bool {
        !self.connection.load(Ordering::Relaxed) && self.streams().is_empty()
    }
}

struct ConnectionWaker(Arc<Ready>);

impl Wake for ConnectionWaker {
    fn wake(self: Arc<Self>) {
        self.0.wake_connection();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake_connection();
    }
}

/// A stream's: it notes the stream until it is polled.
pub(super) struct StreamWaker {
    ready: Arc<Ready>,
    stream: u32,
    noted: AtomicBool,
}

impl StreamWaker {
    pub fn new(ready: &Arc<Ready>, stream: u32) -> Arc<Self> {
        Arc::new(Self { ready: Arc::clone(ready), stream, noted: AtomicBool::new(false) })
    }

    pub fn note(&self) {
        if !self.noted.swap(true, Ordering::Relaxed) {
            self.ready.streams().push(self.stream);
        }
    }

    /// It is being polled: what wakes it from now on notes it again.
    pub fn polled(&self) {
        self.noted.store(false, Ordering::Relaxed);
    }
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        self.note();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.note();
    }
}

pub(super) fn connection_waker(ready: &Arc<Ready>) -> Waker {
    Waker::from(Arc::new(ConnectionWaker(Arc::clone(ready))))
}
