//! What an operator does when it runs.

use super::Operator;
use super::meter::Waiting;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

mod aside;
pub mod blocks;
pub mod file_sink;
pub mod file_source;
mod open;
pub mod pass;
pub mod serial;
#[cfg(unix)]
mod stall;
pub mod tap;

/// Where an operator runs.
pub enum Lane {
    /// On a compute thread, or inline on the JS thread where the work is small; it never waits.
    Compute {
        /// Cost of the work, about.
        ns_per_byte: f32,
    },
    /// On a thread of its own while it is in system calls.
    Io {
        /// Wakes the thread from a read that may last forever (a FIFO).
        wake: Option<Box<dyn Fn() + Send + Sync>>,
    },
}

/// What a run came to.
pub enum Next {
    /// There is more to do; others first.
    Again,
    /// Nothing to do until something happens; what is waited for goes into the meter.
    Idle(Waiting),
    /// Another driver goes on from here.
    Become(Box<dyn Driver>),
}

/// The work of an operator.
pub trait Driver: Send {
    /// Where it runs. Asked once.
    fn lane(&self) -> Lane;

    /// Works off a bounded amount: takes input, gives output while there is room.
    fn run(&mut self, operator: &Arc<Operator>) -> Next;

    /// Lets go of what it holds; nothing follows.
    fn close(&mut self, _operator: &Operator) {}

    /// Whether it cuts its input at rows, and so takes buffers that end with one without a copy. Asked once.
    fn cuts_rows(&self) -> bool {
        false
    }

    /// Native memory of the driver's own state, in bytes.
    fn state_bytes(&self) -> usize {
        0
    }
}

/// One `read(2)`, or `pread(2)` where there is a position, behind what `buffer` holds: of up to `most` bytes, or of as many as
/// the buffer has room for (`roomy`).
///
/// `read_to_end` would go on reading to fill the buffer; a FIFO's bytes must not wait for more.
fn read_once(
    file: &mut File,
    buffer: &mut Vec<u8>,
    most: usize,
    roomy: bool,
    position: Option<u64>,
) -> io::Result<usize> {
    let start = buffer.len();
    #[cfg(unix)]
    if roomy || buffer.capacity() - start == most {
        // Into memory that was never zeroed: zeroing costs a tenth of a read from the page cache.
        let room = rustix::buffer::spare_capacity(buffer);
        return Ok(match position {
            Some(position) => rustix::io::pread(&*file, room, position)?,
            None => rustix::io::read(&*file, room)?,
        });
    }
    let _ = roomy;
    buffer.resize(start + most, 0);
    let room = &mut buffer[start..];
    let read = match position {
        #[cfg(unix)]
        Some(position) => std::os::unix::fs::FileExt::read_at(file, room, position),
        #[cfg(windows)]
        Some(position) => std::os::windows::fs::FileExt::seek_read(file, room, position),
        _ => file.read(room),
    };
    buffer.truncate(start + *read.as_ref().unwrap_or(&0));
    read
}
