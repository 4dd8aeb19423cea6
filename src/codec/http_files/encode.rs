//! Files encoded while they are sent.

use super::negotiate::Coding;
use crate::codec::deflate::{DeflateOptions, Format, compress};

/// How hard each coding tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Effort {
    /// gzip: 1 to 9.
    pub gzip_level: i32,
    /// Brotli: 0 to 11.
    pub brotli_quality: i32,
    /// Zstandard: 1 to 19.
    pub zstd_level: i32,
}

/// All of `plain` in that coding; nothing where it cannot be encoded.
pub fn encode(coding: Coding, effort: Effort, plain: &[u8]) -> Option<Vec<u8>> {
    match coding {
        Coding::Gzip => {
            let options = DeflateOptions { level: effort.gzip_level, ..DeflateOptions::new(Format::Gzip) };
            compress(&options, plain, usize::MAX).ok()
        }
        Coding::Zstd => zstd::bulk::compress(plain, effort.zstd_level).ok(),
        Coding::Br => {
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: effort.brotli_quality,
                size_hint: plain.len(),
                ..Default::default()
            };
            let mut encoded = Vec::new();
            brotli::BrotliCompress(&mut &*plain, &mut encoded, &parameters).ok()?;
            Some(encoded)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn each_coding_is_what_its_decoders_read() {
        let effort = Effort { gzip_level: 6, brotli_quality: 5, zstd_level: 6 };
        let plain = "the same words, the same words again\n".repeat(5000).into_bytes();
        for coding in Coding::ALL {
            let encoded = encode(coding, effort, &plain).expect("there is nothing wrong with it");
            assert!(encoded.len() < plain.len() / 20, "{coding:?}: {} bytes", encoded.len());
            let mut decoded = Vec::new();
            match coding {
                Coding::Gzip => drop(flate2::read::GzDecoder::new(&encoded[..]).read_to_end(&mut decoded)),
                Coding::Zstd => decoded = zstd::bulk::decompress(&encoded, plain.len()).unwrap_or_default(),
                Coding::Br => drop(brotli::BrotliDecompress(&mut &encoded[..], &mut decoded)),
            }
            assert!(decoded == plain, "{coding:?}");
        }
    }
}
