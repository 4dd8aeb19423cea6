//! Validation keeps the rows that serde_json accepts and rejects the others, however the stream is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::json::{OnInvalid, Rejects, RowJoiner, RowOptions, Utf8, Validate};
use millrace_fuzz::{Plan, run_blocks};
use serde::de::IgnoredAny;
use serde_json::{Value, from_str};

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let options = RowOptions {
        on_invalid: if plan.option(0) { OnInvalid::Error } else { OnInvalid::Skip },
        utf8: if plan.option(1) { Utf8::Replace } else { Utf8::Error },
        rejects: Rejects::Whole,
        max_line_length: if plan.option(2) { usize::from(plan.options >> 3) } else { 1 << 20 },
    };
    let run = |plan| run_blocks(&Validate::new(options), RowJoiner::new(), plan);
    let whole = run(plan.whole());
    assert_eq!(run(plan), whole);

    let mut kept = String::new();
    let (mut rejected, mut lines) = (Vec::new(), 0);
    for (index, row) in plan.input.split_inclusive(|&byte| byte == b'\n').enumerate() {
        lines += 1;
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        let too_long = row.strip_suffix(b"\r").unwrap_or(row).len() > options.max_line_length;
        let row = if index == 0 { row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(row) } else { row };
        let text = String::from_utf8_lossy(row);
        let mended = matches!(text, std::borrow::Cow::Owned(_)) && options.utf8 == Utf8::Error;
        if !too_long && text.trim_matches([' ', '\t', '\r']).is_empty() {
            continue;
        }
        if too_long || mended || from_str::<IgnoredAny>(&text).is_err() {
            rejected.push(lines);
            if options.on_invalid == OnInvalid::Error {
                break;
            }
        } else {
            kept.extend([&text[..], "\n"]);
        }
    }
    assert_eq!(String::from_utf8_lossy(&whole.bytes), kept);
    if options.on_invalid == OnInvalid::Error {
        assert_eq!(whole.error.and_then(|error| error.line), rejected.first().copied());
    } else {
        let side = String::from_utf8(whole.side).unwrap();
        let letters = side.lines().map(|line| from_str::<Value>(line).unwrap());
        assert_eq!(letters.map(|letter| letter["line"].as_u64().unwrap()).collect::<Vec<_>>(), rejected);
    }
});
