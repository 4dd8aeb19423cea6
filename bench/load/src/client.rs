//! One client's connection.

use crate::counters::Counters;
use crate::tls;
use millrace::net::reactor::{Interest, Reactor, Readiness, Source, Token, Turn};
use millrace::net::transport::Transport;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::rc::Rc;

/// What a client says, and what it makes of what it hears.
pub trait Protocol {
    /// Queues the first messages.
    fn start(&mut self, output: &mut Vec<u8>);

    /// Takes what came, and queues what follows from it.
    ///
    /// # Errors
    /// What came is not what the protocol allows.
    fn read(&mut self, bytes: &mut [u8], output: &mut Vec<u8>) -> Result<(), String>;
}

/// A client, registered with the reactor.
pub struct Client {
    token: Cell<Option<Token>>,
    counters: Rc<Counters>,
    state: RefCell<State>,
}

struct State {
    transport: Transport,
    protocol: Box<dyn Protocol>,
    output: Vec<u8>,
    written: usize,
    waits: bool,
    started: bool,
}

/// Connects to a port of the loopback.
///
/// # Errors
/// The system's.
pub fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Client {
    /// A client on a socket that does not block.
    ///
    /// # Errors
    /// The system's.
    pub fn new(
        transport: Transport,
        protocol: Box<dyn Protocol>,
        counters: Rc<Counters>,
        reactor: &Reactor,
    ) -> io::Result<Rc<Self>> {
        let state =
            State { transport, protocol, output: Vec::new(), written: 0, waits: false, started: false };
        let client = Rc::new(Self { token: Cell::new(None), counters, state: RefCell::new(state) });
        let source = Rc::clone(&client);
        let token = reactor.register(&client.state.borrow().transport, Interest::READ, source)?;
        client.token.set(Some(token));
        Ok(client)
    }

    /// Shakes hands where that is to be done, and sends the first messages.
    pub fn start(&self) {
        self.state.borrow_mut().go_on();
    }

    /// What the handshake came to; nothing in the clear.
    pub fn tls(&self) -> String {
        tls::describe(&self.state.borrow().transport)
    }

    fn close(&self, state: &State, turn: &mut Turn<'_>) {
        self.counters.closed.set(self.counters.closed.get() + 1);
        if let Some(token) = self.token.take() {
            turn.reactor().deregister(token, &state.transport);
        }
    }

    fn fail(&self, error: &str, state: &State, turn: &mut Turn<'_>) {
        self.counters.fail(error);
        self.close(state, turn);
    }
}

impl State {
    /// Begins once bytes can go to and fro, and sends what the socket takes. Its failure shows when it is read.
    fn go_on(&mut self) {
        let _ = self.transport.flush();
        if !self.started && self.transport.is_established() {
            self.started = true;
            self.protocol.start(&mut self.output);
        }
        while self.written < self.output.len() {
            match self.transport.write(&[IoSlice::new(&self.output[self.written..])]) {
                Ok(0) | Err(_) => return,
                Ok(n) => self.written += n,
            }
        }
        self.output.clear();
        self.written = 0;
    }
}

impl Source for Client {
    fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
        let state = &mut *self.state.borrow_mut();
        if readiness.readable {
            match state.transport.read(turn) {
                Ok([]) => return self.close(state, turn),
                Ok(bytes) => {
                    if let Err(error) = state.protocol.read(bytes, &mut state.output) {
                        return self.fail(&error, state, turn);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if state.transport.session().is_some() => {
                    return self.fail(&error.to_string(), state, turn);
                }
                Err(_) => return self.close(state, turn),
            }
        }
        state.go_on();
        let waits = !state.output.is_empty() || state.transport.waiting() > 0;
        if waits != state.waits
            && let Some(token) = self.token.get()
        {
            state.waits = waits;
            let interest = if waits { Interest::BOTH } else { Interest::READ };
            let _ = turn.reactor().set_interest(token, &state.transport, interest);
        }
    }
}
