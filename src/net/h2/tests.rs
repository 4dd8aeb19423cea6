//! A server and a client that talk through memory, and hand-made frames.

use super::*;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use std::time::{Duration, Instant};

fn events(connection: &mut Connection) -> Vec<Event> {
    std::iter::from_fn(|| connection.next_event()).collect()
}

/// Moves bytes from one to the other until nothing moves; returns what happened on both.
fn shuttle(client: &mut Connection, server: &mut Connection) -> (Vec<Event>, Vec<Event>) {
    let (mut of_client, mut of_server) = (Vec::new(), Vec::new());
    loop {
        client.poll();
        server.poll();
        of_client.extend(events(client));
        of_server.extend(events(server));
        let mut moved = false;
        if client.has_output() && server.wants_input() {
            server.feed(&client.take_output(), Instant::now());
            moved = true;
        }
        if server.has_output() && client.wants_input() {
            client.feed(&server.take_output(), Instant::now());
            moved = true;
        }
        if !moved {
            return (of_client, of_server);
        }
    }
}

fn pair(client: &Config, server: &Config) -> (Connection, Connection) {
    let (mut client, mut server) = (Connection::client(client), Connection::server(server));
    shuttle(&mut client, &mut server);
    (client, server)
}

fn post() -> Request<()> {
    Request::post("http://millrace.test/upload").header("x-name", "value").body(()).unwrap()
}

fn get() -> Request<()> {
    Request::get("http://millrace.test/").body(()).unwrap()
}

fn ok() -> Response<()> {
    Response::builder().status(200).body(()).unwrap()
}

