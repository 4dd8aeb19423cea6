//! A client of HTTP/2: what it asks for, again and again, as many times at once on one connection as were asked for.

use crate::client::Protocol;
use crate::counters::{Counters, Digest};
use crate::options::Options;
use bytes::Bytes;
use http::{Request, StatusCode};
use millrace::net::h2::{Config, Connection, Event, FloodLimits, StreamId};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

/// What happens on streams.
pub trait Exchange {
    /// Opens a stream.
    ///
    /// # Errors
    /// The server does not take it.
    fn open(&mut self, connection: &mut Connection) -> Result<(), String>;

    /// Something came; opens a new stream for each that is over.
    ///
    /// # Errors
    /// It is not what was asked for.
    fn event(&mut self, event: Event, connection: &mut Connection) -> Result<(), String>;
}

pub struct Http2<E> {
    connection: Connection,
    exchange: E,
    in_flight: usize,
    counters: Rc<Counters>,
}

impl<E: Exchange> Http2<E> {
    pub fn new(options: &Options, exchange: E, counters: Rc<Counters>) -> Self {
        // A server under load may say what it likes, and whatever comes is taken at once.
        let without = u32::MAX;
        let config = Config {
            credit: usize::MAX,
            stream_send_bytes: 1 << 20,
            flood: FloodLimits {
                control_burst: without,
                control_per_second: without,
                reset_burst: without,
                reset_per_second: without,
                ..FloodLimits::default()
            },
            ..Config::default()
        };
        let connection = Connection::client(&config);
        Self { connection, exchange, in_flight: options.in_flight, counters }
    }

    /// Moves what is to be sent behind `output`: what the server's windows let pass.
    fn give(&mut self, output: &mut Vec<u8>) {
        self.connection.poll();
        while self.connection.has_output() {
            output.append(&mut self.connection.take_output());
            self.connection.poll();
        }
    }
}

impl<E: Exchange> Protocol for Http2<E> {
    fn start(&mut self, output: &mut Vec<u8>) {
        self.connection.poll();
        for _ in 0..self.in_flight {
            if let Err(error) = self.exchange.open(&mut self.connection) {
                return self.counters.fail(&error);
            }
        }
        self.give(output);
    }

    fn read(&mut self, bytes: &mut [u8], output: &mut Vec<u8>) -> Result<(), String> {
        self.connection.feed(bytes, Instant::now());
        self.connection.poll();
        while let Some(event) = self.connection.next_event() {
            self.exchange.event(event, &mut self.connection)?;
        }
        self.give(output);
        Ok(())
    }
}

/// Requests that are answered by 200 and a body.
pub struct Gets {
    target: String,
    body: Bytes,
    check: bool,
    counters: Rc<Counters>,
    streams: HashMap<StreamId, Get>,
}

struct Get {
    sent: Instant,
    bytes: u64,
    digest: Digest,
}

impl Gets {
    pub fn new(options: &Options, counters: Rc<Counters>) -> Self {
        Self {
            target: format!("{}://localhost{}", options.scheme(), options.path),
            body: (0..options.bytes).map(|n| b'a' + (n % 26) as u8).collect(),
            check: options.check,
            counters,
            streams: HashMap::new(),
        }
    }

    fn end(&mut self, stream: StreamId, connection: &mut Connection) -> Result<(), String> {
        if let Some(get) = self.streams.remove(&stream) {
            self.counters.count(get.bytes);
            self.counters.answered(get.sent);
            if self.check {
                self.counters.check(get.digest);
            }
        }
        self.open(connection)
    }
}

impl Exchange for Gets {
    fn open(&mut self, connection: &mut Connection) -> Result<(), String> {
        let method = if self.body.is_empty() { "GET" } else { "POST" };
        let request = Request::builder().method(method).uri(&self.target).header("accept", "*/*");
        let request = request.body(()).map_err(|error| error.to_string())?;
        let stream = connection.open(request, self.body.is_empty()).map_err(|error| error.to_string())?;
        if !self.body.is_empty() {
            connection.send(stream, self.body.clone(), true);
        }
        self.streams.insert(stream, Get { sent: Instant::now(), bytes: 0, digest: Digest::new() });
        Ok(())
    }

    fn event(&mut self, event: Event, connection: &mut Connection) -> Result<(), String> {
        match event {
            Event::Response { head, .. } if head.status != StatusCode::OK => {
                Err(format!("the server answered {}", head.status))
            }
            Event::Response { stream, end: true, .. } | Event::End { stream, .. } => {
                self.end(stream, connection)
            }
            Event::Data { stream, data, .. } => {
                if let Some(get) = self.streams.get_mut(&stream) {
                    get.bytes += data.len() as u64;
                    if self.check {
                        get.digest.add(&data);
                    }
                }
                Ok(())
            }
            other => lost(&other),
        }
    }
}

/// Fails for what ends a stream or a connection before its time.
///
/// # Errors
/// Which that was.
pub fn lost(event: &Event) -> Result<(), String> {
    match event {
        Event::Reset { reason, .. } => Err(format!("the server reset a stream: {reason}")),
        Event::Closed(closed) => Err(format!("the server ended the connection: {}", closed.message)),
        _ => Ok(()),
    }
}
