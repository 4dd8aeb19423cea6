//! A server: its listeners, its connections, and the batch that they fill.

mod commands;
mod files;

pub use self::files::SendFile;
pub(super) use self::files::{Answered, FileAnswer, read_now};

use super::batch::{Batch, Record};
use super::broadcast::Broadcasts;
use super::config::{Config, Timeouts};
use super::connection::Connection;
use super::files::Mount;
use super::http2::{STREAM, Table};
use super::variants::Variants;
use super::wake::{Done, Wake};
use crate::net::h2::StreamId;
use crate::net::h2::{Adopts, Handover};
use crate::net::listener::{Accepts, Address, Listen, ListenError, Listener, ends_of};
use crate::net::reactor::{Interest, Reactor, Source};
use crate::net::transport::Transport;
use crate::net::transport::tls::{self, Context, Contexts, SessionFacts};
use std::cell::{Cell, RefCell, RefMut};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// Who takes connections that turn out to be gRPC's.
    grpc: RefCell<Option<Rc<dyn Adopts>>>,
    slots: RefCell<Slots>,
    /// Streams of HTTP/2.
    streams: RefCell<Table>,
    batch: RefCell<Batch>,
    listeners: RefCell<Vec<Rc<Listener>>>,
    /// Somebody else listens for it.
    adopts: Cell<bool>,
    dropped: Cell<u32>,
    /// For output of operators on its way to sockets.
    scratch: RefCell<Vec<u8>>,
    mounts: RefCell<Vec<Mount>>,
    /// TLS, where it is spoken.
    contexts: RefCell<Option<Rc<Contexts>>>,
    variants: RefCell<Variants>,
    wake: RefCell<Option<Wake>>,
    /// Made by the first broadcast.
    broadcasts: RefCell<Option<Rc<Broadcasts>>>,
    /// `Date`, and the second that it is of.
    date: RefCell<(u64, String)>,
    /// For boundaries that nobody can foretell.
    random: std::collections::hash_map::RandomState,
}

impl Engine {
    /// A server without listeners.
    pub fn new(reactor: Rc<Reactor>, config: Config) -> Rc<Self> {
        Rc::new(Self {
            reactor,
            config: Cell::new(config),
            upgrades: Cell::new(false),
            grpc: RefCell::default(),
            slots: RefCell::default(),
            streams: RefCell::default(),
            batch: RefCell::default(),
            listeners: RefCell::default(),
            adopts: Cell::new(false),
            dropped: Cell::new(0),
            scratch: RefCell::default(),
            mounts: RefCell::default(),
            contexts: RefCell::default(),
            variants: RefCell::default(),
            wake: RefCell::default(),
            broadcasts: RefCell::default(),
            date: RefCell::default(),
            random: std::collections::hash_map::RandomState::new(),
        })
    }

    /// The reactor of its connections.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// The same, to keep.
    pub(super) fn shared_reactor(&self) -> Rc<Reactor> {
        Rc::clone(&self.reactor)
    }

    /// How peers are treated.
    pub fn config(&self) -> Config {
        self.config.get()
    }

    /// Treats peers so from now on.
    pub fn set_config(&self, config: Config) {
        self.config.set(config);
    }

    /// Speaks TLS from now on, and by these contexts; connections that are there go on as they began.
    pub fn set_contexts(&self, contexts: Contexts) {
        *self.contexts.borrow_mut() = Some(Rc::new(contexts));
    }

    /// What connection `id` gets in its handshake, which waits for it; see [`Contexts::asks`].
    pub fn choose(&self, id: u32, context: Option<Arc<Context>>, alpn: Option<Vec<u8>>) {
        if let Some(connection) = self.get(id) {
            connection.choose(self, context, alpn);
        }
    }

    /// What the TLS handshake of connection `id` came to, and the peer's certificates in DER.
    pub fn session(&self, id: u32) -> Option<(SessionFacts, Vec<Vec<u8>>)> {
        self.get(id)?.session()
    }

    /// Connections whose first request is gRPC's are `adopter`'s from then on.
    pub fn set_grpc(&self, adopter: Rc<dyn Adopts>) {
        *self.grpc.borrow_mut() = Some(adopter);
    }

    pub(super) fn has_grpc(&self) -> bool {
        self.grpc.borrow().is_some()
    }

