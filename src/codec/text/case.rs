//! `upperCase()` and `lowerCase()`: Unicode's full case mapping, as JavaScript's `toUpperCase` and `toLowerCase` of the
//! whole text give it, whatever the Unicode version of the two knows.
//!
//! No mapping depends on what is around a character but that of capital sigma to lower case, which is final behind
//! a letter and not before one. A block is mapped without its neighbours, so a sigma at its edge that they decide is
//! left as a capital; lower case has no other use for `Σ`. The [`CaseJoiner`](super::CaseJoiner), which sees the
//! blocks in order, replaces it.

use std::sync::LazyLock;

use super::super::{BlockJob, BlockStage, CodecError, Cut, ErrorKind, Report};
use super::SIGMA_LOOK_AHEAD;
use super::context::Context;

/// ASCII is mapped in pieces of this size, which stay in the first-level cache between the copy and the mapping.
const PIECE: usize = 8 << 10;
/// A run of ASCII at least this long is worth leaving the loop over characters for.
const ASCII_RUN: usize = 16;

/// A case mapping of UTF-8. Invalid bytes become U+FFFD, one for each maximal subpart, as `TextDecoder` and Node's
/// `buffer.toString()` have it; a BOM stays, as in the latter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseMap {
    /// To upper case.
    Upper,
    /// To lower case.
    Lower,
}

/// The same mapping, for text that must be UTF-8: invalid bytes end the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrictCaseMap(pub CaseMap);

impl BlockStage for StrictCaseMap {
    fn cut(&self) -> Cut {
        self.0.cut()
    }

    fn run(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        // Whatever is valid, `run` checks once more; checking is the least part of the work.
        let Err(error) = simdutf8::compat::from_utf8(job.bytes) else { return self.0.run(job, out) };
        let valid = &job.bytes[..error.valid_up_to()];
        let mut report = self.0.run(BlockJob { bytes: valid, ..job }, out);
        let place = job.offset + valid.len() as u64;
        let byte = job.bytes[valid.len()];
        report.error = Some(
            CodecError::new(ErrorKind::Utf8, format!("invalid UTF-8 at byte {place}: 0x{byte:02x}"))
                .at(place),
        );
        report
    }

    fn cost_ns_per_byte(&self) -> f32 {
        self.0.cost_ns_per_byte()
    }
}

impl BlockStage for CaseMap {
    fn cut(&self) -> Cut {
        Cut::Characters
    }

    fn run(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        out.reserve(job.bytes.len());
        match simdutf8::basic::from_utf8(job.bytes) {
            Ok(text) => self.map(text, true, true, out),
            Err(_) => {
                let mut rest = job.bytes.len();
                for chunk in job.bytes.utf8_chunks() {
                    let open_start = rest == job.bytes.len();
                    rest -= chunk.valid().len() + chunk.invalid().len();
                    self.map(chunk.valid(), open_start, chunk.invalid().is_empty(), out);
                    if !chunk.invalid().is_empty() {
                        out.extend_from_slice("\u{fffd}".as_bytes());
                    }
                }
                debug_assert_eq!(rest, 0);
            }
        }
        Report { bytes_in: job.bytes.len() as u64, ..Report::default() }
    }

    fn cost_ns_per_byte(&self) -> f32 {
        0.3
    }
}

