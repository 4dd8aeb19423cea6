//! Edits members of the top-level object of each row; everything else keeps its bytes.
//!
//! The order is: remove, rename, set, hash. Each applies to what the ones before left:
//!
//! * a member that is removed is gone with its comma;
//! * a renamed member keeps its place and value; one that had the new name already is removed. Where the old name stands
//!   several times, the first place and the last value stay, as `JSON.parse` has it; where several old names become one,
//!   the one that comes first in the row stays. All renames happen at once: of `a` to `b` and `b` to `a` both are swapped;
//! * a member that is set keeps its place and gets the new value, further ones of its name are removed; one that is not
//!   there is put at the end, in the order in which they were given;
//! * the hash is a digest of the object as it goes out, from `{` to `}`, without the member that takes it. That keeps its
//!   place where there is one, and is else put at the end.
//!
//! Names are compared by their text: `"\u0061"` is `a`.

use super::digests::Digests;
use super::fault::{Fault, Problem};
use super::mentions::{Mentions, Search};
use super::options::RowOptions;
use super::rows::{RowWork, run_checked_rows, run_rows};
use super::scan::{Member, Scanner};
use super::time::iso_8601;
use crate::codec::digest::Algorithm;
use crate::codec::{BlockJob, BlockStage, Cut, Report};

/// What a member is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    /// This JSON text.
    Json(String),
    /// The time at which the row's block was cut, as `Date.prototype.toISOString` writes it.
    Now,
}

/// Where a digest of the row goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashField {
    /// The member's name.
    pub field: String,
    /// How to digest.
    pub algorithm: Algorithm,
    /// Hex characters to keep, from the first.
    pub length: usize,
}

/// What [`Edit`] is to do.
#[derive(Debug, Clone, Default)]
pub struct EditOptions {
    /// What all row stages are told.
    pub rows: RowOptions,
    /// Members to remove.
    pub remove: Vec<String>,
    /// Members to rename: old name, new name.
    pub rename: Vec<(String, String)>,
    /// Members to set.
    pub set: Vec<(String, SetValue)>,
    /// The digest.
    pub hash: Option<HashField>,
}

/// What is to happen to members of one name.
#[derive(Debug, Clone)]
struct Name {
    text: Vec<u8>,
    /// The name as JSON.
    quoted: Vec<u8>,
    remove: bool,
    /// Index of the new name.
    rename: Option<usize>,
    /// Index into the values to set.
    set: Option<usize>,
    hash: bool,
}

/// Edits rows. See [the module](self).
#[derive(Debug, Clone)]
pub struct Edit {
    rows: RowOptions,
    names: Vec<Name>,
    /// Bit `n` is set where a name has `n` bytes; names of 63 bytes and more share one.
    lengths: u64,
    set: Vec<(usize, SetValue)>,
    hash: Option<(usize, HashField)>,
    /// How to tell that a checked row has none of the names. `None` where that takes a scan.
    mentions: Option<Mentions>,
}

impl Edit {
    /// A stage with these options.
    pub fn new(options: EditOptions) -> Self {
        let mut edit = Self {
            rows: options.rows,
            names: Vec::new(),
            lengths: 0,
            set: Vec::new(),
            hash: None,
            mentions: None,
        };
        for name in &options.remove {
            let at = edit.name(name);
            edit.names[at].remove = true;
        }
        for (old, new) in &options.rename {
            let (old, new) = (edit.name(old), edit.name(new));
            edit.names[old].rename = (old != new).then_some(new);
        }
        for (name, value) in options.set {
            let at = edit.name(&name);
            match edit.names[at].set {
                // Given twice: the last one holds.
                Some(index) => edit.set[index].1 = value,
                None => {
                    edit.names[at].set = Some(edit.set.len());
                    edit.set.push((at, value));
                }
            }
        }
        if let Some(hash) = options.hash {
            let at = edit.name(&hash.field);
            edit.names[at].hash = true;
            edit.hash = Some((at, hash));
        }
        edit.mentions = Mentions::of(edit.names.iter().map(|name| &name.text[..]));
        edit
    }

    fn name(&mut self, text: &str) -> usize {
        if let Some(at) = self.names.iter().position(|name| name.text == text.as_bytes()) {
            return at;
        }
        self.lengths |= length_bit(text.len());
        self.names.push(Name {
            text: text.as_bytes().to_vec(),
            quoted: quoted(text),
            remove: false,
            rename: None,
            set: None,
            hash: false,
        });
        self.names.len() - 1
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        if self.lengths & length_bit(key.len()) == 0 {
            return None;
        }
        self.names.iter().position(|name| name.text == key)
    }

    /// The entry of a member's name, where something is to happen to it.
    fn lookup(&self, text: &[u8], member: &Member) -> Option<usize> {
        if member.key_escaped {
            // A lone surrogate has no text, and no name to be asked for by.
            let decoded: String = serde_json::from_slice(&text[member.key_start..member.key_end]).ok()?;
            return self.find(decoded.as_bytes());
        }
        self.find(&text[member.key_start + 1..member.key_end - 1])
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// A name as JSON.
fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}

impl BlockStage for Edit {
    fn cut(&self) -> Cut {
        self.rows.cut()
    }

    fn run(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        let now = now(job);
        let mut editor = Editor::new(self, &now);
        let report = run_rows(&self.rows, job, out, &mut editor);
        editor.settle(out);
        Report { checked: true, ..report }
    }

    fn run_checked(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        let Some(mentions) = &self.mentions else { return self.run(job, out) };
        let now = now(job);
        let mut editor =
            CheckedEditor { editor: Editor::new(self, &now), search: mentions.search(job.bytes) };
        let report = run_checked_rows(&self.rows, job, out, &mut editor);
        editor.editor.settle(out);
        Report { checked: true, ..report }
    }

    fn room(&self, bytes: usize) -> usize {
        // Two short members for a row of 300 bytes.
        bytes + bytes / 4 + 256
    }

    fn cost_ns_per_byte(&self) -> f32 {
        if self.hash.is_some() { 3.0 } else { 1.5 }
    }
}

/// The block's time as JSON.
fn now(job: BlockJob<'_>) -> Vec<u8> {
    format!("\"{}\"", iso_8601(job.now_ms)).into_bytes()
}

struct Editor<'a> {
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
struct CheckedEditor<'a> {
    editor: Editor<'a>,
    search: Search<'a>,
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
    fn new(edit: &'a Edit, now: &'a [u8]) -> Self {
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
    fn settle(&mut self, out: &mut [u8]) {
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
