//! Opening and closing the files of both ends.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// How long to wait before a FIFO without a reader is opened again: first, and at most.
#[cfg(target_os = "linux")]
const FIFO_WAIT: std::ops::Range<std::time::Duration> =
    std::time::Duration::from_millis(2)..std::time::Duration::from_millis(50);

/// Opens as `open(2)` would with these flags.
pub(super) fn open_with(path: &Path, flags: i32, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let access = flags & libc::O_ACCMODE;
        options.read(access == libc::O_RDONLY || access == libc::O_RDWR);
        options.write(access == libc::O_WRONLY || access == libc::O_RDWR);
        // std refuses some combinations that open(2) allows; as custom flags they pass unseen.
        options.custom_flags(flags & !libc::O_ACCMODE);
        options.mode(mode);
    }
    #[cfg(not(unix))]
    {
        // The CRT's values, which Node's fs.constants have on Windows.
        let _ = mode;
        let (append, create, truncate, exclusive) = (0x8, 0x100, 0x200, 0x400);
        options.read(flags & 1 == 0).write(flags & 3 != 0);
        options.append(flags & append != 0).truncate(flags & truncate != 0);
        if flags & create != 0 {
            if flags & exclusive != 0 {
                options.create_new(true)
            } else {
                options.create(true)
            };
        }
    }
    options.open(path)
}

/// Opens as `open(2)` would, but so that `waker` can end it; `None` when woken.
///
/// The open of a FIFO blocks until its other end is open, and nothing can end that. On Linux it is therefore opened without
/// blocking, and stays so: a reader is open at once and then waits for bytes; a writer tries again until there is a reader.
#[cfg(unix)]
pub(super) fn open(
    path: &Path,
    flags: i32,
    mode: u32,
    waker: &super::stall::Waker,
) -> io::Result<Option<File>> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::FileTypeExt;
        if std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
            let mut wait = FIFO_WAIT.start;
            loop {
                match open_with(path, flags | libc::O_NONBLOCK, mode) {
                    Err(error)
                        if error.raw_os_error() == Some(libc::ENXIO) && flags & libc::O_NONBLOCK == 0 => {}
                    opened => return opened.map(Some),
                }
                if !waker.pause(wait)? {
                    return Ok(None);
                }
                wait = (wait * 2).min(FIFO_WAIT.end);
            }
        }
    }
    let _ = waker;
    open_with(path, flags, mode).map(Some)
}

/// What is known of an open file.
#[derive(Default, Clone, Copy)]
pub(super) struct Nature {
    /// A FIFO, a terminal, a socket: reads and writes may last forever.
    pub stalls: bool,
    /// Such calls fail instead with `EAGAIN`.
    pub nonblocking: bool,
    pub directory: bool,
}

impl Nature {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        let stalls = !kind.is_file();
        #[cfg(unix)]
        let nonblocking = stalls && rustix::fs::fcntl_getfl(file)?.contains(rustix::fs::OFlags::NONBLOCK);
        #[cfg(not(unix))]
        let nonblocking = false;
        Ok(Self { stalls, nonblocking, directory: kind.is_dir() })
    }
}

/// The number that JavaScript knows the file by; -1 where the system has none.
pub(super) fn descriptor(file: Option<&File>) -> i64 {
    #[cfg(unix)]
    {
        use std::os::fd::AsRawFd;
        file.map_or(-1, |file| i64::from(file.as_raw_fd()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        -1
    }
}

/// Closes, and tells what `close(2)` says: some file systems report a failed write only here.
pub(super) fn close(file: File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::fd::IntoRawFd;
        let descriptor = file.into_raw_fd();
        // SAFETY: `file` owned the descriptor and gave it up, so nothing uses it after this call; EBADF (JavaScript closed it
        // behind our back) is reported and harms nothing.
        match unsafe { rustix::io::try_close(descriptor) } {
            // Linux has closed it then; POSIX leaves it open or not, and to close twice could hit another's.
            Err(rustix::io::Errno::INTR) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(unix))]
    {
        drop(file);
        Ok(())
    }
}
