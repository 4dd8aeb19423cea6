//! The row scanner accepts what serde_json accepts, the members that it finds make up the object, and it finds the same ones
//! whatever rows it has seen.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::json::Scanner;
use serde::de::IgnoredAny;
use serde_json::{Value, from_slice, from_str};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let row = text.split('\n').next().unwrap_or_default();
    let mut scanner = Scanner::default();
    let found = scanner.check(text.as_bytes(), 0);
    assert_eq!(found.is_ok(), from_str::<IgnoredAny>(row).is_ok(), "{found:?}");
    assert_eq!(scanner.members(text.as_bytes(), 0), found);
    // What is found in a row does not depend on the rows before.
    let mut at = row.len() + 1;
    for next in text.split('\n').skip(1) {
        let mut fresh = Scanner::default();
        assert_eq!(scanner.members(text.as_bytes(), at), fresh.members(text.as_bytes(), at));
        assert!(fresh.check(text.as_bytes(), at).is_err() || scanner.found == fresh.found);
        at += next.len() + 1;
    }
    assert_eq!(scanner.members(text.as_bytes(), 0), found);
    let Ok(found) = found else { return };
    assert_eq!(found.end, row.len());
    let value = &row[found.value_start..found.value_end];
    assert_eq!(value, row.trim_matches([' ', '\t', '\r']));
    if value.starts_with('{') {
        let part = |from: usize, to: usize| from_slice::<IgnoredAny>(&data[from..to]).unwrap();
        let mut members = Vec::new();
        for member in &scanner.found {
            part(member.key_start, member.key_end);
            part(member.value_start, member.value_end);
            let (key, value) =
                (&row[member.key_start..member.key_end], &row[member.value_start..member.value_end]);
            assert_eq!(member.key_escaped, key.contains('\\'));
            members.push(format!("{key}:{value}"));
        }
        // Values are out of serde_json's reach where they nest deep or hold lone surrogates.
        if let Ok(value) = from_str::<Value>(value) {
            assert_eq!(from_str::<Value>(&format!("{{{}}}", members.join(","))).unwrap(), value);
        }
    } else {
        assert!(scanner.found.is_empty());
    }
});