fn body_of(events: &[Event]) -> Vec<u8> {
    let mut body = Vec::new();
    for event in events {
        if let Event::Data { data, .. } = event {
            body.extend_from_slice(data);
        }
    }
    body
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A server that got the preface and empty settings.
fn greeted(config: &Config) -> Connection {
    let mut server = Connection::server(config);
    server.feed(&[&PREFACE[..], &frame(4, 0, 0, &[])].concat(), Instant::now());
    server.poll();
    server.take_output();
    server
}

/// HEADERS of `GET / http` with `:authority`, by the static table.
fn get_frame(stream: u32, end: bool) -> Vec<u8> {
    let block = [&[0x82, 0x84, 0x86, 0x41, 1][..], b"a"].concat();
    frame(1, if end { 5 } else { 4 }, stream, &block)
}

fn closed(events: &[Event]) -> Option<&Closed> {
    events.iter().find_map(|event| match event {
        Event::Closed(closed) => Some(closed),
        _ => None,
    })
}

#[test]
fn a_request_with_a_body_and_trailers_is_answered_with_the_same() {
    let (mut client, mut server) = pair(&Config::default(), &Config::default());
    let stream = client.open(post(), false).unwrap();
    client.send(stream, Bytes::from_static(b"question"), false);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    client.finish(stream, Some(trailers.clone()));
    let (_, of_server) = shuttle(&mut client, &mut server);
    let Event::Request { stream: seen, head, end: false } = &of_server[0] else { panic!("{of_server:?}") };
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/upload"));
    assert_eq!(head.headers["x-name"], "value");
    assert_eq!(body_of(&of_server), b"question");
    assert!(matches!(of_server.last(), Some(Event::End { trailers: Some(got), .. }) if *got == trailers));

    assert!(server.inform(*seen, Response::builder().status(103).body(()).unwrap()));
    assert!(server.respond(*seen, ok(), false));
    assert!(!server.respond(*seen, ok(), false), "one head");
    server.send(*seen, Bytes::from_static(b"answer"), false);
    server.finish(*seen, Some(trailers.clone()));
    assert_eq!(server.send(*seen, Bytes::from_static(b"more"), false), None, "nothing behind the end");
    let (of_client, _) = shuttle(&mut client, &mut server);
    assert!(matches!(&of_client[0], Event::Informational { head, .. } if head.status == 103));
    assert!(matches!(&of_client[1], Event::Response { head, end: false, .. } if head.status == 200));
    assert_eq!(body_of(&of_client), b"answer");
    assert!(matches!(of_client.last(), Some(Event::End { trailers: Some(got), .. }) if *got == trailers));
    assert_eq!((client.streams(), server.streams()), (0, 0));
}

#[test]
fn many_streams_are_open_at_once_and_one_too_many_waits() {
    let config = Config { concurrent_streams: 100, ..Config::default() };
    let (mut client, mut server) = pair(&Config::default(), &config);
    let streams: Vec<_> = (0..100).map(|_| client.open(get(), true).unwrap()).collect();
    let (_, of_server) = shuttle(&mut client, &mut server);
    assert_eq!(of_server.len(), 100);
    assert_eq!(client.most_streams(), 100);
    // The frame layer holds one back until there is room.
    let late = client.open(get(), true).unwrap();
    assert_eq!(client.open(get(), true), Err(OpenError::Full));
    for event in of_server {
        let Event::Request { stream, end: true, .. } = event else { panic!("{event:?}") };
        assert!(server.respond(stream, ok(), true));
    }
    let (of_client, of_server) = shuttle(&mut client, &mut server);
    let answered = of_client.iter().filter(|event| matches!(event, Event::Response { .. })).count();
    assert_eq!(answered, streams.len());
    assert!(of_client.iter().any(|event| matches!(event, Event::Ready)));
    assert!(matches!(&of_server[..], [Event::Request { stream, .. }] if *stream == late));
}

#[test]
fn a_body_comes_as_far_as_credit_and_window_allow() {
    let config = Config { stream_window: 1 << 20, ..Config::default() };
    let (mut client, mut server) = pair(&Config::default(), &config);
    let stream = client.open(post(), false).unwrap();
    let data = Bytes::from(vec![7; 4 << 20]);
    client.send(stream, data.clone(), true);
    let (_, of_server) = shuttle(&mut client, &mut server);
    let got = body_of(&of_server).len();
    assert!((64 << 10..(64 << 10) + (16 << 10)).contains(&got), "{got} bytes of a credit of 64 KiB");
    let sent = data.len() - client.pending(stream);
    assert!(sent <= (1 << 20) + got + (64 << 10), "{sent} bytes left the client");
    let mut all = got;
    let mut ended = false;
    while !ended {
        server.allow(stream, 256 << 10);
        let (_, of_server) = shuttle(&mut client, &mut server);
        assert!(!of_server.is_empty(), "stands still at {all}");
        all += body_of(&of_server).len();
        ended = of_server.iter().any(|event| matches!(event, Event::End { .. }));
    }
    assert_eq!(all, data.len());
}

#[test]
fn a_peer_that_opens_no_window_makes_nothing_grow() {
    let closed_window = Config { stream_window: 0, ..Config::default() };
    let (mut client, mut server) = pair(&closed_window, &Config::default());
    for _ in 0..100 {
        client.open(get(), true).unwrap();
    }
    let (_, of_server) = shuttle(&mut client, &mut server);
    for event in of_server {
        let Event::Request { stream, .. } = event else { panic!("{event:?}") };
        server.respond(stream, ok(), false);
        assert_eq!(server.send(stream, Bytes::from(vec![1; 32 << 10]), false), Some(32 << 10));
    }
    let (of_client, of_server) = shuttle(&mut client, &mut server);
    assert_eq!(body_of(&of_client), b"");
    assert!(
        !of_server.iter().any(|event| matches!(event, Event::Sent { pending, .. } if *pending < 32 << 10))
    );
    assert!(!server.has_output());
}

#[test]
fn output_stops_at_its_bound_until_it_is_taken() {
    let config = Config { output_bytes: 64 << 10, ..Config::default() };
    let wide = Config { stream_window: 8 << 20, connection_window: 8 << 20, ..Config::default() };
    let (mut client, mut server) = pair(&wide, &config);
    let stream = client.open(get(), true).unwrap();
    shuttle(&mut client, &mut server);
    server.respond(stream, ok(), false);
    server.send(stream, Bytes::from(vec![1; 4 << 20]), true);
    server.poll();
    let made = server.take_output().len();
    assert!((64 << 10..=(64 << 10) + (32 << 10)).contains(&made), "{made} bytes of output");
    assert!(server.pending(stream) > 3 << 20);
    assert!(events(&mut server).iter().any(|event| matches!(event, Event::Sent { .. })));
    let mut rounds = 0;
    while server.pending(stream) > 0 {
        server.poll();
        assert!(server.take_output().len() <= (64 << 10) + (32 << 10));
        rounds += 1;
        assert!(rounds < 1000);
    }
}

#[test]
fn a_reset_is_told_with_its_reason_on_the_other_side() {
    let (mut client, mut server) = pair(&Config::default(), &Config::default());
    let ours = client.open(post(), false).unwrap();
    let theirs = client.open(get(), true).unwrap();
    shuttle(&mut client, &mut server);
    client.reset(ours, Reason::CANCEL);
    server.reset(theirs, Reason::INTERNAL_ERROR);
    let (of_client, of_server) = shuttle(&mut client, &mut server);
    assert!(matches!(
        &of_server[..],
        [Event::Reset { stream, reason: Reason::CANCEL, remote: true }] if *stream == ours
    ));
    assert!(matches!(
        &of_client[..],
        [Event::Reset { stream, reason: Reason::INTERNAL_ERROR, remote: true }] if *stream == theirs
    ));
    assert_eq!((client.streams(), server.streams()), (0, 0));
}

#[test]
fn a_reset_reaches_a_server_that_answers_a_complete_request() {
    let (mut client, mut server) = pair(&Config::default(), &Config::default());
    let stream = client.open(get(), true).unwrap();
    shuttle(&mut client, &mut server);
    server.respond(stream, ok(), false);
    shuttle(&mut client, &mut server);
    client.reset(stream, Reason::CANCEL);
    let (_, of_server) = shuttle(&mut client, &mut server);
    assert!(matches!(&of_server[..], [Event::Reset { reason: Reason::CANCEL, remote: true, .. }]));
}

#[test]
fn shutdown_lets_open_streams_end_and_takes_no_others() {
    let (mut client, mut server) = pair(&Config::default(), &Config::default());
    let stream = client.open(get(), true).unwrap();
    shuttle(&mut client, &mut server);
    server.shutdown();
    let (of_client, of_server) = shuttle(&mut client, &mut server);
    assert!(closed(&of_client).is_none() && closed(&of_server).is_none());
    assert_eq!(client.open(get(), true), Err(OpenError::Closing));
    server.respond(stream, ok(), true);
    let (of_client, of_server) = shuttle(&mut client, &mut server);
    assert!(matches!(of_client[0], Event::Response { .. }), "{of_client:?}");
    assert_eq!(closed(&of_server).unwrap().reason, Reason::NO_ERROR);
    assert_eq!(closed(&of_client).unwrap().reason, Reason::NO_ERROR);
}

#[test]
fn a_client_that_shuts_down_ends_when_its_streams_have() {
    let (mut client, mut server) = pair(&Config::default(), &Config::default());
    let stream = client.open(get(), true).unwrap();
    shuttle(&mut client, &mut server);
    client.shutdown();
    assert_eq!(client.open(get(), true), Err(OpenError::Closing));
    server.respond(stream, ok(), true);
    let (of_client, of_server) = shuttle(&mut client, &mut server);
    assert!(matches!(of_client[0], Event::Response { .. }));
    assert_eq!(closed(&of_client).unwrap().reason, Reason::NO_ERROR);
    server.feed_end();
    assert!(
        closed(&of_server).is_some() || {
            server.poll();
            closed(&events(&mut server)).is_some()
        }
    );
}

#[test]
fn a_response_that_came_is_read_after_its_connection_closed() {
    let (mut client, mut server) = pair(&Config::default(), &Config::default());
    let stream = client.open(get(), true).unwrap();
    shuttle(&mut client, &mut server);
    server.respond(stream, ok(), false);
    server.send(stream, Bytes::from(vec![1; 300 << 10]), true);
    server.shutdown();
    let (of_client, _) = shuttle(&mut client, &mut server);
    assert!(closed(&of_client).is_some());
    let mut all = body_of(&of_client).len();
    let mut ended = false;
    while !ended {
        client.allow(stream, 64 << 10);
        client.poll();
        let more = events(&mut client);
        assert!(!more.is_empty(), "stands still at {all}");
        all += body_of(&more).len();
        ended = more.iter().any(|event| matches!(event, Event::End { .. }));
    }
    assert_eq!((all, client.streams()), (300 << 10, 0));
}

#[test]
fn a_ping_is_answered() {
    let (mut client, mut server) = pair(&Config::default(), &Config::default());
    assert!(server.ping());
    assert!(!server.ping(), "one at a time");
    let (_, of_server) = shuttle(&mut client, &mut server);
    assert!(matches!(&of_server[..], [Event::Pong]));
    assert!(client.ping());
    let (of_client, _) = shuttle(&mut client, &mut server);
    assert!(matches!(&of_client[..], [Event::Pong]));
}

#[test]
fn streams_of_a_peer_that_is_gone_are_reset() {
    let (mut client, mut server) = pair(&Config::default(), &Config::default());
    let stream = client.open(post(), false).unwrap();
    shuttle(&mut client, &mut server);
    server.feed_end();
    server.poll();
    let all = events(&mut server);
    assert!(matches!(&all[0], Event::Reset { stream: of, .. } if *of == stream), "{all:?}");
    assert!(closed(&all).is_some());
}

#[test]
fn what_is_no_preface_closes() {
    let mut server = Connection::server(&Config::default());
    server.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Instant::now());
    server.poll();
    assert!(closed(&events(&mut server)).is_some());
}

