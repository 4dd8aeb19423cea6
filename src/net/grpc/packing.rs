//! Answers that are compressed on the compute pool, and what waits behind them in their call.
//!
//! A call has one lane at most. Its messages, and then its status, leave in their order, however the pool's threads finish.
//! What waits is what JavaScript wrote: `high_water_bytes` of a call, and one message.

use super::call::Carrier;
use super::config::Config;
use super::engine::Engine;
use crate::codec::grpc::{Coding, PREFIX_BYTES, prefix};
use crate::flow::on_compute_thread;
use crate::net::reactor::{Bell, Reactor, Ringer};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, PoisonError};

/// Messages of at least so many bytes leave the thread. For less it is not worth the way: gzip takes about 50 µs for them.
const LEAST_BYTES: usize = 8 << 10;

enum Piece {
    /// As it leaves, and how many bytes JavaScript counts for it.
    Framed(Vec<u8>, usize),
    /// The job's number, and how many bytes JavaScript counts.
    Packing(u64, usize),
}

/// What waits of one call.
pub(super) struct Lane {
    carrier: Carrier,
    /// As long as JavaScript has it.
    call: Option<u32>,
    pieces: VecDeque<Piece>,
    /// The call is answered: its status, and whether the peer has sent all.
    status: Option<(Vec<u8>, bool)>,
}

pub(super) type SharedLane = Rc<RefCell<Lane>>;

/// What the pool finished: numbers of jobs, and framed messages.
type Finished = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

/// The jobs of an engine.
#[derive(Default)]
pub(super) struct Packing {
    jobs: RefCell<HashMap<u64, SharedLane>>,
    next: Cell<u64>,
    finished: Finished,
    bell: RefCell<Option<Rc<Bell>>>,
}

impl Packing {
    /// Made with the first job; none where the system has no descriptor for it.
    fn ringer(&self, reactor: &Reactor, engine: &Weak<Engine>) -> Option<Arc<Ringer>> {
        let mut bell = self.bell.borrow_mut();
        if bell.is_none() {
            let engine = engine.clone();
            let ring = move || {
                if let Some(engine) = engine.upgrade() {
                    engine.packed();
                }
            };
            *bell = Bell::new(reactor, ring).ok();
        }
        bell.as_ref().map(|bell| bell.ringer())
    }

    pub fn close(&self, reactor: &Reactor) {
        if let Some(bell) = self.bell.take() {
            bell.close(reactor);
        }
    }
}

/// Whether a message is worth the way.
pub(super) fn is_worth_it(coding: Option<Coding>, bytes: usize) -> bool {
    bytes >= LEAST_BYTES && coding.is_some_and(|coding| coding != Coding::Identity)
}

/// A message as it leaves; uncompressed where it could not be.
pub(super) fn framed(message: &[u8], coding: Option<Coding>) -> Vec<u8> {
    // Out of memory is the only way for it to fail.
    let packed = coding.and_then(|coding| coding.compress(message).ok());
    let bytes = packed.as_deref().unwrap_or(message);
    let mut frame = Vec::with_capacity(bytes.len() + PREFIX_BYTES);
    // A message longer than 4 GiB is longer than any buffer of Node's may be sent as.
    frame.extend(prefix(packed.is_some(), bytes.len()).into_iter().flatten());
    frame.extend_from_slice(bytes);
    frame
}

impl Engine {
    /// Puts a message behind what waits in its call's lane, which it makes where there is none.
    pub(super) fn pack(&self, id: u32, message: &[u8], coding: Option<Coding>) {
        let mut calls = self.calls.borrow_mut();
        let Some(call) = calls.get(id) else { return };
        let carrier = call.carrier;
        let lane = call.lane.get_or_insert_with(|| {
            let lane = Lane { carrier, call: Some(id), pieces: VecDeque::new(), status: None };
            Rc::new(RefCell::new(lane))
        });
        let counted = message.len() + PREFIX_BYTES;
        let ringer = is_worth_it(coding, message.len())
            .then(|| self.packing.ringer(self.reactor(), self.weak()))
            .flatten();
        let Some(ringer) = ringer else {
            lane.borrow_mut().pieces.push_back(Piece::Framed(framed(message, coding), counted));
            // Without a job in front of it nothing would send it.
            let lane = Rc::clone(lane);
            drop(calls);
            self.advance(&lane);
            return;
        };
        let number = self.packing.next.get();
        self.packing.next.set(number + 1);
        self.packing.jobs.borrow_mut().insert(number, Rc::clone(lane));
        lane.borrow_mut().pieces.push_back(Piece::Packing(number, counted));
        let (message, finished) = (message.to_vec(), Arc::clone(&self.packing.finished));
        on_compute_thread(Box::new(move || {
            // Who waits must be told whatever happens.
            let packed = catch_unwind(AssertUnwindSafe(|| framed(&message, coding)));
            let frame = packed.unwrap_or_else(|_| framed(&message, None));
            finished.lock().unwrap_or_else(PoisonError::into_inner).push((number, frame));
            ringer.ring();
        }));
    }

    /// The pool has finished some.
    fn packed(&self) {
        let finished =
            std::mem::take(&mut *self.packing.finished.lock().unwrap_or_else(PoisonError::into_inner));
        for (number, frame) in finished {
            let Some(lane) = self.packing.jobs.borrow_mut().remove(&number) else { continue };
            let place = |piece: &&mut Piece| matches!(piece, Piece::Packing(of, _) if *of == number);
            if let Some(piece) = lane.borrow_mut().pieces.iter_mut().find(place)
                && let Piece::Packing(_, counted) = *piece
            {
                *piece = Piece::Framed(frame, counted);
            }
            self.advance(&lane);
        }
        self.flush();
    }

    /// Lets leave what is ready at the front of a lane.
    fn advance(&self, lane: &SharedLane) {
        let Lane { carrier, call, pieces, status } = &mut *lane.borrow_mut();
        while matches!(pieces.front(), Some(Piece::Framed(..))) {
            let Some(Piece::Framed(frame, counted)) = pieces.pop_front() else { break };
            match *call {
                Some(id) => self.put_framed(id, lane, &frame, counted),
                None => self.send_frames(*carrier, frame, false),
            }
        }
        if !pieces.is_empty() {
            return;
        }
        match (*call, status.take()) {
            (Some(id), _) => {
                if let Some(call) = self.calls.borrow_mut().get(id).filter(|call| call.is_in(lane)) {
                    call.lane = None;
                    self.list(id, call);
                }
            }
            (None, Some((text, ended))) => self.end_answer(*carrier, Vec::new(), &text, ended),
            (None, None) => {}
        }
    }

    fn put_framed(&self, id: u32, lane: &SharedLane, frame: &[u8], counted: usize) {
        // Its number may be another call's by now.
        if let Some(call) = self.calls.borrow_mut().get(id).filter(|call| call.is_in(lane)) {
            call.put_framed(frame, counted);
            self.list(id, call);
        }
    }
}

impl Lane {
    /// JavaScript has answered the call: its status goes behind what waits.
    pub fn finish(&mut self, status: &[u8], ended: bool) {
        self.call = None;
        self.status = Some((status.to_vec(), ended));
    }

    /// The call was cancelled: nobody wants what waits.
    pub fn abandon(&mut self) {
        self.call = None;
        self.pieces.clear();
    }
}

/// What a message of a call is compressed with.
pub(super) fn coding_of(
    answers: Option<Coding>,
    compress: bool,
    bytes: usize,
    config: &Config,
) -> Option<Coding> {
    answers.filter(|_| compress && bytes >= config.compression_threshold)
}
