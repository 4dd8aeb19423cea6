//! Sixteen bytes of a block at once, with SSE2, which every x86-64 has, or without.
//!
//! The only unsafe code of the encoder: with slices, whose checks are two a load, it is slower by a fifth.
#![allow(unsafe_code)]

use std::ops::{Deref, Range};

/// A block of at least [`View::SHORTEST`] bytes.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    bytes: &'a [u8],
    /// The last position that has 16 bytes: `bytes.len() - 16`.
    last: usize,
}

impl Deref for View<'_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl<'a> View<'a> {
    /// Bytes of the shortest block.
    pub const SHORTEST: usize = 16;

    /// `None` for a shorter block.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.len().checked_sub(Self::SHORTEST).map(|last| Self { bytes, last })
    }

    /// The eight bytes from `at`, the first lowest.
    ///
    /// # Panics
    /// Where there are less than 16 bytes from `at` on.
    #[inline(always)]
    pub fn load8(self, at: usize) -> u64 {
        assert!(at <= self.last);
        // SAFETY: 16 bytes from `at` are within the slice, as `last` is its length less 16; any alignment will do.
        u64::from_le(unsafe { self.bytes.as_ptr().add(at).cast::<u64>().read_unaligned() })
    }

    /// Every position of `range` with the eight bytes from there: as [`load8`](Self::load8), but checked once for all.
    ///
    /// # Panics
    /// Where there are less than 16 bytes from the last of them on.
    #[inline(always)]
    pub fn strings(self, range: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
        assert!(range.is_empty() || range.end <= self.last + 1);
        range.map(move |at| {
            // SAFETY: `at` is within the range, and so at most `last`; otherwise as for `load8`.
            (at, u64::from_le(unsafe { self.bytes.as_ptr().add(at).cast::<u64>().read_unaligned() }))
        })
    }

    /// One bit for each of 16 bytes, the first lowest: whether those from `one` and from `other` are equal.
    ///
    /// # Panics
    /// Where there are less than 16 bytes from either on.
    #[inline(always)]
    pub fn equal16(self, one: usize, other: usize) -> u16 {
        equal_bytes(self.load16(one), self.load16(other))
    }

    #[inline(always)]
    fn load16(self, at: usize) -> u128 {
        assert!(at <= self.last);
        // SAFETY: as for `load8`.
        u128::from_le(unsafe { self.bytes.as_ptr().add(at).cast::<u128>().read_unaligned() })
    }

    /// How far the bytes from `at` go on as those `distance` before them, from `length` equal ones on and up to `max`.
    #[inline(always)]
    pub fn extend(self, at: usize, distance: usize, mut length: usize, max: usize) -> usize {
        while length + 8 <= max && at + length <= self.last {
            let unlike = self.load8(at + length) ^ self.load8(at + length - distance);
            if unlike != 0 {
                return length + unlike.trailing_zeros() as usize / 8;
            }
            length += 8;
        }
        while length < max && self.bytes[at + length] == self.bytes[at + length - distance] {
            length += 1;
        }
        length
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn equal_bytes(one: u128, other: u128) -> u16 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x};
    // SAFETY: SSE2 is part of the x86-64 baseline, and none of these instructions touches memory.
    unsafe {
        let one = _mm_set_epi64x((one >> 64) as i64, one as i64);
        let other = _mm_set_epi64x((other >> 64) as i64, other as i64);
        _mm_movemask_epi8(_mm_cmpeq_epi8(one, other)) as u16
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn equal_bytes(one: u128, other: u128) -> u16 {
    equal_bytes_portably(one, other)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_bytes_portably(one: u128, other: u128) -> u16 {
    let (one, other) = (one.to_le_bytes(), other.to_le_bytes());
    one.iter().zip(other).rev().fold(0, |mask, (one, other)| mask << 1 | u16::from(*one == other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_bytes_are_found(one in any::<u128>(), mask in any::<u16>(), other in any::<u128>()) {
            let (one, other) = (one.to_le_bytes(), other.to_le_bytes());
            let mixed: [u8; 16] = std::array::from_fn(|i| if mask >> i & 1 == 1 { one[i] } else { other[i] });
            let expected = (0..16).fold(0, |bits, i| bits | u16::from(one[i] == mixed[i]) << i);
            prop_assert_eq!(equal_bytes(u128::from_le_bytes(one), u128::from_le_bytes(mixed)), expected);
            prop_assert_eq!(equal_bytes_portably(u128::from_le_bytes(one), u128::from_le_bytes(mixed)), expected);
        }

        #[test]
        fn extending_stops_at_the_first_other_byte(
            bytes in prop::collection::vec(0u8..2, 16..80),
            at in 1usize..80,
            distance in 1usize..80,
        ) {
            let at = at.min(bytes.len() - 1);
            let distance = distance.min(at);
            let view = View::new(&bytes).unwrap();
            let max = bytes.len() - at;
            let expected = (0..max).take_while(|i| bytes[at + i] == bytes[at + i - distance]).count();
            prop_assert_eq!(view.extend(at, distance, 0, max), expected);
        }
    }

    #[test]
    fn strings_are_loads_in_a_row() {
        let bytes: Vec<u8> = (0..40).collect();
        let view = View::new(&bytes).unwrap();
        for (from, to) in [(0, 25), (7, 7), (25, 25), (30, 12)] {
            let expected: Vec<_> = (from..to).map(|at| (at, view.load8(at))).collect();
            assert_eq!(view.strings(from..to).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    #[should_panic]
    fn strings_beyond_the_end_are_refused() {
        let _ = View::new(&[0; 40]).unwrap().strings(20..26);
    }

    #[test]
    #[should_panic]
    fn loads_beyond_the_end_are_refused() {
        View::new(&[0; 20]).unwrap().load8(5);
    }
}
