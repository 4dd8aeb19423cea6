//! Messages of a gRPC body are the same however it is cut, none is longer than it may be, and what is compressed stays within its limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::grpc::{Coding, MessageDecoder, MessageFault, Timeout, decode_status_message};
use millrace_fuzz::Plan;
use std::ops::ControlFlow;

const MOST: u32 = 10_000;

type Found = (Vec<(bool, Vec<u8>)>, Option<MessageFault>);

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Found {
    let (mut decoder, mut found) = (MessageDecoder::new(Some(MOST)), Vec::new());
    for piece in pieces {
        let result = decoder.decode(piece, |compressed, message| {
            let message = message.as_slice();
            assert!(message.len() <= MOST as usize);
            found.push((compressed, message.to_vec()));
            ControlFlow::Continue(())
        });
        match result {
            Ok(used) => assert_eq!(used, piece.len()),
            Err(fault) => return (found, Some(fault)),
        }
        assert!(decoder.held_bytes() <= MOST as usize);
    }
    (found, None)
}

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let (messages, fault) = decode(plan.pieces());
    assert_eq!((&messages, fault), (&decode(plan.whole().pieces()).0, fault));
    for coding in Coding::ALL {
        for (_, message) in messages.iter().filter(|(compressed, _)| *compressed) {
            if let Ok(plain) = coding.decompress(message, 100_000) {
                assert!(plain.len() <= 100_000);
            }
        }
    }
    let _ = (Timeout::parse(data), decode_status_message(data));
});
