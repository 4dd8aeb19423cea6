use super::*;
use crate::codec::{ErrorKind, FlushKind};
use proptest::prelude::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    compress(&DeflateOptions::new(Format::Gzip), bytes, usize::MAX).unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    compress(&DeflateOptions::new(Format::Zlib), bytes, usize::MAX).unwrap()
}

/// Decodes byte by byte and whole, which must agree. The bytes, those consumed, and the error.
fn decode(options: &InflateOptions, input: &[u8]) -> (Vec<u8>, usize, Option<CodecError>) {
    let mut decoder = InflateDecoder::new(options.clone()).unwrap();
    let whole = run(&mut decoder, input, || usize::MAX, 1 << 16);
    decoder.reset();
    let bytes = run(&mut decoder, input, || 1, 1 << 16);
    assert_eq!(whole.0, bytes.0);
    assert_eq!(whole.2.as_ref().map(|error| &error.message), bytes.2.as_ref().map(|error| &error.message));
    if whole.2.is_none() {
        assert_eq!(whole.1, bytes.1);
    }
    whole
}

fn message(mode: InflateMode, input: &[u8]) -> String {
    match decode(&InflateOptions::new(mode), input).2 {
        Some(error) => format!("{:?} {}", error.kind, error.message),
        None => "none".into(),
    }
}

#[test]
fn every_input_mode_and_cutting_reads_back() {
    for (name, input) in inputs() {
        for (format, mode) in FORMATS {
            let deflated = compress(&options(format, 6), &input, usize::MAX).unwrap();
            let modes = [Some(mode), (format != Format::Raw).then_some(InflateMode::Unzip)];
            for mode in modes.into_iter().flatten() {
                for (cutting, cut) in cuttings(deflated.len()) {
                    let mut decoder = InflateDecoder::new(InflateOptions::new(mode)).unwrap();
                    let room = if input.len() < 100_000 { 13 } else { 65536 };
                    let (out, consumed, error) = run(&mut decoder, &deflated, cut, room);
                    assert_eq!((consumed, error), (deflated.len(), None), "{name} {mode:?} {cutting}");
                    assert!(out == input, "{name} {mode:?} {cutting}");
                    assert_eq!(decoder.total_in(), deflated.len() as u64);
                    assert_eq!(decoder.total_out(), input.len() as u64);
                }
            }
        }
    }
}

/// What `node:zlib` of Node 20 says of each.
#[test]
fn errors_are_those_of_node() {
    use InflateMode::{Gunzip, Inflate, InflateRaw, Unzip};
    let (g, z) = (gzip(b"hello"), zlib(b"hello"));
    let with = |base: &[u8], behind: &[u8]| [base, behind].concat();
    let changed = |base: &[u8], at: usize, to: u8| {
        let mut bytes = base.to_vec();
        bytes[at] = to;
        bytes
    };
    let end = g.len();
    for (mode, input, expected) in [
        (Gunzip, with(&g, &[0, 1, 2, 3]), "none"),
        (Gunzip, with(&g, b"xyz"), "ZData incorrect header check"),
        (Gunzip, with(&g, &[0x1f]), "ZBuf unexpected end of file"),
        (Gunzip, with(&g, &[0x1f, 0x8b]), "ZBuf unexpected end of file"),
        (Gunzip, with(&g, &[0x1f, 0]), "ZData incorrect header check"),
        (Gunzip, with(&g, &[0x1f, 0x8b, 0xff, 0xff]), "ZData unknown compression method"),
        (Gunzip, with(&g, &[0, 0, 0x1f, 0x8b]), "none"),
        (Inflate, with(&z, b"xyz"), "none"),
        (Unzip, with(&z, b"xyz"), "none"),
        (Unzip, with(&g, b"xyz"), "ZData incorrect header check"),
        (Unzip, vec![], "ZBuf unexpected end of file"),
        (Gunzip, vec![], "ZBuf unexpected end of file"),
        (Inflate, vec![], "ZBuf unexpected end of file"),
        (InflateRaw, vec![], "ZBuf unexpected end of file"),
        (Unzip, vec![0x1f], "ZBuf unexpected end of file"),
        (Unzip, vec![0x1f, 0x8b], "ZBuf unexpected end of file"),
        (Unzip, vec![0x1f, 0], "ZData unknown compression method"),
        (Unzip, vec![0x78], "ZBuf unexpected end of file"),
        (Unzip, vec![0], "ZBuf unexpected end of file"),
        (Unzip, vec![0, 0], "ZData unknown compression method"),
        (Gunzip, z.clone(), "ZData incorrect header check"),
        (Inflate, g.clone(), "ZData incorrect header check"),
        (Gunzip, changed(&g, end - 8, g[end - 8] ^ 1), "ZData incorrect data check"),
        (Gunzip, changed(&g, end - 4, g[end - 4] ^ 1), "ZData incorrect length check"),
        (Inflate, changed(&z, z.len() - 1, z[z.len() - 1] ^ 1), "ZData incorrect data check"),
        (Gunzip, changed(&g, 2, 7), "ZData unknown compression method"),
        (Gunzip, changed(&g, 3, 0xe0), "ZData unknown header flags set"),
        (Unzip, changed(&g, 2, 7), "ZData unknown compression method"),
        (InflateRaw, vec![0xff, 0xff], "ZData invalid block type"),
        (InflateRaw, vec![1, 0, 0, 0, 0], "ZData invalid stored block lengths"),
        (InflateRaw, vec![0x4b, 0x04, 0x22, 0x00], "ZData invalid distance too far back"),
        (InflateRaw, vec![0xfc, 0, 0], "ZData too many length or distance symbols"),
        (InflateRaw, vec![4, 0, 0xfe, 0xff], "ZData invalid code lengths set"),
    ] {
        let got = message(mode, &input);
        assert_eq!(got, expected, "{mode:?} {input:x?}");
    }
}

