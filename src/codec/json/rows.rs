//! Walks the rows of a block: what every row stage does alike.
//!
//! * A BOM at the very start of the stream is dropped.
//! * Rows of nothing but whitespace are passed over. They count as lines (`rows_in`, line numbers), but are no rejects.
//! * A bad row ends the stream or is left out, as the options say.
//! * Each row that goes out ends with LF: the last one gets an LF if it has none. A CR before it is whitespace to JSON
//!   and stays.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use super::fault::{Fault, Problem};
use super::options::{OnInvalid, Rejects, RowOptions, Utf8};
use crate::codec::{BlockJob, CodecError, LongPart, Reject, Report};

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
    let all_utf8 = is_utf8(job);
    Walk { options, job, all_utf8, kept: None, report: Report::default() }.run(out, work)
}

/// As [`run_rows`] for a block of checked rows.
pub(super) fn run_checked_rows<W: RowWork>(
    options: &RowOptions,
    job: BlockJob<'_>,
    out: &mut Vec<u8>,
    work: &mut W,
) -> Report {
    Walk { options, job, all_utf8: true, kept: None, report: Report::default() }.run(out, work)
}

/// As [`run_rows`] for verbatim work: where good rows stand goes to `kept`; what is to follow them, to `out`. `None` where
/// rows of the block must be mended.
pub(super) fn select_rows<W: RowWork>(
    options: &RowOptions,
    job: BlockJob<'_>,
    kept: &mut Vec<Range<usize>>,
    out: &mut Vec<u8>,
    work: &mut W,
) -> Option<Report> {
    const { assert!(W::VERBATIM) };
    let all_utf8 = is_utf8(job);
    if !all_utf8 && options.utf8 == Utf8::Replace {
        return None;
    }
    Some(Walk { options, job, all_utf8, kept: Some(kept), report: Report::default() }.run(out, work))
}

fn is_utf8(job: BlockJob<'_>) -> bool {
    simdutf8::basic::from_utf8(job.bytes).is_ok()
}

struct Walk<'a> {
    options: &'a RowOptions,
    job: BlockJob<'a>,
    all_utf8: bool,
    /// Where good rows are noted instead of copied.
    kept: Option<&'a mut Vec<Range<usize>>>,
    report: Report,
}

impl Walk<'_> {
    fn run<W: RowWork>(mut self, out: &mut Vec<u8>, work: &mut W) -> Report {
        self.report.bytes_in = self.job.bytes.len() as u64;
        match self.job.overlong {
            None => self.rows(out, work),
            Some(LongPart::First) => {
                let problem = Problem::TooLong(self.options.max_line_length);
                self.refuse(0, self.job.bytes.len(), &Fault { at: 0, problem });
                self.report.rows_in = 1;
            }
            Some(LongPart::More | LongPart::Last) => self.rest_of_row(),
        }
        self.report
    }

    fn rows<W: RowWork>(&mut self, out: &mut Vec<u8>, work: &mut W) {
        let (bytes, all_utf8) = (self.job.bytes, self.all_utf8);
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
                        self.keep(run, at, out);
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
            self.keep(run, bytes.len(), out);
        }
    }

    /// Hands on whole rows as they are, with an LF at the end if there is none.
    fn keep(&mut self, from: usize, to: usize, out: &mut Vec<u8>) {
        let Some(rows) = self.job.bytes.get(from..to).filter(|rows| !rows.is_empty()) else { return };
        match &mut self.kept {
            Some(kept) => match kept.last_mut() {
                Some(last) if last.end == from => last.end = to,
                _ => kept.push(from..to),
            },
            None => out.extend_from_slice(rows),
        }
        // Only the last row of the block can lack it, so it follows all that is kept.
        if rows.last() != Some(&b'\n') {
            out.push(b'\n');
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
                    match &text {
                        Cow::Borrowed(_) => self.keep(at, (end + 1).min(self.job.bytes.len()), out),
                        Cow::Owned(text) => {
                            out.extend_from_slice(text);
                            out.push(b'\n');
                        }
                    }
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
                self.report.rejected += 1;
                if self.options.rejects != Rejects::None {
                    let part = self.job.overlong;
                    let row = &self.job.bytes[at..end];
                    // Within a row that goes on, a CR is not part of the line end.
                    let row = if part.is_none() { row.strip_suffix(b"\r").unwrap_or(row) } else { row };
                    let (row, length) = (row.to_vec(), row.len());
                    self.report.rejects.push(Reject { row_in_block, offset, reason, row, part, length });
                }
                true
            }
        }
    }

    /// What follows the first part of a row over the limit.
    fn rest_of_row(&mut self) {
        let BlockJob { bytes, offset, overlong: part, .. } = self.job;
        let row = if self.options.rejects == Rejects::Whole { bytes.to_vec() } else { Vec::new() };
        let (reason, length) = (String::new(), bytes.len());
        self.report.rejects.push(Reject { row_in_block: 0, offset, reason, row, part, length });
    }
}
