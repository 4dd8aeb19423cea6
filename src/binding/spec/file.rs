//! File ends. The blob is the path.

use crate::binding::descriptor;
use crate::flow::{Driver, FileSink, FileSource, SinkOptions, SourceOptions};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    fd: Option<i32>,
    start: Option<u64>,
    end: Option<u64>,
    read_bytes: usize,
    read_bytes_set: bool,
    flags: i32,
    mode: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sink {
    fd: Option<i32>,
    start: Option<u64>,
    flags: i32,
    mode: u32,
    atomic: bool,
    flush: bool,
}

impl Source {
    pub(super) fn build(self, path_bytes: &[u8]) -> Result<Box<dyn Driver>, String> {
        let Self { fd, start, end, read_bytes, read_bytes_set, flags, mode } = self;
        let options =
            SourceOptions { path: path(path_bytes), start, end, read_bytes, read_bytes_set, flags, mode };
        Ok(Box::new(FileSource::new(options, fd.map(descriptor::duplicate))))
    }
}

impl Sink {
    pub(super) fn build(self, path_bytes: &[u8]) -> Result<Box<dyn Driver>, String> {
        let Self { fd, start, flags, mode, atomic, flush } = self;
        let options = SinkOptions { path: path(path_bytes), flags, mode, start, atomic, flush };
        Ok(Box::new(FileSink::new(options, fd.map(descriptor::duplicate))))
    }
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
