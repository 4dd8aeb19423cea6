//! Contexts of the engines, kept for the next call: a compressor is up to a megabyte to allocate.

use std::sync::{Mutex, PoisonError};

use libdeflater::{CompressionLvl, Compressor};

/// Contexts kept of one kind: more than the threads that may run at once is of no use.
const KEPT: usize = 16;

/// libdeflate's levels, 1 to 12.
const LEVELS: usize = 12;

static COMPRESSORS: [Mutex<Vec<Compressor>>; LEVELS] = [const { Mutex::new(Vec::new()) }; LEVELS];

/// Runs `work` with a compressor of libdeflate's `level`, 1 to 12 (others are brought into the range).
pub(super) fn with_compressor<R>(level: i32, work: impl FnOnce(&mut Compressor) -> R) -> R {
    let level = level.clamp(1, LEVELS as i32);
    let new = || Compressor::new(CompressionLvl::new(level).unwrap_or_default());
    borrow(&COMPRESSORS[level as usize - 1], new, work)
}

/// Runs `work` with a context of `kept`, or a new one, and keeps it for the next. One that `work` panics with is
/// dropped.
pub(super) fn borrow<T, R>(
    kept: &Mutex<Vec<T>>,
    new: impl FnOnce() -> T,
    work: impl FnOnce(&mut T) -> R,
) -> R {
    let mut context = take(kept).unwrap_or_else(new);
    let result = work(&mut context);
    put(kept, context);
    result
}

/// A context of `kept`, if there is one.
pub(super) fn take<T>(kept: &Mutex<Vec<T>>) -> Option<T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

/// Keeps a context, unless there are enough.
pub(super) fn put<T>(kept: &Mutex<Vec<T>>, context: T) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < KEPT {
        kept.push(context);
    }
}
