//! A connection's bytes: straight on a non-blocking socket, or in TLS between.
//!
//! Protocol engines read, write and end a [`Transport`], and need not know what is between them and the socket. It never
//! blocks and has no thread; the reactor's turn drives it through the engine that owns it. What a transport keeps for itself
//! shows in [`waiting`](Transport::waiting), and an engine that waits for room does so while that is not 0, too.

mod file;
pub mod tls;

pub use file::FileSent;

use crate::net::reactor::Turn;
use rustix::io::Errno;
use rustix::net::{SendFlags, sockopt};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tls::Session;

/// Buffers that one call takes; the rest is left.
pub const MOST_SLICES: usize = 64;

/// See the [module](self).
#[derive(Debug)]
pub struct Transport {
    socket: OwnedFd,
    /// A box: most connections have none.
    session: Option<Box<Session>>,
}

impl Transport {
    /// Bytes as they are, on a socket that does not block.
    pub fn plain(socket: OwnedFd) -> Self {
        Self { socket, session: None }
    }

    /// Bytes in a session, on a socket that does not block.
    pub fn encrypted(socket: OwnedFd, session: Session) -> Self {
        Self { socket, session: Some(Box::new(session)) }
    }

    /// The session, where there is one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Whether bytes can go to and fro: at once on a plain socket, after the handshake in TLS.
    pub fn is_established(&self) -> bool {
        self.session.as_ref().is_none_or(|session| session.is_established())
    }

    /// The protocol that both ends agreed on in the handshake (RFC 7301).
    pub fn alpn(&self) -> Option<&[u8]> {
        self.session.as_ref().and_then(|session| session.alpn())
    }

    /// Whether the peer's end came behind what was read last; told once.
    pub fn take_end(&mut self) -> bool {
        self.session.as_mut().is_some_and(|session| session.take_end())
    }

    /// Goes on with a handshake that [asks](Session::asks) its owner.
    ///
    /// # Errors
    /// The system's, or a [`TlsFault`](tls::TlsFault).
    pub fn choose(
        &mut self,
        context: Option<std::sync::Arc<tls::Context>>,
        alpn: Option<Vec<u8>>,
    ) -> io::Result<()> {
        match &mut self.session {
            Some(session) => session.choose(&self.socket, context, alpn),
            None => Ok(()),
        }
    }

    /// The socket, for its addresses and options. Its bytes are the transport's.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// The socket, and the session on it.
    pub fn into_parts(self) -> (OwnedFd, Option<Box<Session>>) {
        (self.socket, self.session)
    }

    /// The reverse of [`into_parts`](Self::into_parts).
    pub fn from_parts(socket: OwnedFd, session: Option<Box<Session>>) -> Self {
        Self { socket, session }
    }

    /// Reads what came, into the turn's buffer: the bytes are the caller's until it returns. No bytes are the peer's end.
    ///
    /// # Errors
    /// The system's, or a [`TlsFault`](tls::TlsFault); `WouldBlock` where there is nothing to read, or nothing for the caller:
    /// look at [`session`](Self::session) then, as at [`waiting`](Self::waiting).
    pub fn read<'t>(&mut self, turn: &'t mut Turn<'_>) -> io::Result<&'t mut [u8]> {
        let Some(session) = &mut self.session else { return turn.read(&self.socket) };
        let (buffer, plain) = turn.buffers();
        let read = session.read(&self.socket, buffer, plain)?;
        turn.count(read);
        let (_, plain) = turn.buffers();
        if plain.is_empty() && read > 0 && !session.take_end() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(plain)
    }

    /// Whether [`read_into`](Self::read_into) can be used.
    pub fn reads_in_place(&self) -> bool {
        self.session.is_none()
    }

    /// Reads what came, straight into `room`; 0 is the peer's end. Only on a plain socket.
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
        if let Some(session) = &mut self.session {
            return session.write(&self.socket, parts);
        }
        let parts = &parts[..parts.len().min(MOST_SLICES)];
        loop {
            let taken = match parts {
                // A tenth less than write(2), which goes by way of the file system.
                [part] => rustix::net::send(&self.socket, part, SendFlags::NOSIGNAL),
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
        self.session.as_ref().map_or(0, |session| session.waiting())
    }

    /// Sends what waits, as far as the socket takes it.
    ///
    /// # Errors
    /// The system's.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.session {
            Some(session) => session.flush(&self.socket),
            None => Ok(()),
        }
    }

    /// Gathers what is sent into whole segments, or sends the rest and stops that. Returns whether there is such a thing here.
    pub fn set_corked(&self, on: bool) -> bool {
        // Records are sent by many at a time anyway.
        self.session.is_none() && sockopt::set_tcp_cork(&self.socket, on).is_ok()
    }

    /// Ends our side; call it when nothing waits. What the peer still sends can be read. Returns false where it has to be
    /// called again, when nothing [waits](Self::waiting).
    ///
    /// # Errors
    /// The system's: the peer is gone.
    pub fn end(&mut self) -> io::Result<bool> {
        if let Some(session) = &mut self.session
            && !session.end(&self.socket)?
        {
            return Ok(false);
        }
        rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write)?;
        Ok(true)
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
