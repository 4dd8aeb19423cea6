//! Scanning inside a JSON string, sixteen bytes at a time.

use super::fault::{Fault, Problem};

/// What a string scan found: the index after the closing quote, and whether there was an escape.
pub(super) struct StringEnd {
    pub(super) after: usize,
    pub(super) escaped: bool,
}

/// Scans a string whose opening quote is at `at - 1`. The row ends at LF or at the end of `text`.
#[inline(always)]
pub(super) fn string(text: &[u8], mut at: usize) -> Result<StringEnd, Fault> {
    let mut escaped = false;
    loop {
        at = next_stop(text, at);
        match text.get(at) {
            Some(b'"') => return Ok(StringEnd { after: at + 1, escaped }),
            Some(b'\\') => {
                escaped = true;
                at = escape(text, at)?;
            }
            Some(b'\n') | None => return Err(Fault::new(at, Problem::End)),
            Some(_) => return Err(Fault::new(at, Problem::Control)),
        }
    }
}

/// Checks the escape whose backslash is at `at`; returns the index after it. Surrogates need no partner: RFC 8259
/// section 8.2 allows lone ones, and so does `JSON.parse`.
#[inline]
fn escape(text: &[u8], at: usize) -> Result<usize, Fault> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            for digit in at + 2..at + 6 {
                match text.get(digit) {
                    Some(byte) if byte.is_ascii_hexdigit() => {}
                    Some(b'\n') | None => return Err(Fault::new(digit, Problem::End)),
                    Some(_) => return Err(Fault::new(at, Problem::Escape)),
                }
            }
            Ok(at + 6)
        }
        Some(b'\n') | None => Err(Fault::new(at + 1, Problem::End)),
        Some(_) => Err(Fault::new(at, Problem::Escape)),
    }
}

/// The index of the next quote, backslash or control character at or after `at`, or `text.len()`.
#[inline(always)]
fn next_stop(text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let stops = stop_mask(chunk);
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += 16;
    }
    // Only the last fifteen bytes of a block come here.
    while text.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

#[cfg(target_arch = "x86_64")]
use super::sse2::stop_mask;

/// One bit for each byte that ends a plain run within a string; bits above the lowest set one may be missing or wrong, which no caller sees.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn stop_mask(chunk: &[u8; 16]) -> u32 {
    let whole = u128::from_le_bytes(*chunk);
    let low = word_stops(whole as u64);
    if low != 0 {
        return 1 << (low.trailing_zeros() / 8);
    }
    let high = word_stops((whole >> 64) as u64);
    if high != 0 { 0x100 << (high.trailing_zeros() / 8) } else { 0 }
}

/// Bit 7 of the lowest byte that stops is set, and none below it (the classic zero-byte test, whose borrow can
/// only spoil higher bytes).
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn word_stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(byte: u8) -> bool {
        byte < 0x20 || byte == b'"' || byte == b'\\'
    }

    #[test]
    fn every_byte_at_every_place_stops_or_not() {
        for byte in 0..=255_u8 {
            for place in 0..16 {
                let mut chunk = [b'x'; 16];
                chunk[place] = byte;
                assert_eq!(stop_mask(&chunk), u32::from(stops(byte)) << place, "{byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn words_find_the_lowest_stop() {
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                for place in 0..7 {
                    let mut word = [0xff_u8; 8];
                    word[place] = first;
                    word[place + 1] = second;
                    let expected = word.iter().position(|&byte| stops(byte));
                    let found = word_stops(u64::from_le_bytes(word));
                    let found = (found != 0).then(|| found.trailing_zeros() as usize / 8);
                    assert_eq!(found, expected, "{word:?}");
                }
            }
        }
    }
}
