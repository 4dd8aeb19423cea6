use proptest::prelude::*;

use super::drive::{Outcome, drive, drive_bytes};
use super::scan::json;
use crate::codec::json::{OnInvalid, Rejects, RowOptions, Utf8, Validate};
use crate::codec::{CodecError, ErrorKind};

const SKIP: RowOptions = RowOptions {
    on_invalid: OnInvalid::Skip,
    rejects: Rejects::Whole,
    max_line_length: 1 << 20,
    utf8: Utf8::Error,
};

fn run(options: RowOptions, input: impl AsRef<[u8]>) -> Outcome {
    drive(&Validate::new(options), input.as_ref(), 1 << 20)
}

fn passes(input: impl AsRef<[u8]>, expected: &str) {
    let input = input.as_ref();
    assert_eq!(
        run(RowOptions::default(), input),
        Outcome { body: expected.into(), side: String::new(), error: None },
        "{}",
        String::from_utf8_lossy(input)
    );
}

#[test]
fn valid_rows_keep_their_bytes() {
    passes("", "");
    passes("\n", "");
    passes("\n\n \n\t\r\n", "");
    passes("{}\n", "{}\n");
    passes("{}", "{}\n");
    passes("{}\n[]", "{}\n[]\n");
    passes(" { \"a\" : 1.0 } \r\n-0\r\n", " { \"a\" : 1.0 } \r\n-0\r\n");
    passes("1\r", "1\r\n");
    passes("1\n\n2\n \n3", "1\n2\n3\n");
    passes("\u{feff}1\n2\n", "1\n2\n");
    passes("\u{feff}", "");
    passes("\"\u{2028}\"\n\"\\ud800\"\n", "\"\u{2028}\"\n\"\\ud800\"\n");
}

#[test]
fn the_first_bad_row_ends_the_stream_with_its_place() {
    let outcome = run(RowOptions::default(), "1\n\n[1,}\n2\n");
    assert_eq!(outcome.body, "1\n");
    assert_eq!(outcome.side, "");
    assert_eq!(
        outcome.error,
        Some(
            CodecError::new(
                ErrorKind::RowInvalid,
                "invalid JSON in line 3 at byte 3: unexpected character '}' (column 4)"
            )
            .at(3)
            .in_line(3)
        )
    );
}

#[test]
fn bad_rows_are_left_out_and_go_to_the_side() {
    let input = b"{\"a\":1}\n{\"b\":}\r\n\n\"\xff\"\n\"x\x00\"\n2\n\xef\xbb\xbf3";
    let outcome = run(SKIP, input);
    assert_eq!(outcome.body, "{\"a\":1}\n2\n");
    assert_eq!(
        outcome.side.lines().collect::<Vec<_>>(),
        [
            r#"{"line":2,"offset":8,"reason":"unexpected character '}' (column 6)","row":"{\"b\":}"}"#,
            "{\"line\":4,\"offset\":17,\"reason\":\"invalid UTF-8 (column 2)\",\"row\":\"\\\"\u{fffd}\\\"\",\"rowBase64\":\"Iv8i\"}",
            r#"{"line":5,"offset":21,"reason":"control character 0x00 in string (column 3)","row":"\"x\u0000\""}"#,
            "{\"line\":7,\"offset\":28,\"reason\":\"unexpected character U+FEFF (column 1)\",\"row\":\"\u{feff}3\"}",
        ]
    );
    assert_eq!(outcome.error, None);
    let silent = run(RowOptions { rejects: Rejects::None, ..SKIP }, input);
    assert_eq!((silent.body, silent.side), (outcome.body, String::new()));
}

#[test]
fn rows_beyond_the_limit_are_bad() {
    let options = RowOptions { max_line_length: 5, ..SKIP };
    let outcome = run(options, "12345\n123456\n\"abc\"\n     6\n7");
    assert_eq!(outcome.body, "12345\n\"abc\"\n7\n");
    assert_eq!(
        outcome.side.lines().collect::<Vec<_>>(),
        [
            r#"{"line":2,"offset":6,"reason":"longer than 5 bytes","row":"123456","length":6}"#,
            r#"{"line":4,"offset":19,"reason":"longer than 5 bytes","row":"     6","length":6}"#,
        ]
    );
    let failed = run(RowOptions { on_invalid: OnInvalid::Error, ..options }, "1\n123456\n2\n");
    assert_eq!(failed.body, "1\n");
    let error = failed.error.unwrap();
    assert_eq!((error.kind, error.line, error.offset), (ErrorKind::RowInvalid, Some(2), Some(2)));
    assert_eq!(error.message, "invalid JSON in line 2 at byte 2: longer than 5 bytes");
}

