//! Requests are the same however their bytes are cut, nothing panics, and no more than a head's limit is held.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::http1::{FaultCode, Limits, RequestDecoder, Step};
use millrace_fuzz::Plan;

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let small = Limits { head_bytes: 64, fields: 4, chunk_extension_bytes: 8 };
    let limits = if plan.option(0) { small } else { Limits::default() };
    let (whole, fault) = decode(limits, plan.whole());
    let (cut, cut_fault) = decode(limits, plan);
    assert_eq!(cut, whole);
    // What is incomplete is looked at now and then: a fault in it may be found later, never a different request.
    assert!(fault.is_some() || cut_fault.is_none());
});

/// What was given out, as text and bytes in order.
fn decode(limits: Limits, plan: Plan<'_>) -> (Vec<u8>, Option<FaultCode>) {
    let mut decoder = RequestDecoder::new(limits);
    let (mut given, mut pending) = (Vec::new(), Vec::new());
    for piece in plan.pieces() {
        pending.extend_from_slice(piece);
        loop {
            let (bytes, more) = match decoder.step(&pending) {
                Err(fault) => return (given, Some(fault.code)),
                Ok(Step::More(bytes)) => (bytes, bytes == 0),
                Ok(Step::Head(bytes)) => {
                    let head = decoder.head();
                    given.extend_from_slice(head.method_name().as_bytes());
                    given.extend_from_slice(head.target.get(&pending));
                    for field in &head.headers {
                        given.extend_from_slice(field.name.get(&pending));
                        given.push(b':');
                        given.extend_from_slice(field.value.get(&pending));
                    }
                    (bytes, false)
                }
                Ok(Step::Data { skip, len }) => {
                    given.extend_from_slice(&pending[skip..skip + len]);
                    (skip + len, false)
                }
                Ok(Step::End(bytes)) => {
                    for field in decoder.trailers() {
                        given.extend_from_slice(field.name.get(&pending));
                        given.extend_from_slice(field.value.get(&pending));
                    }
                    given.push(b'\n');
                    (bytes, false)
                }
            };
            assert!(bytes <= pending.len());
            pending.drain(..bytes);
            if more || pending.is_empty() && decoder.is_between_requests() {
                break;
            }
        }
        assert!(pending.len() < limits.head_bytes);
    }
    (given, None)
}