/// A block in fixed codes: some literals, and a match whose distance code does not exist (RFC 1951, section 3.2.6).
fn block_with_a_bad_distance() -> Vec<u8> {
    let mut bits = vec![1, 1, 0];
    // Huffman codes have their highest bit first.
    let mut code =
        |value: u32, length: u32| bits.extend((0..length).rev().map(|bit| (value >> bit & 1) as u8));
    for _ in 0..40 {
        code(0x30 + u32::from(b'a'), 8);
    }
    code(1, 7);
    code(30, 5);
    bits.extend([0; 160]);
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |all, bit| all << 1 | bit)).collect()
}

#[test]
fn an_error_far_from_the_start_is_told_as_byte_by_byte() {
    // Text goes past checkpoints for its output, noise past those for its input.
    for plain in [vec![], log_text(100 << 10), log_text(3 << 20), random(300 << 10)] {
        let flush = Directive::Flush(FlushKind::Sync);
        let mut input = compress_until(&options(Format::Raw, 6), &plain, flush, usize::MAX).unwrap();
        input.extend(block_with_a_bad_distance());
        let (out, _, error) = decode(&InflateOptions::new(InflateMode::InflateRaw), &input);
        assert_eq!(error.unwrap().message, "invalid distance code");
        assert!(out == [&plain[..], &[b'a'; 40]].concat(), "{} bytes of {}", out.len(), plain.len());
    }
}

#[test]
fn dictionaries_are_asked_for_as_node_does() {
    let dictionary = Some(b"hello there".to_vec());
    let with = |format| DeflateOptions { dictionary: dictionary.clone(), ..DeflateOptions::new(format) };
    let z = compress(&with(Format::Zlib), b"hello there", 100).unwrap();
    let raw = compress(&with(Format::Raw), b"hello there", 100).unwrap();
    for mode in [InflateMode::Inflate, InflateMode::Unzip] {
        let options = InflateOptions::new(mode);
        let error = decode(&options, &z).2.unwrap();
        assert_eq!((error.kind, &*error.message), (ErrorKind::ZNeedDict, "Missing dictionary"));
        let bad = InflateOptions { dictionary: Some(b"x".to_vec()), ..options.clone() };
        let error = decode(&bad, &z).2.unwrap();
        assert_eq!((error.kind, &*error.message), (ErrorKind::ZNeedDict, "Bad dictionary"));
        let good = InflateOptions { dictionary: dictionary.clone(), ..options };
        assert_eq!(decode(&good, &z), (b"hello there".to_vec(), z.len(), None));
    }
    let options = InflateOptions::new(InflateMode::InflateRaw);
    assert_eq!(message(InflateMode::InflateRaw, &raw), "ZData invalid distance too far back");
    let good = InflateOptions { dictionary: dictionary.clone(), ..options };
    assert_eq!(decode(&good, &raw).0, b"hello there");
    let gunzip = InflateOptions { dictionary, ..InflateOptions::new(InflateMode::Gunzip) };
    assert_eq!(decode(&gunzip, &gzip(b"hello")).0, b"hello");
}

#[test]
fn windows_are_bounded_by_the_option() {
    let z = zlib(b"hello");
    let small = InflateOptions { window_bits: 8, ..InflateOptions::new(InflateMode::Inflate) };
    assert_eq!(decode(&small, &z).2.unwrap().message, "invalid window size");
    for mode in [InflateMode::Inflate, InflateMode::Unzip, InflateMode::Gunzip] {
        let any = InflateOptions { window_bits: 0, ..InflateOptions::new(mode) };
        let input = if mode == InflateMode::Gunzip { gzip(b"hello") } else { z.clone() };
        assert_eq!(decode(&any, &input).0, b"hello");
    }
}

