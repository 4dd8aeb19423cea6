//! Safe faces of zlib-rs's C interface: raw deflate and inflate with their state.
#![allow(unsafe_code)]

use std::ffi::CStr;

use libz_rs_sys as z;

use crate::codec::{CodecError, ErrorKind};

/// What one call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::codec) struct Call {
    /// Bytes of the input used up.
    pub consumed: usize,
    /// zlib's return code.
    pub code: i32,
}

fn version() -> *const std::ffi::c_char {
    z::zlibVersion()
}

const STREAM_SIZE: i32 = size_of::<z::z_stream>() as i32;

fn init_error(code: i32) -> CodecError {
    match code {
        z::Z_MEM_ERROR => CodecError::new(ErrorKind::ZMem, "Init error"),
        _ => CodecError::new(ErrorKind::ZStream, "Init error"),
    }
}

/// Calls `step` with `input` and the spare room of `out`, up to `room` bytes.
fn run(
    stream: &mut z::z_stream,
    input: &[u8],
    out: &mut Vec<u8>,
    room: usize,
    step: impl FnOnce(&mut z::z_stream) -> i32,
) -> Call {
    out.reserve(room);
    let room = room.min(u32::MAX as usize) as u32;
    let given = input.len().min(u32::MAX as usize) as u32;
    let spare = out.spare_capacity_mut();
    debug_assert!(spare.len() >= room as usize);
    stream.next_in = input.as_ptr().cast_mut();
    stream.avail_in = given;
    stream.next_out = spare.as_mut_ptr().cast();
    stream.avail_out = room;
    let code = step(stream);
    let consumed = (given - stream.avail_in) as usize;
    let produced = (room - stream.avail_out) as usize;
    // Nothing may be reached through them once the borrows end.
    stream.next_in = std::ptr::null_mut();
    stream.avail_in = 0;
    stream.next_out = std::ptr::null_mut();
    stream.avail_out = 0;
    // SAFETY: zlib wrote `produced` bytes, at most `room`, from the start of the reserved spare capacity on.
    unsafe { out.set_len(out.len() + produced) };
    Call { consumed, code }
}

/// A raw deflate stream.
pub(in crate::codec) struct Deflater {
    // Boxed, as zlib's interface allows the state to know its stream's address.
    stream: Box<z::z_stream>,
}

// SAFETY: the stream owns its state, which is plain memory without ties to a thread.
unsafe impl Send for Deflater {}

impl Deflater {
    /// `window_bits` 9 to 15, `mem_level` 1 to 9.
    pub fn new(level: i32, window_bits: i32, mem_level: i32, strategy: i32) -> Result<Self, CodecError> {
        let mut stream = Box::<z::z_stream>::default();
        // SAFETY: the stream is initialised, with the default allocator; version and size are the library's own.
        let code = unsafe {
            z::deflateInit2_(
                &mut *stream,
                level,
                z::Z_DEFLATED,
                -window_bits,
                mem_level,
                strategy,
                version(),
                STREAM_SIZE,
            )
        };
        if code == z::Z_OK { Ok(Self { stream }) } else { Err(init_error(code)) }
    }

    /// Compresses from `input` to at most `room` more bytes of `out`.
    pub fn deflate(&mut self, input: &[u8], flush: i32, out: &mut Vec<u8>, room: usize) -> Call {
        // SAFETY: `new` initialised the stream; `run` set its pointers to live buffers of the lengths given.
        run(&mut self.stream, input, out, room, |stream| unsafe { z::deflate(stream, flush) })
    }

    /// zlib's `deflateParams`; its own flush goes to `out`.
    pub fn params(&mut self, level: i32, strategy: i32, out: &mut Vec<u8>, room: usize) -> i32 {
        let step = |stream: &mut z::z_stream| {
            // SAFETY: as for `deflate`.
            unsafe { z::deflateParams(stream, level, strategy) }
        };
        run(&mut self.stream, &[], out, room, step).code
    }

    /// Must come before the first byte, or right after a full flush.
    pub fn set_dictionary(&mut self, dictionary: &[u8]) -> i32 {
        let length = dictionary.len().min(u32::MAX as usize) as u32;
        // SAFETY: the stream is initialised; the dictionary is live and only read within the call.
        unsafe { z::deflateSetDictionary(&mut *self.stream, dictionary.as_ptr(), length) }
    }

    pub fn reset(&mut self) {
        // SAFETY: the stream is initialised.
        unsafe { z::deflateReset(&mut *self.stream) };
    }
}

impl Drop for Deflater {
    fn drop(&mut self) {
        // SAFETY: `new` initialised the stream, and nothing ended it before.
        unsafe { z::deflateEnd(&mut *self.stream) };
    }
}

/// Input and output from which on zlib-rs may enter its fast loop: `INFLATE_FAST_MIN_HAVE`, `INFLATE_FAST_MIN_LEFT`.
const FAST_INPUT: usize = 15;
const FAST_OUTPUT: usize = 260;

/// What zlib-rs says where it forgot what was wrong.
pub(in crate::codec) const FORGOTTEN: &str = "repeated call with bad state";

/// An inflate stream.
pub(in crate::codec) struct Inflater {
    stream: Box<z::z_stream>,
    checkpoint: Option<Checkpoint>,
}

/// A state some way back, and what it took to come from there to here.
struct Checkpoint {
    state: Box<Inflater>,
    input: Vec<u8>,
    output: usize,
}

/// Most bytes of input and output between two checkpoints. A copy of the state is 48 KiB: before every call for 64 KiB it
/// would cost a tenth of the decompression.
const CHECKPOINT_INPUT: usize = 64 << 10;
const CHECKPOINT_OUTPUT: usize = 1 << 20;

