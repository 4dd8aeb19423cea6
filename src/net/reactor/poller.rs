//! epoll, and the timer that wakes it.

use super::Interest;
use rustix::event::{Timespec, epoll};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// The timer's key; no token has it, for a token's generation begins with 1.
const TIMER: u64 = 0;

/// One epoll instance with a timer of its own.
pub(super) struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
}

/// A descriptor that is ready.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    pub key: u64,
    pub readable: bool,
    pub writable: bool,
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = rustix::time::timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN)?;
        Ok(Self { epoll, timer })
    }

    /// Readable while anything is ready.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Changes what `descriptor` is polled for from `old` to `new`. With no interest it is not in the set at all: epoll
    /// always tells of hang-ups, and one that nobody reads from would be told for ever.
    pub fn change(&self, descriptor: impl AsFd, key: u64, old: Interest, new: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(key);
        match (old, new) {
            (old, new) if old == new => Ok(()),
            (Interest::NONE, new) => Ok(epoll::add(&self.epoll, descriptor, data, flags(new))?),
            (_, Interest::NONE) => Ok(epoll::delete(&self.epoll, descriptor)?),
            (_, new) => Ok(epoll::modify(&self.epoll, descriptor, data, flags(new))?),
        }
    }

    /// Waits up to `timeout` (for ever without one) and adds what is ready to `ready`. Returns whether the timer rang.
    pub fn wait(
        &self,
        events: &mut Vec<epoll::Event>,
        ready: &mut impl Extend<Ready>,
        timeout: Option<Duration>,
    ) -> io::Result<bool> {
        let timeout = timeout.map(timespec);
        events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), timeout.as_ref()) {
            // A signal: the caller looks again in its own time.
            Err(rustix::io::Errno::INTR) => return Ok(false),
            other => other?,
        };
        let mut rang = false;
        ready.extend(events.iter().filter_map(|event| {
            let (key, flags) = (event.data.u64(), event.flags);
            if key == TIMER {
                rang = true;
                return None;
            }
            let broken = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
            Some(Ready {
                key,
                readable: broken || flags.contains(epoll::EventFlags::IN),
                writable: broken || flags.contains(epoll::EventFlags::OUT),
            })
        }));
        Ok(rang)
    }

    /// Makes [`as_fd`](Self::as_fd) readable in `delay`; never, without one. Also takes back a ring that was not heard.
    pub fn set_timer(&self, delay: Option<Duration>) -> io::Result<()> {
        // An all-zero value would disarm the timer.
        let value = delay.map_or(Timespec::default(), |delay| timespec(delay.max(Duration::from_nanos(1))));
        let spec = Itimerspec { it_interval: Timespec::default(), it_value: value };
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec)?;
        Ok(())
    }
}

fn flags(interest: Interest) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, interest.read);
    flags.set(epoll::EventFlags::OUT, interest.write);
    flags
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i64::from(i32::MAX)),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