#[test]
fn rapid_reset_closes_the_connection() {
    let mut server = greeted(&Config::default());
    let mut bytes = Vec::new();
    for n in 0..200 {
        bytes.extend(get_frame(n * 2 + 1, true));
        bytes.extend(frame(3, 0, n * 2 + 1, &8u32.to_be_bytes()));
    }
    server.feed(&bytes, Instant::now());
    server.poll();
    let all = events(&mut server);
    assert_eq!(closed(&all).unwrap().reason, Reason::ENHANCE_YOUR_CALM);
    let seen = all.iter().filter(|event| matches!(event, Event::Request { .. })).count();
    assert!(seen <= 20, "{seen} requests reached the owner");
}

#[test]
fn slow_rapid_reset_runs_out_of_tokens() {
    let mut server = greeted(&Config::default());
    let now = Instant::now();
    let mut sent = 0;
    // Each reset comes when its request was seen, so that none is pending.
    let reason = loop {
        server.feed(&get_frame(sent * 2 + 1, true), now);
        server.poll();
        server.feed(&frame(3, 0, sent * 2 + 1, &8u32.to_be_bytes()), now);
        server.poll();
        server.take_output();
        sent += 1;
        if let Some(closed) = closed(&events(&mut server)) {
            break closed.reason;
        }
        assert!(sent < 2000);
    };
    assert_eq!((reason, sent), (Reason::ENHANCE_YOUR_CALM, 1001));
}

