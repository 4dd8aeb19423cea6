//! Settings come as JSON: there are many of them, and they come once.

use napi::{Error, Result, Status};
use serde::Deserialize;

/// What the text says.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::new(Status::InvalidArg, e.to_string()))
}
