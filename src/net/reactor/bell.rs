//! How any thread wakes a reactor.

use super::{Interest, Reactor, Readiness, Source, Token, Turn};
use rustix::event::Timespec;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags};
use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Rings a [`Bell`], from any thread.
#[derive(Debug)]
pub struct Ringer {
    /// A timer, not an event descriptor: then it can ring later.
    timer: OwnedFd,
    /// Nanoseconds of the monotonic clock before which it is not heard.
    rests_until: AtomicU64,
}

impl Ringer {
    /// Wakes the reactor: its bell is told once, however often it was rung until then.
    pub fn ring(&self) {
        // An absolute time that has passed rings at once; all zeros would never.
        let at = self.rests_until.load(Ordering::Relaxed).max(1);
        let value = Timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as _ };
        let spec = Itimerspec { it_interval: Timespec::default(), it_value: value };
        // The descriptor is ours and valid, and so is the time.
        let _ = rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &spec);
    }
}

/// The reactor's end.
pub struct Bell {
    ringer: Arc<Ringer>,
    token: Cell<Option<Token>>,
    on_ring: Box<dyn Fn()>,
}

impl Bell {
    /// Calls `on_ring` in a turn of `reactor` after it was rung. It keeps no loop alive.
    ///
    /// # Errors
    /// The system's: no more descriptors.
    pub fn new(reactor: &Reactor, on_ring: impl Fn() + 'static) -> io::Result<Rc<Self>> {
        let timer = rustix::time::timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        let ringer = Arc::new(Ringer { timer, rests_until: AtomicU64::new(0) });
        let bell = Rc::new(Self { ringer, token: Cell::new(None), on_ring: Box::new(on_ring) });
        let source: Rc<dyn Source> = bell.clone();
        let token = reactor.register(&bell.ringer.timer, Interest::READ, source)?;
        reactor.set_referenced(token, false);
        bell.token.set(Some(token));
        Ok(bell)
    }

    /// For other threads.
    pub fn ringer(&self) -> Arc<Ringer> {
        Arc::clone(&self.ringer)
    }

    /// Rings of the next `time` are heard when it is over.
    pub fn rest(&self, time: Duration) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let now = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
        self.ringer.rests_until.store(now + time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// It is told no more.
    pub fn close(&self, reactor: &Reactor) {
        if let Some(token) = self.token.take() {
            reactor.deregister(token, &self.ringer.timer);
        }
    }
}

impl Source for Bell {
    fn ready(&self, _readiness: Readiness, _turn: &mut Turn<'_>) {
        let mut count = [0; 8];
        // Level-triggered: what rings after this rings again.
        let _ = rustix::io::read(&self.ringer.timer, &mut count);
        (self.on_ring)();
    }
}
