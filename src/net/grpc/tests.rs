//! The engine without Node: a client of our own HTTP/2 on the other side of a connection that is carried.

use super::*;
use crate::codec::grpc::prefix;
use crate::net::h2::{self, Event, StreamId};
use crate::net::reactor::Reactor;
use bytes::Bytes;
use http::{HeaderMap, Request};
use std::rc::Rc;
use std::time::Instant;

struct Pair {
    engine: Rc<Engine>,
    connection: u32,
    client: h2::Connection,
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
    resets: Vec<h2::Reason>,
}

impl Pair {
    fn new(config: Config) -> Self {
        let engine = Engine::new(Rc::new(Reactor::new().unwrap()), config);
        let connection = engine.attach();
        let client = h2::Connection::client(&h2::Config::default());
        let mut pair =
            Self { engine, connection, client, data: Vec::new(), trailers: None, resets: Vec::new() };
        pair.exchange();
        pair
    }

    /// Carries bytes both ways until both sides are quiet.
    fn exchange(&mut self) {
        loop {
            self.client.poll();
            while let Some(event) = self.client.next_event() {
                match event {
                    Event::Data { stream, data, .. } => {
                        self.data.extend_from_slice(&data);
                        self.client.allow(stream, 64 << 10);
                    }
                    Event::End { trailers, .. } => self.trailers = trailers,
                    Event::Reset { reason, .. } => self.resets.push(reason),
                    _ => {}
                }
            }
            self.client.poll();
            let up = self.client.take_output();
            if !up.is_empty() {
                self.engine.feed(self.connection, &up);
            }
            let down = self.engine.take_output(self.connection);
            if !down.is_empty() {
                self.client.feed(&down, Instant::now());
            }
            if up.is_empty() && down.is_empty() && self.client.is_quiet() {
                return;
            }
        }
    }

    fn call(&mut self) -> StreamId {
        let request = Request::post("http://test/a.B/C")
            .header("content-type", "application/grpc")
            .header("grpc-timeout", "5S")
            .header("key", "value")
            .body(())
            .unwrap();
        let stream = self.client.open(request, false).unwrap();
        self.exchange();
        stream
    }

    fn send(&mut self, stream: StreamId, message: &[u8], end: bool) {
        let mut bytes = prefix(false, message.len()).unwrap().to_vec();
        bytes.extend_from_slice(message);
        self.client.send(stream, bytes.into(), end);
        self.exchange();
    }

    /// Words since the last time, and the bytes with them.
    fn batch(&self) -> (Vec<u32>, Vec<u8>) {
        let mut batch = self.engine.batch();
        let taken = (batch.words.clone(), batch.bytes.clone());
        batch.clear();
        taken
    }
}

fn count(words: &[u32], record: Record) -> usize {
    let mut at = 0;
    let mut found = 0;
    while at < words.len() {
        found += usize::from(words[at] == record as u32);
        at += match words[at] {
            2 => 8,
            7 => 5,
            3 | 8 | 11 | 12..=14 => 4,
            9 | 10 | 15 => 2,
            _ => 3,
        };
    }
    found
}

#[test]
fn a_call_comes_packed_and_is_answered_in_one_run_of_frames() {
    let mut pair = Pair::new(Config::default());
    let stream = pair.call();
    let (words, bytes) = pair.batch();
    let at = words.iter().position(|word| *word == Record::Call as u32).unwrap();
    let [id, connection, timeout, start, path, authority, text] = words[at + 1..at + 8] else { panic!() };
    assert_eq!((connection, timeout), (pair.connection, 5000));
    let text = &bytes[start as usize..(start + text) as usize];
    assert_eq!((path, authority, text), (6, 4, &b"/a.B/Ctestkey\0value\0"[..]));

    pair.send(stream, b"question", true);
    let (words, bytes) = pair.batch();
    assert_eq!(words[..2], [Record::Message as u32, id]);
    assert_eq!(&bytes[words[2] as usize..][..words[3] as usize], b"question");
    assert_eq!(count(&words, Record::End), 1);

    let slab = b"answer0\0done \xc3\xa4\0t\0v\0";
    pair.engine.apply(
        &[[Command::Message as u32, id, 0, 6], [Command::Status as u32, id, 6, slab.len() as u32 - 6]],
        slab,
        &[],
    );
    pair.exchange();
    assert_eq!(pair.data, b"\0\0\0\0\x06answer");
    let trailers = pair.trailers.take().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers["grpc-message"], "done %C3%A4");
    assert_eq!(trailers["t"], "v");
    assert_eq!(pair.engine.calls(), 0);
    assert!(pair.resets.is_empty());
}

#[test]
fn messages_wait_in_the_window_until_they_are_taken() {
    let config = Config {
        high_water_bytes: 1000,
        h2: h2::Config { stream_window: 10_000, credit: 1000, ..h2::Config::default() },
        ..Config::default()
    };
    let mut pair = Pair::new(config);
    let stream = pair.call();
    pair.batch();
    for _ in 0..1000 {
        pair.send(stream, &[7; 95], false);
    }
    let (words, _) = pair.batch();
    let first = count(&words, Record::Message);
    assert_eq!(first, 10, "as many as the high-water mark lets through");
    assert!(pair.client.pending(stream) > 50_000, "the rest did not even leave");
    let id = words[1];
    let mut all = first;
    while all < 1000 {
        pair.engine.apply(&[[Command::Taken as u32, id, 1000, 0]], &[], &[]);
        pair.exchange();
        let more = count(&pair.batch().0, Record::Message);
        assert!((1..=10).contains(&more));
        all += more;
    }
    assert_eq!(all, 1000);
}

#[test]
fn a_call_that_is_refused_midway_is_told_to_stop() {
    let mut pair = Pair::new(Config { max_receive_bytes: Some(10), ..Config::default() });
    let stream = pair.call();
    pair.batch();
    pair.send(stream, &[0; 11], false);
    let (words, bytes) = pair.batch();
    let [kind, id, status, start, length] = words[..] else { panic!("{words:?}") };
    assert_eq!((kind, status), (Record::Fault as u32, 8));
    let text = &bytes[start as usize..(start + length) as usize];
    assert_eq!(text, b"Received message larger than max (11 vs 10)");
    pair.engine.apply(&[[Command::Status as u32, id, 0, 4]], b"8\0x\0", &[]);
    pair.exchange();
    assert_eq!(pair.engine.calls(), 0);
    // What it still sends is nobody's.
    pair.client.send(stream, Bytes::from_static(&[0; 100]), false);
    pair.exchange();
    let (words, _) = pair.batch();
    assert_eq!(words.len(), 2 * count(&words, Record::Output));
    assert_eq!(pair.resets, [h2::Reason::NO_ERROR]);
}

#[test]
fn a_drained_connection_refuses_calls_and_ends_with_the_last_one() {
    let mut pair = Pair::new(Config::default());
    let stream = pair.call();
    let (words, _) = pair.batch();
    let at = words.iter().position(|word| *word == Record::Call as u32).unwrap();
    let id = words[at + 1];
    pair.engine.apply(&[[Command::Drain as u32, pair.connection, 0, 0]], &[], &[]);
    pair.exchange();
    assert_eq!(pair.engine.connections(), 1);
    pair.send(stream, b"still here", true);
    assert_eq!(count(&pair.batch().0, Record::Message), 1);
    pair.engine.apply(&[[Command::Status as u32, id, 0, 0]], &[], &[]);
    pair.exchange();
    assert_eq!(pair.engine.connections(), 0);
    assert_eq!(count(&pair.batch().0, Record::Closed), 1);
}
