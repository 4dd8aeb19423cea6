//! The HTTP server, for `lib/internal/http/`.

use super::event_loop::{Delivery, EventLoop, LoopState};
use super::operator::Operator;
use super::tls::{self, TlsContext, TlsSession};
use crate::codec::http_files::{Coding, Conditions, Dotfiles, Policy};
use crate::codec::http1::{Limits, METHODS};
use crate::flow::ReadOutcome;
use crate::net::h2;
use crate::net::http::{
    Address, CompressOptions, Config, Engine, FileOptions, Http2Config, Listen, Mount, SendFile, Symlinks,
    Timeouts,
};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::IntoRawFd;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Milliseconds; 0 is no limit.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    max_header_size: usize,
    max_headers: usize,
    headers_timeout: u64,
    request_timeout: u64,
    keep_alive_timeout: u64,
    handshake_timeout: u64,
    no_delay: bool,
    keep_alive: bool,
    keep_alive_initial_delay: u64,
    max_connections: Option<usize>,
    http2: Option<Http2Settings>,
}

/// Checked in `lib/http/http2-options.js`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http2Settings {
    initial_window_size: u32,
    connection_window_size: u32,
    max_concurrent_streams: u32,
    max_frame_size: u32,
    max_header_list_size: u32,
    max_pending_resets: usize,
    max_error_resets: usize,
    stream_reset_burst: u32,
    stream_reset_rate: u32,
    control_frame_burst: u32,
    control_frame_rate: u32,
    idle_timeout: u64,
    stall_timeout: u64,
    ping_interval: u64,
    ping_timeout: u64,
}

