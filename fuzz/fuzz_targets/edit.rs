//! Edits do to a row's text what a model does to the list of its members, however the stream is cut and whether or not the
//! rows were checked before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::digest::Algorithm;
use millrace::codec::json::{
    Edit, EditOptions, HashField, OnInvalid, RowJoiner, RowOptions, SetValue, Utf8, Validate,
};
use millrace::codec::{BlockJob, BlockStage};
use millrace_fuzz::{Plan, run_blocks};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let pick = |bit, name: &str| plan.option(bit).then(|| name.to_owned());
    let base = EditOptions {
        rows: RowOptions {
            on_invalid: OnInvalid::Skip,
            utf8: if plan.option(7) { Utf8::Replace } else { Utf8::Error },
            ..RowOptions::default()
        },
        remove: pick(0, "e").into_iter().collect(),
        rename: [pick(1, "a"), pick(2, "c")].into_iter().flatten().map(|old| (old, "b".into())).collect(),
        set: [pick(3, "b"), pick(4, "d")]
            .into_iter()
            .flatten()
            .map(|n| (n, SetValue::Json("[1]".into())))
            .collect(),
        hash: None,
    };
    let hash =
        HashField { field: "h".into(), algorithm: Algorithm::Sha256, length: usize::from(plan.cuts[0]) };
    let hashed = plan.option(5);
    let edit = Edit::new(EditOptions { hash: hashed.then(|| hash.clone()), ..base.clone() });
    let run = |plan| run_blocks(&edit, RowJoiner::new(), plan);
    let whole = run(plan.whole());
    assert_eq!(run(plan), whole);

    let valid = run_blocks(&Validate::new(base.rows), RowJoiner::new(), plan.whole()).bytes;
    let mut checked = Vec::new();
    let job = BlockJob { bytes: &valid, offset: 0, first: false, last: true, overlong: None, now_ms: 0 };
    edit.run_checked(job, &mut checked);
    assert_eq!(String::from_utf8_lossy(&checked), String::from_utf8_lossy(&whole.bytes));

    // What the hash is of: the row without it.
    let mut remove = base.remove.clone();
    remove.extend(hashed.then(|| "h".to_owned()));
    let mut bare = Vec::new();
    Edit::new(EditOptions { remove, ..base.clone() }).run(job, &mut bare);
    let (bare, text) = (String::from_utf8(bare).unwrap(), String::from_utf8(checked).unwrap());
    let valid = String::from_utf8(valid).unwrap();
    let objects = valid.lines().filter(|row| row.trim_start_matches([' ', '\t', '\r']).starts_with('{'));
    assert_eq!((objects.clone().count(), bare.lines().count()), (text.lines().count(), text.lines().count()));
    for ((row, out), bare) in objects.zip(text.split_terminator('\n')).zip(bare.split_terminator('\n')) {
        // serde_json knows no lone surrogates and no numbers beyond a double.
        let Ok(Members(members)) = serde_json::from_str(row) else { continue };
        let Members(mut found) = serde_json::from_str(out).unwrap();
        if hashed {
            let digest = Algorithm::Sha256.digest(bare.trim_matches([' ', '\t', '\r']).as_bytes());
            let hex: String = digest.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
            let at = found.iter().position(|(name, _)| name == "h").unwrap();
            assert_eq!(found.remove(at).1, Value::from(&hex[..hash.length.min(64)]));
        }
        assert_eq!(found, model(members, &base, hashed), "{row}");
    }
});

/// The members of an object in order, doubled ones too.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(List)
    }
}

fn model(mut row: Vec<(String, Value)>, options: &EditOptions, hashed: bool) -> Vec<(String, Value)> {
    row.retain(|(name, _)| !options.remove.contains(name) && !(hashed && name == "h"));
    let new_name = |old: &str| options.rename.iter().find(|(from, _)| from == old).map(|(_, to)| to.clone());
    let taken: Vec<String> = row.iter().filter_map(|(name, _)| new_name(name)).collect();
    let mut renamed: Vec<(String, Value)> = Vec::new();
    for (name, value) in &row {
        match new_name(name) {
            None if taken.contains(name) => {}
            None => renamed.push((name.clone(), value.clone())),
            Some(new) if renamed.iter().any(|(name, _)| *name == new) => {}
            Some(new) => {
                let last = row.iter().rfind(|(other, _)| other == name).unwrap();
                renamed.push((new, last.1.clone()));
            }
        }
    }
    for (name, _) in &options.set {
        let value = Value::from(vec![1]);
        match renamed.iter().position(|(other, _)| other == name) {
            Some(at) => {
                renamed[at].1 = value;
                let mut index = 0;
                renamed.retain(|(other, _)| {
                    index += 1;
                    index <= at + 1 || other != name
                });
            }
            None => renamed.push((name.clone(), value)),
        }
    }
    renamed
}
