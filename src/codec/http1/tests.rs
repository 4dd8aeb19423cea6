use proptest::prelude::*;

use super::*;

/// A request as it came out of the decoder.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Request {
    method: &'static str,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
    complete: bool,
}

fn pairs(spans: &[HeaderSpan], input: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    spans.iter().map(|h| (h.name.get(input).to_vec(), h.value.get(input).to_vec())).collect()
}

/// Decodes `pieces` as a connection would: bytes that a step does not take wait for the next piece.
fn decode_with<'a>(
    limits: Limits,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Request>, Option<FaultCode>) {
    let mut decoder = RequestDecoder::new(limits);
    let (mut requests, mut pending) = (Vec::<Request>::new(), Vec::new());
    for piece in pieces {
        pending.extend_from_slice(piece);
        loop {
            let (bytes, more) = match decoder.step(&pending) {
                Err(fault) => return (requests, Some(fault.code)),
                Ok(Step::More(bytes)) => (bytes, bytes == 0 || bytes == pending.len()),
                Ok(Step::Head(bytes)) => {
                    let head = decoder.head();
                    requests.push(Request {
                        method: head.method_name(),
                        target: head.target.get(&pending).to_vec(),
                        headers: pairs(&head.headers, &pending),
                        ..Request::default()
                    });
                    (bytes, false)
                }
                Ok(Step::Data { skip, len }) => {
                    requests.last_mut().unwrap().body.extend_from_slice(&pending[skip..skip + len]);
                    (skip + len, false)
                }
                Ok(Step::End(bytes)) => {
                    let request = requests.last_mut().unwrap();
                    request.trailers = pairs(decoder.trailers(), &pending);
                    request.complete = true;
                    (bytes, pending.len() == bytes)
                }
            };
            pending.drain(..bytes);
            if more {
                break;
            }
        }
        assert!(pending.len() < limits.head_bytes, "{} bytes are held", pending.len());
    }
    (requests, None)
}

fn decode(input: &[u8]) -> (Vec<Request>, Option<FaultCode>) {
    decode_with(Limits::default(), std::iter::once(input))
}

fn fault(input: &str) -> Option<FaultCode> {
    decode(input.as_bytes()).1
}

const HOST: &str = "Host: a\r\n";

#[test]
fn a_request_keeps_case_and_order_of_its_fields() {
    let (requests, fault) =
        decode(b"GET /a?b HTTP/1.1\r\nhOsT:\texample.com \r\nX: 1\r\nempty:\r\nx:  2\r\n\r\n");
    assert_eq!(fault, None);
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((request.method, &request.target[..], request.complete), ("GET", &b"/a?b"[..], true));
    let fields: [(&[u8], &[u8]); 4] =
        [(b"hOsT", b"example.com"), (b"X", b"1"), (b"empty", b""), (b"x", b"2")];
    assert_eq!(request.headers, fields.map(|(n, v)| (n.to_vec(), v.to_vec())));
}

#[test]
fn requests_follow_each_other() {
    let (requests, fault) = decode(
        b"\r\nPOST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST /2 HTTP/1.1\r\nHost: a\r\n\
          Transfer-Encoding: gzip, chunked\r\n\r\n3;x=\"\r\"\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    );
    // A quoted CR is no part of an extension.
    assert_eq!(fault, Some(FaultCode::Strict));
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].body, b"abc");
    let (requests, fault) = decode(
        b"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"; \\\"y\"\r\nabc\r\n00A\r\n0123456789\r\n\
          0\r\nT: 1\r\nu: 2\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    );
    assert_eq!(fault, None);
    assert_eq!(requests[0].body, b"abc0123456789");
    assert_eq!(requests[0].trailers.len(), 2);
    assert_eq!((requests.len(), requests[1].complete), (2, true));
}

#[test]
fn connections_stay_or_close_by_version_and_field() {
    let keeps = |text: &str| {
        let mut decoder = RequestDecoder::new(Limits::default());
        assert!(matches!(decoder.step(text.as_bytes()), Ok(Step::Head(_))), "{text}");
        decoder.head().keep_alive
    };
    assert!(keeps("GET / HTTP/1.1\r\n\r\n"));
    assert!(!keeps("GET / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n"));
    assert!(!keeps("GET / HTTP/1.0\r\n\r\n"));
    assert!(keeps("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n"));
}

