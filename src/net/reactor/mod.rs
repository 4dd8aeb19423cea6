//! Non-blocking descriptors, driven by whoever owns the thread.
//!
//! A [`Reactor`] watches descriptors with one epoll instance and runs one *turn* when it is told to. It has no thread:
//! the thread of its owner calls [`Reactor::turn`] when [`Reactor::as_fd`] is readable (Node's loop watches that
//! descriptor), or with a timeout (tests, a plain Rust program). So a lone message needs no hop between threads, and
//! all that arrived meanwhile is one batch.
//!
//! ```no_run
//! use millrace::net::reactor::{Interest, Reactor, Readiness, Source, Turn};
//! use std::{net::TcpStream, rc::Rc, time::Duration};
//!
//! struct Connection(TcpStream);
//! impl Source for Connection {
//!     fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
//!         if readiness.readable {
//!             let _bytes = turn.read(&self.0);
//!         }
//!     }
//! }
//!
//! let reactor = Reactor::new()?;
//! let stream = TcpStream::connect("127.0.0.1:80")?;
//! stream.set_nonblocking(true)?;
//! let descriptor = stream.try_clone()?;
//! let token = reactor.register(&descriptor, Interest::READ, Rc::new(Connection(stream)))?;
//! reactor.turn(Some(Duration::from_secs(1)))?;
//! reactor.deregister(token, &descriptor);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Bounds
//! A turn ends after [`TURN_BYTES`] read or [`TURN_TIME`]; a source gets [`READ_BYTES`] of a turn at most. What was ready
//! and not served comes first in the next turn, so that no source waits for ever behind a busy one. Polling is
//! level-triggered: a source that leaves bytes in its socket is called again.

mod bell;
mod core;
mod poller;
mod wheel;

#[cfg(test)]
mod tests;

pub use self::bell::{Bell, Ringer};
pub use self::core::Reactor;

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Bytes that one source may read in one turn.
pub const READ_BYTES: usize = 64 << 10;

/// Bytes read by all sources after which a turn ends.
pub const TURN_BYTES: usize = 1 << 20;

/// Time after which a turn begins no further source.
pub const TURN_TIME: Duration = Duration::from_millis(5);

/// The name of a registration. A token of a source that is gone names nothing, also when its place is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(u64);

/// What a source waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interest {
    /// Bytes, the peer's end, or a connection to accept.
    pub read: bool,
    /// Room in the socket.
    pub write: bool,
}

impl Interest {
    /// Nothing: the descriptor is not polled at all, and a hang-up is not heard of either.
    pub const NONE: Self = Self { read: false, write: false };
    /// Bytes.
    pub const READ: Self = Self { read: true, write: false };
    /// Room.
    pub const WRITE: Self = Self { read: false, write: true };
    /// Both.
    pub const BOTH: Self = Self { read: true, write: true };
}

/// What a source may do now. An error or a hang-up of the descriptor shows as both: the next call tells which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// `read` or `accept` will not block.
    pub readable: bool,
    /// `write` will not block.
    pub writable: bool,
}

/// Something with a descriptor. It is shared between its reactor and its owner, on one thread: its state is in cells, and
/// must not be borrowed while its owner calls into the reactor's `turn`.
pub trait Source {
    /// The descriptor is ready for what the source waits for.
    fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>);

    /// The deadline set by [`Reactor::set_deadline`] has passed. It is forgotten by then and may be set again.
    fn expired(&self, _turn: &mut Turn<'_>) {}
}

/// One turn, as a source sees it.
pub struct Turn<'a> {
    reactor: &'a Reactor,
    buffer: &'a mut [u8],
    plain: &'a mut Vec<u8>,
    started: Instant,
    bytes: usize,
}

impl Turn<'_> {
    /// The reactor, to register further sources, change what one waits for, or take one out.
    pub fn reactor(&self) -> &Reactor {
        self.reactor
    }

    /// When the turn began.
    pub fn now(&self) -> Instant {
        self.started
    }

    /// Reads once from `descriptor` into the turn's buffer of [`READ_BYTES`], which all sources share: the bytes are
    /// the caller's until it returns. No bytes are the peer's end.
    ///
    /// # Errors
    /// The system's; `WouldBlock` where there is nothing to read.
    pub fn read(&mut self, descriptor: impl AsFd) -> io::Result<&mut [u8]> {
        let count = loop {
            match rustix::io::read(&descriptor, &mut *self.buffer) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other?,
            }
        };
        self.bytes += count;
        Ok(&mut self.buffer[..count])
    }

    /// The turn's buffer, and one for what its bytes hold beneath a layer of coding.
    pub(in crate::net) fn buffers(&mut self) -> (&mut [u8], &mut Vec<u8>) {
        (self.buffer, self.plain)
    }

    /// Counts `bytes` that a source read by itself towards the turn's bound.
    pub fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Whether the turn should begin no further source.
    fn is_over(&self) -> bool {
        self.bytes >= TURN_BYTES || self.started.elapsed() >= TURN_TIME
    }
}
