//! Deflate by independent blocks: any number of threads, one standard stream.
//!
//! Each block of the input is compressed by itself: where its bytes repeat themselves, as rows do, by the encoder of
//! [`repeats`](super::repeats), and else by libdeflate. All but the last end with an empty stored block, as `Z_SYNC_FLUSH`
//! makes it, so that they end on a byte and simply follow each other; what libdeflate made has its final mark cleared for
//! that. What a block loses by not seeing the 32 KiB before it is far less than either gains over zlib.

use std::sync::Mutex;

use super::format::MAX_HEADER;
use super::repeats::{Depth, RepeatsEncoder};
use super::{DeflateEncoder, DeflateOptions, Format, FramingState, pool, scan};
use crate::codec::{BlockJob, BlockStage, CodecError, Cut, ErrorKind, Joiner, Report, SerialStage};

/// Bytes of input in a block. Part of the output format: the same input gives the same bytes for any threads.
///
/// Two megabytes: of one megabyte, the windows that blocks do not share cost 1.5 % on repetitive rows of 1.8 KB each.
pub const BLOCK_BYTES: usize = 2 << 20;

/// What compresses a block.
#[derive(Debug, Clone, Copy)]
struct Engine {
    /// How thorough the encoder for repetitive bytes is; `None` where libdeflate has all blocks.
    repeats: Option<Depth>,
    /// libdeflate's level, for the other blocks.
    libdeflate: i32,
    /// For a byte of input, about, of a block that repeats itself.
    cost_ns: f32,
}

/// For zlib's levels: the fastest that is at most about 1.01 of zlib's size at that level. MB/s on one core and size
/// relative to zlib's at the level, of 33 MB of log rows (335 bytes each), 27 MB of Zeek's DNS rows and 120 MB of Windows
/// events (1.8 KB each), on a server CPU of 2023:
///
/// | level | zlib log | ours log   | zlib DNS | ours DNS   | zlib events | ours events |
/// |-------|----------|------------|----------|------------|-------------|-------------|
/// | 1     | 324      | 371, 0.969 | 691      | 493, 0.912 | 875         | 639, 0.877  |
/// | 2     | 328      | 327, 0.829 | 520      | 490, 0.778 | 864         | 643, 0.729  |
/// | 3     | 266      | 327, 0.881 | 546      | 490, 0.785 | 863         | 643, 0.768  |
/// | 4     | 184      | 327, 0.881 | 269      | 490, 0.881 | 391         | 643, 0.946  |
/// | 5     | 152      | 300, 0.958 | 214      | 460, 0.916 | 379         | 598, 0.938  |
/// | 6     | 112      | 300, 0.997 | 166      | 460, 0.931 | 324         | 598, 1.003  |
/// | 7     | 86       | 238, 0.994 | 154      | 400, 0.963 | 299         | 571, 1.009  |
/// | 8     | 48       | 48, 0.971  | 110      | 110, 0.977 | 250         | 263, 1.006  |
/// | 9     | 48       | 47, 0.972  | 100      | 109, 0.982 | 227         | 255, 1.007  |
///
/// libdeflate's level 6 does 161, 287 and 406 MB/s at 0.997, 0.973 and 1.042 of zlib's size; its level 7, which is what events need, 103,
/// 209 and 343 at 0.963, 0.957 and 0.998.
const ENGINES: [Engine; 9] = [
    Engine { repeats: None, libdeflate: 1, cost_ns: 2.7 },
    Engine { repeats: Some(Depth::One), libdeflate: 3, cost_ns: 3.0 },
    Engine { repeats: Some(Depth::One), libdeflate: 4, cost_ns: 3.0 },
    Engine { repeats: Some(Depth::One), libdeflate: 4, cost_ns: 3.0 },
    Engine { repeats: Some(Depth::Two), libdeflate: 6, cost_ns: 3.3 },
    Engine { repeats: Some(Depth::Two), libdeflate: 6, cost_ns: 3.3 },
    Engine { repeats: Some(Depth::Four), libdeflate: 7, cost_ns: 4.2 },
    Engine { repeats: None, libdeflate: 8, cost_ns: 21.0 },
    Engine { repeats: None, libdeflate: 8, cost_ns: 21.0 },
];

static REPEATS: Mutex<Vec<RepeatsEncoder>> = Mutex::new(Vec::new());

