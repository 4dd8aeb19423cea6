//! The reactor: who is registered, and the turn.

use super::poller::{Poller, Ready};
use super::wheel::{TICK, Wheel};
use super::{Interest, READ_BYTES, Readiness, Source, Token, Turn};
use rustix::event::epoll;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Descriptors taken from the system at a time; more are told in the next turn.
const EVENTS: usize = 512;

/// Sees the number of sources that keep the loop alive go from none to some, and back.
type KeepAlive = Box<dyn Fn(bool)>;

/// Watches descriptors for the thread that made it. See the [module](super).
pub struct Reactor {
    poller: Poller,
    entries: RefCell<Entries>,
    wheel: RefCell<Wheel>,
    /// The tick for which the poller's timer is set.
    timer_tick: Cell<Option<u64>>,
    epoch: Instant,
    /// Sources that keep the loop alive.
    referenced: Cell<usize>,
    keep_alive: RefCell<Option<KeepAlive>>,
    work: RefCell<Work>,
}

/// What a turn works with, kept for the next one.
struct Work {
    events: Vec<epoll::Event>,
    /// Told by the system and not yet served: first in the next turn. At most [`EVENTS`].
    ready: VecDeque<Ready>,
    due: Vec<u64>,
    buffer: Vec<u8>,
    plain: Vec<u8>,
}

struct Entry {
    source: Rc<dyn Source>,
    interest: Interest,
    referenced: bool,
    /// The tick at which the source expires.
    deadline: Option<u64>,
    /// The tick at which the wheel looks at it.
    scheduled: Option<u64>,
}

#[derive(Default)]
struct Entries {
    slots: Vec<(u32, Option<Entry>)>,
    free: Vec<u32>,
}

impl Entries {
    fn insert(&mut self, entry: Entry) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            u32::try_from(self.slots.len() - 1).expect("more descriptors than any system has")
        });
        let (generation, slot) = &mut self.slots[index as usize];
        // 0 is the poller's timer's.
        *generation = generation.wrapping_add(1).max(1);
        *slot = Some(entry);
        Token(u64::from(*generation) << 32 | u64::from(index))
    }

    fn get(&mut self, key: u64) -> Option<&mut Entry> {
        let (generation, slot) = self.slots.get_mut(key as u32 as usize)?;
        if u64::from(*generation) == key >> 32 { slot.as_mut() } else { None }
    }

    fn remove(&mut self, key: u64) -> Option<Entry> {
        self.get(key)?;
        self.free.push(key as u32);
        self.slots[key as u32 as usize].1.take()
    }
}

