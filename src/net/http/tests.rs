use super::*;
use crate::codec::http_files::{Coding, Dotfiles, Policy};
use crate::codec::http1::Limits;
use crate::flow::{Bounds, Operator, PassDriver, Post, ReadOutcome};
use crate::net::reactor::Reactor;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A server and its reactor; requests are answered by the test.
struct Fixture {
    reactor: Rc<Reactor>,
    engine: Rc<Engine>,
    address: SocketAddr,
}

/// A record of a batch: its kind, its connection, and its other words.
type Row = (u32, u32, Vec<u32>);

impl Fixture {
    fn new(config: Config) -> Self {
        let reactor = Rc::new(Reactor::new().unwrap());
        let engine = Engine::new(Rc::clone(&reactor), config);
        let listen = Listen {
            address: Address::Ip("127.0.0.1:0".parse().unwrap()),
            backlog: 16,
            ipv6_only: false,
            reuse_port: false,
        };
        let Address::Ip(address) = engine.listen(&listen).unwrap() else { panic!("no TCP") };
        Self { reactor, engine, address }
    }

    fn connect(&self) -> TcpStream {
        let peer = TcpStream::connect(self.address).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        peer
    }

    /// Takes what came, once there is something.
    fn rows(&self) -> (Vec<Row>, Vec<u8>) {
        while self.engine.batch().is_empty() {
            self.reactor.turn(Some(Duration::from_secs(10))).unwrap();
        }
        let mut batch = self.engine.batch();
        let (mut rows, mut words) = (Vec::new(), &batch.words[..]);
        while let [kind, id, ..] = *words {
            let length = match kind {
                k if k == Record::Open as u32 || k == Record::PeerEnd as u32 => 2,
                k if k == Record::Request as u32 => 9 + 2 * words[8] as usize,
                k if k == Record::Data as u32 => 4,
                k if k == Record::End as u32 => 5 + 2 * words[4] as usize,
                k if k == Record::Fault as u32 => 6,
                _ => 3,
            };
            rows.push((kind, id, words[2..length].to_vec()));
            words = &words[length..];
        }
        let bytes = batch.bytes.clone();
        batch.clear();
        (rows, bytes)
    }

    /// Waits for a record of that kind, and gives its connection, its words and the bytes of its batch.
    fn wait(&self, record: Record) -> (u32, Vec<u32>, Vec<u8>) {
        loop {
            let (rows, bytes) = self.rows();
            if let Some((_, id, words)) = rows.into_iter().find(|(kind, ..)| *kind == record as u32) {
                return (id, words, bytes);
            }
        }
    }

    /// Runs turns while `peer` reads `length` bytes.
    fn read(&self, peer: &mut TcpStream, length: usize) -> Vec<u8> {
        peer.set_nonblocking(true).unwrap();
        let (mut all, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
        while all.len() < length {
            match peer.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => all.extend_from_slice(&buffer[..n]),
                Err(_) => drop(self.reactor.turn(Some(Duration::from_millis(20))).unwrap()),
            }
        }
        all
    }
}

const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

fn write(id: u32, bytes: &[u8]) -> [u32; 4] {
    [Command::Write as u32, id, 0, bytes.len() as u32]
}

fn respond(id: u32, keep: bool) -> [u32; 4] {
    [Command::Respond as u32, id, u32::from(keep), 0]
}

#[test]
fn a_request_is_packed_and_its_answer_sent() {
    let fixture = Fixture::new(Config::default());
    let mut peer = fixture.connect();
    peer.write_all(b"POST /p?q HTTP/1.1\r\nHost: a\r\nX-Y: zz\r\nContent-Length: 3\r\n\r\nabc").unwrap();
    let (mut rows, mut bytes) = (Vec::new(), Vec::new());
    while rows.last().is_none_or(|(kind, ..): &Row| *kind != Record::End as u32) {
        let (more, text) = fixture.rows();
        rows.extend(more);
        bytes = text;
    }
    let kinds: Vec<u32> = rows.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, [Record::Open, Record::Request, Record::Data, Record::End].map(|r| r as u32));
    let id = rows[0].1;
    let words = &rows[1].2;
    assert_eq!(words[5..], [4, 3, 4, 1, 3, 2, 14, 1].map(|n: u32| n)[..], "target, fields, lengths");
    let text = &bytes[words[3] as usize..][..words[4] as usize];
    assert_eq!(text, b"/p?qHostaX-YzzContent-Length3");
    fixture.engine.apply(
        &[write(id, b"HTTP/1.1 200 OK\r\n\r\n"), respond(id, false)],
        b"HTTP/1.1 200 OK\r\n\r\n",
        &[],
    );
    let mut answer = String::new();
    peer.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "HTTP/1.1 200 OK\r\n\r\n");
}

