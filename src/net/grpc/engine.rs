//! A server: its listeners, its connections and calls, and the batch that they fill.

use super::batch::{Batch, Record};
use super::call::{Call, Carrier};
use super::config::Config;
use super::connection::{Connection, State};
use super::exchange::Exchanges;
use super::head;
use super::packing::Packing;
use crate::codec::grpc::is_grpc;
use crate::net::h2::{self, Adopts, Event, Handover, Reason, StreamId};
use crate::net::listener::{Accepts, Address, Listen, ListenError, Listener, ends_of};
use crate::net::reactor::{Interest, Reactor, Source};
use crate::net::transport::Transport;
use http::header::CONTENT_TYPE;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::time::Instant;

pub(super) struct Slots<T> {
    all: Vec<Option<T>>,
    free: Vec<u32>,
    used: usize,
}

impl<T> Slots<T> {
    const fn new() -> Self {
        Self { all: Vec::new(), free: Vec::new(), used: 0 }
    }

    pub fn insert(&mut self, make: impl FnOnce(u32) -> T) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            self.all.len() as u32 - 1
        });
        self.all[id as usize] = Some(make(id));
        self.used += 1;
        id
    }

    /// Puts a value where somebody else says, who also knows what places are free.
    pub fn put(&mut self, id: u32, value: T) {
        let place = id as usize;
        if place >= self.all.len() {
            self.all.resize_with(place + 1, || None);
        }
        self.used += usize::from(self.all[place].replace(value).is_none());
    }

    /// Takes a value that was put there so.
    pub fn take(&mut self, id: u32) -> Option<T> {
        let value = self.all.get_mut(id as usize)?.take()?;
        self.used -= 1;
        Some(value)
    }

    pub fn get(&mut self, id: u32) -> Option<&mut T> {
        self.all.get_mut(id as usize)?.as_mut()
    }

    pub fn remove(&mut self, id: u32) -> Option<T> {
        let value = self.take(id)?;
        self.free.push(id);
        Some(value)
    }
}

/// A listener, and the number that connections of it are told with.
struct Door {
    id: u32,
    engine: Weak<Engine>,
}

type Opened = (Rc<Door>, Rc<Listener>);

/// See the [module](super).
pub struct Engine {
    reactor: Rc<Reactor>,
    pub(super) config: Config,
    connections: RefCell<Slots<Rc<Connection>>>,
    pub(super) calls: RefCell<Slots<Call>>,
    batch: RefCell<Batch>,
    listeners: RefCell<HashMap<u32, Opened>>,
    next_listener: Cell<u32>,
    dropped: Cell<u32>,
    /// Connections that were asked something of, in the order in which they were.
    pub(super) touched: RefCell<Vec<u32>>,
    /// Calls with messages that are to be given to the frame layer.
    pub(super) writing: RefCell<Vec<u32>>,
    pub(super) exchanges: Exchanges,
    pub(super) packing: Packing,
    me: Weak<Self>,
}