impl CaseMap {
    /// Appends the mapping of `text`. Where an end is open, more text may be beyond it.
    fn map(self, text: &str, open_start: bool, open_end: bool, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let run = ascii_run(&bytes[at..]);
            for piece in bytes[at..at + run].chunks(PIECE) {
                let start = out.len();
                out.extend_from_slice(piece);
                match self {
                    Self::Upper => out[start..].make_ascii_uppercase(),
                    Self::Lower => out[start..].make_ascii_lowercase(),
                }
            }
            at += run;
            while let Some(c) = text[at..].chars().next() {
                if c >= '\u{3000}' {
                    let run = caseless_run(&bytes[at..]);
                    out.extend_from_slice(&bytes[at..at + run]);
                    at += run;
                    if run > 0 {
                        continue;
                    }
                }
                if c.is_ascii() && bytes[at..].get(..ASCII_RUN).is_some_and(<[u8]>::is_ascii) {
                    break;
                }
                if c == 'Σ' && self == Self::Lower {
                    out.extend_from_slice(sigma(text, at, open_start, open_end).as_bytes());
                } else {
                    self.map_character(c, out);
                }
                at += c.len_utf8();
            }
        }
    }

    /// Appends the mapping of one character, without regard to what is around it.
    fn map_character(self, c: char, out: &mut Vec<u8>) {
        let two_bytes = match self {
            Self::Upper => &UPPER,
            Self::Lower => &LOWER,
        };
        match c {
            '\0'..='\x7f' => out.push(match self {
                Self::Upper => (c as u8).to_ascii_uppercase(),
                Self::Lower => (c as u8).to_ascii_lowercase(),
            }),
            '\u{80}'..='\u{7ff}' => {
                let pair = two_bytes[c as usize - 0x80];
                if pair == [0, 0] {
                    self.map_by_std(c, out);
                } else {
                    out.extend_from_slice(&pair);
                }
            }
            '\u{2000}'..='\u{20ff}' => push(c, out), // punctuation
            _ => self.map_by_std(c, out),
        }
    }

    fn map_by_std(self, c: char, out: &mut Vec<u8>) {
        match self {
            Self::Upper => c.to_uppercase().for_each(|c| push(c, out)),
            Self::Lower => c.to_lowercase().for_each(|c| push(c, out)),
        }
    }
}

/// The mappings of U+0080 to U+07FF, as UTF-8, where they are one character of two bytes; otherwise zeros.
type TwoBytes = [[u8; 2]; 0x780];
static UPPER: LazyLock<TwoBytes> = LazyLock::new(|| two_bytes(CaseMap::Upper));
static LOWER: LazyLock<TwoBytes> = LazyLock::new(|| two_bytes(CaseMap::Lower));

fn two_bytes(case: CaseMap) -> TwoBytes {
    let mut mapped = Vec::with_capacity(8);
    std::array::from_fn(|index| {
        mapped.clear();
        case.map_by_std(char::from_u32(index as u32 + 0x80).unwrap_or_default(), &mut mapped);
        let lead = mapped.first().is_some_and(|&byte| byte >= 0xc0);
        if lead && mapped.len() == 2 { [mapped[0], mapped[1]] } else { [0, 0] }
    })
}

fn push(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Bytes of ASCII at the start of `bytes`.
fn ascii_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    for size in [PIECE, 64] {
        run += bytes[run..].chunks_exact(size).take_while(|piece| piece.is_ascii()).count() * size;
    }
    run + bytes[run..].iter().take_while(|byte| byte.is_ascii()).count()
}

/// Bytes of kana, CJK and hangul at the start of `bytes`: U+3000 to U+9FFF and U+B000 to U+CFFF, which have no case.
fn caseless_run(bytes: &[u8]) -> usize {
    bytes.chunks_exact(3).take_while(|bytes| matches!(bytes[0], 0xe3..=0xe9 | 0xeb | 0xec)).count() * 3
}

/// Lower case of the capital sigma at `at`: final where a cased letter is before it and none is after it, with
/// ignorable characters looked through. Stays a capital where the answer is beyond an open end.
fn sigma(text: &str, at: usize, open_start: bool, open_end: bool) -> &'static str {
    let seen = |context: Context| (context != Context::Ignorable).then_some(context == Context::Cased);
    let before = text[..at].chars().rev().map(Context::of).find_map(seen);
    let before = if open_start { before } else { before.or(Some(false)) };
    let rest = &text[at + 'Σ'.len_utf8()..];
    let after = rest.char_indices().find_map(|(distance, c)| {
        if distance >= SIGMA_LOOK_AHEAD { Some(false) } else { seen(Context::of(c)) }
    });
    let after = if open_end && rest.len() < SIGMA_LOOK_AHEAD { after } else { after.or(Some(false)) };
    match (before, after) {
        (Some(false), _) | (_, Some(true)) => "σ",
        (Some(true), Some(false)) => "ς",
        _ => "Σ",
    }
}

#[cfg(test)]
mod tests;
