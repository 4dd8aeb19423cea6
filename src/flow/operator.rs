//! One stage at work: a bounded inbox, a driver, a bounded outbox or a link.
//!
//! # Queues and who waits at them
//!
//! * **Inbox**: bounded by [`Bounds::inbox`] for JavaScript's writes (the write's callback waits) and by
//!   [`Bounds::link`] for a linked upstream operator (which stops running). Either may overshoot by one piece.
//! * **Outbox**: bounded by [`Bounds::outbox`]; the operator stops running at it until JavaScript reads.
//! * **Side box** (rejected rows): bounded by [`SIDE_BOUND`]; the operator stops running at it.
//!
//! # Locks
//!
//! `ports` of an upstream operator may be held while those of its downstream neighbour are taken, never the other way;
//! links form no cycles. `driver` is held by the one thread that runs the operator, and nothing waits for it.

use super::driver::{Driver, Lane, Next};
use super::meter::Meter;
use super::pool::{Pool, Task};
use super::{Failure, Post, block};
use crate::codec::{CodecError, FlushKind};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

/// Bits of news for JavaScript.
pub mod event {
    /// The outbox has something.
    pub const READABLE: u32 = 1;
    /// The inbox has room again for a writer that waits.
    pub const WRITABLE: u32 = 2;
    /// A control was carried out while linked: see `take_mark`.
    pub const MARK: u32 = 4;
    /// All output is given out.
    pub const ENDED: u32 = 8;
    /// The operator failed: see `failure`.
    pub const FAILED: u32 = 16;
    /// The side box has something.
    pub const SIDE: u32 = 32;
    /// All input before the last `Drain` is worked off.
    pub const DRAINED: u32 = 64;
    /// A destroyed operator let go of its file.
    pub const CLOSED: u32 = 128;
    /// The operator stopped running. Not urgent.
    pub const IDLE: u32 = 256;
    /// A file operator opened its file.
    pub const OPEN: u32 = 512;
}

/// Bytes in the side box at which an operator stops.
pub const SIDE_BOUND: usize = 256 << 10;
/// Input from JavaScript at which the pool is called without waiting for the end of the tick.
const GATHER_BYTES: usize = 64 << 10;
/// Small writes are gathered in buffers of this size.
const GATHER_BUFFER: usize = 64 << 10;
/// Work of at most this many nanoseconds is done on the JS thread: a hop costs about as much.
const INLINE_NS: f32 = 40_000.0;

thread_local! {
    static ON_JS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is JavaScript's and runs an operator inline, so that no bell is needed.
pub(super) fn on_js_thread() -> bool {
    ON_JS.get()
}

/// Bounds of an operator's queues, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Input from JavaScript: at or above it, a write's callback waits.
    pub inbox: usize,
    /// Input from a linked operator: at or above it, that operator stops.
    pub link: usize,
    /// Output for JavaScript: at or above it, this operator stops.
    pub outbox: usize,
    /// Most bytes of output in all: with one more the operator fails with `OutputTooLarge`.
    pub output_limit: Option<u64>,
}

/// What travels with the bytes, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Flush; the ticket comes back as a mark once all output before it is out.
    Flush(FlushKind, u32),
    /// zlib's `params(level, strategy)`; the ticket comes back as a mark.
    Params(i32, i32, u32),
    /// Ends the format (trailer, complaint of truncation) but not the stream; the ticket comes back as a mark.
    Finish(u32),
    /// Only the mark: all input before it is worked off, and its output is before the mark.
    Mark(u32),
    /// Back to the state of a new stage.
    Reset,
    /// Tell (`DRAINED`) when all input before is worked off.
    Drain,
    /// No more input.
    End,
}

/// A piece of input.
#[derive(Debug)]
pub enum Input {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Whole rows that an earlier stage checked: see [`BlockStage::run_checked`](crate::codec::BlockStage::run_checked).
    CheckedRows(Vec<u8>),
    /// A control.
    Control(Control),
}

enum Output {
    Bytes(Vec<u8>, usize),
    Mark(u32),
}

/// What [`Operator::read`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOutcome {
    /// That many bytes were copied.
    Bytes(usize),
    /// Nothing now.
    Empty,
    /// A control was carried out here.
    Mark(u32),
    /// Nothing any more.
    End,
}

