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

mod editor;

use super::mentions::Mentions;
use super::options::RowOptions;
use super::rows::{run_checked_rows, run_rows};
use super::scan::Member;
use super::time::iso_8601;
use crate::codec::digest::Algorithm;
use crate::codec::{BlockJob, BlockStage, Cut, Report};
use editor::{CheckedEditor, Editor};

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
