//! A safe face of libdeflate's decompressor: whole streams in one call, with the exact length of their input.
//!
//! The `libdeflater` crate does not give that length, and without it a first member cannot be told from all.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::Mutex;

use libdeflate_sys as sys;

use super::{Format, pool};

/// libdeflate's decompressor: about 11 KiB of tables, no state between calls.
struct WholeInflater(NonNull<sys::libdeflate_decompressor>);

// SAFETY: the decompressor is plain memory without ties to a thread, and this value is its only owner.
unsafe impl Send for WholeInflater {}

impl WholeInflater {
    fn new() -> Option<Self> {
        // SAFETY: no preconditions; null means out of memory.
        NonNull::new(unsafe { sys::libdeflate_alloc_decompressor() }).map(Self)
    }
}

impl Drop for WholeInflater {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the allocator and is freed once.
        unsafe { sys::libdeflate_free_decompressor(self.0.as_ptr()) };
    }
}

static KEPT: Mutex<Vec<Option<WholeInflater>>> = Mutex::new(Vec::new());

/// Decompresses the one stream (or gzip member) at the start of `input` to the spare room of `out`, `room` bytes at
/// most, and gives the bytes of input that it took. `None`, with `out` as it was, for corrupt data and for too
/// little room alike.
pub(super) fn inflate_whole(format: Format, input: &[u8], out: &mut Vec<u8>, room: usize) -> Option<usize> {
    let decompress = match format {
        Format::Gzip => sys::libdeflate_gzip_decompress_ex,
        Format::Zlib => sys::libdeflate_zlib_decompress_ex,
        Format::Raw => sys::libdeflate_deflate_decompress_ex,
    };
    out.reserve(room);
    pool::borrow(&KEPT, WholeInflater::new, |kept| {
        let engine = kept.as_mut()?;
        let (mut consumed, mut produced) = (0, 0);
        let spare = out.spare_capacity_mut();
        let room = room.min(spare.len());
        // SAFETY: `engine` is live and used by this call alone; both buffers are live for the lengths given.
        let result = unsafe {
            decompress(
                engine.0.as_ptr(),
                input.as_ptr().cast(),
                input.len(),
                spare.as_mut_ptr().cast(),
                room,
                &mut consumed,
                &mut produced,
            )
        };
        if result != sys::libdeflate_result_LIBDEFLATE_SUCCESS || produced > room || consumed > input.len() {
            return None;
        }
        // SAFETY: libdeflate wrote the first `produced` bytes of the spare capacity.
        unsafe { out.set_len(out.len() + produced) };
        Some(consumed)
    })
}
