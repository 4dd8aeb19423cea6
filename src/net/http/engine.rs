//! A server: its listeners, its connections, and the batch that they fill.

use super::batch::{Batch, Record};
use super::command::{Command, Words};
use super::config::{Config, Timeouts};
use super::connection::Connection;
use super::files::{self, Answer, Mount};
use super::http2::{STREAM, Session, Table};
use super::outbox::Outbox;
use super::variants::{Job, Key, Variants};
use super::wake::{Done, Wake};
use crate::codec::http_files::{Conditions, Piece, Plan, Policy, reason};
use crate::codec::http1::Head;
use crate::flow::{OnRoom, Operator, ReadOutcome};
use crate::net::h2::StreamId;
use crate::net::h2::{Adopts, Handover};
use crate::net::listener::{Accepts, Address, Listen, ListenError, Listener, name_of};
use crate::net::reactor::{Interest, Reactor, Source};
use crate::net::transport::Transport;
use crate::net::transport::tls::{self, Context, Contexts, SessionFacts};
use std::borrow::Cow;
use std::cell::{Cell, RefCell, RefMut};
use std::hash::BuildHasher;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

#[derive(Default)]
struct Slots {
    all: Vec<Option<Rc<Connection>>>,
    free: Vec<u32>,
}

/// See the [module](super).
pub struct Engine {
    reactor: Rc<Reactor>,
    config: Cell<Config>,
    /// JavaScript listens for requests that wish for another protocol.
    upgrades: Cell<bool>,
    /// Who takes connections that turn out to be gRPC's.
    grpc: RefCell<Option<Rc<dyn Adopts>>>,
    slots: RefCell<Slots>,
    /// Streams of HTTP/2.
    streams: RefCell<Table>,
    batch: RefCell<Batch>,
    listeners: RefCell<Vec<Rc<Listener>>>,
    dropped: Cell<u32>,
    /// For output of operators on its way to sockets.
    scratch: RefCell<Vec<u8>>,
    mounts: RefCell<Vec<Mount>>,
    /// TLS, where it is spoken.
    contexts: RefCell<Option<Rc<Contexts>>>,
    variants: RefCell<Variants>,
    wake: RefCell<Option<Wake>>,
    /// `Date`, and the second that it is of.
    date: RefCell<(u64, String)>,
    /// For boundaries that nobody can foretell.
    random: std::collections::hash_map::RandomState,
}

/// What the head of an answer depends on.
pub(super) struct Answered {
    /// The body is not sent.
    pub head_only: bool,
    /// The connection stays.
    pub keep_alive: bool,
}

/// A file that JavaScript answers with.
pub struct SendFile<'a> {
    /// Which.
    pub path: &'a std::path::Path,
    /// Fields of the request.
    pub conditions: Conditions<'a>,
    /// `Content-Type`, where it is not to be told by the name.
    pub content_type: Option<String>,
    /// Fields of the answer.
    pub policy: Policy,
    /// To HEAD.
    pub head_only: bool,
    /// The connection stays.
    pub keep_alive: bool,
}

impl Engine {
    /// A server without listeners.
    pub fn new(reactor: Rc<Reactor>, config: Config) -> Rc<Self> {
        Rc::new(Self {
            reactor,
            config: Cell::new(config),
            upgrades: Cell::new(false),
            grpc: RefCell::default(),
            slots: RefCell::default(),
            streams: RefCell::default(),
            batch: RefCell::default(),
            listeners: RefCell::default(),
            dropped: Cell::new(0),
            scratch: RefCell::default(),
            mounts: RefCell::default(),
            contexts: RefCell::default(),
            variants: RefCell::default(),
            wake: RefCell::default(),
            date: RefCell::default(),
            random: std::collections::hash_map::RandomState::new(),
        })
    }

    /// The reactor of its connections.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// The same, to keep.
    pub(super) fn shared_reactor(&self) -> Rc<Reactor> {
        Rc::clone(&self.reactor)
    }

    /// How peers are treated.
    pub fn config(&self) -> Config {
        self.config.get()
    }

