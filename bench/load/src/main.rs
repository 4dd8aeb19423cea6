//! Loads a server: one thread, one epoll, so that the machine's other core is the server's.
//!
//! `millrace-load echo|receive|request|events --port N [--connections N] [--in-flight N] [--bytes N] [--seconds N]
//! [--warm-up N] [--text] [--deflate] [--check] [--stamped] [--path P] [--at-least N]` says `connected` and `measuring` on its error output,
//! and prints one line of JSON.

mod client;
mod counters;
mod events;
mod histogram;
mod options;
mod request;
mod response;
mod websocket;

use client::{Client, Protocol};
use counters::Counters;
use events::Events;
use millrace::net::reactor::{Interest, Reactor};
use options::{Mode, Options, PATIENCE};
use request::Requests;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
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
    let mut clients = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        let mut stream = client::connect(options.port)?;
        let shared = Rc::clone(&counters);
        let protocol: Box<dyn Protocol> = match options.mode {
            Mode::Request => Box::new(Requests::new(options, shared)),
            Mode::Events => Box::new(Events::new(options, shared)),
            Mode::Echo | Mode::Receive => {
                let rest = websocket::shake_hands(&mut stream, options)?;
                Box::new(WebSocket::new(options, rest, shared))
            }
        };
        let client = Rc::new(Client::new(stream, protocol, Rc::clone(&counters))?);
        let token = reactor.register(client.stream(), Interest::READ, client.clone())?;
        client.token.set(Some(token));
        clients.push(client);
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
    turns(options.length)?;
    let missing = || counters.messages.get() - messages < options.at_least;
    while missing() && start.elapsed() < PATIENCE {
        turns(Duration::from_millis(20))?;
    }
    if missing() {
        return Err(io::Error::other("too few messages came"));
    }
    let seconds = start.elapsed().as_secs_f64();
    let latency = counters.latency.borrow();
    println!(
        "{{\"messages\":{},\"seconds\":{seconds:.4},\"bytes\":{},\"closed\":{},\"p50Micros\":{},\"p99Micros\":{},\"digest\":\"{}\"}}",
        counters.messages.get() - messages,
        counters.bytes.get() - bytes,
        counters.closed.get(),
        latency.percentile(0.50),
        latency.percentile(0.99),
        counters.digest(),
    );
    Ok(())
}
