//! The command line.

use std::time::Duration;

/// What the clients do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A WebSocket: send, and send again for each message that comes back.
    Echo,
    /// A WebSocket: count what comes.
    Receive,
    /// HTTP: ask, and ask again for each answer.
    Request,
    /// Server-sent events: ask once, count events.
    Events,
    /// gRPC: call, and call again after each call.
    Grpc(Call),
}

/// A kind of gRPC call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A message is echoed.
    Unary,
    /// The server gives messages.
    Server,
    /// The server takes messages.
    Client,
    /// Messages are echoed.
    Bidi,
}

/// What was asked for.
pub struct Options {
    pub mode: Mode,
    pub port: u16,
    pub path: String,
    pub connections: usize,
    /// Messages, requests or calls of one connection that are under way at once.
    pub in_flight: usize,
    /// Of a streaming call.
    pub messages: usize,
    /// Messages of a call in both directions that are under way at once.
    pub window: usize,
    /// Speaks HTTP/2, as one who knows that the server does.
    pub http2: bool,
    /// Speaks TLS with servers whose certificates lead to those in this file.
    pub ca: Option<String>,
    /// Of a message, or of a request's body.
    pub bytes: usize,
    pub text: bool,
    pub deflate: bool,
    /// Looks at every byte that comes, instead of counting.
    pub check: bool,
    /// What comes begins with the microseconds of the monotonic clock at which it was sent, in 16 digits.
    pub stamped: bool,
    pub warm_up: Duration,
    pub length: Duration,
    /// Goes on until so many messages came, for [`PATIENCE`] at most.
    pub at_least: u64,
}

/// How long to wait for the messages that there must be.
pub const PATIENCE: Duration = Duration::from_secs(20);

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mode = match arguments.next().as_deref() {
            Some("echo") => Mode::Echo,
            Some("receive") => Mode::Receive,
            Some("request") => Mode::Request,
            Some("events") => Mode::Events,
            Some("unary") => Mode::Grpc(Call::Unary),
            Some("server-stream") => Mode::Grpc(Call::Server),
            Some("client-stream") => Mode::Grpc(Call::Client),
            Some("bidi") => Mode::Grpc(Call::Bidi),
            other => return Err(format!("there is no mode {}", other.unwrap_or("\"\""))),
        };
        let mut options = Self {
            mode,
            port: 0,
            path: "/".into(),
            connections: 1,
            in_flight: 1,
            messages: 1000,
            window: 1,
            http2: matches!(mode, Mode::Grpc(_)),
            ca: None,
            bytes: if mode == Mode::Request { 0 } else { 64 },
            text: false,
            deflate: false,
            check: false,
            stamped: false,
            warm_up: Duration::from_millis(500),
            length: Duration::from_secs(2),
            at_least: 0,
        };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} wants a value"));
            match name.as_str() {
                "--text" => options.text = true,
                "--deflate" => options.deflate = true,
                "--check" => options.check = true,
                "--stamped" => options.stamped = true,
                "--http2" => options.http2 = true,
                "--ca" => options.ca = Some(value()?),
                "--path" => options.path = value()?,
                "--port" => options.port = number(&value()?)?,
                "--connections" => options.connections = number(&value()?)?,
                "--in-flight" => options.in_flight = number(&value()?)?,
                "--messages" => options.messages = number(&value()?)?,
                "--window" => options.window = number(&value()?)?,
                "--at-least" => options.at_least = number(&value()?)?,
                "--bytes" => options.bytes = number(&value()?)?,
                "--seconds" => options.length = Duration::from_secs_f64(number(&value()?)?),
                "--warm-up" => options.warm_up = Duration::from_secs_f64(number(&value()?)?),
                _ => return Err(format!("what is {name}?")),
            }
        }
        let blocking = matches!(mode, Mode::Echo | Mode::Receive);
        if blocking && (options.http2 || options.ca.is_some()) {
            return Err("WebSockets are loaded over HTTP/1.1 in the clear".into());
        }
        if mode == Mode::Events && options.http2 {
            return Err("event streams are loaded over HTTP/1.1".into());
        }
        if options.messages == 0 || !(1..=options.messages).contains(&options.window) {
            return Err("--messages is 1 at least, and --window not more".into());
        }
        Ok(options)
    }

    /// Of a URL.
    pub fn scheme(&self) -> &'static str {
        if self.ca.is_some() { "https" } else { "http" }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number that fits"))
}
