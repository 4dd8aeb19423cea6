//! Connections to servers.

use super::connection::{Connection, Outbound};
use super::engine::Engine;
use crate::net::h2;
use crate::net::listener::Address;
use crate::net::reactor::{Interest, Source};
use crate::net::transport::Transport;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long a server may take until it has said that it speaks HTTP/2, as gRPC's connection backoff has it.
pub const MOST_DIALLING: Duration = Duration::from_secs(20);

/// Where to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// The server's; a Unix path that begins with NUL is an abstract name.
    pub address: Address,
}

/// The system call that failed, as Node names it, and how.
pub type DialError = (&'static str, io::Error);

impl Engine {
    /// Begins to connect; returns the connection's number. [`Record::Greeted`](super::Record::Greeted) tells that it can be
    /// used, [`Record::Lost`](super::Record::Lost) that it cannot.
    ///
    /// # Errors
    /// What the system says at once.
    pub fn dial(self: &Rc<Self>, dial: &Dial) -> Result<u32, DialError> {
        let socket = connect(&dial.address)?;
        let transport = Transport::plain(socket);
        let connection = self.connect_over(Some(transport));
        let source: Rc<dyn Source> = connection.clone();
        let token = connection
            .with_socket(|socket| self.reactor().register(socket, Interest::WRITE, source))
            .unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()));
        match token {
            Ok(token) => {
                connection.registered(token);
                self.reactor().set_deadline(token, Some(Instant::now() + MOST_DIALLING));
                Ok(connection.id())
            }
            Err(error) => {
                self.forget(connection.id());
                Err(("connect", error))
            }
        }
    }

    /// A connection to a server whose bytes somebody else carries; returns its number.
    pub fn attach_outbound(self: &Rc<Self>) -> u32 {
        let connection = self.connect_over(None);
        connection.drive(self);
        connection.id()
    }

    fn connect_over(self: &Rc<Self>, transport: Option<Transport>) -> Rc<Connection> {
        let weak = Rc::downgrade(self);
        let outbound = Outbound::new(transport.is_some());
        let h2 = h2::Connection::client(&self.config.h2);
        self.insert_connection(|id| Rc::new(Connection::outbound(id, weak, transport, h2, outbound)))
    }
}

fn connect(address: &Address) -> Result<OwnedFd, DialError> {
    let family = match address {
        Address::Ip(SocketAddr::V4(_)) => AddressFamily::INET,
        Address::Ip(SocketAddr::V6(_)) => AddressFamily::INET6,
        Address::Unix(_) => AddressFamily::UNIX,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let failed = |error: Errno| ("connect", io::Error::from(error));
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None).map_err(failed)?;
    let outcome = match address {
        Address::Ip(ip) => {
            // A system without it would be slower, and right.
            let _ = rustix::net::sockopt::set_tcp_nodelay(&socket, true);
            rustix::net::connect(&socket, ip)
        }
        Address::Unix(path) => unix(path.as_os_str().as_encoded_bytes())
            .and_then(|address| rustix::net::connect(&socket, &address)),
    };
    match outcome {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(failed(error)),
    }
}

fn unix(path: &[u8]) -> Result<SocketAddrUnix, Errno> {
    match path.strip_prefix(b"\0") {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Some(name) => SocketAddrUnix::new_abstract_name(name),
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        Some(_) => Err(Errno::AFNOSUPPORT),
        None => SocketAddrUnix::new(path),
    }
}
