//! The contract between stages and the executors that run them.

use super::CodecError;
use std::ops::Range;

/// zlib's flush kinds (RFC 1951 leaves them to the implementation; zlib.h names them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushKind {
    /// `Z_PARTIAL_FLUSH`
    Partial,
    /// `Z_SYNC_FLUSH`
    Sync,
    /// `Z_FULL_FLUSH`
    Full,
    /// `Z_BLOCK`
    Block,
}

/// What a serial stage is to do beside consuming its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// Consume input; emit what is ready.
    Run,
    /// Consume input, then make all of it readable downstream.
    Flush(FlushKind),
    /// Consume input, then end the stream: flush state, write trailers, complain of truncation.
    Finish,
}

/// Why a step returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All input is consumed and the directive is carried out.
    Done,
    /// `out` reached its limit: call again with the rest of the input and the same directive.
    OutputFull,
    /// The format's own end was met; input beyond `consumed` is not part of it. Final.
    End,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that were used up.
    pub consumed: usize,
    /// Why the step returned.
    pub status: Status,
}

/// A resumable transform over partial buffers. Blocks must reach it in order, one at a time.
pub trait SerialStage: Send {
    /// Consumes from `input` and appends to `out`, which must not grow beyond `limit` bytes in all (the
    /// executor reserves `limit` beforehand, so that a step need not allocate).
    ///
    /// A step must make progress: with a non-empty input or an unfinished directive, and `out.len() < limit`,
    /// it consumes or produces at least one byte, or returns `Done` or `End`. Where one unit of output is larger than the
    /// room (a UTF-8 character, say), `out` may exceed `limit` by at most 16 bytes.
    ///
    /// # Errors
    /// Whatever the format forbids; offsets count from the start of the stream. What was appended to `out`
    /// before the error is valid and is delivered before the error is raised.
    fn step(
        &mut self,
        input: &[u8],
        directive: Directive,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<Progress, CodecError>;

    /// Back to the state of a new stage (zlib's `reset`).
    fn reset(&mut self);

    /// zlib's `deflateParams`; only deflate has it. The executor flushes with `FlushKind::Sync` first.
    ///
    /// # Errors
    /// `ZStream` where the stage has no such parameters.
    fn params(&mut self, _level: i32, _strategy: i32) -> Result<(), CodecError> {
        Err(CodecError::new(super::ErrorKind::ZStream, "this stage has no parameters"))
    }

    /// Bytes of native memory that the state holds, for the report to V8. Constant for the stage's life.
    fn state_bytes(&self) -> usize;
}

/// A pass-through that looks at the bytes.
pub trait Tap: Send {
    /// Sees the next bytes of the stream.
    fn see(&mut self, bytes: &[u8]);

    /// Called once after the last byte; the result reaches JavaScript as text (JSON) beside the stream's end.
    fn finish(&mut self) -> Option<String>;
}

/// What a row stage does with a row that is longer than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongRow {
    /// The stream fails with `LineTooLong`.
    Error,
    /// The row is left out, and reported as a reject where the stage has rejects.
    Skip,
    /// The first `max` bytes are kept.
    Truncate,
}

/// Where a block stage wants its input cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Blocks of exactly `bytes` bytes, but for the last and for those cut short by a flush.
    Fixed {
        /// Bytes in a block.
        bytes: usize,
    },
    /// Whole rows: each block ends with LF, but for the last. A row over `max` bytes (without its line end) comes as
    /// a block of its own, cut to its first `max` bytes and marked [`BlockJob::overlong`].
    Rows {
        /// Longest row in bytes.
        max: usize,
        /// The rest of a row over `max` comes too, in blocks of any size that do not split characters. Otherwise it is
        /// dropped.
        rest: bool,
    },
    /// Anywhere that does not split a UTF-8 character.
    Characters,
}

/// Which part of a row over the limit a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongPart {
    /// Its first bytes, as many as the limit; where more of it comes, fewer if the limit would split a character.
    First,
    /// Bytes that follow. Only where the cut asks for the rest.
    More,
    /// Its last bytes, perhaps none, without the line end. Only where the cut asks for the rest.
    Last,
}

