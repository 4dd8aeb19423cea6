//! Round trips at all lengths, by three decoders: miniz, zlib-rs and libdeflate.

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::codec::deflate::tests::{log_text, random};
use crate::codec::deflate::{InflateMode, InflateOptions, decompress};

const DEPTHS: [Depth; 4] = [Depth::One, Depth::Two, Depth::Four, Depth::FourShort];

/// Without a trial, which only long inputs have.
fn encode(bytes: &[u8], depth: Depth, last: bool) -> Vec<u8> {
    let mut out = b"before".to_vec();
    let view = View::new(bytes).unwrap();
    assert!(RepeatsEncoder::new().encode_view(view, depth, last, f32::MAX, &mut out));
    assert_eq!(out[..6], *b"before");
    out.split_off(6)
}

/// Checks a whole stream against its plain bytes.
fn check(deflated: &[u8], plain: &[u8]) {
    let mut rest = deflated;
    let mut inflated = Vec::new();
    flate2::bufread::DeflateDecoder::new(&mut rest).read_to_end(&mut inflated).unwrap();
    assert!(inflated == plain && rest.is_empty());
    // libdeflate has what it can; a limit of the ratio leaves it to zlib-rs.
    for max_ratio in [None, Some(2000.0)] {
        let options = InflateOptions { max_ratio, ..InflateOptions::new(InflateMode::InflateRaw) };
        let inflated = decompress(&options, deflated, plain.len()).unwrap();
        assert!(inflated.bytes == plain && inflated.consumed == deflated.len());
    }
}

#[test]
fn far_and_near_repeats_read_back() {
    for period in [1, 2, 3, 7, 15, 16, 17, 258, 259, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537] {
        let piece = random(period);
        let plain: Vec<u8> = piece.iter().copied().cycle().take(200_003).collect();
        for depth in DEPTHS {
            let deflated = encode(&plain, depth, true);
            check(&deflated, &plain);
            let within_the_window = period <= 32_768;
            assert_eq!(deflated.len() < 2 * period + 2000, within_the_window, "{period}");
        }
    }
}

#[test]
fn what_does_not_compress_is_stored() {
    for rows in [0, 16, 150_000] {
        let plain = [log_text(rows), random(1_000_000)].concat();
        let deflated = encode(&plain, Depth::Two, true);
        check(&deflated, &plain);
        assert!(deflated.len() <= rows / 3 + 1_000_000 + 16 * 5 + 600, "{rows}: {}", deflated.len());
    }
}

#[test]
fn the_trial_leaves_other_data_alone() {
    let mut encoder = RepeatsEncoder::new();
    let mut out = vec![1, 2];
    for plain in [random(300_000), log_text(TRIAL - 1), vec![], [log_text(65_536), random(300_000)].concat()]
    {
        assert!(!encoder.encode(&plain, Depth::Two, true, &mut out));
        assert_eq!(out, [1, 2]);
    }
    assert!(encoder.encode(&b"a row like all others\n".repeat(10_000), Depth::Two, true, &mut out));
    check(&out[2..], &b"a row like all others\n".repeat(10_000));
}

#[test]
fn strings_become_short_where_little_else_than_copies_is_left() {
    // A number a row, now and then another row in between.
    let plain: Vec<u8> = (0..40_000u32)
        .flat_map(|row| {
            let kind = if row.is_multiple_of(50) { "another kind of row" } else { "one kind of row" };
            format!(
                "{kind} whose words are those of all others, as long as they are, but for number {row:07}\n"
            )
            .into_bytes()
        })
        .collect();
    for depth in DEPTHS {
        let deflated = encode(&plain, depth, true);
        check(&deflated, &plain);
        assert!(deflated.len() < plain.len() / 20, "{depth:?}: {}", deflated.len());
    }
}

#[test]
fn what_an_encoder_did_before_does_not_show() {
    let plain = log_text(400_000);
    let other: Vec<u8> = plain.iter().rev().copied().collect();
    let mut encoder = RepeatsEncoder::new();
    let mut encode = |bytes: &[u8]| {
        let mut out = Vec::new();
        assert!(encoder.encode_view(View::new(bytes).unwrap(), Depth::Two, true, f32::MAX, &mut out));
        out
    };
    let first = encode(&plain);
    encode(&other);
    assert!(encode(&plain) == first);
}

/// Bytes of few kinds, of many, runs, and earlier bytes again.
fn mixed() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..40),
        prop::collection::vec(97u8..100, 1..60),
        (any::<u8>(), 1usize..600).prop_map(|(byte, count)| vec![byte; count]),
    ];
    let again = (0usize..5000, 1usize..400);
    prop::collection::vec((piece, again), 1..60).prop_map(|pieces| {
        let mut all = Vec::new();
        for (piece, (back, count)) in pieces {
            all.extend(piece);
            let from = all.len().saturating_sub(back);
            let until = all.len().min(from + count);
            all.extend_from_within(from..until);
        }
        all.resize(all.len().max(View::SHORTEST), 7);
        all
    })
}

proptest! {
    #[test]
    fn any_bytes_read_back(plain in mixed(), depth in prop::sample::select(&DEPTHS[..]), cut in any::<prop::sample::Index>()) {
        check(&encode(&plain, depth, true), &plain);
        // A block that is not the last, and one behind it.
        let cut = cut.index(plain.len() + 1);
        if cut >= View::SHORTEST && plain.len() - cut >= View::SHORTEST {
            let (one, other) = plain.split_at(cut);
            let mut deflated = encode(one, depth, false);
            prop_assert!(deflated.ends_with(&[0, 0, 0xff, 0xff]));
            deflated.extend(encode(other, depth, true));
            check(&deflated, &plain);
        }
    }
}
