//! The gRPC server, for `lib/internal/grpc-engine.js`.

use super::event_loop::{Delivery, EventLoop};
use super::http::HttpServer;
use super::json::parse;
use super::listen::{self, DialSpec, ListenSpec};
use super::packed::{self, Postman};
use crate::codec::grpc::{Coding, Framing};
use crate::net::grpc::{Config, Dial, Engine};
use crate::net::h2;
use crate::net::http::Address;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use serde::Deserialize;
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// What is left out has its default.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    /// Bytes; none is no limit.
    max_receive: Option<u32>,
    high_water: Option<usize>,
    #[serde(default)]
    compression: Vec<String>,
    compression_threshold: Option<usize>,
    concurrent_streams: Option<u32>,
    stream_window: Option<u32>,
    connection_window: Option<u32>,
    frame_size: Option<u32>,
    header_list: Option<u32>,
    pending_resets: Option<usize>,
    /// Bytes; 0 leaves windows as they are.
    most_window: Option<u32>,
    /// Ms; 0 is as long as it likes.
    handshake_timeout: Option<u64>,
    reset_burst: Option<u32>,
    reset_rate: Option<u32>,
    control_frame_burst: Option<u32>,
    control_frame_rate: Option<u32>,
    /// Ms.
    ping_interval: Option<u64>,
    ping_strikes: Option<u32>,
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        let (config, h2) = (Self::default(), h2::Config::default());
        let (stream_window, flood) = (settings.stream_window.unwrap_or(h2.stream_window), h2.flood);
        Self {
            max_receive_bytes: settings.max_receive,
            high_water_bytes: settings.high_water.unwrap_or(config.high_water_bytes),
            compression: settings
                .compression
                .iter()
                .filter_map(|name| Coding::from_name(name.as_bytes()))
                .collect(),
            compression_threshold: settings.compression_threshold.unwrap_or(config.compression_threshold),
            handshake: settings.handshake_timeout.map_or(config.handshake, |ms| match ms {
                0 => None,
                ms => Some(Duration::from_millis(ms)),
            }),
            h2: h2::Config {
                stream_window,
                // One slow stream must not take all of it.
                connection_window: settings.connection_window.unwrap_or(
                    h2.connection_window.max(stream_window.saturating_mul(4).min(i32::MAX as u32)),
                ),
                concurrent_streams: settings.concurrent_streams.unwrap_or(u32::MAX),
                frame_bytes: settings.frame_size.unwrap_or(h2.frame_bytes),
                header_list_bytes: settings.header_list.unwrap_or(h2.header_list_bytes),
                pending_resets: settings.pending_resets.unwrap_or(h2.pending_resets),
                most_window: settings.most_window.filter(|most| *most > stream_window),
                flood: h2::FloodLimits {
                    reset_burst: settings.reset_burst.unwrap_or(flood.reset_burst),
                    reset_per_second: settings.reset_rate.unwrap_or(flood.reset_per_second),
                    control_burst: settings.control_frame_burst.unwrap_or(flood.control_burst),
                    control_per_second: settings.control_frame_rate.unwrap_or(flood.control_per_second),
                    ping_interval: settings.ping_interval.map_or(flood.ping_interval, Duration::from_millis),
                    ping_strikes: settings.ping_strikes.unwrap_or(flood.ping_strikes),
                },
                ..h2
            },
        }
    }
}

/// One server: its listeners, connections and calls. They go by number.
#[napi]
pub struct GrpcServer {
    engine: Rc<Engine>,
    /// Messages of the records that were taken last.
    large: RefCell<Vec<Vec<u8>>>,
    _postman: Rc<Postman<Engine>>,
}

#[napi]
impl GrpcServer {
    /// A server in that loop; `settings` is JSON. `onTurn` is called when there are records to take.
    #[napi(constructor, catch_unwind)]
    pub fn new(event_loop: &EventLoop, settings: String, on_turn: Function<(), ()>) -> Result<Self> {
        let state = event_loop.state();
        let engine = Engine::new(state.reactor(), parse::<Settings>(&settings)?.into());
        let has_news = |engine: &Engine| !engine.batch().is_empty();
        let postman = Rc::new(Postman::new(Rc::downgrade(&engine), has_news, on_turn)?);
        let delivery: Rc<dyn Delivery> = postman.clone();
        state.add(Rc::downgrade(&delivery));
        Ok(Self { engine, large: RefCell::default(), _postman: postman })
    }

    /// Listens where the JSON says; returns JSON: the listener's number and its address, or `{syscall, errno}`.
    #[napi(catch_unwind)]
    pub fn listen(&self, spec: String) -> Result<String> {
        let listen = parse::<ListenSpec>(&spec)?.into();
        let describe = |(id, address): &(u32, Address)| json!({ "id": id, "at": listen::describe(address) });
        Ok(listen::outcome(self.engine.listen(&listen), describe))
    }

