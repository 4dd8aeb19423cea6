//! Runs a row stage over a whole input, cut into blocks as an executor would.

use crate::codec::cut::{CutBlock, Cutter};
use crate::codec::{BlockJob, BlockStage, CodecError, Joiner, json::RowJoiner};

/// What came out, what went to the side, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) body: String,
    pub(super) side: String,
    pub(super) error: Option<CodecError>,
}

/// The input comes in pieces of `block` bytes, and is cut where they allow it.
pub(super) fn drive(stage: &dyn BlockStage, input: &[u8], block: usize) -> Outcome {
    let (body, side, error) = drive_bytes(stage, input, block);
    let text = |bytes| String::from_utf8(bytes).expect("row stages emit UTF-8");
    Outcome { body: text(body), side: text(side), error }
}

pub(super) fn drive_bytes(
    stage: &dyn BlockStage,
    input: &[u8],
    block: usize,
) -> (Vec<u8>, Vec<u8>, Option<CodecError>) {
    let mut joiner = RowJoiner::new();
    let mut cutter = Cutter::new(stage.cut(), block);
    let (mut body, mut side) = (Vec::new(), Vec::new());
    let mut run = |cut: CutBlock, last: bool| {
        let CutBlock { ref bytes, offset, first, overlong, .. } = cut;
        let job = BlockJob { bytes, offset, first, last, overlong, now_ms: 1_700_000_000_123 };
        let mut out = Vec::new();
        let report = stage.run(job, &mut out);
        let (mut kept, mut selected) = (Vec::new(), Vec::new());
        if let Some(same) = stage.select(job, &mut kept, &mut selected) {
            let parts = kept.iter().map(|part| &job.bytes[part.clone()]);
            let whole: Vec<u8> = parts.chain([&selected[..]]).flatten().copied().collect();
            assert_eq!((whole, format!("{same:?}")), (out.clone(), format!("{report:?}")));
        }
        let joined = joiner.join(first, last, report, &mut out, &mut side);
        body.append(&mut out);
        joined.err()
    };
    let error = input
        .chunks(block.max(1))
        .find_map(|chunk| {
            cutter.push(chunk.to_vec());
            std::iter::from_fn(|| cutter.next(false)).find_map(|cut| run(cut, false))
        })
        .or_else(|| run(cutter.finish(), true));
    (body, side, error)
}
