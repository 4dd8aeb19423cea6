//! Input that comes neither from JavaScript nor from another operator: a connection's bytes go straight into an inbox.

use super::*;

/// Told, from any thread, that a full inbox has room again. Must not block, nor call into the operator.
pub type OnRoom = Arc<dyn Fn() + Send + Sync>;

/// Who feeds an operator.
pub(super) struct Feeder {
    on_room: OnRoom,
    /// It was told that the inbox is full.
    waits: bool,
}

impl Feeder {
    /// What is to be called, where it waits and `queued` bytes are few enough. Half of the bound: fewer, larger turns.
    pub(super) fn wake(&mut self, queued: usize, bound: usize) -> Option<OnRoom> {
        let due = self.waits && queued <= bound / 2;
        self.waits &= !due;
        due.then(|| Arc::clone(&self.on_room))
    }
}

impl Operator {
    /// Somebody feeds this operator from now on: `on_room` is called once after each [`feed`](Self::feed) that found no
    /// more room, when there is.
    pub fn begin_feed(&self, on_room: OnRoom) {
        self.ports().feeder = Some(Feeder { on_room, waits: false });
    }

    /// Nobody does any more. What is in the inbox stays there.
    pub fn end_feed(&self) {
        self.ports().feeder = None;
    }

    /// Copies `bytes` into the inbox. Returns whether there is room for more: a bound of [`Bounds::link`], exceeded by one
    /// call at most. One that failed or is destroyed takes nothing, and has no room.
    pub fn feed(self: &Arc<Self>, bytes: &[u8]) -> bool {
        let room = {
            let mut guard = self.ports();
            let ports = &mut *guard;
            if ports.destroyed || ports.failure.is_some() {
                return false;
            }
            ports.append(bytes);
            let room = ports.inbox_bytes < self.bounds.link;
            if let Some(feeder) = &mut ports.feeder {
                feeder.waits = !room;
            }
            room
        };
        self.post.grow(bytes.len() as i64);
        self.schedule();
        room
    }
}
