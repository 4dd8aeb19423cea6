//! One client's socket.

use crate::counters::Counters;
use millrace::net::reactor::{Interest, Readiness, Source, Token, Turn};
use std::cell::{Cell, RefCell};
use std::io::{self, Write};
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

/// A client, to be registered with the reactor.
pub struct Client {
    stream: TcpStream,
    pub token: Cell<Option<Token>>,
    counters: Rc<Counters>,
    state: RefCell<State>,
}

struct State {
    protocol: Box<dyn Protocol>,
    output: Vec<u8>,
    written: usize,
    waits: bool,
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
    /// # Errors
    /// The system's.
    pub fn new(stream: TcpStream, protocol: Box<dyn Protocol>, counters: Rc<Counters>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let state = State { protocol, output: Vec::new(), written: 0, waits: false };
        Ok(Self { stream, token: Cell::new(None), counters, state: RefCell::new(state) })
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends the first messages.
    pub fn start(&self) {
        let state = &mut *self.state.borrow_mut();
        state.protocol.start(&mut state.output);
        self.write(state);
    }

    fn write(&self, state: &mut State) {
        while state.written < state.output.len() {
            match (&self.stream).write(&state.output[state.written..]) {
                Ok(n) => state.written += n,
                Err(_) => return,
            }
        }
        state.output.clear();
        state.written = 0;
    }

    fn close(&self, turn: &mut Turn<'_>) {
        self.counters.closed.set(self.counters.closed.get() + 1);
        if let Some(token) = self.token.take() {
            turn.reactor().deregister(token, &self.stream);
        }
    }
}

impl Source for Client {
    fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
        let state = &mut *self.state.borrow_mut();
        if readiness.readable {
            match turn.read(&self.stream) {
                Ok([]) => self.close(turn),
                Ok(bytes) => {
                    if let Err(error) = state.protocol.read(bytes, &mut state.output) {
                        self.counters.fail(&error);
                        self.close(turn);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.close(turn),
            }
        }
        self.write(state);
        let waits = !state.output.is_empty();
        if waits != state.waits
            && let Some(token) = self.token.get()
        {
            state.waits = waits;
            let interest = if waits { Interest::BOTH } else { Interest::READ };
            let _ = turn.reactor().set_interest(token, &self.stream, interest);
        }
    }
}
