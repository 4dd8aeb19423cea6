//! A body that goes straight into an operator's inbox, without JavaScript.

use super::*;
use crate::flow::{OnRoom, Operator};
use std::sync::Arc;

/// Where the body of the request under way goes.
pub(in super::super) struct Upload {
    operator: Arc<Operator>,
    /// Its inbox is full: the socket is not read.
    pub full: bool,
}

impl Upload {
    /// Feeds `operator` from now on, which calls `on_room` when it has room again.
    pub fn new(operator: &Arc<Operator>, on_room: OnRoom) -> Self {
        operator.begin_feed(on_room);
        Self { operator: Arc::clone(operator), full: false }
    }

    /// Hands on a piece of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.full = !self.operator.feed(bytes);
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.operator.end_feed();
    }
}

impl Connection {
    /// From now on the body that comes in goes into `operator`'s inbox. Returns whether it does: not where none comes.
    pub fn link_upload(&self, engine: &Engine, operator: &Arc<Operator>) -> bool {
        let mut state = self.state.borrow_mut();
        if !matches!(state.stage, Stage::Busy { complete: false, .. }) {
            return false;
        }
        let Some(on_room) = engine.room_bell(self.id) else { return false };
        // The one before ends its feeding before this begins.
        state.upload = None;
        state.upload = Some(Upload::new(operator, on_room));
        true
    }

    /// What comes from now on goes to JavaScript.
    pub fn unlink_upload(&self, engine: &Engine) {
        let after = {
            let mut state = self.state.borrow_mut();
            if state.upload.take().is_none() {
                return;
            }
            self.parse_inbox(engine, &mut state)
        };
        self.settle(engine, after);
    }

    /// Bytes of bodies that went straight to operators.
    pub fn fed(&self) -> u64 {
        self.state.borrow().fed
    }

    /// An inbox has room again, or had.
    pub fn room(&self, engine: &Engine) {
        let after = {
            let mut state = self.state.borrow_mut();
            let Some(upload) = &mut state.upload else { return };
            upload.full = false;
            self.parse_inbox(engine, &mut state)
        };
        self.settle(engine, after);
    }
}
