//! Bytes that wait for a peer: in memory, or in files.

use crate::net::transport::{FileSent, MOST_SLICES, Transport};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Bytes of files that a connection sends before others have their turn, and that are looked for in the page cache at a
/// time.
const FILE_STEP: u64 = 1 << 20;

/// Bytes of small chunks that gather in one.
const GATHERED_BYTES: usize = 16 << 10;

/// Bytes in order. What bounds them is told in the [module](super).
#[derive(Debug, Default)]
pub(super) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are sent, where it is in memory.
    sent: usize,
    bytes: u64,
    /// Bytes that the transport took and the socket did not yet.
    held: u64,
}

#[derive(Debug)]
enum Bytes {
    Own(Vec<u8>),
    /// What many peers get.
    Shared(Arc<Vec<u8>>),
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

#[derive(Debug)]
enum Chunk {
    Memory(Bytes),
    File {
        file: Arc<OwnedFd>,
        offset: u64,
        end: u64,
        /// Up to here it was read into the page cache a moment ago.
        warm: u64,
    },
}

/// Why sending stopped.
#[derive(Debug)]
pub(super) enum Sent {
    /// All is sent, or the socket is full.
    Enough,
    /// These bytes of a file come from a disk first.
    Cold { file: Arc<OwnedFd>, offset: u64, bytes: u64 },
    /// The file is shorter than it was: what was promised cannot be sent.
    Truncated,
}

impl Outbox {
    pub fn bytes(&self) -> u64 {
        self.bytes + self.held
    }

    /// Whether all is with the system.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.held == 0
    }

    /// Counts what the transport holds back of what it took, or of its own.
    pub fn count_held(&mut self, transport: &Transport) {
        self.held = transport.waiting() as u64;
    }

    /// Whether there are bytes of a file.
    pub fn has_file(&self) -> bool {
        self.chunks.iter().take(2).any(|chunk| matches!(chunk, Chunk::File { .. }))
    }

    /// Queues bytes.
    pub fn push(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.bytes += bytes.len() as u64;
            self.chunks.push_back(Chunk::Memory(Bytes::Own(bytes)));
        }
    }

    /// Queues a copy of `bytes`; small ones gather in one chunk.
    pub fn push_copy(&mut self, bytes: &[u8]) {
        match self.chunks.back_mut() {
            Some(Chunk::Memory(Bytes::Own(last))) if last.len() + bytes.len() <= GATHERED_BYTES => {
                last.extend_from_slice(bytes);
                self.bytes += bytes.len() as u64;
            }
            _ => self.push(bytes.to_vec()),
        }
    }

    /// Queues bytes that many peers get, of which `sent` are sent. There must be none before them, or `sent` be 0.
    pub fn push_shared(&mut self, bytes: Arc<Vec<u8>>, sent: usize) {
        debug_assert!(sent == 0 || self.chunks.is_empty());
        if sent < bytes.len() {
            if sent > 0 {
                self.sent = sent;
            }
            self.bytes += (bytes.len() - sent) as u64;
            self.chunks.push_back(Chunk::Memory(Bytes::Shared(bytes)));
        }
    }

    /// Queues bytes `offset..end` of a file.
    pub fn push_file(&mut self, file: Arc<OwnedFd>, offset: u64, end: u64) {
        if offset < end {
            self.bytes += end - offset;
            self.chunks.push_back(Chunk::File { file, offset, end, warm: offset });
        }
    }

    /// Sends `parts`, at once where nothing waits; keeps a copy of what the socket does not take.
    pub fn send(&mut self, transport: &mut Transport, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut taken = 0;
        if self.chunks.is_empty() {
            taken = transport.write(parts)?;
            self.count_held(transport);
        }
        for part in parts {
            let skip = taken.min(part.len());
            taken -= skip;
            self.push(part[skip..].to_vec());
        }
        Ok(())
    }

    /// The bytes of the file that it stopped at are in the page cache now.
    pub fn warmed(&mut self, bytes: u64) {
        if let Some(Chunk::File { offset, warm, .. }) = self.chunks.front_mut() {
            *warm = *offset + bytes;
        }
    }

    /// Sends what the socket takes.
    pub fn flush(&mut self, transport: &mut Transport) -> io::Result<Sent> {
        transport.flush()?;
        let sent = self.give(transport);
        self.count_held(transport);
        sent
    }

    fn give(&mut self, transport: &mut Transport) -> io::Result<Sent> {
        let mut left = FILE_STEP;
        loop {
            match self.chunks.front_mut() {
                None => return Ok(Sent::Enough),
                Some(Chunk::Memory(_)) => {
                    let mut parts = [IoSlice::new(&[]); MOST_SLICES];
                    let mut count = 0;
                    for (slot, chunk) in parts.iter_mut().zip(&self.chunks) {
                        let Chunk::Memory(bytes) = chunk else { break };
                        *slot = IoSlice::new(if count == 0 { &bytes[self.sent..] } else { bytes });
                        count += 1;
                    }
                    let taken = transport.write(&parts[..count])?;
                    if taken == 0 {
                        return Ok(Sent::Enough);
                    }
                    self.drop_front(taken);
                }
                Some(Chunk::File { file, offset, end, warm }) => {
                    if left == 0 {
                        return Ok(Sent::Enough);
                    }
                    let step = (*end - *offset).min(left);
                    let is_warm = *warm >= *offset + step;
                    let taken = match transport.send_file(file, *offset, step, is_warm)? {
                        FileSent::Bytes(taken) => taken,
                        FileSent::Full => return Ok(Sent::Enough),
                        FileSent::Truncated => return Ok(Sent::Truncated),
                        FileSent::Cold => {
                            return Ok(Sent::Cold { file: Arc::clone(file), offset: *offset, bytes: step });
                        }
                    };
                    *offset += taken;
                    self.bytes -= taken;
                    left -= taken;
                    if offset == end {
                        self.chunks.pop_front();
                    }
                }
            }
        }
    }

    fn drop_front(&mut self, mut taken: usize) {
        self.bytes -= taken as u64;
        while let Some(Chunk::Memory(first)) = self.chunks.front() {
            let left = first.len() - self.sent;
            if taken < left {
                self.sent += taken;
                return;
            }
            taken -= left;
            self.sent = 0;
            self.chunks.pop_front();
        }
    }
}
