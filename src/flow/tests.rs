//! Operators without Node: order, bounds, links, panics.

use super::*;
use crate::codec::deflate::{
    DeflateBlocks, DeflateJoiner, DeflateOptions, Format, InflateMode, InflateOptions,
};
use crate::codec::{CodecError, Directive, Progress, SerialStage, Status, Tap};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A JavaScript thread's stand-in: waits for the bell, takes the news.
struct Thread {
    post: Arc<Post>,
    bell: Receiver<()>,
    seen: Mutex<Vec<(u32, u32)>>,
}

const BOUNDS: Bounds = Bounds { inbox: 64 << 10, link: 256 << 10, outbox: 64 << 10, output_limit: None };

impl Thread {
    fn new() -> Self {
        let (send, bell) = channel();
        let send = Mutex::new(send);
        let ring: Ring = Box::new(move || {
            let _ = send.lock().unwrap().send(());
        });
        Self { post: Arc::new(Post::new(ring)), bell, seen: Mutex::new(Vec::new()) }
    }

    fn operator(&self, id: u32, driver: Box<dyn Driver>) -> Arc<Operator> {
        Operator::new(id, Arc::clone(&self.post), BOUNDS, driver)
    }

    /// Waits for an event of an operator.
    fn wait(&self, id: u32, bits: u32) {
        loop {
            let mut seen = self.seen.lock().unwrap();
            self.post.take(64, |id, bits| seen.push((id, bits)));
            if let Some(at) = seen.iter().position(|entry| entry.0 == id && entry.1 & bits != 0) {
                seen[at].1 &= !bits;
                return;
            }
            drop(seen);
            self.bell.recv_timeout(Duration::from_secs(20)).expect("the bell rings");
        }
    }

    /// Reads to the end.
    fn read_all(&self, operator: &Arc<Operator>) -> Vec<u8> {
        let mut all = Vec::new();
        let mut chunk = vec![0; 10_000];
        loop {
            match operator.read(&mut chunk) {
                ReadOutcome::Bytes(n) => all.extend_from_slice(&chunk[..n]),
                ReadOutcome::End => return all,
                ReadOutcome::Mark(_) => {}
                ReadOutcome::Empty => self.wait(operator.id(), event::READABLE | event::ENDED),
            }
        }
    }

    /// Waits until nothing is at work. What an operator gave out last is read before it has gone home.
    fn rest(&self) {
        let began = std::time::Instant::now();
        while self.post.active() > 0 {
            assert!(began.elapsed().as_secs() < 60, "an operator is at work still");
            std::thread::yield_now();
        }
    }

    /// Writes with the patience that the operator asks for.
    fn write_all(&self, operator: &Arc<Operator>, bytes: &[u8], piece: usize) {
        for piece in bytes.chunks(piece) {
            if !operator.write(piece) {
                operator.kick();
                self.wait(operator.id(), event::WRITABLE);
            }
        }
        operator.control(Control::End);
        operator.kick();
    }
}

fn gzip() -> Box<dyn Driver> {
    let options = DeflateOptions::new(Format::Gzip);
    Box::new(BlockDriver::new(
        Box::new(DeflateBlocks::new(&options)),
        Box::new(DeflateJoiner::new(options)),
        0,
    ))
}

fn gunzip() -> Box<dyn Driver> {
    let options = InflateOptions::new(InflateMode::Gunzip);
    Box::new(SerialDriver::new(Box::new(crate::codec::deflate::InflateDecoder::new(options).unwrap()), 8.0))
}

fn text(bytes: usize) -> Vec<u8> {
    (0..)
        .flat_map(|i: u32| format!("row {i} of {}\n", i.wrapping_mul(2_654_435_761)).into_bytes())
        .take(bytes)
        .collect()
}

