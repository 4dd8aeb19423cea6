//! Where bytes repeat: the copies of a block.
//!
//! A table keeps the last four places of each string of six bytes, or five. Where bytes of the input begin a string that
//! was there before, the latest place gives a copy. What makes it longer is not looked for among the other places of its
//! beginning, of which rows of one kind have a hundred in a window, but among those of its *end*: a longer copy has the
//! string there that ends one byte (or two) behind the present copy. Those places are few, each is compared both ways, and
//! each lengthens the copy, or shows a longer one that begins one or two bytes later, for which lazy matching would have to
//! search anew. This goes on until no place is better: the longest match of a window costs about three looks at the table.
//!
//! Of bytes that begin no such string every second is looked up: most of them are digits and names that were never there
//! before, and a copy that is found one byte late is made longer to the front.

use super::symbols::{Histogram, MAX_LENGTH, Sequence, WINDOW};
use super::view::View;

/// Strings that the table tells apart, as a power of two. Its 128 KiB stay in the second cache.
const TABLE_BITS: u32 = 14;
/// Shortest copy: one of 4 bytes costs as much as digits and letters do.
const MIN_COPY: usize = 5;
/// Bytes of a copy's end that, with at least one behind it, are looked up for a longer copy.
const OVERLAP: usize = 4;
/// What a copy that begins 0, 1, 2 or more bytes later must be longer by, in quarters of bytes.
const DELAY: [i32; 4] = [0, 6, 14, 1000];
/// Added to positions, so that an empty place of the table lies farther back than the window.
const FIRST: usize = WINDOW + 1;
/// Bytes before and behind what is compared that must exist.
const MARGIN: usize = 32;

/// Which places of each string are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The last.
    One,
    /// The last two.
    Two,
    /// All four.
    Four,
    /// All four, of strings of five bytes. Where little else than copies is left, those of five bytes count; elsewhere they push
    /// longer ones out of the table.
    FourShort,
}

/// The last places of strings.
#[derive(Debug)]
pub struct Places {
    /// Four positions modulo 65536 each, the latest lowest.
    table: Box<[u64; 1 << TABLE_BITS]>,
}

/// The row of a string of `STRING` bytes, from the eight bytes that begin with it.
#[inline(always)]
fn row_of<const STRING: usize>(string: u64) -> usize {
    let string = string << (64 - 8 * STRING);
    (string.wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - TABLE_BITS)) as usize
}

/// A position as the table keeps it.
#[inline(always)]
fn short(at: usize) -> u16 {
    (at + FIRST) as u16
}

/// Distances from `at` of the places in a row; 0 for one that is not in the window.
#[inline(always)]
fn distance(at: usize, places: u64, index: usize) -> usize {
    let distance = usize::from(short(at).wrapping_sub((places >> (16 * index)) as u16));
    if distance <= WINDOW { distance } else { 0 }
}

/// A copy that is being made longer.
#[derive(Debug, Clone, Copy)]
struct Copy {
    start: usize,
    length: usize,
    distance: usize,
}

/// What the search gives: sequences and how often they have each symbol.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// The block.
    pub bytes: View<'a>,
    /// Appended to.
    pub sequences: &'a mut Vec<Sequence>,
    /// Added to.
    pub counts: &'a mut Histogram,
    /// Where the literals begin that no sequence has yet.
    pub literals_from: usize,
}

impl Parsed<'_> {
    #[inline(always)]
    fn push(&mut self, copy: Copy) {
        let distance = (copy.distance - 1) as u16;
        let literals = self.count_literals(copy.start);
        self.counts.copy(copy.length, distance);
        self.sequences.push(Sequence { literals, length: copy.length as u16, distance });
        self.literals_from = copy.start + copy.length;
    }

    /// Makes a copy that was found a byte late longer to the front, where literals are.
    #[inline(always)]
    fn lengthen_to_front(&self, mut copy: Copy) -> Copy {
        if copy.start > self.literals_from
            && copy.distance < copy.start
            && copy.length < MAX_LENGTH
            && self.bytes[copy.start - 1] == self.bytes[copy.start - 1 - copy.distance]
        {
            copy.start -= 1;
            copy.length += 1;
        }
        copy
    }

    #[inline(always)]
    fn count_literals(&mut self, until: usize) -> u32 {
        let literals = &self.bytes[self.literals_from..until];
        for &byte in literals {
            self.counts.literal(byte);
        }
        literals.len() as u32
    }

    /// Gives the literals up to `at` a sequence without a copy.
    pub fn push_literals(&mut self, at: usize) {
        if at > self.literals_from {
            let literals = self.count_literals(at);
            self.sequences.push(Sequence { literals, length: 0, distance: 0 });
            self.literals_from = at;
        }
    }
}

impl Places {
    /// Of nothing.
    pub fn new() -> Self {
        Self { table: Box::new([0; 1 << TABLE_BITS]) }
    }

    /// Forgets all, for another block.
    pub fn clear(&mut self) {
        self.table.fill(0);
    }

    /// Goes over to strings of five bytes, at `at`: those of the window are put in anew.
    pub fn shorten_strings(&mut self, bytes: View<'_>, at: usize) {
        self.clear();
        let searchable = bytes.len().saturating_sub(MARGIN);
        for (before, string) in bytes.strings(at.saturating_sub(WINDOW)..at.min(searchable)) {
            self.insert::<5>(string, before);
        }
    }

