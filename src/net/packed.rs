//! The table in which an engine tells JavaScript what a turn brought: words, and the bytes that they speak of.

/// Records in order. A record's first word is its kind, the second whom it is about; the rest depends on the kind.
#[derive(Debug, Default)]
pub struct Table {
    /// All words.
    pub words: Vec<u32>,
    /// All bytes.
    pub bytes: Vec<u8>,
}

impl Table {
    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Forgets all, and keeps the memory of an ordinary turn.
    pub fn clear(&mut self) {
        self.words.clear();
        self.bytes.clear();
        self.words.shrink_to(16 << 10);
        self.bytes.shrink_to(256 << 10);
    }

    /// A record without bytes.
    pub(super) fn push(&mut self, kind: u32, id: u32, rest: &[u32]) {
        self.words.extend_from_slice(&[kind, id]);
        self.words.extend_from_slice(rest);
    }

    /// Keeps bytes for a record; returns where they lie.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> u32 {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        start
    }
}
