//! Scanning inside a JSON string, sixteen bytes at a time.

use super::fault::{Fault, Problem};
use super::sixteen::stop_mask;

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
                at = escapes(text, at)?;
            }
            Some(b'\n') | None => return Err(Fault::new(at, Problem::End)),
            Some(_) => return Err(Fault::new(at, Problem::Control)),
        }
    }
}

/// Bytes of a string that are looked at together, once it has an escape: where there is one, there are many.
const WORD: usize = 64;

/// Checks the escape whose backslash is at `at` and those that follow; returns an index in front of which there is no quote and
/// no control character.
fn escapes(text: &[u8], mut at: usize) -> Result<usize, Fault> {
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<WORD>) {
        let mut stops = stop_mask_64(word);
        let mut next = at + WORD;
        while stops != 0 {
            let place = stops.trailing_zeros() as usize;
            if word[place] != b'\\' {
                return Ok(at + place);
            }
            if !text.get(at + place + 1).is_some_and(|&byte| SHORT[usize::from(byte)]) {
                return escape(text, at + place);
            }
            if place == WORD - 1 {
                next += 1;
            }
            stops &= !(3 << place);
        }
        at = next;
    }
    // Only the last bytes of a block come here.
    if text.get(at) == Some(&b'\\') { escape(text, at) } else { Ok(at) }
}

/// Whether a byte behind a backslash makes a whole escape.
const SHORT: [bool; 256] = {
    let mut short = [false; 256];
    let mut bytes: &[u8] = b"\"\\/bfnrt";
    while let [byte, rest @ ..] = bytes {
        short[*byte as usize] = true;
        bytes = rest;
    }
    short
};

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

/// [`stop_mask`] of more.
#[inline(always)]
fn stop_mask_64(word: &[u8; WORD]) -> u64 {
    let mut mask = 0;
    for (place, chunk) in word.as_chunks::<16>().0.iter().enumerate() {
        mask |= u64::from(stop_mask(chunk)) << (16 * place);
    }
    mask
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
