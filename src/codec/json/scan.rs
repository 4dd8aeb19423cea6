//! A one-pass scanner for one row of JSON: RFC 8259 as `JSON.parse` reads it.
//!
//! It accepts lone surrogates in escapes, numbers beyond the range of a double, doubled keys and any nesting depth
//! (kept in a stack of bits, so that 100,000 brackets cost 12 KiB and no recursion). It does not look at UTF-8: the
//! block is checked as a whole beforehand. Since a row ends at LF, LF is the end of the text here and no whitespace.

use super::fault::{Fault, Problem};
use super::string::string;

/// Where a member of the top-level object stands in the scanned text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// After the `{` or `,` before the member.
    pub start: usize,
    /// The opening quote of the key.
    pub key_start: usize,
    /// After the closing quote of the key.
    pub key_end: usize,
    /// The first byte of the value.
    pub value_start: usize,
    /// After the last byte of the value.
    pub value_end: usize,
    /// The key holds an escape, so that its bytes are not its text.
    pub key_escaped: bool,
}

/// Where a row's value stands in the scanned text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The first byte of the value.
    pub value_start: usize,
    /// After the last byte of the value.
    pub value_end: usize,
    /// The LF that ends the row, or the end of the text.
    pub end: usize,
}

/// Scans rows; keeps its memory from row to row.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Members of the top-level object of the last row scanned by [`Scanner::members`], in order.
    pub found: Vec<Member>,
    spilled: Vec<u64>,
}

impl Scanner {
    /// Checks the row that starts at `start`.
    ///
    /// # Errors
    /// The first fault; [`Problem::Blank`] where there is nothing but whitespace.
    #[inline]
    pub fn check(&mut self, text: &[u8], start: usize) -> Result<Row, Fault> {
        self.scan::<false>(text, start)
    }

    /// Checks the row that starts at `start`, and notes the members of a top-level object in `found`.
    ///
    /// # Errors
    /// As [`Scanner::check`].
    #[inline]
    pub fn members(&mut self, text: &[u8], start: usize) -> Result<Row, Fault> {
        self.found.clear();
        self.scan::<true>(text, start)
    }

    #[inline]
    fn scan<const NOTE: bool>(&mut self, text: &[u8], start: usize) -> Result<Row, Fault> {
        let mut at = space(text, start);
        let value_start = at;
        if byte(text, at) == b'\n' {
            return Err(Fault::new(at, Problem::Blank));
        }
        self.spilled.clear();
        let mut nest = Nest { depth: 0, kinds: 0, spilled: &mut self.spilled };
        'value: loop {
            // `at` is at the first byte of a value.
            match byte(text, at) {
                b'"' => at = string(text, at + 1)?.after,
                b'0'..=b'9' | b'-' => at = number(text, at)?,
                b'{' => {
                    nest.push(OBJECT);
                    let open = at + 1;
                    at = space(text, open);
                    if byte(text, at) != b'}' {
                        at = key::<NOTE>(text, open, at, nest.depth, &mut self.found)?;
                        continue 'value;
                    }
                    nest.pop();
                    at += 1;
                }
                b'[' => {
                    nest.push(ARRAY);
                    at = space(text, at + 1);
                    if byte(text, at) != b']' {
                        continue 'value;
                    }
                    nest.pop();
                    at += 1;
                }
                b't' => at = literal(text, at, b"true")?,
                b'f' => at = literal(text, at, b"false")?,
                b'n' => at = literal(text, at, b"null")?,
                _ => return Err(unexpected(text, at)),
            }
            // `at` is after a value.
            loop {
                if nest.depth == 0 {
                    break 'value;
                }
                if NOTE
                    && nest.depth == 1
                    && nest.in_object()
                    && let Some(member) = self.found.last_mut()
                {
                    member.value_end = at;
                }
                at = space(text, at);
                match byte(text, at) {
                    b',' => {
                        let open = at + 1;
                        at = space(text, open);
                        if nest.in_object() {
                            at = key::<NOTE>(text, open, at, nest.depth, &mut self.found)?;
                        }
                        continue 'value;
                    }
                    b'}' if nest.in_object() => {}
                    b']' if !nest.in_object() => {}
                    _ => return Err(unexpected(text, at)),
                }
                nest.pop();
                at += 1;
            }
        }
        let value_end = at;
        at = space(text, at);
        if byte(text, at) != b'\n' {
            return Err(unexpected(text, at));
        }
        Ok(Row { value_start, value_end, end: at })
    }
}

