//! Rows in batches for a JavaScript reader, which calls `JSON.parse` once for each.
//!
//! A batch is, all numbers u32 little-endian:
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | length of what follows the header in bytes |
//! | 4 | number of rows, at least 1 |
//! | 4 | flags: [`FLAG_ONE_BYTE`], [`FLAG_SHAPED`], [`FLAG_TELLS`] |
//! | … | the text: a JSON array of the rows |
//! | … | of a shaped batch: one byte a row, the number of its shape; 0 for none |
//!
//! In the text of a shaped batch, a row with a shape is the values of its members alone, as elements of the array; a row
//! without is itself. The last element of one that tells of shapes is no row, but an array of `[number, ...keys]`: shapes
//! that the batch is the first to use, or perhaps was told of before.
//!
//! Batches follow one another without padding. How rows are grouped into batches depends on how the stream was cut, and
//! what has a shape on which block was first; the rows do not.

use super::fault::{Fault, Problem};
use super::one_byte::to_one_byte;
use super::options::RowOptions;
use super::rows::{RowWork, run_rows};
use super::scan::Scanner;
use super::shapes::{Recogniser, Shapes};
use crate::codec::{BlockJob, BlockStage, Cut, Report};

/// Bytes in front of a batch's text.
pub const HEADER_BYTES: usize = 12;
/// Most bytes of rows in a batch, unless it is one row that is longer.
pub const BATCH_TEXT: usize = 64 << 10;
/// The batch's text has one byte a character (Latin-1); else it is UTF-8.
pub const FLAG_ONE_BYTE: u32 = 1;
/// Numbers of shapes follow the text.
pub const FLAG_SHAPED: u32 = 2;
/// The text's last element tells of shapes.
pub const FLAG_TELLS: u32 = 4;

/// Hands valid rows to JavaScript in batches. See [`super`] for blank rows, line ends and the BOM.
#[derive(Debug, Clone, Default)]
pub struct FrameRows {
    options: RowOptions,
    refuse_null: bool,
    shapes: Option<Shapes>,
}

impl FrameRows {
    /// A stage with these options. The longest row must be shorter than 4 GiB.
    pub fn new(options: RowOptions) -> Self {
        Self { options, refuse_null: false, shapes: None }
    }

    /// For readers that take values one by one: a row `null` is a bad row, since a Node stream takes it for its end.
    #[must_use]
    pub fn refuse_null(self, refuse_null: bool) -> Self {
        Self { refuse_null, ..self }
    }

    /// For readers that build objects by shapes: rows of the same keys need not repeat them.
    #[must_use]
    pub fn shaped(self, shaped: bool) -> Self {
        Self { shapes: shaped.then(Shapes::default), ..self }
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
        let batch = Batch {
            start: None,
            rows: 0,
            shaped: false,
            numbers: Vec::new(),
            told: Vec::new(),
            scratch: Vec::new(),
        };
        let (scanner, refuse_null) = (Scanner::default(), self.refuse_null);
        match &self.shapes {
            None => {
                let mut framer = Framer { scanner, refuse_null, batch };
                let report = run_rows(&self.options, job, out, &mut framer);
                framer.batch.end(out);
                report
            }
            Some(shapes) => {
                let recogniser = Recogniser::new(shapes);
                let mut framer =
                    ShapedFramer { scanner, refuse_null, batch, recogniser, offset: job.offset, told: 0 };
                let report = run_rows(&self.options, job, out, &mut framer);
                framer.batch.end(out);
                report
            }
        }
    }

    fn cost_ns_per_byte(&self) -> f32 {
        1.0
    }
}

/// The batch that is being written.
struct Batch {
    /// Where the header stands in the output.
    start: Option<usize>,
    rows: u32,
    /// A row of it has a shape.
    shaped: bool,
    /// The rows' shapes.
    numbers: Vec<u8>,
    /// Shapes to tell of, as JSON, a comma behind each.
    told: Vec<u8>,
    scratch: Vec<u8>,
}

impl Batch {
    /// Makes room for a row of up to so many bytes of text.
    #[inline]
    fn open(&mut self, bytes: usize, out: &mut Vec<u8>) {
        if self.start.is_some_and(|start| out.len() - start - HEADER_BYTES + bytes + 2 > BATCH_TEXT) {
            self.end(out);
        }
        if self.start.is_none() {
            self.start = Some(out.len());
            out.extend_from_slice(&[0; HEADER_BYTES]);
            out.push(b'[');
        } else {
            out.push(b',');
        }
        self.rows += 1;
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let Some(start) = self.start.take() else { return };
        let mut flags = 0;
        if self.told.pop().is_some() {
            flags |= FLAG_TELLS;
            out.extend_from_slice(b",[");
            out.append(&mut self.told);
            out.push(b']');
        }
        out.push(b']');
        if to_one_byte(out, start + HEADER_BYTES, &mut self.scratch) {
            flags |= FLAG_ONE_BYTE;
        }
        if std::mem::take(&mut self.shaped) {
            flags |= FLAG_SHAPED;
            out.extend_from_slice(&self.numbers);
        }
        self.numbers.clear();
        let length = out.len() - start - HEADER_BYTES;
        let numbers = [length as u32, std::mem::take(&mut self.rows), flags];
        for (slot, number) in out[start..].as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
            *slot = number.to_le_bytes();
        }
    }
}

struct Framer {
    scanner: Scanner,
    refuse_null: bool,
    batch: Batch,
}

impl RowWork for Framer {
    const VERBATIM: bool = false;

    #[inline]
    fn row(&mut self, text: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
        let row = self.scanner.check(text, start)?;
        if self.refuse_null && text[row.value_start] == b'n' {
            return Err(Fault::new(row.value_start, Problem::Null));
        }
        self.batch.open(row.value_end - row.value_start, out);
        out.extend_from_slice(&text[row.value_start..row.value_end]);
        Ok(row.end)
    }
}

struct ShapedFramer<'a> {
    scanner: Scanner,
    refuse_null: bool,
    batch: Batch,
    recogniser: Recogniser<'a>,
    /// The block's place in the stream.
    offset: u64,
    /// Shapes that the block has told of or need not tell of: one bit each.
    told: u128,
}

impl RowWork for ShapedFramer<'_> {
    const VERBATIM: bool = false;

    #[inline]
    fn row(&mut self, text: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
        let row = self.scanner.members(text, start)?;
        if self.refuse_null && text[row.value_start] == b'n' {
            return Err(Fault::new(row.value_start, Problem::Null));
        }
        self.batch.open(row.value_end - row.value_start, out);
        // The members of objects within an array are not noted.
        let members = &self.scanner.found[..];
        match self.recogniser.shape(text, members) {
            None => {
                self.batch.numbers.push(0);
                out.extend_from_slice(&text[row.value_start..row.value_end]);
            }
            Some(shape) => {
                self.batch.numbers.push(shape.number);
                self.batch.shaped = true;
                let bit = 1 << shape.number;
                if self.told & bit == 0 {
                    self.told |= bit;
                    if shape.told_by(self.offset) {
                        self.batch.told.extend_from_slice(&shape.json);
                        self.batch.told.push(b',');
                    }
                }
                for (i, member) in members.iter().enumerate() {
                    if i != 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(&text[member.value_start..member.value_end]);
                }
            }
        }
        Ok(row.end)
    }
}
