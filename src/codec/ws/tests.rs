use std::ops::ControlFlow;

use proptest::prelude::*;

use super::frame::{FrameHead, mask, write_frame};
use super::*;

/// What a receiver told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Message(MessageKind, Vec<u8>, Vec<usize>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, Vec<u8>),
}

#[derive(Default)]
struct Log {
    told: Vec<Told>,
    /// Break after each.
    pausing: bool,
}

impl Log {
    fn tell(&mut self, told: Told) -> ControlFlow<()> {
        self.told.push(told);
        if self.pausing { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Sink for Log {
    fn message(&mut self, kind: MessageKind, payload: Payload<'_>, ends: &[usize]) -> ControlFlow<()> {
        self.tell(Told::Message(kind, payload.as_slice().to_vec(), ends.to_vec()))
    }
    fn ping(&mut self, payload: &[u8]) -> ControlFlow<()> {
        self.tell(Told::Ping(payload.to_vec()))
    }
    fn pong(&mut self, payload: &[u8]) -> ControlFlow<()> {
        self.tell(Told::Pong(payload.to_vec()))
    }
    fn close(&mut self, code: u16, reason: &[u8]) {
        let _ = self.tell(Told::Close(code, reason.to_vec()));
    }
}

fn options(role: Role) -> ReceiverOptions {
    ReceiverOptions {
        role,
        max_payload: 100 << 20,
        max_fragments: 16384,
        skip_utf8_validation: false,
        deflate: None,
    }
}

fn client() -> ReceiverOptions {
    options(Role::Client)
}

fn deflating(role: Role, params: DeflateParams) -> ReceiverOptions {
    ReceiverOptions { deflate: Some(params), ..options(role) }
}

/// Feeds `wire` in pieces of `cut` bytes, as a socket's reader would: large payloads straight into the message.
fn receive(options: ReceiverOptions, wire: &[u8], cut: usize) -> (Vec<Told>, Option<WsError>) {
    let mut receiver = Receiver::new(options);
    let mut log = Log::default();
    let mut rest = wire;
    while !rest.is_empty() {
        if let Some(room) = receiver.payload_room() {
            let n = room.len().min(rest.len()).min(cut);
            room[..n].copy_from_slice(&rest[..n]);
            rest = &rest[n..];
            if let Err(error) = receiver.payload_filled(n, &mut log) {
                return (log.told, Some(error));
            }
            continue;
        }
        let n = cut.min(rest.len());
        let mut piece = rest[..n].to_vec();
        match receiver.feed(&mut piece, &mut log) {
            Ok(used) => assert_eq!(used, n),
            Err(error) => return (log.told, Some(error)),
        }
        rest = &rest[n..];
    }
    (log.told, None)
}

fn frame(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_frame(&mut out, FrameHead { opcode, fin, ..FrameHead::default() }, payload);
    out
}

fn text(payload: &[u8], fragments: &[usize]) -> Told {
    Told::Message(MessageKind::Text, payload.to_vec(), fragments.to_vec())
}

fn binary(payload: &[u8], fragments: &[usize]) -> Told {
    Told::Message(MessageKind::Binary, payload.to_vec(), fragments.to_vec())
}

#[test]
fn the_examples_of_rfc_6455_section_5_7() {
    let hello: &[u8] = &[0x81, 5, b'H', b'e', b'l', b'l', b'o'];
    assert_eq!(receive(client(), hello, 99).0, [text(b"Hello", &[5])]);
    let masked: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(receive(options(Role::Server), masked, 99).0, [text(b"Hello", &[5])]);
    let fragments: &[u8] = &[1, 3, b'H', b'e', b'l', 0x80, 2, b'l', b'o'];
    assert_eq!(receive(client(), fragments, 99).0, [text(b"Hello", &[3, 5])]);
    let ping: &[u8] = &[0x89, 5, b'H', b'e', b'l', b'l', b'o', 0x8a, 0];
    assert_eq!(receive(client(), ping, 99).0, [Told::Ping(b"Hello".to_vec()), Told::Pong(vec![])]);
}

#[test]
fn the_examples_of_rfc_7692_section_7_2_3() {
    let wire: &[u8] = &[
        0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, // Hello
        0xc1, 5, 0xf2, 0, 0x11, 0, 0, // Hello again, from the window
        0x41, 3, 0xf2, 0x48, 0xcd, 0x80, 4, 0xc9, 0xc9, 7, 0, // in two frames
    ];
    let (told, error) = receive(deflating(Role::Client, DeflateParams::default()), wire, 1);
    assert_eq!(error, None);
    assert_eq!(told, [text(b"Hello", &[5]), text(b"Hello", &[5]), text(b"Hello", &[2, 5])]);
    // Stored, with its own end, and in two blocks.
    for wire in [
        &[0xc1, 0xb, 0, 5, 0, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0][..],
        &[0xc1, 8, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0],
        &[0xc1, 0xd, 0xf2, 0x48, 5, 0, 0, 0, 0xff, 0xff, 0xca, 0xc9, 0xc9, 7, 0],
    ] {
        let (told, error) = receive(deflating(Role::Client, DeflateParams::default()), wire, 99);
        assert_eq!((told, error), (vec![text(b"Hello", &[5])], None), "{wire:x?}");
    }
}

/// A final block inside a message ends the peer's deflate stream; `c2 02 03 80` spun others for ever.
#[test]
fn a_final_deflate_block_ends_the_message_and_not_the_thread() {
    let mut wire = vec![0xc2, 2, 3, 0x80];
    wire.extend_from_slice(&[0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 7, 0]);
    let (told, error) = receive(deflating(Role::Client, DeflateParams::default()), &wire, 99);
    assert_eq!((told, error), (vec![binary(b"", &[]), text(b"Hello", &[5])], None));
}

#[test]
fn every_breach_has_the_error_of_ws() {
    use WsErrorKind as Kind;
    let server = || options(Role::Server);
    let cases: Vec<(ReceiverOptions, Vec<u8>, Kind, u16, &str)> = vec![
        (client(), vec![0xa1, 0], Kind::UnexpectedRsv23, 1002, "RSV2 and RSV3 must be clear"),
        (client(), vec![0xc1, 0], Kind::UnexpectedRsv1, 1002, "RSV1 must be clear"),
        (client(), vec![0x80, 0], Kind::InvalidOpcode, 1002, "invalid opcode 0"),
        (client(), vec![0x83, 0], Kind::InvalidOpcode, 1002, "invalid opcode 3"),
        (client(), vec![0x01, 0, 0x82, 0], Kind::InvalidOpcode, 1002, "invalid opcode 2"),
        (client(), vec![0x09, 0], Kind::ExpectedFin, 1002, "FIN must be set"),
        (client(), vec![0x89, 126], Kind::InvalidControlPayloadLength, 1002, "invalid payload length 126"),
        (client(), vec![0x88, 1], Kind::InvalidControlPayloadLength, 1002, "invalid payload length 1"),
        (client(), vec![0x88, 2, 0x03, 0xec], Kind::InvalidCloseCode, 1002, "invalid status code 1004"),
        (client(), vec![0x88, 3, 0x03, 0xe8, 0xff], Kind::InvalidUtf8, 1007, "invalid UTF-8 sequence"),
        (client(), vec![0x81, 1, 0xff], Kind::InvalidUtf8, 1007, "invalid UTF-8 sequence"),
        (client(), vec![0x81, 0x80], Kind::UnexpectedMask, 1002, "MASK must be clear"),
        (server(), vec![0x81, 0], Kind::ExpectedMask, 1002, "MASK must be set"),
    ];
    for (options, wire, kind, close_code, what) in cases {
        for cut in [1, 99] {
            let (told, error) = receive(options.clone(), &wire, cut);
            let error = error.expect(what);
            assert_eq!((error.kind, error.kind.close_code()), (kind, close_code));
            assert_eq!(error.message, format!("Invalid WebSocket frame: {what}"));
            assert_eq!(told, []);
        }
    }
    let mut wire = vec![0x82, 127];
    wire.extend_from_slice(&(1_u64 << 53).to_be_bytes());
    let error = receive(client(), &wire, 99).1.expect("too long");
    assert_eq!(error.kind.code(), "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH");
    assert_eq!(error.message, "Unsupported WebSocket frame: payload length > 2^53 - 1");
}

#[test]
fn limits_hold_for_frames_messages_fragments_and_what_they_unpack_to() {
    let small = ReceiverOptions { max_payload: 5, max_fragments: 3, ..client() };
    let fits = [frame(2, false, b"12"), frame(0, true, b"345"), frame(2, true, b"12345")].concat();
    assert_eq!(receive(small.clone(), &fits, 1).0, [binary(b"12345", &[2, 5]), binary(b"12345", &[5])]);
    for wire in [frame(2, true, b"123456"), [frame(2, false, b"12"), frame(0, true, b"3456")].concat()] {
        let error = receive(small.clone(), &wire, 1).1.expect("too large");
        assert_eq!((error.kind.code(), error.kind.close_code()), ("WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009));
        assert_eq!(error.message, "Max payload size exceeded");
    }
    let many =
        [frame(2, false, b""), frame(0, false, b""), frame(0, false, b""), frame(0, true, b"")].concat();
    let error = receive(small, &many, 99).1.expect("too many");
    assert_eq!((error.kind.code(), error.kind.close_code()), ("WS_ERR_TOO_MANY_BUFFERED_PARTS", 1008));

    // 16 MiB of zeros in 16 KB: refused at the limit, before they are there.
    let mut deflater = MessageDeflater::new(&DeflateParams::default()).unwrap();
    let mut payload = Vec::new();
    deflater.compress(&vec![0; 16 << 20], true, &mut payload);
    let mut wire = Vec::new();
    write_frame(&mut wire, FrameHead { opcode: 2, fin: true, rsv1: true, mask: None }, &payload);
    let bomb = |max_payload| {
        let options = ReceiverOptions { max_payload, ..deflating(Role::Client, DeflateParams::default()) };
        let mut receiver = Receiver::new(options);
        let outcome = receiver.feed(&mut wire.clone(), &mut Log::default());
        (outcome, receiver.buffered_bytes())
    };
    assert_eq!(bomb(16 << 20).0, Ok(wire.len()));
    let (outcome, held) = bomb((16 << 20) - 1);
    assert_eq!(outcome.map_err(|error| error.kind), Err(WsErrorKind::UnsupportedMessageLength));
    assert_eq!(held, 16 << 20);
    let (outcome, held) = bomb(1 << 20);
    assert!(outcome.is_err() && held <= (1 << 20) + 1);
}

#[test]
fn a_promise_of_much_gets_no_memory_before_it_is_kept() {
    let mut wire = vec![0x82, 127];
    wire.extend_from_slice(&(100_u64 << 20).to_be_bytes());
    let mut receiver = Receiver::new(client());
    receiver.feed(&mut wire, &mut Log::default()).unwrap();
    assert!(receiver.payload_room().unwrap().len() <= 256 << 10);
    assert_eq!(receiver.buffered_bytes(), 0);
}

#[test]
fn wrong_utf8_fails_before_the_message_is_complete() {
    let mut wire = frame(1, false, "κόσμε".as_bytes());
    wire.extend_from_slice(&frame(0, false, &[0xf4, 0x90]));
    let (told, error) = receive(client(), &wire, 1);
    assert_eq!((told, error.map(|error| error.kind)), (vec![], Some(WsErrorKind::InvalidUtf8)));
    // Cut in the middle of a character it is no error, but at the end it is.
    let split = [frame(1, false, &[0xe2, 0x82]), frame(0, true, &[0xac])].concat();
    assert_eq!(receive(client(), &split, 99).0, [text("€".as_bytes(), &[2, 3])]);
    let open = [frame(1, false, &[0xe2]), frame(0, true, &[0x82])].concat();
    assert_eq!(receive(client(), &open, 99).1.map(|error| error.kind), Some(WsErrorKind::InvalidUtf8));
    let skipping = ReceiverOptions { skip_utf8_validation: true, ..client() };
    assert_eq!(receive(skipping, &open, 99).0, [text(&[0xe2, 0x82], &[1, 2])]);
}

#[test]
fn a_pause_leaves_the_rest_to_the_caller() {
    let mut wire = [frame(1, true, b"a"), frame(9, true, b"b"), frame(2, true, b"c")].concat();
    let mut receiver = Receiver::new(client());
    let mut log = Log { pausing: true, ..Log::default() };
    let mut at = 0;
    for told in 1..=3 {
        at += receiver.feed(&mut wire[at..], &mut log).unwrap();
        assert_eq!((log.told.len(), at), (told, 3 * told));
    }
}

#[test]
fn what_follows_a_close_is_ignored() {
    let wire = [frame(8, true, &[3, 0xe8, b'o', b'k']), frame(1, true, &[0xff])].concat();
    for cut in [1, 5, 99] {
        assert_eq!(receive(client(), &wire, cut), (vec![Told::Close(1000, b"ok".to_vec())], None));
    }
    assert_eq!(receive(client(), &frame(8, true, b""), 99).0, [Told::Close(NO_STATUS, vec![])]);
}

#[test]
fn close_codes_are_those_that_ws_accepts() {
    let valid: Vec<u16> = (0..=u16::MAX).filter(|&code| is_valid_close_code(code)).collect();
    let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
    assert_eq!(valid, expected);
}

#[test]
fn an_empty_message_is_a_byte_each_time() {
    let mut deflater = MessageDeflater::new(&DeflateParams::default()).unwrap();
    for _ in 0..3 {
        let mut out = Vec::new();
        deflater.compress(b"", true, &mut out);
        assert_eq!(out, [0]);
    }
}

/// A message's payload in fragments, and control frames in between.
#[derive(Debug, Clone)]
enum Sent {
    Message { text: bool, fragments: Vec<Vec<u8>>, compress: bool, ping: bool },
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let repeated = (any::<u8>(), 0..70_000_usize).prop_map(|(byte, n)| vec![byte & 0x7f; n]);
    let message = (
        any::<bool>(),
        prop::collection::vec(prop_oneof![bytes, repeated], 1..4),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(text, mut fragments, compress, ping)| {
            if text {
                for byte in fragments.iter_mut().flatten() {
                    *byte &= 0x7f;
                }
            }
            Sent::Message { text, fragments, compress, ping }
        });
    prop_oneof![4 => message, 1 => prop::collection::vec(any::<u8>(), 0..125).prop_map(Sent::Pong)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is sent comes out, however the wire is cut, for both roles and all takeovers.
    #[test]
    fn what_is_framed_is_received(
        all in prop::collection::vec(sent(), 0..12),
        server in any::<bool>(),
        keys in any::<[u8; 4]>(),
        takeover in any::<bool>(),
        window in 9..=15_u8,
        cut in 1..5000_usize,
    ) {
        let params = DeflateParams {
            own_no_context_takeover: !takeover,
            peer_no_context_takeover: !takeover,
            own_window_bits: window,
            peer_window_bits: window,
            ..DeflateParams::default()
        };
        let key = server.then_some(keys);
        let mut deflater = MessageDeflater::new(&params).unwrap();
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for one in &all {
            match one {
                Sent::Pong(payload) => {
                    write_frame(&mut wire, FrameHead { opcode: opcode::PONG, fin: true, rsv1: false, mask: key }, payload);
                    expected.push(Told::Pong(payload.clone()));
                }
                Sent::Message { text, fragments, compress, ping } => {
                    let (mut whole, mut ends) = (Vec::new(), Vec::new());
                    for (index, fragment) in fragments.iter().enumerate() {
                        let fin = index + 1 == fragments.len();
                        let mut packed = Vec::new();
                        if *compress {
                            deflater.compress(fragment, fin, &mut packed);
                        }
                        let opcode = match (index, text) { (0, true) => 1, (0, false) => 2, _ => 0 };
                        let head = FrameHead { opcode, fin, rsv1: *compress && index == 0, mask: key };
                        write_frame(&mut wire, head, if *compress { &packed } else { fragment });
                        whole.extend_from_slice(fragment);
                        if !fragment.is_empty() {
                            ends.push(whole.len());
                        }
                        if *ping && !fin {
                            write_frame(&mut wire, FrameHead { opcode: opcode::PING, fin: true, rsv1: false, mask: key }, b"?");
                            expected.push(Told::Ping(b"?".to_vec()));
                        }
                    }
                    let kind = if *text { MessageKind::Text } else { MessageKind::Binary };
                    expected.push(Told::Message(kind, whole, ends));
                }
            }
        }
        let role = if server { Role::Server } else { Role::Client };
        let (told, error) = receive(deflating(role, params), &wire, cut);
        prop_assert_eq!(error, None);
        prop_assert!(told == expected);
    }

    #[test]
    fn masking_twice_from_any_offset_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200), key in any::<[u8; 4]>(), offset in 0..9_usize) {
        let mut masked = bytes.clone();
        mask(&mut masked, key, offset);
        for (index, (masked, plain)) in masked.iter().zip(&bytes).enumerate() {
            prop_assert_eq!(*masked, plain ^ key[(index + offset) % 4]);
        }
        mask(&mut masked, key, offset);
        prop_assert_eq!(masked, bytes);
    }

    /// Any bytes at all: an answer, and the same one however they are cut.
    #[test]
    fn any_bytes_have_one_answer(wire in prop::collection::vec(any::<u8>(), 0..300), cut in 1..40_usize) {
        let options = deflating(Role::Client, DeflateParams::default());
        let kinds = |(told, error): (Vec<Told>, Option<WsError>)| (told, error.map(|error| error.kind));
        prop_assert_eq!(kinds(receive(options.clone(), &wire, cut)), kinds(receive(options, &wire, 1000)));
    }
}
