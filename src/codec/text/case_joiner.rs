//! Settles the sigmas that a block of [`CaseMap::Lower`] could not.

use super::super::{CodecError, Joiner, Report};
use super::CaseMap;
use super::context::{Context, first_character, last_character};

/// A capital sigma's lower case depends on the next character that is not case-ignorable (marks, apostrophes, full stops).
/// Where that is this many bytes or more behind the sigma, the sigma counts as final, so that what must be held back
/// is bounded. This is the one difference to `toLowerCase` of the whole text.
pub const SIGMA_LOOK_AHEAD: usize = 64 << 10;

const CAPITAL: &[u8] = "Σ".as_bytes();
const SMALL: &[u8] = "σ".as_bytes();
const FINAL: &[u8] = "ς".as_bytes();

/// The joiner of [`CaseMap`]. For lower case it replaces the capital sigmas at the edges of blocks, and holds back a
/// sigma at the end of a block, with the ignorable characters behind it, until it is known what follows.
#[derive(Debug)]
pub struct CaseJoiner {
    lower: bool,
    /// The last character before the next block that is not ignorable is cased.
    after_cased: bool,
    /// A sigma behind a cased letter, and nothing but ignorable characters behind it.
    held: Vec<u8>,
}

impl CaseJoiner {
    /// A joiner at the start of a stream.
    pub fn new(case: CaseMap) -> Self {
        Self { lower: case == CaseMap::Lower, after_cased: false, held: Vec::new() }
    }

    fn settle(&mut self, last: bool, body: &mut Vec<u8>) {
        let front = self.held.len();
        if front > 0 {
            match cased_ahead(body, front - CAPITAL.len(), last) {
                Some(cased) => self.held[..CAPITAL.len()].copy_from_slice(if cased { SMALL } else { FINAL }),
                None => return self.held.append(body),
            }
            body.splice(0..0, self.held.drain(..));
        }
        // The first character of the block that is not ignorable may be a sigma that waits for what was before.
        let first = front + ignorable_at_start(&body[front..]);
        if body[first..].starts_with(CAPITAL) {
            let behind = first + CAPITAL.len();
            if !self.after_cased {
                body[first..behind].copy_from_slice(SMALL);
            } else if let Some(cased) = cased_ahead(&body[behind..], 0, last) {
                body[first..behind].copy_from_slice(if cased { SMALL } else { FINAL });
            }
        }
        // The last may be a sigma behind a cased letter that waits for what comes.
        let end = body.len() - ignorable_at_end(body);
        if body[..end].ends_with(CAPITAL) {
            let start = end - CAPITAL.len();
            if last {
                body[start..end].copy_from_slice(FINAL);
            } else {
                self.held.extend(body.drain(start..));
            }
        }
        let end = body.len() - ignorable_at_end(body);
        if let Some((c, _)) = last_character(&body[..end]) {
            self.after_cased = Context::of(c) == Context::Cased;
        }
    }
}

impl Joiner for CaseJoiner {
    fn join(
        &mut self,
        _first: bool,
        last: bool,
        report: Report,
        body: &mut Vec<u8>,
        _side: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        if self.lower {
            // Behind an error nothing comes.
            self.settle(last || report.error.is_some(), body);
        }
        report.error.map_or(Ok(()), Err)
    }
}

/// Whether a sigma has a cased letter ahead: `bytes` are what follows it from `distance` bytes on, all before that being
/// ignorable. `None` if that is not known yet.
fn cased_ahead(bytes: &[u8], distance: usize, last: bool) -> Option<bool> {
    let mut at = 0;
    while distance + at < SIGMA_LOOK_AHEAD {
        let Some((c, length)) = first_character(&bytes[at..]) else { return last.then_some(false) };
        match Context::of(c) {
            Context::Ignorable => at += length,
            other => return Some(other == Context::Cased),
        }
    }
    Some(false)
}

/// Bytes of case-ignorable characters that `bytes` starts with.
fn ignorable_at_start(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some((c, length)) = first_character(&bytes[at..])
        && Context::of(c) == Context::Ignorable
    {
        at += length;
    }
    at
}

/// Bytes of case-ignorable characters that `bytes` ends with.
fn ignorable_at_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some((c, length)) = last_character(&bytes[..bytes.len() - at])
        && Context::of(c) == Context::Ignorable
    {
        at += length;
    }
    at
}
