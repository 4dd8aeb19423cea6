//! `grpc-encoding`: what a message is compressed with.

use crate::codec::deflate::{DeflateOptions, Format, InflateMode, InflateOptions, compress, decompress};
use crate::codec::{CodecError, ErrorKind};
use std::io::Read;

/// A way to compress messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// zlib, which gRPC calls `deflate`.
    Deflate,
    /// Zstandard.
    Zstd,
}

/// Why a message could not be decompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodingError {
    /// More than the limit comes out. `RESOURCE_EXHAUSTED`.
    TooLong,
    /// The bytes are no such stream. `INTERNAL`.
    Corrupt(String),
}

impl Coding {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Deflate, Self::Gzip, Self::Zstd];

    /// The coding of that name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| coding.name().as_bytes() == name)
    }

    /// Its name in `grpc-encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }

    /// The first of `wanted` that a peer with this `grpc-accept-encoding` understands.
    pub fn choose(wanted: &[Self], accepted: &[u8]) -> Option<Self> {
        let names = || accepted.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        wanted.iter().copied().find(|coding| names().any(|name| name == coding.name().as_bytes()))
    }

    /// Compresses a message.
    ///
    /// # Errors
    /// Out of memory.
    pub fn compress(self, message: &[u8]) -> Result<Vec<u8>, CodecError> {
        let deflate = |format| compress(&DeflateOptions::new(format), message, usize::MAX);
        match self {
            Self::Identity => Ok(message.to_vec()),
            Self::Gzip => deflate(Format::Gzip),
            Self::Deflate => deflate(Format::Zlib),
            Self::Zstd => zstd::bulk::compress(message, zstd::DEFAULT_COMPRESSION_LEVEL)
                .map_err(|error| CodecError::new(ErrorKind::ZMem, error.to_string())),
        }
    }

    /// Decompresses a message. No more than `limit` bytes, and a little, are ever made of it.
    ///
    /// # Errors
    /// More than the limit, or no such stream.
    pub fn decompress(self, message: &[u8], limit: usize) -> Result<Vec<u8>, CodingError> {
        let inflate = |mode| match decompress(&InflateOptions::new(mode), message, limit) {
            Ok(whole) => Ok(whole.bytes),
            Err(error) if error.kind == ErrorKind::OutputTooLarge => Err(CodingError::TooLong),
            Err(error) => Err(CodingError::Corrupt(error.message.into_owned())),
        };
        match self {
            Self::Identity if message.len() > limit => Err(CodingError::TooLong),
            Self::Identity => Ok(message.to_vec()),
            Self::Gzip => inflate(InflateMode::Gunzip),
            Self::Deflate => inflate(InflateMode::Inflate),
            Self::Zstd => unzstd(message, limit),
        }
    }
}

fn unzstd(message: &[u8], limit: usize) -> Result<Vec<u8>, CodingError> {
    let corrupt = |error: std::io::Error| CodingError::Corrupt(error.to_string());
    let decoder = zstd::Decoder::with_buffer(message).map_err(corrupt)?;
    let mut bytes = Vec::new();
    decoder.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes).map_err(corrupt)?;
    if bytes.len() > limit { Err(CodingError::TooLong) } else { Ok(bytes) }
}
