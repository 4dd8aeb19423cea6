use super::*;
use crate::codec::{BlockJob, BlockStage, Joiner};

/// Runs the blocks in the order given, then joins them.
fn run_blocks(options: &DeflateOptions, pieces: &[&[u8]], order: impl Iterator<Item = usize>) -> Vec<u8> {
    let blocks = DeflateBlocks::new(options);
    let mut results: Vec<_> = (0..pieces.len()).map(|_| None).collect();
    for index in order {
        let job = BlockJob {
            bytes: pieces[index],
            offset: 0,
            first: index == 0,
            last: index + 1 == pieces.len(),
            overlong: None,
            now_ms: 0,
        };
        let mut out = Vec::new();
        let report = blocks.run(job, &mut out);
        results[index] = Some((report, out));
    }
    let mut joiner = DeflateJoiner::new(options.clone());
    let mut all = Vec::new();
    for (index, result) in results.into_iter().enumerate() {
        let (report, mut body) = result.unwrap();
        let last = index + 1 == pieces.len();
        joiner.join(index == 0, last, report, &mut body, &mut Vec::new()).unwrap();
        all.extend(body);
    }
    all
}

fn pieces(input: &[u8], bytes: usize) -> Vec<&[u8]> {
    if input.is_empty() { vec![&[]] } else { input.chunks(bytes).collect() }
}

#[test]
fn every_input_format_and_level_reads_back() {
    for (name, input) in inputs() {
        for (format, _) in FORMATS {
            for level in [-1, 1, 2, 3, 4, 5, 6, 7, 8, 9] {
                let options = options(format, level);
                let deflated =
                    run_blocks(&options, &pieces(&input, BLOCK_BYTES), 0..pieces(&input, BLOCK_BYTES).len());
                assert!(judge(format, &deflated) == input, "{name} {format:?} {level}");
                assert!(
                    compress(&options, &input, usize::MAX).unwrap() == deflated,
                    "{name} {format:?} {level}"
                );
            }
        }
    }
}

#[test]
fn the_order_of_the_work_does_not_show() {
    let input = log_text(5 * BLOCK_BYTES + 77);
    let pieces = pieces(&input, BLOCK_BYTES);
    let options = options(Format::Gzip, 6);
    let forth = run_blocks(&options, &pieces, 0..pieces.len());
    let back = run_blocks(&options, &pieces, (0..pieces.len()).rev());
    assert!(forth == back);
    let parallel: Vec<_> = std::thread::scope(|scope| {
        let run = || run_blocks(&options, &pieces, 0..pieces.len());
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(parallel.iter().all(|other| *other == forth));
}

#[test]
fn blocks_of_any_length_join() {
    let input = [log_text(5_000), random(5_000), vec![0; 5_000]].concat();
    for (format, _) in FORMATS {
        for bytes in [1, 2, 3, 7, 100, 4096] {
            let input = &input[..input.len().min(bytes * 1000)];
            let pieces = pieces(input, bytes);
            let deflated = run_blocks(&options(format, 6), &pieces, 0..pieces.len());
            assert!(judge(format, &deflated) == input, "{format:?} {bytes}");
        }
        // An empty block in between says nothing; an empty last one ends the stream.
        let pieces: [&[u8]; 4] = [b"one", b"", b"two", b""];
        assert_eq!(judge(format, &run_blocks(&options(format, 6), &pieces, 0..4)), b"onetwo");
    }
}

#[test]
fn empty_streams_are_those_of_node() {
    let gzip = compress(&DeflateOptions::new(Format::Gzip), b"", 100).unwrap();
    assert_eq!(gzip, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let zlib = compress(&DeflateOptions::new(Format::Zlib), b"", 100).unwrap();
    assert_eq!(zlib, [0x78, 0x9c, 3, 0, 0, 0, 0, 1]);
    assert_eq!(compress(&DeflateOptions::new(Format::Raw), b"", 100).unwrap(), [3, 0]);
}

#[test]
fn the_serial_engine_takes_over_between_blocks() {
    let input = log_text(300_000);
    for (format, _) in FORMATS {
        for split in [0, 1, 100_000, 300_000] {
            let (before, after) = input.split_at(split);
            let options = options(format, 6);
            let blocks = DeflateBlocks::new(&options);
            let mut joiner = DeflateJoiner::new(options);
            let mut all = Vec::new();
            if !before.is_empty() {
                let job = BlockJob {
                    bytes: before,
                    offset: 0,
                    first: true,
                    last: false,
                    overlong: None,
                    now_ms: 0,
                };
                let report = blocks.run(job, &mut all);
                joiner.join(true, false, report, &mut all, &mut Vec::new()).unwrap();
            }
            let mut encoder = joiner.hand_over().unwrap();
            let (out, _, error) = run(&mut *encoder, after, || 65536, 4096);
            assert_eq!(error, None);
            all.extend(out);
            assert!(judge(format, &all) == input, "{format:?} {split}");
        }
    }
}
