//! Preconditions: RFC 9110, 13.

use super::plan::Conditions;
use super::validator::{Validators, date, tags};
use std::time::SystemTime;

/// What the preconditions of a GET or HEAD come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send the representation; a range of it only with `ranges`.
    Send {
        /// Whether `Range` counts: there is no `If-Range`, or it holds.
        ranges: bool,
    },
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// RFC 9110, 13.2.2: the order of evaluation.
pub(super) fn judge(conditions: &Conditions<'_>, validators: &Validators) -> Verdict {
    if let Some(list) = conditions.if_match {
        let holds = list == b"*" || tags(list).any(|tag| validators.matches_strongly(tag));
        if !holds {
            return Verdict::Failed;
        }
    } else if let Some(at) = conditions.if_unmodified_since.and_then(date)
        && validators.modified > at
    {
        return Verdict::Failed;
    }
    if let Some(list) = conditions.if_none_match {
        if list == b"*" || tags(list).any(|tag| validators.matches_weakly(tag)) {
            return Verdict::NotModified;
        }
    } else if let Some(at) = conditions.if_modified_since.and_then(date)
        && validators.modified <= at
    {
        return Verdict::NotModified;
    }
    Verdict::Send { ranges: conditions.if_range.is_none_or(|value| range_holds(value, validators)) }
}

/// RFC 9110, 13.1.5: a strong match, or the very date. A weak one would splice two versions of a file.
fn range_holds(value: &[u8], validators: &Validators) -> bool {
    if value.starts_with(b"\"") || value.starts_with(b"W/") {
        return validators.matches_strongly(value);
    }
    // A date is a strong validator only where a change within its second can be ruled out.
    let strong = !validators.weak && validators.modified > SystemTime::UNIX_EPOCH;
    strong && date(value) == Some(validators.modified)
}
