//! Inflate with Node's rules for what surrounds the data.

use libz_rs_sys as z;

use super::engine::Inflater;
use super::{InflateMode, InflateOptions, Members};
use crate::codec::{CodecError, Directive, ErrorKind, Progress, SerialStage, Status};

/// Output below which no ratio is judged: a small file of zeros is no attack.
const RATIO_FROM: u64 = 1 << 20;

/// The ratio is judged at each multiple of this many bytes of output, so that the verdict does not depend on how
/// the input was cut.
const RATIO_STEP: u64 = 64 << 10;

/// The second byte of a gzip header, behind 0x1f.
const GZIP_ID: [u8; 2] = [0x1f, 0x8b];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Inside a member.
    Member,
    /// Between gzip members, or at the end.
    Between,
    /// The data is complete.
    Ended,
}

/// Inflates one stream of any of the four modes.
pub struct InflateDecoder {
    options: InflateOptions,
    engine: Inflater,
    phase: Phase,
    /// Gzip: further members may follow. For `Unzip` it shows once the first two bytes are there.
    gzip: bool,
    /// `Unzip` only: bytes of [`GZIP_ID`] seen so far, or `None` once the question is answered.
    id_seen: Option<usize>,
    total_in: u64,
    total_out: u64,
}

/// `inflateInit2`'s way to say all of it in one number.
fn engine_window(options: &InflateOptions) -> i32 {
    let bits = options.window_bits;
    match options.mode {
        InflateMode::Gunzip => bits + 16,
        InflateMode::Inflate => bits,
        InflateMode::InflateRaw if bits == 0 => -15,
        InflateMode::InflateRaw => -bits,
        InflateMode::Unzip => bits + 32,
    }
}

impl InflateDecoder {
    /// A decoder at the start of a stream.
    ///
    /// # Errors
    /// `ZStream` for options out of range, `ZMem`, `ZData` for a raw stream's dictionary that zlib refuses.
    pub fn new(options: InflateOptions) -> Result<Self, CodecError> {
        let engine = Inflater::new(engine_window(&options))?;
        Self::with_engine(options, engine)
    }

    /// As [`new`](Self::new), with an engine that has served before.
    pub(super) fn with_engine(options: InflateOptions, mut engine: Inflater) -> Result<Self, CodecError> {
        engine.reset_to(engine_window(&options))?;
        let (gzip, id_seen) = start_of(options.mode);
        let phase = Phase::Member;
        let mut decoder = Self { options, engine, phase, gzip, id_seen, total_in: 0, total_out: 0 };
        decoder.set_raw_dictionary()?;
        Ok(decoder)
    }

    /// The engine, for another decoder.
    pub(super) fn into_engine(self) -> Inflater {
        self.engine
    }

    /// Compressed bytes consumed so far.
    pub fn total_in(&self) -> u64 {
        self.total_in
    }

    /// Plain bytes produced so far.
    pub fn total_out(&self) -> u64 {
        self.total_out
    }

    /// Raw data cannot ask for its dictionary, so it is there from the start.
    fn set_raw_dictionary(&mut self) -> Result<(), CodecError> {
        match (&self.options.mode, self.options.dictionary.as_deref()) {
            (InflateMode::InflateRaw, Some(dictionary)) if !dictionary.is_empty() => {
                match self.engine.set_dictionary(dictionary) {
                    z::Z_OK => Ok(()),
                    _ => Err(CodecError::new(ErrorKind::ZData, "Failed to set dictionary")),
                }
            }
            _ => Ok(()),
        }
    }

    fn fail(&self, kind: ErrorKind, message: &'static str) -> CodecError {
        CodecError::new(kind, message).at(self.total_in)
    }

    fn truncated(&self) -> CodecError {
        self.fail(ErrorKind::ZBuf, "unexpected end of file")
    }

    /// Finds out whether an `Unzip` stream is gzip, from the bytes consumed at its start.
    fn see_id(&mut self, input: &[u8]) {
        let Some(mut seen) = self.id_seen else { return };
        for &byte in input {
            if byte != GZIP_ID[seen] {
                self.id_seen = None;
                return;
            }
            seen += 1;
            if seen == GZIP_ID.len() {
                self.gzip = true;
                self.id_seen = None;
                return;
            }
        }
        self.id_seen = Some(seen);
    }

    /// Most bytes that the engine may produce now: to the limit of the output, one byte beyond the largest output
    /// allowed, or to the next point where the ratio is judged.
    fn room(&self, room: usize) -> usize {
        let mut room = room as u64;
        if let Some(max) = self.options.max_output {
            room = room.min(max.saturating_sub(self.total_out).saturating_add(1));
        }
        if self.options.max_ratio.is_some() {
            room = room.min(RATIO_STEP - self.total_out % RATIO_STEP);
        }
        room as usize
    }

