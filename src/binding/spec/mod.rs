//! From a stage's description (JSON from `lib/internal`, already validated there) to the driver that runs it.

mod file;
mod hash;
mod rows;
mod text;
mod zlib;

use super::codec::Direction;
use crate::flow::{Bounds, Driver, PassDriver};
use serde::Deserialize;

/// Bounds and stage.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    /// Bytes; see [`Bounds`].
    inbox: usize,
    link: usize,
    outbox: usize,
    output_limit: Option<u64>,
    /// Threads for this stage; 0 for as many as there are.
    #[serde(default)]
    threads: usize,
    #[serde(flatten)]
    stage: Stage,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "stage", rename_all = "camelCase")]
enum Stage {
    Pass {},
    FileSource(file::Source),
    FileSink(file::Sink),
    Deflate(zlib::Deflate),
    Inflate(zlib::Inflate),
    Hash(hash::Hash),
    Lines(text::LinesSpec),
    Case(text::CaseSpec),
    Validate(rows::ValidateSpec),
    ParseRows(rows::ParseRowsSpec),
    Edit(rows::EditSpec),
}

/// Builds what the JSON `text` describes; `blob` is a path for files, a dictionary for the deflate family.
///
/// # Errors
/// The reason as text: a defect in `lib/internal`, or a descriptor that is not open.
pub fn build(text: &str, blob: &[u8]) -> Result<(Box<dyn Driver>, Bounds), String> {
    let spec: Spec = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let bounds =
        Bounds { inbox: spec.inbox, link: spec.link, outbox: spec.outbox, output_limit: spec.output_limit };
    let threads = spec.threads;
    let driver: Box<dyn Driver> = match spec.stage {
        Stage::Pass {} => Box::new(PassDriver),
        Stage::FileSource(source) => source.build(blob)?,
        Stage::FileSink(sink) => sink.build(blob)?,
        Stage::Deflate(deflate) => deflate.build(blob, threads)?,
        Stage::Inflate(inflate) => inflate.build(blob)?,
        Stage::Hash(hash) => hash.build()?,
        Stage::Lines(lines) => lines.build(threads),
        Stage::Case(case) => case.build(threads),
        Stage::Validate(validate) => validate.build(threads),
        Stage::ParseRows(parse) => parse.build(threads),
        Stage::Edit(edit) => edit.build(threads)?,
    };
    Ok((driver, bounds))
}

/// What the JSON `text` describes, for whole buffers: `blob` is the dictionary.
///
/// # Errors
/// The reason as text: a defect in `lib/internal`.
pub(super) fn direction(text: &str, blob: &[u8]) -> Result<Direction, String> {
    match serde_json::from_str(text).map_err(|e| e.to_string())? {
        Stage::Deflate(deflate) => Ok(Direction::Deflate(deflate.options(blob)?)),
        Stage::Inflate(inflate) => Ok(Direction::Inflate(inflate.options(blob)?)),
        other => Err(format!("{other:?} has no one-shot")),
    }
}
