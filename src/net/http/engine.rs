//! A server: its listeners, its connections, and the batch that they fill.

use super::batch::{Batch, Record};
use super::command::{Command, Words};
use super::connection::Connection;
use super::listener::{Address, Listen, ListenError, Listener, name_of};
use crate::codec::http1::Limits;
use crate::net::reactor::{Interest, Reactor, Source};
use std::cell::{Cell, RefCell, RefMut};
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Time limits; `None` for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// For a head, from its first byte, or from the connection.
    pub headers: Option<Duration>,
    /// For a whole request.
    pub request: Option<Duration>,
    /// Between a response and the next request.
    pub keep_alive: Option<Duration>,
}

/// How a server treats its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// What a peer may send.
    pub limits: Limits,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// `TCP_NODELAY`.
    pub no_delay: bool,
    /// `SO_KEEPALIVE`, with the delay before the first probe.
    pub keep_alive_probe: Option<Duration>,
    /// Connections at once; more are closed as they come.
    pub most_connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timeouts: Timeouts {
                headers: Some(Duration::from_secs(60)),
                request: Some(Duration::from_secs(300)),
                keep_alive: Some(Duration::from_secs(5)),
            },
            no_delay: true,
            keep_alive_probe: None,
            most_connections: usize::MAX,
        }
    }
}

#[derive(Default)]
struct Slots {
    all: Vec<Option<Rc<Connection>>>,
    free: Vec<u32>,
}

/// See the [module](super).
pub struct Engine {
    reactor: Rc<Reactor>,
    config: Cell<Config>,
    /// JavaScript listens for requests that wish for another protocol.
    upgrades: Cell<bool>,
    slots: RefCell<Slots>,
    batch: RefCell<Batch>,
    listeners: RefCell<Vec<Rc<Listener>>>,
    dropped: Cell<u32>,
}

impl Engine {
    /// A server without listeners.
    pub fn new(reactor: Rc<Reactor>, config: Config) -> Rc<Self> {
        Rc::new(Self {
            reactor,
            config: Cell::new(config),
            upgrades: Cell::new(false),
            slots: RefCell::default(),
            batch: RefCell::default(),
            listeners: RefCell::default(),
            dropped: Cell::new(0),
        })
    }

    /// The reactor of its connections.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// How peers are treated.
    pub fn config(&self) -> Config {
        self.config.get()
    }

    /// Treats peers so from now on.
    pub fn set_config(&self, config: Config) {
        self.config.set(config);
    }

    /// Whether requests that wish for another protocol wait for a decision.
    pub fn set_takes_upgrades(&self, takes: bool) {
        self.upgrades.set(takes);
    }

    pub(super) fn takes_upgrades(&self) -> bool {
        self.upgrades.get()
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.config.get().timeouts
    }

