//! Case mapping gives what std gives for the whole text, however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::text::{CaseJoiner, CaseMap};
use millrace_fuzz::{Plan, run_blocks};

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let text = String::from_utf8_lossy(plan.input);
    for (case, expected) in [(CaseMap::Upper, text.to_uppercase()), (CaseMap::Lower, text.to_lowercase())] {
        let outcome = run_blocks(&case, CaseJoiner::new(case), plan);
        assert_eq!(String::from_utf8(outcome.bytes).as_deref(), Ok(&expected[..]), "{case:?}");
    }
});
