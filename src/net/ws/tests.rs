//! The engine without Node: two of them talk over a socket pair, driven by a reactor.

use super::*;
use crate::codec::ws::{DeflateParams, Payload, ReceiverOptions, Role, opcode};
use crate::net::transport::Transport;

/// Keeps payloads in order, each as a buffer of its own.
#[derive(Default)]
struct Kept(std::rc::Rc<std::cell::RefCell<Vec<Vec<u8>>>>);

impl Store for Kept {
    fn keep_small(&mut self, bytes: &[u8]) -> u32 {
        self.0.borrow_mut().push(bytes.to_vec());
        self.0.borrow().len() as u32 - 1
    }

    fn keep_whole(&mut self, payload: Payload<'_>) -> u32 {
        self.keep_small(payload.as_slice())
    }
}

struct End {
    engine: Engine,
    kept: std::rc::Rc<std::cell::RefCell<Vec<Vec<u8>>>>,
}

impl End {
    fn new() -> Self {
        let kept = Kept::default();
        let list = std::rc::Rc::clone(&kept.0);
        Self { engine: Engine::new(Box::new(kept)), kept: list }
    }

    fn open(&self, role: Role, deflate: Option<DeflateParams>, limits: Limits) -> u32 {
        let options =
            ReceiverOptions { role, max_payload: 0, max_fragments: 0, skip_utf8_validation: false, deflate };
        self.engine.open(options, limits)
    }

