//! Cuts a stream of buffers into the blocks that a [`BlockStage`](super::BlockStage) asks for.
//!
//! Copies: a buffer that comes when nothing is pending is kept as the block itself; only its tail behind the last
//! boundary (part of one row) is copied. A buffer that comes when something is pending is copied once, behind it.
//! Moving the pending bytes in front of the new ones would copy as much; handing on the pending row as a block of
//! its own would copy less, and cost a block per buffer. [`Cutter::recycle`] and [`Cutter::take_spare`] keep the
//! same few buffers going round, so that steady work allocates nothing.
//!
//! Work is linear in the stream, whatever the length of rows, buffers and blocks: every byte is searched once, and
//! copied a few times at most.

use memchr::{memchr, memrchr};

use super::{Cut, LongPart};

/// Empty buffers kept for reuse, at most.
const SPARES: usize = 4;
/// Smaller buffers are not worth keeping.
const SMALLEST_SPARE: usize = 4096;

/// A piece of the stream, ready for a block stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutBlock {
    /// The block.
    pub bytes: Vec<u8>,
    /// Position of its first byte in the stream.
    pub offset: u64,
    /// The first block of the stream.
    pub first: bool,
    /// Part of a row that is longer than `max`; its line end is dropped, and so is the rest unless the cut asks for it.
    pub overlong: Option<LongPart>,
    /// All of it was pushed by [`Cutter::push_checked`].
    pub checked: bool,
}

/// Cuts a stream as one [`Cut`] asks.
///
/// After each [`push`](Self::push), call [`next`](Self::next) until it gives `None`; at the end of the stream do
/// so once more, then call [`finish`](Self::finish).
///
/// Rows end with LF alone; CR, U+2028 and the like are bytes like any other. The limit on a row counts its bytes
/// without the line end, and a CR right before the LF is part of the line end. (So is, for the limit alone, a CR that
/// is the very last byte of the stream and lies just beyond the limit.)
#[derive(Debug)]
pub struct Cutter {
    cut: Cut,
    target: usize,
    /// What is pending is `buffer[head..]`.
    buffer: Vec<u8>,
    head: usize,
    /// Rows: everything from `head` to here is whole rows within the limit. Index into `buffer`.
    complete: usize,
    /// Rows: no LF between `complete` and here. Index into `buffer`.
    searched: usize,
    /// Rows: the row at `complete` is over the limit.
    overlong: bool,
    /// Rows: the rest of an overlong row is being dropped; nothing is pending.
    dropping: bool,
    /// Rows: what is pending is the rest of an overlong row, and perhaps rows behind it.
    in_rest: bool,
    /// Position of `buffer[head]` in the stream.
    offset: u64,
    first: bool,
    /// What is pending came by `push_checked`.
    checked: bool,
    spares: Vec<Vec<u8>>,
}

impl Cutter {
    /// A cutter at the start of a stream. `target_bytes` is about how much a full block of rows or characters holds.
    pub fn new(cut: Cut, target_bytes: usize) -> Self {
        Self {
            cut,
            target: target_bytes,
            buffer: Vec::new(),
            head: 0,
            complete: 0,
            searched: 0,
            overlong: false,
            dropping: false,
            in_rest: false,
            offset: 0,
            first: true,
            checked: false,
            spares: Vec::new(),
        }
    }

    /// Changes the size of full blocks from here on. What comes out of the stage does not depend on it.
    pub fn set_target(&mut self, target_bytes: usize) {
        self.target = target_bytes;
    }

