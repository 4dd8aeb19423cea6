//! Text stages.

use crate::codec::text::{CaseJoiner, CaseMap, LineJoiner, LineOptions, Lines, StrictCaseMap};
use crate::codec::{BlockStage, LongRow};
use crate::flow::{BlockDriver, Driver};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinesSpec {
    max_length: usize,
    keep_ends: bool,
    on_too_long: String,
    framed: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CaseSpec {
    upper: bool,
    refuse_invalid: bool,
}

impl LinesSpec {
    pub(super) fn build(self, threads: usize) -> Box<dyn Driver> {
        let options = LineOptions {
            max_length: self.max_length,
            keep_ends: self.keep_ends,
            on_too_long: match self.on_too_long.as_str() {
                "skip" => LongRow::Skip,
                "truncate" => LongRow::Truncate,
                _ => LongRow::Error,
            },
            framed: self.framed,
        };
        Box::new(BlockDriver::new(Box::new(Lines::new(options)), Box::new(LineJoiner::new()), threads))
    }
}

impl CaseSpec {
    pub(super) fn build(self, threads: usize) -> Box<dyn Driver> {
        let case = if self.upper { CaseMap::Upper } else { CaseMap::Lower };
        let stage: Box<dyn BlockStage> =
            if self.refuse_invalid { Box::new(StrictCaseMap(case)) } else { Box::new(case) };
        Box::new(BlockDriver::new(stage, Box::new(CaseJoiner::new(case)), threads))
    }
}
