use super::*;
use proptest::prelude::*;
use std::ops::ControlFlow;

fn framed(messages: &[(bool, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (compressed, message) in messages {
        body.extend_from_slice(&prefix(*compressed, message.len()).unwrap());
        body.extend_from_slice(message);
    }
    body
}

type Decoded = (Vec<(bool, Vec<u8>)>, Result<(), MessageFault>);

fn decode<'a>(decoder: &mut MessageDecoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut found = Vec::new();
    for piece in pieces {
        let result = decoder.decode(piece, |compressed, message| {
            found.push((compressed, message.as_slice().to_vec()));
            ControlFlow::Continue(())
        });
        match result {
            Ok(used) => assert_eq!(used, piece.len()),
            Err(fault) => return (found, Err(fault)),
        }
    }
    (found, Ok(()))
}

proptest! {
    #[test]
    fn messages_are_the_same_however_the_body_is_cut(
        messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..50)), 0..20),
        piece in 1usize..30,
    ) {
        let body = framed(&messages);
        let mut decoder = MessageDecoder::new(Some(50));
        let (found, result) = decode(&mut decoder, body.chunks(piece));
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(found, messages);
        prop_assert!(decoder.is_between_messages());
    }

    #[test]
    fn any_bytes_end_in_messages_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1usize..30) {
        let mut cut = MessageDecoder::new(Some(100));
        let mut whole = MessageDecoder::new(Some(100));
        prop_assert_eq!(decode(&mut cut, bytes.chunks(piece)), decode(&mut whole, [&bytes[..]]));
        prop_assert!(cut.held_bytes() <= 100);
    }

    #[test]
    fn a_status_message_comes_back(text in any::<String>()) {
        let mut field = Vec::new();
        encode_status_message(text.as_bytes(), &mut field);
        prop_assert!(field.iter().all(|byte| (b' '..=b'~').contains(byte)));
        prop_assert_eq!(decode_status_message(&field), text.as_bytes());
    }
}

#[test]
fn a_message_may_have_the_limit_and_not_one_byte_more() {
    let at_limit = framed(&[(false, vec![7; 10])]);
    assert_eq!(decode(&mut MessageDecoder::new(Some(10)), [&at_limit[..]]).1, Ok(()));
    // The length alone is enough to refuse it.
    let fault = decode(&mut MessageDecoder::new(Some(9)), [&at_limit[..5]]).1;
    assert_eq!(fault, Err(MessageFault::TooLong { bytes: 10, limit: 9 }));
}

#[test]
fn an_announced_length_is_not_waited_for_with_its_memory() {
    let mut decoder = MessageDecoder::new(None);
    decode(&mut decoder, [&[0, 0xff, 0xff, 0xff, 0xff, 1][..]]).1.unwrap();
    assert_eq!(decoder.held_bytes(), 1);
    assert!(!decoder.is_between_messages());
}

#[test]
fn another_flag_is_a_fault() {
    assert_eq!(decode(&mut MessageDecoder::new(None), [&[2, 0, 0, 0, 0][..]]).1, Err(MessageFault::Flag(2)));
}

#[test]
fn decoding_stops_where_it_is_told_to() {
    let body = framed(&[(false, vec![1]), (false, vec![2])]);
    let mut decoder = MessageDecoder::new(None);
    assert_eq!(decoder.decode(&body, |_, _| ControlFlow::Break(())), Ok(6));
    assert_eq!(
        decoder.decode(&body[6..], |_, message| {
            assert_eq!(message.as_slice(), [2]);
            ControlFlow::Continue(())
        }),
        Ok(6)
    );
}

#[test]
fn timeouts_have_eight_digits_and_a_unit() {
    let ms = |value: &str| Timeout::parse(value.as_bytes());
    assert_eq!(ms("1H"), Timeout::Ms(3_600_000));
    assert_eq!(ms("2M"), Timeout::Ms(120_000));
    assert_eq!(ms("3S"), Timeout::Ms(3000));
    assert_eq!(ms("4 m"), Timeout::Ms(4));
    assert_eq!(ms("5999u"), Timeout::Ms(5));
    assert_eq!(ms("99999999n"), Timeout::Ms(99));
    assert_eq!(ms("99999999H"), Timeout::Ms(u32::MAX));
    for wrong in ["", "1", "S", "-1S", "1.5S", "123456789m", "1s", "Infinity", "1Sx"] {
        assert_eq!(ms(wrong), Timeout::Invalid, "{wrong}");
    }
}

