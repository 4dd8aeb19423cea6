//! Edits, against a table and against a model on parsed objects.

use crate::codec::digest::Algorithm;
use crate::codec::json::{Edit, EditOptions, HashField, OnInvalid, RowOptions, SetValue, Validate};
use crate::codec::{BlockJob, BlockStage, ErrorKind};
use proptest::prelude::*;

fn run(options: EditOptions, rows: &str) -> String {
    let edit = Edit::new(options);
    let mut out = Vec::new();
    let job = BlockJob {
        bytes: rows.as_bytes(),
        offset: 0,
        first: true,
        last: true,
        overlong: None,
        now_ms: 1_700_000_000_000,
    };
    let report = edit.run(job, &mut out);
    assert!(report.error.is_none(), "{:?}", report.error);
    checked_rows_come_out_the_same(&edit, rows);
    String::from_utf8(out).unwrap()
}

/// What validation lets pass need not be scanned again, and is edited no other way.
fn checked_rows_come_out_the_same(edit: &Edit, rows: &str) {
    let job = |bytes| BlockJob {
        bytes,
        offset: 0,
        first: false,
        last: false,
        overlong: None,
        now_ms: 1_700_000_000_000,
    };
    let skip = RowOptions { on_invalid: OnInvalid::Skip, ..RowOptions::default() };
    let (mut valid, mut out, mut checked) = (Vec::new(), Vec::new(), Vec::new());
    assert!(Validate::new(skip).run(job(rows.as_bytes()), &mut valid).checked);
    let reports = [edit.run(job(&valid), &mut out), edit.run_checked(job(&valid), &mut checked)];
    assert_eq!(String::from_utf8(checked), String::from_utf8(out));
    let [report, checked] = reports.map(|report| format!("{report:?}"));
    assert_eq!(checked, report);
}

fn set(pairs: &[(&str, &str)]) -> EditOptions {
    let set = pairs.iter().map(|(k, v)| ((*k).into(), SetValue::Json((*v).into()))).collect();
    EditOptions { set, ..EditOptions::default() }
}

#[test]
fn set_replaces_in_place_appends_and_keeps_bytes() {
    assert_eq!(run(set(&[("b", "2")]), "{\"a\":1.50e1}\n"), "{\"a\":1.50e1,\"b\":2}\n");
    assert_eq!(
        run(set(&[("a", "2")]), "{ \"a\" : 1 , \"b\" : [1, 2] }\r\n"),
        "{ \"a\" : 2 , \"b\" : [1, 2] }\r\n"
    );
    assert_eq!(run(set(&[("a", "2")]), "{\"a\":1,\"b\":{\"a\":3},\"a\":4}"), "{\"a\":2,\"b\":{\"a\":3}}\n");
    assert_eq!(run(set(&[("a", "2"), ("c", "[]")]), "{}\n"), "{\"a\":2,\"c\":[]}\n");
    assert_eq!(run(set(&[("a", "2")]), "{\"\\u0061\":1}\n"), "{\"\\u0061\":2}\n");
    assert_eq!(run(set(&[("ключ", "2")]), "{\"ключ\":1}\n"), "{\"ключ\":2}\n");
    assert_eq!(run(set(&[]), "{\"a\":\"\\ud800\", \"b\" : 1E2}\n"), "{\"a\":\"\\ud800\", \"b\" : 1E2}\n");
}

#[test]
fn now_is_the_time_of_the_block() {
    let options = EditOptions { set: vec![("at".into(), SetValue::Now)], ..EditOptions::default() };
    assert_eq!(run(options, "{}\n"), "{\"at\":\"2023-11-14T22:13:20.000Z\"}\n");
}

#[test]
fn remove_takes_the_comma_along() {
    let options = |names: &[&str]| EditOptions {
        remove: names.iter().map(|&n| n.into()).collect(),
        ..EditOptions::default()
    };
    assert_eq!(run(options(&["a"]), "{\"a\":1,\"b\":2}\n"), "{\"b\":2}\n");
    assert_eq!(run(options(&["b"]), "{\"a\":1,\"b\":2}\n"), "{\"a\":1}\n");
    assert_eq!(run(options(&["a", "b"]), "{\"a\":1,\"b\":2}\n"), "{}\n");
    assert_eq!(run(options(&["b"]), "{\"a\":1,\"b\":2,\"c\":3}\n"), "{\"a\":1,\"c\":3}\n");
}

#[test]
fn rename_keeps_place_and_value() {
    let options = || EditOptions { rename: vec![("a".into(), "x\"y".into())], ..EditOptions::default() };
    assert_eq!(run(options(), "{\"a\":1,\"b\":2}\n"), "{\"x\\\"y\":1,\"b\":2}\n");
    assert_eq!(run(options(), "{\"x\\\"y\":0,\"a\":1}\n"), "{\"x\\\"y\":1}\n");
    assert_eq!(run(options(), "{\"x\\\"y\":0}\n"), "{\"x\\\"y\":0}\n");
}

