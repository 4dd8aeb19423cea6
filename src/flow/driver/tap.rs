//! Runs a [`Tap`]: buffers are looked at and handed on, never copied.

use super::pass::carry_out;
use super::{Driver, Lane, Next};
use crate::codec::Tap;
use crate::flow::meter::Waiting;
use crate::flow::operator::{Control, Input, Operator};
use std::sync::Arc;

/// Bytes in one turn; others come first then.
const TURN_BYTES: usize = 4 << 20;

/// Runs a [`Tap`].
pub struct TapDriver {
    tap: Box<dyn Tap>,
    ns_per_byte: f32,
}

impl TapDriver {
    /// Runs `tap`, whose work is about `ns_per_byte`.
    pub fn new(tap: Box<dyn Tap>, ns_per_byte: f32) -> Self {
        Self { tap, ns_per_byte }
    }
}

impl Driver for TapDriver {
    fn lane(&self) -> Lane {
        Lane::Compute { ns_per_byte: self.ns_per_byte }
    }

    fn run(&mut self, operator: &Arc<Operator>) -> Next {
        let mut seen = 0;
        loop {
            if !operator.has_room() {
                return Next::Idle(Waiting::Room);
            }
            if seen >= TURN_BYTES {
                return Next::Again;
            }
            match operator.take() {
                Some(Input::Bytes(bytes) | Input::CheckedRows(bytes)) => {
                    self.tap.see(&bytes);
                    seen += bytes.len();
                    operator.emit(bytes);
                }
                Some(Input::Control(control)) => {
                    if control == Control::End {
                        operator.set_result(self.tap.finish());
                    }
                    carry_out(operator, control);
                }
                None => return Next::Idle(Waiting::Input),
            }
        }
    }
}
