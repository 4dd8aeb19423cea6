//! Answers with files, for requests that JavaScript never sees and for those that it answers so.

use super::*;
use crate::codec::http_files::{Conditions, Piece, Plan, Policy, reason};
use crate::codec::http1::Head;
use crate::net::http::CompressOptions;
use crate::net::http::files::{self, Answer, Mount};
use crate::net::http::http2::Session;
use crate::net::http::outbox::Outbox;
use crate::net::http::variants::{Job, Key, Variant, Waiter};
use std::borrow::Cow;
use std::hash::BuildHasher;
use std::io::IoSliceMut;
use std::time::SystemTime;

/// What the head of an answer depends on.
pub(in super::super) struct Answered {
    /// The body is not sent.
    pub head_only: bool,
    /// The connection stays.
    pub keep_alive: bool,
}

/// What a request for a file is answered with.
pub(in super::super) enum FileAnswer {
    /// This; with the file that it speaks of.
    Ready(Plan, Option<OwnedFd>),
    /// This, when the body is compressed: whoever asked is told.
    Awaited(Plan),
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
    /// `Accept-Encoding` of the request.
    pub accept: Option<&'a [u8]>,
    /// Text is compressed while it is sent.
    pub compress: Option<CompressOptions>,
    /// To HEAD.
    pub head_only: bool,
    /// The connection stays.
    pub keep_alive: bool,
}

impl Engine {
    /// Serves files from now on. A longer prefix comes before a shorter one.
    pub fn mount(&self, mount: Mount) {
        let mut mounts = self.mounts.borrow_mut();
        mounts.push(mount);
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.prefix_bytes()));
    }

    /// The answer to a request for a file, where it is one.
    pub(in super::super) fn answer_file(
        &self,
        head: &Head,
        input: &[u8],
        connection: u32,
    ) -> Option<FileAnswer> {
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
        let target = head.target.get(input);
        let find = |may_compress| self.find_file(target, may_compress, |name| joined(head, input, name));
        self.settle_file(find, connection, None)
    }

    /// Has the file compressed that was found, where it is to be.
    fn settle_file(
        &self,
        find: impl Fn(bool) -> Option<Answer>,
        connection: u32,
        stream: Option<StreamId>,
    ) -> Option<FileAnswer> {
        let mut may_compress = true;
        loop {
            return match find(may_compress)? {
                Answer::Plan(plan, file) => Some(FileAnswer::Ready(plan, file)),
                Answer::Compressed(plan, job) => match self.variant(job, connection, stream)? {
                    Variant::Kept(bytes) => Some(FileAnswer::Ready(plan.with_body(bytes), None)),
                    Variant::Awaited => Some(FileAnswer::Awaited(plan)),
                    Variant::Busy => {
                        may_compress = false;
                        continue;
                    }
                },
                Answer::Pass => None,
            };
        }
    }

    /// The same for a request of HTTP/2 without a body.
    pub(in super::super) fn answer_file_fields(
        &self,
        method: &http::Method,
        target: &[u8],
        fields: &http::HeaderMap,
        (connection, stream): (u32, StreamId),
    ) -> Option<FileAnswer> {
        if !matches!(*method, http::Method::GET | http::Method::HEAD)
            || fields.contains_key(http::header::EXPECT)
        {
            return None;
        }
        let field = |name: &str| {
            let mut values = fields.get_all(name).iter().map(|value| value.as_bytes());
            let first = Cow::Borrowed(values.next()?);
            Some(values.fold(first, |all, more| Cow::Owned([&*all, b", ", more].concat())))
        };
        let find = |may_compress| self.find_file(target, may_compress, field);
        self.settle_file(find, connection, Some(stream))
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

    /// The compressed bytes of a file, where they are kept; else whoever asks is told when they are made.
    fn variant(&self, job: Job, connection: u32, stream: Option<StreamId>) -> Option<Variant> {
        let connection = Rc::downgrade(&self.get(connection)?);
        let finished = self.wake.borrow().as_ref()?.finished();
        Some(self.variants.borrow_mut().ask(job, Waiter { connection, stream }, finished))
    }

    pub(super) fn compressed(&self, key: Key, bytes: Option<&Arc<Vec<u8>>>) {
        let waiters = self.variants.borrow_mut().made(key, bytes);
        for Waiter { connection, stream } in waiters {
            match (connection.upgrade(), stream) {
                (Some(connection), Some(stream)) => connection.compressed_stream(self, stream, bytes),
                (Some(connection), None) => connection.compressed(self, bytes),
                (None, _) => {}
            }
        }
    }

    /// Answers the request of connection `id` with a file. Returns status and bytes of all that is sent; what is awaited
    /// counts as one.
    ///
    /// # Errors
    /// The system's: nothing was sent.
    pub fn send_file(&self, id: u32, send: &SendFile<'_>) -> io::Result<(u16, u64)> {
        let gone = || io::Error::from_raw_os_error(32);
        let stream = self.stream(id);
        let connection = match &stream {
            Some((connection, _)) => Rc::clone(connection),
            None => self.get(id).ok_or_else(gone)?,
        };
        let stream = stream.map(|(_, stream)| stream);
        let found = files::open_file(send, true, self.boundary())?;
        let found = Cell::new(Some(found));
        let find = |may_compress| match found.take() {
            Some(found) if may_compress => Some(found),
            _ => files::open_file(send, false, self.boundary()).ok(),
        };
        let answer = self.settle_file(find, connection.id, stream).ok_or_else(gone)?;
        let head = Answered { head_only: send.head_only, keep_alive: send.keep_alive };
        Ok(match (answer, stream) {
            (FileAnswer::Ready(plan, file), Some(stream)) => {
                let status = plan.status;
                let answer = |session: &mut Session| session.answer(self, stream, head.head_only, plan, file);
                let bytes = connection.with_session(answer).ok_or_else(gone)?;
                connection.go_on_http2(self);
                (status, bytes)
            }
            (FileAnswer::Awaited(plan), Some(stream)) => {
                let status = plan.status;
                let wait = |session: &mut Session| session.await_answer(stream, head.head_only, plan);
                connection.with_session(wait).ok_or_else(gone)?;
                (status, 1)
            }
            (FileAnswer::Ready(plan, file), None) => {
                (plan.status, connection.send_answer(self, &head, plan, file))
            }
            (FileAnswer::Awaited(plan), None) => {
                let status = plan.status;
                connection.await_answer(head, plan);
                (status, 1)
            }
        })
    }

    /// Puts an answer into an outbox. A small file is read at once, where that does not wait, so that it leaves with its
    /// head.
    pub(in super::super) fn lay_out(
        &self,
        outbox: &mut Outbox,
        head: &Answered,
        plan: Plan,
        file: Option<OwnedFd>,
    ) {
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

    pub(in super::super) fn with_date(&self, see: impl FnOnce(&str)) {
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
    pub(in super::super) fn fetch(&self, id: u32, file: Arc<OwnedFd>, offset: u64, bytes: u64) {
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
}

/// A file of up to so many bytes is read into memory with its head before it.
const SMALL_FILE: u64 = 64 << 10;

/// Reads bytes `offset..offset + bytes` of `file` behind `target`, where they are in memory. Otherwise `target` is as it was.
pub(in super::super) fn read_now(file: &OwnedFd, offset: u64, bytes: usize, target: &mut Vec<u8>) -> bool {
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
