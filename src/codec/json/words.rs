//! The inner steps of scans where there is no [`sse2`](super::sse2): two words of eight bytes.

const ONES: u64 = 0x0101_0101_0101_0101;
const LOW: u64 = 0x7f * ONES;
const HIGH: u64 = !LOW;

/// One bit for each byte that ends a plain run within a string: quote, backslash or control character.
#[inline(always)]
pub(super) fn stop_mask(chunk: &[u8; 16]) -> u32 {
    mask(*chunk, |word| {
        let quote = filled(word ^ (ONES * b'"' as u64));
        let backslash = filled(word ^ (ONES * b'\\' as u64));
        let control = filled(word & (ONES * 0xe0));
        !(quote & backslash & control)
    })
}

/// One bit for each digit.
#[inline(always)]
pub(super) fn digit_mask(chunk: &[u8; 16]) -> u32 {
    mask(*chunk, |word| {
        // `0` to `?` have the same upper half; adding six to the lower one carries out of it from ten on.
        let from_zero = word ^ (ONES * b'0' as u64);
        !(filled(from_zero & (ONES * 0xf0))
            | filled(((from_zero & (ONES * 0x0f)) + ONES * 6) & (ONES * 0x10)))
    })
}

/// One bit for each byte that is the same in both.
#[inline(always)]
pub(super) fn equal_mask(one: &[u8; 16], other: &[u8; 16]) -> u32 {
    let differ = u128::from_le_bytes(*one) ^ u128::from_le_bytes(*other);
    mask(differ.to_le_bytes(), |word| !filled(word))
}

/// Bit 7 of each byte that is not zero. No carry leaves its byte.
#[inline(always)]
fn filled(word: u64) -> u64 {
    (((word & LOW) + LOW) | word) & HIGH
}

/// Bit 7 of each byte of what `test` makes of the chunk's words.
#[inline(always)]
fn mask(chunk: [u8; 16], test: impl Fn(u64) -> u64) -> u32 {
    // The product brings the bits of all bytes together in the highest one.
    let gathered = |word| (((test(word) & HIGH) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
    let whole = u128::from_le_bytes(chunk);
    gathered(whole as u64) | gathered((whole >> 64) as u64) << 8
}
