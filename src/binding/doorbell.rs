//! The doorbell of one JavaScript thread.

use super::bell::bell;
use crate::flow::Post;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::sync::Arc;

/// Calls JavaScript when operators of its thread have news.
#[napi]
pub struct Doorbell {
    post: Arc<Post>,
    /// Native bytes that V8 was told of.
    reported: i64,
}

impl Doorbell {
    pub(super) fn post(&self) -> Arc<Post> {
        Arc::clone(&self.post)
    }
}

#[napi]
impl Doorbell {
    /// A doorbell that calls `onRing`, at most once between two polls. It keeps no event loop alive.
    #[napi(constructor, catch_unwind)]
    pub fn new(on_ring: Function<(), ()>) -> Result<Self> {
        let post = Arc::new(Post::new(Box::new(bell(on_ring)?)));
        Ok(Self { post, reported: 0 })
    }

    /// Fills `news`, the bytes of a `Uint32Array`, with the number of operators at work and then pairs (operator id,
    /// event bits); returns how many pairs. Call again while the array comes back full.
    #[napi(catch_unwind)]
    pub fn poll(&mut self, env: Env, mut news: BufferSlice) -> Result<u32> {
        let Some((active, pairs)) = news.split_first_chunk_mut::<4>() else { return Ok(0) };
        let (pairs, _) = pairs.as_chunks_mut::<4>();
        let mut at = 0;
        let count = self.post.take(pairs.len() / 2, |id, bits| {
            pairs[at] = id.to_ne_bytes();
            pairs[at + 1] = bits.to_ne_bytes();
            at += 2;
        });
        *active = u32::try_from(self.post.active()).unwrap_or(u32::MAX).to_ne_bytes();
        self.report_memory(env)?;
        Ok(count as u32)
    }

    /// Tells V8 how much native memory this thread's operators hold now.
    #[napi(catch_unwind)]
    pub fn report_memory(&mut self, env: Env) -> Result<()> {
        let bytes = self.post.native_bytes();
        // V8 reacts to each report; small changes are not worth one.
        if (bytes - self.reported).unsigned_abs() >= 16 << 10 {
            env.adjust_external_memory(bytes - self.reported)?;
            self.reported = bytes;
        }
        Ok(())
    }

    /// Bytes of native memory that this thread's operators hold.
    #[napi(catch_unwind)]
    pub fn native_bytes(&self) -> i64 {
        self.post.native_bytes()
    }

    /// Whether any operator of this thread is at work.
    #[napi(catch_unwind)]
    pub fn is_active(&self) -> bool {
        self.post.active() > 0
    }
}
