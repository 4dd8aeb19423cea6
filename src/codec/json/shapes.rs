//! Shapes of rows: the keys of a row's object, in order, so that many rows need not repeat them.
//!
//! Blocks run at the same time and in any order, yet a reader must be told of a shape before it meets it. The reader gets
//! blocks in the order of the stream, so each block tells what it uses unless a block before it in the stream does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::scan::Member;

/// Most shapes in a stream. Rows of further shapes go whole.
pub const MAX_SHAPES: usize = 64;
/// Most keys in a shape. Rows with more of them go whole.
pub const MAX_KEYS: usize = 64;
/// Longest keys of a shape in bytes, with their quotes.
const MAX_KEY_BYTES: usize = 4096;

/// The keys of a row's object.
#[derive(Debug)]
pub(super) struct Shape {
    /// From 1 on, in order of discovery; at most [`MAX_SHAPES`].
    pub(super) number: u8,
    /// The keys with their quotes, one after the other.
    pub(super) keys: Vec<u8>,
    /// The shape as JSON: `[number,"key",…]`.
    pub(super) json: Vec<u8>,
    /// The lowest offset in the stream of a block that tells of the shape.
    told_at: AtomicU64,
}

impl Shape {
    /// Whether the block at this offset is to tell of the shape. If not, a block before it does or did.
    pub(super) fn told_by(&self, offset: u64) -> bool {
        offset <= self.told_at.fetch_min(offset, Ordering::Relaxed)
    }
}

type ByKeys = HashMap<Vec<u8>, Arc<Shape>>;

/// The shapes of a stream, found by all of its blocks. The map is shared with blocks at work, and copied when a shape is
/// added: a block, which may be one short row, gets at it at the price of a reference.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    by_keys: Arc<Mutex<Arc<ByKeys>>>,
}

impl Shapes {
    fn lock(&self) -> MutexGuard<'_, Arc<ByKeys>> {
        // Nothing is left half done by a panic: each insertion is one step.
        self.by_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Arc<ByKeys> {
        Arc::clone(&self.lock())
    }

    /// The shape with these keys; a new one if need be. `None` where there is no room for it.
    fn find(&self, keys: &[u8], text: &[u8], members: &[Member]) -> Option<Arc<Shape>> {
        let mut shapes = self.lock();
        if let Some(shape) = shapes.get(keys) {
            return Some(Arc::clone(shape));
        }
        let number =
            u8::try_from(shapes.len() + 1).ok().filter(|&number| usize::from(number) <= MAX_SHAPES)?;
        let mut json = format!("[{number}").into_bytes();
        for member in members {
            json.push(b',');
            json.extend_from_slice(&text[member.key_start..member.key_end]);
        }
        json.push(b']');
        let shape = Shape { number, keys: keys.to_vec(), json, told_at: AtomicU64::new(u64::MAX) };
        let shape = Arc::new(shape);
        Arc::make_mut(&mut shapes).insert(keys.to_vec(), Arc::clone(&shape));
        Some(shape)
    }
}

/// Recognises the shapes of one block's rows.
pub(super) struct Recogniser<'a> {
    shapes: &'a Shapes,
    /// What the block knows of them: no lock is taken for a row of a shape that is in here.
    known: Arc<ByKeys>,
    /// The shape of the last row that had one: most likely the next one's, too.
    last: Option<Arc<Shape>>,
    keys: Vec<u8>,
}

impl<'a> Recogniser<'a> {
    pub(super) fn new(shapes: &'a Shapes) -> Self {
        Self { shapes, known: shapes.known(), last: None, keys: Vec::new() }
    }

    /// The shape of an object with these members, if it has a usable one.
    #[inline]
    pub(super) fn shape(&mut self, text: &[u8], members: &[Member]) -> Option<&Arc<Shape>> {
        if members.is_empty() || members.len() > MAX_KEYS {
            return None;
        }
        self.keys.clear();
        for member in members {
            self.keys.extend_from_slice(&text[member.key_start..member.key_end]);
        }
        if self.last.as_ref().is_none_or(|last| last.keys != self.keys) {
            self.last = Some(self.other(text, members)?);
        }
        self.last.as_ref()
    }

    fn other(&mut self, text: &[u8], members: &[Member]) -> Option<Arc<Shape>> {
        if let Some(shape) = self.known.get(&self.keys) {
            return Some(Arc::clone(shape));
        }
        if self.known.len() == MAX_SHAPES || self.keys.len() > MAX_KEY_BYTES || !usable(text, members) {
            return None;
        }
        let shape = self.shapes.find(&self.keys, text, members);
        self.known = self.shapes.known();
        shape
    }
}

