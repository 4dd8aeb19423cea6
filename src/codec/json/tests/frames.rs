use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::Value;

use super::drive::{drive, drive_bytes};
use crate::codec::json::{
    BATCH_TEXT, FLAG_ONE_BYTE, FLAG_SHAPED, FLAG_TELLS, FrameRows, HEADER_BYTES, OnInvalid, RowOptions, Utf8,
    Validate,
};

/// The rows of shaped batches, as text without whitespace; and how many of them had a shape.
fn unshaped(mut bytes: &[u8]) -> (Vec<String>, usize) {
    let (mut rows, mut with_shape) = (Vec::new(), 0);
    let mut shapes: HashMap<u64, Vec<Value>> = HashMap::new();
    while !bytes.is_empty() {
        let number = |i: usize| u32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().unwrap());
        let (count, flags) = (number(1) as usize, number(2));
        let body = &bytes[HEADER_BYTES..HEADER_BYTES + number(0) as usize];
        bytes = &bytes[HEADER_BYTES + body.len()..];
        let (text, numbers) = match flags & FLAG_SHAPED {
            0 => (body, vec![0; count]),
            _ => (&body[..body.len() - count], body[body.len() - count..].to_vec()),
        };
        let text = match flags & FLAG_ONE_BYTE {
            0 => String::from_utf8(text.to_vec()).unwrap(),
            _ => text.iter().map(|&byte| char::from(byte)).collect(),
        };
        let mut values: Vec<Value> = serde_json::from_str(&text).unwrap();
        if flags & FLAG_TELLS != 0 {
            for told in values.pop().unwrap().as_array().unwrap() {
                let told = told.as_array().unwrap();
                shapes.insert(told[0].as_u64().unwrap(), told[1..].to_vec());
            }
        }
        let mut values = values.into_iter().map(|value| value.to_string());
        for number in numbers {
            if number == 0 {
                rows.push(values.next().unwrap());
                continue;
            }
            with_shape += 1;
            let keys = &shapes[&u64::from(number)];
            let members: Vec<_> =
                keys.iter().map(|key| format!("{key}:{}", values.next().unwrap())).collect();
            rows.push(format!("{{{}}}", members.join(",")));
        }
        assert_eq!(values.next(), None);
    }
    (rows, with_shape)
}

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

#[test]
fn rows_of_a_shape_are_their_values_and_their_keys_are_told_once() {
    let row = "{\"a\":\"é\",\"b\":{\"c\":[1,2]}}\n";
    let input = row.repeat(20_000);
    let (body, _, error) =
        drive_bytes(&FrameRows::new(RowOptions::default()).shaped(true), input.as_bytes(), 1 << 16);
    assert_eq!(error, None);
    let (rows, with_shape) = unshaped(&body);
    assert_eq!((rows.len(), with_shape), (20_000, 20_000));
    assert!(rows.iter().all(|text| text == row.trim_end()));
    assert_eq!(memchr::memmem::find_iter(&body, "[[1,\"a\",\"b\"]]").count(), 1);
    assert!(body.len() < input.len() * 3 / 4);
}

#[test]
fn shaped_batches_end_before_a_bad_row() {
    let stage = FrameRows::new(RowOptions::default()).shaped(true).refuse_null(true);
    for bad in ["null", "{\"a\":1", "{\"a\":nul}", "{\"b\":1,}"] {
        let input = format!("{{\"a\":1}}\n[{{\"a\":1}}]\n{bad}\n{{\"a\":2}}\n");
        let (body, _, error) = drive_bytes(&stage, input.as_bytes(), 1 << 20);
        assert_eq!(unshaped(&body), (vec!["{\"a\":1}".into(), "[{\"a\":1}]".into()], 1), "{bad}");
        assert_eq!(error.unwrap().line, Some(3), "{bad}");
    }
}

/// Rows of a few keys, some of which no shape may have.
fn object() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "",
        "0",
        "10",
        "1e3",
        "__proto__",
        "constructor",
        "é",
        "\\u0061",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "-0.5e3",
        "\"x\\n€\"",
        "null",
        "{\"a\":{\"0\":[{}]}}",
        "[{\"a\":1},2]",
        "{}",
    ]);
    prop::collection::vec((key, value), 0..5).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
        format!("{{{}}}", members.join(", "))
    })
}

proptest! {
    #[test]
    fn shaped_rows_are_the_rows(
        rows in prop::collection::vec(prop_oneof![
            4 => object(),
            1 => prop::sample::select(vec!["1", "", "[{\"a\":1}]", "\"é\"", "[1,", "{\"a\":1"]).prop_map(String::from),
        ], 0..120),
        block in 1usize..400,
    ) {
        let input = rows.join("\n");
        let options = RowOptions { on_invalid: OnInvalid::Skip, ..RowOptions::default() };
        let (body, _, _) = drive_bytes(&FrameRows::new(options).shaped(true), input.as_bytes(), block);
        // A row that has no shape loses doubled keys in the comparison, as it would in any parser.
        let expected: Vec<String> = rows
            .iter()
            .filter_map(|row| serde_json::from_str::<Value>(row).ok())
            .map(|value| value.to_string())
            .collect();
        let found: Vec<String> = unshaped(&body)
            .0
            .iter()
            .map(|row| serde_json::from_str::<Value>(row).unwrap().to_string())
            .collect();
        prop_assert_eq!(found, expected);
    }

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
