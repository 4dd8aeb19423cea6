//! Compression and decompression in one call, with contexts that are kept for the next.

use std::sync::Mutex;

use super::engine::Inflater;
use super::pool;
use super::whole::inflate_whole;
use super::{
    BLOCK_BYTES, DeflateBlocks, DeflateEncoder, DeflateJoiner, DeflateOptions, Format, InflateDecoder,
    InflateMode, InflateOptions,
};
use crate::codec::{
    BlockJob, BlockStage, CodecError, Directive, ErrorKind, Joiner, Progress, SerialStage, Status,
};

/// The result of [`decompress`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decompressed {
    /// The plain bytes.
    pub bytes: Vec<u8>,
    /// Bytes of the input that belong to the compressed data.
    pub consumed: usize,
}

static ENCODERS: Mutex<Vec<DeflateEncoder>> = Mutex::new(Vec::new());
static INFLATERS: Mutex<Vec<Inflater>> = Mutex::new(Vec::new());

fn too_large(max: usize) -> CodecError {
    CodecError::new(ErrorKind::OutputTooLarge, format!("Cannot create a Buffer larger than {max} bytes"))
}

/// Compresses `input` to the very bytes that a stream with these options gives.
///
/// # Errors
/// `ZStream` for options out of range, `OutputTooLarge` for more than `max_output` bytes.
pub fn compress(options: &DeflateOptions, input: &[u8], max_output: usize) -> Result<Vec<u8>, CodecError> {
    if options.block_capable() {
        compress_blocks(options, input, max_output)
    } else {
        compress_until(options, input, Directive::Finish, max_output)
    }
}

/// As [`compress`], but the stream ends as `directive` says: `Finish` as it should, a flush without an end (Node's
/// `finishFlush`), `Run` with what happens to be out.
///
/// # Errors
/// As for [`compress`].
pub fn compress_until(
    options: &DeflateOptions,
    input: &[u8],
    directive: Directive,
    max_output: usize,
) -> Result<Vec<u8>, CodecError> {
    let kept = pool::take(&ENCODERS).and_then(|encoder| encoder.renew(options));
    let mut encoder = match kept {
        Some(encoder) => encoder,
        None => DeflateEncoder::new(options.clone())?,
    };
    let mut out = Vec::with_capacity((input.len() / 4 + 64).min(max_output));
    drain(&mut encoder, input, directive, &mut out, max_output)?;
    pool::put(&ENCODERS, encoder);
    Ok(out)
}

fn compress_blocks(options: &DeflateOptions, input: &[u8], max_output: usize) -> Result<Vec<u8>, CodecError> {
    let blocks = DeflateBlocks::new(options);
    let mut joiner = DeflateJoiner::new(options.clone());
    let mut out = Vec::new();
    let mut body = Vec::new();
    let count = input.len().div_ceil(BLOCK_BYTES).max(1);
    for index in 0..count {
        let start = index * BLOCK_BYTES;
        let bytes = &input[start..input.len().min(start + BLOCK_BYTES)];
        let (first, last) = (index == 0, index + 1 == count);
        let job = BlockJob { bytes, offset: start as u64, first, last, overlong: None, now_ms: 0 };
        body.clear();
        let report = blocks.run(job, &mut body);
        joiner.join(first, last, report, &mut body, &mut Vec::new())?;
        if out.len() + body.len() > max_output {
            return Err(too_large(max_output));
        }
        if count == 1 {
            body.shrink_to_fit();
            return Ok(body);
        }
        out.extend_from_slice(&body);
    }
    Ok(out)
}

/// Runs a stage over all of `input`, letting `out` grow to `max` bytes. Gives the bytes consumed.
fn drain(
    stage: &mut impl SerialStage,
    input: &[u8],
    directive: Directive,
    out: &mut Vec<u8>,
    max: usize,
) -> Result<usize, CodecError> {
    let mut consumed = 0;
    loop {
        // Room grows with what there is, so that the copies of a growing vector stay few. One byte beyond the
        // most allowed shows whether there is more.
        let limit = out.capacity().max(out.len() + 512).min(max.saturating_add(1));
        let Progress { consumed: used, status } = stage.step(&input[consumed..], directive, out, limit)?;
        consumed += used;
        if out.len() > max {
            return Err(too_large(max));
        }
        match status {
            Status::Done | Status::End => return Ok(consumed),
            Status::OutputFull => out.reserve(out.len().max(512)),
        }
    }
}

/// Decompresses `input`, which is the whole of the compressed data, garbage behind it included.
///
/// # Errors
/// Those of [`InflateDecoder`]; `OutputTooLarge` for more than `max_output` bytes.
pub fn decompress(
    options: &InflateOptions,
    input: &[u8],
    max_output: usize,
) -> Result<Decompressed, CodecError> {
    if let Some(done) = decompress_whole(options, input, max_output) {
        return Ok(done);
    }
    let mut decoder = match pool::take(&INFLATERS) {
        Some(engine) => InflateDecoder::with_engine(options.clone(), engine)?,
        None => InflateDecoder::new(options.clone())?,
    };
    let mut bytes = Vec::with_capacity(input.len().saturating_mul(3).min(max_output).clamp(256, 1 << 20));
    let result = drain(&mut decoder, input, Directive::Finish, &mut bytes, max_output);
    pool::put(&INFLATERS, decoder.into_engine());
    Ok(Decompressed { consumed: result?, bytes })
}

/// Input from which on zlib and raw data, which do not tell their size, are not tried whole: where the guess is too
/// small, the work was for nothing.
const GUESSED: usize = 64 << 10;

/// The common case by libdeflate, which is twice as fast but knows only whole streams: one that fits and is all of
/// the input. `None` leaves every other case, and every error, to the decoder.
fn decompress_whole(options: &InflateOptions, input: &[u8], max_output: usize) -> Option<Decompressed> {
    // What zlib checks and libdeflate does not: the window's size, the dictionary, a gzip header's checksum.
    let plain = options.window_bits == 15
        && options.dictionary.is_none()
        && options.max_output.is_none()
        && options.max_ratio.is_none();
    let gzip = input.starts_with(&[0x1f, 0x8b, 8, 0]);
    let format = match options.mode {
        InflateMode::Gunzip | InflateMode::Unzip if gzip => Format::Gzip,
        InflateMode::Gunzip => return None,
        InflateMode::Inflate | InflateMode::Unzip => Format::Zlib,
        InflateMode::InflateRaw => Format::Raw,
    };
    if !plain {
        return None;
    }
    let room = match (format, input.last_chunk()) {
        // The size that a member claims may be false: deflate cannot give more than 1032 bytes for one.
        (Format::Gzip, Some(&claim)) => {
            let claim = u32::from_le_bytes(claim) as usize;
            (claim <= input.len().saturating_mul(1032)).then_some(claim)?
        }
        _ if input.len() < GUESSED => (input.len() * 16).max(GUESSED).min(max_output),
        _ => return None,
    };
    if room > max_output {
        return None;
    }
    let mut bytes = Vec::new();
    let consumed = inflate_whole(format, input, &mut bytes, room)?;
    bytes.shrink_to_fit();
    (consumed == input.len()).then_some(Decompressed { bytes, consumed })
}
