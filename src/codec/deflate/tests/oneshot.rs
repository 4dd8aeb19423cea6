use super::*;
use crate::codec::ErrorKind;

#[test]
fn every_input_and_mode_reads_back() {
    for (name, input) in inputs() {
        for (format, mode) in FORMATS {
            let deflated = compress(&DeflateOptions::new(format), &input, usize::MAX).unwrap();
            for mode in [mode, InflateMode::Unzip] {
                if format == Format::Raw && mode == InflateMode::Unzip {
                    continue;
                }
                let options = InflateOptions::new(mode);
                let done = decompress(&options, &deflated, input.len()).unwrap();
                assert!(done.bytes == input && done.consumed == deflated.len(), "{name} {mode:?}");
                if !input.is_empty() {
                    let error = decompress(&options, &deflated, input.len() - 1).unwrap_err();
                    assert_eq!(error.kind, ErrorKind::OutputTooLarge, "{name} {mode:?}");
                    let error =
                        compress(&DeflateOptions::new(format), &input, deflated.len() - 1).unwrap_err();
                    assert_eq!(error.kind, ErrorKind::OutputTooLarge, "{name} {mode:?}");
                }
            }
        }
    }
}

/// The fast way must not take a first member for all of them, even where the sizes fit.
#[test]
fn equal_members_are_all_read() {
    let member = compress(&DeflateOptions::new(Format::Gzip), b"again", usize::MAX).unwrap();
    let done = decompress(&InflateOptions::new(InflateMode::Gunzip), &member.repeat(3), usize::MAX).unwrap();
    assert_eq!((done.bytes, done.consumed), (b"againagainagain".to_vec(), member.len() * 3));
}

#[test]
fn what_is_left_over_is_counted() {
    let member = compress(&DeflateOptions::new(Format::Gzip), b"one", usize::MAX).unwrap();
    let input = [&member[..], b"rest"].concat();
    let first = InflateOptions { members: Members::First, ..InflateOptions::new(InflateMode::Gunzip) };
    let done = decompress(&first, &input, usize::MAX).unwrap();
    assert_eq!((done.bytes, done.consumed), (b"one".to_vec(), member.len()));
}

#[test]
fn a_false_size_reserves_nothing() {
    let mut member = compress(&DeflateOptions::new(Format::Gzip), &log_text(1000), usize::MAX).unwrap();
    let end = member.len();
    member[end - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = decompress(&InflateOptions::new(InflateMode::Gunzip), &member, usize::MAX).unwrap_err();
    assert_eq!(error.message, "incorrect length check");
}

#[test]
fn serial_options_give_the_stream_s_bytes() {
    let input = log_text(200_000);
    for level in [0, 6] {
        let options = DeflateOptions { level, window_bits: 12, ..DeflateOptions::new(Format::Zlib) };
        let mut encoder = DeflateEncoder::new(options.clone()).unwrap();
        let (stream, _, error) = run(&mut encoder, &input, || 1000, 4096);
        assert_eq!(error, None);
        assert!(compress(&options, &input, usize::MAX).unwrap() == stream);
    }
}

/// Encoders are used again, whatever their options were.
#[test]
fn what_an_encoder_did_before_does_not_show() {
    let input = log_text(3000);
    let all: Vec<_> =
        [(0, 0, None), (6, 2, None), (9, 0, Some(input[..300].to_vec())), (1, 3, None), (0, 4, None)]
            .into_iter()
            .flat_map(|(level, strategy, dictionary)| {
                FORMATS.map(|(format, _)| DeflateOptions {
                    level,
                    strategy,
                    dictionary: dictionary.clone(),
                    window_bits: 14,
                    ..DeflateOptions::new(format)
                })
            })
            .collect();
    for before in &all {
        for options in &all {
            compress(before, &input, usize::MAX).unwrap();
            let mut encoder = DeflateEncoder::new(options.clone()).unwrap();
            let (fresh, ..) = run(&mut encoder, &input, || usize::MAX, 1 << 16);
            assert!(compress(options, &input, usize::MAX).unwrap() == fresh, "{options:?} after {before:?}");
        }
    }
}
