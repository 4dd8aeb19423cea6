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
}

/// What was asked for.
pub struct Options {
    pub mode: Mode,
    pub port: u16,
    pub path: String,
    pub connections: usize,
    /// Messages or requests of one connection that are under way at once.
    pub in_flight: usize,
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
            _ => return Err("the first argument is echo, receive, request or events".into()),
        };
        let mut options = Self {
            mode,
            port: 0,
            path: "/".into(),
            connections: 1,
            in_flight: 1,
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
                "--path" => options.path = value()?,
                "--port" => options.port = number(&value()?)?,
                "--connections" => options.connections = number(&value()?)?,
                "--in-flight" => options.in_flight = number(&value()?)?,
                "--at-least" => options.at_least = number(&value()?)?,
                "--bytes" => options.bytes = number(&value()?)?,
                "--seconds" => options.length = Duration::from_secs_f64(number(&value()?)?),
                "--warm-up" => options.warm_up = Duration::from_secs_f64(number(&value()?)?),
                _ => return Err(format!("what is {name}?")),
            }
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number that fits"))
}
