//! Puts line numbers on what row stages left out.

use crate::codec::digest::Encoding;
use crate::codec::{CodecError, ErrorKind, Joiner, LongPart, Reject, Report};

/// The joiner of every row stage: counts lines over the blocks, writes rejects to the side, places the error.
#[derive(Debug, Default)]
pub struct RowJoiner {
    lines: u64,
    /// The letter of a row over the limit, which is not written whole yet.
    open: LongLetter,
}

/// What is known of a row over the limit so far.
#[derive(Debug, Default)]
struct LongLetter {
    length: u64,
    /// Bytes of it were left out.
    truncated: bool,
    /// It has bytes that are not UTF-8.
    lossy: bool,
}

impl RowJoiner {
    /// A joiner at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Joiner for RowJoiner {
    fn join(
        &mut self,
        _first: bool,
        _last: bool,
        report: Report,
        _body: &mut Vec<u8>,
        side: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let before = self.lines;
        self.lines += report.rows_in;
        for reject in &report.rejects {
            self.write(reject, before + reject.row_in_block + 1, side);
        }
        report.error.map_or(Ok(()), |error| Err(place(error, before)))
    }
}

impl RowJoiner {
    /// Writes one dead letter, or part of one:
    ///
    /// * `{"line":1,"offset":0,"reason":"…","row":"…"}`; `offset` is where the row starts in the stage's input;
    /// * with `"rowBase64":"…"` where the row is not UTF-8: what is not shows as U+FFFD in `row`;
    /// * with `"length":…` in bytes where the row is over the limit; then, in place of `rowBase64`, with `"lossy":true`
    ///   where it is not UTF-8, and with `"truncated":true` where `row` is only its first part.
    fn write(&mut self, reject: &Reject, line: u64, side: &mut Vec<u8>) {
        if matches!(reject.part, None | Some(LongPart::First)) {
            write_number("{\"line\":", line, side);
            write_number(",\"offset\":", reject.offset, side);
            side.extend_from_slice(b",\"reason\":");
            write_text(&reject.reason, side);
            side.extend_from_slice(b",\"row\":\"");
            self.open = LongLetter::default();
        }
        let row = String::from_utf8_lossy(&reject.row);
        let lossy = matches!(row, std::borrow::Cow::Owned(_));
        write_inner(&row, side);
        let Some(part) = reject.part else {
            if lossy {
                side.extend_from_slice(b"\",\"rowBase64\":\"");
                Encoding::Base64.append(&reject.row, side);
            }
            side.extend_from_slice(b"\"}\n");
            return;
        };
        let open = &mut self.open;
        open.length += reject.length as u64;
        open.truncated |= reject.length > reject.row.len();
        open.lossy |= lossy;
        if part == LongPart::Last {
            write_number("\",\"length\":", open.length, side);
            for (name, is) in [("truncated", open.truncated), ("lossy", open.lossy)] {
                if is {
                    side.extend_from_slice(format!(",\"{name}\":true").as_bytes());
                }
            }
            side.extend_from_slice(b"}\n");
        }
    }
}

fn write_number(before: &str, number: u64, side: &mut Vec<u8>) {
    side.extend_from_slice(before.as_bytes());
    side.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn write_text(text: &str, side: &mut Vec<u8>) {
    // Neither a Vec as a writer nor a str as a value can fail.
    let _ = serde_json::to_writer(side, text);
}

/// A part of a JSON string, without the quotes around it.
fn write_inner(text: &str, side: &mut Vec<u8>) {
    let mut quoted = Vec::with_capacity(text.len() + text.len() / 8 + 2);
    write_text(text, &mut quoted);
    side.extend_from_slice(&quoted[1..quoted.len() - 1]);
}

fn place(mut error: CodecError, lines_before: u64) -> CodecError {
    let Some(row) = error.line else { return error };
    let line = lines_before + row + 1;
    let what = match error.kind {
        ErrorKind::RowNotObject => "no JSON object",
        ErrorKind::RowNull => "null",
        _ => "invalid JSON",
    };
    let offset = error.offset.unwrap_or_default();
    error.message = format!("{what} in line {line} at byte {offset}: {}", error.message).into();
    error.line = Some(line);
    error
}
