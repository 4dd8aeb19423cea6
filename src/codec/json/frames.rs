//! Rows in batches for a JavaScript reader, which calls `JSON.parse` once for each.
//!
//! A batch is, all numbers u32 little-endian:
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | length of the text in bytes |
//! | 4 | number of rows, at least 1 |
//! | 4 | flags: bit 0 is set where the text has one byte a character (Latin-1), else it is UTF-8 |
//! | … | the text: a JSON array of the rows |
//!
//! Batches follow one another without padding. How rows are grouped into batches depends on how the stream was cut; the
//! rows do not.

use super::fault::{Fault, Problem};
use super::one_byte::to_one_byte;
use super::options::RowOptions;
use super::rows::{RowWork, run_rows};
use super::scan::Scanner;
use crate::codec::{BlockJob, BlockStage, Cut, Report};

/// Bytes in front of a batch's text.
pub const HEADER_BYTES: usize = 12;
/// Most bytes of rows in a batch, unless it is one row that is longer.
pub const BATCH_TEXT: usize = 64 << 10;
/// The batch's text has one byte a character.
pub const FLAG_ONE_BYTE: u32 = 1;

/// Hands valid rows to JavaScript in batches. See [`super`] for blank rows, line ends and the BOM.
#[derive(Debug, Clone, Default)]
pub struct FrameRows {
    options: RowOptions,
    refuse_null: bool,
}

impl FrameRows {
    /// A stage with these options. The longest row must be shorter than 4 GiB.
    pub fn new(options: RowOptions) -> Self {
        Self { options, refuse_null: false }
    }

    /// For readers that take values one by one: a row `null` is a bad row, since a Node stream takes it for its end.
    #[must_use]
    pub fn refuse_null(self, refuse_null: bool) -> Self {
        Self { refuse_null, ..self }
    }
}

impl BlockStage for FrameRows {
    fn cut(&self) -> Cut {
        self.options.cut()
    }

    fn run(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        // Whitespace around values goes, a comma takes the place of each LF: headers and brackets alone are more.
        let batches = job.bytes.len() / (BATCH_TEXT / 2) + 1;
        out.reserve(job.bytes.len() + batches * (HEADER_BYTES + 2));
        let mut framer = Framer {
            scanner: Scanner::default(),
            start: None,
            rows: 0,
            refuse_null: self.refuse_null,
            scratch: Vec::new(),
        };
        let report = run_rows(&self.options, job, out, &mut framer);
        framer.end_batch(out);
        report
    }

    fn cost_ns_per_byte(&self) -> f32 {
        1.0
    }
}

struct Framer {
    scanner: Scanner,
    /// Where the open batch's header stands in the output.
    start: Option<usize>,
    rows: u32,
    refuse_null: bool,
    scratch: Vec<u8>,
}

impl Framer {
    fn add(&mut self, row: &[u8], out: &mut Vec<u8>) {
        if self.start.is_some_and(|start| out.len() - start - HEADER_BYTES + row.len() + 2 > BATCH_TEXT) {
            self.end_batch(out);
        }
        if self.start.is_none() {
            self.start = Some(out.len());
            out.extend_from_slice(&[0; HEADER_BYTES]);
            out.push(b'[');
        } else {
            out.push(b',');
        }
        out.extend_from_slice(row);
        self.rows += 1;
    }

    fn end_batch(&mut self, out: &mut Vec<u8>) {
        let Some(start) = self.start.take() else { return };
        out.push(b']');
        let flags = if to_one_byte(out, start + HEADER_BYTES, &mut self.scratch) { FLAG_ONE_BYTE } else { 0 };
        let length = out.len() - start - HEADER_BYTES;
        let numbers = [length as u32, std::mem::take(&mut self.rows), flags];
        for (slot, number) in out[start..].as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
            *slot = number.to_le_bytes();
        }
    }
}

impl RowWork for Framer {
    const VERBATIM: bool = false;

    #[inline]
    fn row(&mut self, text: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
        let row = self.scanner.check(text, start)?;
        if self.refuse_null && text[row.value_start] == b'n' {
            return Err(Fault::new(row.value_start, Problem::Null));
        }
        self.add(&text[row.value_start..row.value_end], out);
        Ok(row.end)
    }
}