struct Ports {
    inbox: VecDeque<Input>,
    inbox_bytes: usize,
    outbox: VecDeque<Output>,
    outbox_bytes: usize,
    /// Output that nobody took before the operator was destroyed.
    dropped_bytes: usize,
    marks: VecDeque<u32>,
    side: Vec<u8>,
    next: Option<Arc<Operator>>,
    prev: Weak<Operator>,
    writer_waits: bool,
    /// Nobody looks at the output: it is counted and dropped.
    discards: bool,
    finished: bool,
    failure: Option<Failure>,
    result: Option<String>,
    remainder: Vec<u8>,
    destroyed: bool,
}

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
/// Running, and asked to run again.
const AGAIN: u8 = 3;

/// See the module's page.
pub struct Operator {
    id: u32,
    lane: Lane,
    cuts_rows: bool,
    post: Arc<Post>,
    bounds: Bounds,
    phase: AtomicU8,
    /// The driver stopped for want of room; whoever makes room schedules it.
    wants_room: AtomicBool,
    /// May the driver produce? A file source waits for its first reader.
    wanted: AtomicBool,
    news: Arc<AtomicU32>,
    /// Bytes that the driver itself holds, not yet worked off (a gathered block).
    carried: AtomicUsize,
    ports: Mutex<Ports>,
    driver: Mutex<Option<Box<dyn Driver>>>,
    state_bytes: AtomicUsize,
    /// Exact bytes consumed, where the codec says so (zlib's `bytesWritten`).
    consumed: AtomicU64,
    /// Blocks on other threads; the driver itself rests meanwhile.
    blocks: AtomicUsize,
    /// The open file's descriptor, or -1.
    descriptor: AtomicI64,
    /// Counters.
    pub meter: Meter,
}

impl Operator {
    /// An operator that runs `driver` and tells `post`.
    pub fn new(id: u32, post: Arc<Post>, bounds: Bounds, driver: Box<dyn Driver>) -> Arc<Self> {
        let state_bytes = driver.state_bytes();
        post.grow(state_bytes as i64);
        Arc::new(Self {
            id,
            lane: driver.lane(),
            cuts_rows: driver.cuts_rows(),
            post,
            bounds,
            phase: AtomicU8::new(IDLE),
            wants_room: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            news: Arc::new(AtomicU32::new(0)),
            carried: AtomicUsize::new(0),
            ports: Mutex::new(Ports {
                inbox: VecDeque::new(),
                inbox_bytes: 0,
                outbox: VecDeque::new(),
                outbox_bytes: 0,
                dropped_bytes: 0,
                marks: VecDeque::new(),
                side: Vec::new(),
                next: None,
                prev: Weak::new(),
                writer_waits: false,
                discards: false,
                finished: false,
                failure: None,
                result: None,
                remainder: Vec::new(),
                destroyed: false,
            }),
            driver: Mutex::new(Some(driver)),
            state_bytes: AtomicUsize::new(state_bytes),
            consumed: AtomicU64::new(0),
            blocks: AtomicUsize::new(0),
            descriptor: AtomicI64::new(-1),
            meter: Meter::new(),
        })
    }

    fn ports(&self) -> MutexGuard<'_, Ports> {
        // Panics are caught at the driver, which does not hold the lock; the data stays whole.
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, bits: u32) {
        self.post.tell(self.id, &self.news, bits, true);
    }
}

/// For JavaScript.
impl Operator {
    /// This operator's number among those of its thread.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Copies `bytes` into the inbox. Returns whether there is room for more; where not, `WRITABLE` tells when.
    pub fn write(self: &Arc<Self>, bytes: &[u8]) -> bool {
        let (room, due) = {
            let mut ports = self.ports();
            if ports.destroyed || ports.failure.is_some() {
                return true;
            }
            let fits = match ports.inbox.back_mut() {
                Some(Input::Bytes(last)) if last.capacity() - last.len() >= bytes.len() => {
                    last.extend_from_slice(bytes);
                    true
                }
                _ => false,
            };
            if !fits {
                let mut buffer =
                    block::take(bytes.len().max(if bytes.len() < 4096 && ports.inbox_bytes == 0 {
                        // The first small write may be the only one.
                        bytes.len() * 2
                    } else {
                        GATHER_BUFFER
                    }));
                buffer.extend_from_slice(bytes);
                ports.inbox.push_back(Input::Bytes(buffer));
            }
            ports.inbox_bytes += bytes.len();
            self.post.grow(bytes.len() as i64);
            let room = ports.inbox_bytes < self.bounds.inbox;
            ports.writer_waits = !room;
            (room, ports.inbox_bytes >= GATHER_BYTES)
        };
        if due {
            self.schedule();
        }
        room
    }

