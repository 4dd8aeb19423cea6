//! Runs a [`SerialStage`]: input in order, output in bounded pieces, so that a bomb of a megabyte in and a gigabyte out
//! stops at the consumer's bound.

use super::{Driver, Lane, Next};
use crate::codec::{Directive, SerialStage, Status};
use crate::flow::meter::Waiting;
use crate::flow::operator::{Control, Input, Operator};
use crate::flow::{Failure, block};
use std::sync::Arc;

/// Output in one turn; others come first then.
const TURN_BYTES: usize = 1 << 20;

/// Runs a [`SerialStage`].
pub struct SerialDriver {
    stage: Box<dyn SerialStage>,
    ns_per_byte: f32,
    input: Option<(Vec<u8>, usize)>,
    control: Option<Control>,
    /// Output that is gathered until it fills a piece, or until there is nothing more to add.
    out: Vec<u8>,
    consumed: u64,
    /// The format's own end was met.
    over: bool,
}

/// Bytes in a piece of output. Each costs a call of the codec, which copies its window, and wakes a consumer: a quarter of a
/// gunzip's time at 64 KiB. Half of the outbox, so that one piece is read while the next is made.
fn piece(operator: &Operator) -> usize {
    if operator.is_linked() {
        LARGEST_PIECE
    } else {
        (operator.outbox_bound() / 2).clamp(64 << 10, LARGEST_PIECE)
    }
}

const LARGEST_PIECE: usize = 256 << 10;

impl SerialDriver {
    /// Runs `stage`, whose work is about `ns_per_byte` of input.
    pub fn new(stage: Box<dyn SerialStage>, ns_per_byte: f32) -> Self {
        Self { stage, ns_per_byte, input: None, control: None, out: Vec::new(), consumed: 0, over: false }
    }

    /// Goes on where another driver stopped: with bytes that it took and did not work off, and with the control that
    /// made it stop.
    pub fn resume(
        stage: Box<dyn SerialStage>,
        ns_per_byte: f32,
        bytes: Vec<u8>,
        control: Control,
        consumed: u64,
    ) -> Self {
        let mut driver = Self::new(stage, ns_per_byte);
        driver.consumed = consumed;
        driver.input = (!bytes.is_empty()).then_some((bytes, 0));
        driver.control = Some(control);
        driver
    }

    fn emit(&mut self, operator: &Operator) {
        if !self.out.is_empty() {
            operator.emit(block::fit(std::mem::take(&mut self.out)));
        }
    }

    /// One step; `Ok(true)` when input and directive are worked off.
    fn step(&mut self, operator: &Operator, directive: Directive) -> Result<bool, Failure> {
        let limit = piece(operator);
        if self.out.capacity() == 0 {
            self.out = block::take(limit);
        }
        let limit = limit.max(self.out.len() + 64);
        self.out.reserve(limit - self.out.len());
        let input = self.input.as_ref().map_or(&[][..], |(bytes, at)| &bytes[*at..]);
        let progress = self.stage.step(input, directive, &mut self.out, limit)?;
        self.consumed += progress.consumed as u64;
        operator.set_consumed(self.consumed);
        if let Some((_, at)) = &mut self.input {
            *at += progress.consumed;
        }
        match progress.status {
            Status::OutputFull => {
                self.emit(operator);
                Ok(false)
            }
            Status::Done => {
                if let Some((bytes, _)) = self.input.take() {
                    block::give(bytes);
                }
                Ok(true)
            }
            Status::End => {
                self.over = true;
                self.emit(operator);
                if let Some((bytes, at)) = self.input.take() {
                    operator.keep_remainder(&bytes[at..]);
                }
                operator.finish();
                Ok(true)
            }
        }
    }

    fn carry_out(&mut self, operator: &Operator, control: Control) -> Result<bool, Failure> {
        match control {
            Control::Flush(kind, ticket) => {
                if !self.over && !self.step(operator, Directive::Flush(kind))? {
                    return Ok(false);
                }
                self.emit(operator);
                operator.emit_mark(ticket);
            }
            Control::Params(level, strategy, ticket) => {
                // As `node:zlib` does before `params`.
                let flush = Directive::Flush(crate::codec::FlushKind::Sync);
                if !self.over && !self.step(operator, flush)? {
                    return Ok(false);
                }
                self.emit(operator);
                self.stage.params(level, strategy)?;
                operator.emit_mark(ticket);
            }
            Control::Finish(ticket) => {
                if !self.over && !self.step(operator, Directive::Finish)? {
                    return Ok(false);
                }
                self.emit(operator);
                operator.emit_mark(ticket);
            }
            Control::Mark(ticket) => {
                self.emit(operator);
                operator.emit_mark(ticket);
            }
            Control::Reset => {
                self.stage.reset();
                self.over = false;
            }
            Control::Drain => {
                self.emit(operator);
                operator.drained();
            }
            Control::End => {
                if !self.over && !self.step(operator, Directive::Finish)? {
                    return Ok(false);
                }
                self.emit(operator);
                operator.finish();
            }
        }
        Ok(true)
    }

    fn turn(&mut self, operator: &Operator) -> Result<Next, Failure> {
        let before = operator.meter.read().bytes_out;
        loop {
            if !operator.has_room() {
                return Ok(Next::Idle(Waiting::Room));
            }
            if operator.meter.read().bytes_out - before >= TURN_BYTES as u64 {
                return Ok(Next::Again);
            }
            if self.input.is_some() {
                self.step(operator, Directive::Run)?;
                continue;
            }
            if let Some(control) = self.control {
                if self.carry_out(operator, control)? {
                    self.control = None;
                }
                continue;
            }
            match operator.take() {
                Some(Input::Bytes(bytes) | Input::CheckedRows(bytes)) if self.over => {
                    operator.keep_remainder(&bytes)
                }
                Some(Input::Bytes(bytes) | Input::CheckedRows(bytes)) => self.input = Some((bytes, 0)),
                Some(Input::Control(control)) => self.control = Some(control),
                None => {
                    self.emit(operator);
                    return Ok(Next::Idle(Waiting::Input));
                }
            }
        }
    }
}

impl Driver for SerialDriver {
    fn lane(&self) -> Lane {
        Lane::Compute { ns_per_byte: self.ns_per_byte }
    }

    fn run(&mut self, operator: &Arc<Operator>) -> Next {
        match self.turn(operator) {
            Ok(next) => next,
            Err(failure) => {
                self.emit(operator);
                operator.fail(failure);
                Next::Idle(Waiting::Nothing)
            }
        }
    }

    fn state_bytes(&self) -> usize {
        self.stage.state_bytes()
    }
}
