//! Row stages.

use crate::codec::BlockStage;
use crate::codec::json::{
    Edit, EditOptions, FrameRows, HashField, OnInvalid, Rejects, RowJoiner, RowOptions, SetValue, Utf8,
    Validate,
};
use crate::flow::{BlockDriver, Driver};
use serde::Deserialize;

/// What every row stage is told.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowSpec {
    skip_invalid: bool,
    max_line_length: usize,
    #[serde(default)]
    replace_utf8: bool,
    #[serde(default)]
    rejects: Option<RejectsSpec>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RejectsSpec {
    Whole,
    First,
}

#[derive(Debug, Deserialize)]
pub(super) struct ValidateSpec {
    #[serde(flatten)]
    rows: RowSpec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParseRowsSpec {
    #[serde(flatten)]
    rows: RowSpec,
    refuse_null: bool,
    shaped: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct EditSpec {
    #[serde(flatten)]
    rows: RowSpec,
    /// Name and JSON text; none is the time.
    set: Vec<(String, Option<String>)>,
    remove: Vec<String>,
    rename: Vec<(String, String)>,
    hash: Option<HashSpec>,
}

#[derive(Debug, Deserialize)]
struct HashSpec {
    field: String,
    algorithm: String,
    length: usize,
}

impl EditSpec {
    pub(super) fn build(self, threads: usize) -> Result<Box<dyn Driver>, String> {
        let hash = match self.hash {
            None => None,
            Some(HashSpec { field, algorithm, length }) => {
                let algorithm = algorithm.parse().map_err(|_| format!("unknown algorithm {algorithm}"))?;
                Some(HashField { field, algorithm, length })
            }
        };
        let set = self.set.into_iter();
        let options = EditOptions {
            rows: self.rows.options(),
            set: set.map(|(name, json)| (name, json.map_or(SetValue::Now, SetValue::Json))).collect(),
            remove: self.remove,
            rename: self.rename,
            hash,
        };
        Ok(rows(Box::new(Edit::new(options)), threads))
    }
}

impl RowSpec {
    fn options(&self) -> RowOptions {
        RowOptions {
            on_invalid: if self.skip_invalid { OnInvalid::Skip } else { OnInvalid::Error },
            max_line_length: self.max_line_length,
            utf8: if self.replace_utf8 { Utf8::Replace } else { Utf8::Error },
            rejects: match self.rejects {
                None => Rejects::None,
                Some(RejectsSpec::Whole) => Rejects::Whole,
                Some(RejectsSpec::First) => Rejects::First,
            },
        }
    }
}

impl ValidateSpec {
    pub(super) fn build(self, threads: usize) -> Box<dyn Driver> {
        rows(Box::new(Validate::new(self.rows.options())), threads)
    }
}

impl ParseRowsSpec {
    pub(super) fn build(self, threads: usize) -> Box<dyn Driver> {
        let stage = FrameRows::new(self.rows.options()).refuse_null(self.refuse_null).shaped(self.shaped);
        rows(Box::new(stage), threads)
    }
}

fn rows(stage: Box<dyn BlockStage>, threads: usize) -> Box<dyn Driver> {
    Box::new(BlockDriver::new(stage, Box::new(RowJoiner::new()), threads))
}
