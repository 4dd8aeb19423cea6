//! Bytes on their way to one peer.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

/// Pieces of one `writev`.
const SLICES: usize = 16;
/// A piece of ours that is at least this long is not appended to.
const CHUNK_BYTES: usize = 64 << 10;
/// Emptied pieces that are kept for any connection, and the capacity of each: 4 MiB in all at the most.
const SPARES: usize = 256;
const SPARE_BYTES: usize = 16 << 10;

/// Emptied buffers, for whoever writes next: an idle connection holds none.
#[derive(Default)]
pub(super) struct Spares(Vec<Vec<u8>>);

impl Spares {
    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    fn give(&mut self, mut buffer: Vec<u8>) {
        if self.0.len() < SPARES && buffer.capacity() <= SPARE_BYTES {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

enum Chunk {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// The queue of one connection. It has no bound of its own: its length is `bufferedAmount`, and JavaScript's to mind, as
/// in `ws`; `maxBufferedAmount` bounds it.
#[derive(Default)]
pub(super) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written.
    offset: usize,
    /// Bytes queued and not written.
    pending: usize,
    /// Bytes written since the start.
    written: u64,
    /// Where the sends end that want to be told of, as counted by `written`.
    tickets: VecDeque<u64>,
}

impl Outbox {
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Lets `fill` append to the last piece.
    pub fn append(&mut self, spares: &mut Spares, fill: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.chunks.back(), Some(Chunk::Own(bytes)) if bytes.len() < CHUNK_BYTES) {
            self.chunks.push_back(Chunk::Own(spares.take()));
        }
        if let Some(Chunk::Own(bytes)) = self.chunks.back_mut() {
            let before = bytes.len();
            fill(bytes);
            self.pending += bytes.len() - before;
        }
    }

    /// Appends bytes that many peers get.
    pub fn share(&mut self, bytes: Arc<Vec<u8>>) {
        self.pending += bytes.len();
        self.chunks.push_back(Chunk::Shared(bytes));
    }

    /// Whoever queued last wants to hear when all so far is written.
    pub fn mark(&mut self) {
        self.tickets.push_back(self.written + self.pending as u64);
    }

    /// Marks that were passed since the last call.
    pub fn passed(&mut self) -> u32 {
        let passed = self.tickets.iter().take_while(|&&end| end <= self.written).count();
        self.tickets.drain(..passed);
        passed as u32
    }

    /// The bytes to write next, in `slices`; returns how many slices.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let skip = if count == 0 { self.offset } else { 0 };
            *slice = IoSlice::new(&chunk.as_slice()[skip..]);
            count += 1;
        }
        count
    }

    /// Empty slices, to be gathered into.
    pub fn slices<'a>() -> [IoSlice<'a>; SLICES] {
        [IoSlice::new(&[]); SLICES]
    }

    /// The first `bytes` are written.
    pub fn advance(&mut self, bytes: usize, spares: &mut Spares) {
        self.pending -= bytes;
        self.written += bytes as u64;
        self.offset += bytes;
        while let Some(first) = self.chunks.front() {
            let length = first.as_slice().len();
            if self.offset < length {
                break;
            }
            self.offset -= length;
            if let Some(Chunk::Own(buffer)) = self.chunks.pop_front() {
                spares.give(buffer);
            }
        }
    }

    /// Takes all bytes out, as written.
    pub fn take(&mut self, spares: &mut Spares, each: &mut dyn FnMut(&[u8])) {
        let mut skip = self.offset;
        for chunk in &self.chunks {
            each(&chunk.as_slice()[skip..]);
            skip = 0;
        }
        self.advance(self.pending, spares);
    }

    /// Drops all.
    pub fn clear(&mut self) {
        *self = Self { written: self.written, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_however_the_socket_takes_them() {
        let (mut outbox, mut spares) = (Outbox::default(), Spares::default());
        outbox.append(&mut spares, |to| to.extend_from_slice(b"one "));
        outbox.mark();
        outbox.share(Arc::new(b"two ".to_vec()));
        outbox.append(&mut spares, |to| to.extend_from_slice(b"three"));
        outbox.mark();
        assert_eq!((outbox.pending(), outbox.passed()), (13, 0));
        let mut out = Vec::new();
        while outbox.pending() > 0 {
            let mut slices = Outbox::slices();
            let count = outbox.gather(&mut slices);
            let n = slices[0].len().min(3);
            out.extend_from_slice(&slices[0][..n]);
            assert!(count > 0);
            outbox.advance(n, &mut spares);
        }
        assert_eq!(out, b"one two three");
        assert_eq!(outbox.passed(), 2);
        assert_eq!(outbox.gather(&mut Outbox::slices()), 0);
    }

    #[test]
    fn a_mark_is_passed_when_its_last_byte_is_written() {
        let (mut outbox, mut spares) = (Outbox::default(), Spares::default());
        outbox.append(&mut spares, |to| to.extend_from_slice(b"ab"));
        outbox.mark();
        outbox.append(&mut spares, |to| to.extend_from_slice(b"cd"));
        outbox.mark();
        outbox.advance(1, &mut spares);
        assert_eq!(outbox.passed(), 0);
        outbox.advance(2, &mut spares);
        assert_eq!(outbox.passed(), 1);
        outbox.take(&mut spares, &mut |rest| assert_eq!(rest, b"d"));
        assert_eq!(outbox.passed(), 1);
    }
}