    /// Takes connections of an HTTP server whose first request is gRPC's; they are told as of the listener that is returned.
    #[napi(catch_unwind)]
    pub fn adopt_from(&self, server: &HttpServer) -> u32 {
        let (listener, adopter) = self.engine.adopter();
        server.engine().set_grpc(adopter);
        listener
    }

    /// A call that comes as a request of an HTTP server: the content types of request and answer, and the head as
    /// `net::grpc::Engine::open_exchange` has it. Returns the exchange's number.
    #[napi(catch_unwind)]
    pub fn open_exchange(&self, request: String, answer: String, head: BufferSlice) -> u32 {
        let framing = |content_type: &str| Framing::of(content_type.as_bytes()).unwrap_or(Framing::Plain);
        self.engine.open_exchange(framing(&request), framing(&answer), &head)
    }

    /// Bytes of its request; none are the end. Returns whether more are wanted now.
    #[napi(catch_unwind)]
    pub fn feed_exchange(&self, id: u32, bytes: BufferSlice) -> bool {
        self.engine.feed_exchange(id, &bytes)
    }

    /// So many bytes of its answer still wait for the peer.
    #[napi(catch_unwind)]
    pub fn exchange_sent(&self, id: u32, pending: u32) {
        self.engine.exchange_sent(id, pending as usize);
    }

    /// Its peer is gone.
    #[napi(catch_unwind)]
    pub fn cancel_exchange(&self, id: u32) {
        self.engine.cancel_exchange(id);
    }

    /// Stops listening there.
    #[napi(catch_unwind)]
    pub fn close_listener(&self, id: u32) {
        self.engine.close_listener(id);
    }

    /// Begins to connect to where the JSON says; returns JSON: the connection's number, or `{syscall, errno}`.
    #[napi(catch_unwind)]
    pub fn dial(&self, spec: String) -> Result<String> {
        let address = parse::<DialSpec>(&spec)?.into();
        Ok(listen::outcome(self.engine.dial(&Dial { address }), |id| json!({ "id": id })))
    }

    /// A connection to a server whose bytes JavaScript carries; returns its number.
    #[napi(catch_unwind)]
    pub fn attach_outbound(&self) -> u32 {
        self.engine.attach_outbound()
    }

    /// A connection whose bytes JavaScript carries; returns its number.
    #[napi(catch_unwind)]
    pub fn attach(&self) -> u32 {
        self.engine.attach()
    }

    /// Bytes for such a connection; none are the peer's end. Returns whether more are wanted now.
    #[napi(catch_unwind)]
    pub fn feed(&self, id: u32, bytes: BufferSlice) -> bool {
        self.engine.feed(id, &bytes)
    }

    /// Whether more bytes are wanted for such a connection.
    #[napi(catch_unwind)]
    pub fn wants_input(&self, id: u32) -> bool {
        self.engine.wants_input(id)
    }

    /// Bytes of such a connection, for its peer.
    #[napi(catch_unwind)]
    pub fn take_output(&self, env: Env, id: u32) -> Result<BufferSlice<'_>> {
        BufferSlice::copy_from(&env, self.engine.take_output(id))
    }

    /// Bytes that [`take`](Self::take) needs: of words, then of bytes, packed into one number by 2³².
    #[napi(catch_unwind)]
    pub fn waiting(&self) -> f64 {
        let batch = self.engine.batch();
        packed::waiting(&batch)
    }

    /// Copies the records into `words` (the bytes of a `Uint32Array`) and `bytes`, and forgets them, but for large messages,
    /// which are to be taken before the next records are; returns how many words.
    #[napi(catch_unwind)]
    pub fn take(&self, mut words: BufferSlice, mut bytes: BufferSlice) -> u32 {
        let mut batch = self.engine.batch();
        let count = packed::take(&batch, &mut words, &mut bytes);
        if count > 0 {
            self.large.replace(std::mem::take(&mut batch.large));
            batch.clear();
        }
        count
    }

    /// Copies a large message of the records that were taken last into `room`, and forgets it.
    #[napi(catch_unwind)]
    pub fn take_large(&self, place: u32, mut room: BufferSlice) {
        let message = self.large.borrow_mut().get_mut(place as usize).map(std::mem::take);
        if let Some(message) = message.filter(|message| message.len() == room.len()) {
            room.copy_from_slice(&message);
        }
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

    /// A connection's addresses as JSON: `[ours, peer]`, or nothing where it is gone.
    #[napi(catch_unwind)]
    pub fn addresses(&self, id: u32) -> Option<String> {
        let (ours, peer) = self.engine.addresses(id).ok()?;
        Some(json!([listen::describe(&ours), listen::describe(&peer)]).to_string())
    }

    /// Connections that are open.
    #[napi(getter, catch_unwind)]
    pub fn connections(&self) -> u32 {
        self.engine.connections() as u32
    }

    /// Calls that JavaScript has.
    #[napi(getter, catch_unwind)]
    pub fn calls(&self) -> u32 {
        self.engine.calls() as u32
    }
}
