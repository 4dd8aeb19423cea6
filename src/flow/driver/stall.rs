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
        let reader = self.reader()?;
        loop {
            if self.is_woken() {
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

    /// Waits for about `time`; `false` when woken.
    ///
    /// # Errors
    /// What `pipe(2)` and `poll(2)` give.
    #[cfg(target_os = "linux")]
    pub fn pause(&self, time: std::time::Duration) -> io::Result<bool> {
        let reader = self.reader()?;
        if self.is_woken() {
            return Ok(false);
        }
        let time = rustix::event::Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
        match poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(!self.is_woken()),
            Err(error) => Err(error.into()),
        }
    }

    fn is_woken(&self) -> bool {
        self.woken.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn reader(&self) -> io::Result<&OwnedFd> {
        if self.pipe.get().is_none() {
            // A child process that inherited the writer would change nothing, but should not.
            #[cfg(target_os = "linux")]
            let pipe = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
            #[cfg(not(target_os = "linux"))]
            let pipe = rustix::pipe::pipe()?;
            let _ = self.pipe.set(pipe);
        }
        self.pipe.get().map(|(reader, _)| reader).ok_or_else(|| io::ErrorKind::Other.into())
    }
}
