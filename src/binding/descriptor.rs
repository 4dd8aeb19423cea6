//! A file descriptor that JavaScript opened.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

/// A second handle to the open file `descriptor`: closing ours leaves JavaScript's alone.
///
/// # Errors
/// `EBADF` where nothing is open under that number.
#[cfg(unix)]
pub fn duplicate(descriptor: i32) -> io::Result<File> {
    use std::os::fd::BorrowedFd;
    if descriptor < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the descriptor is only borrowed for the call of dup(2), which checks it and fails with EBADF where it is
    // not open; no Rust value thinks that it owns it. It is not -1.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Ok(File::from(borrowed.try_clone_to_owned()?))
}

/// Takes over the open descriptor `descriptor`, which is closed with what is returned.
///
/// # Errors
/// `EBADF` for a number that is none.
///
/// # Safety
/// Nobody else may close it: JavaScript got it from an engine of ours that let go of it.
#[cfg(unix)]
pub unsafe fn adopt(descriptor: i32) -> io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::{FromRawFd, OwnedFd};
    if descriptor < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: open and nobody else's, as the caller promises; it is not -1.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Not offered on this system: JavaScript reads and writes such a descriptor itself.
#[cfg(not(unix))]
pub fn duplicate(_descriptor: i32) -> io::Result<File> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
