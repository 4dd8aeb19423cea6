//! Bodies of requests: to JavaScript, or straight into an operator's inbox.

use super::super::connection::Upload;
use super::super::engine::Engine;
use super::session::Session;
use crate::flow::{OnRoom, Operator};
use crate::net::h2::StreamId;
use std::sync::Arc;

impl Session {
    /// Bytes of a body came. Once the stream's credit is used up the peer's window stays shut until it is renewed.
    pub(super) fn data(&mut self, engine: &Engine, stream: StreamId, data: &[u8], credit: usize) {
        let renewed = self.config.limits.credit;
        match self.streams.get_mut(&stream) {
            Some(open) if !open.native => match &mut open.upload {
                Some(upload) => {
                    upload.feed(data);
                    open.fed_bytes += data.len() as u64;
                    open.exhausted = credit == 0 && upload.full;
                    if credit == 0 && !upload.full {
                        self.h2.allow(stream, renewed);
                    }
                }
                None => engine.batch().stream_data(open.id, data, credit == 0),
            },
            // Of a request that is answered here.
            _ => self.h2.allow(stream, renewed),
        }
    }

    /// From now on the body that comes in goes into `operator`'s inbox. Returns whether it does: not where none comes.
    pub fn link_upload(&mut self, stream: StreamId, operator: &Arc<Operator>, on_room: OnRoom) -> bool {
        let Some(open) = self.streams.get_mut(&stream).filter(|open| !open.complete) else { return false };
        // The one before ends its feeding before this begins.
        open.upload = None;
        open.upload = Some(Upload::new(operator, on_room));
        self.h2.allow(stream, self.config.limits.credit);
        true
    }

    /// What comes from now on goes to JavaScript.
    pub fn unlink_upload(&mut self, stream: StreamId) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        if open.upload.take().is_some() && std::mem::take(&mut open.exhausted) {
            self.h2.allow(stream, self.config.limits.credit);
        }
    }

    /// An inbox has room again, or had.
    pub fn room(&mut self, stream: StreamId) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        let Some(upload) = &mut open.upload else { return };
        upload.full = false;
        if std::mem::take(&mut open.exhausted) {
            self.h2.allow(stream, self.config.limits.credit);
        }
    }

    /// Bytes of a stream's body that went straight to operators.
    pub fn fed(&self, stream: StreamId) -> u64 {
        self.streams.get(&stream).map_or(0, |open| open.fed_bytes)
    }
}