    /// Finds the sequences from `at` to about `until`, and gives where they end. What is before `at` has been searched.
    pub fn parse(&mut self, at: usize, until: usize, depth: Depth, parsed: &mut Parsed<'_>) -> usize {
        match depth {
            Depth::One => self.parse_to::<1, 6>(at, until, parsed),
            Depth::Two => self.parse_to::<2, 6>(at, until, parsed),
            Depth::Four => self.parse_to::<4, 6>(at, until, parsed),
            Depth::FourShort => self.parse_to::<4, 5>(at, until, parsed),
        }
    }

    fn parse_to<const PLACES: usize, const STRING: usize>(
        &mut self,
        mut at: usize,
        until: usize,
        parsed: &mut Parsed<'_>,
    ) -> usize {
        let bytes = parsed.bytes;
        let searchable = bytes.len().saturating_sub(MARGIN);
        let stop = until.min(searchable);
        while at < stop {
            let Some(copy) = self.first_copy::<PLACES, STRING>(bytes, at) else {
                at += 1;
                if at < stop {
                    self.insert::<STRING>(bytes.load8(at), at);
                    at += 1;
                }
                continue;
            };
            let copy = parsed.lengthen_to_front(copy);
            let copy = self.lengthen::<PLACES, STRING>(bytes, copy);
            parsed.push(copy);
            let end = copy.start + copy.length;
            for (inside, string) in bytes.strings(at + 1..end.min(searchable)) {
                self.insert::<STRING>(string, inside);
            }
            at = end;
        }
        if stop == until {
            return at;
        }
        bytes.len()
    }

    #[inline(always)]
    fn insert<const STRING: usize>(&mut self, string: u64, at: usize) {
        let row = &mut self.table[row_of::<STRING>(string)];
        *row = *row << 16 | u64::from(short(at));
    }

    /// The best copy among the last places of the string at `at`, which is put into the table.
    #[inline(always)]
    fn first_copy<const PLACES: usize, const STRING: usize>(
        &mut self,
        bytes: View<'_>,
        at: usize,
    ) -> Option<Copy> {
        let row = &mut self.table[row_of::<STRING>(bytes.load8(at))];
        let places = *row;
        *row = places << 16 | u64::from(short(at));
        let mut best = Copy { start: at, length: 0, distance: 0 };
        // No branches here: which place is best cannot be foreseen, and a wrong guess costs more than all of this.
        for index in 0..PLACES {
            let distance = distance(at, places, index);
            let inside = distance != 0 && distance <= at;
            let from = if inside { at - distance } else { at };
            let unlike = if inside { !u32::from(bytes.equal16(at, from)) } else { 1 };
            let length = unlike.trailing_zeros() as usize;
            if length > best.length {
                best = Copy { start: at, length, distance };
            }
        }
        if best.length < MIN_COPY {
            return None;
        }
        if best.length == 16 {
            best.length = bytes.extend(at, best.distance, 16, MAX_LENGTH.min(bytes.len() - at));
        }
        Some(best)
    }

    /// Makes a copy longer by the places of its end; it may begin later then.
    #[inline(always)]
    fn lengthen<const PLACES: usize, const STRING: usize>(&self, bytes: View<'_>, mut copy: Copy) -> Copy {
        while copy.length < MAX_LENGTH
            && copy.start >= MARGIN
            && copy.start + copy.length + MARGIN <= bytes.len()
            && let Some(longer) = self.longer::<PLACES, STRING>(bytes, copy)
        {
            copy = longer;
        }
        copy
    }

    /// A copy that ends behind `copy` and begins with it, or a little later.
    #[inline(always)]
    fn longer<const PLACES: usize, const STRING: usize>(&self, bytes: View<'_>, copy: Copy) -> Option<Copy> {
        const ENOUGH: i32 = 4 * OVERLAP as i32;
        let end = copy.start + copy.length - OVERLAP;
        let before = copy.length - OVERLAP;
        let places = self.table[row_of::<STRING>(bytes.load8(end))];
        let (mut best, mut best_distance, mut best_ahead, mut best_delay) = (ENOUGH, 0, 0, 0);
        // As above: no branches.
        for index in 0..PLACES {
            let distance = distance(end, places, index);
            let inside = distance != 0 && distance + MARGIN <= copy.start;
            let from = if inside { end - distance } else { end };
            let unlike = if inside { !u32::from(bytes.equal16(end, from)) } else { 1 };
            let ahead = unlike.trailing_zeros() as usize;
            let behind = (!bytes.equal16(end - 16, from - 16)).leading_zeros() as usize;
            // Beyond sixteen bytes the best: the winner is looked at again.
            let delay = if behind == 16 { 0 } else { before.saturating_sub(behind).min(3) };
            let score = 4 * ahead as i32 - DELAY[delay];
            let better = score > best;
            best = if better { score } else { best };
            best_distance = if better { distance } else { best_distance };
            best_ahead = if better { ahead } else { best_ahead };
            best_delay = if better { delay } else { best_delay };
        }
        if best <= ENOUGH {
            return None;
        }
        if before > 16 && best_delay == 0 {
            let mut behind = 16;
            while behind < before && bytes[end - behind - 1] == bytes[end - best_distance - behind - 1] {
                behind += 1;
            }
            best_delay = before - behind;
            if 4 * best_ahead as i32 - DELAY[best_delay.min(3)] <= ENOUGH {
                return None;
            }
        }
        let start = copy.start + best_delay;
        let max = MAX_LENGTH.min(bytes.len() - start);
        let length = (before - best_delay + best_ahead).min(max);
        let length = if best_ahead == 16 { bytes.extend(start, best_distance, length, max) } else { length };
        Some(Copy { start, length, distance: best_distance })
    }
}
