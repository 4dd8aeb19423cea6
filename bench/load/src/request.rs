//! A client of HTTP that asks for the same again and again, on one connection.

use crate::client::Protocol;
use crate::counters::{Counters, Digest};
use crate::options::Options;
use crate::response::{BodySink, ResponseReader};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

/// The request that `options` ask for: a GET, or a POST where there are bytes to send.
pub fn request(options: &Options, accept: &str) -> Vec<u8> {
    let Options { path, bytes, .. } = options;
    let head = format!("{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n");
    if *bytes == 0 {
        return format!("GET {head}\r\n").into_bytes();
    }
    let mut post =
        format!("POST {head}Content-Type: text/plain\r\nContent-Length: {bytes}\r\n\r\n").into_bytes();
    post.extend((0..*bytes).map(|n| b'a' + (n % 26) as u8));
    post
}

pub struct Requests {
    request: Vec<u8>,
    in_flight: usize,
    reader: ResponseReader,
    answers: Answers,
}

struct Answers {
    counters: Rc<Counters>,
    sent: VecDeque<Instant>,
    digest: Option<Digest>,
    bytes: u64,
    /// Responses since the last read.
    ended: usize,
}

impl Requests {
    pub fn new(options: &Options, counters: Rc<Counters>) -> Self {
        let digest = options.check.then(Digest::new);
        Self {
            request: request(options, "*/*"),
            in_flight: options.in_flight,
            reader: ResponseReader::new(),
            answers: Answers { counters, sent: VecDeque::new(), digest, bytes: 0, ended: 0 },
        }
    }

    fn ask(&mut self, times: usize, output: &mut Vec<u8>) {
        for _ in 0..times {
            output.extend_from_slice(&self.request);
            self.answers.sent.push_back(Instant::now());
        }
    }
}

impl Protocol for Requests {
    fn start(&mut self, output: &mut Vec<u8>) {
        self.ask(self.in_flight, output);
    }

    fn read(&mut self, bytes: &mut [u8], output: &mut Vec<u8>) -> Result<(), String> {
        self.reader.feed(bytes, &mut self.answers)?;
        let ended = std::mem::take(&mut self.answers.ended);
        self.ask(ended, output);
        Ok(())
    }
}

impl BodySink for Answers {
    fn body(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.add(bytes);
        }
    }

    fn end(&mut self) {
        self.counters.count(std::mem::take(&mut self.bytes));
        if let Some(sent) = self.sent.pop_front() {
            self.counters.answered(sent);
        }
        if let Some(digest) = &mut self.digest {
            self.counters.check(std::mem::replace(digest, Digest::new()));
        }
        self.ended += 1;
    }
}
