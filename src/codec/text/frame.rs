//! Lines in batches for a JavaScript reader, which makes one string of a batch and slices it.
//!
//! A batch is, all numbers u32 little-endian:
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | length of the text in bytes |
//! | 4 | number of lines, at least 1 |
//! | 4 | flags: bit 0 is set where all of the text is ASCII, so that offsets in bytes are offsets in the string |
//! | 4 × lines | where each line ends in the text, in bytes; it starts where the one before ends |
//! | … | the text: the lines one after another, nothing between them |
//!
//! Batches follow one another without padding. How lines are grouped into batches depends on how the stream was cut;
//! the lines do not.

/// Bytes in front of a batch's line ends.
pub const HEADER_BYTES: usize = 12;
/// Most bytes of text in a batch, unless it is one line that is longer.
pub const BATCH_TEXT: usize = 64 << 10;
/// Most lines in a batch: empty lines have no text to count.
pub const BATCH_LINES: usize = 8192;
/// All of the batch's text is ASCII.
pub const FLAG_ASCII: u32 = 1;

/// Appends lines to `out` in batches.
pub(super) struct Framer<'a> {
    out: &'a mut Vec<u8>,
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl<'a> Framer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, text: Vec::with_capacity(BATCH_TEXT), ends: Vec::with_capacity(1024) }
    }

    /// Adds one line, of less than 4 GiB.
    pub(super) fn line(&mut self, line: &[u8]) {
        if self.text.len() + line.len() > BATCH_TEXT || self.ends.len() == BATCH_LINES {
            self.end_batch();
        }
        self.text.extend_from_slice(line);
        self.ends.push(self.text.len() as u32);
    }

    /// Adds to the line that was added last.
    pub(super) fn more_of_line(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
        if let Some(end) = self.ends.last_mut() {
            *end = self.text.len() as u32;
        }
    }

    /// Writes what was added as a batch.
    pub(super) fn end_batch(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let flags = if self.text.is_ascii() { FLAG_ASCII } else { 0 };
        self.out.reserve(HEADER_BYTES + 4 * self.ends.len() + self.text.len());
        for number in [self.text.len() as u32, self.ends.len() as u32, flags] {
            self.out.extend_from_slice(&number.to_le_bytes());
        }
        self.out.extend(self.ends.iter().flat_map(|end| end.to_le_bytes()));
        self.out.extend_from_slice(&self.text);
        self.text.clear();
        self.ends.clear();
    }
}
