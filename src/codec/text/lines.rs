//! `lines()`: whole lines, with their ends kept, made alike, or replaced by a frame for JavaScript.

use memchr::memchr_iter;

use super::super::cut::incomplete_character;
use super::super::{BlockJob, BlockStage, CodecError, Cut, ErrorKind, LongRow, Report};
use super::frame::Framer;

/// The greatest limit on a line, 1 GiB: more than a JavaScript string can hold, and less than a frame's u32.
pub const MAX_LINE_LENGTH: usize = 1 << 30;

/// What [`Lines`] is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOptions {
    /// Longest line in bytes, without its end; 16 MiB unless given, [`MAX_LINE_LENGTH`] at most.
    pub max_length: usize,
    /// Lines keep the end that they came with. Otherwise each ends with one LF in bytes, and with nothing in frames.
    pub keep_ends: bool,
    /// What to do with a longer line.
    pub on_too_long: LongRow,
    /// Batches for JavaScript, as [`frame`](super::frame) describes, in place of plain bytes.
    pub framed: bool,
}

impl Default for LineOptions {
    fn default() -> Self {
        Self { max_length: 16 << 20, keep_ends: false, on_too_long: LongRow::Error, framed: false }
    }
}

/// Splits at LF and CRLF, and at nothing else: a lone CR, VT, FF, U+0085, U+2028 and U+2029 are part of a line.
/// A last line without an end counts; an end of the stream right after a line end does not begin another line.
///
/// A line that is cut (`LongRow::Truncate`) keeps at most `max_length` bytes, fewer where that would split a UTF-8
/// character, and ends with LF wherever lines have ends.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    options: LineOptions,
}

impl Lines {
    /// A stage with these options.
    pub fn new(options: LineOptions) -> Self {
        let max_length = options.max_length.min(MAX_LINE_LENGTH);
        Self { options: LineOptions { max_length, ..options } }
    }

    fn too_long(&self, job: BlockJob<'_>, out: &mut Vec<u8>, report: &mut Report) {
        report.rows_in = 1;
        match self.options.on_too_long {
            LongRow::Error => {
                let error = CodecError::new(
                    ErrorKind::LineTooLong,
                    format!("line is longer than {} bytes", self.options.max_length),
                );
                report.error = Some(error.at(job.offset).in_line(0));
            }
            LongRow::Skip => report.rejected = 1,
            LongRow::Truncate => {
                report.rows_out = 1;
                let kept = &job.bytes[..job.bytes.len() - incomplete_character(job.bytes)];
                if self.options.framed {
                    let mut framer = Framer::new(out);
                    framer.line(kept);
                    if self.options.keep_ends {
                        framer.more_of_line(b"\n");
                    }
                    framer.end_batch();
                } else {
                    out.extend_from_slice(kept);
                    out.push(b'\n');
                }
            }
        }
    }

    fn frame(&self, bytes: &[u8], out: &mut Vec<u8>) -> u64 {
        let mut framer = Framer::new(out);
        let mut start = 0;
        let mut lines = 0;
        for end in memchr_iter(b'\n', bytes) {
            let line = &bytes[start..=end];
            framer.line(if self.options.keep_ends { line } else { without_end(line) });
            start = end + 1;
            lines += 1;
        }
        if start < bytes.len() {
            framer.line(&bytes[start..]);
            lines += 1;
        }
        framer.end_batch();
        lines
    }
}

impl BlockStage for Lines {
    fn cut(&self) -> Cut {
        Cut::Rows { max: self.options.max_length, rest: false }
    }

    fn run(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        let bytes = job.bytes;
        let mut report = Report { bytes_in: bytes.len() as u64, ..Report::default() };
        if job.overlong.is_some() {
            self.too_long(job, out, &mut report);
            return report;
        }
        let lines = if self.options.framed {
            self.frame(bytes, out)
        } else {
            let open = !bytes.is_empty() && !bytes.ends_with(b"\n");
            out.reserve(bytes.len() + 1);
            if self.options.keep_ends {
                out.extend_from_slice(bytes);
            } else {
                extend_with_lf_ends(bytes, out);
                if open {
                    out.push(b'\n');
                }
            }
            memchr_iter(b'\n', bytes).count() as u64 + u64::from(open)
        };
        report.rows_in = lines;
        report.rows_out = lines;
        report
    }

    fn cost_ns_per_byte(&self) -> f32 {
        if self.options.framed { 0.3 } else { 0.15 }
    }
}

/// Appends `bytes` with each CRLF made LF. Without any CR it is one copy.
fn extend_with_lf_ends(bytes: &[u8], out: &mut Vec<u8>) {
    let mut start = 0;
    for at in memchr_iter(b'\r', bytes) {
        if bytes.get(at + 1) == Some(&b'\n') {
            out.extend_from_slice(&bytes[start..at]);
            start = at + 1;
        }
    }
    out.extend_from_slice(&bytes[start..]);
}

/// `line`, which ends with LF, without its LF or CRLF.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
