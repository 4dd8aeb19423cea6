//! The WebSocket connections of one JavaScript thread.
#![allow(unsafe_code)]

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::event_loop::{Delivery, EventLoop, LoopState};
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::tls::TlsSession;
use super::websocket_options::WebSocketOptions;
use super::websocket_store::{JsStore, Values};
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::net::transport::Transport;
use crate::net::ws::{self, Outgoing};
use napi::bindgen_prelude::*;
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;

/// What the engine and its deliveries share.
struct Shared {
    engine: Rc<ws::Engine>,
    values: Rc<Values>,
    /// `(count, slabs, wholes, rest)`, called with each batch.
    on_batch: FunctionRef<(), ()>,
    table: RefCell<Uint32Array>,
}

impl Shared {
    /// The arguments of `on_batch` for the next rows; nothing where there are none.
    fn arguments(&self, env: Env) -> Option<[sys::napi_value; 4]> {
        let mut table = self.table.borrow_mut();
        // SAFETY: JavaScript does not run while the slice is borrowed.
        let table = unsafe { table.as_mut() };
        let mut at = 0;
        let count = self.engine.batch(|batch| {
            batch.take(table.len() / 4, |row| {
                table[at..at + 4].copy_from_slice(row);
                at += 4;
            })
        });
        if count == 0 {
            return None;
        }
        let array = |values: &[sys::napi_value]| {
            let mut array = ptr::null_mut();
            // SAFETY: the values are of this environment and scope; the out pointer is valid.
            unsafe {
                sys::napi_create_array_with_length(env.raw(), values.len(), &raw mut array);
                for (index, &value) in values.iter().enumerate() {
                    sys::napi_set_element(env.raw(), array, index as u32, value);
                }
            }
            array
        };
        let number = |value: usize| {
            let mut number = ptr::null_mut();
            // SAFETY: the out pointer is valid.
            unsafe { sys::napi_create_uint32(env.raw(), value as u32, &raw mut number) };
            number
        };
        let rest = number(self.engine.batch(|batch| batch.len()));
        let (slabs, wholes) = (self.values.slabs.borrow(), self.values.wholes.borrow());
        Some([number(count), array(&slabs), array(&wholes), rest])
    }