    /// Treats peers so from now on.
    pub fn set_config(&self, config: Config) {
        self.config.set(config);
    }

    /// Speaks TLS from now on, and by these contexts; connections that are there go on as they began.
    pub fn set_contexts(&self, contexts: Contexts) {
        *self.contexts.borrow_mut() = Some(Rc::new(contexts));
    }

    /// What connection `id` gets in its handshake, which waits for it; see [`Contexts::asks`].
    pub fn choose(&self, id: u32, context: Option<Arc<Context>>, alpn: Option<Vec<u8>>) {
        if let Some(connection) = self.get(id) {
            connection.choose(self, context, alpn);
        }
    }

    /// What the TLS handshake of connection `id` came to, and the peer's certificates in DER.
    pub fn session(&self, id: u32) -> Option<(SessionFacts, Vec<Vec<u8>>)> {
        self.get(id)?.session()
    }

    /// Connections whose first request is gRPC's are `adopter`'s from then on.
    pub fn set_grpc(&self, adopter: Rc<dyn Adopts>) {
        *self.grpc.borrow_mut() = Some(adopter);
    }

    pub(super) fn has_grpc(&self) -> bool {
        self.grpc.borrow().is_some()
    }

    pub(super) fn hand_over(&self, connection: Handover) {
        let adopter = self.grpc.borrow().clone();
        if let Some(adopter) = adopter {
            adopter.adopt(connection);
        }
    }

    /// Whether requests that wish for another protocol wait for a decision.
    pub fn set_takes_upgrades(&self, takes: bool) {
        self.upgrades.set(takes);
    }

    pub(super) fn takes_upgrades(&self) -> bool {
        self.upgrades.get()
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.config.get().timeouts
    }

