//! From a stage's description (JSON from `lib/internal`, already validated there) to the driver that runs it.

use super::descriptor;
use crate::flow::{Bounds, Driver, FileSink, FileSource, PassDriver, SinkOptions, SourceOptions};
use serde::Deserialize;
use std::path::PathBuf;

/// Bounds and stage.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    /// Bytes; see [`Bounds`].
    inbox: usize,
    link: usize,
    outbox: usize,
    #[serde(flatten)]
    stage: Stage,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "stage", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Stage {
    Pass {},
    /// `blob` is the path.
    FileSource {
        fd: Option<i32>,
        start: Option<u64>,
        end: Option<u64>,
        read_bytes: usize,
        read_bytes_set: bool,
        flags: i32,
        mode: u32,
    },
    /// `blob` is the path.
    FileSink {
        fd: Option<i32>,
        start: Option<u64>,
        flags: i32,
        mode: u32,
        atomic: bool,
        flush: bool,
    },
}

/// Builds what the JSON `text` describes.
///
/// # Errors
/// The reason as text: a defect in `lib/internal`, or a descriptor that is not open.
pub fn build(text: &str, blob: &[u8]) -> Result<(Box<dyn Driver>, Bounds), String> {
    let spec: Spec = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let bounds = Bounds { inbox: spec.inbox, link: spec.link, outbox: spec.outbox };
    Ok((driver(spec.stage, blob)?, bounds))
}

fn driver(stage: Stage, blob: &[u8]) -> Result<Box<dyn Driver>, String> {
    let open = |fd: Option<i32>| fd.map(descriptor::duplicate).transpose().map_err(|e| e.to_string());
    Ok(match stage {
        Stage::Pass {} => Box::new(PassDriver),
        Stage::FileSource { fd, start, end, read_bytes, read_bytes_set, flags, mode } => {
            let options =
                SourceOptions { path: path(blob), start, end, read_bytes, read_bytes_set, flags, mode };
            Box::new(FileSource::new(options, open(fd)?))
        }
        Stage::FileSink { fd, start, flags, mode, atomic, flush } => {
            let options = SinkOptions { path: path(blob), flags, mode, start, atomic, flush };
            Box::new(FileSink::new(options, open(fd)?))
        }
    })
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}
