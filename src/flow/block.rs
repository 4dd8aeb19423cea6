//! Recycled buffers.
//!
//! A fresh buffer of a megabyte costs a page fault for every 4 KiB on its first use, more than many stages cost. Buffers
//! of the sizes that the executors use go back to a free list instead, bounded in bytes for the whole process.

use std::sync::Mutex;

/// Bytes that the free list may hold in all.
const FREE_BYTES: usize = 16 << 20;
/// Smaller buffers are left to the allocator, which is good at them.
const SMALLEST: usize = 32 << 10;
/// Larger ones are exceptions (one long row) and go back to the system at once.
const LARGEST: usize = 4 << 20;

struct FreeList {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

static FREE: Mutex<FreeList> = Mutex::new(FreeList { buffers: Vec::new(), bytes: 0 });

/// An empty buffer with room for at least `capacity` bytes.
pub fn take(capacity: usize) -> Vec<u8> {
    if !(SMALLEST..=LARGEST).contains(&capacity) {
        return Vec::with_capacity(capacity);
    }
    let mut free = lock();
    // The smallest that fits, so that large ones are there for who needs them; not one that is more than four times too
    // large: a small result must not pin a large buffer.
    let fitting = |buffer: &Vec<u8>| buffer.capacity() >= capacity && buffer.capacity() / 4 <= capacity;
    let best = (0..free.buffers.len())
        .filter(|&at| fitting(&free.buffers[at]))
        .min_by_key(|&at| free.buffers[at].capacity());
    match best {
        Some(at) => {
            let buffer = free.buffers.swap_remove(at);
            free.bytes -= buffer.capacity();
            buffer
        }
        None => {
            drop(free);
            Vec::with_capacity(rounded(capacity))
        }
    }
}

/// Eight sizes for each power of two, so that what is wanted for one block fits the next one, which is a little longer. What
/// is not used of a fresh buffer costs no memory.
fn rounded(capacity: usize) -> usize {
    capacity.next_multiple_of(capacity.next_power_of_two() / 16)
}

/// Takes a buffer back for reuse.
pub fn give(mut buffer: Vec<u8>) {
    let capacity = buffer.capacity();
    if !(SMALLEST..=LARGEST).contains(&capacity) {
        return;
    }
    buffer.clear();
    let mut free = lock();
    if free.bytes + capacity <= FREE_BYTES {
        free.bytes += capacity;
        free.buffers.push(buffer);
    } else {
        drop(free);
        // Unmapping takes long; others need the list meanwhile.
        drop(buffer);
    }
}

/// The same bytes in a buffer of about their size, where theirs is over four times as large: a small result must not pin
/// a large buffer while it waits in a queue that counts its bytes.
pub fn fit(buffer: Vec<u8>) -> Vec<u8> {
    if buffer.len() >= buffer.capacity() / 4 {
        return buffer;
    }
    let mut fitting = take(buffer.len());
    fitting.extend_from_slice(&buffer);
    give(buffer);
    fitting
}

fn lock() -> std::sync::MutexGuard<'static, FreeList> {
    // A panic while it was held cannot leave the list half changed in a way that matters.
    FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_the_list_is_bounded() {
        let mut buffer = take(100 << 10);
        buffer.extend_from_slice(b"x");
        give(buffer);
        let again = take(90 << 10);
        assert!(again.is_empty() && again.capacity() >= 90 << 10);
        for _ in 0..64 {
            give(Vec::with_capacity(1 << 20));
        }
        assert!(lock().bytes <= FREE_BYTES);
    }
}