// SAFETY: as for `Deflater`.
unsafe impl Send for Inflater {}

impl Inflater {
    /// `window_bits` as `inflateInit2` takes it: negative for raw, +16 for gzip, +32 for either header.
    pub fn new(window_bits: i32) -> Result<Self, CodecError> {
        let mut stream = Box::<z::z_stream>::default();
        // SAFETY: as in `Deflater::new`.
        let code = unsafe { z::inflateInit2_(&mut *stream, window_bits, version(), STREAM_SIZE) };
        if code == z::Z_OK { Ok(Self { stream, checkpoint: None }) } else { Err(init_error(code)) }
    }

    /// Decompresses from `input` to at most `room` more bytes of `out`.
    ///
    /// zlib-rs 0.6 forgets the text of an error that its fast loop meets, and says this instead. The call is then
    /// done again from a checkpoint, byte by byte, which never enters that loop.
    pub fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Call {
        let before = out.len();
        let fast = input.len() >= FAST_INPUT && room >= FAST_OUTPUT;
        if fast && self.checkpoint.as_ref().is_none_or(|back| back.output >= CHECKPOINT_OUTPUT) {
            let state = self.copy().map(Box::new);
            self.checkpoint = state.map(|state| Checkpoint { state, input: Vec::new(), output: 0 });
        }
        let call = self.inflate_once(input, out, room);
        if call.code == z::Z_DATA_ERROR && self.message() == Some(FORGOTTEN) {
            out.truncate(before);
            return self.inflate_again(call, input, out, room);
        }
        if let Some(back) = &mut self.checkpoint {
            if back.input.len() + call.consumed > CHECKPOINT_INPUT {
                self.checkpoint = None;
            } else {
                back.input.extend_from_slice(&input[..call.consumed]);
                back.output += out.len() - before;
            }
        }
        call
    }

    /// One call of zlib's: its texts for errors may be lost, see [`inflate`](Self::inflate).
    pub fn inflate_once(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Call {
        // SAFETY: as in `Deflater::deflate`.
        run(&mut self.stream, input, out, room, |stream| unsafe { z::inflate(stream, z::Z_SYNC_FLUSH) })
    }

    /// Does the call that `failed` again, with the slow loop.
    fn inflate_again(&mut self, failed: Call, input: &[u8], out: &mut Vec<u8>, room: usize) -> Call {
        let Some(Checkpoint { state, input: past, mut output }) = self.checkpoint.take() else {
            return failed;
        };
        *self = *state;
        let mut at = 0;
        let mut scratch = Vec::new();
        while output > 0 {
            scratch.clear();
            let call = self.inflate_once(&past[at..], &mut scratch, output.min(CHECKPOINT_INPUT));
            if scratch.is_empty() && call.consumed == 0 {
                return failed;
            }
            at += call.consumed;
            output -= scratch.len();
        }
        let limit = out.len() + room;
        let mut consumed = 0;
        let left = past.len() - at;
        for byte in past[at..].iter().chain(input) {
            let call = self.inflate_once(&[*byte], out, limit - out.len());
            consumed += call.consumed;
            if call.code != z::Z_OK || out.len() == limit {
                return Call { consumed: consumed.saturating_sub(left), code: call.code };
            }
        }
        Call { consumed: consumed.saturating_sub(left), code: z::Z_OK }
    }

    fn copy(&mut self) -> Option<Self> {
        let mut stream = Box::<z::z_stream>::default();
        // zlib refuses to copy a stream without buffers.
        self.stream.next_out = std::ptr::NonNull::dangling().as_ptr();
        // SAFETY: the source is initialised, and neither buffer is touched; the copy is initialised on success.
        let code = unsafe { z::inflateCopy(&mut *stream, &*self.stream) };
        self.stream.next_out = std::ptr::null_mut();
        stream.next_out = std::ptr::null_mut();
        (code == z::Z_OK).then_some(Self { stream, checkpoint: None })
    }

    /// zlib's text for the last error, if it has one.
    pub fn message(&self) -> Option<&'static str> {
        if self.stream.msg.is_null() {
            return None;
        }
        // SAFETY: zlib-rs sets `msg` to NUL-terminated literals of its own only, which live for ever.
        unsafe { CStr::from_ptr::<'static>(self.stream.msg) }.to_str().ok()
    }

    pub fn set_dictionary(&mut self, dictionary: &[u8]) -> i32 {
        self.checkpoint = None;
        let length = dictionary.len().min(u32::MAX as usize) as u32;
        // SAFETY: as in `Deflater::set_dictionary`.
        unsafe { z::inflateSetDictionary(&mut *self.stream, dictionary.as_ptr(), length) }
    }

    /// Ready for another stream of the same kind.
    pub fn reset(&mut self) {
        self.checkpoint = None;
        // SAFETY: the stream is initialised.
        unsafe { z::inflateReset(&mut *self.stream) };
        self.stream.msg = std::ptr::null_mut();
    }

    /// The same with another `window_bits`.
    pub fn reset_to(&mut self, window_bits: i32) -> Result<(), CodecError> {
        self.checkpoint = None;
        // SAFETY: the stream is initialised.
        let code = unsafe { z::inflateReset2(&mut *self.stream, window_bits) };
        self.stream.msg = std::ptr::null_mut();
        if code == z::Z_OK { Ok(()) } else { Err(init_error(code)) }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: as for `Deflater`.
        unsafe { z::inflateEnd(&mut *self.stream) };
    }
}
