//! A descriptor in libuv's own loop.
//!
//! Node exports libuv's functions; they are looked up when they are first wanted, so that the addon loads where they are
//! missing (Bun, Deno, Windows), and sockets stay the runtime's own there.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::OnceLock;

/// `UV_POLL` of `uv_handle_type` and `UV_READABLE`, fixed by libuv's ABI since 1.0.
const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;

type UvHandle = c_void;
type PollCallback = unsafe extern "C" fn(*mut UvHandle, c_int, c_int);
type CloseCallback = unsafe extern "C" fn(*mut UvHandle);

/// The functions of libuv that are used here.
struct Api {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    handle_get_data: unsafe extern "C" fn(*const UvHandle) -> *mut c_void,
    handle_set_data: unsafe extern "C" fn(*mut UvHandle, *mut c_void),
    poll_init: unsafe extern "C" fn(*mut c_void, *mut UvHandle, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(*mut UvHandle, c_int, PollCallback) -> c_int,
    reference: unsafe extern "C" fn(*mut UvHandle),
    unreference: unsafe extern "C" fn(*mut UvHandle),
    close: unsafe extern "C" fn(*mut UvHandle, Option<CloseCallback>),
}

fn api() -> Option<&'static Api> {
    static API: OnceLock<Option<Api>> = OnceLock::new();
    API.get_or_init(|| {
        let find = |name: &CStr| {
            // SAFETY: the name is a C string; the call only searches the symbols of what is loaded.
            let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr().cast::<c_char>()) };
            (!symbol.is_null()).then_some(symbol)
        };
        // SAFETY: each symbol is libuv's function of that name, whose signature in uv.h is the field's type; libuv keeps
        // its ABI within version 1.
        unsafe {
            Some(Api {
                handle_size: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> usize>(find(
                    c"uv_handle_size",
                )?),
                handle_get_data: std::mem::transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(*const UvHandle) -> *mut c_void,
                >(find(c"uv_handle_get_data")?),
                handle_set_data: std::mem::transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(*mut UvHandle, *mut c_void),
                >(find(c"uv_handle_set_data")?),
                poll_init: std::mem::transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(*mut c_void, *mut UvHandle, c_int) -> c_int,
                >(find(c"uv_poll_init")?),
                poll_start: std::mem::transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(*mut UvHandle, c_int, PollCallback) -> c_int,
                >(find(c"uv_poll_start")?),
                reference: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut UvHandle)>(find(
                    c"uv_ref",
                )?),
                unreference: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut UvHandle)>(find(
                    c"uv_unref",
                )?),
                close: std::mem::transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(*mut UvHandle, Option<CloseCallback>),
                >(find(c"uv_close")?),
            })
        }
    })
    .as_ref()
}

/// What a handle's `data` points to. It lives until the handle is closed.
struct Watched {
    on_readable: Box<dyn Fn()>,
    on_closed: RefCell<Option<Box<dyn FnOnce()>>>,
    /// The handle's memory, aligned as libuv's structures want it.
    _memory: Box<[u64]>,
}

/// A `uv_poll_t` on a descriptor, in the loop of the thread that made it.
pub(super) struct Watch {
    api: &'static Api,
    handle: *mut UvHandle,
    closed: Rc<std::cell::Cell<bool>>,
}

impl Watch {
    /// Calls `on_readable` from the loop while `descriptor` is readable. It does not keep the loop alive.
    ///
    /// Returns nothing where libuv's functions are missing or refuse.
    ///
    /// # Safety
    /// `event_loop` must be this thread's `uv_loop_t`, alive until the watch is closed; `descriptor` must stay open as
    /// long; `on_readable` must not unwind.
    pub unsafe fn new(
        event_loop: *mut c_void,
        descriptor: RawFd,
        on_readable: Box<dyn Fn()>,
    ) -> Option<Self> {
        let api = api()?;
        // SAFETY: no precondition.
        let bytes = unsafe { (api.handle_size)(UV_POLL) };
        let mut memory = vec![0_u64; bytes.div_ceil(8)].into_boxed_slice();
        let handle = memory.as_mut_ptr().cast::<UvHandle>();
        // SAFETY: the loop is alive (caller), the handle's memory has the size that libuv asks for and does not move: it is
        // boxed, and owned by `Watched` from here on.
        if unsafe { (api.poll_init)(event_loop, handle, descriptor) } != 0 {
            return None;
        }
        let watched = Box::new(Watched { on_readable, on_closed: RefCell::new(None), _memory: memory });
        // SAFETY: the handle was initialised; `data` is ours, and `closed` takes the box back when libuv is done with it.
        unsafe { (api.handle_set_data)(handle, Box::into_raw(watched).cast()) };
        let watch = Self { api, handle, closed: Rc::default() };
        // SAFETY: the handle was initialised and is not closing.
        if unsafe { (api.poll_start)(handle, UV_READABLE, readable) } != 0 {
            watch.close(|| {});
            return None;
        }
        watch.keep_alive(false);
        Some(watch)
    }

    /// Whether the loop lives while the watch does.
    pub fn keep_alive(&self, alive: bool) {
        if self.closed.get() {
            return;
        }
        let change = if alive { self.api.reference } else { self.api.unreference };
        // SAFETY: the handle is initialised and not closed.
        unsafe { change(self.handle) };
    }

    /// No call of `on_readable` comes after this. `on_closed` is called by the loop when it let go of the handle.
    pub fn close(&self, on_closed: impl FnOnce() + 'static) {
        if self.closed.replace(true) {
            return on_closed();
        }
        // SAFETY: the handle is initialised and not closing; its data is the box set in `new`, taken back by `closed` only.
        unsafe {
            let watched = (self.api.handle_get_data)(self.handle).cast::<Watched>();
            *(*watched).on_closed.borrow_mut() = Some(Box::new(on_closed));
            (self.api.close)(self.handle, Some(closed));
        }
    }
}

/// `uv_poll_cb`.
unsafe extern "C" fn readable(handle: *mut UvHandle, _status: c_int, _events: c_int) {
    let Some(api) = api() else { return };
    // SAFETY: libuv calls with the handle that was started, whose data is a `Watched` until it is closed.
    let watched = unsafe { &*(api.handle_get_data)(handle).cast::<Watched>() };
    (watched.on_readable)();
}

/// `uv_close_cb`.
unsafe extern "C" fn closed(handle: *mut UvHandle) {
    let Some(api) = api() else { return };
    // SAFETY: called once for a handle, when libuv no longer uses its memory; the data is the box set in `new`.
    let watched = unsafe { Box::from_raw((api.handle_get_data)(handle).cast::<Watched>()) };
    let on_closed = watched.on_closed.borrow_mut().take();
    drop(watched);
    if let Some(on_closed) = on_closed {
        on_closed();
    }
}
