//! Text: lines and case mapping.

mod case;
mod case_joiner;
mod context;
mod frame;
mod joiner;
mod lines;

pub use case::{CaseMap, StrictCaseMap};
pub use case_joiner::{CaseJoiner, SIGMA_LOOK_AHEAD};
pub use frame::{BATCH_LINES, BATCH_TEXT, FLAG_ASCII, HEADER_BYTES};
pub use joiner::LineJoiner;
pub use lines::{LineOptions, Lines, MAX_LINE_LENGTH};