#[test]
fn floods_of_pings_settings_and_empty_data_close_the_connection() {
    let empty_data = [get_frame(1, false), frame(0, 0, 1, &[]).repeat(1100)].concat();
    for flood in [frame(6, 0, 0, &[0; 8]).repeat(1100), frame(4, 0, 0, &[]).repeat(1100), empty_data] {
        let mut server = greeted(&Config::default());
        let now = Instant::now();
        let mut reason = None;
        for piece in flood.chunks(999) {
            server.feed(piece, now);
            server.poll();
            assert!(server.take_output().len() < 16 << 10);
            reason = reason.or(closed(&events(&mut server)).map(|closed| closed.reason));
        }
        assert_eq!(reason, Some(Reason::ENHANCE_YOUR_CALM));
    }
}

#[test]
fn pings_at_a_fair_rate_are_answered_for_ever() {
    let mut server = greeted(&Config::default());
    let mut now = Instant::now();
    for _ in 0..5000 {
        now += Duration::from_millis(20);
        server.feed(&frame(6, 0, 0, &[0; 8]), now);
        server.poll();
        assert_eq!(server.take_output().len(), 17);
        assert!(events(&mut server).is_empty());
    }
}

#[test]
fn unread_pongs_stop_the_input_instead_of_piling_up() {
    let config = Config {
        output_bytes: 1 << 10,
        flood: FloodLimits { control_burst: 1 << 20, ..FloodLimits::default() },
        ..Config::default()
    };
    let mut server = greeted(&config);
    server.feed(&frame(6, 0, 0, &[0; 8]).repeat(10_000), Instant::now());
    server.poll();
    assert!(!server.wants_input());
    let made = server.take_output().len();
    assert!(made <= (1 << 10) + (32 << 10), "{made} bytes");
}

