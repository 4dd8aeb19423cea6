//! Line numbers for what [`Lines`](super::Lines) reports.

use super::super::{CodecError, Joiner, Report};

/// Counts lines over the blocks of a stream, so that an error names its line. Lines left out need no side output:
/// `rows_in` and `rows_out` tell how many there were.
#[derive(Debug, Default)]
pub struct LineJoiner {
    lines: u64,
}

impl LineJoiner {
    /// A joiner at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Joiner for LineJoiner {
    fn join(
        &mut self,
        _first: bool,
        _last: bool,
        report: Report,
        _body: &mut Vec<u8>,
        _side: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let before = self.lines;
        self.lines += report.rows_in;
        match report.error {
            None => Ok(()),
            Some(error) => {
                let line = before + error.line.unwrap_or(0) + 1;
                Err(error.in_line(line))
            }
        }
    }
}
