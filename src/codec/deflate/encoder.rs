//! Deflate with all of zlib's options and flushes, on one thread.

use libz_rs_sys as z;

use super::engine::Deflater;
use super::{DeflateOptions, Format};
use crate::codec::{CodecError, Directive, ErrorKind, FlushKind, Progress, SerialStage, Status};

/// Where a stream's framing stands; what one engine must know to go on with a stream that another began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramingState {
    /// The header is out.
    pub header_written: bool,
    /// Checksum of the plain bytes so far.
    pub check: u32,
    /// Plain bytes so far.
    pub total_in: u64,
}

impl FramingState {
    /// A stream that has not begun.
    pub fn new(format: Format) -> Self {
        Self { header_written: false, check: format.check_start(), total_in: 0 }
    }
}

/// Bytes that the engine is given at a time. What it makes of them depends on how they are cut, so the cuts are
/// always the same, whatever the pieces that arrive.
const PIECE: usize = 64 << 10;

/// Room for the engine's output, for the same reason. More than it ever makes of a piece and what it holds back.
const ROOM: usize = 256 << 10;

/// zlib's order of the flushes: one that is not above the last, without input in between, does nothing.
const fn rank(flush: i32) -> i32 {
    if flush > 4 { flush * 2 - 9 } else { flush * 2 }
}

/// Deflates one stream. Holds input back, as zlib does, until a flush or the end: about 100 KiB at most.
pub struct DeflateEncoder {
    options: DeflateOptions,
    engine: Deflater,
    framing: FramingState,
    /// Input that does not make a whole piece yet.
    gathered: Vec<u8>,
    /// Bytes to go out.
    pending: Vec<u8>,
    /// Bytes of `pending` that are out.
    pending_sent: usize,
    last_rank: i32,
    finished: bool,
}

impl DeflateEncoder {
    /// A new stream.
    ///
    /// # Errors
    /// `ZStream` for options out of range, `ZMem`.
    pub fn new(options: DeflateOptions) -> Result<Self, CodecError> {
        let framing = FramingState::new(options.format);
        Self::resume(options, framing)
    }

    /// Goes on with a stream whose deflate data so far ends on a byte and has no final block.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn resume(options: DeflateOptions, framing: FramingState) -> Result<Self, CodecError> {
        let engine = Deflater::new(
            engine_level(options.level),
            // A window of 256 bytes has a bug in zlib that is there to stay: it takes 512 instead.
            options.window_bits.max(9),
            options.mem_level,
            options.strategy,
        )?;
        // Blocks end as a flush does, so another one has nothing to add.
        let last_rank = if framing.total_in > 0 { rank(z::Z_FULL_FLUSH) } else { -1 };
        let mut encoder = Self {
            options,
            engine,
            framing,
            gathered: Vec::new(),
            pending: Vec::new(),
            pending_sent: 0,
            last_rank,
            finished: false,
        };
        encoder.set_dictionary()?;
        Ok(encoder)
    }

    /// The encoder for another stream with other options, if its memory serves them. `None` drops it.
    pub(super) fn renew(mut self, options: &DeflateOptions) -> Option<Self> {
        let same_memory = self.options.window_bits == options.window_bits
            && self.options.mem_level == options.mem_level
            && self.pending.capacity() <= 2 * ROOM;
        let level = engine_level(options.level);
        self.engine.reset();
        if !same_memory || self.engine.params(level, options.strategy, &mut Vec::new(), 64) != z::Z_OK {
            return None;
        }
        self.options = options.clone();
        self.clear();
        self.set_dictionary().ok()?;
        Some(self)
    }

    /// Plain bytes consumed so far.
    pub fn total_in(&self) -> u64 {
        self.framing.total_in
    }

    fn set_dictionary(&mut self) -> Result<(), CodecError> {
        // In the middle of a stream it would make references that the reader cannot follow.
        if self.framing.total_in > 0 {
            return Ok(());
        }
        let Some(dictionary) = self.options.effective_dictionary() else { return Ok(()) };
        match self.engine.set_dictionary(dictionary) {
            z::Z_OK => Ok(()),
            _ => Err(CodecError::new(ErrorKind::ZStream, "Failed to set dictionary")),
        }
    }

    fn clear(&mut self) {
        self.framing = FramingState::new(self.options.format);
        self.gathered.clear();
        self.pending.clear();
        self.pending_sent = 0;
        self.last_rank = -1;
        self.finished = false;
    }

    fn begin(&mut self) {
        if !self.framing.header_written {
            let DeflateOptions { format, level, window_bits, strategy, .. } = self.options;
            let dictionary = self.options.effective_dictionary().map(libdeflater::adler32);
            format.push_header(level, strategy, window_bits, dictionary, &mut self.pending);
            self.framing.header_written = true;
        }
    }

    /// Whether all of `pending` found room.
    fn send_pending(&mut self, out: &mut Vec<u8>, limit: usize) -> bool {
        let rest = &self.pending[self.pending_sent..];
        let sent = rest.len().min(limit.saturating_sub(out.len()));
        out.extend_from_slice(&rest[..sent]);
        self.pending_sent += sent;
        if self.pending_sent < self.pending.len() {
            return false;
        }
        self.pending.clear();
        self.pending_sent = 0;
        true
    }

    /// Takes what makes a whole piece with the bytes gathered, or gathers all of it. Gives the bytes taken.
    fn take(&mut self, input: &[u8]) -> Result<usize, CodecError> {
        let taken = input.len().min(PIECE - self.gathered.len());
        let (input, whole) = (&input[..taken], taken == PIECE);
        self.framing.check = self.options.format.check_update(self.framing.check, input);
        self.framing.total_in += taken as u64;
        if taken > 0 {
            self.last_rank = -1;
        }
        if whole {
            self.deflate(input, z::Z_NO_FLUSH)?;
            return Ok(taken);
        }
        self.gathered.extend_from_slice(input);
        if self.gathered.len() == PIECE {
            self.deflate_gathered(z::Z_NO_FLUSH)?;
        }
        Ok(taken)
    }

    fn deflate_gathered(&mut self, flush: i32) -> Result<(), CodecError> {
        let mut gathered = std::mem::take(&mut self.gathered);
        let result = self.deflate(&gathered, flush);
        gathered.clear();
        self.gathered = gathered;
        result
    }

    /// Deflates all of `bytes` to `pending`.
    fn deflate(&mut self, mut bytes: &[u8], flush: i32) -> Result<(), CodecError> {
        loop {
            let before = self.pending.len();
            let call = self.engine.deflate(bytes, flush, &mut self.pending, ROOM);
            bytes = &bytes[call.consumed..];
            match call.code {
                z::Z_STREAM_END => return Ok(()),
                z::Z_OK | z::Z_BUF_ERROR if self.pending.len() - before == ROOM => {}
                z::Z_OK | z::Z_BUF_ERROR if bytes.is_empty() => return Ok(()),
                _ => {
                    let error = CodecError::new(ErrorKind::ZStream, "stream error");
                    return Err(error.at(self.framing.total_in));
                }
            }
        }
    }

    /// Carries out a directive once all input is taken.
    fn end_step(&mut self, directive: Directive) -> Result<(), CodecError> {
        match directive {
            Directive::Run => {}
            Directive::Flush(kind) => {
                let flush = flush_code(kind);
                if rank(flush) > self.last_rank {
                    self.deflate_gathered(flush)?;
                    self.last_rank = rank(flush);
                }
            }
            Directive::Finish => {
                // One after the other, as `node:zlib` ends a stream: stored blocks (level 0) show the difference.
                self.deflate_gathered(z::Z_NO_FLUSH)?;
                self.deflate(&[], z::Z_FINISH)?;
                let FramingState { check, total_in, .. } = self.framing;
                self.options.format.push_trailer(check, total_in, &mut self.pending);
                self.finished = true;
            }
        }
        Ok(())
    }
}

