//! What the fuzz targets share: stages run as an executor would, over input cut as the fuzzer likes.

use millrace::codec::cut::Cutter;
use millrace::codec::{BlockJob, BlockStage, CodecError, Directive, Joiner, SerialStage, Status};

/// The first bytes of a fuzzer's data say what to do with the rest.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// For the target to make options of.
    pub options: u8,
    /// How the input is cut.
    pub cuts: [u8; 4],
    /// The rest.
    pub input: &'a [u8],
}

impl<'a> Plan<'a> {
    /// Five bytes of plan, then input; `None` for less.
    pub fn new(data: &'a [u8]) -> Option<Self> {
        let (&[options, ref cuts @ ..], input) = data.split_first_chunk::<5>()?;
        Some(Self { options, cuts: *cuts, input })
    }

    /// The same without cuts.
    pub fn whole(self) -> Self {
        Self { cuts: [0; 4], ..self }
    }

    /// Bit `bit` of the options.
    pub fn option(&self, bit: u32) -> bool {
        self.options >> bit & 1 == 1
    }

    /// The input in pieces. A cut of 0 is all that is left; small ones are bytes, larger ones multiples of 64 bytes.
    pub fn pieces(&self) -> impl Iterator<Item = &'a [u8]> {
        let (mut rest, cuts) = (self.input, self.cuts);
        let mut turn = 0;
        std::iter::from_fn(move || {
            let length = match cuts[turn % 3] {
                0 => rest.len(),
                cut @ 1..128 => usize::from(cut),
                cut => usize::from(cut - 127) * 64,
            };
            turn += 1;
            let (piece, left) = rest.split_at(length.min(rest.len()));
            rest = left;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

/// What came of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub bytes: Vec<u8>,
    pub side: Vec<u8>,
    pub rows: (u64, u64),
    pub error: Option<CodecError>,
}

/// Runs a block stage over the plan's pieces; the last cut is the size of blocks, its lowest bit whether they are gathered.
pub fn run_blocks(stage: &dyn BlockStage, mut joiner: impl Joiner, plan: Plan<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut cutter = Cutter::new(stage.cut(), usize::from(plan.cuts[3]));
    let mut run = |bytes: &[u8], offset, first, overlong, last| {
        let mut body = Vec::new();
        let report = stage.run(BlockJob { bytes, offset, first, last, overlong, now_ms: 0 }, &mut body);
        outcome.rows.0 += report.rows_in;
        outcome.rows.1 += report.rows_out;
        outcome.error = joiner.join(first, last, report, &mut body, &mut outcome.side).err();
        outcome.bytes.append(&mut body);
        outcome.error.is_none()
    };
    for piece in plan.pieces() {
        cutter.push(piece.to_vec());
        while let Some(block) = cutter.next(plan.cuts[3] & 1 == 1) {
            if !run(&block.bytes, block.offset, block.first, block.overlong, false) {
                return outcome;
            }
        }
    }
    let block = cutter.finish();
    run(&block.bytes, block.offset, block.first, block.overlong, true);
    outcome
}

/// Runs a serial stage over the plan's pieces, with output in steps of `limit` bytes. Gives the bytes consumed as well.
/// `flush` is called before each piece but the last, for what to do with it.
pub fn run_serial(
    stage: &mut dyn SerialStage,
    plan: Plan<'_>,
    limit: usize,
    mut flush: impl FnMut() -> Directive,
) -> (Outcome, usize) {
    let (mut outcome, mut consumed) = (Outcome::default(), 0);
    let pieces: Vec<_> = plan.pieces().collect();
    for index in 0..pieces.len().max(1) {
        let mut piece = pieces.get(index).copied().unwrap_or_default();
        let directive = if index + 1 >= pieces.len() { Directive::Finish } else { flush() };
        loop {
            let mut out = Vec::with_capacity(limit);
            let result = stage.step(piece, directive, &mut out, limit);
            assert!(out.len() <= limit + 16, "{} bytes of {limit}", out.len());
            outcome.bytes.extend_from_slice(&out);
            let progress = match result {
                Ok(progress) => progress,
                Err(error) => return (Outcome { error: Some(error), ..outcome }, consumed),
            };
            consumed += progress.consumed;
            piece = &piece[progress.consumed..];
            match progress.status {
                Status::Done => break assert!(piece.is_empty()),
                Status::End => return (outcome, consumed),
                Status::OutputFull => assert!(progress.consumed > 0 || !out.is_empty(), "no progress"),
            }
        }
    }
    (outcome, consumed)
}
