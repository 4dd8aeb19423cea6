//! Digests of rows, taken of many rows together.

use crate::codec::digest::{Algorithm, DigestBytes, Encoding};

/// Rows whose digests are taken together: their bytes are still in the first-level cache, or near.
const TOGETHER: usize = 32;

/// A row that waits for its digest.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// The object's first byte.
    begin: usize,
    /// Where its `}` would be without the member that takes the digest, which begins here.
    end: usize,
    /// The member's first byte: a comma, or a quote where it is the only one.
    begins_with: u8,
    /// Where the hex characters go.
    hex: usize,
}

/// The digests of a block's rows.
#[derive(Debug)]
pub(super) struct Digests {
    algorithm: Algorithm,
    /// Hex characters of a digest to keep.
    length: usize,
    waiting: Vec<Waiting>,
    found: Vec<DigestBytes>,
}

impl Digests {
    pub(super) fn new(algorithm: Algorithm, length: usize) -> Self {
        Self {
            algorithm,
            length: length.min(2 * algorithm.digest_bytes()),
            waiting: Vec::with_capacity(TOGETHER),
            found: Vec::with_capacity(TOGETHER),
        }
    }

    /// Hex characters of a digest.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Appends the digest of `bytes` at once.
    pub(super) fn append(&self, bytes: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        Encoding::Hex.append(self.algorithm.digest(bytes).as_slice(), out);
        out.truncate(from + self.length);
    }

    /// The object `out[begin..end]` with a `}` behind it is to be digested, and its hex characters go to `out[hex..]`, which is
    /// there.
    #[inline]
    pub(super) fn wait(&mut self, begin: usize, end: usize, hex: usize, out: &mut [u8]) {
        self.waiting.push(Waiting { begin, end, begins_with: 0, hex });
        if self.waiting.len() == TOGETHER {
            self.settle(out);
        }
    }

    /// Takes the digests of all rows that wait.
    pub(super) fn settle(&mut self, out: &mut [u8]) {
        // The bracket stands where the member begins as long as the digest is taken.
        for row in &mut self.waiting {
            row.begins_with = std::mem::replace(&mut out[row.end], b'}');
        }
        let text = &*out;
        let rows = self.waiting.iter().map(|row| &text[row.begin..=row.end]);
        self.found.clear();
        self.found.resize(self.waiting.len(), DigestBytes::default());
        self.algorithm.digest_each(rows, |number, digest| self.found[number] = digest);
        for (row, digest) in self.waiting.drain(..).zip(&self.found) {
            out[row.end] = row.begins_with;
            Encoding::write_hex(digest.as_slice(), &mut out[row.hex..row.hex + self.length]);
        }
    }
}
