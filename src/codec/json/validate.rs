//! Lets valid rows pass, byte for byte.

use super::fault::Fault;
use super::options::RowOptions;
use super::rows::{RowWork, run_rows, select_rows};
use super::scan::Scanner;
use crate::codec::{BlockJob, BlockStage, Cut, Report};
use std::ops::Range;

/// Keeps the rows that `JSON.parse` would accept. See [`super`] for blank rows, line ends and the BOM.
#[derive(Debug, Clone, Default)]
pub struct Validate {
    options: RowOptions,
}

impl Validate {
    /// A stage with these options.
    pub fn new(options: RowOptions) -> Self {
        Self { options }
    }
}

impl BlockStage for Validate {
    fn cut(&self) -> Cut {
        self.options.cut()
    }

    fn run(&self, job: BlockJob<'_>, out: &mut Vec<u8>) -> Report {
        out.reserve(job.bytes.len() + 1);
        let report = run_rows(&self.options, job, out, &mut Check(Scanner::default()));
        Report { checked: true, ..report }
    }

    fn select(&self, job: BlockJob<'_>, kept: &mut Vec<Range<usize>>, out: &mut Vec<u8>) -> Option<Report> {
        let report = select_rows(&self.options, job, kept, out, &mut Check(Scanner::default()))?;
        Some(Report { checked: true, ..report })
    }

    fn cost_ns_per_byte(&self) -> f32 {
        1.0
    }
}

struct Check(Scanner);

impl RowWork for Check {
    const VERBATIM: bool = true;

    #[inline]
    fn row(&mut self, text: &[u8], start: usize, _out: &mut Vec<u8>) -> Result<usize, Fault> {
        self.0.check(text, start).map(|row| row.end)
    }
}
