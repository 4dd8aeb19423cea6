//! The payloads of a batch of WebSocket messages, kept in JavaScript's memory.
#![allow(unsafe_code)]

use crate::codec::ws::Payload;
use crate::net::ws::Store;
use napi::{Env, sys};
use std::cell::{Cell, RefCell};
use std::ptr;
use std::rc::Rc;

/// Small payloads share slabs of this many bytes, as Node's small buffers do, so that one that is kept pins no more.
const SLAB_BYTES: usize = 8 << 10;

/// What JavaScript holds of a batch while it is made; the values live in the open handle scope.
#[derive(Default)]
pub(super) struct Values {
    env: Cell<Option<sys::napi_env>>,
    pub slabs: RefCell<Vec<sys::napi_value>>,
    pub wholes: RefCell<Vec<sys::napi_value>>,
}

impl Values {
    pub fn begin(&self, env: Env) {
        self.env.set(Some(env.raw()));
        self.slabs.borrow_mut().clear();
        self.wholes.borrow_mut().clear();
    }

    pub fn end(&self) {
        self.env.set(None);
    }
}

/// Copies payloads straight into JavaScript's memory.
pub(super) struct JsStore {
    values: Rc<Values>,
    /// The slab that is being filled, from batch to batch.
    slab: Option<Slab>,
}

struct Slab {
    env: sys::napi_env,
    reference: sys::napi_ref,
    bytes: *mut u8,
    used: usize,
    /// Its value of this batch is in `Values::slabs`, last.
    listed: bool,
}

impl Drop for Slab {
    fn drop(&mut self) {
        // SAFETY: the reference was made in this environment and is deleted once; Node-API allows it during teardown.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}

impl JsStore {
    pub fn new(values: Rc<Values>) -> Self {
        Self { values, slab: None }
    }

    /// The slab to fill, with room for `length` bytes. Nothing where JavaScript can give no memory.
    fn slab_for(&mut self, length: usize) -> Option<&mut Slab> {
        let env = self.values.env.get()?;
        let slabs = &mut *self.values.slabs.borrow_mut();
        if self.slab.as_ref().is_none_or(|slab| slab.used + length > SLAB_BYTES) {
            self.slab = None;
            let (mut value, mut data, mut reference) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            // SAFETY: the environment is the one of the call or turn under way; the out pointers are valid.
            unsafe {
                if sys::napi_create_arraybuffer(env, SLAB_BYTES, &raw mut data, &raw mut value)
                    != sys::Status::napi_ok
                    || sys::napi_create_reference(env, value, 1, &raw mut reference) != sys::Status::napi_ok
                {
                    return None;
                }
            }
            slabs.push(value);
            self.slab = Some(Slab { env, reference, bytes: data.cast(), used: 0, listed: true });
        }
        let slab = self.slab.as_mut()?;
        if !slab.listed {
            let mut value = ptr::null_mut();
            // SAFETY: the reference is strong and of this environment.
            unsafe { sys::napi_get_reference_value(env, slab.reference, &raw mut value) };
            slabs.push(value);
            slab.listed = true;
        }
        Some(slab)
    }
}

impl Store for JsStore {
    fn keep_small(&mut self, bytes: &[u8]) -> u32 {
        let Some(slab) = self.slab_for(bytes.len()) else { return 0 };
        let at = slab.used;
        // SAFETY: the slab's memory is `SLAB_BYTES` long, held by the reference, and cannot be detached by JavaScript, which
        // gets views of it only after this; `slab_for` saw to the room.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), slab.bytes.add(at), bytes.len()) };
        // Aligned as Node's pool is.
        slab.used = (at + bytes.len()).next_multiple_of(8);
        let number = self.values.slabs.borrow().len() - 1;
        (number as u32) << 16 | at as u32
    }

    fn keep_whole(&mut self, payload: Payload<'_>) -> u32 {
        let bytes = payload.as_slice();
        let mut wholes = self.values.wholes.borrow_mut();
        let Some(env) = self.values.env.get() else { return 0 };
        let (mut value, mut data) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the environment is the one of the call or turn under way; the bytes are copied during the call.
        unsafe {
            sys::napi_create_buffer_copy(
                env,
                bytes.len(),
                bytes.as_ptr().cast(),
                &raw mut data,
                &raw mut value,
            )
        };
        wholes.push(value);
        (wholes.len() - 1) as u32
    }

    fn end(&mut self) {
        if let Some(slab) = &mut self.slab {
            slab.listed = false;
        }
    }
}
