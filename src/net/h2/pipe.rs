//! The I/O object that the frame layer reads and writes: memory.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Debug, Default)]
struct Both {
    input: Vec<u8>,
    /// Bytes of `input` that were read.
    read: usize,
    ended: bool,
    output: Vec<u8>,
    /// Bytes of output that were last taken: so much is made at once again, most likely.
    last_taken: usize,
    /// Nothing more is written at so many bytes.
    most: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Bytes in both directions, shared by a connection and the frame layer.
#[derive(Debug, Clone)]
pub(super) struct Pipe(Rc<RefCell<Both>>);

impl Pipe {
    pub fn new(output_bytes: usize) -> Self {
        Self(Rc::new(RefCell::new(Both { most: output_bytes, ..Both::default() })))
    }

    pub fn feed(&self, bytes: &[u8]) {
        let mut both = self.0.borrow_mut();
        if both.read == both.input.len() {
            both.input.clear();
            both.read = 0;
            both.input.shrink_to(128 << 10);
        }
        both.input.extend_from_slice(bytes);
        wake(&mut both.reader);
    }

    pub fn end(&self) {
        let mut both = self.0.borrow_mut();
        both.ended = true;
        wake(&mut both.reader);
    }

    /// Bytes that were fed and not read.
    pub fn unread(&self) -> usize {
        let both = self.0.borrow();
        both.input.len() - both.read
    }

    /// A frame that the frame layer does not make.
    pub fn append(&self, frame: &[u8]) {
        self.0.borrow_mut().output.extend_from_slice(frame);
    }

    pub fn output_bytes(&self) -> usize {
        self.0.borrow().output.len()
    }

    pub fn take_output(&self) -> Vec<u8> {
        let mut both = self.0.borrow_mut();
        wake(&mut both.writer);
        both.last_taken = both.output.len();
        std::mem::take(&mut both.output)
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let both = &mut *self.0.borrow_mut();
        let waiting = &both.input[both.read..];
        if waiting.is_empty() {
            if both.ended {
                return Poll::Ready(Ok(()));
            }
            both.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = waiting.len().min(buf.remaining());
        buf.put_slice(&waiting[..count]);
        both.read += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let both = &mut *self.0.borrow_mut();
        if both.output.len() >= both.most {
            both.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if both.output.capacity() == 0 {
            // Not by doubling: each step would copy what is there.
            let room = both.last_taken;
            both.output.reserve_exact(room);
        }
        let before = both.output.len();
        bufs.iter().for_each(|buf| both.output.extend_from_slice(buf));
        Poll::Ready(Ok(both.output.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
