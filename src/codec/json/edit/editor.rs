//! Edits the rows of one block.

use super::{Edit, SetValue};
use crate::codec::json::digests::Digests;
use crate::codec::json::fault::{Fault, Problem};
use crate::codec::json::mentions::Search;
use crate::codec::json::rows::RowWork;
use crate::codec::json::scan::Scanner;

/// An editor of rows that nobody checked.
pub(super) struct Editor<'a> {
    edit: &'a Edit,
    scanner: Scanner,
    values: Vec<&'a [u8]>,
    tail: Tail,
    digests: Option<Digests>,
    /// For each member what it becomes; `None` where nothing happens to it.
    targets: Vec<Option<Target>>,
    /// For each name that is renamed, the last member of the row that had it.
    last: Vec<usize>,
    /// Names that stand in the row already.
    seen: Vec<bool>,
    /// Names that some member of the row is renamed to.
    renamed: Vec<bool>,
}

/// What becomes of a member.
#[derive(Clone, Copy)]
struct Target {
    /// Its name, after renaming.
    name: usize,
    /// The name that it had, if it was renamed.
    old: Option<usize>,
}

/// What goes behind the members of a row that has none of the names: all that is set, the hash, the bracket. Each member
/// comes with the comma in front.
#[derive(Default)]
struct Tail {
    text: Vec<u8>,
    /// Where the hash's member begins, and where its hex characters go.
    hash: usize,
    hex: usize,
}

/// Where the hash goes in the row's output: an index, and the key as it was.
struct HashPlace {
    at: usize,
    first: bool,
}

impl RowWork for Editor<'_> {
    const VERBATIM: bool = false;

    fn row(&mut self, text: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
        let row = self.scanner.members(text, start)?;
        if text.get(row.value_start) != Some(&b'{') {
            return Err(Fault::new(row.value_start, Problem::NotObject));
        }
        out.extend_from_slice(&text[start..row.value_start]);
        let close = row.value_end - 1;
        if self.resolve(text) {
            self.touched(text, close, out);
        } else {
            self.untouched(&text[row.value_start..close], !self.scanner.found.is_empty(), out);
        }
        out.extend_from_slice(&text[row.value_end..row.end]);
        out.push(b'\n');
        Ok(row.end)
    }
}

/// An editor of checked rows, of which most need no scan.
pub(super) struct CheckedEditor<'a> {
    pub(super) editor: Editor<'a>,
    pub(super) search: Search<'a>,
}

impl RowWork for CheckedEditor<'_> {
    const VERBATIM: bool = false;

    #[inline]
    fn row(&mut self, text: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
        let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |length| start + length);
        if let Some(close) = closing_bracket(&text[start..end])
            && !self.search.finds(start, end)
        {
            out.reserve(end + 1 - start + self.editor.tail.text.len());
            self.editor.untouched(&text[start..start + close], true, out);
            out.extend_from_slice(&text[start + close + 1..end]);
            out.push(b'\n');
            return Ok(end);
        }
        self.editor.row(text, start, out)
    }
}

/// Where a valid row without space in front has the `}` of its object. `None` where it has no members, or where only a scan
/// can tell.
#[inline]
fn closing_bracket(row: &[u8]) -> Option<usize> {
    if !row.starts_with(b"{\"") {
        return None;
    }
    match row {
        [.., b'}'] => Some(row.len() - 1),
        [.., b'}', b'\r'] => Some(row.len() - 2),
        _ => None,
    }
}

impl<'a> Editor<'a> {
    /// For a block whose time is `now`, as JSON.
    pub(super) fn new(edit: &'a Edit, now: &'a [u8]) -> Self {
        let values = edit.set.iter().map(|(_, value)| match value {
            SetValue::Json(text) => text.as_bytes(),
            SetValue::Now => now,
        });
        let mut editor = Self {
            edit,
            scanner: Scanner::default(),
            values: values.collect(),
            tail: Tail::default(),
            digests: edit.hash.as_ref().map(|(_, hash)| Digests::new(hash.algorithm, hash.length)),
            targets: Vec::new(),
            last: vec![0; edit.names.len()],
            seen: vec![false; edit.names.len()],
            renamed: vec![false; edit.names.len()],
        };
        let mut text = Vec::new();
        editor.push_set(&mut true, &mut text);
        editor.tail.hash = text.len();
        editor.tail.hex = editor.push_hash(true, &mut text);
        text.push(b'}');
        editor.tail.text = text;
        editor
    }

    /// Fills in what is still missing of the output.
    pub(super) fn settle(&mut self, out: &mut [u8]) {
        if let Some(digests) = &mut self.digests {
            digests.settle(out);
        }
    }

    /// Appends the members that are set and not seen.
    fn push_set(&self, any: &mut bool, out: &mut Vec<u8>) {
        for ((name, _), value) in self.edit.set.iter().zip(&self.values) {
            let entry = &self.edit.names[*name];
            if !self.seen[*name] && !entry.hash {
                separate(any, out);
                out.extend_from_slice(&entry.quoted);
                out.push(b':');
                out.extend_from_slice(value);
            }
        }
    }

