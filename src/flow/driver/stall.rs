//! Waiting for a descriptor that may never be ready (a FIFO, a terminal), in a way that another thread can end.

use rustix::event::{PollFd, PollFlags, poll};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

/// Ends a wait from another thread.
#[derive(Default)]
pub struct Waker {
    /// Made at the first wait; regular files need none.
    pipe: OnceLock<(OwnedFd, OwnedFd)>,
    woken: std::sync::atomic::AtomicBool,
}

impl Waker {
    /// Ends the wait that is under way, and all later ones.
    pub fn wake(&self) {
        self.woken.store(true, std::sync::atomic::Ordering::SeqCst);
        if let Some((_, writer)) = self.pipe.get() {
            // A full pipe wakes as well.
            let _ = rustix::io::write(writer, b"x");
        }
    }

    /// Waits until `file` can be read or written (`flags`); `false` when woken.
    ///
    /// # Errors
    /// What `pipe(2)` and `poll(2)` give.
    pub fn wait(&self, file: &File, flags: PollFlags) -> io::Result<bool> {
        if self.pipe.get().is_none() {
            let (reader, writer) = rustix::pipe::pipe()?;
            let _ = self.pipe.set((reader, writer));
        }
        let Some((reader, _)) = self.pipe.get() else { return Ok(false) };
        loop {
            if self.woken.load(std::sync::atomic::Ordering::SeqCst) {
                return Ok(false);
            }
            let mut watched = [PollFd::new(file, flags), PollFd::new(reader, PollFlags::IN)];
            match poll(&mut watched, None) {
                Ok(_) if !watched[0].revents().is_empty() => return Ok(true),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
