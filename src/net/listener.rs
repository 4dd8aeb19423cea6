//! Where connections come from.

use super::reactor::{Interest, Reactor, Readiness, Source, Token, Turn};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Instant;

/// Connections accepted in one turn; more come in the next, so that a flood does not starve those that are there.
const MOST_ACCEPTS: usize = 64;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Ip(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

/// How to listen.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// Connections that wait to be accepted; the system may have a smaller limit.
    pub backlog: i32,
    /// An IPv6 address takes IPv6 peers only.
    pub ipv6_only: bool,
    /// Several sockets may listen on the same port, and share its connections.
    pub reuse_port: bool,
}

/// Whoever takes the connections of a listener.
pub(super) trait Accepts {
    /// A connection was accepted; it does not block.
    fn accepted(self: Rc<Self>, socket: OwnedFd, now: Instant);

    /// The system has no descriptors left for the connections that wait.
    fn out_of_descriptors(&self);
}

/// A listening socket in the reactor.
pub(super) struct Listener {
    socket: OwnedFd,
    owner: Weak<dyn Accepts>,
    token: Cell<Option<Token>>,
    /// A Unix socket's, to be removed with it, as libuv does.
    path: Option<PathBuf>,
}

/// A failed call on the way to a listening socket, in Node's terms.
pub type ListenError = (&'static str, io::Error);

impl Listener {
    pub fn open(
        listen: &Listen,
        owner: Weak<dyn Accepts>,
        reactor: &Reactor,
    ) -> Result<Rc<Self>, ListenError> {
        let socket = open(listen)?;
        let path = match &listen.address {
            Address::Unix(path) => Some(path.clone()),
            Address::Ip(_) => None,
        };
        let listener = Rc::new(Self { socket, owner, token: Cell::new(None), path });
        let source: Rc<dyn Source> = listener.clone();
        let token = reactor.register(&listener.socket, Interest::READ, source).map_err(|e| ("listen", e))?;
        listener.token.set(Some(token));
        Ok(listener)
    }

    /// The address that the system gave.
    pub fn address(&self) -> io::Result<Address> {
        name_of(rustix::net::getsockname(&self.socket)?)
    }

    pub fn token(&self) -> Option<Token> {
        self.token.get()
    }

    /// Stops listening; connections that wait are refused.
    pub fn close(&self, reactor: &Reactor) {
        if let Some(token) = self.token.take() {
            reactor.deregister(token, &self.socket);
        }
        // The descriptor may be held by the turn that is under way; the port must be free now. The only failure is that it
        // is not connected, which on Linux ends the listening all the same.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        if let Some(path) = &self.path {
            // Somebody else's by now, or removed already: nothing to tell anybody.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The address in a form that Node knows.
pub(super) fn name_of(name: rustix::net::SocketAddrAny) -> io::Result<Address> {
    if let Ok(ip) = SocketAddr::try_from(name.clone()) {
        return Ok(Address::Ip(ip));
    }
    let unix = rustix::net::SocketAddrUnix::try_from(name)?;
    let path = unix.path().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Address::Unix(path.into()))
}

fn open(listen: &Listen) -> Result<OwnedFd, ListenError> {
    let family = match &listen.address {
        Address::Ip(SocketAddr::V4(_)) => AddressFamily::INET,
        Address::Ip(SocketAddr::V6(_)) => AddressFamily::INET6,
        Address::Unix(_) => AddressFamily::UNIX,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let failed = |syscall: &'static str| move |error: rustix::io::Errno| (syscall, io::Error::from(error));
    let socket =
        rustix::net::socket_with(family, SocketType::STREAM, flags, None).map_err(failed("socket"))?;
    match &listen.address {
        Address::Ip(ip) => {
            sockopt::set_socket_reuseaddr(&socket, true).map_err(failed("bind"))?;
            if listen.reuse_port {
                sockopt::set_socket_reuseport(&socket, true).map_err(failed("bind"))?;
            }
            if ip.is_ipv6() {
                sockopt::set_ipv6_v6only(&socket, listen.ipv6_only).map_err(failed("bind"))?;
            }
            rustix::net::bind(&socket, ip).map_err(failed("listen"))?;
        }
        Address::Unix(path) => bind_unix(&socket, path)?,
    }
    rustix::net::listen(&socket, listen.backlog).map_err(failed("listen"))?;
    Ok(socket)
}

fn bind_unix(socket: &OwnedFd, path: &Path) -> Result<(), ListenError> {
    let address = rustix::net::SocketAddrUnix::new(path).map_err(|e| ("listen", e.into()))?;
    rustix::net::bind(socket, &address).map_err(|e| ("listen", e.into()))
}

impl Source for Listener {
    fn ready(&self, _readiness: Readiness, turn: &mut Turn<'_>) {
        let Some(owner) = self.owner.upgrade() else { return };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        for _ in 0..MOST_ACCEPTS {
            match rustix::net::accept_with(self.socket.as_fd(), flags) {
                Ok(socket) => Rc::clone(&owner).accepted(socket, turn.now()),
                // The peer is gone again.
                Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(_) => {
                    // No descriptors left: those that wait are tried again when one of ours closes.
                    owner.out_of_descriptors();
                    break;
                }
            }
        }
    }
}

/// The names of a connection's two ends: ours, then the peer's.
pub(super) fn ends_of(socket: &OwnedFd) -> io::Result<(Address, Address)> {
    let ours = name_of(rustix::net::getsockname(socket)?)?;
    let peer = rustix::net::getpeername(socket)?;
    Ok((ours, peer.map_or(Ok(Address::Unix("".into())), name_of)?))
}
