//! Bodies that are read from files here, as far as the peer's window takes them.

use super::super::engine::read_now;
use crate::codec::http_files::{Piece, Plan};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Bytes that are read at a time.
pub(super) const STEP_BYTES: usize = 64 << 10;

/// What is left of a planned answer.
pub(super) struct FileBody {
    pieces: VecDeque<Piece>,
    file: Option<Arc<OwnedFd>>,
    /// Bytes that were not read.
    pub left: u64,
    /// Bytes from where it stands on that were read into the page cache a moment ago.
    warm: u64,
    /// An I/O thread fetches them.
    pub cold: bool,
}

/// What reading came to.
pub(super) enum Next {
    /// These bytes; whether they are the last.
    Bytes(Vec<u8>, bool),
    /// They come from a disk first.
    Cold { file: Arc<OwnedFd>, offset: u64, bytes: u64 },
    /// The file is shorter than it was.
    Truncated,
}

impl FileBody {
    /// The body of a plan; nothing where there is none to send.
    pub fn new(plan: Plan, file: Option<OwnedFd>) -> Option<Self> {
        let left = plan.length;
        let pieces: VecDeque<_> = plan.body.into();
        (left > 0).then(|| Self { pieces, file: file.map(Arc::new), left, warm: 0, cold: false })
    }

    /// Its next bytes are in memory now.
    pub fn warmed(&mut self, bytes: u64) {
        self.cold = false;
        self.warm = bytes;
    }

    /// Up to [`STEP_BYTES`], and what stands beside them in memory.
    pub fn next(&mut self) -> Next {
        let mut bytes = Vec::new();
        while bytes.len() < STEP_BYTES {
            match self.pieces.front_mut() {
                None => break,
                Some(Piece::Bytes(more)) => {
                    bytes.append(more);
                    self.pieces.pop_front();
                }
                Some(Piece::Shared(more)) => {
                    bytes.extend_from_slice(more);
                    self.pieces.pop_front();
                }
                Some(Piece::File(range)) => {
                    let Some(file) = &self.file else { return Next::Truncated };
                    let step = (range.end - range.start).min((STEP_BYTES - bytes.len()) as u64);
                    let before = bytes.len();
                    if self.warm >= step {
                        bytes.resize(before + step as usize, 0);
                        if rustix::io::pread(file, &mut bytes[before..], range.start) != Ok(step as usize) {
                            return Next::Truncated;
                        }
                        self.warm -= step;
                    } else if !read_now(file, range.start, step as usize, &mut bytes) {
                        if before > 0 {
                            break;
                        }
                        self.cold = true;
                        let ahead = (range.end - range.start).min(STEP_BYTES as u64 * 4);
                        return Next::Cold { file: Arc::clone(file), offset: range.start, bytes: ahead };
                    }
                    range.start += step;
                    if range.start == range.end {
                        self.pieces.pop_front();
                    }
                }
            }
        }
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Next::Bytes(bytes, self.pieces.is_empty())
    }
}