#[test]
fn a_flood_of_continuations_closes_the_connection() {
    let mut server = greeted(&Config::default());
    // A head without end, each piece one field of the static table.
    server.feed(&frame(1, 1, 1, &[0x82, 0x84, 0x86]), Instant::now());
    let mut reason = None;
    for _ in 0..10_000 {
        server.feed(&frame(9, 0, 1, &[0x90]), Instant::now());
        server.poll();
        if let Some(closed) = closed(&events(&mut server)) {
            reason = Some(closed.reason);
            break;
        }
    }
    assert!(reason.is_some(), "it takes any number of them");
}

#[test]
fn too_large_a_head_is_answered_with_431() {
    let (mut client, mut server) =
        pair(&Config::default(), &Config { header_list_bytes: 4096, ..Config::default() });
    let request = Request::get("http://a/").header("x-large", "a".repeat(8192)).body(()).unwrap();
    client.open(request, true).unwrap();
    let (of_client, of_server) = shuttle(&mut client, &mut server);
    assert!(of_server.is_empty(), "{of_server:?}");
    assert!(of_client.iter().any(
        |event| matches!(event, Event::Response { head, .. } if head.status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    ));
}

#[test]
fn faults_of_a_peer_close_the_connection_or_the_stream() {
    let block = [&[0x83, 0x84, 0x86, 0x41, 1][..], b"a", &[0x0f, 0x0d, 1], b"3"].concat();
    let with_length = frame(1, 4, 1, &block);
    let cases: [(&str, Vec<u8>, Option<Reason>); 6] = [
        ("data on an idle stream", frame(0, 0, 5, b"x"), Some(Reason::PROTOCOL_ERROR)),
        (
            "a window of the connection beyond 2^31",
            frame(8, 0, 0, &0x7fff_ffffu32.to_be_bytes()),
            Some(Reason::FLOW_CONTROL_ERROR),
        ),
        ("an update of nothing", frame(8, 0, 0, &[0; 4]), Some(Reason::PROTOCOL_ERROR)),
        ("a frame larger than allowed", frame(0, 0, 1, &[0; 20_000]), Some(Reason::FRAME_SIZE_ERROR)),
        ("settings of a length that is none", frame(4, 0, 0, &[0; 5]), Some(Reason::PROTOCOL_ERROR)),
        ("more data than content-length", [with_length, frame(0, 1, 1, b"four")].concat(), None),
    ];
    for (name, bytes, reason) in cases {
        let mut server = greeted(&Config::default());
        server.feed(&bytes, Instant::now());
        server.poll();
        let all = events(&mut server);
        assert_eq!(closed(&all).map(|closed| closed.reason), reason, "{name}: {all:?}");
        if reason.is_none() {
            assert!(
                all.iter().any(|event| matches!(event, Event::Reset { reason: Reason::PROTOCOL_ERROR, .. })),
                "{name}: {all:?}"
            );
        }
    }
}
