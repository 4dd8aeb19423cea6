//! What can be wrong with a row, and how to say it.

use crate::codec::ErrorKind;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Nothing but whitespace: no fault to a row stage, which passes over it.
    Blank,
    /// A character that JSON does not allow there.
    Character,
    /// The row ends within a value.
    End,
    /// An unescaped control character within a string.
    Control,
    /// A backslash with the wrong thing after it.
    Escape,
    /// A number that JSON does not allow, such as `01` or `1.`.
    Number,
    /// Invalid UTF-8.
    Utf8,
    /// More than this many bytes.
    TooLong(usize),
    /// Valid JSON, but no object.
    NotObject,
    /// `null`, which an object stream takes for its end.
    Null,
}

/// A problem and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Index in the scanned text of the byte that shows the problem.
    pub at: usize,
    /// What it is.
    pub problem: Problem,
}

impl Fault {
    #[inline]
    pub(super) fn new(at: usize, problem: Problem) -> Self {
        Self { at, problem }
    }

    /// The error kind that a row stage reports this as.
    pub fn kind(&self) -> ErrorKind {
        match self.problem {
            Problem::NotObject => ErrorKind::RowNotObject,
            Problem::Null => ErrorKind::RowNull,
            _ => ErrorKind::RowInvalid,
        }
    }

    /// For people: what is wrong with the row that starts at `start` in `text`, with the 1-based byte column.
    #[cold]
    pub fn reason(&self, text: &[u8], start: usize) -> String {
        let column = self.at.saturating_sub(start) + 1;
        match self.problem {
            Problem::Blank => "empty row".into(),
            Problem::Character => format!("unexpected {} (column {column})", name_of(text, self.at)),
            Problem::End => "unexpected end of row".into(),
            Problem::Control => {
                format!("control character 0x{:02x} in string (column {column})", byte_at(text, self.at))
            }
            Problem::Escape => format!("invalid escape in string (column {column})"),
            Problem::Number => format!("invalid number (column {column})"),
            Problem::Utf8 => format!("invalid UTF-8 (column {column})"),
            Problem::TooLong(limit) => format!("longer than {limit} bytes"),
            Problem::Null => "null cannot be a value of an object stream".into(),
            Problem::NotObject => format!("not an object but {}", kind_of(byte_at(text, self.at))),
        }
    }
}

fn byte_at(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(b'\n')
}

fn name_of(text: &[u8], at: usize) -> String {
    let rest = text.get(at..).unwrap_or_default();
    let valid = rest.get(..rest.len().min(4)).and_then(|four| four.utf8_chunks().next());
    match valid.and_then(|chunk| chunk.valid().chars().next()) {
        Some(c) if c.is_control() || c == '\u{feff}' => format!("character U+{:04X}", u32::from(c)),
        Some(c) => format!("character '{c}'"),
        None => format!("byte 0x{:02x}", byte_at(text, at)),
    }
}

fn kind_of(first: u8) -> &'static str {
    match first {
        b'[' => "an array",
        b'"' => "a string",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        _ => "a number",
    }
}