fn engine_of(level: i32) -> Engine {
    let level = if level == -1 { 6 } else { level.clamp(1, 9) };
    ENGINES[level as usize - 1]
}

/// Compresses blocks of [`BLOCK_BYTES`]; [`DeflateJoiner`] makes one stream of them.
#[derive(Debug, Clone, Copy)]
pub struct DeflateBlocks {
    format: Format,
    level: i32,
}

impl DeflateBlocks {
    /// For options that are [`block_capable`](DeflateOptions::block_capable): all but format and level is ignored.
    pub fn new(options: &DeflateOptions) -> Self {
        Self { format: options.format, level: options.level }
    }

    fn compress(&self, bytes: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), CodecError> {
        if bytes.is_empty() {
            if last {
                // An empty final block with the fixed codes, as zlib writes it.
                out.extend_from_slice(&[3, 0]);
            }
            return Ok(());
        }
        let start = out.len();
        let engine = engine_of(self.level);
        if let Some(depth) = engine.repeats
            && pool::borrow(&REPEATS, RepeatsEncoder::new, |encoder| encoder.encode(bytes, depth, last, out))
        {
            return Ok(());
        }
        let length = pool::with_compressor(engine.libdeflate, |compressor| {
            out.resize(start + compressor.deflate_compress_bound(bytes.len()), 0);
            compressor.deflate_compress(bytes, &mut out[start..])
        });
        let length =
            length.map_err(|_| CodecError::new(ErrorKind::Internal, "deflate exceeded its bound"))?;
        out.truncate(start + length);
        if last {
            return Ok(());
        }
        let body = &mut out[start..];
        let found = scan::last_block(body)
            .ok_or_else(|| CodecError::new(ErrorKind::Internal, "deflate made a stream without an end"))?;
        body[(found.header_bit / 8) as usize] &= !(1 << (found.header_bit % 8));
        // Three zero bits are the header of a stored block that is not final; its length and the complement follow
        // on the next byte.
        out.resize(start + (found.end_bit + 3).div_ceil(8) as usize, 0);
        out.extend_from_slice(&[0, 0, 0xff, 0xff]);
        Ok(())
    }
}

impl BlockStage for DeflateBlocks {
    fn cut(&self) -> Cut {
        Cut::Fixed { bytes: BLOCK_BYTES }
    }

    fn run(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        let start = self.format.check_start();
        let check = self.format.check_update(start, job.bytes);
        let error = self.compress(job.bytes, job.last, out).err();
        Report { check, bytes_in: job.bytes.len() as u64, error, ..Report::default() }
    }

    fn cost_ns_per_byte(&self) -> f32 {
        engine_of(self.level).cost_ns
    }
}

/// Puts the header before the first block and the trailer behind the last.
#[derive(Debug, Clone)]
pub struct DeflateJoiner {
    options: DeflateOptions,
    framing: FramingState,
}

impl DeflateJoiner {
    /// The same options as for the [`DeflateBlocks`].
    pub fn new(options: DeflateOptions) -> Self {
        let framing = FramingState::new(options.format);
        Self { options, framing }
    }

    /// Where the stream stands, for a [`DeflateEncoder`] that is to go on with it.
    pub fn framing(&self) -> FramingState {
        self.framing
    }
}

impl Joiner for DeflateJoiner {
    fn join(
        &mut self,
        _first: bool,
        last: bool,
        report: Report,
        body: &mut Vec<u8>,
        _side: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        if let Some(error) = report.error {
            body.clear();
            return Err(error);
        }
        let DeflateOptions { format, level, window_bits, strategy, .. } = self.options;
        if !self.framing.header_written {
            let mut header = Vec::with_capacity(MAX_HEADER);
            format.push_header(level, strategy, window_bits, None, &mut header);
            body.splice(0..0, header);
            self.framing.header_written = true;
        }
        self.framing.check = format.check_combine(self.framing.check, report.check, report.bytes_in);
        self.framing.total_in += report.bytes_in;
        if last {
            format.push_trailer(self.framing.check, self.framing.total_in, body);
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Option<Box<dyn SerialStage>> {
        let encoder = DeflateEncoder::resume(self.options.clone(), self.framing).ok()?;
        Some(Box::new(encoder))
    }
}
