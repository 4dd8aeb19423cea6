//! Whole buffers in one call on the JS thread.

use super::operator::describe;
use super::spec;
use crate::codec::deflate::{DeflateOptions, InflateOptions, compress, compress_until, decompress};
use crate::codec::{CodecError, Directive, FlushKind};
use crate::flow::Failure;
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// What a [`Codec`] does.
pub enum Direction {
    /// Compresses.
    Deflate(DeflateOptions),
    /// Decompresses.
    Inflate(InflateOptions),
}

/// Options that were read once, for any number of calls. It holds no engine: those are kept for all.
#[napi]
pub struct Codec {
    direction: Direction,
    /// A result that did not fit into its target.
    result: Vec<u8>,
    consumed: usize,
    failure: Option<String>,
}

#[napi]
impl Codec {
    /// For the stage that `spec` (JSON, as `Operator` takes it) describes.
    #[napi(constructor, catch_unwind)]
    pub fn new(spec: String, blob: Option<&[u8]>) -> Result<Self> {
        let direction = spec::direction(&spec, blob.unwrap_or_default())
            .map_err(|reason| Error::new(Status::InvalidArg, reason))?;
        Ok(Self { direction, result: Vec::new(), consumed: 0, failure: None })
    }

    /// Works off `input`, which ends as the flush `kind` of zlib says (4 for a proper end), and gives the size of the
    /// result, at most `max_output` bytes. The result is in `target` where that has room for it, and else waits for
    /// `take`. -1 for a failure, which `failure` describes.
    #[napi(catch_unwind)]
    pub fn run(&mut self, input: &[u8], mut target: BufferSlice, kind: u32, max_output: f64) -> f64 {
        match self.work(input, kind, max_output as usize) {
            Ok(result) => {
                let bytes = result.len();
                match target.get_mut(..bytes) {
                    Some(room) => room.copy_from_slice(&result),
                    None => self.result = result,
                }
                bytes as f64
            }
            Err(error) => {
                self.failure = Some(describe(&Failure::from(error)));
                -1.0
            }
        }
    }

    /// Moves the waiting result to `target`.
    #[napi(catch_unwind)]
    pub fn take(&mut self, mut target: BufferSlice) {
        let result = std::mem::take(&mut self.result);
        let bytes = result.len().min(target.len());
        target[..bytes].copy_from_slice(&result[..bytes]);
    }

    /// Bytes of the last input that belong to the compressed data; all, where it was compressed.
    #[napi(catch_unwind)]
    pub fn consumed(&self) -> f64 {
        self.consumed as f64
    }

    /// The last failure, as `Operator.failure()` gives it.
    #[napi(catch_unwind)]
    pub fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }
}

impl Codec {
    fn work(&mut self, input: &[u8], kind: u32, max: usize) -> std::result::Result<Vec<u8>, CodecError> {
        self.consumed = input.len();
        match &self.direction {
            Direction::Deflate(options) => match directive(kind) {
                Directive::Finish => compress(options, input, max),
                other => compress_until(options, input, other, max),
            },
            Direction::Inflate(options) => {
                let plain = decompress(options, input, max)?;
                self.consumed = plain.consumed;
                Ok(plain.bytes)
            }
        }
    }
}

/// zlib's numbers of the flush kinds.
fn directive(kind: u32) -> Directive {
    match kind {
        0 => Directive::Run,
        1 => Directive::Flush(FlushKind::Partial),
        2 => Directive::Flush(FlushKind::Sync),
        3 => Directive::Flush(FlushKind::Full),
        5 => Directive::Flush(FlushKind::Block),
        _ => Directive::Finish,
    }
}
