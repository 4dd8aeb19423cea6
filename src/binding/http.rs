//! The HTTP server, for `lib/internal/http-engine.js`.

use super::event_loop::{Delivery, EventLoop};
use super::http_settings::{FilesSpec, SendSpec, Settings};
use super::json::parse;
use super::listen::{self, ListenSpec};
use super::operator::Operator;
use super::packed::{self, Postman};
use super::tls::{self, TlsContext, TlsSession};
use crate::codec::http1::METHODS;
use crate::flow::ReadOutcome;
use crate::net::http::{Engine, Mount};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use serde_json::json;
use std::os::fd::IntoRawFd;
use std::path::PathBuf;
use std::rc::Rc;

/// One server: its listeners and connections. Connections go by number.
#[napi]
pub struct HttpServer {
    engine: Rc<Engine>,
    _postman: Rc<Postman<Engine>>,
}

impl HttpServer {
    pub(super) fn engine(&self) -> &Rc<Engine> {
        &self.engine
    }
}

#[napi]
impl HttpServer {
    /// A server in that loop; `settings` is JSON. `onTurn` is called when there are records to take.
    #[napi(constructor, catch_unwind)]
    pub fn new(event_loop: &EventLoop, settings: String, on_turn: Function<(), ()>) -> Result<Self> {
        let state = event_loop.state();
        let engine = Engine::new(state.reactor(), parse::<Settings>(&settings)?.into());
        let has_news = |engine: &Engine| !engine.batch().is_empty();
        let postman = Rc::new(Postman::new(Rc::downgrade(&engine), has_news, on_turn)?);
        let delivery: Rc<dyn Delivery> = postman.clone();
        state.add(Rc::downgrade(&delivery));
        Ok(Self { engine, _postman: postman })
    }