#[test]
fn expectations_and_upgrades_are_told() {
    let head = |text: &str| {
        let mut decoder = RequestDecoder::new(Limits::default());
        decoder.step(text.as_bytes()).unwrap();
        let head = decoder.head();
        (head.expects_continue, head.expects_other, head.upgrade)
    };
    assert_eq!(head("POST / HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n"), (true, false, false));
    assert_eq!(head("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), (false, false, false));
    assert_eq!(head("POST / HTTP/1.1\r\nExpect: x\r\n\r\n"), (false, true, false));
    assert!(head("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: x, Upgrade\r\n\r\n").2);
    assert!(!head("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").2);
    assert!(head("CONNECT a:443 HTTP/1.1\r\n\r\n").2);
}

#[test]
fn malformed_heads_have_the_codes_of_node() {
    use FaultCode::*;
    let cases: &[(&str, FaultCode)] = &[
        ("BREW / HTTP/1.1\r\n\r\n", InvalidMethod),
        ("get / HTTP/1.1\r\n\r\n", InvalidMethod),
        ("\x16\x03\x01\x02", InvalidMethod),
        ("Extra lineGET / HTTP/1.1\r\n\r\n", InvalidMethod),
        ("GET / \r\n\r\n", InvalidConstant),
        ("GET / HTPP/1.1\r\n\r\n", InvalidConstant),
        ("GET / HTTP/9.9\r\n\r\n", InvalidVersion),
        ("GET / HTTP/2.0\r\n\r\n", InvalidVersion),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PausedH2Upgrade),
        ("GET /\x01 HTTP/1.1\r\n\r\n", InvalidUrl),
        ("GET /\u{e4} HTTP/1.1\r\n\r\n", InvalidUrl),
        ("GET foo HTTP/1.1\r\n\r\n", InvalidUrl),
        ("GET / HTTP/1.1\r\nX[]: a\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\nHost\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\n X: a\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\nX: a\x07b\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", InvalidHeaderToken),
        ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", CrExpected),
        ("GET / HTTP/1.1\nHost: a\n\n", CrExpected),
        ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", LfExpected),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", Strict),
    ];
    for (input, code) in cases {
        assert_eq!(fault(input), Some(*code), "{input:?}");
    }
}

#[test]
fn smuggled_lengths_are_refused_with_the_codes_of_node() {
    use FaultCode::*;
    let cases: &[(&str, FaultCode)] = &[
        ("Content-Length: 1\r\nContent-Length: 1\r\n", UnexpectedContentLength),
        ("Content-Length: 1\r\nContent-Length: 2\r\n", UnexpectedContentLength),
        ("Content-Length: -1\r\n", InvalidContentLength),
        ("Content-Length: +1\r\n", InvalidContentLength),
        ("Content-Length: abc\r\n", InvalidContentLength),
        ("Content-Length:\r\n", InvalidContentLength),
        ("Content-Length: 1, 1\r\n", InvalidContentLength),
        ("Content-Length: 99999999999999999999\r\n", InvalidContentLength),
        ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", InvalidContentLength),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: gzip\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: chunked, gzip\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: xchunked\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: identity\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding:\r\n", InvalidTransferEncoding),
    ];
    for (fields, code) in cases {
        let input = format!("POST / HTTP/1.1\r\n{HOST}{fields}\r\n0\r\n\r\n");
        assert_eq!(fault(&input), Some(*code), "{fields:?}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(fault(old), Some(InvalidTransferEncoding));
}

#[test]
fn malformed_chunks_have_the_codes_of_node() {
    use FaultCode::*;
    let cases: &[(&str, FaultCode)] = &[
        ("x\r\n", InvalidChunkSize),
        ("-1\r\n", InvalidChunkSize),
        ("0x1\r\na\r\n", InvalidChunkSize),
        ("\r\n", InvalidChunkSize),
        ("1 \r\na\r\n", InvalidChunkSize),
        ("fffffffffffffffff\r\n", InvalidChunkSize),
        ("1\na\n0\n\n", CrExpected),
        ("1\r\na\n0\r\n\r\n", CrExpected),
        ("1\r\nab\r\n", Strict),
        ("1\rXa", Strict),
        ("1;a\nb\r\na\r\n", CrExpected),
        ("1;a\x01\r\na\r\n", Strict),
        ("0\r\nX T: 1\r\n\r\n", InvalidHeaderToken),
        ("0\r\nX: 1\n\r\n", CrExpected),
    ];
    for (chunks, code) in cases {
        let input = format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{chunks}");
        assert_eq!(fault(&input), Some(*code), "{chunks:?}");
    }
}

#[test]
fn heads_trailers_and_extensions_have_limits() {
    use FaultCode::*;
    let limits = Limits { head_bytes: 200, fields: 5, chunk_extension_bytes: 20 };
    let code = |input: String| decode_with(limits, std::iter::once(input.as_bytes())).1;
    assert_eq!(code(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200))), Some(HeaderOverflow));
    assert_eq!(code(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(6))), Some(HeaderOverflow));
    assert_eq!(code(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5))), None);
    let chunked = format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n");
    assert_eq!(code(format!("{chunked}0\r\nX: {}\r\n\r\n", "a".repeat(200))), Some(HeaderOverflow));
    let chunk = "1;aaaaaaaa\r\nx\r\n";
    assert_eq!(code(format!("{chunked}{}", chunk.repeat(2))), None);
    assert_eq!(code(format!("{chunked}{}", chunk.repeat(3))), Some(ChunkExtensionsOverflow));
}

