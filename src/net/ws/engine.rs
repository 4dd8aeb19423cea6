//! All connections of one thread.

use super::batch::{Batch, EventKind, Store};
use super::connection::{Connection, State};
use super::deflaters::{Deflaters, Frames};
use super::outbox::{Outbox, Spares};
use crate::codec::ws::frame::{self, FrameHead};
use crate::codec::ws::{Receiver, ReceiverOptions, opcode};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::rc::Weak;
use std::sync::Arc;
use std::time::Instant;

/// A shared frame of at most this many bytes is copied to its receivers: cheaper than to count who holds it.
const COPY_BYTES: usize = 4 << 10;

/// A connection's number is its place in the low bits, and above them how often the place was used, so that news of one
/// that is gone are not taken for those of its successor.
const INDEX_BITS: u32 = 20;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;

/// Random bytes drawn from the system at a time, for masks.
const RANDOM_BYTES: usize = 4 << 10;

/// What all connections of an engine share.
pub(super) struct Hub {
    pub batch: RefCell<Batch>,
    /// Rows about what was written: told by [`Engine::flush`]'s caller at once, and not behind what comes in.
    pub outcomes: RefCell<Vec<[u32; 4]>>,
    pub spares: RefCell<Spares>,
    /// Connections that something was queued for since the last flush.
    touched: RefCell<Vec<u32>>,
    random: RefCell<(Box<[u8; RANDOM_BYTES]>, usize)>,
    scratch: RefCell<Vec<u8>>,
    deflaters: RefCell<Deflaters>,
}

impl Hub {
    /// A mask that a peer cannot foretell (RFC 6455 section 10.3).
    fn mask_key(&self) -> [u8; 4] {
        let (pool, used) = &mut *self.random.borrow_mut();
        if *used == RANDOM_BYTES {
            // A system without random bytes does not run Node either.
            let _ = getrandom::fill(&mut pool[..]);
            *used = 0;
        }
        let key = [pool[*used], pool[*used + 1], pool[*used + 2], pool[*used + 3]];
        *used += 4;
        key
    }
}

/// What a connection may queue.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Bytes that may be queued, framing included, before a further message is refused; 0 for no limit.
    pub max_buffered: usize,
    /// A refused message ends the connection ([`EventKind::Overflow`]); else it is left out ([`EventKind::Dropped`]).
    pub overflow_closes: bool,
    /// Bytes from which events of topics are compressed, where that was negotiated.
    pub compress_from: usize,
}

/// A frame to send.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing {
    /// One of [`opcode`].
    pub opcode: u8,
    /// The last frame of its message.
    pub fin: bool,
    /// The payload is to be compressed, as (a part of) a message.
    pub compress: bool,
    /// The owner wants [`EventKind::Written`].
    pub ticket: bool,
    /// The frame is masked with this key, or, from a client, with one of the engine's.
    pub mask: Option<[u8; 4]>,
    /// Whether the frame is masked; a client's are.
    pub masked: bool,
}

/// The connections of one thread, named by numbers.
pub struct Engine {
    hub: Rc<Hub>,
    slots: RefCell<Vec<(u32, Option<Rc<Connection>>)>>,
    free: RefCell<Vec<u32>>,
    open: Cell<usize>,
    /// Who hands events of topics to connections.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fanouts: RefCell<Vec<Weak<crate::net::hub::Fanout>>>,
}

impl Engine {
    /// An engine that keeps payloads in `store`.
    pub fn new(store: Box<dyn Store>) -> Self {
        Self {
            hub: Rc::new(Hub {
                batch: RefCell::new(Batch::new(store)),
                outcomes: RefCell::default(),
                spares: RefCell::default(),
                touched: RefCell::default(),
                random: RefCell::new((Box::new([0; RANDOM_BYTES]), RANDOM_BYTES)),
                scratch: RefCell::default(),
                deflaters: RefCell::default(),
            }),
            slots: RefCell::default(),
            free: RefCell::default(),
            open: Cell::new(0),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            fanouts: RefCell::default(),
        }
    }

    /// Looks at the table.
    pub fn batch<T>(&self, look: impl FnOnce(&mut Batch) -> T) -> T {
        look(&mut self.hub.batch.borrow_mut())
    }

    /// Open connections.
    pub fn len(&self) -> usize {
        self.open.get()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.open.get() == 0
    }

