//! Bytes of a file on their way to a peer.

use super::Transport;
use rustix::io::{Errno, ReadWriteFlags};
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;

/// What came of sending a part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSent {
    /// So many bytes were taken.
    Bytes(u64),
    /// There is no room.
    Full,
    /// The bytes come from a disk first: whoever reads them now waits for it.
    Cold,
    /// The file ends before them.
    Truncated,
}

impl Transport {
    /// Sends bytes of `file` from `offset` on, `bytes` at the most, without waiting for a disk unless `warm` says that they are
    /// in memory.
    ///
    /// # Errors
    /// The system's, of the file or of the socket.
    pub fn send_file(&mut self, file: &OwnedFd, offset: u64, bytes: u64, warm: bool) -> io::Result<FileSent> {
        if let Some(session) = &mut self.session {
            let mut outcome = None;
            let taken = session.write_filled(&self.socket, bytes, |before, room| {
                match read_cached(file, offset + before, room, warm) {
                    Ok(0) => outcome = Some(FileSent::Truncated),
                    Ok(read) => return Ok(read),
                    Err(Errno::AGAIN) => outcome = Some(FileSent::Cold),
                    Err(error) => return Err(error.into()),
                }
                Ok(0)
            })?;
            return Ok(match (taken, outcome) {
                (None, _) => FileSent::Full,
                // What stopped it is found again where there was something before.
                (Some(0), Some(outcome)) => outcome,
                (Some(taken), _) => FileSent::Bytes(taken as u64),
            });
        }
        if !warm && !is_cached(file, offset, bytes) {
            return Ok(FileSent::Cold);
        }
        let mut at = offset;
        loop {
            match rustix::fs::sendfile(&self.socket, file, Some(&mut at), bytes as usize) {
                Ok(0) => return Ok(FileSent::Truncated),
                Ok(taken) => return Ok(FileSent::Bytes(taken as u64)),
                Err(Errno::AGAIN) => return Ok(FileSent::Full),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Reads what is in memory of a file, or waits for it where it is `warm`, which is not long.
fn read_cached(file: &OwnedFd, offset: u64, room: &mut [u8], warm: bool) -> Result<usize, Errno> {
    let flags = if warm { ReadWriteFlags::empty() } else { ReadWriteFlags::NOWAIT };
    loop {
        match rustix::io::preadv2(file, &mut [IoSliceMut::new(room)], offset, flags) {
            Err(Errno::INTR) => {}
            // The file system cannot tell.
            Err(Errno::OPNOTSUPP) => return rustix::io::pread(file, room, offset),
            other => return other,
        }
    }
}

/// Whether `bytes` from `offset` on are in the page cache, by their first and last one: the kernel reads ahead in between.
/// Where the file system cannot tell, they are taken to be.
fn is_cached(file: &OwnedFd, offset: u64, bytes: u64) -> bool {
    let there = |at| {
        let mut byte = [0];
        let read = rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT);
        read != Err(Errno::AGAIN)
    };
    there(offset) && there(offset + bytes - 1)
}