    /// Queues a control behind the bytes.
    pub fn control(self: &Arc<Self>, control: Control) {
        self.ports().inbox.push_back(Input::Control(control));
    }

    /// Does what was gathered in this tick: at once on this thread where that is cheap, else on the pool. The caller
    /// takes the news from its post afterwards: no bell rings for what happened here.
    ///
    /// Returns whether it was done here.
    pub fn kick(self: &Arc<Self>) -> bool {
        let cheap = matches!(self.lane, Lane::Compute { ns_per_byte }
            if self.pending() as f32 * ns_per_byte <= INLINE_NS);
        if cheap && self.phase.compare_exchange(IDLE, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.post.enter();
            ON_JS.set(true);
            self.run();
            ON_JS.set(false);
            true
        } else {
            self.schedule();
            false
        }
    }

    fn pending(&self) -> usize {
        self.ports().inbox_bytes + self.carried.load(Ordering::Relaxed)
    }

    /// A reader wants output: a source may begin.
    pub fn want(self: &Arc<Self>) {
        // Others have nothing to begin with; and while a thread looked for that, small writes could not be worked off inline.
        if !self.wanted.swap(true, Ordering::AcqRel) && matches!(self.lane, Lane::Io { .. }) {
            self.schedule();
        }
    }

    /// Copies output into `target`.
    pub fn read(self: &Arc<Self>, target: &mut [u8]) -> ReadOutcome {
        let mut copied = 0;
        let outcome = {
            let mut guard = self.ports();
            let ports = &mut *guard;
            loop {
                match ports.outbox.front_mut() {
                    Some(Output::Bytes(buffer, at)) => {
                        let n = (target.len() - copied).min(buffer.len() - *at);
                        target[copied..copied + n].copy_from_slice(&buffer[*at..*at + n]);
                        copied += n;
                        *at += n;
                        if *at == buffer.len()
                            && let Some(Output::Bytes(buffer, _)) = ports.outbox.pop_front()
                        {
                            block::give(buffer);
                        }
                        ports.outbox_bytes -= n;
                        if copied < target.len() {
                            continue;
                        }
                        break ReadOutcome::Bytes(copied);
                    }
                    _ if copied > 0 => break ReadOutcome::Bytes(copied),
                    Some(Output::Mark(ticket)) => {
                        let ticket = *ticket;
                        ports.outbox.pop_front();
                        break ReadOutcome::Mark(ticket);
                    }
                    None if ports.finished => break ReadOutcome::End,
                    None => break ReadOutcome::Empty,
                }
            }
        };
        if copied > 0 {
            self.post.grow(-(copied as i64));
            if self.wants_room.swap(false, Ordering::AcqRel) {
                self.schedule();
            }
        }
        outcome
    }

    /// Bytes in the outbox up to the next mark.
    pub fn readable_bytes(&self) -> usize {
        let ports = self.ports();
        ports
            .outbox
            .iter()
            .map_while(|out| match out {
                Output::Bytes(buffer, at) => Some(buffer.len() - at),
                Output::Mark(_) => None,
            })
            .sum()
    }

    /// Bytes that `read` can give in whole rows: up to `most` of them, or one row that is longer; 0 where nothing is there.
    /// Row stages give out buffers that end with a row, so one buffer is enough to look at.
    pub fn readable_rows(&self, most: usize) -> usize {
        let ports = self.ports();
        let Some(Output::Bytes(buffer, at)) = ports.outbox.front() else { return 0 };
        let rows = &buffer[*at..];
        if rows.len() <= most {
            return rows.len();
        }
        memchr::memrchr(b'\n', &rows[..most])
            .or_else(|| memchr::memchr(b'\n', &rows[most..]).map(|end| most + end))
            .map_or(rows.len(), |end| end + 1)
    }

    /// Bytes in inbox and outbox.
    pub fn queued_bytes(&self) -> (usize, usize) {
        let ports = self.ports();
        (ports.inbox_bytes + self.carried.load(Ordering::Relaxed), ports.outbox_bytes)
    }