    /// A connection behind its handshake, without a socket yet: bytes are fed, and taken out.
    pub fn open(&self, options: ReceiverOptions, limits: Limits) -> u32 {
        let options_deflate = options.deflate.clone();
        let mut slots = self.slots.borrow_mut();
        let index = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push((0, None));
            (slots.len() - 1) as u32
        });
        let (used, slot) = &mut slots[index as usize];
        *used = used.wrapping_add(1);
        let id = *used << INDEX_BITS | index;
        let state = State {
            receiver: Receiver::new(options),
            deaf: false,
            paused: false,
            ended: false,
            fragments: false,
            deflate: options_deflate,
            deflater: None,
            outbox: Outbox::default(),
            max_buffered: limits.max_buffered,
            overflow_closes: limits.overflow_closes,
            compress_from: limits.compress_from,
            follows: false,
            overflowed: false,
            fragmenting: false,
            held: Vec::new(),
            held_bytes: 0,
            closing: false,
            heard: Instant::now(),
            touched: false,
            ending: false,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            descriptor: None,
        };
        let connection = Rc::new(Connection { id, hub: Rc::clone(&self.hub), state: RefCell::new(state) });
        *slot = Some(connection);
        self.open.set(self.open.get() + 1);
        id
    }

    fn get(&self, id: u32) -> Option<Rc<Connection>> {
        let slots = self.slots.borrow();
        let (_, slot) = slots.get((id & INDEX_MASK) as usize)?;
        slot.as_ref().filter(|connection| connection.id == id).cloned()
    }

    pub(super) fn with<T: Default>(&self, id: u32, act: impl FnOnce(&mut State) -> T) -> T {
        match self.slots.borrow().get((id & INDEX_MASK) as usize) {
            Some((_, Some(connection))) if connection.id == id => act(&mut connection.state.borrow_mut()),
            _ => T::default(),
        }
    }

    /// The connection gets a transport of its own, whose socket the reactor watches.
    ///
    /// # Errors
    /// The system's, of the poller.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn attach(
        &self,
        id: u32,
        transport: crate::net::transport::Transport,
        reactor: &Rc<crate::net::reactor::Reactor>,
    ) -> std::io::Result<()> {
        use crate::net::reactor::Interest;
        let Some(connection) = self.get(id) else { return Ok(()) };
        let source: Rc<dyn crate::net::reactor::Source> = connection.clone();
        let interest = if connection.state.borrow().paused { Interest::NONE } else { Interest::READ };
        let token = reactor.register(&transport, interest, source)?;
        connection.state.borrow_mut().descriptor = Some(super::connection::Descriptor {
            transport,
            token: Some(token),
            reactor: Rc::clone(reactor),
        });
        Ok(())
    }

    /// Takes the connection's own transport away: bytes are fed and taken out again from here on.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn release(&self, id: u32) -> Option<crate::net::transport::Transport> {
        self.with(id, |state| {
            let transport = state.detach();
            if state.outbox.pending() > 0 {
                self.touch(id, state);
            }
            transport
        })
    }

    /// Addresses of the two ends of the connection's own socket: ours, then the peer's; nothing where it is gone.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn addresses(&self, id: u32) -> Option<(crate::net::http::Address, crate::net::http::Address)> {
        self.with_socket(id, crate::net::listener::ends_of)?.ok()
    }

    /// Runs `use_socket` on the connection's own socket, where it has one.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn with_socket<T>(&self, id: u32, use_socket: impl FnOnce(&std::os::fd::OwnedFd) -> T) -> Option<T> {
        self.with(id, |state| Some(use_socket(state.descriptor.as_ref()?.transport.socket())))
    }

    /// Ends our side of the connection's own transport when all that is queued is written.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn end(&self, id: u32) {
        self.with(id, |state| {
            state.ending = true;
            state.write(id, &self.hub);
            state.watch();
        });
    }

    /// Bytes that came on a socket of somebody else's; they are unmasked in place.
    pub fn feed(&self, id: u32, bytes: &mut [u8]) {
        if let Some(connection) = self.get(id) {
            connection.feed(bytes);
        }
    }

    /// Queues a frame. [`flush`](Self::flush) writes it.
    pub fn send(&self, id: u32, outgoing: Outgoing, payload: &[u8]) {
        self.with(id, |state| {
            let is_data = outgoing.opcode < opcode::CLOSE;
            // A fragment is never left out: its message would be broken.
            let may_refuse = is_data && outgoing.opcode != opcode::CONTINUATION && outgoing.fin;
            if may_refuse && self.refuses(id, state, 0) {
                if outgoing.ticket {
                    state.outbox.mark();
                    self.touch(id, state);
                }
                return;
            }
            let mask = outgoing.masked.then(|| outgoing.mask.unwrap_or_else(|| self.hub.mask_key()));
            let mut head = FrameHead { opcode: outgoing.opcode, fin: outgoing.fin, rsv1: false, mask };
            let spares = &mut *self.hub.spares.borrow_mut();
            if outgoing.compress && state.deflate.is_some() {
                head.rsv1 = outgoing.opcode != opcode::CONTINUATION;
                let scratch = &mut *self.hub.scratch.borrow_mut();
                scratch.clear();
                if self.hub.deflaters.borrow_mut().compress(state, payload, outgoing.fin, scratch) {
                    state.outbox.append(spares, |out| frame::write_frame(out, head, scratch));
                } else {
                    head.rsv1 = false;
                    state.outbox.append(spares, |out| frame::write_frame(out, head, payload));
                }
                scratch.shrink_to(64 << 10);
            } else {
                state.outbox.append(spares, |out| frame::write_frame(out, head, payload));
            }
            state.closing |= outgoing.opcode == opcode::CLOSE;
            if is_data {
                state.fragmenting = !outgoing.fin;
                if outgoing.fin && !state.held.is_empty() {
                    state.held_bytes = 0;
                    std::mem::take(&mut state.held).into_iter().for_each(|held| state.outbox.share(held));
                }
            }
            if outgoing.ticket {
                state.outbox.mark();
            }
            self.touch(id, state);
        });
    }

    /// Whether a message is left out, because the connection's queue is full. Tells the owner. `bound` is for a connection
    /// that has none; 0 for none.
    fn refuses(&self, id: u32, state: &mut State, bound: usize) -> bool {
        let most = if state.max_buffered == 0 { bound } else { state.max_buffered };
        let is_full = |state: &State| state.outbox.pending() + state.held_bytes >= most;
        if most == 0 || !is_full(state) {
            return false;
        }
        // What only waits for the end of the tick does not wait for the peer.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if state.descriptor.is_some() {
            state.write(id, &self.hub);
            if !is_full(state) {
                return false;
            }
        }
        let row = if state.overflow_closes {
            if std::mem::replace(&mut state.overflowed, true) {
                return true;
            }
            [id, EventKind::Overflow as u32, u32::try_from(most).unwrap_or(u32::MAX), 0]
        } else {
            [id, EventKind::Dropped as u32, 1, 0]
        };
        self.hub.outcomes.borrow_mut().push(row);
        true
    }

    /// Queues bytes as they are.
    pub fn send_raw(&self, id: u32, bytes: &[u8], ticket: bool) {
        self.with(id, |state| {
            state.outbox.append(&mut self.hub.spares.borrow_mut(), |out| out.extend_from_slice(bytes));
            if ticket {
                state.outbox.mark();
            }
            self.touch(id, state);
        });
    }

    /// Queues a message for many servers' ends: framed once, and compressed once for each size of window among those that
    /// agreed on compression. Connections that are closing are passed over.
    pub fn broadcast(&self, ids: &[u32], kind: u8, compress: bool, payload: &[u8]) {
        self.spread(ids, |_| compress, 0, Frames::new(kind, payload));
    }

    /// `bound` is for those that have none of their own; 0 for none.
    pub(super) fn spread(
        &self,
        ids: &[u32],
        compress: impl Fn(&State) -> bool,
        bound: usize,
        mut frames: Frames<'_>,
    ) {
        for &id in ids {
            self.with(id, |state| {
                if state.closing || self.refuses(id, state, bound) {
                    return;
                }
                let deflate = state.deflate.as_ref().filter(|_| compress(state));
                let window = deflate.map(|params| params.own_window_bits);
                if let Some(deflater) = window.and(state.deflater.as_mut()) {
                    // The frame is not in its history: it must not refer to what was before.
                    deflater.forget();
                }
                let frame = frames.get(window);
                if state.fragmenting {
                    state.held_bytes += frame.len();
                    state.held.push(Arc::clone(frame));
                } else if frame.len() <= COPY_BYTES {
                    let spares = &mut *self.hub.spares.borrow_mut();
                    state.outbox.append(spares, |out| out.extend_from_slice(frame));
                } else {
                    state.outbox.share(Arc::clone(frame));
                }
                self.touch(id, state);
            });
        }
    }

    pub(super) fn touch(&self, id: u32, state: &mut State) {
        if !std::mem::replace(&mut state.touched, true) {
            self.hub.touched.borrow_mut().push(id);
        }
    }

    /// Writes what was queued since the last flush; [`take_outcomes`](Self::take_outcomes) tells what came of it. Of
    /// connections without a socket it tells that they have [output](Self::take_output).
    pub fn flush(&self) {
        let touched = std::mem::take(&mut *self.hub.touched.borrow_mut());
        for &id in &touched {
            self.with(id, |state| {
                state.touched = false;
                #[cfg(any(target_os = "linux", target_os = "android"))]
                if state.descriptor.is_some() {
                    let waits = state.outbox.pending();
                    state.write(id, &self.hub);
                    if waits > 0 {
                        state.watch();
                    }
                    return;
                }
                self.hub.outcomes.borrow_mut().push([id, EventKind::Output as u32, 0, 0]);
            });
        }
        let mut touched = touched;
        touched.clear();
        let mut list = self.hub.touched.borrow_mut();
        if list.is_empty() {
            *list = touched;
        }
    }

    /// Takes the queued bytes of a connection without a socket.
    pub fn take_output(&self, id: u32, each: &mut dyn FnMut(&[u8])) {
        self.with(id, |state| state.outbox.take(&mut self.hub.spares.borrow_mut(), each));
    }

    /// Bytes queued and not written, framing included, and that of TLS for those that are encrypted.
    pub fn buffered(&self, id: u32) -> usize {
        self.with(id, |state| state.outbox.pending() + state.held_bytes + state.held_back())
    }

    /// Milliseconds since the peer was last heard of.
    pub fn silence(&self, id: u32) -> u64 {
        self.with(id, |state| state.heard.elapsed().as_millis() as u64)
    }

    /// Reads no more, so that the peer's writes fill its socket and stop; or goes on.
    pub fn set_paused(&self, id: u32, paused: bool) {
        self.with(id, |state| {
            state.paused = paused;
            #[cfg(any(target_os = "linux", target_os = "android"))]
            state.watch();
        });
    }

    /// Drops what the peer still sends.
    pub fn set_deaf(&self, id: u32) {
        self.with(id, |state| state.deaf = true);
    }

    /// Tells fragments of binary messages apart.
    pub fn set_fragments(&self, id: u32, wanted: bool) {
        self.with(id, |state| state.fragments = wanted);
    }

    /// Whether the connection keeps the loop alive; it does until told otherwise.
    pub fn set_referenced(&self, id: u32, referenced: bool) {
        self.with(id, |_state| {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            if let Some(super::connection::Descriptor { token: Some(token), reactor, .. }) =
                &_state.descriptor
            {
                reactor.set_referenced(*token, referenced);
            }
            let _ = referenced;
        });
    }

    /// Lets go of a connection and its socket; rows about it may still be in the table.
    pub fn close(&self, id: u32) {
        let Some(connection) = self.get(id) else { return };
        self.slots.borrow_mut()[(id & INDEX_MASK) as usize].1 = None;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            drop(connection.state.borrow_mut().detach());
            self.forget(id, &connection);
        }
        self.open.set(self.open.get() - 1);
        self.free.borrow_mut().push(id & INDEX_MASK);
    }

    /// Takes the rows about what was written, up to `most`.
    pub fn take_outcomes(&self, most: usize, each: impl FnMut([u32; 4])) -> usize {
        let mut outcomes = self.hub.outcomes.borrow_mut();
        let count = most.min(outcomes.len());
        outcomes.drain(..count).for_each(each);
        count
    }

    /// What a turn wrote is told with what it read.
    pub fn gather_outcomes(&self) {
        let mut outcomes = self.hub.outcomes.borrow_mut();
        if !outcomes.is_empty() {
            self.hub.batch.borrow_mut().append(&mut outcomes);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let ids: Vec<u32> =
            self.slots.borrow().iter().filter_map(|(_, slot)| slot.as_ref().map(|one| one.id)).collect();
        ids.into_iter().for_each(|id| self.close(id));
    }
}
