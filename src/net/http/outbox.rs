//! Bytes that wait for a peer.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;

/// Buffers that one system call takes.
const MOST_SLICES: usize = 64;

/// Bytes in order. What bounds them is told in the [module](super).
#[derive(Debug, Default)]
pub(super) struct Outbox {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first chunk that are sent.
    sent: usize,
    bytes: usize,
}

impl Outbox {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Sends `parts`, at once where nothing waits; keeps a copy of what the socket does not take.
    pub fn send(&mut self, socket: impl AsFd, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut taken = 0;
        if self.is_empty() {
            taken = write(socket, parts)?;
        }
        for part in parts {
            let skip = taken.min(part.len());
            taken -= skip;
            if skip < part.len() {
                self.bytes += part.len() - skip;
                self.chunks.push_back(part[skip..].to_vec());
            }
        }
        Ok(())
    }

    /// Sends what the socket takes.
    pub fn flush(&mut self, socket: impl AsFd) -> io::Result<()> {
        while !self.is_empty() {
            let mut parts = [IoSlice::new(&[]); MOST_SLICES];
            let mut count = 0;
            for (slot, chunk) in parts.iter_mut().zip(&self.chunks) {
                *slot = IoSlice::new(if count == 0 { &chunk[self.sent..] } else { chunk });
                count += 1;
            }
            let taken = write(&socket, &parts[..count])?;
            if taken == 0 {
                break;
            }
            self.drop_front(taken);
        }
        Ok(())
    }

    fn drop_front(&mut self, mut taken: usize) {
        self.bytes -= taken;
        while let Some(first) = self.chunks.front() {
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

/// One `writev(2)`; 0 where the socket is full.
fn write(socket: impl AsFd, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    loop {
        match rustix::io::writev(&socket, &parts[..parts.len().min(MOST_SLICES)]) {
            Ok(bytes) => return Ok(bytes),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(0),
            Err(error) => return Err(error.into()),
        }
    }
}
