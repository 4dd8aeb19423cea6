//! Loads a server: one thread, one epoll, so that the machine's other core is the server's.
//!
//! `millrace-load MODE --port N [--connections N] [--in-flight N] [--bytes N] [--seconds N] [--warm-up N] [--check]
//! [--at-least N]` says `connected` and `measuring` on its error output, and prints one line of JSON. Modes: `echo` and
//! `receive` (`--text`, `--deflate`, `--stamped`, `--path P`), `request` (`--path P`, `--http2`, `--ca FILE`), `events`
//! (`--path P`, `--stamped`, `--ca FILE`), and the calls of gRPC, `unary`, `server-stream`, `client-stream` and `bidi`
//! (`--messages N` of a call, `--window N` of them under way, `--ca FILE`).

mod client;
mod counters;
mod events;
mod grpc;
mod histogram;
mod http2;
mod options;
mod request;
mod response;
mod tls;
mod websocket;

use client::{Client, Protocol};
use counters::Counters;
use events::Events;
use grpc::Calls;
use http2::{Gets, Http2};
use millrace::net::reactor::Reactor;
use options::{Mode, Options, PATIENCE};
use request::Requests;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tls::Tls;
use websocket::WebSocket;

fn main() {
    let options = Options::parse(std::env::args().skip(1)).unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(2);
    });
    if let Err(error) = run(&options) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run(options: &Options) -> io::Result<()> {
    let reactor = Reactor::new()?;
    let counters = Rc::new(Counters::new());
    let tls = options.ca.as_deref().map(|ca| Tls::new(ca, options.http2)).transpose()?;
    let mut clients = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        let mut stream = client::connect(options.port)?;
        let shared = Rc::clone(&counters);
        let protocol: Box<dyn Protocol> = match options.mode {
            Mode::Request if options.http2 => {
                Box::new(Http2::new(options, Gets::new(options, Rc::clone(&shared)), shared))
            }
            Mode::Grpc(call) => {
                Box::new(Http2::new(options, Calls::new(call, options, Rc::clone(&shared)), shared))
            }
            Mode::Request => Box::new(Requests::new(options, shared)),
            Mode::Events => Box::new(Events::new(options, shared)),
            Mode::Echo | Mode::Receive => {
                let rest = websocket::shake_hands(&mut stream, options)?;
                Box::new(WebSocket::new(options, rest, shared))
            }
        };
        let transport = tls::transport(stream, tls.as_ref())?;
        clients.push(Client::new(transport, protocol, Rc::clone(&counters), &reactor)?);
    }
    eprintln!("connected");
    for client in &clients {
        client.start();
    }
    let turns = |length: Duration| -> io::Result<()> {
        let end = Instant::now() + length;
        while Instant::now() < end {
            reactor.turn(Some(Duration::from_millis(20)))?;
            if let Some(what) = counters.failure.borrow().as_ref() {
                return Err(io::Error::other(what.clone()));
            }
        }
        Ok(())
    };
    turns(options.warm_up)?;
    let (messages, bytes) = (counters.messages.get(), counters.bytes.get());
    counters.latency.borrow_mut().clear();
    eprintln!("measuring");
    let start = Instant::now();
    let cpu_before = cpu_time();
    turns(options.length)?;
    let missing = || counters.messages.get() - messages < options.at_least;
    while missing() && start.elapsed() < PATIENCE {
        turns(Duration::from_millis(20))?;
    }
    if missing() {
        return Err(io::Error::other("too few messages came"));
    }
    let seconds = start.elapsed().as_secs_f64();
    let busy = (cpu_time() - cpu_before).as_secs_f64() / seconds;
    let latency = counters.latency.borrow();
    println!(
        "{{\"messages\":{},\"seconds\":{seconds:.4},\"bytes\":{},\"closed\":{},\"p50Micros\":{},\"p99Micros\":{},\"digest\":\"{}\",\"tls\":\"{}\",\"busy\":{busy:.3}}}",
        counters.messages.get() - messages,
        counters.bytes.get() - bytes,
        counters.closed.get(),
        latency.percentile(0.50),
        latency.percentile(0.99),
        counters.digest(),
        clients.first().map(|client| client.tls()).unwrap_or_default(),
    );
    Ok(())
}

/// Processor time of this process so far.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
