use proptest::prelude::*;

use super::super::super::Joiner;
use super::super::super::cut::Cutter;
use super::super::CaseJoiner;
use super::*;

/// Maps `input` in pieces of these lengths, over and over, as an executor would.
fn mapped(case: CaseMap, input: &[u8], lengths: &[usize], target: usize) -> Vec<u8> {
    let mut cutter = Cutter::new(case.cut(), target);
    let mut joiner = CaseJoiner::new(case);
    let mut all = Vec::new();
    let mut run = |bytes: &[u8], offset: u64, first: bool, last: bool| {
        let mut body = Vec::new();
        let report = case.run(BlockJob { bytes, offset, first, last, overlong: None, now_ms: 0 }, &mut body);
        assert_eq!((report.bytes_in, &report.rejects[..]), (bytes.len() as u64, &[][..]));
        joiner.join(first, last, report, &mut body, &mut Vec::new()).unwrap();
        all.append(&mut body);
    };
    let mut rest = input;
    for &length in lengths.iter().cycle() {
        let (now, later) = rest.split_at(length.min(rest.len()));
        cutter.push(now.to_vec());
        while let Some(block) = cutter.next(length % 2 == 0) {
            run(&block.bytes, block.offset, block.first, false);
        }
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    let block = cutter.finish();
    run(&block.bytes, block.offset, block.first, true);
    all
}

fn expected(case: CaseMap, input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    match case {
        CaseMap::Upper => text.to_uppercase(),
        CaseMap::Lower => text.to_lowercase(),
    }
}

fn check(input: &[u8], lengths: &[usize], target: usize) -> Result<(), TestCaseError> {
    for case in [CaseMap::Upper, CaseMap::Lower] {
        let all = mapped(case, input, lengths, target);
        let expected = expected(case, input);
        prop_assert_eq!(std::str::from_utf8(&all).unwrap_or("(invalid)"), &expected[..], "{:?}", case);
    }
    Ok(())
}

/// Bytes in which sigmas, what matters around them, special mappings, and broken sequences are frequent.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just("Σ".as_bytes().to_vec()),
        3 => prop::sample::select(vec!["'", ".", "\u{301}", "\u{ad}", "ʰ", "’", "\u{345}"]).prop_map(Vec::from),
        2 => prop::sample::select(vec!["σ", "ς", "ß", "İ", "ı", "ŉ", "ﬁ", "Ǆ", "ΐ", "ᾳ", "K", "𐐨", "ა"]).prop_map(Vec::from),
        2 => prop::sample::select(vec![" ", "\n", "7", "字", "😀", "한", "\u{feff}"]).prop_map(Vec::from),
        2 => "[a-zA-Z ]{1,30}".prop_map(String::into_bytes),
        1 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => prop::collection::vec(0x80u8..=0xff, 1..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn mapping_is_that_of_the_whole_text(
        input in text(),
        lengths in prop::collection::vec(1usize..9, 1..20),
        target in 0usize..40,
    ) {
        check(&input, &lengths, target)?;
        check(&input, &[2], 0)?;
        check(&input, &[input.len().max(1)], 1)?;
    }
}

#[test]
fn every_character_maps_as_std_has_it() {
    let all: String = (0..=0x10_ffffu32).filter_map(char::from_u32).flat_map(|c| [c, ' ']).collect();
    for lengths in [&[1 << 22][..], &[1000, 77]] {
        check(all.as_bytes(), lengths, 500).unwrap();
    }
}

#[test]
fn a_sigma_looks_ahead_so_far_and_no_farther() {
    for (dots, small) in [(SIGMA_LOOK_AHEAD - 1, "σ"), (SIGMA_LOOK_AHEAD, "ς"), (2 * SIGMA_LOOK_AHEAD, "ς")]
    {
        for before in ["a", "a'", "'a"] {
            let input = format!("{before}Σ{}B", ".".repeat(dots));
            let expected = format!("{before}{small}{}b", ".".repeat(dots));
            for lengths in
                [&[1 << 20][..], &[2], &[4 + before.len(), SIGMA_LOOK_AHEAD - 2], &[before.len() + 2, 2]]
            {
                let all = mapped(CaseMap::Lower, input.as_bytes(), lengths, 0);
                assert!(all == expected.as_bytes(), "{before} {dots} {lengths:?}");
            }
        }
    }
}

#[test]
fn only_a_sigma_is_held_back() {
    let mut joiner = CaseJoiner::new(CaseMap::Lower);
    let mut emit = |text: &str, last: bool| {
        let mut body = Vec::new();
        CaseMap::Lower.run(
            BlockJob { bytes: text.as_bytes(), offset: 0, first: false, last, overlong: None, now_ms: 0 },
            &mut body,
        );
        joiner.join(false, last, Report::default(), &mut body, &mut Vec::new()).unwrap();
        String::from_utf8(body).unwrap()
    };
    assert_eq!(emit("AB'", false), "ab'");
    assert_eq!(emit("CΣ", false), "c");
    assert_eq!(emit(".", false), "");
    assert_eq!(emit(" Σ", false), "ς. σ");
    assert_eq!(emit("ΑΣ", false), "α");
    assert_eq!(emit("", true), "ς");
}
