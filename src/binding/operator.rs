//! One operator, as JavaScript holds it. The collector's finalizer destroys it.

use super::doorbell::Doorbell;
use super::spec;
use crate::codec::FlushKind;
use crate::flow::{self, Control, Failure, FailureKind, ReadOutcome};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use serde_json::json;
use std::sync::Arc;

/// A native stage, source or sink at work.
#[napi]
pub struct Operator {
    inner: Arc<flow::Operator>,
}

impl Operator {
    pub(super) fn inner(&self) -> &Arc<flow::Operator> {
        &self.inner
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.inner.destroy();
    }
}

#[napi]
impl Operator {
    /// Makes what `spec` (JSON, see `binding/spec.rs`) describes; `blob` holds its bytes: a path or a dictionary.
    #[napi(constructor, catch_unwind)]
    pub fn new(bell: &Doorbell, id: u32, spec: String, blob: Option<&[u8]>) -> Result<Self> {
        let (driver, bounds) = spec::build(&spec, blob.unwrap_or_default())
            .map_err(|reason| Error::new(Status::InvalidArg, reason))?;
        Ok(Self { inner: flow::Operator::new(id, bell.post(), bounds, driver) })
    }

    /// Copies a chunk into the inbox; `false` where a writer should wait for `WRITABLE`.
    #[napi(catch_unwind)]
    pub fn write(&self, chunk: &[u8]) -> bool {
        self.inner.write(chunk)
    }

    /// Does what was gathered in this tick.
    #[napi(catch_unwind)]
    pub fn kick(&self) -> bool {
        self.inner.kick()
    }

    /// A source may begin.
    #[napi(catch_unwind)]
    pub fn want(&self) {
        self.inner.want();
    }

    /// Copies output into `target`: the number of bytes, 0 for nothing now, -1 at the end, `-2 - ticket` for a mark.
    #[napi(catch_unwind)]
    pub fn read(&self, mut target: BufferSlice) -> i64 {
        match self.inner.read(&mut target) {
            ReadOutcome::Bytes(n) => n as i64,
            ReadOutcome::Empty => 0,
            ReadOutcome::End => -1,
            ReadOutcome::Mark(ticket) => -2 - i64::from(ticket),
        }
    }

    /// Bytes that `read` can give before the next mark.
    #[napi(catch_unwind)]
    pub fn readable_bytes(&self) -> u32 {
        u32::try_from(self.inner.readable_bytes()).unwrap_or(u32::MAX)
    }

    /// Bytes that `read` can give in whole rows: about `most` at the most, or one row that is longer.
    #[napi(catch_unwind)]
    pub fn readable_rows(&self, most: u32) -> u32 {
        u32::try_from(self.inner.readable_rows(most as usize)).unwrap_or(u32::MAX)
    }

    /// Flushes (0 partial, 1 sync, 2 full, 3 block); the ticket comes back as a mark.
    #[napi(catch_unwind)]
    pub fn flush(&self, kind: u32, ticket: u32) {
        let kind = match kind {
            0 => FlushKind::Partial,
            2 => FlushKind::Full,
            3 => FlushKind::Block,
            _ => FlushKind::Sync,
        };
        self.inner.control(Control::Flush(kind, ticket));
    }

    /// zlib's `params`.
    #[napi(catch_unwind)]
    pub fn params(&self, level: i32, strategy: i32, ticket: u32) {
        self.inner.control(Control::Params(level, strategy, ticket));
    }

    /// Ends the format, but not the stream; the ticket comes back as a mark.
    #[napi(catch_unwind)]
    pub fn finish(&self, ticket: u32) {
        self.inner.control(Control::Finish(ticket));
    }

    /// A mark behind all input so far.
    #[napi(catch_unwind)]
    pub fn mark(&self, ticket: u32) {
        self.inner.control(Control::Mark(ticket));
    }

    /// The next mark that passed while linked, or -1.
    #[napi(catch_unwind)]
    pub fn take_mark(&self) -> i64 {
        self.inner.take_mark().map_or(-1, i64::from)
    }

    /// zlib's `reset`.
    #[napi(catch_unwind)]
    pub fn reset(&self) {
        self.inner.control(Control::Reset);
    }

    /// Asks for `DRAINED` once all input so far is worked off.
    #[napi(catch_unwind)]
    pub fn drain(&self) {
        self.inner.control(Control::Drain);
    }

