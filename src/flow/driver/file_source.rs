//! Reads a file: the native side of `millrace/fs` `createReadStream`.

use super::open::{self, Nature};
use super::{Driver, Lane, Next};
use crate::flow::meter::Waiting;
use crate::flow::operator::{Control, Input, Operator};
use crate::flow::{Failure, block};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes in one read for a linked operator, where the user set no `highWaterMark`.
const LINKED_READ: usize = 1 << 20;
/// The same for an operator that cuts at rows: a block of the row stages that follow, which is to fit a core's cache.
const ROWS_READ: usize = 512 << 10;
/// The end of a read is searched for the end of a row so far back. What follows it is held for the next read.
const LONGEST_REST: usize = 64 << 10;

/// What to read.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// The file.
    pub path: PathBuf,
    /// First byte; `None` reads from the file's position.
    pub start: Option<u64>,
    /// Last byte, included.
    pub end: Option<u64>,
    /// Bytes in one read for JavaScript.
    pub read_bytes: usize,
    /// Whether `read_bytes` was the user's wish, and so holds for linked operators too.
    pub read_bytes_set: bool,
    /// Flags of `open(2)`; 0 for reading.
    pub flags: i32,
    /// Permissions of a file that the flags create.
    pub mode: u32,
}

/// Reads a file.
pub struct FileSource {
    options: SourceOptions,
    /// A file that is open already, or why it cannot be used.
    given: Option<io::Result<File>>,
    file: Option<File>,
    opened: bool,
    /// Where the next byte is; `None` at the file's own position, which others may share.
    position: Option<u64>,
    left: u64,
    /// The start of a row, read already: it goes in front of the next read. Empty but for linked regular files.
    rest: Vec<u8>,
    nature: Nature,
    #[cfg(unix)]
    waker: Arc<super::stall::Waker>,
    done: bool,
}

impl FileSource {
    /// Opens and reads what `options` say; `given` where it is open already.
    pub fn new(options: SourceOptions, given: Option<io::Result<File>>) -> Self {
        let left = options.end.map_or(u64::MAX, |end| (end + 1).saturating_sub(options.start.unwrap_or(0)));
        Self {
            position: options.start,
            left,
            options,
            given,
            file: None,
            opened: false,
            rest: Vec::new(),
            nature: Nature::default(),
            #[cfg(unix)]
            waker: Arc::default(),
            done: false,
        }
    }

    /// Opens the file; leaves `file` empty when that was interrupted.
    fn open(&mut self, operator: &Operator) -> Result<(), Failure> {
        let path = &self.options.path;
        let file = match self.given.take() {
            // Node finds out at the first read.
            Some(given) => Some(given.map_err(|e| Failure::io(&e, "read", path))?),
            None => self.open_path().map_err(|e| Failure::io(&e, "open", path))?,
        };
        self.opened = true;
        if let Some(file) = &file {
            self.nature = Nature::of(file).map_err(|e| Failure::io(&e, "fstat", path))?;
        }
        operator.opened(open::descriptor(file.as_ref()));
        self.file = file;
        if self.nature.directory {
            // open(2) of a directory succeeds; Node reports it at the first read.
            return Err(Failure::io(&io::Error::from_raw_os_error(21), "read", path));
        }
        Ok(())
    }

    fn open_path(&self) -> io::Result<Option<File>> {
        let SourceOptions { path, flags, mode, .. } = &self.options;
        #[cfg(unix)]
        return open::open(path, *flags, *mode, &self.waker);
        #[cfg(not(unix))]
        open::open_with(path, *flags, *mode).map(Some)
    }

    /// The next piece; `None` at the end.
    fn read(&mut self, operator: &Operator) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let ours = operator.is_linked() && !self.options.read_bytes_set;
        let rows = ours && !self.nature.stalls && operator.feeds_rows();
        if !rows && !self.rest.is_empty() {
            // Somebody came in between.
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        let most = match (ours, rows) {
            (_, true) => ROWS_READ,
            (true, false) => LINKED_READ,
            (false, false) => self.options.read_bytes,
        };
        let most = (most as u64).min(self.left) as usize;
        if most == 0 {
            return Ok(self.take_rest());
        }
        let mut buffer = block::take(self.rest.len() + most);
        buffer.append(&mut self.rest);
        #[cfg(unix)]
        let mut wait = self.nature.stalls;
        loop {
            #[cfg(unix)]
            if wait {
                let ready = self
                    .waker
                    .wait(file, rustix::event::PollFlags::IN)
                    .map_err(|e| Failure::io(&e, "read", &self.options.path))?;
                if !ready {
                    return Ok(None);
                }
            }
            // One system call: what a slow source has now is handed on now.
            let roomy = self.left == u64::MAX
                && !self.options.read_bytes_set
                && (!rows || buffer.capacity() - buffer.len() < 2 * most);
            let read = super::read_once(file, &mut buffer, most, roomy, self.position);
            match read {
                Ok(0) => {
                    self.rest = buffer;
                    return Ok(self.take_rest());
                }
                Ok(n) => {
                    if self.left != u64::MAX {
                        self.left -= n as u64;
                    }
                    if let Some(position) = &mut self.position {
                        *position += n as u64;
                    }
                    operator.took(n);
                    if rows {
                        self.hold_rest(&mut buffer, n);
                    }
                    return Ok(Some(buffer));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Another reader was faster, of a file that somebody made non-blocking.
                #[cfg(unix)]
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait = true,
                Err(error) => {
                    // What was read before the error is delivered before it.
                    operator.emit(buffer);
                    return Err(Failure::io(&error, "read", &self.options.path));
                }
            }
        }
    }

    /// Cuts `buffer` behind the last row that ends in its last `new` bytes, and keeps the rest for the next read: a cutter
    /// downstream need not copy a whole buffer then to put it behind the start of its first row.
    fn hold_rest(&mut self, buffer: &mut Vec<u8>, new: usize) {
        let from = buffer.len() - new.min(LONGEST_REST);
        if let Some(at) = memchr::memrchr(b'\n', &buffer[from..]) {
            let end = from + at + 1;
            self.rest.extend_from_slice(&buffer[end..]);
            buffer.truncate(end);
        }
    }

    fn take_rest(&mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then_some(rest)
    }

    fn turn(&mut self, operator: &Operator) -> Result<Next, Failure> {
        while let Some(Input::Control(control)) = operator.take() {
            if control == Control::End {
                self.done = true;
            }
        }
        // A file that was given is looked at when it is to be read.
        if !self.opened && (self.given.is_none() || operator.is_wanted()) {
            self.open(operator)?;
        }
        if !operator.is_wanted() || self.done {
            return Ok(Next::Idle(Waiting::Nothing));
        }
        loop {
            if operator.is_over() {
                return Ok(Next::Idle(Waiting::Nothing));
            }
            if !operator.has_room() {
                return Ok(Next::Idle(Waiting::Room));
            }
            match self.read(operator)? {
                Some(bytes) => {
                    operator.emit(bytes);
                }
                None => {
                    self.done = true;
                    operator.finish();
                    return Ok(Next::Idle(Waiting::Nothing));
                }
            }
        }
    }
}

impl Driver for FileSource {
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
        self.rest = Vec::new();
        if let Some(Err(error)) = self.file.take().map(open::close) {
            operator.close_failed(Failure::io(&error, "close", &self.options.path));
        }
    }
}
