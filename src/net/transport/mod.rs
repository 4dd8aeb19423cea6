//! A connection's bytes: straight on a non-blocking socket.
//!
//! Protocol engines read, write and end a [`Transport`], and need not know what is between them and the socket. It never
//! blocks and has no thread; the reactor's turn drives it through the engine that owns it. What a transport keeps for itself
//! shows in [`waiting`](Transport::waiting), and an engine that waits for room does so while that is not 0, too.

mod file;

pub use file::FileSent;

use crate::net::reactor::Turn;
use rustix::io::Errno;
use rustix::net::sockopt;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Buffers that one call takes; the rest is left.
pub const MOST_SLICES: usize = 64;

/// See the [module](self).
#[derive(Debug)]
pub struct Transport {
    socket: OwnedFd,
}

impl Transport {
    /// Bytes as they are, on a socket that does not block.
    pub fn plain(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// The socket, for its addresses and options. Its bytes are the transport's.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// The socket alone.
    pub fn into_socket(self) -> OwnedFd {
        self.socket
    }

    /// Reads what came, into the turn's buffer: the bytes are the caller's until it returns. No bytes are the peer's end.
    ///
    /// # Errors
    /// The system's; `WouldBlock` where there is nothing to read.
    pub fn read<'t>(&mut self, turn: &'t mut Turn<'_>) -> io::Result<&'t mut [u8]> {
        turn.read(&self.socket)
    }

    /// Whether [`read_into`](Self::read_into) can be used.
    pub fn reads_in_place(&self) -> bool {
        true
    }

    /// Reads what came, straight into `room`; 0 is the peer's end.
    ///
    /// # Errors
    /// The system's; `WouldBlock` where there is nothing to read.
    pub fn read_into(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.socket, &mut *room) {
                Err(Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    /// Sends the start of `parts`, at most [`MOST_SLICES`] of them; returns how many bytes it took, 0 where there is no room.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let parts = &parts[..parts.len().min(MOST_SLICES)];
        loop {
            let taken = match parts {
                [part] => rustix::io::write(&self.socket, part),
                _ => rustix::io::writev(&self.socket, parts),
            };
            match taken {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(0),
                other => return Ok(other?),
            }
        }
    }

    /// Bytes that it took and the socket did not yet.
    pub fn waiting(&self) -> usize {
        0
    }

    /// Sends what waits, as far as the socket takes it.
    ///
    /// # Errors
    /// The system's.
    pub fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Gathers what is sent into whole segments, or sends the rest and stops that. Returns whether there is such a thing here.
    pub fn set_corked(&self, on: bool) -> bool {
        sockopt::set_tcp_cork(&self.socket, on).is_ok()
    }

    /// Ends our side; call it when nothing waits. What the peer still sends can be read.
    ///
    /// # Errors
    /// The system's: the peer is gone.
    pub fn end(&mut self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write)?)
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
