//! One stage at work: a bounded inbox, a driver, a bounded outbox or a link.
//!
//! # Queues and who waits at them
//!
//! * **Inbox**: bounded by [`Bounds::inbox`] for JavaScript's writes (the write's callback waits) and by
//!   [`Bounds::link`] for a linked upstream operator (which stops running) and for a connection that feeds it (whose
//!   socket is not read). Each may overshoot by one piece.
//! * **Outbox**: bounded by [`Bounds::outbox`]; the operator stops running at it until JavaScript reads.
//! * **Side box** (rejected rows): bounded by [`SIDE_BOUND`]; the operator stops running at it.
//!
//! # Locks
//!
//! `ports` of an upstream operator may be held while those of its downstream neighbour are taken, never the other way;
//! links form no cycles. `driver` is held by the one thread that runs the operator, and nothing waits for it.

mod feed;
mod run;
mod script;
mod work;

pub use feed::OnRoom;

use self::feed::Feeder;
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
    feeder: Option<Feeder>,
    /// Nobody looks at the output: it is counted and dropped.
    discards: bool,
    finished: bool,
    failure: Option<Failure>,
    result: Option<String>,
    remainder: Vec<u8>,
    destroyed: bool,
}

impl Ports {
    /// Copies `bytes` behind what the inbox holds, so that small pieces are gathered in one buffer.
    fn append(&mut self, bytes: &[u8]) {
        self.inbox_bytes += bytes.len();
        if let Some(Input::Bytes(last)) = self.inbox.back_mut()
            && last.capacity() - last.len() >= bytes.len()
        {
            last.extend_from_slice(bytes);
            return;
        }
        // The first small piece may be the only one.
        let alone = bytes.len() < 4096 && self.inbox_bytes == bytes.len();
        let mut buffer = block::take(bytes.len().max(if alone { bytes.len() * 2 } else { GATHER_BUFFER }));
        buffer.extend_from_slice(bytes);
        self.inbox.push_back(Input::Bytes(buffer));
    }
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
                feeder: None,
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
