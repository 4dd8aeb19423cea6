//! permessage-deflate (RFC 7692): each message is a raw deflate stream that ends with an empty stored block, of which the
//! four bytes `00 00 ff ff` are left out.

use libz_rs_sys as z;

use super::{WsError, WsErrorKind};
use crate::codec::CodecError;
use crate::codec::deflate::engine::{Deflater, FORGOTTEN, Inflater};

/// What a sender leaves out at a message's end, and a receiver adds.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Output in one step of the engines.
const STEP_BYTES: usize = 16 << 10;

/// What a handshake agreed on, from one end's point of view, and how this end compresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeflateParams {
    /// This end begins each message anew (`server_no_context_takeover` for a server).
    pub own_no_context_takeover: bool,
    /// The peer does.
    pub peer_no_context_takeover: bool,
    /// Binary logarithm of this end's window, 8 to 15.
    pub own_window_bits: u8,
    /// Of the peer's.
    pub peer_window_bits: u8,
    /// zlib's level, -1 to 9. Defaults to -1 (6).
    pub level: i8,
    /// zlib's `memLevel`, 1 to 9. Defaults to 8.
    pub mem_level: u8,
    /// zlib's strategy, 0 to 4. Defaults to 0.
    pub strategy: u8,
}

impl Default for DeflateParams {
    fn default() -> Self {
        Self {
            own_no_context_takeover: false,
            peer_no_context_takeover: false,
            own_window_bits: 15,
            peer_window_bits: 15,
            level: -1,
            mem_level: 8,
            strategy: 0,
        }
    }
}

/// Compresses the messages of one connection, or of many that share frames (without context takeover).
pub struct MessageDeflater {
    engine: Deflater,
    no_context_takeover: bool,
}

impl MessageDeflater {
    /// A compressor for this end of `params`.
    ///
    /// # Errors
    /// `ZStream` for parameters out of range, `ZMem`.
    pub fn new(params: &DeflateParams) -> Result<Self, CodecError> {
        // A raw stream of zlib's has a window of 512 bytes at least; Node makes 9 of 8, too.
        let window = i32::from(params.own_window_bits).max(9);
        let engine = Deflater::new(
            i32::from(params.level),
            window,
            i32::from(params.mem_level),
            i32::from(params.strategy),
        )?;
        Ok(Self { engine, no_context_takeover: params.own_no_context_takeover })
    }

    /// Begins anew: the next message refers to nothing that was sent before, so that frames of another compressor may
    /// stand between.
    pub fn forget(&mut self) {
        self.engine.reset();
    }

    /// Appends the compressed payload of a frame: of a whole message, or of a fragment, of which only the last is `fin`.
    pub fn compress(&mut self, payload: &[u8], fin: bool, out: &mut Vec<u8>) {
        let start = out.len();
        let mut rest = payload;
        loop {
            let before = out.len();
            let call = self.engine.deflate(rest, z::Z_SYNC_FLUSH, out, STEP_BYTES);
            rest = &rest[call.consumed..];
            if rest.is_empty() && out.len() - before < STEP_BYTES {
                break;
            }
        }
        if fin {
            if out[start..].ends_with(&TAIL) {
                out.truncate(out.len() - TAIL.len());
            }
            // A flush of nothing after a flush writes nothing, but a message has a byte (RFC 7692 section 7.2.3.6).
            if out.len() == start {
                out.push(0);
            }
            if self.no_context_takeover {
                self.engine.reset();
            }
        }
    }
}

/// Decompresses the messages of one connection.
pub(super) struct MessageInflater {
    window_bits: u8,
    no_context_takeover: bool,
    /// Made with the first compressed message: an idle connection has none.
    engine: Option<Inflater>,
    /// The peer ended its deflate stream inside this frame: what follows in the frame is ignored, as `ws` does.
    ended: bool,
}

impl MessageInflater {
    pub fn new(params: &DeflateParams) -> Self {
        Self {
            window_bits: params.peer_window_bits,
            no_context_takeover: params.peer_no_context_takeover,
            engine: None,
            ended: false,
        }
    }

    /// Appends what `payload` unpacks to. `most` is how long `out` may get, in bytes.
    pub fn inflate(&mut self, payload: &[u8], out: &mut Vec<u8>, most: usize) -> Result<(), WsError> {
        if self.ended {
            return Ok(());
        }
        let engine = match &mut self.engine {
            Some(engine) => engine,
            none => none.insert(
                Inflater::new(-i32::from(self.window_bits.max(9)))
                    .map_err(|error| WsError::new(WsErrorKind::Deflate, error.message))?,
            ),
        };
        let mut rest = payload;
        loop {
            // One byte beyond the limit tells that there is more.
            let room = STEP_BYTES.min(most.saturating_sub(out.len()).saturating_add(1));
            let before = out.len();
            let call = engine.inflate_once(rest, out, room);
            rest = &rest[call.consumed..];
            let produced = out.len() - before;
            if out.len() > most {
                return Err(WsError::too_large());
            }
            match call.code {
                z::Z_STREAM_END => {
                    self.ended = true;
                    return Ok(());
                }
                z::Z_OK | z::Z_BUF_ERROR => {}
                _ => {
                    let message = engine.message().filter(|&text| text != FORGOTTEN);
                    let message = message.unwrap_or("invalid compressed data");
                    return Err(WsError::new(WsErrorKind::Deflate, message));
                }
            }
            // With room left, the engine stopped for want of input; without progress it never will go on.
            if produced < room && (rest.is_empty() || (call.consumed == 0 && produced == 0)) {
                return Ok(());
            }
        }
    }

    /// The frame is over, and with `fin` its message.
    pub fn end_frame(&mut self, fin: bool, out: &mut Vec<u8>, most: usize) -> Result<(), WsError> {
        if fin {
            self.inflate(&TAIL, out, most)?;
        }
        if self.ended {
            self.ended = false;
            self.reset();
        } else if fin && self.no_context_takeover {
            self.reset();
        }
        Ok(())
    }

    fn reset(&mut self) {
        if self.no_context_takeover {
            // Nothing is remembered, so nothing needs to be held by an idle connection.
            self.engine = None;
        } else if let Some(engine) = &mut self.engine {
            engine.reset();
        }
    }
}
