//! What is deflated, by blocks or by the encoder or by one after the other, inflates to what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::deflate::{DeflateBlocks, DeflateEncoder, DeflateJoiner, DeflateOptions, Format};
use millrace::codec::deflate::{InflateMode, InflateOptions, decompress};
use millrace::codec::{BlockJob, BlockStage, Directive, FlushKind, Joiner};
use millrace_fuzz::{Plan, run_serial};

const FLUSHES: [Directive; 5] = [
    Directive::Run,
    Directive::Flush(FlushKind::Partial),
    Directive::Flush(FlushKind::Sync),
    Directive::Flush(FlushKind::Full),
    Directive::Flush(FlushKind::Block),
];

/// Bytes of an input for the encoder that wants many.
const LONG: usize = 160 << 10;

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let (format, mode) = [
        (Format::Gzip, InflateMode::Gunzip),
        (Format::Zlib, InflateMode::Inflate),
        (Format::Raw, InflateMode::InflateRaw),
    ][usize::from(plan.options) % 3];
    let level = i32::from(plan.options >> 2) % 10;
    let inflated = |deflated: &[u8], dictionary: Option<Vec<u8>>| {
        let options = InflateOptions { dictionary, ..InflateOptions::new(mode) };
        decompress(&options, deflated, plan.input.len()).unwrap().bytes
    };
    let flush = || FLUSHES[usize::from(plan.cuts[3]) % 5];
    let limit = 64 + usize::from(plan.cuts[3]);

    let own = DeflateOptions {
        level,
        window_bits: 9 + i32::from(plan.cuts[3]) % 7,
        mem_level: 1 + i32::from(plan.cuts[2]) % 9,
        strategy: i32::from(plan.cuts[1]) % 5,
        dictionary: plan.option(7).then(|| b"the dictionary".to_vec()),
        ..DeflateOptions::new(format)
    };
    let mut encoder = DeflateEncoder::new(own.clone()).unwrap();
    let (outcome, _) = run_serial(&mut encoder, plan, limit, flush);
    assert!(outcome.error.is_none());
    assert!(inflated(&outcome.bytes, own.dictionary) == plan.input);

    // The first blocks are compressed by themselves, the rest by an encoder that goes on with the stream.
    let options = DeflateOptions { level: level.max(1), ..DeflateOptions::new(format) };
    let (stage, mut joiner) = (DeflateBlocks::new(&options), DeflateJoiner::new(options.clone()));
    let mut deflated = Vec::new();
    let mut at = 0;
    let blocks = usize::from(plan.cuts[3]);
    for (index, bytes) in plan.pieces().take(blocks).enumerate() {
        let mut body = Vec::new();
        let (offset, first) = (at as u64, index == 0);
        let job = BlockJob { bytes, offset, first, last: false, overlong: None, now_ms: 0 };
        joiner.join(first, false, stage.run(job, &mut body), &mut body, &mut Vec::new()).unwrap();
        deflated.append(&mut body);
        at += bytes.len();
    }
    let rest = Plan { input: &plan.input[at..], ..plan };
    let mut encoder = joiner.hand_over().unwrap();
    deflated.extend(run_serial(&mut *encoder, rest, limit, flush).0.bytes);
    assert!(inflated(&deflated, None) == plan.input);

    // Long enough for the encoder for bytes that repeat themselves: the input over and over, each time but a part of it.
    let mut plain = Vec::with_capacity(LONG + plan.input.len());
    let mut turn = 0;
    while plain.len() < LONG && !plan.input.is_empty() {
        plain.extend_from_slice(&plan.input[turn % plan.input.len()..]);
        turn += 1 + usize::from(plan.cuts[0]);
    }
    let mut body = Vec::new();
    let job = BlockJob { bytes: &plain, offset: 0, first: true, last: true, overlong: None, now_ms: 0 };
    let (stage, mut joiner) = (DeflateBlocks::new(&options), DeflateJoiner::new(options));
    joiner.join(true, true, stage.run(job, &mut body), &mut body, &mut Vec::new()).unwrap();
    let deflated = decompress(&InflateOptions::new(mode), &body, plain.len()).unwrap();
    assert!(deflated.bytes == plain);
});
