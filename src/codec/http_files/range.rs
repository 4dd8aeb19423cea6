//! Byte ranges: RFC 9110, 14.1.2.

use std::ops::Range;

/// Ranges of one answer. A field with more is how a server is made to send a file many times over; it gets the whole file once.
const MOST_RANGES: usize = 32;

/// What a `Range` field asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ranges {
    /// Everything: the field is of another unit, malformed, or asks for too much.
    Whole,
    /// These bytes, in the peer's order.
    Parts(Vec<Range<u64>>),
    /// 416: none of them is within the file.
    Unsatisfiable,
}

/// Reads the value of `Range` for a file of `bytes`.
pub fn parse_ranges(value: &[u8], bytes: u64) -> Ranges {
    let Some(set) = value.get(..6).filter(|unit| unit.eq_ignore_ascii_case(b"bytes=")).map(|_| &value[6..])
    else {
        return Ranges::Whole;
    };
    let (mut parts, mut seen) = (Vec::<Range<u64>>::new(), 0);
    for spec in set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|spec| !spec.is_empty()) {
        seen += 1;
        match parse_one(spec, bytes) {
            None => return Ranges::Whole,
            Some(_) if seen > MOST_RANGES => return Ranges::Whole,
            Some(part) if part.is_empty() => {}
            Some(part) => parts.push(part),
        }
    }
    if parts.is_empty() {
        return if seen == 0 { Ranges::Whole } else { Ranges::Unsatisfiable };
    }
    merge(&mut parts);
    if parts.iter().map(|part| part.end - part.start).sum::<u64>() > bytes {
        return Ranges::Whole;
    }
    Ranges::Parts(parts)
}

/// RFC 9110, 15.3.7.2: ranges that overlap or touch may be sent as one.
fn merge(parts: &mut Vec<Range<u64>>) {
    let mut at = 1;
    while at < parts.len() {
        let (before, this) = (parts[at - 1].clone(), parts[at].clone());
        if this.start <= before.end && before.start <= this.end {
            parts[at - 1] = before.start.min(this.start)..before.end.max(this.end);
            parts.remove(at);
            // It may reach the one before now.
            at = at.max(2) - 1;
        } else {
            at += 1;
        }
    }
}

/// One range, empty where it lies behind the end; `None` where it is malformed.
fn parse_one(spec: &[u8], bytes: u64) -> Option<Range<u64>> {
    let dash = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (spec[..dash].trim_ascii(), spec[dash + 1..].trim_ascii());
    match (number(first)?, number(last)?) {
        (None, None) => None,
        (None, Some(suffix)) => Some(bytes - suffix.min(bytes)..bytes),
        (Some(start), None) => Some(start.min(bytes)..bytes),
        (Some(start), Some(end)) if end < start => None,
        (Some(start), Some(end)) => Some(start.min(bytes)..end.saturating_add(1).min(bytes)),
    }
}

/// Digits, or nothing at all. A number beyond 64 bits is behind the end of every file.
fn number(digits: &[u8]) -> Option<Option<u64>> {
    if digits.is_empty() {
        return Some(None);
    }
    let mut sum = 0u64;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        sum = sum.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
    }
    Some(Some(sum))
}
