//! One connection.

use super::batch::{Batch, ConnectionSink, EventKind};
use super::engine::Hub;
use super::outbox::Outbox;
use crate::codec::ws::{DeflateParams, MessageDeflater, Receiver};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use descriptor::Descriptor;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// A connection, shared by the engine and, where it has a socket of its own, the reactor.
pub(super) struct Connection {
    pub id: u32,
    pub hub: Rc<Hub>,
    pub state: RefCell<State>,
}

/// What a connection is and does.
pub(super) struct State {
    pub receiver: Receiver,
    /// The receiver failed, or the owner lost interest: what still comes is read and dropped.
    pub deaf: bool,
    pub paused: bool,
    /// The peer's side is over.
    pub ended: bool,
    /// Fragments of binary messages are told apart.
    pub fragments: bool,
    /// permessage-deflate, where it was negotiated.
    pub deflate: Option<DeflateParams>,
    /// What compresses this end's messages, from the first that is; without context takeover, only within a message.
    pub deflater: Option<MessageDeflater>,
    pub outbox: Outbox,
    /// Bytes that may be queued before messages are refused; 0 for no limit.
    pub max_buffered: usize,
    /// Beyond `max_buffered` the connection is to be given up, rather than messages left out.
    pub overflow_closes: bool,
    /// Bytes from which events of topics are compressed.
    pub compress_from: usize,
    /// It follows topics.
    pub follows: bool,
    /// The owner was told that it is to be given up.
    pub overflowed: bool,
    /// A message is being sent in fragments: frames of other messages wait in `held`.
    pub fragmenting: bool,
    /// Whole frames that wait for a fragmented message to end; counted by `held_bytes`.
    pub held: Vec<Arc<Vec<u8>>>,
    pub held_bytes: usize,
    /// This end's close frame is queued: no messages may follow.
    pub closing: bool,
    /// When the peer was last heard of.
    pub heard: Instant,
    /// Something was queued since the last flush.
    pub touched: bool,
    /// Our side of the transport ends when all is written.
    pub ending: bool,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub descriptor: Option<Descriptor>,
}

impl Connection {
    /// Bytes from the peer.
    pub fn feed(&self, bytes: &mut [u8]) {
        let state = &mut *self.state.borrow_mut();
        let batch = &mut *self.hub.batch.borrow_mut();
        state.heard = Instant::now();
        state.feed(self.id, bytes, batch);
    }
}

impl State {
    /// Bytes that the transport took and the socket did not yet.
    pub fn held_back(&self) -> usize {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(descriptor) = &self.descriptor {
            return descriptor.transport.waiting();
        }
        0
    }

