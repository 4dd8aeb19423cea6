//! Tables of words with their bytes, on their way up to JavaScript, and lists of commands on their way down.

use super::event_loop::{Delivery, LoopState};
use crate::net::packed::Table;
use napi::Env;
use napi::bindgen_prelude::*;
use std::rc::Weak;

/// Calls JavaScript where a turn brought an engine something.
pub(super) struct Postman<E> {
    engine: Weak<E>,
    has_news: fn(&E) -> bool,
    on_turn: FunctionRef<(), ()>,
}

impl<E> Postman<E> {
    pub fn new(engine: Weak<E>, has_news: fn(&E) -> bool, on_turn: Function<(), ()>) -> Result<Self> {
        Ok(Self { engine, has_news, on_turn: on_turn.create_ref()? })
    }
}

impl<E> Delivery for Postman<E> {
    fn deliver(&self, env: Env, state: &LoopState) {
        let Some(engine) = self.engine.upgrade() else { return };
        if !(self.has_news)(&engine) {
            return;
        }
        if let Ok(function) = self.on_turn.borrow_back(&env) {
            // SAFETY: the function is of this environment, borrowed within the loop's handle scope.
            #[allow(unsafe_code)]
            unsafe {
                state.call(function.raw(), &[]);
            }
        }
    }
}

/// Bytes that [`take`] needs: of words, then of bytes, packed into one number by 2³².
pub(super) fn waiting(table: &Table) -> f64 {
    (table.words.len() * 4) as f64 * 4_294_967_296.0 + table.bytes.len() as f64
}

/// Copies a table out, where there is room for it; returns how many words.
pub(super) fn take(table: &Table, room_words: &mut [u8], room_bytes: &mut [u8]) -> u32 {
    let Table { words, bytes } = table;
    let (slots, _) = room_words.as_chunks_mut::<4>();
    if slots.len() < words.len() || room_bytes.len() < bytes.len() {
        return 0;
    }
    for (slot, word) in slots.iter_mut().zip(words) {
        *slot = word.to_ne_bytes();
    }
    room_bytes[..bytes.len()].copy_from_slice(bytes);
    words.len() as u32
}

/// The first `count` commands of a list, four words each.
pub(super) fn commands(list: &[u8], count: u32) -> Vec<[u32; 4]> {
    let (words, _) = list.as_chunks::<16>();
    words
        .iter()
        .take(count as usize)
        .map(|bytes| {
            let (words, _) = bytes.as_chunks::<4>();
            [0, 1, 2, 3].map(|at| u32::from_ne_bytes(words[at]))
        })
        .collect()
}