impl Reactor {
    /// A reactor for this thread, with nothing registered.
    ///
    /// # Errors
    /// The system's: no more descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            poller: Poller::new()?,
            entries: RefCell::default(),
            wheel: RefCell::new(Wheel::new()),
            timer_tick: Cell::new(None),
            epoch: Instant::now(),
            referenced: Cell::new(0),
            keep_alive: RefCell::new(None),
            work: RefCell::new(Work {
                events: Vec::with_capacity(EVENTS),
                ready: VecDeque::new(),
                due: Vec::new(),
                buffer: Vec::new(),
                plain: Vec::new(),
            }),
        })
    }

    /// Readable while a turn would find something to do.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }

    /// Calls `hook` with `true` when the first source that keeps the loop alive comes, and `false` when the last goes.
    pub fn on_keep_alive(&self, hook: impl Fn(bool) + 'static) {
        *self.keep_alive.borrow_mut() = Some(Box::new(hook));
    }

    /// Watches `descriptor`, which must be non-blocking, for `source`. The source keeps the loop alive until
    /// [`set_referenced`](Self::set_referenced) says otherwise.
    ///
    /// # Errors
    /// The system's: `EPERM` for a descriptor that cannot be polled (a regular file).
    pub fn register(
        &self,
        descriptor: impl AsFd,
        interest: Interest,
        source: Rc<dyn Source>,
    ) -> io::Result<Token> {
        let token = self.entries.borrow_mut().insert(Entry {
            source,
            interest: Interest::NONE,
            referenced: true,
            deadline: None,
            scheduled: None,
        });
        if let Err(error) = self.set_interest(token, descriptor, interest) {
            self.entries.borrow_mut().remove(token.0);
            return Err(error);
        }
        self.count_referenced(true);
        Ok(token)
    }

    /// Changes what the source waits for. A token that names nothing is passed over.
    ///
    /// # Errors
    /// The system's.
    pub fn set_interest(&self, token: Token, descriptor: impl AsFd, interest: Interest) -> io::Result<()> {
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get(token.0) else { return Ok(()) };
        self.poller.change(descriptor, token.0, entry.interest, interest)?;
        entry.interest = interest;
        Ok(())
    }

    /// Whether the source keeps the loop alive.
    pub fn set_referenced(&self, token: Token, referenced: bool) {
        let changed = self
            .entries
            .borrow_mut()
            .get(token.0)
            .is_some_and(|entry| std::mem::replace(&mut entry.referenced, referenced) != referenced);
        if changed {
            self.count_referenced(referenced);
        }
    }

    /// Takes the source out, also from within its own call; call it before the descriptor is closed, which does not stop
    /// the polling where another descriptor of the same socket is open. A token that names nothing is passed over.
    pub fn deregister(&self, token: Token, descriptor: impl AsFd) {
        let entry = self.entries.borrow_mut().remove(token.0);
        let Some(entry) = entry else { return };
        // The only failure is that it was not there.
        let _ = self.poller.change(descriptor, token.0, entry.interest, Interest::NONE);
        if entry.referenced {
            self.count_referenced(false);
        }
    }

    /// Calls the source's `expired` at `deadline` or up to 20 ms later, once; `None` takes it back. Moving a deadline
    /// further away costs next to nothing.
    pub fn set_deadline(&self, token: Token, deadline: Option<Instant>) {
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get(token.0) else { return };
        entry.deadline = deadline.map(|at| self.tick_at(at));
        let Some(tick) = entry.deadline else { return };
        if entry.scheduled.is_none_or(|scheduled| tick < scheduled) {
            entry.scheduled = Some(tick);
            self.wheel.borrow_mut().insert(tick, token.0);
            drop(entries);
            self.set_timer();
        }
    }

    /// Registered sources.
    pub fn len(&self) -> usize {
        let entries = self.entries.borrow();
        entries.slots.len() - entries.free.len()
    }

    /// Whether nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits up to `timeout` for something to do (for ever without one), does it, and returns how many sources were
    /// called. Bounded as the [module](super) says; a source must not call this.
    ///
    /// # Errors
    /// The system's, of polling itself.
    pub fn turn(&self, timeout: Option<Duration>) -> io::Result<usize> {
        let Ok(mut work) = self.work.try_borrow_mut() else {
            return Err(io::Error::other("a turn within a turn"));
        };
        let Work { events, ready, due, buffer, plain } = &mut *work;
        if ready.is_empty() {
            let rang = self.poller.wait(events, ready, timeout)?;
            if rang {
                // No tick is 0: whatever comes next, the timer is set anew, which also ends its ring.
                self.timer_tick.set(Some(0));
            }
        }
        if buffer.is_empty() {
            buffer.resize(READ_BYTES, 0);
        }
        let mut turn = Turn { reactor: self, buffer, plain, started: Instant::now(), bytes: 0 };
        let mut called = 0;
        while let Some(one) = ready.pop_front() {
            called += usize::from(self.serve(one, &mut turn));
            if turn.is_over() {
                break;
            }
        }
        self.wheel.borrow_mut().advance(self.current_tick(turn.started), due);
        for key in due.drain(..) {
            called += usize::from(self.expire(key, &mut turn));
        }
        self.set_timer();
        Ok(called)
    }

    fn serve(&self, Ready { key, readable, writable }: Ready, turn: &mut Turn<'_>) -> bool {
        let mut entries = self.entries.borrow_mut();
        // Gone, or waiting for less, since the system told of it.
        let Some(entry) = entries.get(key) else { return false };
        let readiness = Readiness {
            readable: readable && entry.interest.read,
            writable: writable && entry.interest.write,
        };
        if !readiness.readable && !readiness.writable {
            return false;
        }
        let source = Rc::clone(&entry.source);
        drop(entries);
        source.ready(readiness, turn);
        true
    }

    fn expire(&self, key: u64, turn: &mut Turn<'_>) -> bool {
        let tick = self.current_tick(turn.started);
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get(key) else { return false };
        if entry.scheduled.is_some_and(|scheduled| scheduled > tick) {
            return false; // an entry from before the deadline was moved nearer
        }
        entry.scheduled = None;
        match entry.deadline {
            None => false,
            Some(deadline) if deadline > tick => {
                entry.scheduled = Some(deadline);
                self.wheel.borrow_mut().insert(deadline, key);
                false
            }
            Some(_) => {
                entry.deadline = None;
                let source = Rc::clone(&entry.source);
                drop(entries);
                source.expired(turn);
                true
            }
        }
    }

    /// The tick that has begun at `now`.
    fn current_tick(&self, now: Instant) -> u64 {
        (now.saturating_duration_since(self.epoch).as_nanos() / TICK.as_nanos()) as u64
    }

    /// The first tick that is not before `at`.
    fn tick_at(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_nanos().div_ceil(TICK.as_nanos()) as u64
    }

    /// Sets the poller's timer to the wheel's next tick, where it is not.
    fn set_timer(&self) {
        let next = self.wheel.borrow().next();
        if next == self.timer_tick.get() {
            return;
        }
        let delay = next.map(|tick| {
            let at = Duration::from_nanos((u128::from(tick) * TICK.as_nanos()) as u64);
            at.saturating_sub(self.epoch.elapsed())
        });
        // The descriptor is ours and valid, and so is the time.
        if self.poller.set_timer(delay).is_ok() {
            self.timer_tick.set(next);
        }
    }

    fn count_referenced(&self, more: bool) {
        let before = self.referenced.get();
        let now = if more { before + 1 } else { before - 1 };
        self.referenced.set(now);
        if (before == 0) != (now == 0)
            && let Some(hook) = &*self.keep_alive.borrow()
        {
            hook(now > 0);
        }
    }
}
