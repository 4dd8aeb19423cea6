//! One client.

use crate::Counters;
use crate::options::{Mode, Options};
use millrace::codec::ws::frame::{self, FrameHead};
use millrace::codec::ws::opcode;
use millrace::net::reactor::{Interest, Readiness, Source, Token, Turn};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Instant;

/// Connects and shakes hands. Returns the stream, non-blocking, and what came behind the handshake.
pub fn connect(options: &Options) -> io::Result<(TcpStream, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", options.port))?;
    stream.set_nodelay(true)?;
    let extension = if options.deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extension}\r\n",
        options.path
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        if let Some(at) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut piece)? {
            0 => return Err(io::Error::other("the server hung up")),
            n => answer.extend_from_slice(&piece[..n]),
        }
    };
    if !answer.starts_with(b"HTTP/1.1 101") {
        return Err(io::Error::other(String::from_utf8_lossy(&answer[..end]).into_owned()));
    }
    stream.set_nonblocking(true)?;
    Ok((stream, answer.split_off(end)))
}

/// A client, registered with the reactor.
pub struct Client {
    stream: TcpStream,
    pub token: Cell<Option<Token>>,
    mode: Mode,
    /// The frame that is sent, always the same, as the mask of zeros leaves it.
    frame: Vec<u8>,
    counters: Rc<Counters>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// Bytes of a frame of which not all came.
    input: Vec<u8>,
    /// Bytes of a payload that are still to come.
    skip: usize,
    output: Vec<u8>,
    written: usize,
    sent: VecDeque<Instant>,
    waits: bool,
}

impl Client {
    pub fn new(
        stream: TcpStream,
        rest: &[u8],
        options: &Options,
        payload: &[u8],
        counters: Rc<Counters>,
    ) -> Self {
        let code = if options.text { opcode::TEXT } else { opcode::BINARY };
        let mut bytes = Vec::new();
        let mask = Some([0x12, 0x34, 0x56, 0x78]);
        let mut head = FrameHead { opcode: code, fin: true, rsv1: false, mask };
        if options.deflate {
            let params = millrace::codec::ws::DeflateParams::default();
            let mut packed = Vec::new();
            if let Ok(mut deflater) = millrace::codec::ws::MessageDeflater::new(&params) {
                deflater.compress(payload, true, &mut packed);
            }
            head.rsv1 = true;
            frame::write_frame(&mut bytes, head, &packed);
        } else {
            frame::write_frame(&mut bytes, head, payload);
        }
        let state = State { input: rest.to_vec(), ..State::default() };
        Self {
            stream,
            token: Cell::new(None),
            mode: options.mode,
            frame: bytes,
            counters,
            state: RefCell::new(state),
        }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends the first messages.
    pub fn start(&self, count: usize) {
        let state = &mut *self.state.borrow_mut();
        (0..count).for_each(|_| self.send(state));
        self.write(state);
    }

    fn send(&self, state: &mut State) {
        state.output.extend_from_slice(&self.frame);
        state.sent.push_back(Instant::now());
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

    fn read(&self, state: &mut State, bytes: &[u8]) {
        let mut rest = bytes;
        let joined;
        if !state.input.is_empty() {
            state.input.extend_from_slice(rest);
            joined = std::mem::take(&mut state.input);
            rest = &joined;
        }
        loop {
            let n = state.skip.min(rest.len());
            rest = &rest[n..];
            state.skip -= n;
            if state.skip > 0 || rest.len() < 2 {
                break;
            }
            let (head, length) = match rest[1] {
                126 if rest.len() >= 4 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
                127 if rest.len() >= 10 => {
                    (10, u64::from_be_bytes(rest[2..10].try_into().unwrap_or_default()) as usize)
                }
                126 | 127 => break,
                short => (2, usize::from(short)),
            };
            // A message is counted when its last byte is here, but for the large ones, whose head is near enough.
            if rest.len() < head + length && length < 4096 {
                break;
            }
            let code = rest[0] & 0x0f;
            rest = &rest[head..];
            state.skip = length;
            if code == opcode::TEXT || code == opcode::BINARY {
                self.counters.messages.set(self.counters.messages.get() + 1);
                self.counters.bytes.set(self.counters.bytes.get() + length as u64);
                if self.mode == Mode::Echo {
                    if let Some(at) = state.sent.pop_front() {
                        self.counters.latency.borrow_mut().add(at.elapsed().as_micros() as u64);
                    }
                    self.send(state);
                }
            }
        }
        if !rest.is_empty() {
            state.input = rest.to_vec();
        }
    }
}

impl Source for Client {
    fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
        let state = &mut *self.state.borrow_mut();
        if readiness.readable {
            match turn.read(&self.stream) {
                Ok([]) => self.close(turn),
                Ok(bytes) => self.read(state, bytes),
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

impl Client {
    fn close(&self, turn: &mut Turn<'_>) {
        self.counters.closed.set(self.counters.closed.get() + 1);
        if let Some(token) = self.token.take() {
            turn.reactor().deregister(token, &self.stream);
        }
    }
}
