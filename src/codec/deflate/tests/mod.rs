//! One table of inputs × formats × levels × cuttings, judged by another inflate (miniz).

mod blocks;
mod decoder;
mod encoder;
mod oneshot;

use std::io::Read;

use super::*;
use crate::codec::{CodecError, Directive, SerialStage, Status};

/// Pseudo-random numbers that are the same in every run.
pub(super) struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

pub(super) fn random(bytes: usize) -> Vec<u8> {
    let mut random = Random(0x1234_5678_9abc_def1);
    (0..bytes).map(|_| (random.next() >> 56) as u8).collect()
}

/// Log rows: about as compressible as real ones.
pub(super) fn log_text(bytes: usize) -> Vec<u8> {
    let mut random = Random(42);
    let mut text = Vec::with_capacity(bytes + 400);
    while text.len() < bytes {
        let (a, b) = (random.next(), random.next());
        let level = ["info", "warn", "error", "debug"][(a >> 60) as usize % 4];
        let path = ["/api/users", "/api/orders", "/static/app.js", "/login"][(b >> 60) as usize % 4];
        let row = format!(
            "{{\"ts\":{},\"level\":\"{level}\",\"path\":\"{path}/{}\",\"ms\":{},\"id\":\"{a:016x}\"}}\n",
            1_700_000_000_000u64 + text.len() as u64,
            a % 1000,
            b % 300,
        );
        text.extend_from_slice(row.as_bytes());
    }
    text.truncate(bytes);
    text
}

/// The inputs of the table.
pub(super) fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    let mib = BLOCK_BYTES;
    vec![
        ("empty", vec![]),
        ("one byte", vec![b'x']),
        ("text", log_text(40_000)),
        ("random", random(70_000)),
        ("repeats", b"na".repeat(200_000)),
        ("block - 1", log_text(mib - 1)),
        ("block", log_text(mib)),
        ("block + 1", log_text(mib + 1)),
        ("3 blocks", [log_text(mib), random(mib), vec![0; mib]].concat()),
    ]
}

pub(super) const FORMATS: [(Format, InflateMode); 3] = [
    (Format::Gzip, InflateMode::Gunzip),
    (Format::Zlib, InflateMode::Inflate),
    (Format::Raw, InflateMode::InflateRaw),
];

/// Gives the bytes of the next step.
pub(super) type Cutting = Box<dyn FnMut() -> usize>;

/// How input is cut.
pub(super) fn cuttings(length: usize) -> Vec<(&'static str, Cutting)> {
    let mut random = Random(7);
    let mut all: Vec<(&'static str, Cutting)> = vec![
        ("whole", Box::new(|| usize::MAX)),
        ("64 KiB", Box::new(|| 65536)),
        ("random", Box::new(move || 1 + (random.next() % 30_000) as usize)),
    ];
    if length <= 100_000 {
        all.push(("7 bytes", Box::new(|| 7)));
        all.push(("1 byte", Box::new(|| 1)));
    }
    all
}

/// Runs a stage as an executor does, with steps of at most `step` bytes of output. Gives what came out, the bytes
/// consumed, and the error.
pub(super) fn run(
    stage: &mut dyn SerialStage,
    input: &[u8],
    mut cut: impl FnMut() -> usize,
    step: usize,
) -> (Vec<u8>, usize, Option<CodecError>) {
    let (mut all, mut consumed) = (Vec::new(), 0usize);
    loop {
        let piece = &input[consumed..input.len().min(consumed.saturating_add(cut()))];
        let last = consumed + piece.len() == input.len();
        let directive = if last { Directive::Finish } else { Directive::Run };
        let mut used = 0;
        loop {
            let mut out = Vec::with_capacity(step);
            let result = stage.step(&piece[used..], directive, &mut out, step);
            assert!(out.len() <= step);
            all.extend_from_slice(&out);
            let progress = match result {
                Ok(progress) => progress,
                Err(error) => return (all, consumed + used, Some(error)),
            };
            used += progress.consumed;
            match progress.status {
                Status::OutputFull => {
                    assert!(progress.consumed > 0 || !out.is_empty(), "no progress");
                }
                Status::Done => {
                    assert_eq!(used, piece.len());
                    break;
                }
                Status::End => return (all, consumed + used, None),
            }
        }
        consumed += used;
        if last {
            return (all, consumed, None);
        }
    }
}

/// Decompresses with another implementation, which must find the end of the data at the end of the input.
pub(super) fn judge(format: Format, deflated: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = deflated;
    match format {
        Format::Gzip => flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut plain),
        Format::Zlib => flate2::bufread::ZlibDecoder::new(&mut rest).read_to_end(&mut plain),
        Format::Raw => flate2::bufread::DeflateDecoder::new(&mut rest).read_to_end(&mut plain),
    }
    .unwrap();
    assert!(rest.is_empty(), "{} bytes behind the end", rest.len());
    plain
}

pub(super) fn options(format: Format, level: i32) -> DeflateOptions {
    DeflateOptions { level, ..DeflateOptions::new(format) }
}