    fn check_limits(&mut self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        if let Some(max) = self.options.max_output
            && self.total_out > max
        {
            out.truncate(out.len() - (self.total_out - max) as usize);
            self.total_out = max;
            let message = format!("Cannot create a Buffer larger than {max} bytes");
            return Err(CodecError::new(ErrorKind::OutputTooLarge, message).at(self.total_in));
        }
        if let Some(ratio) = self.options.max_ratio
            && self.total_out >= RATIO_FROM
            && self.total_out.is_multiple_of(RATIO_STEP)
            && self.total_out as f64 > ratio * self.total_in as f64
        {
            let message = format!("output is more than {ratio} times the input");
            return Err(CodecError::new(ErrorKind::RatioTooLarge, message).at(self.total_in));
        }
        Ok(())
    }

    /// Answers zlib's `Z_NEED_DICT`.
    fn give_dictionary(&mut self) -> Result<(), CodecError> {
        let message = match self.options.dictionary.as_deref() {
            None | Some([]) => "Missing dictionary",
            Some(dictionary) if self.engine.set_dictionary(dictionary) == z::Z_OK => return Ok(()),
            Some(_) => "Bad dictionary",
        };
        Err(self.fail(ErrorKind::ZNeedDict, message))
    }

    /// What follows a complete member, with `next` the first byte of the input that is left.
    fn after_member(&mut self, next: Option<u8>) -> Result<Option<Status>, CodecError> {
        let more = self.gzip && self.options.members == Members::All;
        match next {
            // Zero bytes pad a file; whatever else follows must be a member.
            Some(1..) if more => {
                self.engine.reset();
                self.phase = Phase::Member;
                return Ok(None);
            }
            None if more => {
                self.phase = Phase::Between;
                return Ok(Some(Status::Done));
            }
            _ => self.phase = Phase::Ended,
        }
        self.at_end(next.is_some()).map(Some)
    }

    fn at_end(&self, more_input: bool) -> Result<Status, CodecError> {
        match self.options.reject_garbage_after_end {
            true if more_input => {
                Err(self
                    .fail(ErrorKind::ZTrailing, "Trailing junk found after the end of the compressed stream"))
            }
            // Still to be asked about input to come.
            true => Ok(Status::Done),
            false => Ok(Status::End),
        }
    }
}

/// Whether the first member is known to be gzip, and the state of the search for its bytes.
fn start_of(mode: InflateMode) -> (bool, Option<usize>) {
    (mode == InflateMode::Gunzip, (mode == InflateMode::Unzip).then_some(0))
}

impl SerialStage for InflateDecoder {
    fn step(
        &mut self,
        input: &[u8],
        directive: Directive,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<Progress, CodecError> {
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            if self.phase != Phase::Member {
                let status = match self.phase {
                    Phase::Ended => Some(self.at_end(!rest.is_empty())?),
                    _ => self.after_member(rest.first().copied())?,
                };
                if let Some(status) = status {
                    return Ok(Progress { consumed, status });
                }
            }
            let room = limit.saturating_sub(out.len());
            if room == 0 {
                return Ok(Progress { consumed, status: Status::OutputFull });
            }
            let room = self.room(room);
            let before = out.len();
            let call = self.engine.inflate(rest, out, room);
            let produced = out.len() - before;
            self.see_id(&rest[..call.consumed]);
            consumed += call.consumed;
            self.total_in += call.consumed as u64;
            self.total_out += produced as u64;
            self.check_limits(out)?;
            match call.code {
                z::Z_OK | z::Z_BUF_ERROR if produced == room => {}
                // Room is left, so all input is consumed.
                z::Z_OK | z::Z_BUF_ERROR => {
                    if consumed < input.len() {
                        if call.consumed > 0 || produced > 0 {
                            continue;
                        }
                        return Err(self.fail(ErrorKind::Internal, "inflate stands still"));
                    }
                    if directive == Directive::Finish && !self.options.finish_flush_sync {
                        return Err(self.truncated());
                    }
                    return Ok(Progress { consumed, status: Status::Done });
                }
                z::Z_STREAM_END => self.phase = Phase::Between,
                z::Z_NEED_DICT => self.give_dictionary()?,
                z::Z_DATA_ERROR => {
                    return Err(self.fail(ErrorKind::ZData, self.engine.message().unwrap_or("data error")));
                }
                z::Z_MEM_ERROR => return Err(self.fail(ErrorKind::ZMem, "insufficient memory")),
                _ => return Err(self.fail(ErrorKind::ZStream, "stream error")),
            }
        }
    }

    fn reset(&mut self) {
        // The numbers were accepted before.
        let _ = self.engine.reset_to(engine_window(&self.options));
        (self.gzip, self.id_seen) = start_of(self.options.mode);
        self.phase = Phase::Member;
        self.total_in = 0;
        self.total_out = 0;
        let _ = self.set_raw_dictionary();
    }

    fn state_bytes(&self) -> usize {
        // zlib-rs holds the window, twice the SIMD padding, and about 14 KiB of tables; a checkpoint is another one, and up
        // to 64 KiB of input.
        2 * ((32 << 10) + (16 << 10)) + (64 << 10)
    }
}
