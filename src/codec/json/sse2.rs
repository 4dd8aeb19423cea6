//! The inner steps of scans in SSE2, which every x86-64 has.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    _mm_sub_epi8,
};

/// One bit for each byte that ends a plain run within a string: quote, backslash or control character.
#[inline(always)]
pub(super) fn stop_mask(chunk: &[u8; 16]) -> u32 {
    // SAFETY: SSE2 is part of the x86-64 baseline, and none of these instructions touches memory.
    unsafe {
        let bytes = load(chunk);
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))) as u32
    }
}

/// One bit for each digit.
#[inline(always)]
pub(super) fn digit_mask(chunk: &[u8; 16]) -> u32 {
    // SAFETY: as above.
    unsafe {
        let value = _mm_sub_epi8(load(chunk), _mm_set1_epi8(b'0' as i8));
        _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value)) as u32
    }
}

/// One bit for each byte that is the same in both.
#[inline(always)]
pub(super) fn equal_mask(one: &[u8; 16], other: &[u8; 16]) -> u32 {
    // SAFETY: as above.
    unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(load(one), load(other))) as u32 }
}

#[inline(always)]
fn load(chunk: &[u8; 16]) -> __m128i {
    let whole = u128::from_le_bytes(*chunk);
    // SAFETY: as above.
    unsafe { _mm_set_epi64x((whole >> 64) as i64, whole as i64) }
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_told_as_by_words() {
        for byte in 0..=255_u8 {
            for (place, background) in
                (0..16).flat_map(|place| [0_u8, b'x', 0xff].map(|other| (place, other)))
            {
                let mut chunk = [background; 16];
                chunk[place] = byte;
                let stops = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
                let expected = |test: &dyn Fn(u8) -> bool| {
                    (0..16).map(|at| u32::from(test(chunk[at])) << at).sum::<u32>()
                };
                for mask in [stop_mask(&chunk), words::stop_mask(&chunk)] {
                    assert_eq!(mask, expected(&stops), "{chunk:?}");
                }
                for mask in [digit_mask(&chunk), words::digit_mask(&chunk)] {
                    assert_eq!(mask, expected(&|byte| byte.is_ascii_digit()), "{chunk:?}");
                }
                let other = [b'x'; 16];
                for mask in [equal_mask(&chunk, &other), words::equal_mask(&chunk, &other)] {
                    assert_eq!(mask, expected(&|byte| byte == b'x'), "{chunk:?}");
                }
            }
        }
    }
}
