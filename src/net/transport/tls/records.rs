//! Records on their way to a peer.

/// Bytes, one behind the other. What was written to once stays initialised: a vector would be filled with zeros again in front
/// of everything that is encrypted into it, a fiftieth of what sending a file costs.
#[derive(Debug, Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    used: usize,
}

impl Records {
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    pub fn len(&self) -> usize {
        self.used
    }

    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Forgets what there is, and keeps the memory.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// At least `bytes` of room behind what there is; [`advance`](Self::advance) says how many of them were written.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        let end = self.used + bytes;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.used..]
    }

    pub fn advance(&mut self, bytes: usize) {
        debug_assert!(self.used + bytes <= self.bytes.len());
        self.used += bytes;
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.advance(bytes.len());
    }
}
