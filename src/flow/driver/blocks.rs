//! Runs a [`BlockStage`]: cuts the input, runs blocks on all cores, joins the results in order.
//!
//! Blocks under way are bounded by the number of threads and one more, so that a thread that is done finds the next one
//! ready. Finished blocks wait here, in order, for room at the consumer, and count as under way.

use super::serial::SerialDriver;
use super::{Driver, Lane, Next};
use crate::codec::cut::{CutBlock, Cutter};
use crate::codec::{BlockJob, BlockStage, Cut, Joiner, Report};
use crate::flow::meter::Waiting;
use crate::flow::operator::{Control, Input, Operator};
use crate::flow::{block, pool_threads};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Rows and characters are gathered into blocks of at least this size, where more input waits; a buffer that brings more
/// is a block of its own. Small enough for a core's second-level cache, so that a block is still there when the next stage
/// gets it; large enough for its hops, some 10 µs, not to count.
const BLOCK_BYTES: usize = 256 << 10;
/// Blocks of less work than this are run where they were cut: handing them over costs as much.
const HOP_NS: f32 = 100_000.0;
/// Blocks in one turn; others come first then.
const TURN_BLOCKS: usize = 8;

struct Done {
    body: Vec<u8>,
    report: Report,
}

enum Slot {
    Block { done: Arc<Mutex<Option<Done>>>, input_bytes: usize, first: bool, last: bool },
    Control(Control),
}

/// Runs a [`BlockStage`].
pub struct BlockDriver {
    stage: Arc<dyn BlockStage>,
    joiner: Box<dyn Joiner>,
    cutter: Cutter,
    fixed: bool,
    /// Bytes in a block, at least (rows, characters) or exactly (fixed).
    block_bytes: usize,
    slots: VecDeque<Slot>,
    most: usize,
    parallel: bool,
    consumed: u64,
    /// `End` was taken: what is left in the cutter goes out.
    ending: bool,
    /// The last block is under way.
    ended: bool,
    /// A control that a serial stage must carry out, once the slots are empty.
    hand_over: Option<Control>,
    ns_per_byte: f32,
}

impl BlockDriver {
    /// Runs `stage` with up to `threads` blocks at a time; 0 for as many as the pool has threads.
    pub fn new(stage: Box<dyn BlockStage>, joiner: Box<dyn Joiner>, threads: usize) -> Self {
        let stage: Arc<dyn BlockStage> = Arc::from(stage);
        let threads = if threads == 0 { pool_threads() } else { threads.min(pool_threads()) };
        Self {
            cutter: Cutter::new(stage.cut(), BLOCK_BYTES),
            fixed: matches!(stage.cut(), Cut::Fixed { .. }),
            block_bytes: match stage.cut() {
                Cut::Fixed { bytes } => bytes,
                Cut::Rows { .. } | Cut::Characters => BLOCK_BYTES,
            },
            ns_per_byte: stage.cost_ns_per_byte(),
            stage,
            joiner,
            slots: VecDeque::new(),
            most: threads + 1,
            parallel: threads > 1,
            consumed: 0,
            ending: false,
            ended: false,
            hand_over: None,
        }
    }

    fn start(&mut self, operator: &Arc<Operator>, cut: CutBlock, last: bool) {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        let stage = Arc::clone(&self.stage);
        let (first, input_bytes) = (cut.first, cut.bytes.len());
        let cost = input_bytes as f32 * self.ns_per_byte;
        let work = move || {
            let job = BlockJob {
                bytes: &cut.bytes,
                offset: cut.offset,
                first: cut.first,
                last,
                overlong: cut.overlong,
                now_ms,
            };
            let mut kept = Vec::new();
            let mut body = Vec::new();
            if let Some(report) = stage.select(job, &mut kept, &mut body) {
                let mut bytes = cut.bytes;
                keep(&mut bytes, &kept);
                bytes.append(&mut body);
                return Done { body: block::fit(bytes), report };
            }
            body = block::take(stage.room(input_bytes));
            let report =
                if cut.checked { stage.run_checked(job, &mut body) } else { stage.run(job, &mut body) };
            // At once, and not when the block's turn comes: what waits for its turn is the result alone, in a buffer of its
            // size.
            block::give(cut.bytes);
            Done { body: block::fit(body), report }
        };
        let done = Arc::new(Mutex::new(None));
        if !self.parallel || cost < HOP_NS {
            *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(work());
        } else {
            let done = Arc::clone(&done);
            operator.spawn_block(move || {
                let outcome = work();
                *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            });
        }
        self.slots.push_back(Slot::Block { done, input_bytes, first, last });
    }

