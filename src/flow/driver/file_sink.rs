//! Writes a file: the native side of `millrace/fs` `createWriteStream`.

use super::{Driver, Lane, Next};
use crate::flow::meter::Waiting;
use crate::flow::operator::{Control, Input, Operator};
use crate::flow::{Failure, FailureKind, block};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What to write.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    /// The file.
    pub path: PathBuf,
    /// Flags of `open(2)`.
    pub flags: i32,
    /// Permissions of a new file, before the umask.
    pub mode: u32,
    /// First byte to write at; `None` leaves the file's position (its end, when appending).
    pub start: Option<u64>,
    /// Write beside the target, and rename on success.
    pub atomic: bool,
    /// `fsync(2)` before closing.
    pub flush: bool,
}

/// Writes a file.
pub struct FileSink {
    options: SinkOptions,
    file: Option<File>,
    given: bool,
    /// Where the bytes go until all is well.
    aside: Option<PathBuf>,
    opened: bool,
    done: bool,
    /// A FIFO, a terminal, a socket: writes may last forever.
    stalls: bool,
    #[cfg(unix)]
    waker: Arc<super::stall::Waker>,
}

/// What such a file takes without blocking once it can be written to: `PIPE_BUF`, the atomic write of pipe(7).
const STALLING_WRITE: usize = 4096;

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

impl FileSink {
    /// Opens and writes what `options` say; `file` where it is open already.
    pub fn new(options: SinkOptions, file: Option<File>) -> Self {
        Self {
            options,
            given: file.is_some(),
            file,
            aside: None,
            opened: false,
            done: false,
            stalls: false,
            #[cfg(unix)]
            waker: Arc::default(),
        }
    }

    fn open(&mut self, operator: &Operator) -> Result<(), Failure> {
        self.opened = true;
        let target = self.options.path.clone();
        if !self.given {
            let file = if self.options.atomic {
                let aside = beside(&target);
                let file = open_with(&aside, exclusive(self.options.flags), self.options.mode)
                    .map_err(|e| Failure::io(&e, "open", &target))?;
                self.aside = Some(aside);
                file
            } else {
                open_with(&target, self.options.flags, self.options.mode)
                    .map_err(|e| Failure::io(&e, "open", &target))?
            };
            self.file = Some(file);
        }
        if let Some(file) = &self.file {
            self.stalls = !file.metadata().map_err(|e| Failure::io(&e, "fstat", &target))?.is_file();
        }
        if let (Some(start), Some(file)) = (self.options.start, &mut self.file) {
            file.seek(SeekFrom::Start(start)).map_err(|e| Failure::io(&e, "write", &target))?;
        }
        #[cfg(unix)]
        let descriptor = {
            use std::os::fd::AsRawFd;
            self.file.as_ref().map_or(-1, |f| i64::from(f.as_raw_fd()))
        };
        #[cfg(not(unix))]
        let descriptor = -1;
        operator.opened(descriptor);
        Ok(())
    }

    fn write(&mut self, operator: &Operator, bytes: &[u8]) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut at = 0;
        let most = if self.stalls { STALLING_WRITE } else { bytes.len() };
        while at < bytes.len() {
            #[cfg(unix)]
            if self.stalls {
                let ready = self.waker.wait(file, rustix::event::PollFlags::OUT);
                if !ready.map_err(|e| Failure::io(&e, "write", &self.options.path))? {
                    return Ok(());
                }
            }
            match file.write(&bytes[at..bytes.len().min(at + most)]) {
                Ok(0) => {
                    let error = io::Error::from(ErrorKind::WriteZero);
                    return Err(Failure::io(&error, "write", &self.options.path));
                }
                Ok(n) => {
                    at += n;
                    operator.gave(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody made the open file non-blocking; it can be written to soon.
                Err(error) if self.stalls && error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(Failure::io(&error, "write", &self.options.path)),
            }
        }
        Ok(())
    }

    /// All is written: make it durable where asked, and show it under its name.
    fn complete(&mut self) -> Result<(), Failure> {
        let path = self.options.path.clone();
        if self.options.flush
            && let Some(file) = &self.file
        {
            file.sync_all().map_err(|e| Failure::io(&e, "fsync", &path))?;
        }
        if let Some(aside) = self.aside.take() {
            self.file = None;
            if let Err(error) = self.show(&aside, &path) {
                let mut failure = Failure::io(&error, "rename", &aside);
                if let FailureKind::Io(io) = &mut failure.kind {
                    io.dest = Some(path.to_string_lossy().into_owned());
                }
                self.aside = Some(aside);
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Gives what was written aside its name: in place of a file of that name, unless the flags are exclusive.
    fn show(&self, aside: &Path, path: &Path) -> io::Result<()> {
        if self.options.flags & EXCLUSIVE == 0 {
            return std::fs::rename(aside, path);
        }
        // Unlike rename(2), link(2) fails where the name was taken meanwhile.
        std::fs::hard_link(aside, path)?;
        std::fs::remove_file(aside)
    }

    fn turn(&mut self, operator: &Operator) -> Result<Next, Failure> {
        if !self.opened {
            self.open(operator)?;
        }
        loop {
            if operator.is_over() {
                return Ok(Next::Idle(Waiting::Nothing));
            }
            match operator.take() {
                Some(Input::Bytes(bytes) | Input::CheckedRows(bytes)) => {
                    let written = self.write(operator, &bytes);
                    block::give(bytes);
                    written?;
                }
                Some(Input::Control(Control::End)) => {
                    self.complete()?;
                    self.done = true;
                    operator.finish();
                    return Ok(Next::Idle(Waiting::Nothing));
                }
                Some(Input::Control(control)) => super::pass::carry_out(operator, control),
                None => return Ok(Next::Idle(Waiting::Input)),
            }
        }
    }
}

impl Driver for FileSink {
    fn lane(&self) -> Lane {
        #[cfg(unix)]
        {
            let waker = Arc::clone(&self.waker);
            Lane::Io { wake: Some(Box::new(move || waker.wake())) }
        }
        #[cfg(not(unix))]
        Lane::Io { wake: None }
    }

    fn run(&mut self, operator: &Arc<Operator>) -> Next {
        self.turn(operator).unwrap_or_else(|failure| {
            operator.fail(failure);
            Next::Idle(Waiting::Nothing)
        })
    }

    fn close(&mut self, _operator: &Operator) {
        self.file = None;
        // Not complete: the old file, if any, stays as it was.
        if let Some(aside) = self.aside.take() {
            let _ = std::fs::remove_file(aside);
        }
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        if let Some(aside) = self.aside.take() {
            self.file = None;
            let _ = std::fs::remove_file(aside);
        }
    }
}

/// A name beside the target, on the same file system, that nobody else takes.
fn beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanos =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}-{count}-{nanos:x}.tmp", std::process::id()));
    target.with_file_name(name)
}

/// "Fail where it exists", in the flags of `open(2)` or of the CRT.
const EXCLUSIVE: i32 = if cfg!(unix) { libc::O_EXCL } else { 0x400 };

/// The flags with "create, and fail where it exists".
fn exclusive(flags: i32) -> i32 {
    #[cfg(unix)]
    {
        (flags & !libc::O_TRUNC) | libc::O_CREAT | EXCLUSIVE
    }
    #[cfg(not(unix))]
    {
        flags | 0x100 | EXCLUSIVE
    }
}