    fn output(&self, id: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.engine.take_output(id, &mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    fn kinds(&self) -> Vec<u32> {
        let mut kinds = Vec::new();
        self.engine.gather_outcomes();
        self.engine.batch(|batch| batch.take(usize::MAX, |row| kinds.push(row[1] & 0xff)));
        kinds
    }
}

fn message(kind: u8, masked: bool) -> Outgoing {
    Outgoing { opcode: kind, fin: true, compress: true, ticket: false, mask: None, masked }
}

#[test]
fn a_broadcast_reaches_plain_and_compressing_peers_alike_also_between_their_own_messages() {
    let server = End::new();
    let windows = [None, Some(15), Some(10), Some(15)];
    let peers: Vec<_> = windows
        .map(|window| {
            let own = window.map(|own_window_bits| DeflateParams { own_window_bits, ..Default::default() });
            let theirs =
                window.map(|peer_window_bits| DeflateParams { peer_window_bits, ..Default::default() });
            let client = End::new();
            let near = server.open(Role::Server, own, Limits::default());
            let far = client.open(Role::Client, theirs, Limits::default());
            (near, client, far)
        })
        .into();
    let ids: Vec<_> = peers.iter().map(|(near, ..)| *near).collect();
    let text = "the wheel turns, the wheel turns, ".repeat(200);
    for round in 0..3 {
        for &(near, ..) in &peers {
            server.engine.send(near, message(opcode::TEXT, false), format!("{round} {text}").as_bytes());
        }
        server.engine.broadcast(&ids, opcode::TEXT, true, format!("all {round} {text}").as_bytes());
    }
    for (near, client, far) in &peers {
        let mut bytes = server.output(*near);
        client.engine.feed(*far, &mut bytes);
        let kept = client.kept.borrow();
        let expected: Vec<_> =
            (0..3).flat_map(|round| [format!("{round} {text}"), format!("all {round} {text}")]).collect();
        assert_eq!(kept.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_broadcast_waits_for_the_end_of_a_fragmented_message_and_passes_closing_ones_over() {
    let (server, client) = (End::new(), End::new());
    let near = server.open(Role::Server, None, Limits::default());
    let far = client.open(Role::Client, None, Limits::default());
    server.engine.send(near, Outgoing { fin: false, ..message(opcode::TEXT, false) }, b"one ");
    server.engine.broadcast(&[near], opcode::TEXT, false, b"two");
    assert!(server.engine.buffered(near) > 6, "the held frame counts");
    server.engine.send(near, message(opcode::PING, false), b"p");
    server.engine.send(near, message(opcode::CONTINUATION, false), b"whole");
    server.engine.send(near, message(opcode::CLOSE, false), &1000_u16.to_be_bytes());
    server.engine.broadcast(&[near], opcode::TEXT, false, b"too late");
    client.engine.feed(far, &mut server.output(near));
    let kinds = [EventKind::Ping, EventKind::Text, EventKind::Text, EventKind::Close].map(|kind| kind as u32);
    assert_eq!(client.kinds(), kinds);
    assert_eq!(client.kept.borrow()[..3], [b"p".to_vec(), b"one whole".to_vec(), b"two".to_vec()]);
}

#[test]
fn beyond_its_bound_a_queue_drops_and_counts_or_gives_up_once() {
    for overflow_closes in [false, true] {
        let server = End::new();
        let near =
            server.open(Role::Server, None, Limits { max_buffered: 100, overflow_closes, compress_from: 0 });
        for _ in 0..10 {
            server.engine.send(near, message(opcode::BINARY, false), &[0; 40]);
        }
        server.engine.broadcast(&[near, near], opcode::BINARY, false, &[0; 40]);
        // The bound may be passed by one message.
        assert_eq!(server.engine.buffered(near), 3 * 42);
        server.engine.send(near, message(opcode::PING, false), b"");
        assert_eq!(server.engine.buffered(near), 3 * 42 + 2, "control frames are not messages");
        let kind = if overflow_closes { EventKind::Overflow } else { EventKind::Dropped };
        assert_eq!(server.kinds(), vec![kind as u32; if overflow_closes { 1 } else { 9 }]);
    }
}

#[test]
fn a_number_of_a_connection_that_is_gone_names_nobody() {
    let server = End::new();
    let first = server.open(Role::Server, None, Limits::default());
    server.engine.close(first);
    let second = server.open(Role::Server, None, Limits::default());
    assert_ne!(first, second);
    server.engine.send(first, message(opcode::TEXT, false), b"x");
    assert_eq!((server.engine.buffered(first), server.engine.buffered(second)), (0, 0));
    assert_eq!(server.engine.len(), 1);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod sockets {
    use super::*;
    use crate::net::reactor::Reactor;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::rc::Rc;
    use std::time::Duration;

    const SOON: Option<Duration> = Some(Duration::from_secs(10));

    fn attached(reactor: &Rc<Reactor>) -> (End, u32, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let end = End::new();
        let id = end.open(Role::Server, None, Limits::default());
        end.engine.attach(id, Transport::plain(ours.into()), reactor).unwrap();
        (end, id, theirs)
    }

    #[test]
    fn a_frame_cut_anywhere_is_read_and_answered_and_the_end_is_told() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let (end, id, mut peer) = attached(&reactor);
        for byte in [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2] {
            peer.write_all(&[byte]).unwrap();
            reactor.turn(SOON).unwrap();
        }
        assert_eq!(end.kept.borrow()[0], b"hi");
        end.engine.send(id, message(opcode::TEXT, false), b"ho");
        end.engine.flush();
        let mut answer = [0; 4];
        peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"\x81\x02ho");
        drop(peer);
        reactor.turn(SOON).unwrap();
        assert_eq!(end.kinds(), [EventKind::Text as u32, EventKind::End as u32]);
        end.engine.close(id);
        assert!(reactor.is_empty());
    }

    #[test]
    fn a_full_socket_holds_the_rest_and_goes_on_when_there_is_room() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let (end, id, mut peer) = attached(&reactor);
        let payload = vec![7; 4 << 20];
        end.engine.send(id, Outgoing { ticket: true, ..message(opcode::BINARY, false) }, &payload);
        end.engine.flush();
        assert!(end.engine.buffered(id) > 1 << 20);
        assert!(end.kinds().is_empty());
        let mut got = 0;
        let mut piece = vec![0; 1 << 20];
        while got < payload.len() + 10 {
            got += peer.read(&mut piece).unwrap();
            if end.engine.buffered(id) > 0 {
                reactor.turn(SOON).unwrap();
            }
        }
        assert_eq!(end.engine.buffered(id), 0);
        assert_eq!(end.kinds(), [EventKind::Written as u32]);
    }

    #[test]
    fn a_peer_that_is_gone_fails_the_write_and_not_the_process() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let (end, id, peer) = attached(&reactor);
        drop(peer);
        end.engine.send(id, message(opcode::TEXT, false), b"x");
        end.engine.flush();
        assert_eq!(end.kinds(), [EventKind::Failure as u32]);
    }

    #[test]
    fn a_paused_connection_reads_nothing() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let (end, id, mut peer) = attached(&reactor);
        end.engine.set_paused(id, true);
        peer.write_all(&[0x81, 0x80, 0, 0, 0, 0]).unwrap();
        assert_eq!(reactor.turn(Some(Duration::ZERO)).unwrap(), 0);
        end.engine.set_paused(id, false);
        reactor.turn(SOON).unwrap();
        assert_eq!(end.kinds(), [EventKind::Text as u32]);
    }
}