impl Engine {
    /// A server without listeners.
    pub fn new(reactor: Rc<Reactor>, config: Config) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            reactor,
            config,
            connections: RefCell::new(Slots::new()),
            calls: RefCell::new(Slots::new()),
            batch: RefCell::default(),
            listeners: RefCell::default(),
            next_listener: Cell::new(1),
            dropped: Cell::new(0),
            touched: RefCell::default(),
            writing: RefCell::default(),
            exchanges: Exchanges::default(),
            packing: Packing::default(),
            me: me.clone(),
        })
    }

    /// The reactor of its connections.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    pub(super) fn weak(&self) -> &Weak<Self> {
        &self.me
    }

    /// What has come since it was last cleared. Whoever holds it must not call into the engine.
    pub fn batch(&self) -> RefMut<'_, Batch> {
        self.batch.borrow_mut()
    }

    // Listeners and connections.

    /// Listens there, too; returns the listener's number, and the address that the system gave.
    ///
    /// # Errors
    /// The system call that failed, as Node names it, and how.
    pub fn listen(self: &Rc<Self>, listen: &Listen) -> Result<(u32, Address), ListenError> {
        let id = self.next_listener.get();
        let door = Rc::new(Door { id, engine: Rc::downgrade(self) });
        let accepts: Rc<dyn Accepts> = door.clone();
        let listener = Listener::open(listen, Rc::downgrade(&accepts), &self.reactor)?;
        let address = listener.address().map_err(|error| ("getsockname", error))?;
        self.next_listener.set(id + 1);
        self.listeners.borrow_mut().insert(id, (door, listener));
        Ok((id, address))
    }

    /// Stops listening there.
    pub fn close_listener(&self, id: u32) {
        if let Some((_, listener)) = self.listeners.borrow_mut().remove(&id) {
            listener.close(&self.reactor);
        }
    }

    /// A connection whose bytes somebody else carries; returns its number. [`Record::Output`] tells that there are some.
    pub fn attach(self: &Rc<Self>) -> u32 {
        let weak = Rc::downgrade(self);
        let h2 = h2::Connection::server(&self.config.h2);
        let new = |id| Rc::new(Connection::new(id, weak, None, h2));
        self.connections.borrow_mut().insert(new)
    }

    /// Bytes for such a connection; none are the peer's end. Returns whether more are wanted now.
    pub fn feed(&self, id: u32, bytes: &[u8]) -> bool {
        self.connection(id).is_some_and(|connection| connection.feed(self, bytes))
    }

    /// Whether more bytes are wanted for such a connection.
    pub fn wants_input(&self, id: u32) -> bool {
        self.connection(id).is_some_and(|connection| connection.wants_input())
    }

    /// Bytes of such a connection.
    pub fn take_output(&self, id: u32) -> Vec<u8> {
        self.connection(id).map(|connection| connection.take_output(self)).unwrap_or_default()
    }

    /// Addresses of a connection's two ends: ours, then the peer's.
    ///
    /// # Errors
    /// The system's: the peer is gone; or it has no socket.
    pub fn addresses(&self, id: u32) -> io::Result<(Address, Address)> {
        let gone = || io::Error::from_raw_os_error(107);
        let connection = self.connection(id).ok_or_else(gone)?;
        connection.with_socket(ends_of).unwrap_or_else(|| Err(gone()))
    }

    /// Connections that the system had no descriptors for.
    pub fn dropped(&self) -> u32 {
        self.dropped.get()
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.borrow().used
    }

    /// Calls whose numbers are in use.
    pub fn calls(&self) -> usize {
        self.calls.borrow().used
    }

    pub(super) fn insert_connection(&self, make: impl FnOnce(u32) -> Rc<Connection>) -> Rc<Connection> {
        let mut made = None;
        self.connections.borrow_mut().insert(|id| Rc::clone(made.insert(make(id))));
        made.expect("it was just made")
    }

    pub(super) fn forget(&self, id: u32) {
        self.connections.borrow_mut().remove(id);
    }

    /// A client's connection is gone, or did not come about; JavaScript is told.
    pub(super) fn lost(&self, id: u32, errno: u32, reason: Reason, why: &str) {
        if self.connections.borrow_mut().remove(id).is_some() {
            let batch = &mut *self.batch();
            let start = batch.bytes.len() as u32;
            batch.bytes.extend_from_slice(why.as_bytes());
            batch.push(Record::Lost, id, &[errno, reason.into(), start, why.len() as u32]);
        }
    }

    pub(super) fn connection(&self, id: u32) -> Option<Rc<Connection>> {
        self.connections.borrow_mut().get(id).map(|connection| Rc::clone(connection))
    }

    /// For connections that another engine accepted: who takes them, and the number of the listener that they are told with.
    pub fn adopter(self: &Rc<Self>) -> (u32, Rc<dyn Adopts>) {
        let id = self.next_listener.get();
        self.next_listener.set(id + 1);
        (id, Rc::new(Adopter(Door { id, engine: Rc::downgrade(self) })))
    }

    fn accept(self: &Rc<Self>, listener: u32, socket: OwnedFd) {
        // A Unix socket has no such thing; nobody misses it there.
        let _ = rustix::net::sockopt::set_tcp_nodelay(&socket, true);
        let opened = self.open(listener, Transport::plain(socket), h2::Connection::server(&self.config.h2));
        if let (Some(connection), Some(within)) = (opened, self.config.handshake) {
            connection.expect_preface(&self.reactor, within);
        }
    }

    fn open(
        self: &Rc<Self>,
        listener: u32,
        transport: Transport,
        h2: h2::Connection,
    ) -> Option<Rc<Connection>> {
        let weak = Rc::downgrade(self);
        let id = self
            .connections
            .borrow_mut()
            .insert(|id| Rc::new(Connection::new(id, weak, Some(transport), h2)));
        let connection = self.connection(id)?;
        let source: Rc<dyn Source> = connection.clone();
        let token = connection
            .with_socket(|socket| self.reactor.register(socket, Interest::READ, source))
            .and_then(Result::ok);
        match token {
            Some(token) => {
                connection.registered(token);
                self.batch().push(Record::Open, id, &[listener]);
                Some(connection)
            }
            None => {
                self.connections.borrow_mut().remove(id);
                None
            }
        }
    }

    /// A connection is gone; JavaScript is told.
    pub(super) fn gone(&self, id: u32, errno: u32, reason: Reason) {
        if self.connections.borrow_mut().remove(id).is_some() {
            self.batch().push(Record::Closed, id, &[errno, reason.into()]);
        }
    }

    pub(super) fn output(&self, id: u32) {
        self.batch().push(Record::Output, id, &[]);
    }

    /// A call is over before its time; JavaScript is told, and drops it.
    pub(super) fn cancelled(&self, call: u32, reason: Reason) {
        self.batch().push(Record::Cancelled, call, &[reason.into()]);
    }

    // Up.

    pub(super) fn on_event(&self, connection: u32, state: &mut State, event: Event) {
        if state.outbound.is_some() {
            return self.on_outbound_event(connection, state, event);
        }
        let batch = &mut *self.batch.borrow_mut();
        let calls = &mut *self.calls.borrow_mut();
        let config = &self.config;
        let StreamId(number) = match event.stream() {
            Some(stream) => stream,
            None => {
                if let Event::Pong = event {
                    batch.push(Record::Pong, connection, &[]);
                }
                return;
            }
        };
        let known = state.calls.get(&number).copied();
        let call = known.and_then(|id| calls.get(id).map(|call| (id, call)));
        match (event, call) {
            (Event::Request { stream, .. }, _) if state.is_draining => {
                state.h2.reset(stream, Reason::REFUSED_STREAM);
            }
            (Event::Request { stream, head, end }, _) => {
                let content_type = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
                if !is_grpc(content_type) && state.is_adopted {
                    // It is the HTTP server's, which gets it on another connection.
                    state.h2.reset(stream, Reason::REFUSED_STREAM);
                    state.is_draining = true;
                    state.h2.shutdown();
                    return;
                }
                if !is_grpc(content_type) {
                    state.h2.respond(stream, head::unsupported(), true);
                    if !end {
                        state.h2.discard(stream);
                    }
                    return;
                }
                // The number is known before the call: it takes the first words of the batch.
                let id = calls.insert(|id| {
                    let said = head::pack_parts(batch, id, connection, &head, &config.compression);
                    Call::new(Carrier::Stream { connection, stream }, said.coding, said.answers, config)
                });
                state.calls.insert(number, id);
                if end && let Some(call) = calls.get(id) {
                    call.end(id, config, batch);
                }
            }
            (Event::Data { stream, data, credit }, Some((id, call))) => {
                call.receive(id, data, config, batch);
                if call.wants_data() && credit < config.h2.credit / 2 {
                    state.h2.allow(stream, config.h2.credit);
                }
            }
            (Event::End { .. }, Some((id, call))) => call.end(id, config, batch),
            (Event::Sent { pending, .. }, Some((id, call))) => call.progressed(id, pending, config, batch),
            (Event::Reset { reason, .. }, Some((id, _))) => {
                state.calls.remove(&number);
                batch.push(Record::Cancelled, id, &[reason.into()]);
            }
            // Of a stream that nobody wants anything of any more.
            _ => {}
        }
    }
}

