//! Files compressed on the fly: made on the compute pool, kept in a cache that is bounded in bytes.

use super::connection::Connection;
use super::wake::{Done, Finished};
use crate::codec::http_files::{Coding, Effort, encode};
use crate::net::h2::StreamId;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Weak;
use std::sync::Arc;

/// How text files are compressed while they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressOptions {
    /// What is offered, the best first.
    pub codings: Vec<Coding>,
    /// How hard they try.
    pub effort: Effort,
    /// Smaller files are sent as they are.
    pub least_bytes: u64,
    /// So are larger ones: a file is compressed in memory.
    pub most_bytes: u64,
    /// Bytes of compressed files that are kept.
    pub cache_bytes: usize,
}

/// A file as it was, and how it is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub device: u64,
    pub inode: u64,
    pub bytes: u64,
    /// Seconds and nanoseconds.
    pub modified: (i64, i64),
    pub coding: Coding,
    pub effort: Effort,
}

/// What is to be compressed.
#[derive(Debug)]
pub(super) struct Job {
    pub key: Key,
    pub file: OwnedFd,
    /// The file is as it was for long enough to be known by its key.
    pub keep: bool,
    pub cache_bytes: usize,
}

struct Kept {
    bytes: Arc<Vec<u8>>,
    used: u64,
}

/// Who waits: a connection with HTTP/1, or one of its streams.
pub(super) struct Waiter {
    pub connection: Weak<Connection>,
    pub stream: Option<StreamId>,
}

/// What a wish for a compressed file comes to.
pub(super) enum Variant {
    /// It is there.
    Kept(Arc<Vec<u8>>),
    /// The waiter is told when it is.
    Awaited,
    /// [`WORK_BYTES`] are at work: the plain file has to do.
    Busy,
}

struct Waiting {
    keep: bool,
    cache_bytes: usize,
    waiters: Vec<Waiter>,
}

/// Bytes of plain files that are read or compressed at a time; a single one may be larger.
const WORK_BYTES: u64 = 64 << 20;

/// Compressed files, and who waits for one. A file is compressed once for all who ask meanwhile; each connection and each
/// stream waits for one at the most.
#[derive(Default)]
pub(super) struct Variants {
    kept: HashMap<Key, Kept>,
    kept_bytes: usize,
    uses: u64,
    work_bytes: u64,
    waiting: HashMap<Key, Waiting>,
}

impl Variants {
    /// The compressed bytes, where they are kept.
    fn get(&mut self, key: &Key) -> Option<Arc<Vec<u8>>> {
        self.uses += 1;
        let variant = self.kept.get_mut(key)?;
        variant.used = self.uses;
        Some(Arc::clone(&variant.bytes))
    }

    /// The compressed bytes for `waiter`; `finished` is told when they are made.
    pub fn ask(&mut self, job: Job, waiter: Waiter, finished: Arc<Finished>) -> Variant {
        let Job { key, file, keep, cache_bytes } = job;
        if let Some(bytes) = self.get(&key) {
            return Variant::Kept(bytes);
        }
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.waiters.push(waiter);
            return Variant::Awaited;
        }
        if self.work_bytes > 0 && self.work_bytes + key.bytes > WORK_BYTES {
            return Variant::Busy;
        }
        self.work_bytes += key.bytes;
        self.waiting.insert(key, Waiting { keep, cache_bytes, waiters: vec![waiter] });
        crate::flow::on_io_thread(Box::new(move || {
            let plain = read_whole(&file, key.bytes);
            drop(file);
            crate::flow::on_compute_thread(Box::new(move || {
                // Who waits must be told whatever happens.
                let work = AssertUnwindSafe(|| encode(key.coding, key.effort, &plain?));
                let bytes = catch_unwind(work).ok().flatten();
                finished.add((0, Done::Compressed(key, bytes.map(Arc::new))));
            }));
        }));
        Variant::Awaited
    }

    /// The job of `key` is done: keeps its result, and returns who waited for it.
    pub fn made(&mut self, key: Key, bytes: Option<&Arc<Vec<u8>>>) -> Vec<Waiter> {
        let Some(waiting) = self.waiting.remove(&key) else { return Vec::new() };
        self.work_bytes -= key.bytes;
        if let Some(bytes) = bytes.filter(|bytes| waiting.keep && bytes.len() <= waiting.cache_bytes) {
            self.kept_bytes += bytes.len();
            self.uses += 1;
            self.kept.insert(key, Kept { bytes: Arc::clone(bytes), used: self.uses });
            while self.kept_bytes > waiting.cache_bytes {
                self.drop_oldest();
            }
        }
        waiting.waiters
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.kept.iter().min_by_key(|(_, variant)| variant.used).map(|(key, _)| *key)
        else {
            return;
        };
        self.kept_bytes -= self.kept.remove(&oldest).map_or(0, |variant| variant.bytes.len());
    }

    #[cfg(test)]
    fn keep(&mut self, key: Key, bytes: usize, cache_bytes: usize) {
        self.work_bytes += key.bytes;
        self.waiting.insert(key, Waiting { keep: true, cache_bytes, waiters: Vec::new() });
        self.made(key, Some(&Arc::new(vec![0; bytes])));
    }
}

/// All `bytes` of a file; nothing where it is shorter by now, or cannot be read.
fn read_whole(file: &OwnedFd, bytes: u64) -> Option<Vec<u8>> {
    let mut plain = vec![0; usize::try_from(bytes).ok()?];
    let mut at = 0;
    while at < plain.len() {
        match rustix::io::pread(file, &mut plain[at..], at as u64) {
            Ok(0) => return None,
            Ok(read) => at += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(inode: u64) -> Key {
        let effort = Effort { gzip_level: 6, brotli_quality: 5, zstd_level: 3 };
        Key { device: 1, inode, bytes: 9, modified: (1, 2), coding: Coding::Gzip, effort }
    }

    #[test]
    fn the_cache_holds_no_more_than_its_bound_and_drops_what_was_not_used_longest() {
        let mut variants = Variants::default();
        variants.keep(key(1), 400, 1000);
        variants.keep(key(2), 400, 1000);
        assert!(variants.get(&key(1)).is_some());
        variants.keep(key(3), 400, 1000);
        assert!(variants.get(&key(2)).is_none(), "the one that was used least lately");
        assert!(variants.get(&key(1)).is_some() && variants.get(&key(3)).is_some());
        assert_eq!(variants.kept_bytes, 800);
        variants.keep(key(4), 2000, 1000);
        assert!(variants.get(&key(4)).is_none(), "larger than the cache");
        assert_eq!(variants.kept_bytes, 800);
    }
}
