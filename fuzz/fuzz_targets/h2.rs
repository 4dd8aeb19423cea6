//! HTTP/2 connections of either side stay within their bounds whatever the peer sends, and what they tell of streams is the same
//! however its bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::net::h2::{Config, Connection, Event, PREFACE, StreamId};
use millrace_fuzz::Plan;
use std::collections::BTreeMap;
use std::time::Instant;

const CONFIG: fn() -> Config = || Config {
    stream_window: 1000,
    connection_window: 70_000,
    concurrent_streams: 4,
    header_list_bytes: 1000,
    output_bytes: 2000,
    credit: 100,
    ..Config::default()
};
/// A frame of the connection's own, and its head.
const FRAME_BYTES: usize = 9 + (16 << 10);

/// What was told of each stream: its head, its bytes, its trailers.
type Told = BTreeMap<StreamId, Vec<u8>>;

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let now = Instant::now();
    let (whole, cut) = (run(plan.whole(), now), run(plan, now));
    // A fault of the peer ends all streams, and what stood in front of it may have been told of or not.
    for (stream, told) in &whole {
        if let Some(other) = cut.get(stream) {
            assert!(told.starts_with(other) || other.starts_with(told), "{stream:?}");
        }
    }
});

fn run(plan: Plan<'_>, now: Instant) -> Told {
    let config = CONFIG();
    let mut told = Told::new();
    let mut connection;
    if plan.option(0) {
        connection = Connection::client(&config);
        connection.poll();
        for (path, end) in [("a", true), ("b", false)] {
            let request = http::Request::post(format!("http://test/{path}")).body(()).unwrap();
            let stream = connection.open(request, end).unwrap();
            if !end {
                connection.send(stream, vec![7; 3000].into(), true);
            }
        }
    } else {
        connection = Connection::server(&config);
        if plan.option(1) {
            connection.feed(PREFACE, now);
        }
    }
    turn(&mut connection, &mut told, plan);
    for piece in plan.pieces() {
        connection.feed(piece, now);
        turn(&mut connection, &mut told, plan);
    }
    connection.feed_end();
    turn(&mut connection, &mut told, plan);
    told
}

fn turn(connection: &mut Connection, told: &mut Told, plan: Plan<'_>) {
    let config = CONFIG();
    loop {
        connection.poll();
        while let Some(event) = connection.next_event() {
            act(connection, event, told, plan);
        }
        connection.poll();
        assert!(connection.streams() <= 2 * config.concurrent_streams as usize);
        let output = connection.take_output();
        assert!(output.len() <= config.output_bytes + FRAME_BYTES, "{} bytes of output", output.len());
        if output.is_empty() && connection.is_quiet() {
            return;
        }
    }
}

fn act(connection: &mut Connection, event: Event, told: &mut Told, plan: Plan<'_>) {
    let Some(stream) = event.stream() else { return };
    let text = told.entry(stream).or_default();
    match event {
        Event::Request { head, end, .. } => {
            text.extend(format!("{} {} {:?}", head.method, head.uri, head.headers).bytes());
            let response = http::Response::builder().status(200).body(()).unwrap();
            connection.respond(stream, response, plan.option(2));
            if !plan.option(2) {
                connection.send(stream, vec![7; 3000].into(), end);
            }
        }
        Event::Response { head, .. } | Event::Informational { head, .. } => {
            text.extend(format!("{} {:?}", head.status, head.headers).bytes());
        }
        Event::Data { data, credit, .. } => {
            text.extend_from_slice(&data);
            if credit == 0 {
                connection.allow(stream, 100);
            }
        }
        Event::End { trailers, .. } => {
            text.extend(format!("{trailers:?}").bytes());
            connection.finish(stream, None);
        }
        _ => {}
    }
}
