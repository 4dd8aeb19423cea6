//! One connection's session, and the bytes of it that wait.

use super::context::{Context, Contexts, suite_name};
use super::drive::Machine;
use super::fault::TlsFault;
use super::records::Records;
use super::verify::judge;
use super::{FILE_STEP_BYTES, STEP_BYTES};
use rustix::io::Errno;
use rustls::client::{ClientConfig, UnbufferedClientConnection};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{Accepted, Acceptor, UnbufferedServerConnection};
use rustls::{HandshakeKind, ProtocolVersion};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;

/// What is answered to a request in the clear, as others do: a browser shows it.
const NO_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n\
    Client sent an HTTP request to an HTTPS server.\n";

/// A part of a call's plain text from which it is encrypted where it is; smaller ones are put together into records.
const IN_PLACE_BYTES: usize = 16 << 10;

/// What a client asks for before it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The name of the server that it wants.
    pub server_name: Option<String>,
    /// Protocols, the preferred first.
    pub alpn: Vec<Vec<u8>>,
}

/// What a handshake came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// As IANA names it.
    pub cipher_suite: String,
    /// What both agreed on.
    pub alpn: Option<Vec<u8>>,
    /// The name that the client asked for.
    pub server_name: Option<String>,
    /// An earlier session was resumed.
    pub resumed: bool,
}

enum Phase {
    /// The client has not said what it wants.
    Hello(Box<Acceptor>, Rc<Contexts>),
    /// It has, and the owner chooses.
    Choosing(Hello, Rc<Contexts>),
    /// Records go to and fro.
    Running(Machine),
    /// No bytes are taken or given any more.
    Failed,
}