#[test]
fn letters_of_rows_beyond_the_limit_are_whole_however_they_come() {
    let options = RowOptions { max_line_length: 4, ..SKIP };
    let input = "\"\u{e9}\u{e9}\\\"\"\r\n1\n\u{20ac}\u{20ac}\u{20ac}\ra\r".as_bytes();
    let letters = |options, input: &[u8], block| drive(&Validate::new(options), input, block).side;
    for block in 1..input.len() + 1 {
        assert_eq!(
            letters(options, input, block).lines().collect::<Vec<_>>(),
            [
                "{\"line\":1,\"offset\":0,\"reason\":\"longer than 4 bytes\",\"row\":\"\\\"\u{e9}\u{e9}\\\\\\\"\\\"\",\"length\":8}",
                "{\"line\":3,\"offset\":12,\"reason\":\"longer than 4 bytes\",\"row\":\"\u{20ac}\u{20ac}\u{20ac}\\ra\",\"length\":11}",
            ]
        );
        assert_eq!(
            letters(RowOptions { rejects: Rejects::First, ..options }, "\u{20ac}\u{20ac}".as_bytes(), block),
            "{\"line\":1,\"offset\":0,\"reason\":\"longer than 4 bytes\",\"row\":\"\u{20ac}\",\"length\":6,\"truncated\":true}\n"
        );
        assert_eq!(
            letters(options, b"abcd\xffe", block),
            "{\"line\":1,\"offset\":0,\"reason\":\"longer than 4 bytes\",\"row\":\"abcd\u{fffd}e\",\"length\":6,\"lossy\":true}\n"
        );
    }
}

#[test]
fn invalid_utf8_is_mended_as_the_whatwg_has_it() {
    let options = RowOptions { utf8: Utf8::Replace, ..SKIP };
    let outcome = run(options, b"\"\xf0\x9f\x98\"\n\"\xed\xa0\x80\"\n{\xff}\n\xff\n\"\xc0\xaf\"\n \n1");
    assert_eq!(outcome.body, "\"\u{fffd}\"\n\"\u{fffd}\u{fffd}\u{fffd}\"\n\"\u{fffd}\u{fffd}\"\n1\n");
    assert_eq!(
        outcome.side.lines().collect::<Vec<_>>(),
        [
            "{\"line\":3,\"offset\":12,\"reason\":\"unexpected character '\u{fffd}' (column 2)\",\"row\":\"{\u{fffd}}\",\"rowBase64\":\"e/99\"}",
            "{\"line\":4,\"offset\":16,\"reason\":\"unexpected character '\u{fffd}' (column 1)\",\"row\":\"\u{fffd}\",\"rowBase64\":\"/w==\"}",
        ]
    );
}

#[test]
fn deep_rows_pass() {
    let row = format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    passes(&row, &row);
    assert!(run(RowOptions::default(), "[".repeat(100_000)).error.is_some());
}

/// Lines that are good, bad, blank, not UTF-8 or long, with either line end.
pub(super) fn input() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        6 => json().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => Just(b"{\"a\":}".to_vec()),
        1 => Just(b" \t".to_vec()),
        1 => Just(b"\"\xf0\x9f\"".to_vec()),
        1 => Just(vec![b'7'; 300]),
    ];
    let end = prop_oneof![4 => Just("\n"), 1 => Just("\r\n")];
    (any::<bool>(), prop::collection::vec((line, end), 0..20), any::<bool>()).prop_map(
        |(bom, lines, ended)| {
            let mut input = if bom { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
            for (line, end) in lines {
                input.extend_from_slice(&line);
                input.extend_from_slice(end.as_bytes());
            }
            if !ended {
                input.pop();
            }
            input
        },
    )
}

pub(super) fn options() -> impl Strategy<Value = RowOptions> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(error, replace, rejects)| RowOptions {
        on_invalid: if error { OnInvalid::Error } else { OnInvalid::Skip },
        utf8: if replace { Utf8::Replace } else { Utf8::Error },
        rejects: if rejects { Rejects::Whole } else { Rejects::None },
        max_line_length: 250,
    })
}

proptest! {
    #[test]
    fn cutting_changes_nothing(input in input(), options in options(), block in 1..200_usize) {
        let stage = Validate::new(options);
        prop_assert_eq!(drive_bytes(&stage, &input, block), drive_bytes(&stage, &input, 1 << 20));
    }

    #[test]
    fn every_row_is_passed_or_refused(input in input(), replace in any::<bool>()) {
        let utf8 = if replace { Utf8::Replace } else { Utf8::Error };
        let outcome = run(RowOptions { max_line_length: 250, utf8, ..SKIP }, &input);
        let text = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&input);
        let rows = text.split(|&byte| byte == b'\n');
        let blank = |row: &&[u8]| row.iter().all(|byte| b" \t\r".contains(byte));
        let rows = rows.filter(|row| !blank(row)).count();
        prop_assert_eq!(outcome.body.lines().count() + outcome.side.lines().count(), rows);
        for row in outcome.body.lines() {
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(row).is_ok(), "{}", row);
        }
    }
}