    /// What has come since it was last cleared. Whoever holds it must not call into the engine.
    pub fn batch(&self) -> RefMut<'_, Batch> {
        self.batch.borrow_mut()
    }

    /// Listens there, too; returns the address that the system gave.
    ///
    /// # Errors
    /// The system call that failed, as Node names it, and how.
    pub fn listen(self: &Rc<Self>, listen: &Listen) -> Result<Address, ListenError> {
        if self.wake.borrow().is_none() {
            let engine = Rc::downgrade(self);
            let hook = move |(id, done)| {
                let Some(engine) = engine.upgrade() else { return };
                if let Done::Compressed(key, bytes) = done {
                    engine.compressed(key, bytes.as_ref());
                } else if let Some((connection, stream)) = engine.stream(id) {
                    if let Done::Warmed(bytes) = done {
                        connection.warmed_stream(&engine, stream, bytes);
                    }
                } else if let Some(connection) = engine.get(id) {
                    match done {
                        Done::Warmed(bytes) => connection.warmed(&engine, bytes),
                        Done::Room => connection.room(&engine),
                        Done::Compressed(..) => {}
                    }
                }
            };
            *self.wake.borrow_mut() = Some(Wake::new(&self.reactor, hook).map_err(|e| ("listen", e))?);
        }
        let listener = Listener::open(listen, Rc::<Self>::downgrade(self), &self.reactor)?;
        let address = listener.address().map_err(|e| ("getsockname", e));
        self.listeners.borrow_mut().push(listener);
        address
    }

    /// Stops listening.
    pub fn close_listeners(&self) {
        for listener in self.listeners.borrow_mut().drain(..) {
            listener.close(&self.reactor);
        }
    }

    /// Whether it listens anywhere; one that does not any more is about to close.
    pub fn is_listening(&self) -> bool {
        !self.listeners.borrow().is_empty()
    }

    /// Whether the listeners keep the loop alive.
    pub fn set_referenced(&self, referenced: bool) {
        for token in self.listeners.borrow().iter().filter_map(|listener| listener.token()) {
            self.reactor.set_referenced(token, referenced);
        }
    }

    fn accept(self: &Rc<Self>, socket: OwnedFd, now: Instant) {
        let config = self.config.get();
        let mut slots = self.slots.borrow_mut();
        if slots.all.len() - slots.free.len() >= config.most_connections {
            self.dropped.set(self.dropped.get().saturating_add(1));
            return;
        }
        // A Unix socket has neither; nobody misses them there.
        let _ = config.no_delay.then(|| rustix::net::sockopt::set_tcp_nodelay(&socket, true));
        if let Some(delay) = config.keep_alive_probe {
            let _ = rustix::net::sockopt::set_socket_keepalive(&socket, true);
            let _ = rustix::net::sockopt::set_tcp_keepidle(&socket, delay.max(Duration::from_secs(1)));
        }
        let id = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(None);
            slots.all.len() as u32 - 1
        });
        let transport = match &*self.contexts.borrow() {
            Some(contexts) => Transport::encrypted(socket, tls::Session::server(Rc::clone(contexts))),
            None => Transport::plain(socket),
        };
        let connection = Rc::new(Connection::new(id, Rc::downgrade(self), transport, config.limits, now));
        let source: Rc<dyn Source> = connection.clone();
        let token = connection
            .with_socket(|socket| self.reactor.register(socket, Interest::READ, source))
            .and_then(Result::ok);
        let Some(token) = token else {
            slots.free.push(id);
            return;
        };
        slots.all[id as usize] = Some(Rc::clone(&connection));
        drop(slots);
        connection.registered(self, token);
        self.batch().push(Record::Open, id, &[]);
    }

    /// Connections that were refused: more than `most_connections`, or than the system has descriptors.
    pub fn dropped(&self) -> u32 {
        self.dropped.get()
    }

    /// The numbers of streams.
    pub(super) fn streams(&self) -> RefMut<'_, Table> {
        self.streams.borrow_mut()
    }

    /// The stream of that number, where it is open.
    fn stream(&self, id: u32) -> Option<(Rc<Connection>, StreamId)> {
        if id & STREAM == 0 {
            return None;
        }
        let (connection, stream) = self.streams().get(id)?;
        Some((self.get(connection)?, stream))
    }

    pub(super) fn get(&self, id: u32) -> Option<Rc<Connection>> {
        self.slots.borrow().all.get(id as usize).and_then(Option::clone)
    }

    /// Connections that are known to JavaScript.
    pub fn connections(&self) -> usize {
        let slots = self.slots.borrow();
        slots.all.len() - slots.free.len()
    }

    /// Addresses of a connection's two ends: ours, then the peer's.
    ///
    /// # Errors
    /// The system's: the peer is gone.
    pub fn addresses(&self, id: u32) -> io::Result<(Address, Address)> {
        let gone = || io::Error::from_raw_os_error(107);
        let connection = self.get(id).ok_or_else(gone)?;
        connection
            .with_socket(|socket| {
                let ours = name_of(rustix::net::getsockname(socket)?)?;
                let peer = rustix::net::getpeername(socket)?;
                Ok((ours, peer.map_or(Ok(Address::Unix("".into())), name_of)?))
            })
            .unwrap_or_else(|| Err(gone()))
    }

    /// Closes connections that wait for a request; JavaScript is told.
    pub fn close_idle(&self) {
        let idle: Vec<_> =
            self.slots.borrow().all.iter().flatten().filter(|c| c.is_idle()).cloned().collect();
        for connection in idle {
            if !connection.go_away(self) {
                connection.close_and_tell(self, 0);
            }
        }
        // A server that is about to close takes no further requests on those with open streams either.
        if !self.is_listening() {
            let all: Vec<_> = self.slots.borrow().all.iter().flatten().cloned().collect();
            for connection in all {
                connection.go_away(self);
            }
        }
    }

    /// Hands a connection's transport over, with the bytes that were read and not parsed; JavaScript is done with it.
    pub fn detach(&self, id: u32) -> Option<(Transport, Vec<u8>)> {
        let connection = self.get(id)?;
        let taken = connection.take(self);
        self.release(id);
        taken
    }

    /// Serves files from now on. A longer prefix comes before a shorter one.
    pub fn mount(&self, mount: Mount) {
        let mut mounts = self.mounts.borrow_mut();
        mounts.push(mount);
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.prefix_bytes()));
    }

    /// The answer to a request for a file, where it is one.
    pub(super) fn answer_file(&self, head: &Head, input: &[u8]) -> Option<Answer> {
        let mounts = self.mounts.borrow();
        if mounts.is_empty()
            || !matches!(head.method_name(), "GET" | "HEAD")
            || head.upgrade
            || head.has_body()
            || head.expects_other
            || head.minor_version == 1 && !head.has_host
        {
            return None;
        }
        drop(mounts);
        self.find_file(head.target.get(input), true, |name| joined(head, input, name))
    }

    /// The same for a request of HTTP/2 without a body.
    pub(super) fn answer_file_fields(
        &self,
        method: &http::Method,
        target: &[u8],
        fields: &http::HeaderMap,
    ) -> Option<(Plan, Option<OwnedFd>)> {
        if !matches!(*method, http::Method::GET | http::Method::HEAD)
            || fields.contains_key(http::header::EXPECT)
        {
            return None;
        }
        let found = self.find_file(target, false, |name| {
            let mut values = fields.get_all(name).iter().map(|value| value.as_bytes());
            let first = Cow::Borrowed(values.next()?);
            Some(values.fold(first, |all, more| Cow::Owned([&*all, b", ", more].concat())))
        });
        match found? {
            Answer::Plan(plan, file) => Some((plan, file)),
            Answer::Compressed(..) | Answer::Pass => None,
        }
    }

    /// The answer for the file that `target` names, where one is served there. Lists may come in several fields, the
    /// others' first is what counts.
    fn find_file<'a>(
        &self,
        target: &[u8],
        may_compress: bool,
        field: impl Fn(&str) -> Option<Cow<'a, [u8]>>,
    ) -> Option<Answer> {
        let mounts = self.mounts.borrow();
        for mount in &*mounts {
            let Some(path) = mount.path_of(target) else { continue };
            let [if_match, if_none_match, if_modified_since, if_unmodified_since, if_range, range, accept] =
                [
                    "if-match",
                    "if-none-match",
                    "if-modified-since",
                    "if-unmodified-since",
                    "if-range",
                    "range",
                    "accept-encoding",
                ]
                .map(&field);
            let conditions = Conditions {
                if_match: if_match.as_deref(),
                if_none_match: if_none_match.as_deref(),
                if_modified_since: if_modified_since.as_deref(),
                if_unmodified_since: if_unmodified_since.as_deref(),
                if_range: if_range.as_deref(),
                range: range.as_deref(),
            };
            let accept = accept.as_deref();
            return match mount.answer(target, path, &conditions, accept, may_compress, self.boundary()) {
                Answer::Pass => continue,
                answer => Some(answer),
            };
        }
        None
    }

    /// The compressed bytes of a file, where they are kept; else `connection` is answered when they are made.
    pub(super) fn variant(&self, job: Job, connection: &Rc<Connection>) -> Option<Arc<Vec<u8>>> {
        let mut variants = self.variants.borrow_mut();
        let kept = variants.get(&job.key);
        if kept.is_none()
            && let Some(wake) = &*self.wake.borrow()
        {
            variants.make(job, Rc::downgrade(connection), wake.finished());
        }
        kept
    }

    fn compressed(&self, key: Key, bytes: Option<&Arc<Vec<u8>>>) {
        let waiting = self.variants.borrow_mut().made(key, bytes);
        for connection in waiting {
            connection.compressed(self, bytes);
        }
    }

    /// Answers the request of connection `id` with a file. Returns status and bytes of all that is sent.
    ///
    /// # Errors
    /// The system's: nothing was sent.
    pub fn send_file(&self, id: u32, send: SendFile<'_>) -> io::Result<(u16, u64)> {
        let gone = || io::Error::from_raw_os_error(32);
        let stream = self.stream(id);
        let connection = match &stream {
            Some((connection, _)) => Rc::clone(connection),
            None => self.get(id).ok_or_else(gone)?,
        };
        let (plan, file) =
            files::open_file(send.path, &send.conditions, send.content_type, &send.policy, self.boundary())?;
        let status = plan.status;
        if let Some((_, stream)) = stream {
            let answer =
                |session: &mut Session| session.answer(self, stream, send.head_only, plan, Some(file));
            let bytes = connection.with_session(answer).ok_or_else(gone)?;
            connection.go_on_http2(self);
            return Ok((status, bytes));
        }
        let head = Answered { head_only: send.head_only, keep_alive: send.keep_alive };
        Ok((status, connection.send_answer(self, &head, plan, Some(file))))
    }

    /// Moves up to `most` bytes of an operator's output into connection `id`, as one chunk where `chunked`.
    pub fn take_output(&self, id: u32, operator: &Arc<Operator>, most: usize, chunked: bool) -> ReadOutcome {
        let stream = self.stream(id);
        let connection = match &stream {
            Some((connection, _)) => Some(Rc::clone(connection)),
            None => self.get(id),
        };
        let Some(connection) = connection else { return ReadOutcome::Empty };
        let mut scratch = self.scratch.borrow_mut();
        if scratch.len() < most {
            scratch.resize(most, 0);
        }
        let outcome = operator.read(&mut scratch[..most]);
        if let (ReadOutcome::Bytes(bytes), Some((_, stream))) = (outcome, stream) {
            connection.with_session(|session| session.send(stream, &scratch[..bytes]));
            connection.go_on_http2(self);
        } else if let ReadOutcome::Bytes(bytes) = outcome {
            let data = IoSlice::new(&scratch[..bytes]);
            if chunked {
                let head = format!("{bytes:x}\r\n");
                connection.send(self, &[IoSlice::new(head.as_bytes()), data, IoSlice::new(b"\r\n")]);
            } else {
                connection.send(self, &[data]);
            }
        }
        outcome
    }

    /// From now on the body that connection `id` receives goes into `operator`'s inbox. Returns whether it does: not where
    /// none comes, or records wait that may hold earlier bytes of it.
    pub fn link_upload(&self, id: u32, operator: &Arc<Operator>) -> bool {
        let Some(connection) = self.get(id) else { return false };
        self.batch.borrow().is_empty() && connection.link_upload(self, operator)
    }

    /// What comes from now on of the body goes to JavaScript.
    pub fn unlink_upload(&self, id: u32) {
        if let Some(connection) = self.get(id) {
            connection.unlink_upload(self);
        }
    }

    /// Bytes of bodies that went from connection `id` straight to operators.
    pub fn fed(&self, id: u32) -> u64 {
        self.get(id).map_or(0, |connection| connection.fed())
    }

    /// Tells connection `id` that an inbox has room.
    pub(super) fn room_bell(&self, id: u32) -> Option<OnRoom> {
        let finished = self.wake.borrow().as_ref()?.finished();
        Some(Arc::new(move || finished.add((id, Done::Room))))
    }

    /// Puts an answer into an outbox. A small file is read at once, where that does not wait, so that it leaves with its
    /// head.
    pub(super) fn lay_out(&self, outbox: &mut Outbox, head: &Answered, plan: Plan, file: Option<OwnedFd>) {
        let mut bytes = Vec::with_capacity(plan.fields.len() + 160 + plan.length.min(SMALL_FILE) as usize);
        let keep_alive = self.config.get().timeouts.keep_alive;
        bytes.extend_from_slice(
            format!("HTTP/1.1 {} {}\r\n{}Date: ", plan.status, reason(plan.status), plan.fields).as_bytes(),
        );
        self.with_date(|date| bytes.extend_from_slice(date.as_bytes()));
        match keep_alive {
            _ if !head.keep_alive => bytes.extend_from_slice(b"\r\nConnection: close\r\n\r\n"),
            Some(limit) => {
                // As in Node, a second more is granted than is promised.
                let seconds = limit.as_secs().saturating_sub(1);
                bytes.extend_from_slice(
                    format!("\r\nConnection: keep-alive\r\nKeep-Alive: timeout={seconds}\r\n\r\n").as_bytes(),
                );
            }
            None => bytes.extend_from_slice(b"\r\nConnection: keep-alive\r\n\r\n"),
        }
        if head.head_only {
            outbox.push(bytes);
            return;
        }
        let file = file.map(Arc::new);
        for piece in plan.body {
            match (piece, &file) {
                (Piece::Bytes(more), _) => bytes.extend_from_slice(&more),
                (Piece::Shared(more), _) if more.len() as u64 <= SMALL_FILE => bytes.extend_from_slice(&more),
                (Piece::Shared(more), _) => {
                    outbox.push(std::mem::take(&mut bytes));
                    outbox.push_shared(more, 0);
                }
                (Piece::File(range), Some(file)) => {
                    let small = range.end - range.start <= SMALL_FILE;
                    if !small || !read_now(file, range.start, (range.end - range.start) as usize, &mut bytes)
                    {
                        outbox.push(std::mem::take(&mut bytes));
                        outbox.push_file(Arc::clone(file), range.start, range.end);
                    }
                }
                (Piece::File(_), None) => {}
            }
        }
        outbox.push(bytes);
    }

    pub(super) fn with_date(&self, see: impl FnOnce(&str)) {
        let now = SystemTime::now();
        let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut date = self.date.borrow_mut();
        if date.0 != second {
            *date = (second, httpdate::fmt_http_date(now));
        }
        see(&date.1);
    }

    /// A number that a peer cannot foretell, and so cannot put into a file beforehand.
    fn boundary(&self) -> u64 {
        self.random.hash_one(Instant::now())
    }

    /// Reads bytes of a file into the page cache on an I/O thread. One at a time for each connection.
    pub(super) fn fetch(&self, id: u32, file: Arc<OwnedFd>, offset: u64, bytes: u64) {
        let Some(finished) = self.wake.borrow().as_ref().map(|wake| wake.finished()) else { return };
        crate::flow::on_io_thread(Box::new(move || {
            let mut scratch = vec![0; (bytes as usize).min(256 << 10)];
            let mut at = offset;
            while at < offset + bytes {
                match rustix::io::pread(&*file, &mut scratch, at) {
                    Ok(0) => break,
                    Ok(read) => at += read as u64,
                    Err(rustix::io::Errno::INTR) => {}
                    // sendfile(2) meets it again, and tells.
                    Err(_) => break,
                }
            }
            finished.add((id, Done::Warmed(bytes)));
        }));
    }

    /// Bytes of a connection that wait to be sent.
    pub fn pending(&self, id: u32) -> u64 {
        if let Some((connection, stream)) = self.stream(id) {
            return connection.with_session(|session| session.pending(stream)).unwrap_or(0);
        }
        self.get(id).map_or(0, |connection| connection.pending())
    }

    /// Sets `TCP_NODELAY` of a connection.
    pub fn set_no_delay(&self, id: u32, on: bool) {
        if let Some(connection) = self.get(id) {
            // Not a TCP socket: there is no delay.
            let _ = connection.with_socket(|socket| rustix::net::sockopt::set_tcp_nodelay(socket, on));
        }
    }

    fn release(&self, id: u32) {
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.all.get_mut(id as usize) else { return };
        if let Some(connection) = slot.take() {
            connection.close(self);
            slots.free.push(id);
        }
    }

    /// Does what JavaScript asks, in order. Bytes of one connection that follow each other leave in one system call.
    pub fn apply(&self, commands: &[Words], slab: &[u8], buffers: &[&[u8]]) {
        let mut parts: Vec<IoSlice<'_>> = Vec::new();
        let mut rest = commands;
        // Connections whose streams were spoken of: what is asked of them leaves together.
        let mut streams: Vec<Rc<Connection>> = Vec::new();
        while let Some(&[word, id, first, second]) = rest.first() {
            if id & STREAM != 0 {
                self.apply_to_stream(rest[0], slab, buffers, &mut streams);
                rest = &rest[1..];
                continue;
            }
            parts.clear();
            let mut count = 0;
            // The run of writes to this connection.
            for &[word, other, place, length] in rest.iter().take_while(|words| words[1] == id) {
                let bytes = match Command::from_word(word) {
                    Some(Command::Write) => slab.get(place as usize..).and_then(|b| b.get(..length as usize)),
                    Some(Command::WriteBuffer) => buffers.get(place as usize).copied(),
                    _ => break,
                };
                debug_assert_eq!(other, id);
                parts.push(IoSlice::new(bytes.unwrap_or_default()));
                count += 1;
            }
            let Some(connection) = self.get(id) else {
                rest = &rest[count.max(1)..];
                continue;
            };
            if count > 0 {
                connection.send(self, &parts);
                rest = &rest[count..];
                continue;
            }
            match Command::from_word(word) {
                Some(Command::Respond) => connection.respond(self, first != 0),
                Some(Command::Pause) => connection.set_paused(self, true),
                Some(Command::Resume) => connection.set_paused(self, false),
                Some(Command::Finish) => connection.finish(self),
                Some(Command::Destroy) => self.release(id),
                Some(Command::Detach) => connection.decide(self, true),
                Some(Command::Ignore) => connection.decide(self, false),
                Some(Command::GoAway) => drop(connection.go_away(self)),
                Some(Command::Write | Command::WriteBuffer | Command::Head | Command::Trailers) | None => {}
            }
            let _ = second;
            rest = &rest[1..];
        }
        for connection in streams {
            connection.go_on_http2(self);
        }
    }

    fn apply_to_stream(
        &self,
        [word, id, first, second]: Words,
        slab: &[u8],
        buffers: &[&[u8]],
        touched: &mut Vec<Rc<Connection>>,
    ) {
        let Some(command) = Command::from_word(word) else { return };
        if let Some((connection, stream)) = self.stream(id) {
            let bytes = match command {
                Command::WriteBuffer => buffers.get(first as usize).copied(),
                Command::Write | Command::Head | Command::Trailers => {
                    slab.get(first as usize..).and_then(|bytes| bytes.get(..second as usize))
                }
                _ => None,
            };
            let bytes = bytes.unwrap_or_default();
            connection.with_session(|session| session.command(self, stream, command, first, bytes));
            if !touched.last().is_some_and(|last| Rc::ptr_eq(last, &connection)) {
                touched.push(connection);
            }
        }
        if command == Command::Destroy {
            self.streams().release(id);
        }
    }
}