    /// No more input.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        self.inner.control(Control::End);
    }

    /// From now on output goes to `next`.
    #[napi(catch_unwind)]
    pub fn link(&self, next: &Operator) {
        self.inner.link(&next.inner);
    }

    /// Output comes to JavaScript again.
    #[napi(catch_unwind)]
    pub fn unlink(&self) {
        self.inner.unlink();
    }

    /// Whether output is counted and dropped, since nobody looks at it.
    #[napi(catch_unwind)]
    pub fn discard(&self, discards: bool) {
        self.inner.discard(discards);
    }

    /// Takes the rejected rows.
    #[napi(catch_unwind)]
    pub fn take_side<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        BufferSlice::copy_from(env, self.inner.take_side())
    }

    /// Drops all work and lets go of files.
    #[napi(catch_unwind)]
    pub fn destroy(&self) {
        self.inner.destroy();
    }

    /// Whether it is at work.
    #[napi(catch_unwind)]
    pub fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    /// Whether all output was given out.
    #[napi(catch_unwind)]
    pub fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }

    /// Bytes queued for it and by it.
    #[napi(catch_unwind)]
    pub fn queued_bytes(&self) -> u32 {
        let (inbox, outbox) = self.inner.queued_bytes();
        u32::try_from(inbox + outbox).unwrap_or(u32::MAX)
    }

    /// Input bytes that are not worked off yet.
    #[napi(catch_unwind)]
    pub fn inbox_bytes(&self) -> u32 {
        u32::try_from(self.inner.queued_bytes().0).unwrap_or(u32::MAX)
    }

    /// The open file's descriptor, or -1.
    #[napi(catch_unwind)]
    pub fn descriptor(&self) -> i64 {
        self.inner.descriptor()
    }

    /// Bytes that were given out and do not wait for JavaScript.
    #[napi(catch_unwind)]
    pub fn given(&self) -> i64 {
        self.inner.given() as i64
    }

    /// Ends an open(2) or a wait that may last forever.
    #[napi(catch_unwind)]
    pub fn interrupt(&self) {
        self.inner.interrupt();
    }

    /// Bytes that the codec consumed.
    #[napi(catch_unwind)]
    pub fn consumed(&self) -> i64 {
        self.inner.consumed() as i64
    }

    /// What followed the format's own end.
    #[napi(catch_unwind)]
    pub fn remainder(&self) -> Buffer {
        self.inner.remainder().into()
    }

    /// A tap's result, as JSON.
    #[napi(catch_unwind)]
    pub fn result(&self) -> Option<String> {
        self.inner.result()
    }

    /// The first error, as JSON: `{kind, message, offset?, line?, errno?, syscall?, path?, dest?}`.
    #[napi(catch_unwind)]
    pub fn failure(&self) -> Option<String> {
        self.inner.failure().map(|failure| describe(&failure))
    }

    /// The counters, into the bytes of a `Float64Array`: bytes in and out, rows in and out, rejects, busy, starved, held and life time in
    /// nanoseconds, bytes in the inbox, bytes in the outbox, and the bytes there at which somebody waits.
    #[napi(catch_unwind)]
    pub fn stats(&self, mut target: BufferSlice) {
        let m = self.inner.meter.read();
        let (inbox, outbox) = self.inner.queued_bytes();
        let (inbox_limit, outbox_limit) = self.inner.queue_limits();
        let values = [
            m.bytes_in,
            m.bytes_out,
            m.rows_in,
            m.rows_out,
            m.rejects,
            m.busy_ns,
            m.starved_ns,
            m.held_ns,
            m.life_ns,
            inbox as u64,
            outbox as u64,
            inbox_limit as u64,
            outbox_limit as u64,
        ];
        for (slot, value) in target.as_chunks_mut::<8>().0.iter_mut().zip(values) {
            *slot = (value as f64).to_ne_bytes();
        }
    }
}

/// A failure as JSON.
pub(super) fn describe(failure: &Failure) -> String {
    let mut text = json!({ "message": failure.message, "offset": failure.offset, "line": failure.line });
    match &failure.kind {
        FailureKind::Codec(kind) => text["kind"] = json!(format!("{kind:?}")),
        FailureKind::Io(io) => {
            text["kind"] = json!("Io");
            text["errno"] = json!(io.errno);
            text["syscall"] = json!(io.syscall);
            text["path"] = json!(io.path);
            text["dest"] = json!(io.dest);
        }
    }
    text.to_string()
}
