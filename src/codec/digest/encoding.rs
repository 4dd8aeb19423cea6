//! Digests as text.

/// How a digest is written, as in Node's `hash.digest(encoding)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Lower-case hex.
    #[default]
    Hex,
    /// RFC 4648 section 4, with padding.
    Base64,
    /// RFC 4648 section 5, without padding.
    Base64Url,
}

impl Encoding {
    /// The encoding of this name: `hex`, `base64` or `base64url`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "hex" => Some(Self::Hex),
            "base64" => Some(Self::Base64),
            "base64url" => Some(Self::Base64Url),
            _ => None,
        }
    }

    /// Fills `out` with the first hex characters of `bytes`, as far as they go.
    #[inline]
    pub fn write_hex(bytes: &[u8], out: &mut [u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for (pair, byte) in out.chunks_mut(2).zip(bytes) {
            let digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
            pair.copy_from_slice(&digits[..pair.len()]);
        }
    }

    /// Appends `bytes` to `out` in this encoding.
    #[inline]
    pub fn append(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Hex => {
                let from = out.len();
                out.resize(from + 2 * bytes.len(), 0);
                Self::write_hex(bytes, &mut out[from..]);
            }
            Self::Base64 => {
                base64(b"+/", bytes, out);
                // Each group of three bytes is four characters.
                out.extend(std::iter::repeat_n(b'=', (3 - bytes.len() % 3) % 3));
            }
            Self::Base64Url => base64(b"-_", bytes, out),
        }
    }
}

fn base64(last_two: &[u8; 2], bytes: &[u8], out: &mut Vec<u8>) {
    let character = |six: u32| match six as u8 {
        six @ 0..26 => b'A' + six,
        six @ 26..52 => b'a' + (six - 26),
        six @ 52..62 => b'0' + (six - 52),
        62 => last_two[0],
        _ => last_two[1],
    };
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        out.extend((0..=group.len()).map(|i| character(bits >> (18 - 6 * i) & 63)));
    }
}
