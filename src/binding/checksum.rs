//! Checksums of whole buffers.

use crate::codec::deflate::Format;
use napi_derive::napi;

/// CRC-32 as gzip has it (RFC 1952) of what gave `value`, followed by `bytes`.
#[napi(catch_unwind)]
pub fn crc32(bytes: &[u8], value: u32) -> u32 {
    Format::Gzip.check_update(value, bytes)
}
