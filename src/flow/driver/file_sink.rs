//! Writes a file: the native side of `millrace/fs` `createWriteStream`.

use super::aside::{Aside, Refusal, open_aside};
use super::open::{self, Nature};
use super::{Driver, Lane, Next};
use crate::flow::meter::Waiting;
use crate::flow::operator::{Control, Input, Operator};
use crate::flow::{Failure, FailureKind, block};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

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
    /// Write aside, and give it the name on success.
    pub atomic: bool,
    /// `fsync(2)` before closing.
    pub flush: bool,
}

/// Writes a file.
pub struct FileSink {
    options: SinkOptions,
    /// A file that is open already, or why it cannot be used.
    given: Option<io::Result<File>>,
    file: Option<File>,
    /// Where the bytes go until all is well.
    aside: Option<Aside>,
    opened: bool,
    /// Where the next byte goes; `None` at the file's own position, which others may share.
    position: Option<u64>,
    nature: Nature,
    #[cfg(unix)]
    waker: Arc<super::stall::Waker>,
}

/// What such a file takes without blocking once it can be written to: `PIPE_BUF`, the atomic write of pipe(7).
const STALLING_WRITE: usize = 4096;

impl FileSink {
    /// Opens and writes what `options` say; `given` where it is open already.
    pub fn new(options: SinkOptions, given: Option<io::Result<File>>) -> Self {
        Self {
            position: options.start,
            options,
            given,
            file: None,
            aside: None,
            opened: false,
            nature: Nature::default(),
            #[cfg(unix)]
            waker: Arc::default(),
        }
    }

    /// Opens the file; leaves `file` empty when that was interrupted.
    fn open(&mut self, operator: &Operator) -> Result<(), Failure> {
        let file = match self.given.take() {
            // Node finds out at the first write.
            Some(given) => Some(given.map_err(|e| Failure::io(&e, "write", &self.options.path))?),
            None => self.open_path().map_err(|e| Failure::io(&e, "open", &self.options.path))?,
        };
        self.opened = true;
        if let Some(file) = &file {
            self.nature = Nature::of(file).map_err(|e| Failure::io(&e, "fstat", &self.options.path))?;
        }
        operator.opened(open::descriptor(file.as_ref()));
        self.file = file;
        Ok(())
    }

    fn open_path(&mut self) -> io::Result<Option<File>> {
        let SinkOptions { path, flags, mode, atomic, .. } = &self.options;
        if *atomic && let Some((file, aside)) = open_aside(path, *flags, *mode)? {
            self.aside = Some(aside);
            return Ok(Some(file));
        }
        #[cfg(unix)]
        return open::open(path, *flags, *mode, &self.waker);
        #[cfg(not(unix))]
        open::open_with(path, *flags, *mode).map(Some)
    }

    fn write(&mut self, operator: &Operator, bytes: &[u8]) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut at = 0;
        // A blocking write of more could not be ended.
        let cautious = self.nature.stalls && !self.nature.nonblocking;
        let most = if cautious { STALLING_WRITE } else { bytes.len() };
        #[cfg(unix)]
        let mut wait = cautious;
        while at < bytes.len() {
            #[cfg(unix)]
            if wait {
                let ready = self.waker.wait(file, rustix::event::PollFlags::OUT);
                if !ready.map_err(|e| Failure::io(&e, "write", &self.options.path))? {
                    return Ok(());
                }
            }
            match write_once(file, &bytes[at..bytes.len().min(at + most)], self.position) {
                Ok(0) => {
                    let error = io::Error::from(ErrorKind::WriteZero);
                    return Err(Failure::io(&error, "write", &self.options.path));
                }
                Ok(n) => {
                    at += n;
                    if let Some(position) = &mut self.position {
                        *position += n as u64;
                    }
                    operator.gave(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody made the open file non-blocking; it can be written to soon.
                #[cfg(unix)]
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait = true,
                Err(error) => return Err(Failure::io(&error, "write", &self.options.path)),
            }
        }
        Ok(())
    }

    /// All is written: make it durable where asked, and show it under its name.
    fn complete(&mut self) -> Result<(), Failure> {
        if self.options.flush
            && let Some(file) = &self.file
        {
            match file.sync_all() {
                // A FIFO or a device has nothing to make durable.
                Err(error) if self.nature.stalls && error.kind() == ErrorKind::InvalidInput => {}
                synced => synced.map_err(|e| Failure::io(&e, "fsync", &self.options.path))?,
            }
        }
        if let (Some(aside), Some(_)) = (&mut self.aside, &self.file) {
            // Drop, in the end, removes what could not be shown.
            let file = self.file.take();
            file.map_or(Ok(()), |file| aside.show(file)).map_err(refused)?;
            if self.options.flush {
                aside.flush_folder().map_err(refused)?;
            }
            self.aside = None;
        }
        Ok(())
    }

    fn turn(&mut self, operator: &Operator) -> Result<Next, Failure> {
        if !self.opened && self.given.is_none() {
            self.open(operator)?;
        }
        loop {
            if operator.is_over() {
                return Ok(Next::Idle(Waiting::Nothing));
            }
            match operator.take() {
                Some(Input::Bytes(bytes) | Input::CheckedRows(bytes)) => {
                    if !self.opened {
                        self.open(operator)?;
                    }
                    let written = self.write(operator, &bytes);
                    block::give(bytes);
                    written?;
                }
                Some(Input::Control(Control::End)) => {
                    self.complete()?;
                    operator.finish();
                    return Ok(Next::Idle(Waiting::Nothing));
                }
                Some(Input::Control(control)) => super::pass::carry_out(operator, control),
                None => return Ok(Next::Idle(Waiting::Input)),
            }
        }
    }
}

fn refused(Refusal { error, syscall, path, dest }: Refusal) -> Failure {
    let mut failure = Failure::io(&error, syscall, &path);
    if let FailureKind::Io(io) = &mut failure.kind {
        io.dest = dest.map(|dest| dest.to_string_lossy().into_owned());
    }
    failure
}

/// One `write(2)`, or `pwrite(2)` where there is a position.
fn write_once(file: &mut File, bytes: &[u8], position: Option<u64>) -> io::Result<usize> {
    match position {
        #[cfg(unix)]
        Some(position) => Ok(rustix::io::pwrite(&*file, bytes, position)?),
        #[cfg(windows)]
        Some(position) => std::os::windows::fs::FileExt::seek_write(file, bytes, position),
        _ => io::Write::write(file, bytes),
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

    fn close(&mut self, operator: &Operator) {
        let file = self.file.take();
        // Not complete: nobody misses what is thrown away.
        if self.aside.take().is_none()
            && let Some(Err(error)) = file.map(open::close)
        {
            operator.close_failed(Failure::io(&error, "close", &self.options.path));
        }
    }
}
