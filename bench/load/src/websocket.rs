//! The client's end of a WebSocket.

use crate::client::Protocol;
use crate::counters::{Counters, Digest, STAMP_DIGITS};
use crate::options::{Mode, Options};
use millrace::codec::ws::frame::{self, FrameHead};
use millrace::codec::ws::opcode;
use millrace::codec::ws::{
    DeflateParams, MessageDeflater, MessageKind, Payload, Receiver, ReceiverOptions, Role, Sink,
};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Instant;

/// Payloads of so many bytes are counted with their head: their last byte is not waited for.
const COUNTED_EARLY_BYTES: usize = 4096;

/// Shakes hands. Returns what came behind the handshake.
///
/// # Errors
/// The system's; and where the server does not agree.
pub fn shake_hands(stream: &mut TcpStream, options: &Options) -> io::Result<Vec<u8>> {
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
    Ok(answer.split_off(end))
}

pub struct WebSocket {
    echoes: bool,
    in_flight: usize,
    stamped: bool,
    /// The frame that is sent, always the same.
    frame: Vec<u8>,
    /// What an echo must be; empty where the server speaks by itself.
    payload: Vec<u8>,
    counters: Rc<Counters>,
    /// Bytes that came with the handshake, or of a frame of which not all came.
    input: Vec<u8>,
    /// Bytes of a payload that are still to come.
    skip: usize,
    sent: VecDeque<Instant>,
    /// Reads every byte, where that was asked for.
    receiver: Option<Receiver>,
}

impl WebSocket {
    pub fn new(options: &Options, rest: Vec<u8>, counters: Rc<Counters>) -> Self {
        let payload: Vec<u8> = (0..options.bytes).map(|n| b"0123456789abcdef ghijklmn"[n % 25]).collect();
        let code = if options.text { opcode::TEXT } else { opcode::BINARY };
        let mut frame = Vec::new();
        let mut head =
            FrameHead { opcode: code, fin: true, rsv1: false, mask: Some([0x12, 0x34, 0x56, 0x78]) };
        let params = DeflateParams::default();
        if options.deflate {
            let mut packed = Vec::new();
            if let Ok(mut deflater) = MessageDeflater::new(&params) {
                deflater.compress(&payload, true, &mut packed);
            }
            head.rsv1 = true;
            frame::write_frame(&mut frame, head, &packed);
        } else {
            frame::write_frame(&mut frame, head, &payload);
        }
        let receiver = options.check.then(|| {
            Receiver::new(ReceiverOptions {
                role: Role::Client,
                max_payload: 0,
                max_fragments: 0,
                skip_utf8_validation: false,
                deflate: options.deflate.then(|| params.clone()),
            })
        });
        let echoes = options.mode == Mode::Echo;
        Self {
            echoes,
            in_flight: options.in_flight,
            stamped: options.stamped,
            frame,
            payload: if echoes { payload } else { Vec::new() },
            counters,
            input: rest,
            skip: 0,
            sent: VecDeque::new(),
            receiver,
        }
    }

    fn send(&mut self, output: &mut Vec<u8>) {
        output.extend_from_slice(&self.frame);
        self.sent.push_back(Instant::now());
    }

    /// A message of `length` bytes is here.
    fn received(&mut self, length: usize, output: &mut Vec<u8>) {
        self.counters.count(length as u64);
        if self.echoes {
            if let Some(at) = self.sent.pop_front() {
                self.counters.answered(at);
            }
            self.send(output);
        }
    }

    /// Counts messages by the heads of their frames.
    fn count(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        let mut rest = bytes;
        let joined;
        if !self.input.is_empty() {
            self.input.extend_from_slice(rest);
            joined = std::mem::take(&mut self.input);
            rest = &joined;
        }
        loop {
            let n = self.skip.min(rest.len());
            rest = &rest[n..];
            self.skip -= n;
            if self.skip > 0 || rest.len() < 2 {
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
            if rest.len() < head + length && length < COUNTED_EARLY_BYTES {
                break;
            }
            let code = rest[0] & 0x0f;
            rest = &rest[head..];
            self.skip = length;
            if code == opcode::TEXT || code == opcode::BINARY {
                if self.stamped {
                    self.counters.stamped(rest);
                }
                self.received(length, output);
            }
        }
        if !rest.is_empty() {
            self.input = rest.to_vec();
        }
    }

    /// Reads messages as an application would.
    fn check(
        &mut self,
        mut receiver: Receiver,
        bytes: &mut [u8],
        output: &mut Vec<u8>,
    ) -> Result<(), String> {
        let result = receiver.feed(bytes, &mut Check { socket: self, output });
        self.receiver = Some(receiver);
        result.map(|_| ()).map_err(|error| format!("the server broke the protocol: {}", error.kind.code()))
    }
}

impl Protocol for WebSocket {
    fn start(&mut self, output: &mut Vec<u8>) {
        if self.echoes {
            for _ in 0..self.in_flight {
                self.send(output);
            }
        }
        if self.receiver.is_some() {
            let mut rest = std::mem::take(&mut self.input);
            if let Err(error) = self.read(&mut rest, output) {
                self.counters.fail(&error);
            }
        }
    }

    fn read(&mut self, bytes: &mut [u8], output: &mut Vec<u8>) -> Result<(), String> {
        match self.receiver.take() {
            Some(receiver) => self.check(receiver, bytes, output),
            None => {
                self.count(bytes, output);
                Ok(())
            }
        }
    }
}

struct Check<'a> {
    socket: &'a mut WebSocket,
    output: &'a mut Vec<u8>,
}

impl Sink for Check<'_> {
    fn message(&mut self, _kind: MessageKind, payload: Payload<'_>, _ends: &[usize]) -> ControlFlow<()> {
        let bytes = payload.as_slice();
        let counters = &self.socket.counters;
        if self.socket.echoes && bytes != self.socket.payload {
            counters.fail("an echo is not what was sent");
        }
        if self.socket.stamped {
            counters.stamped(bytes);
        }
        counters.check(Digest::of(if self.socket.stamped {
            &bytes[STAMP_DIGITS.min(bytes.len())..]
        } else {
            bytes
        }));
        self.socket.received(bytes.len(), self.output);
        ControlFlow::Continue(())
    }

    fn ping(&mut self, _payload: &[u8]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn pong(&mut self, _payload: &[u8]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn close(&mut self, code: u16, _reason: &[u8]) {
        self.socket.counters.fail(&format!("the server closed with {code}"));
    }
}