    /// The methods, by the numbers that records have.
    #[napi(catch_unwind)]
    pub fn methods() -> Vec<&'static str> {
        METHODS.to_vec()
    }

    /// Other settings from now on.
    #[napi(catch_unwind)]
    pub fn configure(&self, settings: String) -> Result<()> {
        self.engine.set_config(parse::<Settings>(&settings)?.into());
        Ok(())
    }

    /// Speaks TLS from now on: by `context`, or by the one of `named` whose name in `names` fits, or as JavaScript
    /// [chooses](Self::choose) where it `asks`.
    #[napi(catch_unwind)]
    pub fn set_contexts(
        &self,
        context: &TlsContext,
        names: Vec<String>,
        named: Vec<ClassInstance<TlsContext>>,
        asks: bool,
    ) {
        self.engine.set_contexts(tls::contexts(context, names, &named, asks));
    }

    /// What a connection in its handshake gets: that context or the one for all, and that protocol alone.
    #[napi(catch_unwind)]
    pub fn choose(&self, id: u32, context: Option<&TlsContext>, alpn: Option<BufferSlice>) -> bool {
        self.engine.choose(id, context.map(TlsContext::inner), alpn.map(|name| name.to_vec()));
        !self.engine.batch().is_empty()
    }

    /// What a connection's handshake came to, as JSON; nothing where it is not over, or the connection is gone.
    #[napi(catch_unwind)]
    pub fn session(&self, id: u32) -> Option<String> {
        self.engine.session(id).map(|(facts, _)| tls::describe(&facts))
    }

    /// The certificate of a connection's peer and those that it sent with it, in DER.
    #[napi(catch_unwind)]
    pub fn peer_certificates(&self, id: u32) -> Vec<Buffer> {
        let certificates = self.engine.session(id).map(|(_, certificates)| certificates).unwrap_or_default();
        certificates.into_iter().map(Buffer::from).collect()
    }

    /// Whether somebody listens for requests that wish for another protocol.
    #[napi(catch_unwind)]
    pub fn set_takes_upgrades(&self, takes: bool) {
        self.engine.set_takes_upgrades(takes);
    }

    /// Listens where the JSON says; returns JSON: the address, or `{syscall, errno}`.
    #[napi(catch_unwind)]
    pub fn listen(&self, spec: String) -> Result<String> {
        let listen = parse::<ListenSpec>(&spec)?.into();
        Ok(listen::outcome(self.engine.listen(&listen), listen::describe))
    }

    /// Serves the files of a directory, as the JSON says; returns the system's error number, or 0.
    #[napi(catch_unwind)]
    pub fn add_files(&self, spec: String) -> Result<i32> {
        let spec: FilesSpec = parse(&spec)?;
        let (prefix, directory) = (spec.prefix.clone(), PathBuf::from(&spec.directory));
        match Mount::open(prefix, &directory, spec.into()) {
            Ok(mount) => self.engine.mount(mount),
            Err(error) => return Ok(error.raw_os_error().unwrap_or(22)),
        }
        Ok(0)
    }

    /// Answers the request of a connection with a file, as the JSON says; returns JSON: status and bytes, or `{errno}`.
    #[napi(catch_unwind)]
    pub fn send_file(&self, id: u32, spec: String) -> Result<String> {
        let spec: SendSpec = parse(&spec)?;
        Ok(match self.engine.send_file(id, &spec.send()) {
            Ok((status, bytes)) => json!({ "status": status, "bytes": bytes }).to_string(),
            Err(error) => json!({ "errno": error.raw_os_error().unwrap_or(5) }).to_string(),
        })
    }

    /// Serves a connection that Node accepted; its descriptor stays the caller's, to be closed. Returns the system's error
    /// number, or 0.
    #[napi(catch_unwind)]
    pub fn adopt(&self, descriptor: i32) -> i32 {
        let adopted =
            super::descriptor::duplicate(descriptor).and_then(|socket| self.engine.adopt(socket.into()));
        adopted.err().map_or(0, |error| error.raw_os_error().unwrap_or(9))
    }

    /// Stops listening.
    #[napi(catch_unwind)]
    pub fn close_listeners(&self) {
        self.engine.close_listeners();
    }

    /// Whether the listeners keep the loop alive.
    #[napi(catch_unwind)]
    pub fn set_referenced(&self, referenced: bool) {
        self.engine.set_referenced(referenced);
    }

    /// Closes connections that wait for a request.
    #[napi(catch_unwind)]
    pub fn close_idle(&self) {
        self.engine.close_idle();
    }

    /// Bytes that [`take`](Self::take) needs: of words, then of bytes, packed into one number by 2³².
    #[napi(catch_unwind)]
    pub fn waiting(&self) -> f64 {
        let batch = self.engine.batch();
        packed::waiting(&batch)
    }

    /// Copies the records into `words` (the bytes of a `Uint32Array`) and `bytes`, and forgets them; returns how many
    /// words.
    #[napi(catch_unwind)]
    pub fn take(&self, mut words: BufferSlice, mut bytes: BufferSlice) -> u32 {
        let mut batch = self.engine.batch();
        let count = packed::take(&batch, &mut words, &mut bytes);
        if count > 0 {
            batch.clear();
        }
        count
    }

    /// Does the first `count` of `commands` (four words each); returns whether there are records to take.
    #[napi(catch_unwind)]
    pub fn submit(
        &self,
        commands: BufferSlice,
        count: u32,
        slab: BufferSlice,
        buffers: Option<Vec<BufferSlice>>,
    ) -> bool {
        let list = packed::commands(&commands, count);
        let buffers: Vec<&[u8]> = buffers.iter().flatten().map(|buffer| &buffer[..]).collect();
        self.engine.apply(&list, &slab, &buffers);
        !self.engine.batch().is_empty()
    }

    /// Queues `bytes` for the first `count` connections of `ids` (a word each), which answer a request; they leave in the
    /// loop's next turn.
    #[napi(catch_unwind)]
    pub fn broadcast(&self, ids: BufferSlice, count: u32, bytes: BufferSlice) -> Result<()> {
        let (words, _) = ids.as_chunks::<4>();
        let ids = words.iter().take(count as usize).map(|word| u32::from_ne_bytes(*word));
        Ok(self.engine.broadcast(ids, &bytes)?)
    }

    /// Sends what is queued, as far as the system takes it. Records tell of it in the loop's next turn.
    #[napi(catch_unwind)]
    pub fn send_queued(&self) -> Result<()> {
        Ok(self.engine.send_queued()?)
    }

    /// Moves up to `most` bytes of an operator's output into a connection, as one chunk where `chunked`; returns what the
    /// operator's own `read` would.
    #[napi(catch_unwind)]
    pub fn take_output(&self, id: u32, operator: &Operator, most: u32, chunked: bool) -> i64 {
        match self.engine.take_output(id, operator.inner(), most as usize, chunked) {
            ReadOutcome::Bytes(n) => n as i64,
            ReadOutcome::Empty => 0,
            ReadOutcome::End => -1,
            ReadOutcome::Mark(ticket) => -2 - i64::from(ticket),
        }
    }

    /// From now on the body that a connection receives goes straight to an operator; returns whether it does.
    #[napi(catch_unwind)]
    pub fn link_upload(&self, id: u32, operator: &Operator) -> bool {
        self.engine.link_upload(id, operator.inner())
    }

    /// What comes of the body from now on goes to JavaScript.
    #[napi(catch_unwind)]
    pub fn unlink_upload(&self, id: u32) {
        self.engine.unlink_upload(id);
    }

    /// Bytes of bodies that went from a connection straight to operators.
    #[napi(catch_unwind)]
    pub fn fed(&self, id: u32) -> f64 {
        self.engine.fed(id) as f64
    }

    /// Bytes of a connection that the system did not take yet.
    #[napi(catch_unwind)]
    pub fn pending(&self, id: u32) -> u32 {
        u32::try_from(self.engine.pending(id)).unwrap_or(u32::MAX)
    }

    /// A connection's addresses as JSON: `[ours, peer]`, or nothing where it is gone.
    #[napi(catch_unwind)]
    pub fn addresses(&self, id: u32) -> Option<String> {
        let (ours, peer) = self.engine.addresses(id).ok()?;
        Some(json!([listen::describe(&ours), listen::describe(&peer)]).to_string())
    }

    /// Sets `TCP_NODELAY`.
    #[napi(catch_unwind)]
    pub fn set_no_delay(&self, id: u32, on: bool) {
        self.engine.set_no_delay(id, on);
    }

    /// Hands the connection's descriptor over, out of the loop; the connection's number is free after it. -1 where it is
    /// gone.
    #[napi(catch_unwind)]
    pub fn detach(&self, env: Env, id: u32) -> Result<Detached> {
        match self.engine.detach(id) {
            Some((transport, bytes)) => {
                let (socket, session) = transport.into_parts();
                let session =
                    session.map(|session| TlsSession::new(session).into_reference(env)).transpose()?;
                Ok(Detached { descriptor: socket.into_raw_fd(), bytes: bytes.into(), session })
            }
            None => Ok(Detached { descriptor: -1, bytes: Vec::new().into(), session: None }),
        }
    }

    /// Ends our side of a socket that was handed over.
    #[napi(catch_unwind)]
    pub fn shutdown(&self, descriptor: i32) {
        if let Ok(socket) = super::descriptor::duplicate(descriptor) {
            // It is gone already: so is our side.
            let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Write);
        }
    }

    /// Connections that JavaScript knows of.
    #[napi(catch_unwind)]
    pub fn connections(&self) -> u32 {
        self.engine.connections() as u32
    }

    /// Connections that were refused.
    #[napi(catch_unwind)]
    pub fn dropped(&self) -> u32 {
        self.engine.dropped()
    }
}

/// A descriptor that is the receiver's to close, and what was read from it already.
#[napi(object)]
pub struct Detached {
    /// The descriptor.
    pub descriptor: i32,
    /// Bytes.
    pub bytes: Buffer,
    /// The TLS session on it, to go on with.
    pub session: Option<Reference<TlsSession>>,
}
