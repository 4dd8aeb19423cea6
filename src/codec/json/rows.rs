//! Walks the rows of a block: what every row stage does alike.
//!
//! * A BOM at the very start of the stream is dropped.
//! * Rows of nothing but whitespace are passed over. They count as lines (`rows_in`, line numbers), but are no rejects.
//! * A bad row ends the stream or is left out, as the options say.
//! * Each row that goes out ends with LF: the last one gets an LF if it has none. A CR before it is whitespace to JSON
//!   and stays.

use std::borrow::Cow;

use memchr::memchr;

use super::fault::{Fault, Problem};
use super::options::{OnInvalid, RowOptions, Utf8};
use crate::codec::{BlockJob, CodecError, Reject, Report};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a stage does with one row.
pub(super) trait RowWork {
    /// Good rows go out as they came in, so that neighbours may be copied together; `row` writes nothing.
    const VERBATIM: bool;

    /// Checks the row that starts at `start` in `text`, and unless `VERBATIM`, appends what becomes of it to `out`.
    /// Returns the index of the LF that ends the row, or `text.len()`.
    fn row(&mut self, text: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, Fault>;
}

/// Runs `work` over each row of `job`.
pub(super) fn run_rows<W: RowWork>(
    options: &RowOptions,
    job: BlockJob<'_>,
    out: &mut Vec<u8>,
    work: &mut W,
) -> Report {
    let mut walk = Walk { options, job, report: Report::default() };
    walk.report.bytes_in = job.bytes.len() as u64;
    if job.overlong {
        walk.refuse(0, job.bytes.len(), &Fault { at: 0, problem: Problem::TooLong(options.max_line_length) });
        walk.report.rows_in = 1;
    } else {
        walk.rows(out, work);
    }
    walk.report
}

struct Walk<'a> {
    options: &'a RowOptions,
    job: BlockJob<'a>,
    report: Report,
}

impl Walk<'_> {
    fn rows<W: RowWork>(&mut self, out: &mut Vec<u8>, work: &mut W) {
        let bytes = self.job.bytes;
        let all_utf8 = simdutf8::basic::from_utf8(bytes).is_ok();
        let mut at = if self.job.first && bytes.starts_with(BOM) { BOM.len() } else { 0 };
        // Good rows from here on are not copied yet.
        let mut run = at;
        while at < bytes.len() {
            let result =
                if all_utf8 { work.row(bytes, at, out) } else { Err(Fault { at, problem: Problem::Utf8 }) };
            let end = match result {
                Ok(end) => {
                    self.report.rows_out += 1;
                    end
                }
                Err(fault) => {
                    if W::VERBATIM {
                        copy(bytes, run, at, out);
                    }
                    let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
                    let keep = if all_utf8 {
                        self.leave_out(at, end, fault)
                    } else {
                        self.doubtful_row(at, end, out, work)
                    };
                    if !keep {
                        self.report.rows_in += 1;
                        return;
                    }
                    run = end + 1;
                    end
                }
            };
            self.report.rows_in += 1;
            at = end + 1;
        }
        if W::VERBATIM {
            copy(bytes, run, bytes.len(), out);
        }
    }

    /// One row of a block that is not all UTF-8: checked, and perhaps mended, on its own. Returns whether to go on.
    fn doubtful_row<W: RowWork>(&mut self, at: usize, end: usize, out: &mut Vec<u8>, work: &mut W) -> bool {
        let row = &self.job.bytes[at..end];
        let text = match (simdutf8::compat::from_utf8(row), self.options.utf8) {
            (Ok(_), _) => Cow::Borrowed(row),
            (Err(error), Utf8::Error) => {
                return self.leave_out(
                    at,
                    end,
                    Fault { at: at + error.valid_up_to(), problem: Problem::Utf8 },
                );
            }
            (Err(_), Utf8::Replace) => match String::from_utf8_lossy(row) {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        };
        match work.row(&text, 0, out) {
            Ok(_) => {
                if W::VERBATIM {
                    out.extend_from_slice(&text);
                    out.push(b'\n');
                }
                self.report.rows_out += 1;
                true
            }
            Err(fault) if fault.problem == Problem::Blank => true,
            Err(fault) => {
                let reason = fault.reason(&text, 0);
                self.refuse_as(at, end, &fault, reason)
            }
        }
    }

    /// Passes over a blank row, or meets a bad one as the options say. Returns whether to go on.
    fn leave_out(&mut self, at: usize, end: usize, fault: Fault) -> bool {
        fault.problem == Problem::Blank || self.refuse(at, end, &fault)
    }

    fn refuse(&mut self, at: usize, end: usize, fault: &Fault) -> bool {
        let reason = fault.reason(self.job.bytes, at);
        self.refuse_as(at, end, fault, reason)
    }

    fn refuse_as(&mut self, at: usize, end: usize, fault: &Fault, reason: String) -> bool {
        let offset = self.job.offset + at as u64;
        let row_in_block = self.report.rows_in;
        match self.options.on_invalid {
            OnInvalid::Error => {
                let error = CodecError::new(fault.kind(), reason).at(offset).in_line(row_in_block);
                self.report.error = Some(error);
                false
            }
            OnInvalid::Skip => {
                if self.options.rejects {
                    let row = &self.job.bytes[at..end];
                    let row = row.strip_suffix(b"\r").unwrap_or(row).to_vec();
                    self.report.rejects.push(Reject { row_in_block, offset, reason, row });
                }
                true
            }
        }
    }
}

/// Appends whole rows, with an LF at the end if there is none.
fn copy(bytes: &[u8], from: usize, to: usize, out: &mut Vec<u8>) {
    if let Some(rows) = bytes.get(from..to).filter(|rows| !rows.is_empty()) {
        out.extend_from_slice(rows);
        if rows.last() != Some(&b'\n') {
            out.push(b'\n');
        }
    }
}