impl From<Http2Settings> for Http2Config {
    fn from(settings: Http2Settings) -> Self {
        let time = |ms| (ms > 0).then(|| Duration::from_millis(ms));
        Self {
            limits: h2::Config {
                stream_window: settings.initial_window_size,
                connection_window: settings.connection_window_size,
                concurrent_streams: settings.max_concurrent_streams,
                frame_bytes: settings.max_frame_size,
                header_list_bytes: settings.max_header_list_size,
                pending_resets: settings.max_pending_resets,
                error_resets: settings.max_error_resets,
                flood: h2::FloodLimits {
                    control_burst: settings.control_frame_burst,
                    control_per_second: settings.control_frame_rate,
                    reset_burst: settings.stream_reset_burst,
                    reset_per_second: settings.stream_reset_rate,
                },
                ..h2::Config::default()
            },
            idle: time(settings.idle_timeout),
            stall: time(settings.stall_timeout),
            ping: time(settings.ping_interval),
            ping_timeout: Duration::from_millis(settings.ping_timeout),
        }
    }
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        let time = |ms| (ms > 0).then(|| Duration::from_millis(ms));
        Self {
            limits: Limits {
                head_bytes: settings.max_header_size,
                fields: settings.max_headers,
                ..Limits::default()
            },
            timeouts: Timeouts {
                headers: time(settings.headers_timeout),
                request: time(settings.request_timeout),
                keep_alive: time(settings.keep_alive_timeout),
                handshake: time(settings.handshake_timeout),
            },
            no_delay: settings.no_delay,
            keep_alive_probe: settings
                .keep_alive
                .then(|| Duration::from_millis(settings.keep_alive_initial_delay)),
            most_connections: settings.max_connections.unwrap_or(usize::MAX),
            http2: settings.http2.map(Into::into),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListenSpec {
    host: Option<IpAddr>,
    port: Option<u16>,
    path: Option<String>,
    backlog: i32,
    ipv6_only: bool,
    reuse_port: bool,
}

/// How files are served; checked in `lib/http/files.js`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicySpec {
    etag: bool,
    last_modified: bool,
    accept_ranges: bool,
    cache_control: Option<String>,
    #[serde(default)]
    fields: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilesSpec {
    prefix: String,
    directory: String,
    dotfiles: String,
    symlinks: String,
    index: Vec<String>,
    extensions: Vec<String>,
    precompressed: Vec<String>,
    compress: Option<CompressSpec>,
    redirect: bool,
    fallthrough: bool,
    policy: PolicySpec,
}

/// Bytes, and gzip's level.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompressSpec {
    level: i32,
    threshold: u64,
    max_bytes: u64,
    cache_bytes: usize,
}

impl From<CompressSpec> for CompressOptions {
    fn from(spec: CompressSpec) -> Self {
        Self {
            level: spec.level,
            least_bytes: spec.threshold,
            most_bytes: spec.max_bytes,
            cache_bytes: spec.cache_bytes,
        }
    }
}

impl PolicySpec {
    fn policy(self, varies: bool) -> Policy {
        Policy {
            etag: self.etag,
            last_modified: self.last_modified,
            accept_ranges: self.accept_ranges,
            cache_control: self.cache_control,
            varies,
            extra: self.fields,
        }
    }
}

impl From<FilesSpec> for FileOptions {
    fn from(spec: FilesSpec) -> Self {
        let precompressed: Vec<_> = Coding::ALL
            .into_iter()
            .filter(|c| spec.precompressed.iter().any(|name| name == c.name()))
            .collect();
        Self {
            dotfiles: match &*spec.dotfiles {
                "allow" => Dotfiles::Allow,
                "deny" => Dotfiles::Deny,
                _ => Dotfiles::Ignore,
            },
            symlinks: match &*spec.symlinks {
                "follow" => Symlinks::Follow,
                "deny" => Symlinks::Deny,
                _ => Symlinks::Inside,
            },
            index: spec.index,
            extensions: spec.extensions,
            redirect: spec.redirect,
            fallthrough: spec.fallthrough,
            policy: spec.policy.policy(!precompressed.is_empty() || spec.compress.is_some()),
            precompressed,
            compress: spec.compress.map(CompressOptions::from),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SendSpec {
    path: String,
    content_type: Option<String>,
    head_only: bool,
    keep_alive: bool,
    policy: PolicySpec,
    /// Fields of the request, by their names.
    #[serde(default)]
    request: HashMap<String, String>,
}

/// Settings from JSON.
fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::new(Status::InvalidArg, e.to_string()))
}

fn describe(address: &Address) -> serde_json::Value {
    match address {
        Address::Ip(ip) => json!({
            "address": ip.ip().to_string(),
            "family": if ip.is_ipv4() { "IPv4" } else { "IPv6" },
            "port": ip.port(),
        }),
        Address::Unix(path) => json!(path.to_string_lossy()),
    }
}

/// Calls JavaScript where a turn brought something.
struct Postman {
    engine: Weak<Engine>,
    on_turn: FunctionRef<(), ()>,
}

impl Delivery for Postman {
    fn deliver(&self, env: Env, state: &LoopState) {
        let Some(engine) = self.engine.upgrade() else { return };
        if engine.batch().is_empty() {
            return;
        }
        if let Ok(function) = self.on_turn.borrow_back(&env) {
            // SAFETY: the function is of this environment, borrowed within the loop's handle scope.
            #[allow(unsafe_code)]
            unsafe {
                state.call(function.raw(), &[]);
            }
        }
    }
}

/// One server: its listeners and connections. Connections go by number.
#[napi]
pub struct HttpServer {
    engine: Rc<Engine>,
    _postman: Rc<Postman>,
}

impl HttpServer {
    pub(super) fn inner(&self) -> &Rc<Engine> {
        &self.engine
    }
}

impl HttpServer {
    pub(super) fn engine(&self) -> &Engine {
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
        let postman = Rc::new(Postman { engine: Rc::downgrade(&engine), on_turn: on_turn.create_ref()? });
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
        let spec: ListenSpec = parse(&spec)?;
        let address = match spec.path {
            Some(path) => Address::Unix(path.into()),
            None => Address::Ip(SocketAddr::new(
                spec.host.unwrap_or(IpAddr::from([0u8; 4])),
                spec.port.unwrap_or(0),
            )),
        };
        let listen =
            Listen { address, backlog: spec.backlog, ipv6_only: spec.ipv6_only, reuse_port: spec.reuse_port };
        Ok(match self.engine.listen(&listen) {
            Ok(address) => describe(&address).to_string(),
            Err((syscall, error)) => {
                json!({ "syscall": syscall, "errno": error.raw_os_error().unwrap_or(22) }).to_string()
            }
        })
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
        let field = |name: &str| spec.request.get(name).map(String::as_bytes);
        let send = SendFile {
            path: Path::new(&spec.path),
            conditions: Conditions {
                if_match: field("if-match"),
                if_none_match: field("if-none-match"),
                if_modified_since: field("if-modified-since"),
                if_unmodified_since: field("if-unmodified-since"),
                if_range: field("if-range"),
                range: field("range"),
            },
            content_type: spec.content_type.clone(),
            policy: spec.policy.policy(false),
            head_only: spec.head_only,
            keep_alive: spec.keep_alive,
        };
        Ok(match self.engine.send_file(id, send) {
            Ok((status, bytes)) => json!({ "status": status, "bytes": bytes }).to_string(),
            Err(error) => json!({ "errno": error.raw_os_error().unwrap_or(5) }).to_string(),
        })
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
        (batch.words.len() * 4) as f64 * 4_294_967_296.0 + batch.bytes.len() as f64
    }

    /// Copies the records into `words` (the bytes of a `Uint32Array`) and `bytes`, and forgets them; returns how many
    /// words.
    #[napi(catch_unwind)]
    pub fn take(&self, mut words: BufferSlice, mut bytes: BufferSlice) -> u32 {
        let mut batch = self.engine.batch();
        let (slots, _) = words.as_chunks_mut::<4>();
        if slots.len() < batch.words.len() || bytes.len() < batch.bytes.len() {
            return 0;
        }
        for (slot, word) in slots.iter_mut().zip(&batch.words) {
            *slot = word.to_ne_bytes();
        }
        bytes[..batch.bytes.len()].copy_from_slice(&batch.bytes);
        let count = batch.words.len() as u32;
        batch.clear();
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
        let (words, _) = commands.as_chunks::<16>();
        let list: Vec<[u32; 4]> = words
            .iter()
            .take(count as usize)
            .map(|bytes| {
                let (words, _) = bytes.as_chunks::<4>();
                [0, 1, 2, 3].map(|at| u32::from_ne_bytes(words[at]))
            })
            .collect();
        let buffers: Vec<&[u8]> = buffers.iter().flatten().map(|buffer| &buffer[..]).collect();
        self.engine.apply(&list, &slab, &buffers);
        !self.engine.batch().is_empty()
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
        Some(json!([describe(&ours), describe(&peer)]).to_string())
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
