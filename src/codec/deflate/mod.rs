//! The deflate family: gzip, zlib and raw deflate, both ways.
//!
//! * [`DeflateBlocks`] with [`DeflateJoiner`]: compression with default windows on all cores, by an
//!   encoder of our own where the bytes repeat themselves, and else by libdeflate.
//! * [`DeflateEncoder`]: compression with every option and flush that zlib has, by zlib-rs, one thread. It can go on
//!   with a stream that the blocks began.
//! * [`InflateDecoder`]: decompression, with Node's rules for members, garbage and dictionaries.
//! * [`compress`] and [`decompress`]: one call, the same bytes.

mod block;
mod decoder;
mod encoder;
pub(in crate::codec) mod engine;
mod format;
mod oneshot;
mod options;
mod pool;
mod repeats;
mod scan;
#[cfg(test)]
mod tests;
mod whole;

pub use block::{BLOCK_BYTES, DeflateBlocks, DeflateJoiner};
pub use decoder::InflateDecoder;
pub use encoder::{DeflateEncoder, FramingState};
pub use format::Format;
pub use oneshot::{Decompressed, compress, compress_until, decompress};
pub use options::{DeflateOptions, InflateMode, InflateOptions, Members};
pub use scan::{LastBlock, last_block};