/// A file of up to so many bytes is read into memory with its head before it.
const SMALL_FILE: u64 = 64 << 10;

/// Reads bytes `offset..offset + bytes` of `file` behind `target`, where they are in memory. Otherwise `target` is as it was.
pub(super) fn read_now(file: &OwnedFd, offset: u64, bytes: usize, target: &mut Vec<u8>) -> bool {
    let before = target.len();
    target.resize(before + bytes, 0);
    let parts = &mut [IoSliceMut::new(&mut target[before..])];
    let read = rustix::io::preadv2(file, parts, offset, rustix::io::ReadWriteFlags::NOWAIT);
    if read != Ok(bytes) {
        target.truncate(before);
    }
    read == Ok(bytes)
}

/// A list that may come in several fields.
fn joined<'a>(head: &Head, input: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    let mut values = head
        .headers
        .iter()
        .filter(|field| field.name.get(input).eq_ignore_ascii_case(name.as_bytes()))
        .map(|field| field.value.get(input));
    let first = values.next()?;
    let mut all = Cow::Borrowed(first);
    for more in values {
        all.to_mut().extend_from_slice(b", ");
        all.to_mut().extend_from_slice(more);
    }
    Some(all)
}

impl Accepts for Engine {
    fn accepted(self: Rc<Self>, socket: OwnedFd, now: Instant) {
        self.accept(socket, now);
    }

    fn out_of_descriptors(&self) {
        self.dropped.set(self.dropped.get().saturating_add(1));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close_listeners();
        if let Some(wake) = self.wake.take() {
            wake.close(&self.reactor);
        }
        let all = std::mem::take(&mut self.slots.get_mut().all);
        for connection in all.into_iter().flatten() {
            connection.close(self);
        }
    }
}
