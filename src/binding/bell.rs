//! How any thread wakes JavaScript.

use napi::bindgen_prelude::*;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;

/// Something that calls `on_ring` on its JavaScript thread soon after it is called on any. It keeps no event loop alive.
///
/// Who rings sees to it that it does so once until JavaScript came: a ring that finds the queue of four full is dropped, and
/// has nothing to add.
pub(super) fn bell(on_ring: Function<(), ()>) -> Result<impl Fn() + Send + Sync + 'static> {
    let function = on_ring
        .build_threadsafe_function::<()>()
        .weak::<true>()
        .callee_handled::<false>()
        .max_queue_size::<4>()
        .build()?;
    Ok(move || {
        // A thread that is gone is not woken: its status says so, and there is nobody to tell.
        let _ = function.call((), ThreadsafeFunctionCallMode::NonBlocking);
    })
}
