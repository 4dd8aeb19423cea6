//! Where a block may mention names, without scanning its rows.
//!
//! Most rows have none of the members that an edit is about; to know it, it is enough that their names, in quotes, stand
//! nowhere in the row. A name has other spellings in JSON, but all of them begin with `\u00` where the name is made of
//! characters that have no short escape.

use memchr::memmem::Finder;

/// What to look for.
#[derive(Debug, Clone)]
pub(super) struct Mentions(Vec<Finder<'static>>);

impl Mentions {
    /// For these names. `None` where one of them has spellings that cannot be told so simply.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n [u8]>) -> Option<Self> {
        let mut finders = Vec::new();
        for name in names {
            // Beyond ASCII, an escape is another number for each character; `/` has a short escape, too.
            let plain = name.iter().all(|&byte| matches!(byte, b' '..0x7f) && !b"\"\\/".contains(&byte));
            if !plain {
                return None;
            }
            finders.push(Finder::new(&[b"\"", name, b"\""].concat()).into_owned());
        }
        if !finders.is_empty() {
            finders.push(Finder::new(br"\u00").into_owned());
        }
        Some(Self(finders))
    }

    /// Starts a search of `block`, which the caller asks about from its start to its end.
    pub(super) fn search<'a>(&'a self, block: &'a [u8]) -> Search<'a> {
        let mut search = Search { block, finders: &self.0, next: vec![0; self.0.len()], nearest: 0 };
        for (finder, next) in search.finders.iter().zip(&mut search.next) {
            *next = finder.find(block).unwrap_or(usize::MAX);
        }
        search.nearest = search.next.iter().copied().min().unwrap_or(usize::MAX);
        search
    }
}

/// A search of one block.
#[derive(Debug)]
pub(super) struct Search<'a> {
    block: &'a [u8],
    finders: &'a [Finder<'static>],
    /// Where each finder's next find is; `usize::MAX` where there is none any more.
    next: Vec<usize>,
    /// No find is before this.
    nearest: usize,
}

impl Search<'_> {
    /// Whether the block mentions any of the names in `from..to`; `from` never goes back.
    #[inline]
    pub(super) fn finds(&mut self, from: usize, to: usize) -> bool {
        self.nearest < to && self.look(from) < to
    }

    /// Where the first find at or after `from` is.
    fn look(&mut self, from: usize) -> usize {
        for (finder, next) in self.finders.iter().zip(&mut self.next) {
            if *next < from {
                *next = finder.find(&self.block[from..]).map_or(usize::MAX, |at| from + at);
            }
        }
        self.nearest = self.next.iter().copied().min().unwrap_or(usize::MAX);
        self.nearest
    }
}
