//! The command line.

use std::time::Duration;

/// What the clients do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Send, and send again for each message that comes back.
    Echo,
    /// Count what comes.
    Receive,
}

/// What was asked for.
pub struct Options {
    pub mode: Mode,
    pub port: u16,
    pub path: String,
    pub connections: usize,
    pub in_flight: usize,
    pub bytes: usize,
    pub text: bool,
    pub deflate: bool,
    pub warm_up: Duration,
    pub length: Duration,
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mode = match arguments.next().as_deref() {
            Some("echo") => Mode::Echo,
            Some("receive") => Mode::Receive,
            _ => return Err("the first argument is echo or receive".into()),
        };
        let mut options = Self {
            mode,
            port: 0,
            path: "/".into(),
            connections: 1,
            in_flight: 1,
            bytes: 64,
            text: false,
            deflate: false,
            warm_up: Duration::from_millis(500),
            length: Duration::from_secs(2),
        };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} wants a value"));
            match name.as_str() {
                "--text" => options.text = true,
                "--deflate" => options.deflate = true,
                "--path" => options.path = value()?,
                "--port" => options.port = number(&value()?)?,
                "--connections" => options.connections = number(&value()?)?,
                "--in-flight" => options.in_flight = number(&value()?)?,
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