    /// The next mark that passed while linked.
    pub fn take_mark(&self) -> Option<u32> {
        self.ports().marks.pop_front()
    }

    /// Takes the side box.
    pub fn take_side(self: &Arc<Self>) -> Vec<u8> {
        let side = std::mem::take(&mut self.ports().side);
        if self.wants_room.swap(false, Ordering::AcqRel) {
            self.schedule();
        }
        side
    }

    /// From now on output goes into `next`'s inbox; what the outbox holds goes first.
    pub fn link(self: &Arc<Self>, next: &Arc<Self>) {
        let finished;
        {
            let mut ports = self.ports();
            let mut theirs = next.ports();
            theirs.prev = Arc::downgrade(self);
            while let Some(out) = ports.outbox.pop_front() {
                match out {
                    Output::Bytes(mut buffer, at) => {
                        if at > 0 {
                            buffer.drain(..at);
                        }
                        theirs.inbox_bytes += buffer.len();
                        theirs.inbox.push_back(Input::Bytes(buffer));
                    }
                    Output::Mark(ticket) => ports.marks.push_back(ticket),
                }
            }
            ports.outbox_bytes = 0;
            ports.next = Some(Arc::clone(next));
            finished = ports.finished;
            if !ports.marks.is_empty() {
                self.tell(event::MARK);
            }
        }
        self.wanted.store(true, Ordering::Release);
        if finished {
            self.tell(event::ENDED);
        }
        self.wants_room.store(false, Ordering::Release);
        self.schedule();
        next.schedule();
    }

    /// Output goes to the outbox again. What is in `next`'s inbox already stays there.
    pub fn unlink(self: &Arc<Self>) {
        let next = self.ports().next.take();
        if let Some(next) = next {
            next.ports().prev = Weak::new();
        }
        if self.wants_room.swap(false, Ordering::AcqRel) {
            self.schedule();
        }
    }

    /// Whether output is dropped from now on, or goes to the outbox again. What the outbox holds is dropped, too.
    pub fn discard(self: &Arc<Self>, discards: bool) {
        let (dropped, bytes, marked);
        {
            let mut guard = self.ports();
            let ports = &mut *guard;
            ports.discards = discards;
            dropped = if discards { std::mem::take(&mut ports.outbox) } else { VecDeque::new() };
            bytes = if discards { std::mem::take(&mut ports.outbox_bytes) } else { 0 };
            ports.marks.extend(dropped.iter().filter_map(|out| match out {
                Output::Mark(ticket) => Some(*ticket),
                Output::Bytes(..) => None,
            }));
            marked = !ports.marks.is_empty();
        }
        for out in dropped {
            if let Output::Bytes(buffer, _) = out {
                block::give(buffer);
            }
        }
        self.post.grow(-(bytes as i64));
        if marked {
            self.tell(event::MARK);
        }
        if self.wants_room.swap(false, Ordering::AcqRel) {
            self.schedule();
        }
    }

    /// Whether a driver or one of its blocks is at work, or is about to be.
    pub fn is_active(&self) -> bool {
        // Blocks first: one that ends schedules the driver before it stops counting.
        self.blocks.load(Ordering::Acquire) > 0 || self.phase.load(Ordering::Acquire) != IDLE
    }

    /// Whether all output was given out.
    pub fn is_finished(&self) -> bool {
        let ports = self.ports();
        ports.finished && ports.outbox.is_empty()
    }

    /// The first error.
    pub fn failure(&self) -> Option<Failure> {
        self.ports().failure.clone()
    }

    /// What a tap found out, once ended.
    pub fn result(&self) -> Option<String> {
        self.ports().result.clone()
    }

    /// Bytes that came after the format's own end.
    pub fn remainder(&self) -> Vec<u8> {
        self.ports().remainder.clone()
    }

    /// Bytes that the codec consumed, exactly.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// The open file's descriptor, or -1.
    pub fn descriptor(&self) -> i64 {
        self.descriptor.load(Ordering::Acquire)
    }

    /// Bytes that were given out and do not wait for JavaScript.
    pub fn given(&self) -> u64 {
        // Under the lock, so that the two counts belong together.
        let ports = self.ports();
        self.meter.bytes_out.load(Ordering::Relaxed) - (ports.outbox_bytes + ports.dropped_bytes) as u64
    }