#[test]
fn codings_come_back_and_are_held_to_the_limit() {
    let message: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    for coding in Coding::ALL {
        assert_eq!(Coding::from_name(coding.name().as_bytes()), Some(coding));
        let packed = coding.compress(&message).unwrap();
        assert_eq!(coding.decompress(&packed, message.len()), Ok(message.clone()), "{coding:?}");
        assert_eq!(coding.decompress(&packed, message.len() - 1), Err(CodingError::TooLong), "{coding:?}");
        if coding != Coding::Identity {
            assert!(packed.len() < message.len() / 10);
            let bomb = coding.compress(&vec![0; 10 << 20]).unwrap();
            assert_eq!(coding.decompress(&bomb, 1 << 20), Err(CodingError::TooLong), "{coding:?}");
            assert!(matches!(coding.decompress(b"no such stream", 1000), Err(CodingError::Corrupt(_))));
            assert!(matches!(
                coding.decompress(&packed[..packed.len() / 2], 1 << 20),
                Err(CodingError::Corrupt(_))
            ));
        }
    }
}

#[test]
fn the_first_coding_wanted_that_is_accepted_is_chosen() {
    let wanted = [Coding::Zstd, Coding::Gzip];
    assert_eq!(Coding::choose(&wanted, b"identity, gzip,deflate"), Some(Coding::Gzip));
    assert_eq!(Coding::choose(&wanted, b"gzip,zstd"), Some(Coding::Zstd));
    assert_eq!(Coding::choose(&wanted, b"identity"), None);
    assert_eq!(Coding::choose(&[], b"gzip"), None);
}

#[test]
fn content_types_of_grpc() {
    for (content_type, ours) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc;x=y", true),
        ("application/grpc-web+proto", false),
        ("application/json", false),
        ("", false),
    ] {
        assert_eq!(is_grpc(content_type.as_bytes()), ours, "{content_type}");
    }
}

#[test]
fn a_content_type_says_how_messages_lie_in_a_body() {
    for (content_type, framing) in [
        ("application/grpc", Some(Framing::Plain)),
        ("application/grpc+proto", Some(Framing::Plain)),
        ("application/grpc-web", Some(Framing::Web)),
        ("application/grpc-web+proto", Some(Framing::Web)),
        ("application/grpc-web-text", Some(Framing::WebText)),
        ("application/grpc-web-text+proto", Some(Framing::WebText)),
        ("application/json", None),
    ] {
        assert_eq!(Framing::of(content_type.as_bytes()), framing, "{content_type}");
        if let Some(framing) = framing {
            assert_eq!(Framing::of(framing.content_type().as_bytes()), Some(framing));
        }
    }
}

#[test]
fn trailers_are_a_frame_of_lines() {
    let mut out = b"before".to_vec();
    append_trailers([("grpc-status", &b"0"[..]), ("a", b"b: c")].into_iter(), &mut out);
    assert_eq!(out, b"before\x80\0\0\0\x17grpc-status:0\r\na:b: c\r\n");
}

proptest! {
    #[test]
    fn text_is_the_same_however_it_is_encoded_and_cut(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10),
        cut in 1usize..9,
    ) {
        let text: Vec<u8> = pieces.iter().flat_map(|piece| Framing::WebText.encode(piece.clone())).collect();
        let mut decoder = TextDecoder::default();
        let found: Vec<u8> = text.chunks(cut).flat_map(|piece| decoder.decode(piece).unwrap()).collect();
        prop_assert_eq!(found, pieces.concat());
        prop_assert!(decoder.is_between_groups());
    }
}

#[test]
fn what_is_no_base64_is_refused() {
    for text in ["A===", "====", "AA=A", "AAA\n", "AA A", "AA-_"] {
        assert_eq!(TextDecoder::default().decode(text.as_bytes()), Err(NoText), "{text}");
    }
    let mut decoder = TextDecoder::default();
    assert_eq!(decoder.decode(b"QUI"), Ok(vec![]));
    assert!(!decoder.is_between_groups());
}
