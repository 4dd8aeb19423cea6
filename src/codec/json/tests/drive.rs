//! Runs a row stage over a whole input, cut into blocks as an executor would.

use crate::codec::{BlockJob, BlockStage, CodecError, Cut, Joiner, json::RowJoiner};

/// What came out, what went to the side, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) body: String,
    pub(super) side: String,
    pub(super) error: Option<CodecError>,
}

/// Cuts at the first row end at or after each `block` bytes.
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
    let Cut::Rows { max } = stage.cut() else { panic!("row stages cut at rows") };
    let mut joiner = RowJoiner::new();
    let (mut body, mut side) = (Vec::new(), Vec::new());
    let jobs = cut(input, max, block);
    let count = jobs.len();
    for (i, mut job) in jobs.into_iter().enumerate() {
        (job.first, job.last) = (i == 0, i + 1 == count);
        let mut out = Vec::new();
        let report = stage.run(job, &mut out);
        let (mut kept, mut selected) = (Vec::new(), Vec::new());
        if let Some(same) = stage.select(job, &mut kept, &mut selected) {
            let parts = kept.iter().map(|part| &job.bytes[part.clone()]);
            let whole: Vec<u8> = parts.chain([&selected[..]]).flatten().copied().collect();
            assert_eq!((whole, format!("{same:?}")), (out.clone(), format!("{report:?}")));
        }
        let joined = joiner.join(job.first, job.last, report, &mut out, &mut side);
        body.append(&mut out);
        if let Err(error) = joined {
            return (body, side, Some(error));
        }
    }
    (body, side, None)
}

fn cut(input: &[u8], max: usize, block: usize) -> Vec<BlockJob<'_>> {
    let mut jobs = Vec::new();
    let mut start = 0;
    let mut at = 0;
    let mut job = |from: usize, to: usize, overlong| {
        if from < to || input.is_empty() {
            let bytes = &input[from..to];
            let offset = from as u64;
            jobs.push(BlockJob {
                bytes,
                offset,
                first: false,
                last: false,
                overlong,
                now_ms: 1_700_000_000_123,
            });
        }
    };
    while at < input.len() {
        let length = input[at..].iter().position(|&byte| byte == b'\n').unwrap_or(input.len() - at);
        let end = (at + length + 1).min(input.len());
        if length > max {
            job(start, at, false);
            job(at, at + max, true);
            start = end;
        } else if end - start >= block {
            job(start, end, false);
            start = end;
        }
        at = end;
    }
    job(start, input.len(), false);
    jobs
}