    /// Ends an open(2) or a wait that may last forever.
    pub fn interrupt(&self) {
        if let Lane::Io { wake: Some(wake) } = &self.lane {
            wake();
        }
    }

    /// Drops all queues and lets go of files. `CLOSED` follows from file operators.
    pub fn destroy(self: &Arc<Self>) {
        let (next, prev, inbox, outbox, freed);
        {
            let mut ports = self.ports();
            if ports.destroyed {
                return;
            }
            ports.destroyed = true;
            freed = ports.inbox_bytes + ports.outbox_bytes;
            (inbox, outbox) = (std::mem::take(&mut ports.inbox), std::mem::take(&mut ports.outbox));
            ports.inbox_bytes = 0;
            ports.dropped_bytes = std::mem::take(&mut ports.outbox_bytes);
            ports.side = Vec::new();
            next = ports.next.take();
            prev = std::mem::take(&mut ports.prev);
        }
        drop((inbox, outbox));
        self.post.grow(-(freed as i64));
        self.meter.end();
        if let Some(next) = next {
            next.ports().prev = Weak::new();
        }
        if let Some(prev) = prev.upgrade() {
            prev.unlink();
        }
        if let Ok(mut driver) = self.driver.try_lock()
            && matches!(self.lane, Lane::Compute { .. })
            && self.phase.load(Ordering::Acquire) == IDLE
        {
            self.drop_driver(driver.take());
        } else {
            self.interrupt();
            self.schedule();
        }
    }

    fn drop_driver(&self, driver: Option<Box<dyn Driver>>) {
        drop(driver);
        self.post.grow(-(self.state_bytes.swap(0, Ordering::AcqRel) as i64));
    }
}

/// For drivers.
impl Operator {
    /// The next input, or `None`. Makes room for whoever waits.
    pub fn take(&self) -> Option<Input> {
        let (input, prev, tell) = {
            let mut ports = self.ports();
            let input = ports.inbox.pop_front()?;
            let mut prev = None;
            let mut tell = false;
            if let Input::Bytes(bytes) | Input::CheckedRows(bytes) = &input {
                ports.inbox_bytes -= bytes.len();
                self.post.grow(-(bytes.len() as i64));
                self.meter.bytes_in.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                // Half of the bound: fewer, larger turns for the writer.
                if ports.writer_waits && ports.inbox_bytes <= self.bounds.inbox / 2 {
                    ports.writer_waits = false;
                    tell = true;
                }
                if ports.inbox_bytes < self.bounds.link {
                    prev = ports.prev.upgrade();
                }
            }
            (input, prev, tell)
        };
        if tell {
            self.tell(event::WRITABLE);
        }
        if let Some(prev) = prev
            && prev.wants_room.swap(false, Ordering::AcqRel)
        {
            prev.schedule();
        }
        Some(input)
    }

    /// Whether the consumer takes more. Where not, the operator is run again when it does.
    pub fn has_room(&self) -> bool {
        if self.room() {
            return true;
        }
        // Told before it is asked again: whoever makes room in between sees the wish.
        self.wants_room.store(true, Ordering::SeqCst);
        self.room()
    }

    fn room(&self) -> bool {
        let ports = self.ports();
        if ports.side.len() >= SIDE_BOUND {
            return false;
        }
        match &ports.next {
            Some(next) => next.ports().inbox_bytes < next.bounds.link,
            None => ports.discards || ports.outbox_bytes < self.bounds.outbox,
        }
    }

    /// Whether output goes to another operator, so that large pieces are best.
    pub fn is_linked(&self) -> bool {
        self.ports().next.is_some()
    }

    /// Whether output goes to an operator that cuts at rows, so that pieces which end with a row are best.
    pub fn feeds_rows(&self) -> bool {
        self.ports().next.as_ref().is_some_and(|next| next.cuts_rows)
    }

    /// Bytes of output for JavaScript at which the operator stops.
    pub fn outbox_bound(&self) -> usize {
        self.bounds.outbox
    }

    /// Whether a reader asked for output yet.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Whether input is waiting.
    pub fn has_input(&self) -> bool {
        !self.ports().inbox.is_empty()
    }

    /// Gives out bytes, up to the limit of the output.
    pub fn emit(&self, bytes: Vec<u8>) {
        self.emit_as(bytes, Input::Bytes);
    }

