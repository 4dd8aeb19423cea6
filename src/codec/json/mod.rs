//! JSON Lines: row stages that keep the bytes of what they do not change.
//!
//! All of them walk rows alike:
//!
//! * A row ends at LF. A CR before it is whitespace to JSON, and stays. The last row may lack its LF and gets one, so
//!   that rows never run together.
//! * Rows of nothing but whitespace are passed over: they count as lines, and are neither rows out nor rejects.
//! * A BOM at the very start of the stream is dropped.
//! * A row is bad if `JSON.parse` refuses it, if it is not UTF-8 (unless that is mended), or if it is too long.

mod digests;
mod edit;
mod fault;
mod frames;
mod join;
mod keys;
mod mentions;
mod number;
mod one_byte;
mod options;
mod rows;
mod scan;
mod shapes;
#[cfg(target_arch = "x86_64")]
mod sse2;
mod string;
mod time;
mod validate;
#[cfg(any(test, not(target_arch = "x86_64")))]
mod words;

/// Masks of sixteen bytes, one bit each, the first lowest.
#[cfg(target_arch = "x86_64")]
use sse2 as sixteen;
#[cfg(not(target_arch = "x86_64"))]
use words as sixteen;

pub use edit::{Edit, EditOptions, HashField, SetValue};
pub use fault::{Fault, Problem};
pub use frames::{BATCH_TEXT, FLAG_ONE_BYTE, FLAG_SHAPED, FLAG_TELLS, FrameRows, HEADER_BYTES};
pub use join::RowJoiner;
pub use options::{OnInvalid, Rejects, RowOptions, Utf8};
pub use scan::{Member, Row, Scanner};
pub use shapes::{MAX_KEYS, MAX_SHAPES};
pub use validate::Validate;

#[cfg(test)]
mod tests;
