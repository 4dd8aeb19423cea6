//! A WebSocket receiver says the same of any bytes however they are cut (but for deflate's own words), holds no more than it may, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::ws::{
    DeflateParams, MessageKind, Payload, Receiver, ReceiverOptions, Role, Sink, WsErrorKind,
};
use millrace_fuzz::Plan;
use std::ops::ControlFlow;

const MOST: usize = 10_000;

#[derive(Default, PartialEq, Eq, Debug)]
struct Log(Vec<(u16, Vec<u8>)>);

impl Log {
    fn tell(&mut self, what: u16, bytes: &[u8]) -> ControlFlow<()> {
        assert!(bytes.len() <= MOST);
        self.0.push((what, bytes.to_vec()));
        ControlFlow::Continue(())
    }
}

impl Sink for Log {
    fn message(&mut self, kind: MessageKind, payload: Payload<'_>, _: &[usize]) -> ControlFlow<()> {
        self.tell(if kind == MessageKind::Text { 1 } else { 2 }, payload.as_slice())
    }
    fn ping(&mut self, payload: &[u8]) -> ControlFlow<()> {
        self.tell(9, payload)
    }
    fn pong(&mut self, payload: &[u8]) -> ControlFlow<()> {
        self.tell(10, payload)
    }
    fn close(&mut self, code: u16, reason: &[u8]) {
        let _ = self.tell(code, reason);
    }
}

fn receive<'a>(
    options: ReceiverOptions,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Log, Option<WsErrorKind>) {
    let (mut receiver, mut log) = (Receiver::new(options), Log::default());
    for piece in pieces {
        let mut piece = piece.to_vec();
        match receiver.feed(&mut piece, &mut log) {
            Ok(used) => assert_eq!(used, piece.len()),
            Err(error) => return (log, Some(error.kind)),
        }
        assert!(receiver.buffered_bytes() <= MOST);
    }
    (log, None)
}

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let params = DeflateParams { peer_no_context_takeover: plan.option(3), ..DeflateParams::default() };
    let options = ReceiverOptions {
        role: if plan.option(0) { Role::Server } else { Role::Client },
        max_payload: MOST as u64,
        max_fragments: 8,
        skip_utf8_validation: plan.option(1),
        deflate: plan.option(2).then_some(params),
    };
    assert_eq!(receive(options.clone(), plan.pieces()), receive(options, plan.whole().pieces()));
});
