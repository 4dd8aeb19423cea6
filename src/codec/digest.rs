//! Message digests and checksums of the bytes that flow by.

mod encoding;
#[cfg(target_arch = "x86_64")]
mod sha_ni;
mod tap;

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

pub use encoding::Encoding;
pub use tap::HashTap;

/// The longest digest in bytes (SHA-512's).
pub const MAX_BYTES: usize = 64;

/// A digest algorithm, by its name in JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `sha256`: FIPS 180-4, 32 bytes.
    Sha256,
    /// `sha512`: FIPS 180-4, 64 bytes.
    Sha512,
    /// `sha1`: FIPS 180-4, 20 bytes. Broken against forgery; for old checksums.
    Sha1,
    /// `md5`: RFC 1321, 16 bytes. Broken against forgery; for old checksums.
    Md5,
    /// `crc32`: the CRC of gzip and PNG (RFC 1952 section 8), 4 bytes, the highest first.
    Crc32,
    /// `blake3`: 32 bytes.
    Blake3,
    /// `xxh3`: XXH3-64 with seed 0, 8 bytes, the highest first. Not cryptographic.
    Xxh3,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Sha256, Self::Sha512, Self::Sha1, Self::Md5, Self::Crc32, Self::Blake3, Self::Xxh3];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Sha1 => "sha1",
            Self::Md5 => "md5",
            Self::Crc32 => "crc32",
            Self::Blake3 => "blake3",
            Self::Xxh3 => "xxh3",
        }
    }

    /// Length of its digest in bytes.
    pub fn digest_bytes(self) -> usize {
        match self {
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha512 => 64,
            Self::Sha1 => 20,
            Self::Md5 => 16,
            Self::Crc32 => 4,
            Self::Xxh3 => 8,
        }
    }

    /// Calls `each` with the number and the digest of every message, in no particular order. Quicker than one by one for
    /// SHA-256 on machines with SHA extensions.
    pub fn digest_each<'a>(
        self,
        messages: impl Iterator<Item = &'a [u8]>,
        mut each: impl FnMut(usize, DigestBytes),
    ) {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Sha256 && sha_ni::is_available() {
            return sha_ni::digest_each(messages, |number, digest| each(number, DigestBytes::new(&digest)));
        }
        for (number, message) in messages.enumerate() {
            each(number, self.digest(message));
        }
    }

    /// The digest of `bytes`, without allocation.
    #[inline]
    pub fn digest(self, bytes: &[u8]) -> DigestBytes {
        match self {
            Self::Sha256 => DigestBytes::new(&sha2::Sha256::digest(bytes)),
            Self::Sha512 => DigestBytes::new(&sha2::Sha512::digest(bytes)),
            Self::Sha1 => DigestBytes::new(&sha1::Sha1::digest(bytes)),
            Self::Md5 => DigestBytes::new(&md5::Md5::digest(bytes)),
            Self::Crc32 => DigestBytes::new(&crc32fast::hash(bytes).to_be_bytes()),
            Self::Blake3 => DigestBytes::new(blake3::hash(bytes).as_bytes()),
            Self::Xxh3 => DigestBytes::new(&xxhash_rust::xxh3::xxh3_64(bytes).to_be_bytes()),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not one of [`Algorithm::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown digest algorithm")
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(UnknownAlgorithm)
    }
}

/// A finished digest, held in place.
#[derive(Clone, Copy)]
pub struct DigestBytes {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

impl DigestBytes {
    #[inline]
    fn new(digest: &[u8]) -> Self {
        let mut bytes = [0; MAX_BYTES];
        bytes[..digest.len()].copy_from_slice(digest);
        Self { bytes, length: digest.len() }
    }

    /// The digest.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// No digest: empty.
impl Default for DigestBytes {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl fmt::Debug for DigestBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = Vec::new();
        Encoding::Hex.append(self.as_slice(), &mut hex);
        f.write_str(&String::from_utf8_lossy(&hex))
    }
}

/// A digest under way.
#[derive(Clone)]
pub struct Digest(State);

#[derive(Clone)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Sha1(sha1::Sha1),
    Md5(md5::Md5),
    Crc32(crc32fast::Hasher),
    Blake3(Box<blake3::Hasher>),
    Xxh3(Box<xxhash_rust::xxh3::Xxh3Default>),
}

impl Digest {
    /// The digest of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
            Algorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
            Algorithm::Md5 => State::Md5(md5::Md5::new()),
            Algorithm::Crc32 => State::Crc32(crc32fast::Hasher::new()),
            Algorithm::Blake3 => State::Blake3(Box::default()),
            Algorithm::Xxh3 => State::Xxh3(Box::default()),
        })
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Md5(state) => state.update(bytes),
            State::Crc32(state) => state.update(bytes),
            State::Blake3(state) => {
                state.update(bytes);
            }
            State::Xxh3(state) => state.update(bytes),
        }
    }

    /// The digest of all that was taken in.
    pub fn finalize(self) -> DigestBytes {
        match self.0 {
            State::Sha256(state) => DigestBytes::new(&state.finalize()),
            State::Sha512(state) => DigestBytes::new(&state.finalize()),
            State::Sha1(state) => DigestBytes::new(&state.finalize()),
            State::Md5(state) => DigestBytes::new(&state.finalize()),
            State::Crc32(state) => DigestBytes::new(&state.finalize().to_be_bytes()),
            State::Blake3(state) => DigestBytes::new(state.finalize().as_bytes()),
            State::Xxh3(state) => DigestBytes::new(&state.digest().to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