#[test]
fn linked_operators_give_what_went_in() {
    let thread = Thread::new();
    let (first, second, third) =
        (thread.operator(1, gzip()), thread.operator(2, gunzip()), thread.operator(3, Box::new(PassDriver)));
    first.link(&second);
    second.link(&third);
    let input = text(9_000_000);
    let reader = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            // End travels by hand from one to the next, as JavaScript does it.
            let mut at = 0;
            while at < input.len() {
                let end = (at + 30_000).min(input.len());
                while first.queued_bytes().0 > 4 << 20 {
                    std::thread::yield_now();
                }
                first.write(&input[at..end]);
                at = end;
            }
            first.control(Control::End);
            first.schedule();
            while !first.is_finished() {
                std::thread::yield_now();
            }
            second.control(Control::End);
            second.schedule();
            while !second.is_finished() {
                std::thread::yield_now();
            }
            third.control(Control::End);
            third.schedule();
        });
        let out = thread.read_all(&third);
        writer.join().unwrap();
        out
    });
    assert!(reader == input);
    thread.rest();
}

#[test]
fn an_operator_without_a_reader_stops_at_its_bounds() {
    let thread = Thread::new();
    let operator = thread.operator(1, Box::new(PassDriver));
    let chunk = vec![7; 16 << 10];
    let mut accepted = 0;
    for _ in 0..1000 {
        let room = operator.write(&chunk);
        accepted += chunk.len();
        operator.kick();
        while operator.is_active() {
            std::thread::yield_now();
        }
        if !room && operator.queued_bytes().0 >= BOUNDS.inbox {
            break;
        }
    }
    assert!(accepted <= BOUNDS.inbox + BOUNDS.outbox + 8 * chunk.len(), "{accepted}");
    assert_eq!(thread.post.native_bytes(), accepted as i64);
    operator.destroy();
    assert_eq!(thread.post.native_bytes(), 0);
}

#[test]
fn unlink_and_link_lose_and_move_nothing() {
    let thread = Thread::new();
    let (first, second) =
        (thread.operator(1, Box::new(PassDriver)), thread.operator(2, Box::new(PassDriver)));
    let input = text(3_000_000);
    let (mut direct, mut chunk) = (Vec::new(), vec![0; 5000]);
    for (index, piece) in input.chunks(9_973).enumerate() {
        if index % 7 == 0 {
            first.link(&second);
        }
        first.write(piece);
        first.kick();
        while first.is_active() || second.is_active() {
            while let ReadOutcome::Bytes(n) = second.read(&mut chunk) {
                direct.extend_from_slice(&chunk[..n]);
            }
        }
        if index % 7 == 3 {
            first.unlink();
            // What stayed goes by hand.
            while let ReadOutcome::Bytes(n) = first.read(&mut chunk) {
                second.write(&chunk[..n]);
            }
            second.kick();
        } else if index % 7 > 3 {
            while let ReadOutcome::Bytes(n) = first.read(&mut chunk) {
                second.write(&chunk[..n]);
            }
            second.kick();
        }
    }
    first.link(&second);
    while first.is_active() || second.is_active() {
        std::thread::yield_now();
    }
    second.control(Control::End);
    second.schedule();
    direct.extend(thread.read_all(&second));
    assert_eq!(direct.len(), input.len());
    assert!(direct == input);
}

#[test]
fn flushes_are_marked_behind_their_output() {
    let thread = Thread::new();
    let operator = thread.operator(1, gzip());
    operator.write(b"first");
    operator.control(Control::Flush(crate::codec::FlushKind::Sync, 41));
    operator.write(b"second");
    operator.control(Control::Mark(42));
    operator.kick();
    let (mut bytes, mut marks, mut chunk) = (Vec::new(), Vec::new(), vec![0; 1000]);
    while marks.len() < 2 {
        match operator.read(&mut chunk) {
            ReadOutcome::Bytes(n) => bytes.extend_from_slice(&chunk[..n]),
            ReadOutcome::Mark(ticket) => {
                // All of "first" can be read now: a sync flush ends with an empty stored block.
                if ticket == 41 {
                    assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]));
                }
                marks.push(ticket);
            }
            _ => thread.wait(1, event::READABLE),
        }
    }
    assert_eq!(marks, [41, 42]);
}

struct Panics;

impl Tap for Panics {
    fn see(&mut self, _: &[u8]) {
        panic!("a defect");
    }
    fn finish(&mut self) -> Option<String> {
        None
    }
}

