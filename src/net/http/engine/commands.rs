//! What JavaScript asks of connections and streams, and bytes that go past it.

use super::*;
use crate::flow::{OnRoom, Operator, ReadOutcome};
use crate::net::http::command::{Command, Words};
use crate::net::http::http2::Session;
use std::io::IoSlice;

impl Engine {
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

    /// From now on the body that connection or stream `id` receives goes into `operator`'s inbox. Returns whether it does:
    /// not where none comes, or records wait that may hold earlier bytes of it.
    pub fn link_upload(&self, id: u32, operator: &Arc<Operator>) -> bool {
        if !self.batch.borrow().is_empty() {
            return false;
        }
        let Some((connection, stream)) = self.stream(id) else {
            return self.get(id).is_some_and(|connection| connection.link_upload(self, operator));
        };
        let Some(on_room) = self.room_bell(id) else { return false };
        let link = |session: &mut Session| session.link_upload(stream, operator, on_room);
        let linked = connection.with_session(link).unwrap_or(false);
        connection.go_on_http2(self);
        linked
    }

    /// What comes from now on of the body goes to JavaScript.
    pub fn unlink_upload(&self, id: u32) {
        if let Some((connection, stream)) = self.stream(id) {
            connection.with_session(|session| session.unlink_upload(stream));
            connection.go_on_http2(self);
        } else if let Some(connection) = self.get(id) {
            connection.unlink_upload(self);
        }
    }

    /// Bytes of bodies that went from connection or stream `id` straight to operators.
    pub fn fed(&self, id: u32) -> u64 {
        if let Some((connection, stream)) = self.stream(id) {
            return connection.with_session(|session| session.fed(stream)).unwrap_or(0);
        }
        self.get(id).map_or(0, |connection| connection.fed())
    }

    /// Tells connection `id` that an inbox has room.
    pub(in super::super) fn room_bell(&self, id: u32) -> Option<OnRoom> {
        let finished = self.wake.borrow().as_ref()?.finished();
        Some(Arc::new(move || finished.add((id, Done::Room))))
    }
}