    /// Gives out whole rows that were checked: a linked row stage need not check them again.
    pub fn emit_checked_rows(&self, bytes: Vec<u8>) {
        self.emit_as(bytes, Input::CheckedRows);
    }

    fn emit_as(&self, mut bytes: Vec<u8>, input: fn(Vec<u8>) -> Input) {
        if let Some(limit) = self.bounds.output_limit {
            let room = limit.saturating_sub(self.meter.read().bytes_out);
            if bytes.len() as u64 > room {
                bytes.truncate(room as usize);
                self.send(bytes, Input::Bytes);
                self.fail(CodecError::output_too_large(limit).into());
                return;
            }
        }
        self.send(bytes, input);
    }

    fn send(&self, bytes: Vec<u8>, input: fn(Vec<u8>) -> Input) {
        if bytes.is_empty() {
            block::give(bytes);
            return;
        }
        let next = {
            let mut ports = self.ports();
            if ports.destroyed {
                drop(ports);
                block::give(bytes);
                return;
            }
            self.meter.bytes_out.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if ports.discards && ports.next.is_none() {
                drop(ports);
                block::give(bytes);
                return;
            }
            self.post.grow(bytes.len() as i64);
            match ports.next.clone() {
                Some(next) => {
                    // Under both locks: after `unlink` returned, nothing arrives any more.
                    let mut theirs = next.ports();
                    if theirs.destroyed {
                        self.post.grow(-(bytes.len() as i64));
                    } else {
                        theirs.inbox_bytes += bytes.len();
                        theirs.inbox.push_back(input(bytes));
                    }
                    drop(theirs);
                    Some(next)
                }
                None => {
                    ports.outbox_bytes += bytes.len();
                    ports.outbox.push_back(Output::Bytes(bytes, 0));
                    None
                }
            }
        };
        match next {
            Some(next) => next.schedule(),
            None => self.tell(event::READABLE),
        }
    }

    /// Gives out a mark, behind all bytes so far.
    pub fn emit_mark(&self, ticket: u32) {
        let linked = {
            let mut ports = self.ports();
            if ports.next.is_some() || ports.discards {
                ports.marks.push_back(ticket);
                true
            } else {
                ports.outbox.push_back(Output::Mark(ticket));
                false
            }
        };
        self.tell(if linked { event::MARK } else { event::READABLE });
    }

