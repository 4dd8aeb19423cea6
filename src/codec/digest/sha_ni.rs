//! SHA-256 (FIPS 180-4) of two messages at once, by the SHA extensions of x86-64.
//!
//! Each round waits for the one before: one message leaves half of the unit idle. Two that do not know of each other fill
//! it, which is what many short messages (the rows of a block) are good for.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::sync::OnceLock;

/// The state between blocks, as FIPS 180-4 has it: a to h.
type State = [u32; 8];

const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Four constants of FIPS 180-4 section 4.2.2 for each four rounds.
const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// Whether this machine has what [`digest_each`] needs.
pub(super) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1")
    })
}

/// A message on its way: whole blocks of its own bytes, then one or two of padding.
struct Lane<'a> {
    number: usize,
    state: State,
    blocks: &'a [[u8; 64]],
    padding: [[u8; 64]; 2],
    /// Blocks of the padding that are done or, where one is enough, not needed.
    padded: usize,
}

impl<'a> Lane<'a> {
    fn new(number: usize, message: &'a [u8]) -> Self {
        let (blocks, rest) = message.as_chunks::<64>();
        // 0x80 and, in the last eight bytes, the length in bits.
        let padded = usize::from(rest.len() < 56);
        let mut padding = [[0; 64]; 2];
        padding[padded][..rest.len()].copy_from_slice(rest);
        padding[padded][rest.len()] = 0x80;
        padding[1][56..].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
        Self { number, state: START, blocks, padding, padded }
    }

    /// The next blocks that lie behind each other; empty at the end.
    fn next(&self) -> &[[u8; 64]] {
        if self.blocks.is_empty() { &self.padding[self.padded..] } else { self.blocks }
    }

    fn advance(&mut self, blocks: usize) {
        if self.blocks.is_empty() {
            self.padded += blocks;
        } else {
            self.blocks = &self.blocks[blocks..];
        }
    }

    fn is_done(&self) -> bool {
        self.blocks.is_empty() && self.padded == 2
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }
}

/// Calls `each` with every message's number and digest, in no particular order. Only where [`is_available`].
pub(super) fn digest_each<'a>(
    messages: impl Iterator<Item = &'a [u8]>,
    mut each: impl FnMut(usize, [u8; 32]),
) {
    assert!(is_available());
    let mut messages = messages.enumerate().map(|(number, message)| Lane::new(number, message));
    let (mut first, mut second) = (messages.next(), messages.next());
    loop {
        match (&mut first, &mut second) {
            (Some(a), Some(b)) => {
                let count = a.next().len().min(b.next().len());
                let mut states = [a.state, b.state];
                // SAFETY: the instructions that `compress` is made of are there: asserted above.
                unsafe { compress(&mut states, [a.next(), b.next()], count) };
                [a.state, b.state] = states;
                a.advance(count);
                b.advance(count);
            }
            (Some(a), None) | (None, Some(a)) => {
                let count = a.next().len();
                let mut states = [a.state];
                // SAFETY: as above.
                unsafe { compress(&mut states, [a.next()], count) };
                [a.state] = states;
                a.advance(count);
            }
            (None, None) => return,
        }
        for lane in [&mut first, &mut second] {
            if let Some(done) = lane.take_if(|lane| lane.is_done()) {
                each(done.number, done.digest());
                *lane = messages.next();
            }
        }
    }
}

/// Takes the first `count` blocks of each message into its state.
#[expect(clippy::needless_range_loop, reason = "one index for all lanes")]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn compress<const N: usize>(states: &mut [State; N], blocks: [&[[u8; 64]]; N], count: usize) {
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    // The instructions want the words of the state as (a, b, e, f) and (c, d, g, h), the first one highest.
    let mut abef = [_mm_setzero_si128(); N];
    let mut cdgh = abef;
    for lane in 0..N {
        let [a, b, c, d, e, f, g, h] = states[lane].map(|word| word as i32);
        abef[lane] = _mm_set_epi32(a, b, e, f);
        cdgh[lane] = _mm_set_epi32(c, d, g, h);
    }
    for at in 0..count {
        let (abef_before, cdgh_before) = (abef, cdgh);
        let mut w = [[_mm_setzero_si128(); 4]; N];
        macro_rules! four_rounds {
            ($($i:literal)*) => {$(
                for lane in 0..N {
                    let words = &mut w[lane];
                    if $i < 4 {
                        let quarter = &blocks[lane][at].as_chunks::<16>().0[$i & 3];
                        let whole = u128::from_le_bytes(*quarter);
                        let bytes = _mm_set_epi64x((whole >> 64) as i64, whole as i64);
                        words[$i & 3] = _mm_shuffle_epi8(bytes, big_endian);
                    } else {
                        let (old, newer) = (words[$i & 3], words[($i + 1) & 3]);
                        let (middle, newest) = (words[($i + 2) & 3], words[($i + 3) & 3]);
                        let sum = _mm_add_epi32(
                            _mm_sha256msg1_epu32(old, newer),
                            _mm_alignr_epi8(newest, middle, 4),
                        );
                        words[$i & 3] = _mm_sha256msg2_epu32(sum, newest);
                    }
                    let k = K[$i].map(|word| word as i32);
                    let sum = _mm_add_epi32(words[$i & 3], _mm_set_epi32(k[3], k[2], k[1], k[0]));
                    cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
                    abef[lane] =
                        _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0e));
                }
            )*};
        }
        four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for lane in 0..N {
            abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
        }
    }
    for lane in 0..N {
        let word = |high: i64, low: i64| [(high >> 32) as u32, high as u32, (low >> 32) as u32, low as u32];
        let [a, b, e, f] = word(_mm_extract_epi64(abef[lane], 1), _mm_extract_epi64(abef[lane], 0));
        let [c, d, g, h] = word(_mm_extract_epi64(cdgh[lane], 1), _mm_extract_epi64(cdgh[lane], 0));
        states[lane] = [a, b, c, d, e, f, g, h];
    }
}