/// One end of a TLS session. See the [module](super).
pub struct Session {
    phase: Phase,
    context: Option<Arc<Context>>,
    server_name: Option<String>,
    /// Read, and no whole record or handshake message yet.
    partial: Vec<u8>,
    /// Records for the peer, sent up to `sent`.
    out: Records,
    sent: usize,
    /// The handshake is over, and both are who they have to be.
    established: bool,
    /// The peer said that no more will come, and the owner has not heard it.
    end: bool,
    /// We said so.
    notified: bool,
    /// What went wrong behind bytes that the owner got first.
    fault: Option<TlsFault>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("established", &self.established).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Scratch {
    plain: Vec<u8>,
    records: Records,
}

thread_local! {
    /// All sessions of a thread encrypt here, one after the other.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Session {
    fn new(phase: Phase) -> Self {
        Self {
            phase,
            context: None,
            server_name: None,
            partial: Vec::new(),
            out: Records::default(),
            sent: 0,
            established: false,
            end: false,
            notified: false,
            fault: None,
        }
    }

    /// The end that is connected to.
    pub fn server(contexts: Rc<Contexts>) -> Self {
        Self::new(Phase::Hello(Box::default(), contexts))
    }

    /// The end that connects; its first bytes wait to be sent.
    ///
    /// # Errors
    /// The configuration does not go with the name.
    pub fn client(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, TlsFault> {
        let connection = UnbufferedClientConnection::new(config, name).map_err(|e| TlsFault::from(&e))?;
        let mut machine = Machine::Client(Box::new(connection));
        let mut out = Records::default();
        machine.take_in(&mut [], &mut Vec::new(), &mut out);
        let mut session = Self::new(Phase::Running(machine));
        session.out = out;
        Ok(session)
    }

    /// Whether bytes of the owner's can go to and fro.
    pub fn is_established(&self) -> bool {
        self.established
    }

    /// What the client asks for, where the owner is to choose.
    pub fn asks(&self) -> Option<&Hello> {
        match &self.phase {
            Phase::Choosing(hello, _) => Some(hello),
            _ => None,
        }
    }

    /// The peer said that no more will come, behind what was read last; told once.
    pub fn take_end(&mut self) -> bool {
        std::mem::take(&mut self.end)
    }

    /// What the handshake came to.
    pub fn facts(&self) -> Option<SessionFacts> {
        let Phase::Running(machine) = &self.phase else { return None };
        let state = machine.state();
        Some(SessionFacts {
            version: match state.protocol_version()? {
                ProtocolVersion::TLSv1_3 => "TLSv1.3",
                _ => "TLSv1.2",
            },
            cipher_suite: suite_name(state.negotiated_cipher_suite()?.suite()),
            alpn: state.alpn_protocol().map(<[u8]>::to_vec),
            server_name: self.server_name.clone(),
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// The protocol that both agreed on.
    pub fn alpn(&self) -> Option<&[u8]> {
        match &self.phase {
            Phase::Running(machine) => machine.state().alpn_protocol(),
            _ => None,
        }
    }

    /// The peer's certificate, and those that it sent with it.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        match &self.phase {
            Phase::Running(machine) => machine.state().peer_certificates().unwrap_or_default(),
            _ => &[],
        }
    }

    /// Whether the client was asked for a certificate, and if so, what is wrong with it, as OpenSSL names it.
    pub fn authorization(&self) -> Option<Result<(), &'static str>> {
        let verifier = self.context.as_ref()?.verifier.as_ref()?;
        let Phase::Running(machine) = &self.phase else { return None };
        Some(match judge(&**verifier, machine.state().peer_certificates()) {
            None => Ok(()),
            Some(code) => Err(code),
        })
    }

    /// Bytes that wait for the socket.
    pub fn waiting(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Reads once from the socket into `buffer`, and puts what came of it into `plain`. Returns the bytes read; 0 is the end.
    ///
    /// # Errors
    /// The system's, or a [`TlsFault`]. The peer is told of a fault, and nothing can be read or written after one.
    pub fn read(&mut self, socket: impl AsFd, buffer: &mut [u8], plain: &mut Vec<u8>) -> io::Result<usize> {
        plain.clear();
        if let Some(fault) = self.fault.take() {
            return Err(fault.into());
        }
        if matches!(self.phase, Phase::Choosing(..) | Phase::Failed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let held = self.partial.len();
        if held >= buffer.len() {
            return Err(
                self.fail(&socket, TlsFault::new("ERR_SSL_EXCESSIVE_MESSAGE_SIZE", "message too long"))
            );
        }
        buffer[..held].copy_from_slice(&self.partial);
        let read = loop {
            match rustix::io::read(&socket, &mut buffer[held..]) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        if read == 0 {
            return if self.established { Ok(0) } else { Err(self.fail(&socket, TlsFault::reset())) };
        }
        let outcome = self.take_in(&mut buffer[..held + read], held, plain);
        match outcome {
            Ok(()) => self.flush(socket)?,
            Err(fault) if plain.is_empty() => return Err(self.fail(&socket, fault)),
            Err(fault) => {
                self.fail(&socket, fault.clone());
                self.fault = Some(fault);
                // Whoever polls the socket finds it readable, and hears of it. Where the peer is gone, it is already.
                let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Read);
            }
        }
        Ok(read)
    }

    /// Goes on with a handshake that waited for the owner's choice: this context or the one that is there, and of
    /// protocols this one alone.
    ///
    /// # Errors
    /// As [`read`](Self::read)'s.
    pub fn choose(
        &mut self,
        socket: impl AsFd,
        context: Option<Arc<Context>>,
        alpn: Option<Vec<u8>>,
    ) -> io::Result<()> {
        let (context, server_name) = match &self.phase {
            Phase::Choosing(hello, contexts) => {
                (context.unwrap_or_else(|| Arc::clone(&contexts.default)), hello.server_name.clone())
            }
            _ => return Ok(()),
        };
        let context = match alpn {
            Some(protocol) => Arc::new(context.with_alpn(vec![protocol])),
            None => context,
        };
        self.server_name = server_name;
        let mut data = std::mem::take(&mut self.partial);
        let mut plain = Vec::new();
        match self.begin(context).and_then(|()| self.run(&mut data, &mut plain)) {
            Ok(()) => self.flush(socket),
            Err(fault) => Err(self.fail(&socket, fault)),
        }
    }

    /// Takes what was read; what is left of it is kept in `partial`.
    fn take_in(&mut self, data: &mut [u8], fresh: usize, plain: &mut Vec<u8>) -> Result<(), TlsFault> {
        if matches!(self.phase, Phase::Hello(..)) {
            let Some(hello) = self.hello(data, fresh)? else {
                self.partial = data.to_vec();
                return Ok(());
            };
            let Phase::Hello(_, contexts) = &self.phase else { return Ok(()) };
            let contexts = Rc::clone(contexts);
            if contexts.asks {
                self.partial = data.to_vec();
                self.phase = Phase::Choosing(hello, contexts);
                return Ok(());
            }
            self.server_name = hello.server_name;
            let context = contexts.find(self.server_name.as_deref());
            self.begin(context)?;
        }
        self.run(data, plain)
    }

    /// What the client asks for, once all of it came. The bytes are looked at only.
    fn hello(&mut self, data: &[u8], fresh: usize) -> Result<Option<Hello>, TlsFault> {
        if let Some(fault) = TlsFault::of_first_bytes(data) {
            if fault.code == "ERR_SSL_HTTP_REQUEST" {
                self.out.push(NO_TLS);
            }
            return Err(fault);
        }
        // What may be the start of a request in the clear is none of the acceptor's, which would call it a broken record.
        if !TlsFault::is_record(data) {
            return Ok(None);
        }
        let Phase::Hello(acceptor, _) = &mut self.phase else { return Ok(None) };
        let mut rest = &data[fresh..];
        while !rest.is_empty() {
            acceptor.read_tls(&mut rest).map_err(|e| TlsFault::new("ERR_SSL_BAD_PACKET", e.to_string()))?;
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => return Ok(Some(wishes(&accepted))),
                Err((error, mut alert)) => {
                    let mut bytes = Vec::new();
                    // To memory, which does not fail.
                    let _ = alert.write_all(&mut bytes);
                    self.out.push(&bytes);
                    return Err(TlsFault::from(&error));
                }
            }
        }
        Ok(None)
    }

    fn begin(&mut self, context: Arc<Context>) -> Result<(), TlsFault> {
        let server = UnbufferedServerConnection::new(Arc::clone(&context.config));
        let server = server.map_err(|e| TlsFault::from(&e))?;
        self.phase = Phase::Running(Machine::Server(Box::new(server)));
        self.context = Some(context);
        Ok(())
    }

    fn run(&mut self, data: &mut [u8], plain: &mut Vec<u8>) -> Result<(), TlsFault> {
        let Phase::Running(machine) = &mut self.phase else { return Ok(()) };
        let taken = machine.take_in(data, plain, &mut self.out);
        self.end |= taken.closed;
        let failure = taken.failure.map_or(Ok(()), |error| Err(TlsFault::from(&error)));
        if failure.is_ok() {
            // Also gives back what a longer one took.
            self.partial = data[taken.bytes..].to_vec();
        }
        if self.established || machine.state().is_handshaking() {
            return failure;
        }
        self.established = true;
        // One that is resumed was judged when it began, and its certificate may have ended since.
        let resumed = machine.state().handshake_kind() == Some(HandshakeKind::Resumed);
        let strict = self.context.as_ref().is_some_and(|context| context.reject_unauthorized);
        match self.authorization() {
            Some(Err(code)) if resumed && strict => {
                plain.clear();
                Err(TlsFault::new(code, "certificate verify failed"))
            }
            _ => failure,
        }
    }

    /// Nothing more goes to or fro, but what tells the peer why.
    fn fail(&mut self, socket: impl AsFd, fault: TlsFault) -> io::Error {
        self.phase = Phase::Failed;
        self.partial = Vec::new();
        // It is gone: so is who was to be told.
        let _ = self.flush(socket);
        fault.into()
    }

    /// Whether what is given to it will be taken: all before is with the socket.
    fn is_ready(&mut self, socket: impl AsFd) -> io::Result<bool> {
        self.flush(socket)?;
        Ok(self.established && self.out.is_empty() && !self.notified)
    }

    /// Encrypts and sends the start of `parts`, [`STEP_BYTES`] at the most; returns how much it took, 0 where there is no
    /// room.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&mut self, socket: impl AsFd, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.is_ready(&socket)? {
            return Ok(0);
        }
        SCRATCH.with_borrow_mut(|Scratch { plain, records }| {
            records.clear();
            plain.clear();
            let Phase::Running(machine) = &mut self.phase else { return Ok(0) };
            let mut taken = 0;
            for part in parts {
                let part = &part[..part.len().min(STEP_BYTES - taken)];
                taken += part.len();
                if plain.is_empty() && part.len() >= IN_PLACE_BYTES {
                    machine.encrypt(part, records).map_err(io::Error::other)?;
                } else {
                    plain.extend_from_slice(part);
                }
                if plain.len() >= IN_PLACE_BYTES || taken == STEP_BYTES {
                    machine.encrypt(plain, records).map_err(io::Error::other)?;
                    plain.clear();
                }
                if taken == STEP_BYTES {
                    break;
                }
            }
            machine.encrypt(plain, records).map_err(io::Error::other)?;
            self.send(socket, records.as_slice())?;
            Ok(taken)
        })
    }

    /// Lets `fill` put up to `most` bytes, [`FILE_STEP_BYTES`] of them at the most, into a buffer, piece by piece (it is told
    /// how many it gave before, and gives fewer than there is room for where there are no more now), and encrypts and sends
    /// them. Returns nothing where there is no room, and `fill` was not called.
    ///
    /// # Errors
    /// The system's, or `fill`'s for its first piece.
    pub fn write_filled(
        &mut self,
        socket: impl AsFd,
        most: u64,
        mut fill: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Option<usize>> {
        if !self.is_ready(&socket)? {
            return Ok(None);
        }
        let most = most.min(FILE_STEP_BYTES as u64) as usize;
        SCRATCH.with_borrow_mut(|Scratch { plain, records }| {
            records.clear();
            plain.resize(STEP_BYTES, 0);
            let Phase::Running(machine) = &mut self.phase else { return Ok(None) };
            let mut taken = 0;
            while taken < most {
                let room = (most - taken).min(STEP_BYTES);
                let filled = match fill(taken as u64, &mut plain[..room]) {
                    // Records that are made have to be sent: it fails again, next time.
                    Err(_) if taken > 0 => break,
                    other => other?,
                };
                if filled > 0 {
                    machine.encrypt(&plain[..filled], records).map_err(io::Error::other)?;
                }
                taken += filled;
                if filled < room {
                    break;
                }
            }
            self.send(socket, records.as_slice())?;
            Ok(Some(taken))
        })
    }

    /// Sends records, and keeps what the socket does not take.
    fn send(&mut self, socket: impl AsFd, records: &[u8]) -> io::Result<()> {
        let sent = send(socket, records)?;
        if sent < records.len() {
            self.out.push(&records[sent..]);
        }
        Ok(())
    }

    /// Sends what waits, as far as the socket takes it.
    ///
    /// # Errors
    /// The system's.
    pub fn flush(&mut self, socket: impl AsFd) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.sent += send(socket, &self.out.as_slice()[self.sent..])?;
        if self.sent == self.out.len() {
            self.out = Records::default();
            self.sent = 0;
        }
        Ok(())
    }

    /// Says that no more will come, once. Returns whether the peer can have heard it: all is with the socket.
    ///
    /// # Errors
    /// The system's.
    pub fn end(&mut self, socket: impl AsFd) -> io::Result<bool> {
        if let Phase::Running(machine) = &mut self.phase
            && !std::mem::replace(&mut self.notified, true)
        {
            machine.close_notify(&mut self.out).map_err(io::Error::other)?;
        }
        self.flush(socket)?;
        Ok(self.out.is_empty())
    }
}

fn wishes(accepted: &Accepted) -> Hello {
    let hello = accepted.client_hello();
    Hello {
        server_name: hello.server_name().map(str::to_owned),
        alpn: hello.alpn().map(|list| list.map(<[u8]>::to_vec).collect()).unwrap_or_default(),
    }
}

/// One `write(2)`; 0 where the socket is full.
fn send(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match rustix::io::write(&socket, bytes) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(0),
            other => return Ok(other?),
        }
    }
}
