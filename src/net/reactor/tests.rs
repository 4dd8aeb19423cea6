//! The reactor without Node: sockets of this process, and turns by hand.

use super::*;
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

type Hook = Box<dyn Fn(&Probe, Readiness, &mut Turn<'_>)>;

/// A source that does what the test says, and counts.
struct Probe {
    socket: UnixStream,
    token: Cell<Option<Token>>,
    calls: Cell<usize>,
    expired: Cell<usize>,
    bytes: RefCell<Vec<u8>>,
    hook: Hook,
}

impl Source for Probe {
    fn ready(&self, readiness: Readiness, turn: &mut Turn<'_>) {
        self.calls.set(self.calls.get() + 1);
        (self.hook)(self, readiness, turn);
    }

    fn expired(&self, _turn: &mut Turn<'_>) {
        self.expired.set(self.expired.get() + 1);
    }
}

fn probe(
    reactor: &Reactor,
    interest: Interest,
    hook: impl Fn(&Probe, Readiness, &mut Turn<'_>) + 'static,
) -> (Rc<Probe>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let probe = Rc::new(Probe {
        socket: ours,
        token: Cell::new(None),
        calls: Cell::new(0),
        expired: Cell::new(0),
        bytes: RefCell::default(),
        hook: Box::new(hook),
    });
    let source: Rc<dyn Source> = probe.clone();
    probe.token.set(Some(reactor.register(&probe.socket, interest, source).unwrap()));
    (probe, theirs)
}

fn reader(reactor: &Reactor) -> (Rc<Probe>, UnixStream) {
    probe(reactor, Interest::READ, |probe, readiness, turn| {
        assert!(readiness.readable && !readiness.writable);
        let bytes = turn.read(&probe.socket).unwrap();
        probe.bytes.borrow_mut().extend_from_slice(bytes);
    })
}

const SOON: Option<Duration> = Some(Duration::from_secs(10));
const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn bytes_are_read_and_the_end_is_seen() {
    let reactor = Reactor::new().unwrap();
    let (probe, mut peer) = reader(&reactor);
    assert_eq!(reactor.turn(NOW).unwrap(), 0);
    peer.write_all(b"water").unwrap();
    assert_eq!(reactor.turn(SOON).unwrap(), 1);
    assert_eq!(*probe.bytes.borrow(), b"water");
    drop(peer);
    reactor.turn(SOON).unwrap();
    assert_eq!((probe.calls.get(), probe.bytes.borrow().len()), (2, 5));
}

#[test]
fn a_source_without_interest_does_not_hear_of_a_hang_up() {
    let reactor = Reactor::new().unwrap();
    let (probe, peer) = reader(&reactor);
    reactor.set_interest(probe.token.get().unwrap(), &probe.socket, Interest::NONE).unwrap();
    drop(peer);
    assert_eq!(reactor.turn(NOW).unwrap(), 0);
    reactor.set_interest(probe.token.get().unwrap(), &probe.socket, Interest::READ).unwrap();
    assert_eq!(reactor.turn(SOON).unwrap(), 1);
}

#[test]
fn a_writer_is_called_when_there_is_room() {
    let reactor = Reactor::new().unwrap();
    let (probe, mut peer) = probe(&reactor, Interest::NONE, |probe, readiness, turn| {
        assert!(readiness.writable);
        turn.reactor().set_interest(probe.token.get().unwrap(), &probe.socket, Interest::NONE).unwrap();
    });
    while (&probe.socket).write(&[0; 4096]).is_ok() {}
    reactor.set_interest(probe.token.get().unwrap(), &probe.socket, Interest::WRITE).unwrap();
    assert_eq!(reactor.turn(NOW).unwrap(), 0);
    peer.set_nonblocking(true).unwrap();
    let mut sink = [0; 1 << 16];
    while peer.read(&mut sink).is_ok_and(|n| n > 0) {}
    assert_eq!(reactor.turn(SOON).unwrap(), 1);
    assert_eq!(reactor.turn(NOW).unwrap(), 0);
}

#[test]
fn a_source_may_take_itself_and_its_neighbours_out() {
    let reactor = Reactor::new().unwrap();
    let all: Rc<RefCell<Vec<Rc<Probe>>>> = Rc::default();
    let mut peers = Vec::new();
    for _ in 0..3 {
        let everybody = Rc::clone(&all);
        let (one, mut peer) = probe(&reactor, Interest::READ, move |_, _, turn| {
            for other in everybody.borrow().iter() {
                turn.reactor().deregister(other.token.get().unwrap(), &other.socket);
            }
        });
        peer.write_all(b"x").unwrap();
        all.borrow_mut().push(one);
        peers.push(peer);
    }
    assert_eq!(reactor.turn(SOON).unwrap(), 1, "the first takes all out before they are called");
    assert!(reactor.is_empty());
    assert_eq!(reactor.turn(NOW).unwrap(), 0);
    all.borrow_mut().clear(); // the probes hold each other
}

#[test]
fn a_token_of_a_source_that_is_gone_names_nothing() {
    let reactor = Reactor::new().unwrap();
    let (first, _peer) = reader(&reactor);
    let old = first.token.get().unwrap();
    reactor.deregister(old, &first.socket);
    let (second, mut peer) = reader(&reactor);
    reactor.deregister(old, &first.socket);
    reactor.set_interest(old, &first.socket, Interest::BOTH).unwrap();
    peer.write_all(b"x").unwrap();
    assert_eq!(reactor.turn(SOON).unwrap(), 1);
    assert_eq!((first.calls.get(), second.calls.get()), (0, 1));
}

#[test]
fn a_turn_is_bounded_in_bytes_and_the_next_begins_with_the_rest() {
    let reactor = Reactor::new().unwrap();
    let order: Rc<RefCell<Vec<usize>>> = Rc::default();
    let count = 2 * TURN_BYTES / READ_BYTES;
    let peers: Vec<_> = (0..count)
        .map(|number| {
            let order = Rc::clone(&order);
            let (_, mut peer) = probe(&reactor, Interest::READ, move |probe, _, turn| {
                turn.count(READ_BYTES);
                order.borrow_mut().push(number);
                turn.read(&probe.socket).unwrap();
            });
            peer.write_all(b"x").unwrap();
            peer
        })
        .collect();
    // Fewer where the machine is so slow that the time is up first.
    let called = reactor.turn(SOON).unwrap();
    assert!((1..=TURN_BYTES / READ_BYTES).contains(&called), "{called} in one turn");
    while order.borrow().len() < count {
        assert!(reactor.turn(SOON).unwrap() > 0);
    }
    let mut once = order.borrow().clone();
    once.sort_unstable();
    assert_eq!(once, (0..count).collect::<Vec<_>>(), "somebody was served twice while others waited");
    drop(peers);
}

#[test]
fn deadlines_pass_in_time_and_can_be_moved_and_taken_back() {
    let reactor = Reactor::new().unwrap();
    let (kept, _a) = reader(&reactor);
    let (moved, _b) = reader(&reactor);
    let (taken, _c) = reader(&reactor);
    let start = Instant::now();
    let at = |ms| Some(start + Duration::from_millis(ms));
    reactor.set_deadline(kept.token.get().unwrap(), at(50));
    reactor.set_deadline(moved.token.get().unwrap(), at(50));
    reactor.set_deadline(moved.token.get().unwrap(), at(150));
    reactor.set_deadline(taken.token.get().unwrap(), at(50));
    reactor.set_deadline(taken.token.get().unwrap(), None);
    while kept.expired.get() == 0 {
        reactor.turn(SOON).unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(50));
    while moved.expired.get() == 0 {
        reactor.turn(SOON).unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!((kept.expired.get(), taken.expired.get()), (1, 0));
    reactor.set_deadline(moved.token.get().unwrap(), at(100_000));
    reactor.set_deadline(moved.token.get().unwrap(), Some(Instant::now()));
    while moved.expired.get() == 1 {
        reactor.turn(SOON).unwrap();
    }
}

#[test]
fn the_descriptor_is_readable_exactly_while_there_is_work() {
    let reactor = Reactor::new().unwrap();
    let (probe, mut peer) = reader(&reactor);
    let readable = || {
        let mut fds =
            [rustix::event::PollFd::from_borrowed_fd(reactor.as_fd(), rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, Some(&rustix::event::Timespec::default())).unwrap() == 1
    };
    assert!(!readable());
    peer.write_all(b"x").unwrap();
    assert!(readable());
    reactor.turn(NOW).unwrap();
    assert!(!readable());
    reactor.set_deadline(probe.token.get().unwrap(), Some(Instant::now()));
    while probe.expired.get() == 0 {
        reactor.turn(SOON).unwrap();
    }
    // The deadline's ring was the last of the wheel's.
    reactor.turn(NOW).unwrap();
    assert!(!readable());
}

#[test]
fn the_loop_is_kept_alive_while_anyone_counts() {
    let reactor = Reactor::new().unwrap();
    let told: Rc<RefCell<Vec<bool>>> = Rc::default();
    let log = Rc::clone(&told);
    reactor.on_keep_alive(move |alive| log.borrow_mut().push(alive));
    let (first, _a) = reader(&reactor);
    let (second, _b) = reader(&reactor);
    reactor.set_referenced(first.token.get().unwrap(), false);
    reactor.deregister(second.token.get().unwrap(), &second.socket);
    assert_eq!(*told.borrow(), [true, false]);
    reactor.set_referenced(first.token.get().unwrap(), true);
    reactor.set_referenced(first.token.get().unwrap(), true);
    reactor.deregister(first.token.get().unwrap(), &first.socket);
    assert_eq!(*told.borrow(), [true, false, true, false]);
}

#[test]
fn a_bell_is_heard_once_from_any_thread_and_later_while_it_rests() {
    let reactor = Reactor::new().unwrap();
    let rings = Rc::new(Cell::new(0));
    let bell = {
        let rings = Rc::clone(&rings);
        Bell::new(&reactor, move || rings.set(rings.get() + 1)).unwrap()
    };
    let ringer = bell.ringer();
    std::thread::spawn(move || (0..3).for_each(|_| ringer.ring())).join().unwrap();
    reactor.turn(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(rings.get(), 1);
    let rest = Duration::from_millis(30);
    let began = Instant::now();
    bell.rest(rest);
    bell.ringer().ring();
    while rings.get() == 1 {
        reactor.turn(Some(Duration::from_secs(10))).unwrap();
    }
    assert!(began.elapsed() >= rest);
    bell.ringer().ring();
    bell.close(&reactor);
    reactor.turn(Some(Duration::ZERO)).unwrap();
    assert_eq!(rings.get(), 2);
}