    /// Appends the hash's member, if there is to be one, with room for the hex characters; returns where they go.
    fn push_hash(&self, mut any: bool, out: &mut Vec<u8>) -> usize {
        let (Some((name, _)), Some(digests)) = (&self.edit.hash, &self.digests) else { return 0 };
        separate(&mut any, out);
        out.extend_from_slice(&self.edit.names[*name].quoted);
        out.extend_from_slice(b":\"");
        let hex = out.len();
        out.resize(hex + digests.length(), b'0');
        out.push(b'"');
        hex
    }

    /// Writes an object that has none of the names; `open` is all of it but the closing bracket.
    #[inline]
    fn untouched(&mut self, open: &[u8], any: bool, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(open);
        let (base, tail) = (out.len(), &self.tail);
        // Without members in front, the first comma goes.
        let comma = usize::from(!any && tail.text.len() > 1);
        out.extend_from_slice(&tail.text[comma..]);
        if let Some(digests) = &mut self.digests {
            digests.wait(begin, base + tail.hash.saturating_sub(comma), base + tail.hex - comma, out);
        }
    }

    /// Writes the object of the row that was scanned last, which has some of the names.
    fn touched(&mut self, text: &[u8], close: usize, out: &mut Vec<u8>) {
        let begin = out.len();
        let mut hash_place = None;
        let mut any = false;
        out.push(b'{');
        for index in 0..self.scanner.found.len() {
            self.member(text, index, close, begin, &mut any, &mut hash_place, out);
        }
        self.push_set(&mut any, out);
        match hash_place {
            None => {
                let end = out.len();
                let hex = self.push_hash(any, out);
                out.push(b'}');
                if let Some(digests) = &mut self.digests {
                    digests.wait(begin, end, hex, out);
                }
            }
            Some(place) => {
                out.push(b'}');
                self.insert_hash(&place, any, begin, out);
            }
        }
    }

    /// Digests the object `out[begin..]` and puts the hash's member where it was.
    fn insert_hash(&self, place: &HashPlace, any: bool, begin: usize, out: &mut Vec<u8>) {
        let (Some((name, _)), Some(digests)) = (&self.edit.hash, &self.digests) else { return };
        let quoted = &self.edit.names[*name].quoted;
        let mut member = Vec::with_capacity(quoted.len() + digests.length() + 5);
        if !place.first {
            member.push(b',');
        }
        member.extend_from_slice(quoted);
        member.extend_from_slice(b":\"");
        digests.append(&out[begin..], &mut member);
        member.push(b'"');
        if place.first && any {
            member.push(b',');
        }
        // In front of other members of the object, or of its end.
        out.splice(begin + place.at..begin + place.at, member);
    }

    /// Finds out what happens to each member; returns whether anything happens to any.
    fn resolve(&mut self, text: &[u8]) -> bool {
        self.targets.clear();
        self.seen.fill(false);
        self.renamed.fill(false);
        let mut touched = false;
        for (index, member) in self.scanner.found.iter().enumerate() {
            let target = self.edit.lookup(text, member).map(|name| match self.edit.names[name].rename {
                Some(new) if !self.edit.names[name].remove => {
                    self.renamed[new] = true;
                    self.last[name] = index;
                    Target { name: new, old: Some(name) }
                }
                _ => Target { name, old: None },
            });
            touched |= target.is_some();
            self.targets.push(target);
        }
        touched
    }

    /// Writes one member, or leaves it out.
    #[expect(clippy::too_many_arguments, reason = "the state of one row, which lives in registers")]
    fn member(
        &mut self,
        text: &[u8],
        index: usize,
        close: usize,
        begin: usize,
        any: &mut bool,
        hash_place: &mut Option<HashPlace>,
        out: &mut Vec<u8>,
    ) {
        let member = self.scanner.found[index];
        // With the whitespace in front of the comma or bracket that follows.
        let end = self.scanner.found.get(index + 1).map_or(close, |next| next.start - 1);
        let Some(Target { name, old }) = self.targets[index] else {
            separate(any, out);
            out.extend_from_slice(&text[member.start..end]);
            return;
        };
        let was_renamed = old.is_some();
        let entry = &self.edit.names[name];
        let first = !self.seen[name];
        if entry.remove && !was_renamed {
            return;
        }
        if entry.hash {
            if first {
                self.seen[name] = true;
                *hash_place = Some(HashPlace { at: out.len() - begin, first: !*any });
            }
            return;
        }
        let value = entry.set.map(|set| self.values[set]);
        let replaced = value.is_some() || was_renamed;
        // Of several that end up under one name, the first stays; a name that is taken over loses its former member.
        if (replaced && !first) || (!was_renamed && self.renamed[name]) {
            return;
        }
        self.seen[name] |= replaced;
        separate(any, out);
        out.extend_from_slice(&text[member.start..member.key_start]);
        if was_renamed {
            out.extend_from_slice(&entry.quoted);
        } else {
            out.extend_from_slice(&text[member.key_start..member.key_end]);
        }
        out.extend_from_slice(&text[member.key_end..member.value_start]);
        let own = old.map_or(member, |old| self.scanner.found[self.last[old]]);
        out.extend_from_slice(value.unwrap_or(&text[own.value_start..own.value_end]));
        out.extend_from_slice(&text[member.value_end..end]);
    }
}

fn separate(any: &mut bool, out: &mut Vec<u8>) {
    if std::mem::replace(any, true) {
        out.push(b',');
    }
}