    fn feed(&mut self, id: u32, bytes: &mut [u8], batch: &mut Batch) {
        if self.deaf {
            return;
        }
        let mut sink = ConnectionSink { batch, connection: id, fragments: self.fragments };
        // The sink never pauses the receiver, so all bytes are used.
        if let Err(error) = self.receiver.feed(bytes, &mut sink) {
            self.deaf = true;
            batch.breach(id, &error);
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod descriptor {
    use super::*;
    use crate::net::reactor::{Interest, Reactor, Readiness, Source, Token, Turn};
    use crate::net::transport::Transport;
    use crate::net::transport::tls::TlsFault;
    use std::io;

    /// The system's number; `EPROTO`, as in Node, for what TLS fails with.
    fn errno(error: &io::Error) -> i32 {
        error.raw_os_error().unwrap_or(if TlsFault::of(error).is_some() { 71 } else { 5 })
    }

    /// Whether the peer's end came with what was read last.
    fn transport_ends(descriptor: &mut Option<Descriptor>) -> bool {
        descriptor.as_mut().is_some_and(|descriptor| descriptor.transport.take_end())
    }

    /// A transport of the connection's own.
    pub struct Descriptor {
        pub transport: Transport,
        pub token: Option<Token>,
        pub reactor: Rc<Reactor>,
    }

    impl Source for Connection {
        fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
            let state = &mut *self.state.borrow_mut();
            if readiness.writable {
                state.write(self.id, &self.hub);
            }
            if readiness.readable {
                state.read(self.id, turn, &mut self.hub.batch.borrow_mut());
            }
            state.watch();
        }

        fn expired(&self, _turn: &mut Turn<'_>) {
            self.hub.batch.borrow_mut().push(self.id, EventKind::Expired, 0, 0);
        }
    }

    impl State {
        /// Reads once: a message that is long goes straight where it is gathered.
        fn read(&mut self, id: u32, turn: &mut Turn<'_>, batch: &mut Batch) {
            let Some(Descriptor { transport, .. }) = &mut self.descriptor else { return };
            if self.paused || self.ended {
                return;
            }
            self.heard = turn.now();
            let room =
                if self.deaf || !transport.reads_in_place() { None } else { self.receiver.payload_room() };
            let is_room = room.is_some();
            let outcome = match room {
                Some(room) => transport.read_into(room),
                None => match transport.read(turn) {
                    Ok(bytes) => {
                        let n = bytes.len();
                        self.feed(id, bytes, batch);
                        Ok(n)
                    }
                    Err(error) => Err(error),
                },
            };
            if let Ok(n @ 1..) = outcome
                && is_room
            {
                turn.count(n);
                let mut sink = ConnectionSink { batch, connection: id, fragments: self.fragments };
                if let Err(error) = self.receiver.payload_filled(n, &mut sink) {
                    self.deaf = true;
                    batch.breach(id, &error);
                }
            }
            match outcome {
                Ok(0) => {
                    self.ended = true;
                    batch.push(id, EventKind::End, 0, 0);
                }
                Ok(_) if transport_ends(&mut self.descriptor) => {
                    self.ended = true;
                    batch.push(id, EventKind::End, 0, 0);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => batch.push_row(self.fail(id, &error, false)),
            }
        }

        /// Writes what is queued, as far as the socket takes it.
        pub fn write(&mut self, id: u32, hub: &Hub) {
            let Some(Descriptor { transport, .. }) = &mut self.descriptor else { return };
            let spares = &mut *hub.spares.borrow_mut();
            let mut failure = transport.flush().err();
            while failure.is_none() && self.outbox.pending() > 0 {
                let mut slices = Outbox::slices();
                let count = self.outbox.gather(&mut slices);
                let asked: usize = slices[..count].iter().map(|slice| slice.len()).sum();
                match transport.write(&slices[..count]) {
                    Ok(n) => {
                        self.outbox.advance(n, spares);
                        if n < asked {
                            break; // the next try would be refused
                        }
                    }
                    Err(error) => failure = Some(error),
                }
            }
            let is_sent = transport.waiting() == 0;
            if self.ending && is_sent && self.outbox.pending() == 0 && failure.is_none() {
                // It is called again where its last words wait. A peer that is gone need not hear them.
                self.ending = matches!(transport.end(), Ok(false));
            }
            let passed = if is_sent { self.outbox.passed() } else { 0 };
            if passed > 0 {
                let pending = u32::try_from(self.outbox.pending()).unwrap_or(u32::MAX);
                hub.outcomes.borrow_mut().push([id, EventKind::Written as u32, passed, pending]);
            }
            if let Some(error) = failure {
                let row = self.fail(id, &error, true);
                hub.outcomes.borrow_mut().push(row);
            }
        }

        fn fail(&mut self, id: u32, error: &io::Error, writing: bool) -> [u32; 4] {
            self.ended = true;
            self.deaf = true;
            self.outbox.clear();
            [id, EventKind::Failure as u32, errno(error).unsigned_abs(), u32::from(writing)]
        }

        /// Waits for what there is to wait for.
        pub fn watch(&mut self) {
            if let Some(Descriptor { transport, token: Some(token), reactor }) = &self.descriptor {
                let interest = Interest {
                    read: !self.paused && !self.ended,
                    write: self.outbox.pending() > 0 || transport.waiting() > 0,
                };
                // What epoll may refuse here (memory) shows as a connection that stands still, which its timeouts end.
                let _ = reactor.set_interest(*token, transport, interest);
            }
        }

        /// Takes the transport out of the reactor.
        pub fn detach(&mut self) -> Option<Transport> {
            let Descriptor { transport, token, reactor } = self.descriptor.take()?;
            if let Some(token) = token {
                reactor.deregister(token, &transport);
            }
            Some(transport)
        }
    }
}