#[test]
fn what_is_incomplete_waits() {
    let whole = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(decode(&whole.as_bytes()[..end]), (Vec::new(), None), "{end}");
    }
}

/// Requests with bodies both ways, and the bytes that they are.
fn request() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let body = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..5);
    (any::<bool>(), "[a-z]{0,20}", body, 0usize..3).prop_map(|(chunked, path, parts, trailers)| {
        let body = parts.concat();
        let mut bytes = format!("POST /{path} HTTP/1.1\r\nHost: x\r\nX-Y: {path}\r\n").into_bytes();
        if chunked {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for part in &parts {
                bytes.extend_from_slice(format!("{:x};e\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(format!("0\r\n{}\r\n", "T: 1\r\n".repeat(trailers)).as_bytes());
        } else {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(&body);
        }
        (bytes, body)
    })
}

/// `bytes` in pieces of the lengths in `cuts`, which repeat.
fn pieces<'a>(bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let (mut rest, mut turn) = (bytes, 0);
    std::iter::from_fn(move || {
        let (piece, left) = rest.split_at(cuts[turn % cuts.len()].min(rest.len()));
        (rest, turn) = (left, turn + 1);
        (!piece.is_empty()).then_some(piece)
    })
}

proptest! {
    #[test]
    fn requests_are_the_same_however_they_are_cut(
        all in prop::collection::vec(request(), 1..4),
        cuts in prop::collection::vec(1usize..50, 1..8),
    ) {
        let bytes: Vec<u8> = all.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let whole = decode(&bytes);
        prop_assert_eq!(whole.1, None);
        let bodies: Vec<_> = whole.0.iter().map(|r| r.body.clone()).collect();
        prop_assert_eq!(bodies, all.iter().map(|(_, body)| body.clone()).collect::<Vec<_>>());
        prop_assert!(whole.0.iter().all(|r| r.complete));
        prop_assert_eq!(decode_with(Limits::default(), pieces(&bytes, &cuts)), whole);
    }

    #[test]
    fn damaged_requests_neither_panic_nor_differ_by_cut(
        (mut bytes, _) in request(),
        at in any::<prop::sample::Index>(),
        with in prop::collection::vec(prop::sample::select(b"\r\n\0 :;,0aF\x80\"".to_vec()), 0..3),
        cuts in prop::collection::vec(1usize..50, 1..8),
    ) {
        let at = at.index(bytes.len());
        bytes.splice(at..at + 1, with);
        let whole = decode(&bytes);
        let cut = decode_with(Limits::default(), pieces(&bytes, &cuts));
        // An incomplete head that is looked at later is refused later; whatever is given out is the same.
        if whole.1.is_none() {
            prop_assert_eq!(cut, whole);
        } else {
            prop_assert_eq!(&cut.0, &whole.0);
        }
    }
}
