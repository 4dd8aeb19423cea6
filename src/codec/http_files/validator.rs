//! Validators of a file: RFC 9110, 8.8.

use std::time::{Duration, SystemTime};

/// A file that changed so short a time ago may change again within the same tick of its file system's clock.
const SETTLED: Duration = Duration::from_secs(1);

/// Entity tag and modification time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// The opaque tag, with its quotes, without `W/`.
    pub opaque: String,
    /// Whether two of the same tag may differ.
    pub weak: bool,
    /// Whole seconds, as HTTP has them.
    pub modified: SystemTime,
}

impl Validators {
    /// Validators of a file of `bytes`, changed at `modified`, with the number `inode`; `coding` tells the
    /// representations of one resource apart, and `now` whether it may have changed since.
    pub fn new(inode: u64, bytes: u64, modified: SystemTime, coding: &str, now: SystemTime) -> Self {
        let age = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let opaque = match coding {
            "" => format!("\"{inode:x}-{bytes:x}-{:x}\"", age.as_nanos()),
            _ => format!("\"{inode:x}-{bytes:x}-{:x}-{coding}\"", age.as_nanos()),
        };
        let weak = now.duration_since(modified).unwrap_or_default() < SETTLED;
        Self { opaque, weak, modified: SystemTime::UNIX_EPOCH + Duration::from_secs(age.as_secs()) }
    }

    /// The `ETag` field's value.
    pub fn etag(&self) -> String {
        if self.weak { format!("W/{}", self.opaque) } else { self.opaque.clone() }
    }

    /// RFC 9110, 8.8.3.2: the same representation, byte for byte.
    pub(super) fn matches_strongly(&self, tag: &[u8]) -> bool {
        !self.weak && tag == self.opaque.as_bytes()
    }

    /// RFC 9110, 8.8.3.2: as good as the same.
    pub(super) fn matches_weakly(&self, tag: &[u8]) -> bool {
        tag.strip_prefix(b"W/").unwrap_or(tag) == self.opaque.as_bytes()
    }
}

/// The tags of a list such as `"a", W/"b"`. A comma may stand within the quotes.
pub(super) fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        let tag = &rest[start..];
        let quote = if tag.starts_with(b"W/\"") { 3 } else { 1 };
        let end = match tag.get(quote..).filter(|_| tag[quote - 1] == b'"') {
            Some(inner) => quote + inner.iter().position(|&byte| byte == b'"')? + 1,
            // No tag at all: it matches nothing.
            None => tag.iter().position(|&byte| byte == b',').unwrap_or(tag.len()),
        };
        rest = &tag[end..];
        Some(tag[..end].trim_ascii_end())
    })
}

/// A date in one of HTTP's three forms.
pub(super) fn date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}