#[test]
fn members_follow_each_other() {
    let (a, b) = (gzip(b"first"), gzip(&log_text(9000)));
    let both = [&a[..], &b].concat();
    let plain = [b"first", &log_text(9000)[..]].concat();
    for mode in [InflateMode::Gunzip, InflateMode::Unzip] {
        let all = InflateOptions::new(mode);
        assert_eq!(decode(&all, &both), (plain.clone(), both.len(), None));
        let first = InflateOptions { members: Members::First, ..all.clone() };
        assert_eq!(decode(&first, &both), (b"first".to_vec(), a.len(), None));
        // Zeros end it, and what follows is not looked at.
        let padded = [&a[..], &[0; 5], &b].concat();
        assert_eq!(decode(&all, &padded), (b"first".to_vec(), a.len(), None));
        let strict = InflateOptions { reject_garbage_after_end: true, ..all.clone() };
        assert_eq!(decode(&strict, &both).2, None);
        let error = decode(&strict, &padded).2.unwrap();
        assert_eq!((error.kind, error.offset), (ErrorKind::ZTrailing, Some(a.len() as u64)));
        let error = decode(&all, &[&a[..], b"junk"].concat());
        assert_eq!(error.0, b"first");
        assert!(matches!(error.2, Some(CodecError { kind: ErrorKind::ZData, .. })));
    }
    let strict =
        InflateOptions { reject_garbage_after_end: true, ..InflateOptions::new(InflateMode::Inflate) };
    let z = zlib(b"hello");
    assert_eq!(decode(&strict, &z), (b"hello".to_vec(), z.len(), None));
    assert_eq!(decode(&strict, &[&z[..], b"x"].concat()).2.unwrap().kind, ErrorKind::ZTrailing);
}

#[test]
fn truncation_anywhere_is_an_error_unless_allowed() {
    let plain = log_text(500);
    let whole = gzip(&plain);
    for length in 0..whole.len() {
        let options = InflateOptions::new(InflateMode::Gunzip);
        let (out, _, error) = decode(&options, &whole[..length]);
        let error = error.unwrap();
        assert_eq!((error.kind, &*error.message), (ErrorKind::ZBuf, "unexpected end of file"));
        assert_eq!(error.offset, Some(length as u64));
        assert!(plain.starts_with(&out));
        let lenient = InflateOptions { finish_flush_sync: true, ..options };
        assert_eq!(decode(&lenient, &whole[..length]), (out, length, None));
    }
}

#[test]
fn output_is_bounded_to_the_byte() {
    let deflated = gzip(&log_text(100_000));
    for max in [0, 1, 65_535, 65_536, 99_999] {
        let options = InflateOptions { max_output: Some(max), ..InflateOptions::new(InflateMode::Gunzip) };
        let (out, _, error) = decode(&options, &deflated);
        assert_eq!((out.len() as u64, error.unwrap().kind), (max, ErrorKind::OutputTooLarge));
    }
    let options = InflateOptions { max_output: Some(100_000), ..InflateOptions::new(InflateMode::Gunzip) };
    assert_eq!(decode(&options, &deflated).2, None);
}

#[test]
fn bombs_are_stopped_by_the_ratio() {
    let options = InflateOptions { max_ratio: Some(100.0), ..InflateOptions::new(InflateMode::Gunzip) };
    let (out, _, error) = decode(&options, &gzip(&vec![0; 8 << 20]));
    assert_eq!((out.len(), error.unwrap().kind), (1 << 20, ErrorKind::RatioTooLarge));
    assert_eq!(decode(&options, &gzip(&vec![0; 1_000_000])).2, None);
    assert_eq!(decode(&options, &gzip(&log_text(3 << 20))).2, None);
}

/// A first byte that found no room must not be taken for two.
#[test]
fn a_full_buffer_does_not_mislead_unzip() {
    let member = gzip(b"twice").repeat(2);
    let mut decoder = InflateDecoder::new(InflateOptions::new(InflateMode::Unzip)).unwrap();
    let mut out = Vec::new();
    let progress = decoder.step(&member[..1], Directive::Run, &mut out, 0).unwrap();
    assert_eq!((progress.consumed, progress.status), (0, Status::OutputFull));
    assert_eq!(run(&mut decoder, &member, || 1, 100), (b"twicetwice".to_vec(), member.len(), None));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), mode in 0usize..4) {
        let mode = [InflateMode::Gunzip, InflateMode::Inflate, InflateMode::InflateRaw, InflateMode::Unzip][mode];
        let _ = decode(&InflateOptions::new(mode), &bytes);
    }

    #[test]
    fn changed_bytes_are_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        level in 0i32..=9,
        mode in 0usize..3,
    ) {
        let (format, mode) = FORMATS[mode];
        let mut bytes = compress(&options(format, level), &log_text(4000), usize::MAX).unwrap();
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        let options = InflateOptions::new(mode);
        let (out, _, error) = decode(&options, &bytes);
        // The call for all at once must say the same.
        match (decompress(&options, &bytes, usize::MAX), error) {
            (Ok(all), None) => prop_assert!(all.bytes == out),
            (Err(one), Some(other)) => prop_assert_eq!(one, other),
            (one, other) => prop_assert!(false, "{:?} {:?}", one, other),
        }
    }
}
