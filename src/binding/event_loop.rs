//! The reactor of one JavaScript thread, in that thread's own loop, and the calls into JavaScript that follow a turn.
#![allow(unsafe_code)]

use super::uv::Watch;
use crate::net::reactor::Reactor;
use napi::bindgen_prelude::*;
use napi::{Env, sys};
use napi_derive::napi;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// A protocol engine that has news for JavaScript after a turn.
pub(super) trait Delivery {
    /// A turn begins: whatever is created in JavaScript until [`deliver`](Self::deliver) lives in one handle scope.
    fn begin(&self, _env: Env) {}

    /// Hands over what came of the turn: one call into JavaScript, by [`LoopState::call`], or none.
    fn deliver(&self, env: Env, state: &LoopState);
}

/// What engines share: the reactor, and the way into JavaScript.
pub(super) struct LoopState {
    env: sys::napi_env,
    reactor: Rc<Reactor>,
    /// Engines, in the order in which they came.
    deliveries: RefCell<Vec<Weak<dyn Delivery>>>,
    watch: RefCell<Option<Watch>>,
    context: Cell<sys::napi_async_context>,
}

impl LoopState {
    /// The thread's reactor.
    pub fn reactor(&self) -> Rc<Reactor> {
        Rc::clone(&self.reactor)
    }

    /// Calls `delivery` after each turn, as long as somebody else holds it.
    pub fn add(&self, delivery: Weak<dyn Delivery>) {
        self.deliveries.borrow_mut().push(delivery);
    }

    fn each(&self, mut visit: impl FnMut(&dyn Delivery)) {
        self.deliveries.borrow_mut().retain(|delivery| delivery.strong_count() > 0);
        // Handlers may add engines: the list is not borrowed while they run.
        let count = self.deliveries.borrow().len();
        for index in 0..count {
            let delivery = self.deliveries.borrow().get(index).and_then(Weak::upgrade);
            if let Some(delivery) = delivery {
                visit(&*delivery);
            }
        }
    }

    /// One turn and its deliveries.
    fn turn(&self) {
        let env = Env::from_raw(self.env);
        let mut scope = ptr::null_mut();
        // SAFETY: the environment lives while its loop calls us (the watch is closed before it goes).
        if unsafe { sys::napi_open_handle_scope(self.env, &raw mut scope) } != sys::Status::napi_ok {
            return;
        }
        self.each(|delivery| delivery.begin(env));
        // A failure of epoll itself would be one of memory or of ours; the next turn tries again.
        let _ = self.reactor.turn(Some(Duration::ZERO));
        self.each(|delivery| delivery.deliver(env, self));
        // SAFETY: the scope was opened above, and all scopes within are closed.
        unsafe { sys::napi_close_handle_scope(self.env, scope) };
    }

    /// Calls `function` as Node's own events do: ticks and microtasks run after it, and an exception goes to
    /// `uncaughtException`. Also right within another call into JavaScript: then they run after that one.
    ///
    /// # Safety
    /// The values must be of this environment and alive in the open handle scope.
    pub unsafe fn call(&self, function: sys::napi_value, arguments: &[sys::napi_value]) {
        let mut receiver = ptr::null_mut();
        let mut result = ptr::null_mut();
        // SAFETY: the environment lives (see `turn`); the values are the caller's promise; the out pointers are valid.
        unsafe {
            if sys::napi_get_global(self.env, &raw mut receiver) != sys::Status::napi_ok {
                return;
            }
            let status = sys::napi_make_callback(
                self.env,
                self.context.get(),
                receiver,
                function,
                arguments.len(),
                arguments.as_ptr(),
                &raw mut result,
            );
            if status == sys::Status::napi_pending_exception {
                let mut exception = ptr::null_mut();
                if sys::napi_get_and_clear_last_exception(self.env, &raw mut exception)
                    == sys::Status::napi_ok
                {
                    sys::napi_fatal_exception(self.env, exception);
                }
            }
        }
    }
}

/// The event loop of a JavaScript thread, for the sockets that millrace drives itself. One for each thread.
#[napi]
pub struct EventLoop {
    state: Rc<LoopState>,
}

impl EventLoop {
    pub(super) fn state(&self) -> Rc<LoopState> {
        Rc::clone(&self.state)
    }
}

#[napi]
impl EventLoop {
    /// Joins the loop of this thread.
    ///
    /// @throws where the loop cannot be joined: no libuv, or no descriptors left
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env) -> Result<Self> {
        let reactor = Rc::new(Reactor::new()?);
        let state = Rc::new(LoopState {
            env: env.raw(),
            reactor: Rc::clone(&reactor),
            deliveries: RefCell::default(),
            watch: RefCell::default(),
            context: Cell::new(ptr::null_mut()),
        });
        let name = env.create_string("millrace")?;
        let mut context = ptr::null_mut();
        // SAFETY: the environment is the caller's, the name a string of it; no resource object is needed.
        check_status!(unsafe {
            sys::napi_async_init(env.raw(), ptr::null_mut(), name.raw(), &raw mut context)
        })?;
        state.context.set(context);
        let weak = Rc::downgrade(&state);
        let on_readable = move || {
            if let Some(state) = weak.upgrade() {
                // A panic is a defect of ours and must not unwind into libuv; the sockets of this turn are what is lost.
                let _ = catch_unwind(AssertUnwindSafe(|| state.turn()));
            }
        };
        let event_loop = env.get_uv_event_loop()?.cast::<c_void>();
        // SAFETY: the loop is this thread's, and `on_exit` closes the watch before it ends; the descriptor is the reactor's,
        // which the state holds, and `on_exit` holds the state until libuv let go; panics are caught above.
        let watch = unsafe { Watch::new(event_loop, reactor.as_fd().as_raw_fd(), Box::new(on_readable)) }
            .ok_or_else(|| Error::new(Status::GenericFailure, "libuv is not there"))?;
        *state.watch.borrow_mut() = Some(watch);
        let weak = Rc::downgrade(&state);
        reactor.on_keep_alive(move |alive| {
            if let Some(state) = weak.upgrade()
                && let Some(watch) = &*state.watch.borrow()
            {
                watch.keep_alive(alive);
            }
        });
        let held = Rc::into_raw(Rc::clone(&state)).cast_mut().cast::<c_void>();
        // SAFETY: the hook gets the pointer once, when the environment ends, and takes the reference back.
        check_status!(unsafe {
            sys::napi_add_async_cleanup_hook(env.raw(), Some(on_exit), held, ptr::null_mut())
        })?;
        Ok(Self { state })
    }

    /// Sockets that are watched.
    #[napi(getter, catch_unwind)]
    pub fn sources(&self) -> u32 {
        u32::try_from(self.state.reactor.len()).unwrap_or(u32::MAX)
    }
}

/// The environment ends (exit, `worker.terminate()`): lets go of the loop, which waits for it.
unsafe extern "C" fn on_exit(hook: sys::napi_async_cleanup_hook_handle, held: *mut c_void) {
    // SAFETY: `held` is the reference that `new` left for this one call.
    let state = unsafe { Rc::from_raw(held.cast::<LoopState>()) };
    let watch = state.watch.borrow_mut().take();
    let Some(watch) = watch else { return };
    watch.close(move || {
        drop(state);
        // SAFETY: the handle is this hook's, removed once.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    });
}