    /// Bytes that were pushed and neither handed on nor dropped. At most the target (or the longest row) and one pushed
    /// buffer, as long as `next` is called after each push.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.head
    }

    /// Bytes that can be put behind what is pending without moving it.
    pub fn pending_room(&self) -> usize {
        self.buffer.capacity() - self.buffer.len()
    }

    /// An emptied buffer for the caller to fill and push, if there is one.
    pub fn take_spare(&mut self) -> Option<Vec<u8>> {
        let smallest = (0..self.spares.len()).min_by_key(|&i| self.spares[i].capacity())?;
        Some(self.spares.swap_remove(smallest))
    }

    /// Takes back the buffer of a block that is done with.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() >= SMALLEST_SPARE && self.spares.len() < SPARES {
            buffer.clear();
            self.spares.push(buffer);
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: Vec<u8>) {
        self.put(bytes, false);
    }

    /// Takes the next bytes of the stream, which are whole rows that were checked before.
    pub fn push_checked(&mut self, bytes: Vec<u8>) {
        self.put(bytes, true);
    }

    fn put(&mut self, bytes: Vec<u8>, checked: bool) {
        // A row that was begun by what nobody checked makes the buffer that ends it as doubtful.
        self.checked =
            checked && !self.dropping && !self.in_rest && (self.checked || self.pending_bytes() == 0);
        let mut start = 0;
        if self.dropping {
            let dropped = memchr(b'\n', &bytes).map(|at| at + 1);
            self.dropping = dropped.is_none();
            start = dropped.unwrap_or(bytes.len());
            self.offset += start as u64;
        }
        if start == bytes.len() {
            self.recycle(bytes);
        } else if self.pending_bytes() == 0 {
            let empty = std::mem::replace(&mut self.buffer, bytes);
            self.recycle(empty);
            self.start_at(start);
        } else {
            self.append(&bytes);
            self.recycle(bytes);
        }
    }

    /// The next block, if there is one: a full one, or, where `eager`, whatever whole rows or characters there are.
    /// An overlong row, and the rows before it, count as full. A fixed cut gives only blocks of its size.
    pub fn next(&mut self, eager: bool) -> Option<CutBlock> {
        let pending = self.pending_bytes();
        let enough = eager || pending >= self.target;
        match self.cut {
            Cut::Fixed { bytes } => {
                (pending >= bytes && pending > 0).then(|| self.block(self.head + bytes.max(1)))
            }
            Cut::Characters => {
                let end = self.buffer.len() - incomplete_character(&self.buffer[self.head..]);
                (enough && end > self.head).then(|| self.block(end))
            }
            Cut::Rows { .. } if self.in_rest => self.rest_block(enough),
            Cut::Rows { max, rest } => {
                self.search(max);
                if self.complete > self.head {
                    (enough || self.overlong).then(|| self.block(self.complete))
                } else if self.overlong {
                    Some(self.overlong_block(max, rest))
                } else {
                    None
                }
            }
        }
    }

    /// What a flush must push out: all that is pending where the cut is fixed, otherwise as an eager
    /// [`next`](Self::next), since half a row or character cannot be mapped.
    pub fn flush(&mut self) -> Option<CutBlock> {
        match self.cut {
            Cut::Fixed { .. } => {
                let full = self.next(false);
                full.or_else(|| (self.pending_bytes() > 0).then(|| self.block(self.buffer.len())))
            }
            Cut::Rows { .. } | Cut::Characters => self.next(true),
        }
    }

    /// The last block: all that is pending, perhaps nothing. The cutter is used up then.
    ///
    /// # Panics
    /// If `next` still had an overlong row or a full fixed block to give.
    pub fn finish(&mut self) -> CutBlock {
        match self.cut {
            Cut::Rows { .. } if self.in_rest => return self.last_of_rest(self.buffer.len(), 0),
            Cut::Rows { max, .. } => {
                self.search(max);
                assert!(!self.overlong, "overlong rows must be taken before finish");
            }
            Cut::Fixed { bytes } => {
                assert!(self.pending_bytes() <= bytes, "full blocks must be taken before finish")
            }
            Cut::Characters => {}
        }
        self.block(self.buffer.len())
    }

    /// Puts `bytes` behind what is pending.
    fn append(&mut self, bytes: &[u8]) {
        if self.head > 0 {
            self.buffer.drain(..self.head);
            self.complete -= self.head;
            self.searched = self.searched.saturating_sub(self.head);
            self.head = 0;
        }
        let need = self.buffer.len() + bytes.len();
        if need > self.buffer.capacity() {
            let mut larger = self.spare(need);
            if larger.capacity() < need {
                // Double, but neither overshoot a block nor a row of the greatest length.
                let enough = self.target.saturating_add(bytes.len());
                let most = match self.cut {
                    Cut::Rows { max, .. } if need > enough => {
                        max.saturating_add(2).saturating_add(bytes.len())
                    }
                    _ => enough,
                };
                let room = (2 * self.buffer.capacity()).min(most).max(need);
                self.buffer.reserve_exact(room - self.buffer.len());
            } else {
                larger.extend_from_slice(&self.buffer);
                let smaller = std::mem::replace(&mut self.buffer, larger);
                self.recycle(smaller);
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Looks for row ends in the bytes that came since the last search, and for a row over `max`.
    ///
    /// The last LF within the longest row that may follow ends some row, and all rows up to it are within the limit: so
    /// one search from the back does for `max` bytes, however many rows they hold.
    fn search(&mut self, max: usize) {
        let length = self.buffer.len();
        while !self.overlong {
            let window = self.complete.saturating_add(max).saturating_add(1);
            let end = window.min(length);
            let from = self.searched.clamp(self.complete, end);
            if let Some(at) = memrchr(b'\n', &self.buffer[from..end]) {
                self.complete = from + at + 1;
                self.searched = end;
                if end == length {
                    return;
                }
                continue;
            }
            self.searched = end;
            if length < window {
                return;
            }
            // A whole window without LF: too long, unless its last byte is the CR of a line end.
            if self.buffer[window - 1] != b'\r' {
                self.overlong = true;
            } else if length == window {
                return;
            } else if self.buffer[window] == b'\n' {
                self.complete = window + 1;
                self.searched = window + 1;
            } else {
                self.overlong = true;
            }
        }
    }

    /// Hands on the first `max` bytes of the row at `head`. Unless the rest is to come, drops it as far as it is here.
    fn overlong_block(&mut self, max: usize, rest: bool) -> CutBlock {
        self.overlong = false;
        let first = &self.buffer[self.head..self.head + max];
        let length = if rest { max - incomplete_character(first) } else { max };
        let block =
            CutBlock { overlong: Some(LongPart::First), checked: false, ..self.block(self.head + length) };
        if rest {
            self.in_rest = true;
            self.start_at(self.head);
            return block;
        }
        let rest = &self.buffer[self.head..];
        let dropped = memchr(b'\n', rest).map(|at| at + 1);
        self.dropping = dropped.is_none();
        let dropped = dropped.unwrap_or(rest.len());
        self.offset += dropped as u64;
        self.start_at(self.head + dropped);
        block
    }

    /// The next part of an overlong row: up to its end if that is here. A CR may be part of its line end, and waits.
    fn rest_block(&mut self, enough: bool) -> Option<CutBlock> {
        let from = self.searched.max(self.head);
        if let Some(at) = memchr(b'\n', &self.buffer[from..]) {
            return Some(self.last_of_rest(from + at, 1));
        }
        self.searched = self.buffer.len();
        let pending = &self.buffer[self.head..];
        let kept = if pending.ends_with(b"\r") { 1 } else { incomplete_character(pending) };
        let end = self.buffer.len() - kept;
        (enough && end > self.head).then(|| CutBlock {
            overlong: Some(LongPart::More),
            checked: false,
            ..self.block(end)
        })
    }

    /// The last part of an overlong row, which ends at `end` with a line end of `lf` bytes and perhaps a CR before.
    fn last_of_rest(&mut self, end: usize, lf: usize) -> CutBlock {
        self.in_rest = false;
        let cr = usize::from(self.buffer[self.head..end].ends_with(b"\r"));
        let block = CutBlock { overlong: Some(LongPart::Last), checked: false, ..self.block(end - cr) };
        self.offset += (cr + lf) as u64;
        self.start_at((self.head + cr + lf).min(self.buffer.len()));
        block
    }

    /// Hands on `buffer[head..end]`, by copying the lesser part: the block or what stays behind.
    fn block(&mut self, end: usize) -> CutBlock {
        let length = end - self.head;
        let rest = self.buffer.len() - end;
        let bytes = if self.head == 0 && rest <= length {
            let mut next = if rest > 0 { self.spare(rest) } else { Vec::new() };
            next.extend_from_slice(&self.buffer[end..]);
            self.buffer.truncate(end);
            self.complete = self.complete.saturating_sub(end);
            self.searched = self.searched.saturating_sub(end);
            std::mem::replace(&mut self.buffer, next)
        } else {
            let mut block = self.spare(length);
            block.extend_from_slice(&self.buffer[self.head..end]);
            self.head = end;
            self.complete = self.complete.max(end);
            if rest == 0 {
                self.buffer.clear();
                self.start_at(0);
            }
            block
        };
        let offset = self.offset;
        self.offset += length as u64;
        let checked = self.checked && length > 0;
        CutBlock { bytes, offset, first: std::mem::take(&mut self.first), overlong: None, checked }
    }

    /// Makes `buffer[at..]` what is pending, with nothing known of it.
    fn start_at(&mut self, at: usize) {
        self.head = at;
        self.complete = at;
        self.searched = at;
    }

    /// An empty buffer, with room for `bytes` if a spare one has it.
    fn spare(&mut self, bytes: usize) -> Vec<u8> {
        let largest = (0..self.spares.len()).max_by_key(|&i| self.spares[i].capacity());
        match largest {
            Some(i) if self.spares[i].capacity() >= bytes => self.spares.swap_remove(i),
            _ => Vec::new(),
        }
    }
}

/// Bytes (0 to 3) at the end of `bytes` that may be the start of a UTF-8 sequence. Cutting before them never splits a
/// character, nor a run of bytes that decoders replace as one.
pub(super) fn incomplete_character(bytes: &[u8]) -> usize {
    for (before, &byte) in bytes.iter().rev().take(3).enumerate() {
        let needs = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        return if needs > before + 1 { before + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests;
