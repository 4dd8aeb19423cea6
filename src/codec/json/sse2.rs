//! The string scan's inner step in SSE2, which every x86-64 has.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
};

/// One bit for each byte that ends a plain run within a string: quote, backslash or control character.
#[inline(always)]
pub(super) fn stop_mask(chunk: &[u8; 16]) -> u32 {
    let whole = u128::from_le_bytes(*chunk);
    // SAFETY: SSE2 is part of the x86-64 baseline, and none of these instructions touches memory.
    unsafe {
        let bytes = _mm_set_epi64x((whole >> 64) as i64, whole as i64);
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))) as u32
    }
}
