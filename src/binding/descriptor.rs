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

/// Not offered on this system: JavaScript reads and writes such a descriptor itself.
#[cfg(not(unix))]
pub fn duplicate(_descriptor: i32) -> io::Result<File> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