    pub(super) fn hand_over(&self, connection: Handover) {
        let adopter = self.grpc.borrow().clone();
        if let Some(adopter) = adopter {
            adopter.adopt(connection);
        }
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

    /// Hears from other threads from now on.
    fn wake_up(self: &Rc<Self>) -> io::Result<()> {
        if self.wake.borrow().is_some() {
            return Ok(());
        }
        let engine = Rc::downgrade(self);
        let hook = move |(id, done)| {
            let Some(engine) = engine.upgrade() else { return };
            if let Done::Compressed(key, bytes) = done {
                engine.compressed(key, bytes.as_ref());
            } else if let Some((connection, stream)) = engine.stream(id) {
                match done {
                    Done::Warmed(bytes) => connection.warmed_stream(&engine, stream, bytes),
                    Done::Room => connection.room_stream(&engine, stream),
                    Done::Compressed(..) => {}
                }
            } else if let Some(connection) = engine.get(id) {
                match done {
                    Done::Warmed(bytes) => connection.warmed(&engine, bytes),
                    Done::Room => connection.room(&engine),
                    Done::Compressed(..) => {}
                }
            }
        };
        *self.wake.borrow_mut() = Some(Wake::new(&self.reactor, hook)?);
        Ok(())
    }

    /// Serves a connection that somebody else accepted, who listens on; it does not block.
    ///
    /// # Errors
    /// The system's: no more descriptors.
    pub fn adopt(self: &Rc<Self>, socket: OwnedFd) -> io::Result<()> {
        self.wake_up()?;
        self.adopts.set(true);
        self.accept(socket, Instant::now());
        Ok(())
    }

    /// Listens there, too; returns the address that the system gave.
    ///
    /// # Errors
    /// The system call that failed, as Node names it, and how.
    pub fn listen(self: &Rc<Self>, listen: &Listen) -> Result<Address, ListenError> {
        self.wake_up().map_err(|e| ("listen", e))?;
        let listener = Listener::open(listen, Rc::<Self>::downgrade(self), &self.reactor)?;
        let address = listener.address().map_err(|e| ("getsockname", e));
        self.listeners.borrow_mut().push(listener);
        address
    }

    /// Stops listening.
    pub fn close_listeners(&self) {
        self.adopts.set(false);
        for listener in self.listeners.borrow_mut().drain(..) {
            listener.close(&self.reactor);
        }
    }

    /// Whether it listens anywhere; one that does not any more is about to close.
    pub fn is_listening(&self) -> bool {
        self.adopts.get() || !self.listeners.borrow().is_empty()
    }

    /// Whether the listeners keep the loop alive.
    pub fn set_referenced(&self, referenced: bool) {
        for token in self.listeners.borrow().iter().filter_map(|listener| listener.token()) {
            self.reactor.set_referenced(token, referenced);
        }
    }

    fn accept(self: &Rc<Self>, socket: OwnedFd, now: Instant) {
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
        let transport = match &*self.contexts.borrow() {
            Some(contexts) => Transport::encrypted(socket, tls::Session::server(Rc::clone(contexts))),
            None => Transport::plain(socket),
        };
        let connection = Rc::new(Connection::new(id, Rc::downgrade(self), transport, config.limits, now));
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

    pub(super) fn broadcasts(self: &Rc<Self>) -> io::Result<Rc<Broadcasts>> {
        let mut broadcasts = self.broadcasts.borrow_mut();
        if let Some(broadcasts) = &*broadcasts {
            return Ok(Rc::clone(broadcasts));
        }
        let made = Rc::new(Broadcasts::new(Rc::downgrade(self), &self.reactor)?);
        *broadcasts = Some(Rc::clone(&made));
        Ok(made)
    }

    /// Connections that were refused: more than `most_connections`, or than the system has descriptors.
    pub fn dropped(&self) -> u32 {
        self.dropped.get()
    }

    /// The numbers of streams.
    pub(super) fn streams(&self) -> RefMut<'_, Table> {
        self.streams.borrow_mut()
    }

    /// The stream of that number, where it is open.
    fn stream(&self, id: u32) -> Option<(Rc<Connection>, StreamId)> {
        if id & STREAM == 0 {
            return None;
        }
        let (connection, stream) = self.streams().get(id)?;
        Some((self.get(connection)?, stream))
    }

    pub(super) fn get(&self, id: u32) -> Option<Rc<Connection>> {
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
        connection.with_socket(ends_of).unwrap_or_else(|| Err(gone()))
    }

    /// Closes connections that wait for a request; JavaScript is told.
    pub fn close_idle(&self) {
        let idle: Vec<_> =
            self.slots.borrow().all.iter().flatten().filter(|c| c.is_idle()).cloned().collect();
        for connection in idle {
            if !connection.go_away(self) {
                connection.close_and_tell(self, 0);
            }
        }
        // A server that is about to close takes no further requests on those with open streams either.
        if !self.is_listening() {
            let all: Vec<_> = self.slots.borrow().all.iter().flatten().cloned().collect();
            for connection in all {
                connection.go_away(self);
            }
        }
    }

    /// Hands a connection's transport over, with the bytes that were read and not parsed; JavaScript is done with it.
    pub fn detach(&self, id: u32) -> Option<(Transport, Vec<u8>)> {
        let connection = self.get(id)?;
        let taken = connection.take(self);
        self.release(id);
        taken
    }

    /// Bytes of a connection that wait to be sent.
    pub fn pending(&self, id: u32) -> u64 {
        if let Some((connection, stream)) = self.stream(id) {
            return connection.with_session(|session| session.pending(stream)).unwrap_or(0);
        }
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
}

impl Accepts for Engine {
    fn accepted(self: Rc<Self>, socket: OwnedFd, now: Instant) {
        self.accept(socket, now);
    }

    fn out_of_descriptors(&self) {
        self.dropped.set(self.dropped.get().saturating_add(1));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close_listeners();
        if let Some(wake) = self.wake.take() {
            wake.close(&self.reactor);
        }
        if let Some(broadcasts) = self.broadcasts.take() {
            broadcasts.close(&self.reactor);
        }
        let all = std::mem::take(&mut self.slots.get_mut().all);
        for connection in all.into_iter().flatten() {
            connection.close(self);
        }
    }
}
