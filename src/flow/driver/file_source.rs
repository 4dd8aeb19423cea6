//! Reads a file: the native side of `millrace/fs` `createReadStream`.

use super::{Driver, Lane, Next};
use crate::flow::meter::Waiting;
use crate::flow::operator::{Control, Input, Operator};
use crate::flow::{Failure, block};
use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom};
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
    file: Option<File>,
    given: bool,
    left: u64,
    /// The start of a row, read already: it goes in front of the next read. Empty but for linked regular files.
    rest: Vec<u8>,
    /// A FIFO, a terminal, a socket: reads may last forever.
    stalls: bool,
    #[cfg(unix)]
    waker: Arc<super::stall::Waker>,
    done: bool,
}

impl FileSource {
    /// Opens and reads what `options` say; `file` where it is open already.
    pub fn new(options: SourceOptions, file: Option<File>) -> Self {
        Self {
            options,
            given: file.is_some(),
            file,
            left: u64::MAX,
            rest: Vec::new(),
            stalls: false,
            #[cfg(unix)]
            waker: Arc::default(),
            done: false,
        }
    }

    fn open(&mut self, operator: &Operator) -> Result<(), Failure> {
        let path = &self.options.path;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => super::file_sink::open_with(path, self.options.flags, self.options.mode)
                .map_err(|e| Failure::io(&e, "open", path))?,
        };
        let kind = file.metadata().map_err(|e| Failure::io(&e, "fstat", path))?.file_type();
        if kind.is_dir() {
            // open(2) of a directory succeeds; Node reports it at the first read.
            self.file = Some(file);
            self.announce(operator);
            return Err(Failure::io(&std::io::Error::from_raw_os_error(21), "read", path));
        }
        self.stalls = !kind.is_file();
        let start = self.options.start.unwrap_or(0);
        if let Some(start) = self.options.start {
            file.seek(SeekFrom::Start(start)).map_err(|e| Failure::io(&e, "read", path))?;
        }
        if let Some(end) = self.options.end {
            self.left = (end + 1).saturating_sub(start);
        }
        self.file = Some(file);
        self.announce(operator);
        Ok(())
    }

    fn announce(&self, operator: &Operator) {
        #[cfg(unix)]
        let descriptor = {
            use std::os::fd::AsRawFd;
            self.file.as_ref().map_or(-1, |f| i64::from(f.as_raw_fd()))
        };
        #[cfg(not(unix))]
        let descriptor = -1;
        operator.opened(descriptor);
    }

    /// The next piece; `None` at the end.
    fn read(&mut self, operator: &Operator) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let ours = operator.is_linked() && !self.options.read_bytes_set;
        let rows = ours && !self.stalls && operator.feeds_rows();
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
        loop {
            #[cfg(unix)]
            if self.stalls {
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
            let read = super::read_once(file, &mut buffer, most, roomy);
            match read {
                Ok(0) => {
                    self.rest = buffer;
                    return Ok(self.take_rest());
                }
                Ok(n) => {
                    if self.left != u64::MAX {
                        self.left -= n as u64;
                    }
                    operator.took(n);
                    if rows {
                        self.hold_rest(&mut buffer, n);
                    }
                    return Ok(Some(buffer));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Another reader was faster, of a file that somebody made non-blocking.
                Err(error) if self.stalls && error.kind() == ErrorKind::WouldBlock => {}
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
        if self.file.is_none() || self.given {
            self.given = false;
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

    fn close(&mut self, _operator: &Operator) {
        self.file = None;
        self.rest = Vec::new();
    }
}
