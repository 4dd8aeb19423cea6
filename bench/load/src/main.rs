//! Loads a WebSocket server: one thread, one epoll, so that the machine's other core is the server's.
//!
//! `millrace-load echo|receive|idle --port N [--connections N] [--in-flight N] [--bytes N] [--seconds N] [--text]
//! [--deflate] [--path P]` prints one line of JSON.

mod client;
mod histogram;
mod options;

use client::Client;
use histogram::Histogram;
use millrace::net::reactor::{Interest, Reactor};
use options::{Mode, Options};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What all clients count.
pub struct Counters {
    pub messages: Cell<u64>,
    pub bytes: Cell<u64>,
    pub closed: Cell<u64>,
    pub latency: RefCell<Histogram>,
}

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

fn run(options: &Options) -> std::io::Result<()> {
    let reactor = Reactor::new()?;
    let counters = Rc::new(Counters {
        messages: Cell::new(0),
        bytes: Cell::new(0),
        closed: Cell::new(0),
        latency: RefCell::new(Histogram::new()),
    });
    let payload: Vec<u8> = (0..options.bytes).map(|n| b"0123456789abcdef ghijklmn"[n % 25]).collect();
    let mut clients = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        let (stream, rest) = client::connect(options)?;
        let client = Rc::new(Client::new(stream, &rest, options, &payload, Rc::clone(&counters)));
        let token = reactor.register(client.stream(), Interest::READ, client.clone())?;
        client.token.set(Some(token));
        clients.push(client);
    }
    eprintln!("connected {}", clients.len());
    if options.mode == Mode::Echo {
        for client in &clients {
            client.start(options.in_flight);
        }
    }
    let turns = |length: Duration| -> std::io::Result<()> {
        let end = Instant::now() + length;
        while Instant::now() < end {
            reactor.turn(Some(Duration::from_millis(20)))?;
        }
        Ok(())
    };
    turns(options.warm_up)?;
    let (messages, bytes) = (counters.messages.get(), counters.bytes.get());
    counters.latency.borrow_mut().clear();
    let start = Instant::now();
    turns(options.length)?;
    let seconds = start.elapsed().as_secs_f64();
    let latency = counters.latency.borrow();
    println!(
        "{{\"messages\":{},\"seconds\":{seconds:.3},\"rate\":{:.0},\"bytes\":{},\"closed\":{},\"p50_us\":{},\"p99_us\":{}}}",
        counters.messages.get() - messages,
        (counters.messages.get() - messages) as f64 / seconds,
        counters.bytes.get() - bytes,
        counters.closed.get(),
        latency.percentile(0.50),
        latency.percentile(0.99),
    );
    Ok(())
}
