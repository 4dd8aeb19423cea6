use super::*;
use crate::net::reactor::READ_BYTES;
use crate::net::transport::{FileSent, Transport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;

const CA: &[u8] = include_bytes!("../../../../__test__/fixtures/tls/ca.pem");
const CHAIN: &[u8] = include_bytes!("../../../../__test__/fixtures/tls/server.pem");
const KEY: &[u8] = include_bytes!("../../../../__test__/fixtures/tls/server-key.pem");

/// More than any record adds to what it holds.
const OVERHEAD: usize = 64;

fn contexts(asks: bool) -> Rc<Contexts> {
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap().secret_der().to_vec();
    let options = ContextOptions {
        identities: vec![Identity { chain: CHAIN.to_vec(), key }],
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        ..ContextOptions::default()
    };
    Rc::new(Contexts { default: Arc::new(Context::new(&options).unwrap()), named: Vec::new(), asks })
}

fn client_config() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// A server's session on one end of a pair of sockets, and rustls's own client at the other.
struct Pair {
    session: Session,
    socket: UnixStream,
    client: ClientConnection,
    peer: UnixStream,
    buffer: Vec<u8>,
    plain: Vec<u8>,
}

impl Pair {
    fn new(contexts: Rc<Contexts>) -> Self {
        let (socket, peer) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        peer.set_nonblocking(true).unwrap();
        Self {
            session: Session::server(contexts),
            socket,
            client: ClientConnection::new(client_config(), localhost()).unwrap(),
            peer,
            buffer: vec![0; READ_BYTES],
            plain: Vec::new(),
        }
    }

    /// One whose handshake is over on both sides.
    fn established() -> Self {
        let mut pair = Self::new(contexts(false));
        while pair.client.is_handshaking() || !pair.session.is_established() {
            pair.send();
            pair.read().unwrap();
            pair.hear().unwrap();
        }
        pair
    }

    /// What the client has to send, as bytes.
    fn records(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut records).unwrap();
        }
        records
    }

    /// Sends what the client has to send.
    fn send(&mut self) {
        let records = self.records();
        self.peer.write_all(&records).unwrap();
    }

    /// Reads until there is nothing more to read; returns what the peer said.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut said = Vec::new();
        loop {
            match self.session.read(&self.socket, &mut self.buffer, &mut self.plain) {
                Ok(0) => return Ok(said),
                Ok(_) => said.extend_from_slice(&self.plain),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(said),
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the client read all that was sent; returns what it holds.
    fn hear(&mut self) -> Result<Vec<u8>, rustls::Error> {
        let mut heard = Vec::new();
        loop {
            match self.client.read_tls(&mut self.peer) {
                Ok(0) => return Ok(heard),
                Ok(_) => {
                    let state = self.client.process_new_packets()?;
                    let start = heard.len();
                    heard.resize(start + state.plaintext_bytes_to_read(), 0);
                    self.client.reader().read_exact(&mut heard[start..]).unwrap();
                }
                Err(_) => return Ok(heard),
            }
        }
    }

    fn say(&mut self, text: &[u8]) {
        self.client.writer().write_all(text).unwrap();
    }
}

fn code(error: &io::Error) -> &'static str {
    TlsFault::of(error).map_or("no fault of TLS", |fault| fault.code)
}

#[test]
fn records_that_come_byte_by_byte_are_given_out_when_they_are_whole() {
    let mut pair = Pair::new(contexts(false));
    while pair.client.is_handshaking() || !pair.session.is_established() {
        for byte in pair.records() {
            pair.peer.write_all(&[byte]).unwrap();
            assert_eq!(pair.read().unwrap(), b"");
        }
        pair.hear().unwrap();
    }
    assert_eq!(pair.session.alpn(), Some(&b"http/1.1"[..]));
    pair.say(b"one record");
    let records = pair.records();
    for (at, byte) in records.iter().enumerate() {
        pair.peer.write_all(&[*byte]).unwrap();
        let expected: &[u8] = if at + 1 == records.len() { b"one record" } else { b"" };
        assert_eq!(pair.read().unwrap(), expected, "after byte {at}");
    }
}

