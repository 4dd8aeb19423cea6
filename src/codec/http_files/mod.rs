//! What to answer to a request for a file, by RFC 9110, without I/O: fields and a file's facts in, a plan out.
//!
//! Preconditions (13), ranges (14), content negotiation of encodings (12.5.3), types, and which paths are not served.

mod encode;
mod negotiate;
mod path;
mod plan;
mod precondition;
mod range;
mod types;
mod validator;

pub use encode::{Effort, encode};
pub use negotiate::{Coding, choose};
pub use path::{Dotfiles, Refusal, file_path};
pub use plan::{Conditions, FileFacts, Piece, Plan, Policy, plan, plan_encoded, reason, redirect, refuse};
pub use precondition::Verdict;
pub use range::{Ranges, parse_ranges};
pub use types::{content_type, is_compressible};
pub use validator::Validators;

#[cfg(test)]
mod tests;
