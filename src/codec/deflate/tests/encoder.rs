use super::*;
use crate::codec::{ErrorKind, FlushKind};

fn step(encoder: &mut DeflateEncoder, input: &[u8], directive: Directive) -> Vec<u8> {
    let mut out = Vec::new();
    let progress = encoder.step(input, directive, &mut out, 1 << 20).unwrap();
    assert_eq!((progress.consumed, progress.status), (input.len(), Status::Done));
    out
}

#[test]
fn every_input_format_level_and_cutting_reads_back() {
    for (name, input) in inputs() {
        for (format, _) in FORMATS {
            for level in [-1, 0, 1, 3, 6, 9] {
                if level == 9 && input.len() > BLOCK_BYTES {
                    continue;
                }
                let mut first: Option<Vec<u8>> = None;
                for (cutting, cut) in cuttings(input.len()) {
                    let mut encoder = DeflateEncoder::new(options(format, level)).unwrap();
                    let (out, consumed, error) = run(&mut encoder, &input, cut, 60_000);
                    assert_eq!((consumed, error), (input.len(), None));
                    assert!(judge(format, &out) == input, "{name} {format:?} {level} {cutting}");
                    let same = first.get_or_insert_with(|| out.clone());
                    assert!(*same == out, "{name} {format:?} {level} {cutting} differs");
                }
            }
        }
    }
}

#[test]
fn output_does_not_depend_on_the_room() {
    let input = log_text(50_000);
    for level in [0, 1, 6] {
        for kind in [FlushKind::Partial, FlushKind::Sync, FlushKind::Full, FlushKind::Block] {
            let with_room = |room: usize| {
                let mut encoder = DeflateEncoder::new(options(Format::Gzip, level)).unwrap();
                let mut all = Vec::new();
                let jobs = [
                    (&input[..20_000], Directive::Flush(kind)),
                    (&input[20_000..30_000], Directive::Run),
                    (&input[30_000..30_000], Directive::Flush(kind)),
                    (&input[30_000..], Directive::Finish),
                ];
                for (mut piece, directive) in jobs {
                    loop {
                        let mut out = Vec::with_capacity(room);
                        let progress = encoder.step(piece, directive, &mut out, room).unwrap();
                        assert!(out.len() <= room);
                        piece = &piece[progress.consumed..];
                        all.extend(out);
                        if progress.status == Status::Done {
                            break;
                        }
                    }
                }
                all
            };
            let whole = with_room(1 << 20);
            assert!(judge(Format::Gzip, &whole) == input);
            for room in [1, 2, 3, 5, 6, 7, 8, 64, 1000] {
                assert!(with_room(room) == whole, "{level} {kind:?} {room}");
            }
        }
    }
}

/// Node's test-zlib-flush.js: what `level: 0` writes is known byte by byte.
#[test]
fn stored_data_flushes_as_node_does() {
    let chunk = random(0x825a);
    let mut encoder = DeflateEncoder::new(options(Format::Zlib, 0)).unwrap();
    assert!(step(&mut encoder, &chunk, Directive::Run) == [0x78, 0x01]);
    let expected = [&[0x00, 0x5a, 0x82, 0xa5, 0x7d][..], &chunk, &[0, 0, 0, 0xff, 0xff]].concat();
    assert!(step(&mut encoder, b"", Directive::Flush(FlushKind::Full)) == expected);
    // Nothing new, nothing said.
    assert_eq!(step(&mut encoder, b"", Directive::Flush(FlushKind::Full)), b"");
}

#[test]
fn flushes_make_all_input_readable() {
    let input = log_text(30_000);
    for kind in [FlushKind::Sync, FlushKind::Full, FlushKind::Partial] {
        let mut encoder = DeflateEncoder::new(options(Format::Raw, 6)).unwrap();
        let mut decoder = InflateDecoder::new(InflateOptions::new(InflateMode::InflateRaw)).unwrap();
        for piece in input.chunks(1000) {
            let deflated = step(&mut encoder, piece, Directive::Flush(kind));
            let mut plain = Vec::new();
            decoder.step(&deflated, Directive::Run, &mut plain, 1 << 20).unwrap();
            assert!(plain == piece, "{kind:?}");
        }
    }
    let mut encoder = DeflateEncoder::new(options(Format::Zlib, 6)).unwrap();
    let flush = Directive::Flush(FlushKind::Sync);
    assert_eq!(step(&mut encoder, b"", flush), [0x78, 0x9c, 0, 0, 0, 0xff, 0xff]);
    assert_eq!(step(&mut encoder, b"", flush), b"");
}

#[test]
fn parameters_change_in_mid_stream() {
    let input = log_text(60_000);
    let mut encoder = DeflateEncoder::new(options(Format::Zlib, 9)).unwrap();
    let mut all = step(&mut encoder, &input[..30_000], Directive::Run);
    encoder.params(0, 0).unwrap();
    all.extend(step(&mut encoder, &input[30_000..40_000], Directive::Run));
    encoder.params(6, 3).unwrap();
    all.extend(step(&mut encoder, &input[40_000..], Directive::Finish));
    assert_eq!(all[..2], [0x78, 0xda]);
    assert!(judge(Format::Zlib, &all) == input);
    assert!(all.windows(10_000).any(|window| *window == input[30_000..40_000]), "level 0 stores");
    let error = encoder.params(10, 0).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ZStream);
}

#[test]
fn reset_starts_anew() {
    let dictionary = Some(b"hello there".to_vec());
    for (format, _) in FORMATS {
        let options = DeflateOptions { dictionary: dictionary.clone(), ..DeflateOptions::new(format) };
        let mut encoder = DeflateEncoder::new(options.clone()).unwrap();
        let first = step(&mut encoder, b"hello", Directive::Finish);
        encoder.reset();
        assert_eq!(step(&mut encoder, b"hello", Directive::Finish), first);
        encoder.reset();
        let _ = step(&mut encoder, b"something unfinished", Directive::Flush(FlushKind::Sync));
        encoder.reset();
        assert_eq!(step(&mut encoder, b"hello", Directive::Finish), first);
    }
}

#[test]
fn all_options_read_back() {
    let input = log_text(60_000);
    for window_bits in 8..=15 {
        for (mem_level, strategy) in [(1, 0), (8, 1), (9, 2), (9, 3), (5, 4)] {
            for dictionary in [None, Some(input[..500].to_vec())] {
                for (format, mode) in FORMATS {
                    let options = DeflateOptions {
                        window_bits,
                        mem_level,
                        strategy,
                        dictionary: dictionary.clone(),
                        ..DeflateOptions::new(format)
                    };
                    let deflated = compress(&options, &input, usize::MAX).unwrap();
                    let window_bits = window_bits.max(9);
                    let options = InflateOptions {
                        window_bits,
                        dictionary: dictionary.clone(),
                        ..InflateOptions::new(mode)
                    };
                    let inflated = decompress(&options, &deflated, usize::MAX).unwrap();
                    assert!(inflated.bytes == input);
                    assert_eq!(inflated.consumed, deflated.len());
                }
            }
        }
    }
}

#[test]
fn options_out_of_range_are_errors() {
    let base = DeflateOptions::new(Format::Gzip);
    for options in [
        DeflateOptions { level: 10, ..base.clone() },
        DeflateOptions { window_bits: 16, ..base.clone() },
        DeflateOptions { mem_level: 0, ..base.clone() },
        DeflateOptions { strategy: 5, ..base },
    ] {
        assert_eq!(DeflateEncoder::new(options).err().map(|error| error.kind), Some(ErrorKind::ZStream));
    }
}