#[test]
fn many_records_of_one_read_are_given_out_in_order_and_the_rest_of_the_last_is_kept() {
    let mut pair = Pair::established();
    let text: Vec<u8> = (0..40_000u32).flat_map(u32::to_be_bytes).collect();
    let mut said = Vec::new();
    for piece in text.chunks(7000) {
        pair.say(piece);
        let records = pair.records();
        // Its last bytes come with the next one.
        let (first, last) = records.split_at(records.len() - 5);
        pair.peer.write_all(first).unwrap();
        said.extend(pair.read().unwrap());
        assert!(said.len() < text.len());
        pair.peer.write_all(last).unwrap();
    }
    said.extend(pair.read().unwrap());
    assert_eq!(said, text);
}

#[test]
fn the_peers_end_is_told_once_and_behind_what_it_said() {
    let mut pair = Pair::established();
    pair.say(b"good");
    pair.say(b"bye");
    pair.client.send_close_notify();
    pair.send();
    assert!(!pair.session.take_end());
    assert_eq!(pair.read().unwrap(), b"goodbye");
    assert!(pair.session.take_end());
    assert!(!pair.session.take_end());
    // The other direction is still open.
    assert_eq!(pair.session.write(&pair.socket, &[IoSlice::new(b"wait")]).unwrap(), 4);
    assert_eq!(pair.hear().unwrap(), b"wait");
}

#[test]
fn our_end_is_said_once_and_nothing_is_taken_behind_it() {
    let mut pair = Pair::established();
    assert!(pair.session.end(&pair.socket).unwrap());
    assert!(pair.session.end(&pair.socket).unwrap());
    assert_eq!(pair.session.write(&pair.socket, &[IoSlice::new(b"late")]).unwrap(), 0);
    pair.hear().unwrap();
    let mut nothing = [0];
    // An end without notice would be an error here.
    assert_eq!(pair.client.reader().read(&mut nothing).unwrap(), 0);
}

#[test]
fn what_came_in_front_of_a_bad_record_is_given_out_before_the_fault() {
    let mut pair = Pair::established();
    pair.say(b"whole");
    let mut records = pair.records();
    pair.say(b"broken");
    let mut bad = pair.records();
    *bad.last_mut().unwrap() ^= 1;
    records.extend(bad);
    pair.peer.write_all(&records).unwrap();
    assert!(pair.session.read(&pair.socket, &mut pair.buffer, &mut pair.plain).unwrap() > 0);
    assert_eq!(pair.plain, b"whole");
    // Whoever polls the socket is told of it, though the peer sends nothing more.
    let mut polled = [PollFd::new(&pair.socket, PollFlags::IN)];
    let ten_seconds = Timespec { tv_sec: 10, tv_nsec: 0 };
    assert_eq!(poll(&mut polled, Some(&ten_seconds)).unwrap(), 1);
    let error = pair.session.read(&pair.socket, &mut pair.buffer, &mut pair.plain).unwrap_err();
    assert_eq!(code(&error), "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC");
    assert!(pair.plain.is_empty());
    assert_eq!(pair.session.write(&pair.socket, &[IoSlice::new(b"late")]).unwrap(), 0);
    let told = pair.hear().unwrap_err();
    assert_eq!(told, rustls::Error::AlertReceived(rustls::AlertDescription::BadRecordMac));
}

#[test]
fn a_bad_record_alone_is_a_fault_at_once() {
    let mut pair = Pair::established();
    pair.say(b"broken");
    let mut bad = pair.records();
    *bad.last_mut().unwrap() ^= 1;
    pair.peer.write_all(&bad).unwrap();
    let error = pair.read().unwrap_err();
    assert_eq!(code(&error), "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC");
}

#[test]
fn a_record_that_is_longer_than_any_may_be_is_a_fault() {
    let mut pair = Pair::established();
    pair.peer.write_all(&[0x17, 3, 3, 0xff, 0xff]).unwrap();
    assert_eq!(code(&pair.read().unwrap_err()), "ERR_SSL_PACKET_LENGTH_TOO_LONG");
}

