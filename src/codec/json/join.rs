//! Puts line numbers on what row stages left out.

use crate::codec::{CodecError, ErrorKind, Joiner, Reject, Report};

/// The joiner of every row stage: counts lines over the blocks, writes rejects to the side, places the error.
#[derive(Debug, Default)]
pub struct RowJoiner {
    lines: u64,
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
            write_reject(reject, before + reject.row_in_block + 1, side);
        }
        report.error.map_or(Ok(()), |error| Err(place(error, before)))
    }
}

/// One dead letter: `{"line":1,"offset":0,"reason":"…","row":"…"}`. The row is text, so that bytes which are not UTF-8 show
/// as U+FFFD; `offset` is where the row starts in the stage's input.
fn write_reject(reject: &Reject, line: u64, side: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    side.extend_from_slice(b"{\"line\":");
    side.extend_from_slice(digits.format(line).as_bytes());
    side.extend_from_slice(b",\"offset\":");
    side.extend_from_slice(digits.format(reject.offset).as_bytes());
    side.extend_from_slice(b",\"reason\":");
    write_text(&reject.reason, side);
    side.extend_from_slice(b",\"row\":");
    write_text(&String::from_utf8_lossy(&reject.row), side);
    side.extend_from_slice(b"}\n");
}

fn write_text(text: &str, side: &mut Vec<u8>) {
    // Neither a Vec as a writer nor a str as a value can fail.
    let _ = serde_json::to_writer(side, text);
}

fn place(mut error: CodecError, lines_before: u64) -> CodecError {
    let Some(row) = error.line else { return error };
    let line = lines_before + row + 1;
    let what = match error.kind {
        ErrorKind::RowNotObject => "no JSON object",
        _ => "invalid JSON",
    };
    let offset = error.offset.unwrap_or_default();
    error.message = format!("{what} in line {line} at byte {offset}: {}", error.message).into();
    error.line = Some(line);
    error
}
