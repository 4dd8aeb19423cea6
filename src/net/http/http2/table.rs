//! The numbers of streams.

use super::STREAM;
use crate::net::h2::StreamId;

#[derive(Debug, Clone, Copy)]
enum Slot {
    Free,
    /// A stream of that connection.
    Open(u32, StreamId),
    /// It is over; JavaScript has not let go of the number.
    Over,
}

/// Streams that JavaScript knows of, by their numbers.
#[derive(Debug, Default)]
pub(in super::super) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Table {
    /// A number for a stream of `connection`.
    pub fn insert(&mut self, connection: u32, stream: StreamId) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::Free);
            self.slots.len() as u32 - 1
        });
        self.slots[index as usize] = Slot::Open(connection, stream);
        STREAM | index
    }

    /// The connection and the stream of number `id`, where it is open.
    pub fn get(&self, id: u32) -> Option<(u32, StreamId)> {
        match self.slots.get((id & !STREAM) as usize) {
            Some(&Slot::Open(connection, stream)) => Some((connection, stream)),
            _ => None,
        }
    }

    /// The stream is over; its number stays taken.
    pub fn over(&mut self, id: u32) {
        if let Some(slot @ Slot::Open(..)) = self.slots.get_mut((id & !STREAM) as usize) {
            *slot = Slot::Over;
        }
    }

    /// The number may be used again.
    pub fn release(&mut self, id: u32) {
        let index = id & !STREAM;
        if let Some(slot) = self.slots.get_mut(index as usize)
            && !matches!(slot, Slot::Free)
        {
            *slot = Slot::Free;
            self.free.push(index);
        }
    }
}