#[test]
fn a_hello_without_end_is_a_fault_within_the_bound() {
    let mut pair = Pair::new(contexts(false));
    // A handshake message of 16 MiB in records of 16 KiB.
    let mut piece = vec![0x16, 3, 1, 0x40, 0];
    piece.resize(5 + (16 << 10), 0);
    piece[5..9].copy_from_slice(&[1, 0xff, 0xff, 0xff]);
    let error = loop {
        match pair.peer.write(&piece) {
            Ok(n) => assert_eq!(n, piece.len()),
            Err(error) => panic!("it was never refused: {error}"),
        }
        piece[5..9].fill(0);
        if let Err(error) = pair.read() {
            break error;
        }
    };
    assert!(["ERR_SSL_EXCESSIVE_MESSAGE_SIZE", "ERR_SSL_PACKET_LENGTH_TOO_LONG"].contains(&code(&error)));
}

#[test]
fn a_request_in_the_clear_is_answered_in_the_clear_also_where_it_comes_byte_by_byte() {
    for piece in [1, 2, 18] {
        let mut pair = Pair::new(contexts(false));
        let error = b"GET / HTTP/1.1\r\n\r\n".chunks(piece).find_map(|bytes| {
            pair.peer.write_all(bytes).unwrap();
            pair.read().err()
        });
        assert_eq!(code(&error.unwrap()), "ERR_SSL_HTTP_REQUEST", "in pieces of {piece}");
        let mut answer = [0; 12];
        pair.peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.0 400");
    }
}

#[test]
fn a_peer_that_goes_away_in_the_handshake_is_a_reset() {
    let mut pair = Pair::new(contexts(false));
    let hello = pair.records();
    pair.peer.write_all(&hello[..hello.len() / 2]).unwrap();
    pair.read().unwrap();
    pair.peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(code(&pair.read().unwrap_err()), "ECONNRESET");
}

#[test]
fn keys_are_renewed_when_the_peer_wants_it() {
    let mut pair = Pair::established();
    for round in 0..3u8 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.say(&[b'a' + round]);
        pair.send();
        assert_eq!(pair.read().unwrap(), [b'a' + round]);
        // Ours were renewed with the answer, which stands in front of what is sent next.
        assert_eq!(pair.session.write(&pair.socket, &[IoSlice::new(&[b'A' + round])]).unwrap(), 1);
        assert_eq!(pair.hear().unwrap(), [b'A' + round]);
    }
}

#[test]
fn the_owner_is_asked_and_nothing_is_read_until_it_has_chosen() {
    let mut pair = Pair::new(contexts(true));
    pair.send();
    pair.read().unwrap();
    let asked = pair.session.asks().unwrap().clone();
    assert_eq!(asked, Hello { server_name: Some("localhost".into()), alpn: vec![b"http/1.1".to_vec()] });
    let error = pair.session.read(&pair.socket, &mut pair.buffer, &mut pair.plain).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    pair.session.choose(&pair.socket, None, None).unwrap();
    while pair.client.is_handshaking() || !pair.session.is_established() {
        pair.hear().unwrap();
        pair.send();
        pair.read().unwrap();
    }
    assert_eq!(pair.session.facts().unwrap().server_name.as_deref(), Some("localhost"));
}

#[test]
fn a_write_takes_no_more_than_a_step_and_nothing_while_records_wait() {
    let mut pair = Pair::established();
    let text: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_be_bytes).collect();
    let mut heard = Vec::new();
    let mut at = 0;
    let mut waited = 0;
    while heard.len() < text.len() {
        // Until nothing is taken: the peer does not read.
        while at < text.len() {
            // Small pieces, large ones, and empty ones.
            let (small, large) = text[at..].split_at(1000.min(text.len() - at));
            let parts = [IoSlice::new(small), IoSlice::new(&[]), IoSlice::new(large)];
            let taken = pair.session.write(&pair.socket, &parts).unwrap();
            assert!(taken <= STEP_BYTES);
            assert!(pair.session.waiting() <= STEP_BYTES + 8 * OVERHEAD);
            if taken == 0 {
                waited += usize::from(pair.session.waiting() > 0);
                break;
            }
            at += taken;
        }
        heard.extend(pair.hear().unwrap());
        pair.session.flush(&pair.socket).unwrap();
    }
    assert!(heard == text);
    assert!(waited > 0, "the socket took everything: nothing was tested");
    assert_eq!(pair.session.waiting(), 0);
}

