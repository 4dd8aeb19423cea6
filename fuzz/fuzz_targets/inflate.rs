//! Inflating gives the same bytes and the same error however the input is cut, and as one call.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::Directive;
use millrace::codec::deflate::{InflateDecoder, InflateMode, InflateOptions, Members, decompress};
use millrace_fuzz::{Plan, run_serial};

const MOST: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let modes = [InflateMode::Gunzip, InflateMode::Inflate, InflateMode::InflateRaw, InflateMode::Unzip];
    let options = InflateOptions {
        window_bits: if plan.option(2) { 9 } else { 15 },
        dictionary: plan.option(3).then(|| b"the dictionary".to_vec()),
        finish_flush_sync: plan.option(4),
        reject_garbage_after_end: plan.option(5),
        members: if plan.option(6) { Members::First } else { Members::All },
        max_output: Some(MOST as u64),
        max_ratio: plan.option(7).then_some(20.0),
        ..InflateOptions::new(modes[usize::from(plan.options & 3)])
    };
    let run = |plan, limit| {
        let mut decoder = InflateDecoder::new(options.clone()).unwrap();
        let (outcome, consumed) = run_serial(&mut decoder, plan, limit, || Directive::Run);
        let error = outcome.error.map(|error| (error.kind, error.message));
        (outcome.bytes, error.clone(), if error.is_none() { consumed } else { 0 })
    };
    let whole = run(plan.whole(), 1 << 16);
    assert_eq!(run(plan, 1 + usize::from(plan.cuts[3]) * 16), whole);
    match decompress(&options, plan.input, MOST) {
        Ok(done) => assert_eq!((done.bytes, None, done.consumed), whole),
        Err(error) => assert_eq!(Some(error.kind), whole.1.map(|(kind, _)| kind)),
    }
});