const OBJECT: u64 = 1;
const ARRAY: u64 = 0;

/// The open brackets: one bit each, the innermost lowest; 64 in a register, those further out in memory.
struct Nest<'a> {
    depth: usize,
    kinds: u64,
    spilled: &'a mut Vec<u64>,
}

impl Nest<'_> {
    #[inline(always)]
    fn push(&mut self, kind: u64) {
        if self.depth != 0 && self.depth.is_multiple_of(64) {
            self.spill();
        }
        self.kinds = self.kinds << 1 | kind;
        self.depth += 1;
    }

    #[inline(always)]
    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
        if self.depth != 0 && self.depth.is_multiple_of(64) {
            self.restore();
        }
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.kinds & 1 == OBJECT
    }

    #[cold]
    fn spill(&mut self) {
        self.spilled.push(self.kinds);
        self.kinds = 0;
    }

    #[cold]
    fn restore(&mut self) {
        self.kinds = self.spilled.pop().unwrap_or_default();
    }
}

/// The byte at `at`, with LF standing for the end of the text.
#[inline(always)]
fn byte(text: &[u8], at: usize) -> u8 {
    match text.get(at) {
        Some(&byte) => byte,
        None => b'\n',
    }
}

/// The index of the first byte at or after `at` that is no whitespace.
#[inline(always)]
fn space(text: &[u8], mut at: usize) -> usize {
    // One comparison settles it for compact JSON: every byte above the space is no whitespace.
    while byte(text, at) <= b' ' {
        if !matches!(byte(text, at), b' ' | b'\t' | b'\r') {
            break;
        }
        at += 1;
    }
    at
}

/// Scans a key at `at` and the colon after it; returns the index of the value.
#[inline(always)]
fn key<const NOTE: bool>(
    text: &[u8],
    start: usize,
    at: usize,
    depth: usize,
    found: &mut Vec<Member>,
) -> Result<usize, Fault> {
    if byte(text, at) != b'"' {
        return Err(unexpected(text, at));
    }
    let end = string(text, at + 1)?;
    let colon = space(text, end.after);
    if byte(text, colon) != b':' {
        return Err(unexpected(text, colon));
    }
    let value_start = space(text, colon + 1);
    if NOTE && depth == 1 {
        found.push(Member {
            start,
            key_start: at,
            key_end: end.after,
            value_start,
            value_end: value_start,
            key_escaped: end.escaped,
        });
    }
    Ok(value_start)
}

/// Scans a number; returns the index after it.
#[inline(always)]
fn number(text: &[u8], start: usize) -> Result<usize, Fault> {
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
    let mut end = at;
    while byte(text, end).is_ascii_digit() {
        end += 1;
    }
    if end == at {
        return Err(match byte(text, at) {
            b'\n' => Fault::new(at, Problem::End),
            _ => Fault::new(start, Problem::Number),
        });
    }
    Ok(end)
}

/// Scans `true`, `false` or `null`.
#[inline(always)]
fn literal(text: &[u8], at: usize, word: &[u8]) -> Result<usize, Fault> {
    match text.get(at..at + word.len()) {
        Some(found) if found == word => Ok(at + word.len()),
        _ => {
            let same = (0..word.len()).take_while(|&i| byte(text, at + i) == word[i]).count();
            Err(unexpected(text, at + same))
        }
    }
}

#[cold]
fn unexpected(text: &[u8], at: usize) -> Fault {
    Fault::new(at, if byte(text, at) == b'\n' { Problem::End } else { Problem::Character })
}