#[test]
fn a_file_is_sent_in_steps_up_to_its_end() {
    let mut pair = Pair::established();
    let text: Vec<u8> = (0..300_000u32).flat_map(u32::to_be_bytes).collect();
    let path = std::env::temp_dir().join(format!("millrace-tls-{}", std::process::id()));
    std::fs::write(&path, &text).unwrap();
    let file: OwnedFd = std::fs::File::open(&path).unwrap().into();
    std::fs::remove_file(&path).unwrap();
    let session = std::mem::replace(&mut pair.session, Session::server(contexts(false)));
    let mut transport = Transport::encrypted(pair.socket.as_fd().try_clone_to_owned().unwrap(), session);
    let mut heard = Vec::new();
    let mut at = 100u64;
    let mut full = 0;
    loop {
        transport.flush().unwrap();
        assert!(transport.waiting() <= FILE_STEP_BYTES + 32 * OVERHEAD);
        // More than there is: it ends before that.
        match transport.send_file(&file, at, 1 << 30, true).unwrap() {
            FileSent::Bytes(taken) => {
                assert!(taken > 0 && taken <= FILE_STEP_BYTES as u64);
                at += taken;
            }
            FileSent::Full => {
                full += 1;
                heard.extend(pair.hear().unwrap());
            }
            FileSent::Truncated => break,
            FileSent::Cold => panic!("it was said to be warm"),
        }
    }
    assert_eq!(at, text.len() as u64);
    heard.extend(pair.hear().unwrap());
    while transport.waiting() > 0 {
        transport.flush().unwrap();
        heard.extend(pair.hear().unwrap());
    }
    assert!(heard == text[100..]);
    assert!(full > 0, "the socket took everything: nothing was tested");
}

#[test]
fn of_a_file_that_is_on_a_disk_nothing_is_sent_until_it_was_fetched() {
    let mut pair = Pair::established();
    // The folder for temporary files may be in memory.
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target")
        .join(format!("millrace-cold-{}", std::process::id()));
    let mut file = std::fs::File::create_new(&path).unwrap();
    file.write_all(&[7; 100_000]).unwrap();
    file.sync_all().unwrap();
    let file: OwnedFd = std::fs::File::open(&path).unwrap().into();
    std::fs::remove_file(&path).unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    let session = std::mem::replace(&mut pair.session, Session::server(contexts(false)));
    let mut transport = Transport::encrypted(pair.socket.as_fd().try_clone_to_owned().unwrap(), session);
    assert_eq!(transport.send_file(&file, 0, 100_000, false).unwrap(), FileSent::Cold);
    assert_eq!(pair.hear().unwrap(), b"");
    assert_eq!(transport.send_file(&file, 0, 100_000, true).unwrap(), FileSent::Bytes(100_000));
    assert_eq!(pair.hear().unwrap(), [7; 100_000]);
}

#[test]
fn both_ends_of_ours_understand_each_other() {
    let (left, right) = UnixStream::pair().unwrap();
    left.set_nonblocking(true).unwrap();
    right.set_nonblocking(true).unwrap();
    let mut server = Session::server(contexts(false));
    let mut client = Session::client(client_config(), localhost()).unwrap();
    let (mut buffer, mut plain) = (vec![0; READ_BYTES], Vec::new());
    assert!(client.waiting() > 0, "its hello waits to be sent");
    while !server.is_established() || !client.is_established() {
        for (session, socket) in [(&mut client, &left), (&mut server, &right)] {
            session.flush(socket).unwrap();
            match session.read(socket, &mut buffer, &mut plain) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => drop(other.unwrap()),
            }
        }
    }
    assert_eq!(client.write(&left, &[IoSlice::new(b"to and fro")]).unwrap(), 10);
    server.read(&right, &mut buffer, &mut plain).unwrap();
    assert_eq!(plain, b"to and fro");
    assert_eq!(client.facts().unwrap().version, "TLSv1.3");
}
