use proptest::prelude::*;

use super::super::super::cut::Cutter;
use super::super::super::{Joiner, LongPart};
use super::super::frame::{BATCH_LINES, BATCH_TEXT, FLAG_ASCII, HEADER_BYTES};
use super::super::joiner::LineJoiner;
use super::*;

/// What came of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    bytes: Vec<u8>,
    rows_in: u64,
    rows_out: u64,
    rejected: u64,
    error: Option<CodecError>,
}

/// Runs `input` through the stage in pieces of these lengths, over and over, as an executor would.
fn run(options: LineOptions, input: &[u8], lengths: &[usize], target: usize) -> Outcome {
    let stage = Lines::new(options);
    let mut cutter = Cutter::new(stage.cut(), target);
    let mut joiner = LineJoiner::new();
    let mut outcome = Outcome::default();
    let mut one = |bytes: &[u8], offset: u64, overlong: Option<LongPart>, last: bool| {
        if outcome.error.is_some() {
            return;
        }
        let mut body = Vec::new();
        let job = BlockJob { bytes, offset, first: offset == 0, last, overlong, now_ms: 0 };
        let report = stage.run(job, &mut body);
        outcome.rows_in += report.rows_in;
        outcome.rows_out += report.rows_out;
        outcome.rejected += report.rejected;
        outcome.error = joiner.join(offset == 0, last, report, &mut body, &mut Vec::new()).err();
        outcome.bytes.append(&mut body);
    };
    let mut rest = input;
    for &length in lengths.iter().cycle() {
        let (now, later) = rest.split_at(length.min(rest.len()));
        cutter.push(now.to_vec());
        while let Some(block) = cutter.next(length % 2 == 0) {
            one(&block.bytes, block.offset, block.overlong, false);
        }
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    let block = cutter.finish();
    one(&block.bytes, block.offset, block.overlong, true);
    outcome
}

/// The lines of framed output, checking the frames.
fn unframe(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (length, count, flags) = (number(0), number(4), number(8));
        let text = &bytes[HEADER_BYTES + 4 * count..][..length];
        assert_eq!(flags, if text.is_ascii() { FLAG_ASCII as usize } else { 0 });
        assert!((1..=BATCH_LINES).contains(&count) && (length <= BATCH_TEXT || count == 1));
        let mut start = 0;
        for line in 0..count {
            let end = number(HEADER_BYTES + 4 * line);
            lines.push(text[start..end].to_vec());
            start = end;
        }
        assert_eq!(start, length);
        bytes = &bytes[HEADER_BYTES + 4 * count + length..];
    }
    lines
}

/// A second, plain implementation: lines (content, end) with the policy for long ones applied.
fn model(options: LineOptions, input: &[u8]) -> (Vec<Vec<u8>>, Outcome) {
    let mut outcome = Outcome::default();
    let mut lines = Vec::new();
    let mut offset = 0;
    for row in input.split_inclusive(|&byte| byte == b'\n') {
        let ends: [&[u8]; 2] = [b"\r\n", b"\n"];
        let end = ends.into_iter().find(|end| row.ends_with(end)).unwrap_or_default();
        let content = &row[..row.len() - end.len()];
        // See `Cutter`: a CR at the very end of the stream is not what makes its last line too long.
        let counted = if end.is_empty() { content.strip_suffix(b"\r").unwrap_or(content) } else { content };
        outcome.rows_in += 1;
        let kept = &content[..options.max_length.min(content.len())];
        let (kept, end) = if counted.len() <= options.max_length {
            (content, if options.keep_ends { end } else { b"\n" })
        } else {
            match options.on_too_long {
                LongRow::Error => {
                    let message = format!("line is longer than {} bytes", options.max_length);
                    let error = CodecError::new(ErrorKind::LineTooLong, message);
                    outcome.error = Some(error.at(offset).in_line(outcome.rows_in));
                    break;
                }
                LongRow::Skip => {
                    outcome.rejected += 1;
                    offset += row.len() as u64;
                    continue;
                }
                LongRow::Truncate => (&kept[..kept.len() - incomplete_character(kept)], &b"\n"[..]),
            }
        };
        outcome.rows_out += 1;
        outcome.bytes.extend([kept, end].concat());
        lines.push(if options.keep_ends { [kept, end].concat() } else { kept.to_vec() });
        offset += row.len() as u64;
    }
    (lines, outcome)
}

fn rows() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-zé]{0,9}".prop_map(String::into_bytes),
        4 => prop::sample::select(vec!["\n", "\r\n"]).prop_map(Vec::from),
        1 => prop::sample::select(vec!["\r", "\u{2028}", "\u{85}", "\u{b}", "\u{c}", "\0", "\u{feff}"]).prop_map(Vec::from),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn lines_are_those_of_the_model_whatever_the_chunks(
        input in rows(),
        max_length in prop_oneof![0usize..16, Just(1000)],
        keep_ends: bool,
        on_too_long in prop::sample::select(vec![LongRow::Error, LongRow::Skip, LongRow::Truncate]),
        lengths in prop::collection::vec(1usize..30, 1..20),
        target in 0usize..60,
    ) {
        let options = LineOptions { max_length, keep_ends, on_too_long, framed: false };
        let (lines, expected) = model(options, &input);
        for lengths in [&lengths[..], &[1], &[2], &[input.len().max(1)]] {
            prop_assert_eq!(&run(options, &input, lengths, target), &expected);
            let framed = run(LineOptions { framed: true, ..options }, &input, lengths, target);
            prop_assert_eq!(&unframe(&framed.bytes), &lines);
            let framed = Outcome { bytes: expected.bytes.clone(), ..framed };
            prop_assert_eq!(&framed, &expected);
        }
    }
}

#[test]
fn a_batch_is_bound_in_text_and_in_lines() {
    let long = "x".repeat(BATCH_TEXT + 1);
    let input = ["a\n", &long, "\n", &"\n".repeat(3 * BATCH_LINES), &"y".repeat(BATCH_TEXT), "\nz"].concat();
    let outcome =
        run(LineOptions { framed: true, ..LineOptions::default() }, input.as_bytes(), &[1 << 20], 1);
    let lines = unframe(&outcome.bytes);
    assert_eq!(lines, input.split('\n').map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>());
    assert_eq!((outcome.rows_in, outcome.rows_out), (lines.len() as u64, lines.len() as u64));
}