#[test]
fn a_panic_is_a_failure_of_its_operator_alone() {
    let thread = Thread::new();
    let (bad, good) = (
        thread.operator(1, Box::new(TapDriver::new(Box::new(Panics), 1.0))),
        thread.operator(2, Box::new(PassDriver)),
    );
    bad.write(b"x");
    bad.schedule();
    thread.wait(1, event::FAILED);
    let failure = bad.failure().unwrap();
    assert_eq!(failure.kind, FailureKind::Codec(crate::codec::ErrorKind::Internal));
    assert!(failure.message.contains("a defect"));
    thread.write_all(&good, b"still here", 3);
    assert_eq!(thread.read_all(&good), b"still here");
}

/// Gives a gigabyte for every byte.
struct Bomb(u64);

impl SerialStage for Bomb {
    fn step(
        &mut self,
        input: &[u8],
        _: Directive,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<Progress, CodecError> {
        self.0 += (input.len() as u64) << 30;
        let n = (self.0 as usize).min(limit - out.len());
        out.resize(out.len() + n, 0);
        self.0 -= n as u64;
        let status = if self.0 == 0 { Status::Done } else { Status::OutputFull };
        Ok(Progress { consumed: input.len(), status })
    }
    fn reset(&mut self) {}
    fn state_bytes(&self) -> usize {
        0
    }
}

#[test]
fn a_bomb_stops_at_the_outbox() {
    let thread = Thread::new();
    let operator = thread.operator(1, Box::new(SerialDriver::new(Box::new(Bomb(0)), 1.0)));
    operator.write(b"x");
    operator.schedule();
    thread.wait(1, event::READABLE);
    while operator.is_active() {
        std::thread::yield_now();
    }
    assert!(operator.queued_bytes().1 <= BOUNDS.outbox + (64 << 10));
    let mut chunk = vec![0; 1 << 20];
    assert!(matches!(operator.read(&mut chunk), ReadOutcome::Bytes(_)));
}

#[test]
fn destroy_in_the_middle_of_blocks_leaves_nothing() {
    for round in 0..20 {
        let thread = Thread::new();
        let operator = thread.operator(1, gzip());
        operator.write(&text(4_000_000));
        operator.schedule();
        for _ in 0..round * 50 {
            std::thread::yield_now();
        }
        operator.destroy();
        while thread.post.active() > 0 {
            std::thread::yield_now();
        }
        drop(operator);
        assert_eq!(thread.post.native_bytes(), 0);
    }
}

#[test]
fn a_source_that_ends_its_reads_at_rows_loses_none_of_the_file() {
    let path = std::env::temp_dir().join(format!("millrace-rows-{}.jsonl", std::process::id()));
    let long = format!("\"{}\"\n", "x".repeat(300_000));
    let open_end = "[1,2]";
    for rows in [String::new(), "7\n".into(), "{}\n".repeat(700_000), long.repeat(5), "\n".repeat(600_000)] {
        let input = rows + open_end;
        std::fs::write(&path, &input).unwrap();
        let options = SourceOptions {
            path: path.clone(),
            start: None,
            end: None,
            read_bytes: 64 << 10,
            read_bytes_set: false,
            flags: 0,
            mode: 0,
        };
        let thread = Thread::new();
        let source = thread.operator(1, Box::new(FileSource::new(options, None)));
        let validate = crate::codec::json::Validate::new(crate::codec::json::RowOptions::default());
        let rows = BlockDriver::new(Box::new(validate), Box::new(crate::codec::json::RowJoiner::new()), 0);
        let rows = thread.operator(2, Box::new(rows));
        source.link(&rows);
        let out = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !source.is_finished() {
                    std::thread::yield_now();
                }
                rows.control(Control::End);
                rows.schedule();
            });
            thread.read_all(&rows)
        });
        let expected: String =
            input.lines().filter(|row| !row.is_empty()).flat_map(|row| [row, "\n"]).collect();
        assert!(out == expected.as_bytes(), "{} of {} bytes", out.len(), expected.len());
        let meter = source.meter.read();
        assert_eq!((meter.bytes_in, meter.bytes_out), (input.len() as u64, input.len() as u64));
    }
    std::fs::remove_file(&path).unwrap();
}