    fn end(&self) {
        self.values.end();
        self.engine.batch(|batch| batch.store().end());
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Delivery for Shared {
    fn begin(&self, env: Env) {
        self.values.begin(env);
    }

    fn deliver(&self, env: Env, state: &LoopState) {
        self.engine.gather_outcomes();
        while let Some(arguments) = self.arguments(env) {
            let Ok(function) = self.on_batch.borrow_back(&env) else { break };
            // SAFETY: all values are of this environment, in the scope that the turn opened.
            unsafe { state.call(function.raw(), &arguments) };
        }
        self.end();
    }
}

/// Bits of a frame's flags, from JavaScript.
mod flag {
    pub const OPCODE: u32 = 0x0f;
    pub const FIN: u32 = 1 << 4;
    pub const COMPRESS: u32 = 1 << 5;
    pub const TICKET: u32 = 1 << 6;
    pub const MASKED: u32 = 1 << 7;
    /// The four bytes before the payload are the mask.
    pub const OWN_MASK: u32 = 1 << 8;
    /// No frame: the bytes are sent as they are.
    pub const RAW: u32 = 1 << 9;
}

fn send(engine: &ws::Engine, id: u32, flags: u32, bytes: &[u8]) {
    let ticket = flags & flag::TICKET != 0;
    if flags & flag::RAW != 0 {
        return engine.send_raw(id, bytes, ticket);
    }
    let (mask, payload) = match bytes.split_first_chunk::<4>() {
        Some((mask, payload)) if flags & flag::OWN_MASK != 0 => (Some(*mask), payload),
        _ => (None, bytes),
    };
    let outgoing = Outgoing {
        opcode: (flags & flag::OPCODE) as u8,
        fin: flags & flag::FIN != 0,
        compress: flags & flag::COMPRESS != 0,
        ticket,
        masked: flags & flag::MASKED != 0,
        mask,
    };
    engine.send(id, outgoing, payload);
}

/// The WebSocket connections of one thread.
#[napi]
pub struct WebSocketEngine {
    shared: Rc<Shared>,
    outcomes: RefCell<Uint32Array>,
}

impl WebSocketEngine {
    pub(super) fn inner(&self) -> Rc<ws::Engine> {
        Rc::clone(&self.shared.engine)
    }
}

#[napi]
impl WebSocketEngine {
    /// `onBatch(count, slabs, wholes, rest)` gets what came in, with `count` rows of four words in `table`; `rest` rows
    /// follow in further calls at once. `outcomes` is filled by `flush`.
    #[napi(constructor, catch_unwind)]
    pub fn new(on_batch: Function<(), ()>, table: Uint32Array, outcomes: Uint32Array) -> Result<Self> {
        let values = Rc::<Values>::default();
        let store = JsStore::new(Rc::clone(&values));
        let shared = Rc::new(Shared {
            engine: Rc::new(ws::Engine::new(Box::new(store))),
            values,
            on_batch: on_batch.create_ref()?,
            table: RefCell::new(table),
        });
        Ok(Self { shared, outcomes: RefCell::new(outcomes) })
    }

    /// Batches come from turns of `loop`.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[napi(catch_unwind)]
    pub fn join(&self, event_loop: &EventLoop) {
        let delivery: Rc<dyn Delivery> = self.shared.clone();
        event_loop.state().add(Rc::downgrade(&delivery));
    }

    /// A connection behind its handshake; its bytes are fed until it is attached to a socket.
    #[napi(catch_unwind)]
    pub fn open(&self, options: WebSocketOptions) -> u32 {
        self.shared.engine.open((&options).into(), (&options).into())
    }

    /// Gives the connection a descriptor of its own for the socket that is open as `descriptor`, and the TLS session on it.
    ///
    /// @throws where it cannot be duplicated or watched
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[napi(catch_unwind)]
    pub fn attach(
        &self,
        id: u32,
        descriptor: i32,
        event_loop: &EventLoop,
        session: Option<&TlsSession>,
    ) -> Result<()> {
        let socket = super::descriptor::duplicate(descriptor)?.into();
        let transport = Transport::from_parts(socket, session.and_then(TlsSession::take));
        self.shared.engine.attach(id, transport, &event_loop.state().reactor())?;
        Ok(())
    }

    /// Ends our side of the connection's own socket once all is written, and its TLS session before.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[napi(catch_unwind)]
    pub fn end(&self, id: u32) {
        self.shared.engine.end(id);
    }

    /// Takes bytes from the peer, unmasks them in place, and calls `onBatch` with what they hold. Not from within
    /// `onBatch`: the table is in use.
    #[napi(catch_unwind)]
    pub fn feed(&self, env: Env, id: u32, mut chunk: BufferSlice) -> Result<()> {
        self.shared.values.begin(env);
        self.shared.engine.feed(id, &mut chunk);
        let mut outcome = Ok(());
        while let Some(arguments) = self.shared.arguments(env) {
            let function = self.shared.on_batch.borrow_back(&env)?;
            let (mut receiver, mut result) = (ptr::null_mut(), ptr::null_mut());
            // SAFETY: all values are of this call's environment and scope; the out pointers are valid.
            let status = unsafe {
                sys::napi_get_global(env.raw(), &raw mut receiver);
                sys::napi_call_function(
                    env.raw(),
                    receiver,
                    function.raw(),
                    arguments.len(),
                    arguments.as_ptr(),
                    &raw mut result,
                )
            };
            if status != sys::Status::napi_ok {
                outcome = Err(Error::new(Status::PendingException, String::new()));
                break;
            }
        }
        self.shared.end();
        outcome
    }

    /// Queues the frames of `rows` rows of `table`: connection, flags, offset and length in `slab`.
    #[napi(catch_unwind)]
    pub fn queue(&self, slab: &[u8], table: &[u32], rows: u32) {
        for row in table.as_chunks::<4>().0.iter().take(rows as usize) {
            let &[id, flags, offset, length] = row;
            let Some(bytes) = slab.get(offset as usize..offset as usize + length as usize) else { continue };
            send(&self.shared.engine, id, flags, bytes);
        }
    }

    /// Queues one frame.
    #[napi(catch_unwind)]
    pub fn send(&self, id: u32, flags: u32, bytes: &[u8]) {
        send(&self.shared.engine, id, flags, bytes);
    }

    /// Queues a message for the connections `ids`; `kind` is its opcode.
    #[napi(catch_unwind)]
    pub fn broadcast(&self, ids: &[u32], kind: u8, compress: bool, bytes: &[u8]) {
        self.shared.engine.broadcast(ids, kind, compress, bytes);
    }

    /// Milliseconds since the peer was last heard of.
    #[napi(catch_unwind)]
    pub fn silence(&self, id: u32) -> f64 {
        self.shared.engine.silence(id) as f64
    }

    /// Writes what is queued; then rows of what came of it are in `outcomes`: returns how many. Call `more` while they are
    /// as many as it holds.
    #[napi(catch_unwind)]
    pub fn flush(&self) -> u32 {
        self.shared.engine.flush();
        self.more()
    }

    /// The next rows of outcomes.
    #[napi(catch_unwind)]
    pub fn more(&self) -> u32 {
        let mut outcomes = self.outcomes.borrow_mut();
        // SAFETY: JavaScript does not run while the slice is borrowed.
        let table = unsafe { outcomes.as_mut() };
        let mut at = 0;
        let count = self.shared.engine.take_outcomes(table.len() / 4, |row| {
            table[at..at + 4].copy_from_slice(&row);
            at += 4;
        });
        count as u32
    }

    /// Takes the queued bytes of a connection without a socket.
    #[napi(catch_unwind)]
    pub fn take_output(&self, env: Env, id: u32) -> Result<BufferSlice<'static>> {
        let mut bytes = Vec::with_capacity(self.shared.engine.buffered(id));
        self.shared.engine.take_output(id, &mut |piece| bytes.extend_from_slice(piece));
        BufferSlice::copy_from(&env, bytes)
    }

    /// Bytes queued and not written, framing included.
    #[napi(catch_unwind)]
    pub fn buffered(&self, id: u32) -> f64 {
        self.shared.engine.buffered(id) as f64
    }

    /// Stops or goes on reading.
    #[napi(catch_unwind)]
    pub fn set_paused(&self, id: u32, paused: bool) {
        self.shared.engine.set_paused(id, paused);
    }

    /// Drops what the peer still sends.
    #[napi(catch_unwind)]
    pub fn set_deaf(&self, id: u32) {
        self.shared.engine.set_deaf(id);
    }

    /// Tells fragments of binary messages apart.
    #[napi(catch_unwind)]
    pub fn set_fragments(&self, id: u32, wanted: bool) {
        self.shared.engine.set_fragments(id, wanted);
    }

    /// Whether the connection keeps the loop alive.
    #[napi(catch_unwind)]
    pub fn set_referenced(&self, id: u32, referenced: bool) {
        self.shared.engine.set_referenced(id, referenced);
    }

    /// Lets go of a connection.
    #[napi(catch_unwind)]
    pub fn close(&self, id: u32) {
        self.shared.engine.close(id);
    }
}
