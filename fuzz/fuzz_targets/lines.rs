//! Lines are the same however the stream is cut, in bytes and in frames, and as many as there are line ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::LongRow;
use millrace::codec::text::{HEADER_BYTES, LineJoiner, LineOptions, Lines};
use millrace_fuzz::{Outcome, Plan, run_blocks};

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let on_too_long = [LongRow::Error, LongRow::Skip, LongRow::Truncate][usize::from(plan.options) % 3];
    let max_length = if plan.option(7) { 1 << 20 } else { usize::from(plan.options >> 3) };
    let options = LineOptions { max_length, keep_ends: plan.option(2), on_too_long, framed: false };
    let run = |options, plan| run_blocks(&Lines::new(options), LineJoiner::new(), plan);
    let whole = run(options, plan.whole());
    assert_eq!(run(options, plan), whole);
    let framed = run(LineOptions { framed: true, ..options }, plan);
    let end: &[u8] = if options.keep_ends { b"" } else { b"\n" };
    assert_eq!(Outcome { bytes: unframe(&framed.bytes, end), ..framed }, whole);
    if whole.error.is_none() {
        let open = !plan.input.is_empty() && !plan.input.ends_with(b"\n");
        let ends = plan.input.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(whole.rows.0, ends as u64 + u64::from(open));
    }
});

/// The lines of framed output, with `end` behind each.
fn unframe(mut bytes: &[u8], end: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (length, count) = (number(0), number(4));
        let text = &bytes[HEADER_BYTES + 4 * count..][..length];
        assert_eq!(number(8) == 1, text.is_ascii());
        let mut start = 0;
        for line in 0..count {
            let stop = number(HEADER_BYTES + 4 * line);
            lines.extend([&text[start..stop], end].concat());
            start = stop;
        }
        assert_eq!(start, length);
        bytes = &bytes[HEADER_BYTES + 4 * count + length..];
    }
    lines
}
