//! The deflate family. The blob is the dictionary; an empty one is none.

use crate::codec::deflate::{
    DeflateBlocks, DeflateEncoder, DeflateJoiner, DeflateOptions, Format, InflateDecoder, InflateMode,
    InflateOptions, Members,
};
use crate::flow::{BlockDriver, Driver, SerialDriver};
use serde::Deserialize;

/// Work of the serial encoder at a middle level, for one byte.
const SERIAL_DEFLATE_NS: f32 = 12.0;
/// Work of the decoder for one byte of compressed input.
const INFLATE_NS: f32 = 8.0;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deflate {
    format: String,
    level: i32,
    window_bits: i32,
    mem_level: i32,
    strategy: i32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inflate {
    mode: String,
    window_bits: i32,
    #[serde(default)]
    finish_flush_sync: bool,
    #[serde(default)]
    reject_garbage_after_end: bool,
    #[serde(default)]
    first_member: bool,
    max_output: Option<u64>,
    max_ratio: Option<f64>,
}

impl Deflate {
    /// The codec's options.
    ///
    /// # Errors
    /// An unknown format.
    pub(super) fn options(&self, dictionary: &[u8]) -> Result<DeflateOptions, String> {
        let format = match self.format.as_str() {
            "gzip" => Format::Gzip,
            "zlib" => Format::Zlib,
            "raw" => Format::Raw,
            other => return Err(format!("unknown format {other}")),
        };
        Ok(DeflateOptions {
            format,
            level: self.level,
            window_bits: self.window_bits,
            mem_level: self.mem_level,
            strategy: self.strategy,
            dictionary: (!dictionary.is_empty()).then(|| dictionary.to_vec()),
        })
    }

    pub(super) fn build(self, dictionary: &[u8], threads: usize) -> Result<Box<dyn Driver>, String> {
        let options = self.options(dictionary)?;
        Ok(if options.block_capable() {
            let blocks = DeflateBlocks::new(&options);
            Box::new(BlockDriver::new(Box::new(blocks), Box::new(DeflateJoiner::new(options)), threads))
        } else {
            let encoder = DeflateEncoder::new(options).map_err(|e| e.to_string())?;
            Box::new(SerialDriver::new(Box::new(encoder), SERIAL_DEFLATE_NS))
        })
    }
}

impl Inflate {
    /// The codec's options.
    ///
    /// # Errors
    /// An unknown mode.
    pub(super) fn options(&self, dictionary: &[u8]) -> Result<InflateOptions, String> {
        let mode = match self.mode.as_str() {
            "gunzip" => InflateMode::Gunzip,
            "inflate" => InflateMode::Inflate,
            "inflateRaw" => InflateMode::InflateRaw,
            "unzip" => InflateMode::Unzip,
            other => return Err(format!("unknown mode {other}")),
        };
        Ok(InflateOptions {
            mode,
            window_bits: self.window_bits,
            dictionary: (!dictionary.is_empty()).then(|| dictionary.to_vec()),
            finish_flush_sync: self.finish_flush_sync,
            reject_garbage_after_end: self.reject_garbage_after_end,
            members: if self.first_member { Members::First } else { Members::All },
            max_output: self.max_output,
            max_ratio: self.max_ratio,
        })
    }

    pub(super) fn build(self, dictionary: &[u8]) -> Result<Box<dyn Driver>, String> {
        let decoder = InflateDecoder::new(self.options(dictionary)?).map_err(|e| e.to_string())?;
        Ok(Box::new(SerialDriver::new(Box::new(decoder), INFLATE_NS)))
    }
}
