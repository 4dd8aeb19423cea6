//! The walk over deflate data finds the last block wherever inflating succeeds, and never reads beyond the data.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::Directive;
use millrace::codec::deflate::{InflateDecoder, InflateMode, InflateOptions, last_block};
use millrace_fuzz::{Plan, run_serial};

fuzz_target!(|data: &[u8]| {
    let found = last_block(data);
    let run = |input| {
        let options =
            InflateOptions { max_output: Some(1 << 20), ..InflateOptions::new(InflateMode::InflateRaw) };
        let mut decoder = InflateDecoder::new(options).unwrap();
        run_serial(&mut decoder, Plan { options: 0, cuts: [0; 4], input }, 1 << 16, || Directive::Run)
    };
    let (inflated, consumed) = run(data);
    if inflated.error.is_none() {
        let found = found.unwrap();
        assert_eq!(found.end_bit.div_ceil(8), consumed as u64);
        // Without its mark the last block is not the last.
        let mut open = data[..consumed].to_vec();
        open[found.header_bit as usize / 8] &= !(1 << (found.header_bit % 8));
        let (open, _) = run(&open);
        assert!(open.error.is_some() && open.bytes == inflated.bytes);
    } else if let Some(found) = found {
        assert!(found.end_bit <= 8 * data.len() as u64 && found.header_bit < found.end_bit);
    }
});