/// The level of zlib-rs for zlib's. Its level 1 trades a third more bytes for speed, and its level 9 makes more than
/// its level 8 does, which equals zlib's; the others are within 3 % of zlib's size on log text.
fn engine_level(level: i32) -> i32 {
    match level {
        1 => 2,
        9 => 8,
        _ => level,
    }
}

fn flush_code(kind: FlushKind) -> i32 {
    match kind {
        FlushKind::Partial => z::Z_PARTIAL_FLUSH,
        FlushKind::Sync => z::Z_SYNC_FLUSH,
        FlushKind::Full => z::Z_FULL_FLUSH,
        FlushKind::Block => z::Z_BLOCK,
    }
}

impl SerialStage for DeflateEncoder {
    fn step(
        &mut self,
        input: &[u8],
        directive: Directive,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<Progress, CodecError> {
        let mut consumed = 0;
        self.begin();
        let mut carried_out = self.finished;
        loop {
            if !self.send_pending(out, limit) {
                return Ok(Progress { consumed, status: Status::OutputFull });
            }
            if self.finished && consumed < input.len() {
                // As zlib's `deflate` answers in its `FINISH_STATE`.
                let error = match directive {
                    Directive::Finish => CodecError::new(ErrorKind::ZBuf, "buffer error"),
                    _ => CodecError::new(ErrorKind::ZStream, "stream error"),
                };
                return Err(error.at(self.framing.total_in));
            }
            if consumed < input.len() {
                consumed += self.take(&input[consumed..])?;
            } else if carried_out {
                return Ok(Progress { consumed, status: Status::Done });
            } else {
                self.end_step(directive)?;
                carried_out = true;
            }
        }
    }

    fn reset(&mut self) {
        self.engine.reset();
        self.clear();
        // It was accepted once, for the same state.
        let _ = self.set_dictionary();
    }

    fn params(&mut self, level: i32, strategy: i32) -> Result<(), CodecError> {
        if !(-1..=9).contains(&level) || !(0..=4).contains(&strategy) {
            return Err(CodecError::new(ErrorKind::ZStream, "Failed to set parameters"));
        }
        self.begin();
        // Data under the old parameters goes out first; usually the executor flushed, and there is none.
        self.deflate_gathered(z::Z_BLOCK)?;
        loop {
            let before = self.pending.len();
            match self.engine.params(engine_level(level), strategy, &mut self.pending, ROOM) {
                z::Z_OK => break,
                z::Z_BUF_ERROR if self.pending.len() > before => {}
                _ => return Err(CodecError::new(ErrorKind::ZStream, "Failed to set parameters")),
            }
        }
        (self.options.level, self.options.strategy) = (level, strategy);
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        let memory = 1usize << (self.options.mem_level.clamp(1, 9) + 9);
        (4 << self.options.window_bits.clamp(9, 15)) + memory + PIECE + (64 << 10)
    }
}