#[test]
fn what_is_sent_ahead_waits_for_the_answer_before_it() {
    let fixture = Fixture::new(Config::default());
    let mut peer = fixture.connect();
    peer.write_all(&[GET, GET].concat()).unwrap();
    let (id, ..) = fixture.wait(Record::Request);
    assert_eq!(fixture.reactor.turn(Some(Duration::ZERO)).unwrap(), 0);
    assert!(fixture.engine.batch().is_empty(), "the second request was told before the first was answered");
    fixture.engine.apply(&[write(id, b"one"), respond(id, true)], b"one", &[]);
    assert_eq!(fixture.wait(Record::Request).0, id);
    assert_eq!(fixture.read(&mut peer, 3), b"one");
}

#[test]
fn a_peer_that_sends_ahead_without_end_is_not_read_without_end() {
    let fixture = Fixture::new(Config::default());
    let mut peer = fixture.connect();
    peer.write_all(GET).unwrap();
    fixture.wait(Record::Request);
    peer.set_nonblocking(true).unwrap();
    let flood = vec![b'x'; 64 << 10];
    let mut sent = 0;
    // Until neither the system nor the engine takes more.
    let mut idle = 0;
    while idle < 20 {
        match peer.write(&flood) {
            Ok(n) => (sent, idle) = (sent + n, 0),
            Err(_) => idle += 1,
        }
        fixture.reactor.turn(Some(Duration::from_millis(2))).unwrap();
    }
    let before = sent;
    fixture.reactor.turn(Some(Duration::from_millis(50))).unwrap();
    assert!(peer.write(&flood).is_err(), "still taken after {before} bytes");
}

#[test]
fn an_answer_that_the_peer_does_not_read_waits_and_is_counted() {
    let fixture = Fixture::new(Config::default());
    let mut peer = fixture.connect();
    peer.write_all(GET).unwrap();
    let (id, ..) = fixture.wait(Record::Request);
    let large = vec![b'y'; 8 << 20];
    fixture.engine.apply(&[[Command::WriteBuffer as u32, id, 0, 0], respond(id, false)], &[], &[&large]);
    let pending = fixture.engine.pending(id);
    assert!(pending > 0 && pending < 8 << 20, "{pending}");
    assert_eq!(u64::from(fixture.wait(Record::Pending).1[0]), pending);
    assert_eq!(fixture.read(&mut peer, 8 << 20).len(), 8 << 20);
}

#[test]
fn an_upload_into_a_full_inbox_waits_and_goes_on() {
    let fixture = Fixture::new(Config::default());
    let mut peer = fixture.connect();
    let body: Vec<u8> = (0..4_000_000u32).map(|n| (n % 253) as u8).collect();
    peer.write_all(
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(),
    )
    .unwrap();
    let (id, ..) = fixture.wait(Record::Request);
    let bounds = Bounds { inbox: 64 << 10, link: 128 << 10, outbox: 64 << 10, output_limit: None };
    let operator = Operator::new(1, Arc::new(Post::new(Box::new(|| {}))), bounds, Box::new(PassDriver));
    assert!(fixture.engine.link_upload(id, &operator));
    let sender = std::thread::spawn({
        let body = body.clone();
        move || peer.write_all(&body).map(|()| peer).unwrap()
    });
    // Until nobody reads any more: what is fed stands still while the socket is full.
    let (mut fed, mut idle) = (0, 0);
    while idle < 20 {
        fixture.reactor.turn(Some(Duration::from_millis(5))).unwrap();
        let now = fixture.engine.fed(id);
        idle = if now == fed { idle + 1 } else { 0 };
        fed = now;
    }
    // Inbox, outbox, and a read more than each allows.
    assert!((128 << 10..=(128 + 64 + 2 * 64) << 10).contains(&fed), "{fed}");
    let (mut got, mut chunk) = (Vec::new(), vec![0; 50_000]);
    while got.len() < body.len() {
        match operator.read(&mut chunk) {
            ReadOutcome::Bytes(n) => got.extend_from_slice(&chunk[..n]),
            _ => drop(fixture.reactor.turn(Some(Duration::from_millis(5))).unwrap()),
        }
    }
    assert!(got == body, "the bytes are others");
    let (rows, _) = fixture.rows();
    assert_eq!(
        rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        [Record::End as u32],
        "a record for JavaScript"
    );
    // The next request's body is JavaScript's again.
    let mut peer = sender.join().unwrap();
    fixture.engine.apply(&[write(id, b"ok"), respond(id, true)], b"ok", &[]);
    peer.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").unwrap();
    fixture.wait(Record::Data);
    assert_eq!(fixture.engine.fed(id), body.len() as u64);
}