    /// What has come since it was last cleared. Whoever holds it must not call into the engine.
    pub fn batch(&self) -> RefMut<'_, Batch> {
        self.batch.borrow_mut()
    }

    /// Listens there, too; returns the address that the system gave.
    ///
    /// # Errors
    /// The system call that failed, as Node names it, and how.
    pub fn listen(self: &Rc<Self>, listen: &Listen) -> Result<Address, ListenError> {
        let listener = Listener::open(listen, self, &self.reactor)?;
        let address = listener.address().map_err(|e| ("getsockname", e));
        self.listeners.borrow_mut().push(listener);
        address
    }

    /// Stops listening.
    pub fn close_listeners(&self) {
        for listener in self.listeners.borrow_mut().drain(..) {
            listener.close(&self.reactor);
        }
    }

    /// Whether the listeners keep the loop alive.
    pub fn set_referenced(&self, referenced: bool) {
        for token in self.listeners.borrow().iter().filter_map(|listener| listener.token()) {
            self.reactor.set_referenced(token, referenced);
        }
    }

    pub(super) fn accepted(self: &Rc<Self>, socket: OwnedFd, now: Instant) {
        let config = self.config.get();
        let mut slots = self.slots.borrow_mut();
        if slots.all.len() - slots.free.len() >= config.most_connections {
            self.dropped.set(self.dropped.get().saturating_add(1));
            return;
        }
        // A Unix socket has neither; nobody misses them there.
        let _ = config.no_delay.then(|| rustix::net::sockopt::set_tcp_nodelay(&socket, true));
        if let Some(delay) = config.keep_alive_probe {
            let _ = rustix::net::sockopt::set_socket_keepalive(&socket, true);
            let _ = rustix::net::sockopt::set_tcp_keepidle(&socket, delay.max(Duration::from_secs(1)));
        }
        let id = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(None);
            slots.all.len() as u32 - 1
        });
        let connection = Rc::new(Connection::new(id, Rc::downgrade(self), socket, config.limits, now));
        let source: Rc<dyn Source> = connection.clone();
        let token = connection
            .with_socket(|socket| self.reactor.register(socket, Interest::READ, source))
            .and_then(Result::ok);
        let Some(token) = token else {
            slots.free.push(id);
            return;
        };
        slots.all[id as usize] = Some(Rc::clone(&connection));
        drop(slots);
        connection.registered(self, token);
        self.batch().push(Record::Open, id, &[]);
    }

    pub(super) fn out_of_descriptors(&self) {
        self.dropped.set(self.dropped.get().saturating_add(1));
    }

    /// Connections that were refused: more than `most_connections`, or than the system has descriptors.
    pub fn dropped(&self) -> u32 {
        self.dropped.get()
    }

    fn get(&self, id: u32) -> Option<Rc<Connection>> {
        self.slots.borrow().all.get(id as usize).and_then(Option::clone)
    }

    /// Connections that are known to JavaScript.
    pub fn connections(&self) -> usize {
        let slots = self.slots.borrow();
        slots.all.len() - slots.free.len()
    }

    /// Addresses of a connection's two ends: ours, then the peer's.
    ///
    /// # Errors
    /// The system's: the peer is gone.
    pub fn addresses(&self, id: u32) -> io::Result<(Address, Address)> {
        let gone = || io::Error::from_raw_os_error(107);
        let connection = self.get(id).ok_or_else(gone)?;
        connection
            .with_socket(|socket| {
                let ours = name_of(rustix::net::getsockname(socket)?)?;
                let peer = rustix::net::getpeername(socket)?;
                Ok((ours, peer.map_or(Ok(Address::Unix("".into())), name_of)?))
            })
            .unwrap_or_else(|| Err(gone()))
    }

    /// Closes connections that wait for a request; JavaScript is told.
    pub fn close_idle(&self) {
        let idle: Vec<_> =
            self.slots.borrow().all.iter().flatten().filter(|c| c.is_idle()).cloned().collect();
        for connection in idle {
            connection.close_and_tell(self, 0);
        }
    }

    /// Hands a connection's socket over, with the bytes that were read and not parsed; JavaScript is done with it.
    pub fn detach(&self, id: u32) -> Option<(OwnedFd, Vec<u8>)> {
        let connection = self.get(id)?;
        let taken = connection.take(self);
        self.release(id);
        taken
    }

    /// Bytes of a connection that wait to be sent.
    pub fn pending(&self, id: u32) -> usize {
        self.get(id).map_or(0, |connection| connection.pending())
    }

    /// Sets `TCP_NODELAY` of a connection.
    pub fn set_no_delay(&self, id: u32, on: bool) {
        if let Some(connection) = self.get(id) {
            // Not a TCP socket: there is no delay.
            let _ = connection.with_socket(|socket| rustix::net::sockopt::set_tcp_nodelay(socket, on));
        }
    }

    fn release(&self, id: u32) {
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.all.get_mut(id as usize) else { return };
        if let Some(connection) = slot.take() {
            connection.close(self);
            slots.free.push(id);
        }
    }

    /// Does what JavaScript asks, in order. Bytes of one connection that follow each other leave in one system call.
    pub fn apply(&self, commands: &[Words], slab: &[u8], buffers: &[&[u8]]) {
        let mut parts: Vec<IoSlice<'_>> = Vec::new();
        let mut rest = commands;
        while let Some(&[word, id, first, second]) = rest.first() {
            parts.clear();
            let mut count = 0;
            // The run of writes to this connection.
            for &[word, other, place, length] in rest.iter().take_while(|words| words[1] == id) {
                let bytes = match Command::from_word(word) {
                    Some(Command::Write) => slab.get(place as usize..).and_then(|b| b.get(..length as usize)),
                    Some(Command::WriteBuffer) => buffers.get(place as usize).copied(),
                    _ => break,
                };
                debug_assert_eq!(other, id);
                parts.push(IoSlice::new(bytes.unwrap_or_default()));
                count += 1;
            }
            let Some(connection) = self.get(id) else {
                rest = &rest[count.max(1)..];
                continue;
            };
            if count > 0 {
                connection.send(self, &parts);
                rest = &rest[count..];
                continue;
            }
            match Command::from_word(word) {
                Some(Command::Respond) => connection.respond(self, first != 0),
                Some(Command::Pause) => connection.set_paused(self, true),
                Some(Command::Resume) => connection.set_paused(self, false),
                Some(Command::Finish) => connection.finish(self),
                Some(Command::Destroy) => self.release(id),
                Some(Command::Detach) => connection.decide(self, true),
                Some(Command::Ignore) => connection.decide(self, false),
                Some(Command::Write | Command::WriteBuffer) | None => {}
            }
            let _ = second;
            rest = &rest[1..];
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close_listeners();
        let all = std::mem::take(&mut self.slots.get_mut().all);
        for connection in all.into_iter().flatten() {
            connection.close(self);
        }
    }
}
