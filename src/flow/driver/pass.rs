//! Hands input on as it is: the native end of a stage whose work is in JavaScript (`stringify`).

use super::{Driver, Lane, Next};
use crate::flow::meter::Waiting;
use crate::flow::operator::{Control, Input, Operator};
use std::sync::Arc;

/// Hands input on as it is.
pub struct PassDriver;

impl Driver for PassDriver {
    fn lane(&self) -> Lane {
        Lane::Compute { ns_per_byte: 0.05 }
    }

    fn run(&mut self, operator: &Arc<Operator>) -> Next {
        loop {
            if !operator.has_room() {
                return Next::Idle(Waiting::Room);
            }
            match operator.take() {
                Some(Input::Bytes(bytes) | Input::CheckedRows(bytes)) => operator.emit(bytes),
                Some(Input::Control(control)) => carry_out(operator, control),
                None => return Next::Idle(Waiting::Input),
            }
        }
    }
}

/// The controls of a stage that holds nothing back.
pub(super) fn carry_out(operator: &Operator, control: Control) {
    match control {
        Control::Flush(_, ticket)
        | Control::Params(_, _, ticket)
        | Control::Finish(ticket)
        | Control::Mark(ticket) => operator.emit_mark(ticket),
        Control::Drain => operator.drained(),
        Control::End => operator.finish(),
        Control::Reset => {}
    }
}