#[test]
fn limits_of_time_and_size_are_kept() {
    let config = Config {
        limits: Limits { head_bytes: 100, ..Limits::default() },
        timeouts: Timeouts { headers: Some(Duration::from_millis(40)), ..Timeouts::default() },
        ..Config::default()
    };
    let fixture = Fixture::new(config);
    let mut slow = fixture.connect();
    slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(fixture.wait(Record::Timeout).1, [0]);
    let mut long = fixture.connect();
    long.write_all(&[b"GET /".as_slice(), &[b'a'; 200]].concat()).unwrap();
    let (_, words, bytes) = fixture.wait(Record::Fault);
    assert_eq!(&bytes[(words[0] + words[1]) as usize..][..words[2] as usize], b"HPE_HEADER_OVERFLOW");
}

#[test]
fn files_are_answered_without_a_record() {
    let folder = std::env::temp_dir().join(format!("millrace-http-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(folder.join("large.bin"), &bytes).unwrap();
    std::fs::write(folder.join("small.txt"), "small").unwrap();
    let fixture = Fixture::new(Config::default());
    let policy = Policy {
        etag: true,
        last_modified: true,
        accept_ranges: true,
        cache_control: None,
        varies: false,
        extra: String::new(),
    };
    let options = FileOptions {
        dotfiles: Dotfiles::Ignore,
        symlinks: Symlinks::Inside,
        index: Vec::new(),
        extensions: Vec::new(),
        precompressed: vec![Coding::Gzip],
        compress: None,
        redirect: true,
        fallthrough: true,
        policy,
    };
    fixture.engine.mount(Mount::open("/f/".into(), &folder, options).unwrap());
    let mut peer = fixture.connect();
    // Two files on one connection, the second one sent ahead, then something that is not there.
    peer.write_all(
        b"GET /f/large.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /f/small.txt HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .unwrap();
    let mut all = Vec::new();
    while !all.ends_with(b"\r\n\r\nsmall") {
        let so_far = all.len();
        all.extend(fixture.read(&mut peer, 1));
        assert!(all.len() > so_far, "the connection ended");
    }
    let body = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(&all[body..body + bytes.len()], &bytes[..]);
    let (rows, _) = fixture.rows();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [Record::Open as u32]);
    peer.set_nonblocking(false).unwrap();
    peer.write_all(b"GET /f/nothing HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    fixture.wait(Record::Request);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_server_that_closes_leaves_nothing() {
    let fixture = Fixture::new(Config::default());
    let peers: Vec<_> = (0..10).map(|_| fixture.connect()).collect();
    while fixture.engine.connections() < 10 {
        fixture.reactor.turn(Some(Duration::from_secs(10))).unwrap();
    }
    fixture.engine.close_listeners();
    fixture.engine.close_idle();
    let (rows, _) = fixture.rows();
    let closed: Vec<_> = rows.iter().filter(|row| row.0 == Record::Closed as u32).collect();
    assert_eq!(closed.len(), 10);
    let gone: Vec<_> = closed.iter().map(|row| [Command::Destroy as u32, row.1, 0, 0]).collect();
    fixture.engine.apply(&gone, &[], &[]);
    assert_eq!(fixture.engine.connections(), 0);
    for mut peer in peers {
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }
    let reactor = Rc::clone(&fixture.reactor);
    drop(fixture.engine);
    assert!(reactor.is_empty());
}
