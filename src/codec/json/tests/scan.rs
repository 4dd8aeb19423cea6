use proptest::prelude::*;
use serde_json::Value;

use crate::codec::json::{Fault, Member, Problem, Scanner};

fn check(text: &str) -> Result<(), Fault> {
    Scanner::default().check(text.as_bytes(), 0).map(|row| assert_eq!(row.end, text.len()))
}

#[test]
fn accepts_what_json_parse_accepts() {
    for text in [
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "1.5",
        "1e5",
        "1E+5",
        "1e-5",
        "0.0",
        "0e0",
        "-0.5e-0",
        "1e999",
        "-1e999",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "{}",
        "[]",
        "[[]]",
        "[{}]",
        "{\"a\":{}}",
        "{\"a\":1}",
        "{\"a\":1,\"a\":2}",
        "[1,2,3]",
        " [ 1 , 2 ] ",
        "\t{ \"a\" : [ ] }\r",
        "\"\\u0041\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\u{2028}\u{2029}\"",
        "\"\u{7f}\"",
        "\"\u{feff}\"",
        "\"日本語 🙂\"",
        "{\"\":0}",
        "[\"0123456789abcdef0123456789abcdef\"]",
        "[true,false,null]",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn refuses_what_json_parse_refuses() {
    use Problem::*;
    for (text, at, problem) in [
        ("", 0, Blank),
        (" \t\r", 3, Blank),
        ("01", 0, Number),
        ("-01", 0, Number),
        ("00", 0, Number),
        ("-", 1, End),
        ("-a", 0, Number),
        ("1.", 2, End),
        ("[1.]", 1, Number),
        (".5", 0, Character),
        ("+1", 0, Character),
        ("1e", 2, End),
        ("[1e]", 1, Number),
        ("[1e+]", 1, Number),
        ("1 2", 2, Character),
        ("1a", 1, Character),
        ("0x1", 1, Character),
        ("tru", 3, End),
        ("trux", 3, Character),
        ("True", 0, Character),
        ("nul", 3, End),
        ("falsey", 5, Character),
        ("NaN", 0, Character),
        ("Infinity", 0, Character),
        ("'a'", 0, Character),
        ("\"", 1, End),
        ("\"a", 2, End),
        ("\"\\", 2, End),
        ("\"\\x\"", 1, Escape),
        ("\"\\u12\"", 1, Escape),
        ("\"\\u123", 6, End),
        ("\"\\u+123\"", 1, Escape),
        ("\"\t\"", 1, Control),
        ("\"\0\"", 1, Control),
        ("\"a\rb\"", 2, Control),
        ("\0", 0, Character),
        ("{", 1, End),
        ("[", 1, End),
        ("}", 0, Character),
        ("]", 0, Character),
        ("{]", 1, Character),
        ("[}", 1, Character),
        ("[1}", 2, Character),
        ("{\"a\":1]", 6, Character),
        ("{\"a\"}", 4, Character),
        ("{\"a\":}", 5, Character),
        ("{\"a\":1,}", 7, Character),
        ("{,}", 1, Character),
        ("{a:1}", 1, Character),
        ("{1:1}", 1, Character),
        ("{\"a\":1 \"b\":2}", 7, Character),
        ("[1,]", 3, Character),
        ("[,1]", 1, Character),
        ("[1 2]", 3, Character),
        ("[1:2]", 2, Character),
        ("{}{}", 2, Character),
        ("{}}", 2, Character),
        ("[1]]", 3, Character),
        ("\u{feff}1", 0, Character),
        ("\u{a0}1", 0, Character),
        ("1\u{c}", 1, Character),
        ("// x", 0, Character),
    ] {
        assert_eq!(check(text), Err(Fault { at, problem }), "{text:?}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (text, reason) in [
        ("{\"a\":}", "unexpected character '}' (column 6)"),
        ("[é]", "unexpected character 'é' (column 2)"),
        ("[\0]", "unexpected character U+0000 (column 2)"),
        ("\u{feff}[]", "unexpected character U+FEFF (column 1)"),
        ("[1", "unexpected end of row"),
        ("[\"\t\"]", "control character 0x09 in string (column 3)"),
        ("[\"\\q\"]", "invalid escape in string (column 3)"),
        ("[01]", "invalid number (column 2)"),
    ] {
        let fault = check(text).expect_err(text);
        assert_eq!(fault.reason(text.as_bytes(), 0), reason);
    }
}

#[test]
fn a_row_ends_at_lf_wherever_that_is() {
    let mut scanner = Scanner::default();
    let text = b"[1]\n[2\n]\n\"a\nb\"\n";
    assert_eq!(scanner.check(text, 0).map(|row| (row.value_start, row.value_end, row.end)), Ok((0, 3, 3)));
    assert_eq!(scanner.check(text, 4), Err(Fault { at: 6, problem: Problem::End }));
    assert_eq!(scanner.check(text, 9), Err(Fault { at: 11, problem: Problem::End }));
}

#[test]
fn nests_as_deep_as_the_row_goes() {
    for depth in [63, 64, 65, 127, 128, 129, 100_000] {
        let open: String = (0..depth).map(|i| if i % 3 == 0 { "[" } else { "{\"a\":" }).collect();
        let close: String = (0..depth).rev().map(|i| if i % 3 == 0 { "]" } else { "}" }).collect();
        assert_eq!(check(&format!("{open}1{close}")), Ok(()), "{depth}");
        // A wrong closing bracket far out is still seen.
        let mut wrong = close.clone();
        wrong.replace_range(depth - 1.., "}");
        let at = open.len() + depth;
        assert_eq!(
            check(&format!("{open}1{wrong}")),
            Err(Fault { at, problem: Problem::Character }),
            "{depth}"
        );
        assert!(check(&open).is_err());
    }
    assert!(check(&"[".repeat(100_000)).is_err());
}

#[test]
fn notes_the_members_of_the_top_object_only() {
    let text = br#" { "a" : {"x":[1,{"y":2}]} ,"b\u0063":[] , "" : -1 } "#;
    let mut scanner = Scanner::default();
    let row = scanner.members(text, 0).unwrap();
    assert_eq!(&text[row.value_start..row.value_end], text.trim_ascii());
    let show = |member: &Member| {
        let part = |from: usize, to: usize| std::str::from_utf8(&text[from..to]).unwrap();
        (
            part(member.start - 1, member.start),
            part(member.key_start, member.key_end),
            part(member.value_start, member.value_end),
            member.key_escaped,
        )
    };
    assert_eq!(
        scanner.found.iter().map(show).collect::<Vec<_>>(),
        [
            ("{", "\"a\"", r#"{"x":[1,{"y":2}]}"#, false),
            (",", r#""b\u0063""#, "[]", true),
            (",", "\"\"", "-1", false),
        ]
    );
    scanner.members(b"[{\"a\":1}]", 0).unwrap();
    assert_eq!(scanner.found, []);
}

pub(super) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,20}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What serde_json says, on rows where it and `JSON.parse` agree: it refuses numbers beyond a double (`IgnoredAny` does
/// not look), so that the generator makes none, and lone surrogates only when it decodes.
fn oracle(row: &[u8]) -> bool {
    std::str::from_utf8(row).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(row).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_serde_json_on_whatever(
        value in json(),
        pretty in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), mutation()), 0..4),
    ) {
        let mut text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        for byte in &mut text {
            if *byte == b'\n' { *byte = b' ' }
        }
        for (place, edit) in edits {
            edit.apply(place, &mut text);
        }
        let ours = std::str::from_utf8(&text).is_ok() && Scanner::default().check(&text, 0).is_ok();
        prop_assert_eq!(ours, oracle(&text), "{}", String::from_utf8_lossy(&text));
        // Noting members changes nothing, nor does what stands around the row.
        let mut around = b"{\"x\n".to_vec();
        around.extend_from_slice(&text);
        around.extend_from_slice(b"\n\"]}0123456789abcdef");
        let inner = Scanner::default().members(&around, 4);
        prop_assert_eq!(inner.is_ok(), Scanner::default().check(&text, 0).is_ok());
        if let Ok(row) = inner {
            prop_assert_eq!(row.end, 4 + text.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_found_in_a_row_does_not_depend_on_the_rows_before(
        objects in prop::collection::vec(prop::collection::vec((0..40_usize, json()), 0..12), 1..4),
        rows in prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                prop::collection::vec(any::<prop::sample::Index>(), 0..3),
                prop::sample::select(vec![":", ": ", " : "]),
                prop::collection::vec((any::<prop::sample::Index>(), mutation()), 0..3),
            ),
            1..12,
        ),
    ) {
        let mut text = Vec::new();
        for (object, left_out, colon, edits) in rows {
            // Keys of up to 38 bytes, so that some are too long to be remembered, with escapes in some.
            let mut members: Vec<_> = object.get(&objects).iter().map(|(key, value)| {
                format!("\"{}k{key}{}\"{colon}{value}", if key % 7 == 0 { "\\n" } else { "" }, "x".repeat(key % 36))
            }).collect();
            for member in left_out {
                if !members.is_empty() { members.remove(member.index(members.len())); }
            }
            let mut row = format!("{{{}}}", members.join(",")).into_bytes();
            for (place, edit) in edits {
                edit.apply(place, &mut row);
            }
            text.extend_from_slice(&row);
            text.push(b'\n');
        }
        let mut scanner = Scanner::default();
        let mut at = 0;
        while at < text.len() {
            let mut fresh = Scanner::default();
            let expected = fresh.members(&text, at);
            prop_assert_eq!(scanner.members(&text, at), expected);
            if expected.is_ok() {
                prop_assert_eq!(&scanner.found, &fresh.found);
            }
            prop_assert_eq!(scanner.check(&text, at), expected);
            at += text[at..].iter().position(|&byte| byte == b'\n').unwrap() + 1;
        }
    }

    /// Escapes are looked at many together, wherever the block ends.
    #[test]
    fn strings_of_escapes_agree_with_serde_json(
        parts in prop::collection::vec(
            prop::sample::select(vec!["\\n", "\\\\", "\\\"", "\\u00e9", "\\u12g4", "\\x", "a", "0123456789", "é", "\"", "\t"]),
            0..60,
        ),
        behind in 0..70_usize,
    ) {
        let text = format!("\"{}\"", parts.concat());
        let around = format!("{text}\n{}", "\"".repeat(behind));
        prop_assert_eq!(Scanner::default().check(text.as_bytes(), 0).is_ok(), oracle(text.as_bytes()));
        prop_assert_eq!(Scanner::default().check(around.as_bytes(), 0), Scanner::default().check(text.as_bytes(), 0));
    }
}

#[derive(Debug, Clone)]
enum Mutation {
    Put(u8),
    Insert(u8),
    Remove,
    Cut,
}

impl Mutation {
    fn apply(self, place: prop::sample::Index, text: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let place = place.index(text.len());
        match self {
            Self::Put(byte) => text[place] = byte,
            Self::Insert(byte) => text.insert(place, byte),
            Self::Remove => drop(text.remove(place)),
            Self::Cut => text.truncate(place),
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let byte = prop_oneof![
        4 => prop::sample::select(b"{}[]:,\"\\-+.eE0123456789 \t\rtrufalsn\0\x1f/".to_vec()),
        1 => any::<u8>().prop_filter("a row holds no LF", |&byte| byte != b'\n'),
    ];
    prop_oneof![
        byte.clone().prop_map(Mutation::Put),
        byte.prop_map(Mutation::Insert),
        Just(Mutation::Remove),
        Just(Mutation::Cut),
    ]
}