    /// Gives out rejected rows.
    pub fn emit_side(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.ports().side.extend_from_slice(bytes);
            self.tell(event::SIDE);
        }
    }

    /// All input before a `Drain` is worked off.
    pub fn drained(&self) {
        self.tell(event::DRAINED);
    }

    /// The file is open, under this descriptor.
    pub fn opened(&self, descriptor: i64) {
        self.descriptor.store(descriptor, Ordering::Release);
        self.tell(event::OPEN);
    }

    /// Counts bytes that came from outside (a file).
    pub fn took(&self, bytes: usize) {
        self.meter.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes that went outside (a file).
    pub fn gave(&self, bytes: usize) {
        self.meter.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Keeps a tap's result.
    pub fn set_result(&self, result: Option<String>) {
        self.ports().result = result;
    }

    /// Keeps bytes that came after the format's end, up to 1 MiB.
    pub fn keep_remainder(&self, bytes: &[u8]) {
        let mut ports = self.ports();
        let room = (1 << 20) - ports.remainder.len();
        ports.remainder.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Sets the exact count of consumed bytes.
    pub fn set_consumed(&self, bytes: u64) {
        self.consumed.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that the driver holds back for a full block.
    pub fn set_carried(&self, bytes: usize) {
        self.carried.store(bytes, Ordering::Relaxed);
    }

    /// All output is given out.
    pub fn finish(&self) {
        {
            let mut ports = self.ports();
            if ports.finished || ports.destroyed {
                return;
            }
            ports.finished = true;
        }
        self.meter.end();
        self.tell(event::ENDED);
    }

    /// The first failure ends the operator; output before it stays readable.
    pub fn fail(&self, failure: Failure) {
        {
            let mut ports = self.ports();
            if ports.failure.is_some() || ports.destroyed {
                return;
            }
            ports.failure = Some(failure);
            // Nobody will read it; the writer is told by the error.
            let dropped = std::mem::take(&mut ports.inbox_bytes);
            ports.inbox.clear();
            self.post.grow(-(dropped as i64));
        }
        self.meter.end();
        self.tell(event::FAILED);
    }

    /// The file could not be closed properly: told beside `CLOSED`, where nothing failed before.
    pub fn close_failed(&self, failure: Failure) {
        self.ports().failure.get_or_insert(failure);
    }

    /// Whether nothing is to be done any more.
    pub fn is_over(&self) -> bool {
        let ports = self.ports();
        ports.destroyed || ports.failure.is_some()
    }

    /// Runs `work` as a block of this operator on the pool; the operator runs again afterwards.
    pub fn spawn_block(self: &Arc<Self>, work: impl FnOnce() + Send + 'static) {
        let operator = Arc::clone(self);
        self.blocks.fetch_add(1, Ordering::AcqRel);
        self.post.enter();
        Pool::compute().submit(Task::Block(Box::new(move || {
            let began = Instant::now();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            operator.meter.add_busy(began.elapsed().as_nanos() as u64);
            if let Err(panic) = outcome {
                operator.fail(panicked(&panic));
            }
            operator.schedule();
            operator.blocks.fetch_sub(1, Ordering::AcqRel);
            operator.post.leave();
        })));
    }
}

/// For the executors.
impl Operator {
    /// Asks for a run: does nothing where one is queued, runs again where one is under way.
    pub fn schedule(self: &Arc<Self>) {
        loop {
            match self.phase.load(Ordering::Acquire) {
                IDLE => {
                    if self.phase.compare_exchange(IDLE, QUEUED, Ordering::AcqRel, Ordering::Acquire).is_ok()
                    {
                        self.post.enter();
                        self.submit();
                        return;
                    }
                }
                RUNNING => {
                    if self
                        .phase
                        .compare_exchange(RUNNING, AGAIN, Ordering::AcqRel, Ordering::Acquire)
                        .is_ok()
                    {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    fn submit(self: &Arc<Self>) {
        let pool = match self.lane {
            Lane::Compute { .. } => Pool::compute(),
            Lane::Io { .. } => Pool::io(),
        };
        pool.submit(Task::Run(Arc::clone(self)));
    }

    pub(super) fn run_on_pool(self: &Arc<Self>) {
        self.phase.store(RUNNING, Ordering::Release);
        self.run();
    }

    /// Runs the driver once. The phase is `RUNNING`, and this thread alone holds it.
    fn run(self: &Arc<Self>) {
        let began = Instant::now();
        self.meter.resume();
        let mut slot = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        let mut again = false;
        if !self.is_over()
            && let Some(driver) = slot.as_mut()
        {
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| driver.run(self))) {
                Ok(Next::Again) => again = true,
                Ok(Next::Idle(waiting)) => self.meter.wait_for(waiting),
                Ok(Next::Become(other)) => {
                    let bytes = other.state_bytes();
                    *slot = Some(other);
                    let before = self.state_bytes.swap(bytes, Ordering::AcqRel);
                    self.post.grow(bytes as i64 - before as i64);
                    again = true;
                }
                Err(panic) => {
                    self.fail(panicked(&panic));
                }
            }
        }
        if self.is_over()
            && let Some(mut driver) = slot.take()
        {
            let closing = std::panic::AssertUnwindSafe(|| driver.close(self));
            let _ = std::panic::catch_unwind(closing);
            self.drop_driver(Some(driver));
            self.tell(event::CLOSED);
        }
        drop(slot);
        self.meter.add_busy(began.elapsed().as_nanos() as u64);
        if !again && self.phase.compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.post.tell(self.id, &self.news, event::IDLE, false);
            self.post.leave();
            return;
        }
        // Asked for again: to the back of the queue, so that other pipelines have their turn.
        self.phase.store(QUEUED, Ordering::Release);
        self.submit();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let (queued, driver) = {
            let mut ports = self.ports();
            let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
            (std::mem::take(&mut ports.inbox_bytes) + std::mem::take(&mut ports.outbox_bytes), driver)
        };
        self.post.grow(-(queued as i64));
        self.drop_driver(driver);
    }
}

fn panicked(panic: &Box<dyn std::any::Any + Send>) -> Failure {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown".into());
    Failure::internal(format!("internal error (please report it): {text}"))
}
