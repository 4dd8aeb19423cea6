//! What all row stages have in common to set.

use crate::codec::Cut;

/// What a row stage does with a row that it cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnInvalid {
    /// The stream fails.
    #[default]
    Error,
    /// The row is left out.
    Skip,
}

/// What a row stage does with bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Utf8 {
    /// The row is invalid.
    #[default]
    Error,
    /// They become U+FFFD as the WHATWG's `TextDecoder` has it (one for each maximal part of a character).
    Replace,
}

/// What is kept of rows that are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rejects {
    /// Nothing.
    #[default]
    None,
    /// All of them, whole: of rows over the limit part after part, so that no row is ever held whole.
    Whole,
    /// All of them, but of rows over the limit only the first part.
    First,
}

/// Options of every row stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowOptions {
    /// What to do with a bad row. Default: `Error`.
    pub on_invalid: OnInvalid,
    /// Longest row in bytes, without its line end; a longer one is a bad row. Default: 16 MiB.
    pub max_line_length: usize,
    /// What to do with invalid UTF-8. Default: `Error`.
    pub utf8: Utf8,
    /// What is reported of rows that are skipped. Default: nothing.
    pub rejects: Rejects,
}

impl RowOptions {
    /// Where row stages are cut.
    pub(super) fn cut(&self) -> Cut {
        let rest = self.rejects != Rejects::None && self.on_invalid == OnInvalid::Skip;
        Cut::Rows { max: self.max_line_length, rest }
    }
}

impl Default for RowOptions {
    fn default() -> Self {
        Self {
            on_invalid: OnInvalid::default(),
            max_line_length: 16 * 1024 * 1024,
            utf8: Utf8::default(),
            rejects: Rejects::default(),
        }
    }
}