#[test]
fn rename_of_a_doubled_name_keeps_the_value_that_json_parse_keeps() {
    let rename = |pairs: &[(&str, &str)]| EditOptions {
        rename: pairs.iter().map(|&(old, new)| (old.into(), new.into())).collect(),
        ..EditOptions::default()
    };
    let to_x = || rename(&[("a", "x")]);
    assert_eq!(run(to_x(), "{\"a\":1,\"b\":0,\"\\u0061\": [2] }\n"), "{\"x\":[2],\"b\":0}\n");
    assert_eq!(run(to_x(), "{\"x\":0,\"a\" : 1,\"x\":3,\"a\":2}\n"), "{\"x\" : 2}\n");
    let both = || rename(&[("a", "x"), ("b", "x")]);
    assert_eq!(run(both(), "{\"b\":1,\"a\":2,\"b\":3}\n"), "{\"x\":3}\n");
    assert_eq!(run(rename(&[("a", "b"), ("b", "a")]), "{\"a\":1,\"b\":2}\n"), "{\"b\":1,\"a\":2}\n");
}

#[test]
fn what_is_renamed_and_set_stands_where_it_was_renamed() {
    let rename = vec![("a".into(), "x".into())];
    let options = EditOptions { rename, ..set(&[("x", "9")]) };
    assert_eq!(run(options, "{\"x\":0,\"b\":1,\"a\":2}\n"), "{\"b\":1,\"x\":9}\n");
}

#[test]
fn hash_is_of_the_row_without_it() {
    let hash = HashField { field: "h".into(), algorithm: Algorithm::Sha256, length: 8 };
    let options = || EditOptions { hash: Some(hash.clone()), ..EditOptions::default() };
    // sha256 of {"a":1} is 015abd7f…, of {} 44136fa3…
    assert_eq!(run(options(), "{\"a\":1}\n"), "{\"a\":1,\"h\":\"015abd7f\"}\n");
    assert_eq!(run(options(), "{\"h\":0,\"a\":1}\n"), "{\"h\":\"015abd7f\",\"a\":1}\n");
    assert_eq!(run(options(), "{\"a\":1,\"h\":null,\"h\":2}\n"), "{\"a\":1,\"h\":\"015abd7f\"}\n");
    assert_eq!(run(options(), "{}\n"), "{\"h\":\"44136fa3\"}\n");
    assert_eq!(run(options(), "{\"h\":1}\n"), "{\"h\":\"44136fa3\"}\n");
}

#[test]
fn what_is_no_object_is_refused() {
    let mut out = Vec::new();
    let job =
        BlockJob { bytes: b"{}\n[1]\n", offset: 10, first: false, last: true, overlong: None, now_ms: 0 };
    let report = Edit::new(set(&[("a", "1")])).run(job, &mut out);
    let error = report.error.unwrap();
    assert_eq!((error.kind, error.offset, error.line), (ErrorKind::RowNotObject, Some(13), Some(1)));
    assert_eq!(out, b"{\"a\":1}\n");
    let rows = RowOptions { on_invalid: OnInvalid::Skip, ..RowOptions::default() };
    assert_eq!(run(EditOptions { rows, ..set(&[("a", "1")]) }, "1\n{}\nx\n"), "{\"a\":1}\n");
}

proptest! {
    #[test]
    fn checked_rows_of_any_kind_come_out_the_same(
        rows in prop::collection::vec(
            (
                prop::sample::select(vec!["", " ", "\u{feff}"]),
                prop::collection::vec(
                    (
                        prop::sample::select(vec!["a", "b", "\\u0062", "\\u0063x", "c\\/", "h", "\\u0068", "xh", "é"]),
                        prop::sample::select(vec!["1", "\"b\"", "\"\\u00e9\"", "{\"b\":[0]}", " [] ", "x"]),
                    ),
                    0..6,
                ),
                prop::sample::select(vec!["", " ", "\r", "\t\r"]),
            ),
            0..90,
        ),
        length in 0..70_usize,
        names in prop::sample::select(vec!["b", "c/", "é", "h"]),
    ) {
        let rows: String = rows
            .iter()
            .map(|(before, pairs, after)| {
                let members: Vec<_> = pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{before}{{{}}}{after}\n", members.join(","))
            })
            .collect();
        let hash = Some(HashField { field: "h".into(), algorithm: Algorithm::Sha256, length });
        for rows in [rows.clone(), rows + "[1]\n"] {
            for remove in [vec![], vec![names.to_owned()]] {
                checked_rows_come_out_the_same(&Edit::new(EditOptions { hash: hash.clone(), remove, ..set(&[("b", "2")]) }), &rows);
            }
            let rename = vec![(names.to_owned(), "z".into())];
            checked_rows_come_out_the_same(&Edit::new(EditOptions { rename, ..EditOptions::default() }), &rows);
        }
    }

    #[test]
    fn as_a_model_on_parsed_objects(
        pairs in prop::collection::vec(("[a-e]", 0..100_i32), 0..8),
        remove in prop::collection::vec("[a-g]", 0..3),
        sets in prop::collection::vec(("[a-g]", 0..100_i32), 0..3),
    ) {
        let body: Vec<String> = pairs.iter().map(|(k, v)| format!("\"{k}\": {v}")).collect();
        let options = EditOptions {
            remove: remove.clone(),
            set: sets.iter().map(|(k, v)| (k.clone(), SetValue::Json(v.to_string()))).collect(),
            ..EditOptions::default()
        };
        let out = run(options, &format!("{{{}}}\n", body.join(", ")));
        let mut model = serde_json::Map::new();
        for (key, value) in pairs.iter().filter(|(key, _)| !remove.contains(key)).chain(&sets) {
            model.insert(key.clone(), (*value).into());
        }
        let edited: serde_json::Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(edited, serde_json::Value::Object(model));
        // A field that is set stands once.
        for (key, _) in &sets {
            prop_assert_eq!(out.matches(&format!("\"{key}\"")).count(), 1);
        }
    }
}
