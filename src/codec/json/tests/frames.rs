use proptest::prelude::*;

use super::drive::{drive, drive_bytes};
use crate::codec::json::{
    BATCH_TEXT, FLAG_ONE_BYTE, FrameRows, HEADER_BYTES, OnInvalid, RowOptions, Utf8, Validate,
};

/// The texts of all batches, each checked against its header.
fn batches(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let number = |i: usize| u32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().unwrap());
        let end = HEADER_BYTES + number(0) as usize;
        let bytes_of_text = &bytes[HEADER_BYTES..end];
        let text = match number(2) & FLAG_ONE_BYTE {
            0 => String::from_utf8(bytes_of_text.to_vec()).unwrap(),
            _ => bytes_of_text.iter().map(|&byte| char::from(byte)).collect(),
        };
        let values: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(values.len(), number(1) as usize);
        assert_ne!(values.len(), 0);
        assert!(
            text.len() <= 2 * BATCH_TEXT || values.len() == 1,
            "{} bytes, {} rows",
            text.len(),
            values.len()
        );
        texts.push(text);
        bytes = &bytes[end..];
    }
    texts
}

fn frames(options: RowOptions, input: impl AsRef<[u8]>) -> Vec<String> {
    let (body, _, error) = drive_bytes(&FrameRows::new(options), input.as_ref(), 1 << 20);
    assert_eq!(error, None);
    batches(&body)
}

#[test]
fn rows_become_one_array() {
    let none: [&str; 0] = [];
    assert_eq!(frames(RowOptions::default(), ""), none);
    assert_eq!(frames(RowOptions::default(), "\n \n"), none);
    assert_eq!(frames(RowOptions::default(), "\u{feff}1\r\n\n {\"a\": 2} \n\"é\""), ["[1,{\"a\": 2},\"é\"]"]);
}

#[test]
fn bad_rows_end_the_stream_behind_the_good_ones_or_are_left_out() {
    let input = "1\n[\n3\n";
    let (body, _, error) = drive_bytes(&FrameRows::new(RowOptions::default()), input.as_bytes(), 1 << 20);
    assert_eq!(batches(&body), ["[1]"]);
    assert_eq!(error.unwrap().line, Some(2));
    let skip = RowOptions { on_invalid: OnInvalid::Skip, ..RowOptions::default() };
    assert_eq!(frames(skip, input), ["[1,3]"]);
    let replace = RowOptions { utf8: Utf8::Replace, ..RowOptions::default() };
    assert_eq!(frames(replace, b"1\n\"\xff\"\n"), ["[1,\"\u{fffd}\"]"]);
}

#[test]
fn batches_are_full_but_not_fuller() {
    let row = format!("\"{}\"\n", "x".repeat(100));
    let texts = frames(RowOptions::default(), row.repeat(2000));
    assert!(texts[..texts.len() - 1].iter().all(|text| text.len() > BATCH_TEXT - 104));
    let long = format!("1\n\"{}\"\n2\n", "x".repeat(2 * BATCH_TEXT));
    let counts: Vec<_> = frames(RowOptions::default(), long).iter().map(String::len).collect();
    assert_eq!(counts, [3, 2 * BATCH_TEXT + 4, 3]);
}

proptest! {
    #[test]
    fn rows_are_those_that_validate_lets_pass(
        rows in prop::collection::vec(prop::sample::select(vec!["1", "", " ", "{\"a\":[]}", "[1,", "\"é\"\r", "nul"]), 0..40),
        block in 1usize..40,
    ) {
        let input = rows.join("\n");
        let options = RowOptions { on_invalid: OnInvalid::Skip, ..RowOptions::default() };
        let (body, _, _) = drive_bytes(&FrameRows::new(options), input.as_bytes(), block);
        let framed: Vec<serde_json::Value> =
            batches(&body).iter().flat_map(|text| serde_json::from_str::<Vec<_>>(text).unwrap()).collect();
        let passed = drive(&Validate::new(options), input.as_bytes(), block).body;
        let expected: Vec<serde_json::Value> =
            passed.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        prop_assert_eq!(framed, expected);
    }
}
