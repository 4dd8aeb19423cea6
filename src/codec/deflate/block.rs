//! Deflate by independent blocks: any number of threads, one standard stream.
//!
//! Each block of the input is compressed by itself with libdeflate. All but the last have their final mark cleared
//! and an empty stored block put behind, as `Z_SYNC_FLUSH` does, so that they end on a byte and simply follow each
//! other. What a block loses by not seeing the 32 KiB before it is far less than libdeflate gains over zlib.

use super::format::MAX_HEADER;
use super::{DeflateEncoder, DeflateOptions, Format, FramingState, pool, scan};
use crate::codec::{BlockJob, BlockStage, CodecError, Cut, ErrorKind, Joiner, Report, SerialStage};

/// Bytes of input in a block. Part of the output format: the same input gives the same bytes for any threads.
///
/// Two megabytes: of one megabyte, the windows that blocks do not share cost 1.5 % on repetitive rows of 1.8 KB each.
pub const BLOCK_BYTES: usize = 2 << 20;

/// Bytes at a block's start that tell how repetitive it is, for level 6.
const SAMPLE_BYTES: usize = 64 << 10;
/// Where libdeflate's level 1 shrinks the sample by this factor, its level 6 falls behind zlib's by up to 6 % in size (Windows
/// events: 1.057), and its level 7 is as fast as level 6 is elsewhere. Log rows have 6, DNS rows 12, those events 19.
const REPETITIVE: usize = 14;

/// For zlib's levels: the fastest of libdeflate's whose output is at most 1.01 of zlib's at that level, and its cost in
/// ns per byte of input. Measured with 33 MB of log rows, 335 bytes each, on one core (2023 server CPU, Node 20):
///
/// | level | zlib, bytes | MB/s | libdeflate level | bytes     | MB/s |
/// |-------|-------------|------|------------------|-----------|------|
/// | 1     | 5,182,849   | 216  | 1                | 5,038,273 | 338  |
/// | 2     | 4,965,666   | 215  | 3                | 4,820,502 | 277  |
/// | 3     | 4,676,853   | 182  | 4                | 4,557,677 | 233  |
/// | 4     | 4,673,908   | 126  | 4                | 4,557,677 | 233  |
/// | 5     | 4,136,123   | 102  | 6                | 3,980,876 | 155  |
/// | 6     | 3,975,622   | 80   | 6                | 3,980,876 | 155  |
/// | 7     | 3,892,236   | 69   | 7                | 3,845,064 | 101  |
/// | 8     | 3,743,804   | 39   | 8                | 3,655,267 | 48   |
/// | 9     | 3,743,719   | 40   | 8                | 3,655,267 | 48   |
const LEVELS: [(i32, f32); 9] =
    [(1, 3.0), (3, 3.6), (4, 4.3), (4, 4.3), (6, 6.7), (6, 6.7), (7, 10.3), (8, 21.0), (8, 21.0)];

fn engine_level(level: i32) -> (i32, f32) {
    let level = if level == -1 { 6 } else { level.clamp(1, 9) };
    LEVELS[level as usize - 1]
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
        let mut level = engine_level(self.level).0;
        if level == 6 && is_repetitive(bytes, out) {
            level = 7;
        }
        let length = pool::with_compressor(level, |compressor| {
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

/// Whether a block's sample shrinks by [`REPETITIVE`]. A function of the block alone, so the output stays one for any
/// threads and cuts. Costs about 1.5 % of a block's compression.
fn is_repetitive(bytes: &[u8], scratch: &mut Vec<u8>) -> bool {
    let Some(sample) = bytes.get(..SAMPLE_BYTES) else { return false };
    let start = scratch.len();
    let length = pool::with_compressor(1, |compressor| {
        scratch.resize(start + compressor.deflate_compress_bound(sample.len()), 0);
        compressor.deflate_compress(sample, &mut scratch[start..])
    });
    scratch.truncate(start);
    length.is_ok_and(|length| length * REPETITIVE <= sample.len())
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
        engine_level(self.level).1
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