/// One block on its way through a block stage.
#[derive(Debug, Clone, Copy)]
pub struct BlockJob<'a> {
    /// The bytes, cut as the stage asked.
    pub bytes: &'a [u8],
    /// Where they start in the stage's input.
    pub offset: u64,
    /// The first block of the stream (a BOM may be here).
    pub first: bool,
    /// The last block of the stream; it may be empty.
    pub last: bool,
    /// The block is part of one row that is longer than the cut allows, without a line end. The stage meets it with its
    /// [`LongRow`] policy.
    pub overlong: Option<LongPart>,
    /// Milliseconds since the epoch when the block was cut: `codec` has no clock of its own.
    pub now_ms: i64,
}

/// A row that a row stage left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Rows of the block before this one; the joiner makes it a line number of the stream.
    pub row_in_block: u64,
    /// Byte offset of the row's first byte in the stream.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
    /// The row's bytes without the line end, or those of this part that are to be kept.
    pub row: Vec<u8>,
    /// Which part it is of a row over the limit; none where the row is whole. Only the first has a reason.
    pub part: Option<LongPart>,
    /// Bytes of this part, kept or not.
    pub length: usize,
}

/// What a block stage found out about one block.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows in the block's input; 0 for stages that know no rows.
    pub rows_in: u64,
    /// Rows in the block's output.
    pub rows_out: u64,
    /// Checksum of the block's input, for formats with a trailer.
    pub check: u32,
    /// Bytes of the block's input.
    pub bytes_in: u64,
    /// The output is whole rows, each a JSON text in UTF-8 that ends with LF; none is blank.
    pub checked: bool,
    /// Rows left out.
    pub rejected: u64,
    /// Those of them that are to be reported, in order.
    pub rejects: Vec<Reject>,
    /// The error that ends the stream at this block. `line` holds the row within the block (0 for the first) until
    /// the joiner makes it a line number; `offset` counts from the start of the stream. The block's output up
    /// to it is delivered.
    pub error: Option<CodecError>,
}

/// A transform whose blocks do not depend on each other.
pub trait BlockStage: Send + Sync {
    /// How the input is to be cut.
    fn cut(&self) -> Cut;

    /// Transforms one block; may run on several threads at once. Appends to `out`, which comes empty with some
    /// capacity.
    fn run(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report;

    /// As [`run`](Self::run), for a block of [checked](Report::checked) rows, from which a stage may spare itself a second
    /// look. The output is the same.
    fn run_checked(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        self.run(job, out)
    }

    /// As [`run`](Self::run), for a stage that mostly hands on parts of its input: appends to `kept` which, in order. The
    /// output is those and then what is in `out`, and the executor makes it in the block's own buffer. `None`, with nothing
    /// appended to either, where the block must be run instead.
    fn select(
        &self,
        _job: BlockJob<'_>,
        _kept: &mut Vec<Range<usize>>,
        _out: &mut Vec<u8>,
    ) -> Option<Report> {
        None
    }

    /// Bytes of output to make room for, for a block of `bytes` bytes: most blocks should need no more. By default what does
    /// not grow but for a line end or, in deflate, 5 bytes for each 64 KiB.
    fn room(&self, bytes: usize) -> usize {
        bytes + bytes / 512 + 256
    }

    /// Nanoseconds of work for one byte of input, about: it decides what stays on the JS thread.
    fn cost_ns_per_byte(&self) -> f32;
}

/// Puts what the blocks found out in order. Called once per block, in order.
pub trait Joiner: Send {
    /// May add to `body` (a header in front, a trailer behind), and appends rejects to `side`, one JSON line each. Turns
    /// `report.error` into a placed error.
    ///
    /// # Errors
    /// The error that ends the stream; `body` is delivered first.
    fn join(
        &mut self,
        first: bool,
        last: bool,
        report: Report,
        body: &mut Vec<u8>,
        side: &mut Vec<u8>,
    ) -> Result<(), CodecError>;

    /// A serial stage that carries the stream on from here, for stages whose flushes and parameters need the order
    /// (deflate). `None` where a flush only means to hand on what is there.
    fn hand_over(&mut self) -> Option<Box<dyn SerialStage>> {
        None
    }
}
