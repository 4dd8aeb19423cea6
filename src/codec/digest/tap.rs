//! Digests of a stream that passes by.

use super::{Algorithm, Digest, Encoding};
use crate::codec::Tap;

/// Several digests in one pass. Its result is a JSON object, `{"sha256":"…"}`, in the order of the algorithms.
pub struct HashTap {
    digests: Vec<(Algorithm, Digest)>,
    encoding: Encoding,
}

/// Bytes that every digest sees before the first one goes on: a part of the first-level cache.
const STRIDE: usize = 16 * 1024;

impl HashTap {
    /// A tap for these algorithms; one named twice counts once.
    pub fn new(algorithms: &[Algorithm], encoding: Encoding) -> Self {
        let mut digests: Vec<(Algorithm, Digest)> = Vec::with_capacity(algorithms.len());
        for &algorithm in algorithms {
            if digests.iter().all(|(known, _)| *known != algorithm) {
                digests.push((algorithm, Digest::new(algorithm)));
            }
        }
        Self { digests, encoding }
    }
}

impl Tap for HashTap {
    fn see(&mut self, bytes: &[u8]) {
        if let [(_, digest)] = &mut self.digests[..] {
            return digest.update(bytes);
        }
        for part in bytes.chunks(STRIDE) {
            for (_, digest) in &mut self.digests {
                digest.update(part);
            }
        }
    }

    fn finish(&mut self) -> Option<String> {
        let mut text = b"{".to_vec();
        for (i, (algorithm, digest)) in self.digests.drain(..).enumerate() {
            if i > 0 {
                text.push(b',');
            }
            text.extend_from_slice(format!("\"{algorithm}\":\"").as_bytes());
            self.encoding.append(digest.finalize().as_slice(), &mut text);
            text.push(b'"');
        }
        text.push(b'}');
        String::from_utf8(text).ok()
    }
}
