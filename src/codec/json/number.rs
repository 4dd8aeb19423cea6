//! Numbers (RFC 8259 section 6), sixteen digits at a time.

use super::fault::{Fault, Problem};
use super::scan::byte;
use super::sixteen::digit_mask;

/// Scans a number; returns the index after it.
#[inline(always)]
pub(super) fn number(text: &[u8], start: usize) -> Result<usize, Fault> {
    let first = start + usize::from(byte(text, start) == b'-');
    let mut at = digits(text, start, first)?;
    if byte(text, first) == b'0' && at != first + 1 {
        return Err(Fault::new(start, Problem::Number));
    }
    let mut next = byte(text, at);
    if next == b'.' {
        at = digits(text, start, at + 1)?;
        next = byte(text, at);
    }
    if next | 0x20 == b'e' {
        let sign = byte(text, at + 1);
        at = digits(text, start, at + 1 + usize::from(sign == b'+' || sign == b'-'))?;
    }
    Ok(at)
}

/// Scans one digit or more at `at`.
#[inline(always)]
fn digits(text: &[u8], start: usize, at: usize) -> Result<usize, Fault> {
    let end = digits_end(text, at);
    if end == at {
        return Err(match byte(text, at) {
            b'\n' => Fault::new(at, Problem::End),
            _ => Fault::new(start, Problem::Number),
        });
    }
    Ok(end)
}

/// The index of the first byte at or after `at` that is no digit, or `text.len()`.
#[inline(always)]
fn digits_end(text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let others = !digit_mask(chunk);
        if others as u16 != 0 {
            return at + others.trailing_zeros() as usize;
        }
        at += 16;
    }
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    at
}