/// Whether an object literal with these keys in this order is the object that `JSON.parse` makes: it orders array indices
/// before other keys, keeps the last of doubled ones, and has `__proto__` as a key like others.
fn usable(text: &[u8], members: &[Member]) -> bool {
    let key = |member: &Member| &text[member.key_start + 1..member.key_end - 1];
    members.iter().enumerate().all(|(i, member)| {
        let name = key(member);
        !member.key_escaped
            && name.iter().all(|byte| matches!(byte, b' '..=b'~'))
            && (name.is_empty() || !name.iter().all(u8::is_ascii_digit))
            && name != b"__proto__"
            && members[..i].iter().all(|before| key(before) != name)
    })
}

#[cfg(test)]
mod tests {
    use super::super::scan::Scanner;
    use super::*;

    fn number(recogniser: &mut Recogniser<'_>, row: &str) -> Option<u8> {
        let mut scanner = Scanner::default();
        scanner.members(row.as_bytes(), 0).unwrap();
        recogniser.shape(row.as_bytes(), &scanner.found).map(|shape| shape.number)
    }

    #[test]
    fn rows_with_the_same_keys_in_the_same_order_have_one_shape() {
        let shapes = Shapes::default();
        let mut recogniser = Recogniser::new(&shapes);
        for (row, expected) in [
            (r#"{"a":1,"b":{"c":2}}"#, 1),
            (r#" { "a" : [] , "b" : null } "#, 1),
            (r#"{"b":1,"a":1}"#, 2),
            (r#"{"ab":1}"#, 3),
            (r#"{"a":1,"b":{"d":2}}"#, 1),
            (r#"{"":1,"1e3":2,"-0":3,"constructor":4}"#, 4),
        ] {
            assert_eq!(number(&mut recogniser, row), Some(expected), "{row}");
        }
        assert_eq!(number(&mut Recogniser::new(&shapes), r#"{"ab":2}"#), Some(3));
        let json: Vec<_> =
            shapes.known().values().map(|s| String::from_utf8(s.json.clone()).unwrap()).collect();
        assert!(json.contains(&r#"[1,"a","b"]"#.to_string()), "{json:?}");
    }

    #[test]
    fn keys_that_a_literal_treats_otherwise_have_no_shape() {
        let shapes = Shapes::default();
        let mut recogniser = Recogniser::new(&shapes);
        for row in [
            "1",
            "{}",
            r#"[{"a":1}]"#,
            r#"{"__proto__":1}"#,
            r#"{"a":1,"0":2}"#,
            r#"{"4294967295":2}"#,
            r#"{"a":1,"b":2,"a":3}"#,
            r#"{"\u0061":1}"#,
            r#"{"é":1}"#,
            "{\"\u{7f}\":1}",
        ] {
            assert_eq!(number(&mut recogniser, row), None, "{row}");
        }
        assert!(shapes.known().is_empty());
    }

    #[test]
    fn shapes_and_keys_are_bounded() {
        let shapes = Shapes::default();
        let mut recogniser = Recogniser::new(&shapes);
        let row = |keys: usize| {
            let members: Vec<_> = (0..keys).map(|key| format!("\"k{key}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(number(&mut recogniser, &row(MAX_KEYS + 1)), None);
        assert_eq!(number(&mut recogniser, &format!("{{\"{}\":1}}", "k".repeat(MAX_KEY_BYTES))), None);
        for keys in 1..=MAX_KEYS {
            assert_eq!(number(&mut recogniser, &row(keys)), Some(keys as u8));
        }
        assert_eq!(number(&mut recogniser, r#"{"new":1}"#), None);
        assert_eq!(number(&mut Recogniser::new(&shapes), r#"{"new":1}"#), None);
        assert_eq!(shapes.known().len(), MAX_SHAPES);
    }

    #[test]
    fn the_first_block_of_the_stream_tells() {
        let shapes = Shapes::default();
        let mut recogniser = Recogniser::new(&shapes);
        number(&mut recogniser, r#"{"a":1}"#);
        let shape = recogniser.last.unwrap();
        assert!(shape.told_by(100));
        assert!(!shape.told_by(200));
        assert!(shape.told_by(50));
        assert!(!shape.told_by(100));
    }
}
