//! The keys of rows before: most rows of a file have the same ones in the same order, spelled alike.
//!
//! What stands from a `{` or `,` to the value behind the key is remembered, as many bytes as one comparison takes. Where a
//! row has the same bytes at such a place, they are as valid as they were, and need no look at each of their parts. A guess
//! that fails costs a little time; what is found never depends on it.

use super::scan::{Member, space};
use super::sixteen::equal_mask as equal_mask_16;

/// Bytes of a spelling that are remembered.
const LONGEST: usize = 32;
/// Keys of a row that are remembered.
const MOST: usize = 128;
/// Keys behind the expected one that are tried, for rows that lack some.
const SKIPS: usize = 3;
/// A guess that fails takes longer than none. Where rows are not alike, nothing is expected for two to the power of this many
/// rows at the most.
const MOST_FAILURES: u32 = 8;

/// A key with its punctuation. Places are relative to the `{` or `,`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spelling {
    text: [u8; LONGEST],
    /// One bit for each byte of it, up to where a value may begin.
    needed: u32,
    key_start: u32,
    key_end: u32,
    length: u32,
    escaped: bool,
}

/// The keys that are expected in the next rows, in order of appearance, those of nested objects among them.
#[derive(Debug, Default)]
pub(super) struct Keys {
    spellings: Vec<Spelling>,
    /// The next one of them. Beyond them while nothing is expected.
    next: usize,
    /// Spellings that there were when the row began, and guesses of it that failed.
    known: usize,
    misses: usize,
    /// Times in a row that too many failed.
    failures: u32,
    /// Rows to come in which nothing is expected, for the ones before were not alike.
    rest: u32,
}

impl Keys {
    /// A row begins.
    #[inline]
    pub(super) fn begin(&mut self) {
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        if self.known > 0 {
            let alike = 4 * self.misses <= self.known;
            self.failures = if alike { 0 } else { (self.failures + 1).min(MOST_FAILURES) };
            if !alike {
                self.spellings.clear();
            }
            if self.failures > 1 {
                self.rest = 1 << self.failures;
                self.known = 0;
                self.next = usize::MAX;
                return;
            }
        }
        self.known = self.spellings.len();
        self.next = 0;
        self.misses = 0;
    }

    /// The expected key, if it stands at `at`, where the `{` or `,` is.
    #[inline(always)]
    pub(super) fn expect(&mut self, text: &[u8], at: usize) -> Option<&Spelling> {
        let bytes = text.get(at..)?.first_chunk::<LONGEST>()?;
        let mut number = self.next;
        if !self.spellings.get(number)?.is(bytes) {
            number = self.search(bytes)?;
        }
        self.next = number + 1;
        Some(&self.spellings[number])
    }

    #[inline(never)]
    fn search(&mut self, bytes: &[u8; LONGEST]) -> Option<usize> {
        self.misses += 1;
        let from = self.next + 1;
        let skipped = self.spellings[from..].iter().take(SKIPS).position(|spelling| spelling.is(bytes));
        skipped.map(|skipped| from + skipped)
    }

    /// Remembers a key behind all that are known.
    #[inline]
    pub(super) fn learn(&mut self, text: &[u8], member: &Member) {
        if self.next == self.spellings.len() && self.next < MOST {
            self.spellings.push(Spelling::new(text, member));
            self.next += 1;
        }
    }
}

impl Spelling {
    fn new(source: &[u8], member: &Member) -> Self {
        // With the `{` or `,`.
        let at = member.start - 1;
        let bytes = &source[at..member.value_start];
        let mut text = [0; LONGEST];
        let known = bytes.len().min(LONGEST);
        text[..known].copy_from_slice(&bytes[..known]);
        if bytes.len() > LONGEST {
            // Is nowhere: a bracket or a comma stands at the place.
            text[0] = 0;
        }
        Self {
            text,
            needed: u32::MAX >> (LONGEST - known),
            key_start: (member.key_start - at) as u32,
            key_end: (member.key_end - at) as u32,
            length: known as u32,
            escaped: member.key_escaped,
        }
    }

    /// The member whose `{` or `,` is at `at`, with no value yet.
    #[inline(always)]
    pub(super) fn member(&self, text: &[u8], at: usize) -> Member {
        // Behind the colon there may be more space than there was.
        let value_start = space(text, at + self.length as usize);
        Member {
            start: at + 1,
            key_start: at + self.key_start as usize,
            key_end: at + self.key_end as usize,
            value_start,
            value_end: value_start,
            key_escaped: self.escaped,
        }
    }

    #[inline(always)]
    fn is(&self, bytes: &[u8; LONGEST]) -> bool {
        equal_mask(bytes, &self.text) & self.needed == self.needed
    }
}

/// One bit for each byte that is the same in both.
#[inline(always)]
fn equal_mask(one: &[u8; LONGEST], other: &[u8; LONGEST]) -> u32 {
    let (one, other) = (one.as_chunks::<16>().0, other.as_chunks::<16>().0);
    equal_mask_16(&one[0], &other[0]) | equal_mask_16(&one[1], &other[1]) << 16
}