    /// Gives out finished blocks in order. `Some` ends the turn.
    fn join(&mut self, operator: &Arc<Operator>) -> Option<Next> {
        while let Some(slot) = self.slots.front() {
            if !operator.has_room() {
                return Some(Next::Idle(Waiting::Room));
            }
            match slot {
                Slot::Control(control) => {
                    match control {
                        Control::Flush(_, ticket)
                        | Control::Params(_, _, ticket)
                        | Control::Finish(ticket)
                        | Control::Mark(ticket) => {
                            operator.emit_mark(*ticket);
                        }
                        Control::Drain => operator.drained(),
                        Control::End | Control::Reset => {}
                    }
                    self.slots.pop_front();
                }
                Slot::Block { done, input_bytes, first, last } => {
                    let outcome = done.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let Some(Done { mut body, report }) = outcome else { break };
                    let (first, last) = (*first, *last);
                    self.consumed += *input_bytes as u64;
                    self.slots.pop_front();
                    operator.set_consumed(self.consumed);
                    operator.meter.rows_in.fetch_add(report.rows_in, Relaxed);
                    operator.meter.rows_out.fetch_add(report.rows_out, Relaxed);
                    operator.meter.rejects.fetch_add(report.rejected, Relaxed);
                    let checked = report.checked;
                    let mut side = Vec::new();
                    let joined = self.joiner.join(first, last, report, &mut body, &mut side);
                    if checked {
                        operator.emit_checked_rows(body);
                    } else {
                        operator.emit(body);
                    }
                    operator.emit_side(&side);
                    if let Err(error) = joined {
                        operator.fail(error.into());
                        return Some(Next::Idle(Waiting::Nothing));
                    }
                    if last {
                        operator.finish();
                    }
                }
            }
        }
        None
    }

    /// A control was taken from the inbox.
    fn control(&mut self, control: Control) {
        match control {
            Control::End => self.ending = true,
            Control::Flush(..) | Control::Params(..) | Control::Finish(_) | Control::Reset if self.fixed => {
                self.hand_over = Some(control);
            }
            Control::Reset => self.cutter = Cutter::new(self.stage.cut(), BLOCK_BYTES),
            other => self.slots.push_back(Slot::Control(other)),
        }
    }

    fn push(&mut self, bytes: Vec<u8>, checked: bool) {
        // Room for a block and what may come with its end, so that the cutter moves nothing and allocates nothing.
        let room = self.block_bytes + bytes.len();
        if self.cutter.pending_bytes() > 0 && self.cutter.pending_room() < bytes.len() {
            self.cutter.recycle(block::take(room));
        }
        if checked {
            self.cutter.push_checked(bytes);
        } else {
            self.cutter.push(bytes);
        }
        while let Some(spare) = self.cutter.take_spare() {
            block::give(spare);
        }
        if self.fixed && self.cutter.pending_bytes() >= self.block_bytes {
            // What follows the block stays behind in it, for the next block.
            self.cutter.recycle(block::take(room));
        }
    }
}

/// Leaves of `bytes` the given parts, which follow each other.
fn keep(bytes: &mut Vec<u8>, parts: &[Range<usize>]) {
    let mut end = 0;
    for part in parts {
        if part.start > end {
            bytes.copy_within(part.clone(), end);
        }
        end += part.len();
    }
    bytes.truncate(end);
}

impl Driver for BlockDriver {
    fn cuts_rows(&self) -> bool {
        matches!(self.stage.cut(), Cut::Rows { .. })
    }

    fn lane(&self) -> Lane {
        Lane::Compute { ns_per_byte: self.ns_per_byte }
    }

    fn run(&mut self, operator: &Arc<Operator>) -> Next {
        let mut started = 0;
        loop {
            if let Some(next) = self.join(operator) {
                return next;
            }
            if self.ended {
                return Next::Idle(if self.slots.is_empty() { Waiting::Nothing } else { Waiting::Blocks });
            }
            if self.slots.len() >= self.most {
                return Next::Idle(Waiting::Blocks);
            }
            if started >= TURN_BLOCKS {
                return Next::Again;
            }
            if let Some(cut) = self.cutter.next(self.ending) {
                self.start(operator, cut, false);
                started += 1;
                continue;
            }
            if self.ending {
                let cut = self.cutter.finish();
                operator.set_carried(0);
                self.start(operator, cut, true);
                self.ended = true;
                continue;
            }
            if let Some(control) = self.hand_over {
                if !self.slots.is_empty() {
                    return Next::Idle(Waiting::Blocks);
                }
                let carry = self.cutter.flush().map_or_else(Vec::new, |cut| cut.bytes);
                operator.set_carried(0);
                match self.joiner.hand_over() {
                    Some(stage) => {
                        let serial =
                            SerialDriver::resume(stage, self.ns_per_byte, carry, control, self.consumed);
                        return Next::Become(Box::new(serial));
                    }
                    None => {
                        self.hand_over = None;
                        self.slots.push_back(Slot::Control(control));
                        continue;
                    }
                }
            }
            match operator.take() {
                Some(Input::Bytes(bytes)) => self.push(bytes, false),
                Some(Input::CheckedRows(bytes)) => self.push(bytes, true),
                Some(Input::Control(control)) => {
                    if !self.fixed && !matches!(control, Control::End | Control::Reset) {
                        // A flush of rows hands on the whole rows that are there.
                        while let Some(cut) = self.cutter.next(true) {
                            self.start(operator, cut, false);
                            started += 1;
                        }
                    }
                    self.control(control);
                }
                None if !self.slots.is_empty() => {
                    operator.set_carried(self.cutter.pending_bytes());
                    return Next::Idle(Waiting::Blocks);
                }
                None => match self.cutter.next(true) {
                    Some(cut) => {
                        self.start(operator, cut, false);
                        started += 1;
                    }
                    None => {
                        operator.set_carried(if self.fixed { self.cutter.pending_bytes() } else { 0 });
                        return Next::Idle(Waiting::Input);
                    }
                },
            }
        }
    }
}
