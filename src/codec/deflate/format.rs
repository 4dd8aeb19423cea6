//! Wrappers around raw deflate data: gzip (RFC 1952), zlib (RFC 1950), or none.

use libdeflater::{Adler32, Crc};

/// What surrounds the raw deflate data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// RFC 1952: `gzip` and `gunzip`.
    Gzip,
    /// RFC 1950: Node's `deflate` and `inflate`.
    Zlib,
    /// Nothing (RFC 1951): Node's `deflateRaw` and `inflateRaw`.
    Raw,
}

/// Longest header of [`Format::push_header`] in bytes.
pub(super) const MAX_HEADER: usize = 10;

/// zlib's `Z_HUFFMAN_ONLY`: from this strategy on, zlib calls the result its fastest.
const HUFFMAN_ONLY: i32 = 2;

impl Format {
    /// Appends the header that zlib writes for these options: a gzip header without time, name or comment and with
    /// the system "Unix", or a zlib header, with the dictionary's Adler-32 where there is one.
    ///
    /// `level` is -1 to 9, `window_bits` 9 to 15.
    pub fn push_header(
        self,
        level: i32,
        strategy: i32,
        window_bits: i32,
        dictionary: Option<u32>,
        out: &mut Vec<u8>,
    ) {
        let level = if level == -1 { 6 } else { level };
        let fastest = strategy >= HUFFMAN_ONLY || level < 2;
        match self {
            Self::Gzip => {
                let xfl = match level {
                    9 => 2,
                    _ if fastest => 4,
                    _ => 0,
                };
                out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, xfl, 3]);
            }
            Self::Zlib => {
                let flevel = match level {
                    _ if fastest => 0,
                    ..6 => 1,
                    6 => 2,
                    _ => 3,
                };
                let fdict = if dictionary.is_some() { 0x20 } else { 0 };
                let cmf = 8 + (window_bits.clamp(9, 15) as u16 - 8) * 16;
                let head = cmf << 8 | flevel << 6 | fdict;
                // RFC 1950, FCHECK: the two bytes are a multiple of 31.
                out.extend_from_slice(&(head + (31 - head % 31)).to_be_bytes());
                if let Some(id) = dictionary {
                    out.extend_from_slice(&id.to_be_bytes());
                }
            }
            Self::Raw => {}
        }
    }

    /// Appends the trailer: checksum and length of the plain bytes for gzip, the checksum alone for zlib.
    pub fn push_trailer(self, check: u32, plain_bytes: u64, out: &mut Vec<u8>) {
        match self {
            Self::Gzip => {
                out.extend_from_slice(&check.to_le_bytes());
                // RFC 1952, ISIZE: modulo 2^32.
                out.extend_from_slice(&(plain_bytes as u32).to_le_bytes());
            }
            Self::Zlib => out.extend_from_slice(&check.to_be_bytes()),
            Self::Raw => {}
        }
    }

    /// The checksum of no bytes: CRC-32 for gzip, Adler-32 for zlib, 0 for raw, which has none.
    pub fn check_start(self) -> u32 {
        u32::from(self == Self::Zlib)
    }

    /// The checksum of what gave `check`, followed by `bytes`.
    pub fn check_update(self, check: u32, bytes: &[u8]) -> u32 {
        match self {
            Self::Gzip => {
                let mut crc = Crc::with_initial(check);
                crc.update(bytes);
                crc.sum()
            }
            Self::Zlib => {
                let mut adler = Adler32::with_initial(check);
                adler.update(bytes);
                adler.sum()
            }
            Self::Raw => 0,
        }
    }

    /// The checksum of what gave `left`, followed by the `right_bytes` bytes that gave `right`.
    pub fn check_combine(self, left: u32, right: u32, right_bytes: u64) -> u32 {
        match self {
            Self::Gzip => {
                // The lengths only matter for `right`, as the CRC's shift.
                let mut hasher = crc32fast::Hasher::new_with_initial_len(left, 0);
                hasher.combine(&crc32fast::Hasher::new_with_initial_len(right, right_bytes));
                hasher.finalize()
            }
            Self::Zlib => adler32_combine(left, right, right_bytes),
            Self::Raw => 0,
        }
    }
}

/// RFC 1950: both halves are sums modulo 65521. The low half starts at 1, which the second part counted once too
/// often; the high half sums the low one, so each of the second part's bytes adds the first part's low half again.
fn adler32_combine(left: u32, right: u32, right_bytes: u64) -> u32 {
    const BASE: u64 = 65521;
    let (left, right) = (u64::from(left), u64::from(right));
    let (low, high) = (left & 0xffff, left >> 16);
    let shift = right_bytes % BASE * (low + BASE - 1) % BASE;
    let low = (low + (right & 0xffff) + BASE - 1) % BASE;
    let high = (high + (right >> 16) + shift) % BASE;
    (high << 16 | low) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(
        format: Format,
        level: i32,
        strategy: i32,
        window_bits: i32,
        dictionary: Option<u32>,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        format.push_header(level, strategy, window_bits, dictionary, &mut out);
        out
    }

    #[test]
    fn headers_are_those_of_node() {
        for (level, xfl, zlib, with_dictionary) in [
            (-1, 0, [0x78, 0x9c], [0x78, 0xbb]),
            (0, 4, [0x78, 0x01], [0x78, 0x3f]),
            (1, 4, [0x78, 0x01], [0x78, 0x3f]),
            (2, 0, [0x78, 0x5e], [0x78, 0x7d]),
            (5, 0, [0x78, 0x5e], [0x78, 0x7d]),
            (6, 0, [0x78, 0x9c], [0x78, 0xbb]),
            (7, 0, [0x78, 0xda], [0x78, 0xf9]),
            (9, 2, [0x78, 0xda], [0x78, 0xf9]),
        ] {
            assert_eq!(header(Format::Gzip, level, 0, 15, None), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, xfl, 3]);
            assert_eq!(header(Format::Zlib, level, 0, 15, None), zlib);
            let mut expected = with_dictionary.to_vec();
            expected.extend([0x06, 0x2c, 0x02, 0x15]);
            assert_eq!(header(Format::Zlib, level, 0, 15, Some(0x062c_0215)), expected);
        }
        assert_eq!(header(Format::Zlib, -1, 0, 9, None), [0x18, 0x95]);
        assert_eq!(header(Format::Zlib, -1, 0, 10, None), [0x28, 0x91]);
        assert_eq!(header(Format::Zlib, 6, 2, 15, None), [0x78, 0x01]);
        assert_eq!(header(Format::Gzip, 6, 3, 15, None)[8], 4);
        assert!(header(Format::Raw, 6, 0, 15, None).is_empty());
    }

    proptest! {
        #[test]
        fn combined_checks_are_those_of_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..5000), at in 0usize..5000) {
            let (left, right) = bytes.split_at(at.min(bytes.len()));
            for format in [Format::Gzip, Format::Zlib, Format::Raw] {
                let start = format.check_start();
                let whole = format.check_update(start, &bytes);
                let part = format.check_update(start, left);
                prop_assert_eq!(format.check_update(part, right), whole);
                let other = format.check_update(start, right);
                prop_assert_eq!(format.check_combine(part, other, right.len() as u64), whole);
            }
        }
    }
}
