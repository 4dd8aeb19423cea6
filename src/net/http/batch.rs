//! What one turn brought, packed: a table of words and the bytes that it speaks of.

use crate::codec::http1::{Fault, Head, HeaderSpan};
use crate::net::packed::Table;
use crate::net::transport::tls::{Hello, Session, TlsFault};
use std::ops::{Deref, DerefMut};

/// The kinds of record. The number is the record's first word; the second is always the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Record {
    /// A connection was accepted.
    Open = 1,
    /// A request: flags, method, HTTP/1.x minor version, place of the text, its length, length of the target, number of
    /// fields; then for each field the lengths of name and value. The text is target, name, value, name, value …
    Request = 2,
    /// Bytes of the body (or of the other protocol, once it changed): place, length.
    Data = 3,
    /// The request is complete: place of the trailers' text, its length, number of trailers; then lengths as above.
    End = 4,
    /// What came is no HTTP: place of the bytes, then of the code and of the reason, which follow each other; three lengths.
    Fault = 5,
    /// The peer will send no more.
    PeerEnd = 6,
    /// The connection is gone: the system's error number, or 0.
    Closed = 7,
    /// Bytes that still wait to be sent.
    Pending = 8,
    /// A time limit was passed: 0 headers, 1 request, 2 keep-alive.
    Timeout = 9,
    /// A stream of HTTP/2 was opened; its [`Record::Request`] follows: the connection, and the stream's number within it.
    Stream = 11,
    /// Bytes of a stream's body: place, length, and 1 where nothing more comes until it is resumed.
    StreamData = 12,
    /// A stream is over before its time: the error code of RFC 9113 §7.
    Reset = 13,
    /// The connection speaks HTTP/2.
    Http2 = 14,
    /// HTTP/2 was broken off: the error code, then place and length of what there is to say.
    SessionFault = 15,
    /// A TLS handshake is over: place of the bytes, which are the protocol agreed on and the code of what is wrong with the
    /// client's certificate; their lengths; 0 where no certificate was asked for, 1 for one that is right, 2 for none or one
    /// that is wrong.
    Secure = 16,
    /// A client in a TLS handshake waits for a decision: place of the bytes, which are the name that it asks for and the
    /// protocols that it knows, each behind a byte with its length; two lengths.
    Hello = 17,
    /// TLS failed; [`Record::Closed`] follows: place of the code and of the reason, which follow each other; two lengths.
    TlsFault = 18,
}

/// Flags of a request.
pub mod flag {
    /// There is no body, or all of it: no [`Record::End`](super::Record::End) follows.
    pub const COMPLETE: u32 = 1;
    /// The peer wishes to keep the connection.
    pub const KEEP_ALIVE: u32 = 2;
    /// `Expect: 100-continue`.
    pub const EXPECTS_CONTINUE: u32 = 4;
    /// Another `Expect`.
    pub const EXPECTS_OTHER: u32 = 8;
    /// Wants another protocol; nothing is parsed until JavaScript decided.
    pub const UPGRADE: u32 = 16;
    /// There is a `Host`.
    pub const HAS_HOST: u32 = 32;
}

/// Records in order: see [`Record`].
#[derive(Debug, Default)]
pub struct Batch(Table);

impl Deref for Batch {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.0
    }
}

impl DerefMut for Batch {
    fn deref_mut(&mut self) -> &mut Table {
        &mut self.0
    }
}

impl Batch {
    pub(super) fn push(&mut self, record: Record, connection: u32, rest: &[u32]) {
        self.0.push(record as u32, connection, rest);
    }

    pub(super) fn request(&mut self, connection: u32, flags: u32, head: &Head, input: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(head.target.get(input));
        let place = self.words.len();
        let (method, minor) = (u32::from(head.method), u32::from(head.minor_version));
        let count = head.headers.len() as u32;
        self.push(
            Record::Request,
            connection,
            &[flags, method, minor, start as u32, 0, head.target.len, count],
        );
        self.fields(&head.headers, input);
        self.words[place + 6] = (self.bytes.len() - start) as u32;
    }

    pub(super) fn end(&mut self, connection: u32, trailers: &[HeaderSpan], input: &[u8]) {
        let start = self.bytes.len();
        let place = self.words.len();
        self.push(Record::End, connection, &[start as u32, 0, trailers.len() as u32]);
        self.fields(trailers, input);
        self.words[place + 3] = (self.bytes.len() - start) as u32;
    }

    fn fields(&mut self, fields: &[HeaderSpan], input: &[u8]) {
        for field in fields {
            self.bytes.extend_from_slice(field.name.get(input));
            self.bytes.extend_from_slice(field.value.get(input));
            self.words.extend_from_slice(&[field.name.len, field.value.len]);
        }
    }

    pub(super) fn data(&mut self, connection: u32, data: &[u8]) {
        let start = self.keep(data);
        self.push(Record::Data, connection, &[start, data.len() as u32]);
    }

    pub(super) fn stream_data(&mut self, stream: u32, data: &[u8], last: bool) {
        let start = self.keep(data);
        self.push(Record::StreamData, stream, &[start, data.len() as u32, u32::from(last)]);
    }

    pub(super) fn session_fault(&mut self, connection: u32, reason: u32, message: &str) {
        let start = self.keep(message.as_bytes());
        self.push(Record::SessionFault, connection, &[reason, start, message.len() as u32]);
    }

    /// A record of texts that follow each other: the place of the first, their lengths, and further words.
    fn texts(&mut self, record: Record, connection: u32, texts: &[&[u8]], rest: &[u32]) {
        self.push(record, connection, &[self.bytes.len() as u32]);
        for text in texts {
            self.bytes.extend_from_slice(text);
            self.words.push(text.len() as u32);
        }
        self.words.extend_from_slice(rest);
    }

    pub(super) fn secure(&mut self, connection: u32, session: &Session) {
        let (judgement, code) = match session.authorization() {
            None => (0, ""),
            Some(Ok(())) => (1, ""),
            Some(Err(code)) => (2, code),
        };
        let alpn = session.alpn().unwrap_or_default();
        self.texts(Record::Secure, connection, &[alpn, code.as_bytes()], &[judgement]);
    }

    pub(super) fn hello(&mut self, connection: u32, hello: &Hello) {
        let mut protocols = Vec::new();
        for protocol in &hello.alpn {
            protocols.push(protocol.len() as u8);
            protocols.extend_from_slice(protocol);
        }
        let name = hello.server_name.as_deref().unwrap_or_default();
        self.texts(Record::Hello, connection, &[name.as_bytes(), &protocols], &[]);
    }

    pub(super) fn tls_fault(&mut self, connection: u32, fault: &TlsFault) {
        self.texts(Record::TlsFault, connection, &[fault.code.as_bytes(), fault.reason.as_bytes()], &[]);
    }

    pub(super) fn fault(&mut self, connection: u32, fault: &Fault, packet: &[u8]) {
        let start = self.keep(packet);
        let reason = fault.reason.as_bytes();
        let code = fault.code.name().as_bytes();
        self.bytes.extend_from_slice(code);
        self.bytes.extend_from_slice(reason);
        let lengths = [packet.len(), code.len(), reason.len()].map(|len| len as u32);
        self.push(Record::Fault, connection, &[start, lengths[0], lengths[1], lengths[2]]);
    }
}