/// Takes connections of other engines.
struct Adopter(Door);

impl Adopts for Adopter {
    fn adopt(&self, Handover { transport, h2, first }: Handover) {
        let Some(engine) = self.0.engine.upgrade() else { return };
        let Some(connection) = engine.open(self.0.id, transport, h2) else { return };
        connection.state.borrow_mut().is_adopted = true;
        engine.on_event(connection.id(), &mut connection.state.borrow_mut(), first);
        connection.drive(&engine);
    }
}

impl Accepts for Door {
    fn accepted(self: Rc<Self>, socket: OwnedFd, _now: Instant) {
        if let Some(engine) = self.engine.upgrade() {
            engine.accept(self.id, socket);
        }
    }

    fn out_of_descriptors(&self) {
        if let Some(engine) = self.engine.upgrade() {
            engine.dropped.set(engine.dropped.get().saturating_add(1));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.packing.close(&self.reactor);
        for (_, (_, listener)) in self.listeners.get_mut().drain() {
            listener.close(&self.reactor);
        }
        let all = std::mem::take(&mut self.connections.get_mut().all);
        for connection in all.into_iter().flatten() {
            if let Some(token) = connection.token() {
                connection.with_socket(|socket| self.reactor.deregister(token, socket));
            }
        }
    }
}
