//! A client of server-sent events that counts them.

use crate::client::Protocol;
use crate::counters::{Counters, Digest, STAMP_DIGITS};
use crate::options::Options;
use crate::request::request;
use crate::response::{BodySink, ResponseReader};
use std::rc::Rc;

pub struct Events {
    request: Vec<u8>,
    reader: ResponseReader,
    lines: Lines,
}

struct Lines {
    counters: Rc<Counters>,
    check: bool,
    stamped: bool,
    /// A line of which not all came.
    line: Vec<u8>,
    /// The data of the event under way.
    data: Vec<u8>,
}

impl Events {
    pub fn new(options: &Options, counters: Rc<Counters>) -> Self {
        Self {
            request: request(
                &Options { bytes: 0, path: options.path.clone(), ca: None, ..*options },
                "text/event-stream",
            ),
            reader: ResponseReader::new(),
            lines: Lines {
                counters,
                check: options.check,
                stamped: options.stamped,
                line: Vec::new(),
                data: Vec::new(),
            },
        }
    }
}

impl Protocol for Events {
    fn start(&mut self, output: &mut Vec<u8>) {
        output.extend_from_slice(&self.request);
    }

    fn read(&mut self, bytes: &mut [u8], _output: &mut Vec<u8>) -> Result<(), String> {
        self.reader.feed(bytes, &mut self.lines)
    }
}

impl Lines {
    fn line(&mut self, line: &[u8]) {
        if let Some(data) = line.strip_prefix(b"data:") {
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        } else if line.is_empty() && !self.data.is_empty() {
            // Fields without data, such as `retry`, and comments are no event.
            self.counters.count(self.data.len() as u64);
            if self.stamped {
                self.counters.stamped(&self.data);
            }
            if self.check {
                let from = if self.stamped { STAMP_DIGITS.min(self.data.len()) } else { 0 };
                self.counters.check(Digest::of(&self.data[from..]));
            }
            self.data.clear();
        }
    }
}

impl BodySink for Lines {
    fn body(&mut self, mut bytes: &[u8]) {
        while let Some(at) = bytes.iter().position(|&byte| byte == b'\n') {
            if self.line.is_empty() {
                self.line(&bytes[..at]);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..at]);
                self.line(&line);
            }
            bytes = &bytes[at + 1..];
        }
        self.line.extend_from_slice(bytes);
    }

    fn end(&mut self) {
        self.counters.fail("the server ended an event stream");
    }
}
