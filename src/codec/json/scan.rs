//! A one-pass scanner for one row of JSON: RFC 8259 as `JSON.parse` reads it.
//!
//! It accepts lone surrogates in escapes, numbers beyond the range of a double, doubled keys and any nesting depth
//! (kept in a stack of bits, so that 100,000 brackets cost 12 KiB and no recursion). It does not look at UTF-8: the
//! block is checked as a whole beforehand. Since a row ends at LF, LF is the end of the text here and no whitespace.

use super::fault::{Fault, Problem};
use super::keys::Keys;
use super::number::number;
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
    keys: Keys,
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
        let mut spilled = std::mem::take(&mut self.spilled);
        spilled.clear();
        self.keys.begin();
        let mut nest = Nest { depth: 0, kinds: 0, spilled: &mut spilled };
        'value: loop {
            // `at` is at the first byte of a value.
            match byte(text, at) {
                b'"' => at = string(text, at + 1)?.after,
                b'0'..=b'9' | b'-' => at = number(text, at)?,
                b'{' => {
                    nest.push(OBJECT);
                    let after = space(text, at + 1);
                    if byte(text, after) != b'}' {
                        at = self.key::<NOTE>(text, at, nest.depth)?;
                        continue 'value;
                    }
                    nest.pop();
                    at = after + 1;
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
                        at = if nest.in_object() {
                            self.key::<NOTE>(text, at, nest.depth)?
                        } else {
                            space(text, at + 1)
                        };
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
        self.spilled = spilled;
        let value_end = at;
        at = space(text, at);
        if byte(text, at) != b'\n' {
            return Err(unexpected(text, at));
        }
        Ok(Row { value_start, value_end, end: at })
    }

    /// Scans the key behind the `{` or `,` at `at`, and the colon after it; returns the index of the value.
    #[inline(always)]
    fn key<const NOTE: bool>(&mut self, text: &[u8], at: usize, depth: usize) -> Result<usize, Fault> {
        let member = match self.keys.expect(text, at) {
            Some(known) => known.member(text, at),
            None => self.unexpected_key(text, at)?,
        };
        if NOTE && depth == 1 {
            self.found.push(member);
        }
        Ok(member.value_start)
    }

    #[inline(never)]
    fn unexpected_key(&mut self, text: &[u8], at: usize) -> Result<Member, Fault> {
        let start = at + 1;
        let key_start = space(text, start);
        if byte(text, key_start) != b'"' {
            return Err(unexpected(text, key_start));
        }
        let end = string(text, key_start + 1)?;
        let colon = space(text, end.after);
        if byte(text, colon) != b':' {
            return Err(unexpected(text, colon));
        }
        let value_start = space(text, colon + 1);
        let member = Member {
            start,
            key_start,
            key_end: end.after,
            value_start,
            value_end: value_start,
            key_escaped: end.escaped,
        };
        self.keys.learn(text, &member);
        Ok(member)
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
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    match text.get(at) {
        Some(&byte) => byte,
        None => b'\n',
    }
}

/// The index of the first byte at or after `at` that is no whitespace.
#[inline(always)]
pub(super) fn space(text: &[u8], mut at: usize) -> usize {
    // One comparison settles it for compact JSON: every byte above the space is no whitespace.
    while byte(text, at) <= b' ' {
        if !matches!(byte(text, at), b' ' | b'\t' | b'\r') {
            break;
        }
        at += 1;
    }
    at
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
