//! Compression that is shared: by connections without context takeover, and by the receivers of a broadcast.

use super::connection::State;
use crate::codec::ws::frame::{self, FrameHead};
use crate::codec::ws::{DeflateParams, MessageDeflater};
use std::sync::Arc;

/// Compressors that are kept for the next message: at most 8, of about 260 KiB each.
const KEPT: usize = 8;

/// Compressors that belong to no connection.
#[derive(Default)]
pub(super) struct Deflaters(Vec<(DeflateParams, MessageDeflater)>);

impl Deflaters {
    /// Compresses a message, or a fragment of one, for a connection that agreed on it. False where there is no memory
    /// for a compressor: then the message goes as it is.
    pub fn compress(&mut self, state: &mut State, payload: &[u8], fin: bool, out: &mut Vec<u8>) -> bool {
        let Some(params) = &state.deflate else { return false };
        if state.deflater.is_none() {
            state.deflater = if params.own_no_context_takeover { self.take(params) } else { None }
                .or_else(|| MessageDeflater::new(params).ok());
        }
        let Some(deflater) = &mut state.deflater else { return false };
        deflater.compress(payload, fin, out);
        if fin
            && params.own_no_context_takeover
            && let Some(deflater) = state.deflater.take()
            && self.0.len() < KEPT
        {
            self.0.push((params.clone(), deflater));
        }
        true
    }

    fn take(&mut self, params: &DeflateParams) -> Option<MessageDeflater> {
        let at = self.0.iter().rposition(|(of, _)| of == params)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// One message as frames: plain, and compressed for each size of window that a receiver has.
pub(super) struct Frames<'a> {
    kind: u8,
    payload: &'a [u8],
    made: Vec<(Option<u8>, Arc<Vec<u8>>)>,
}

impl<'a> Frames<'a> {
    pub fn new(kind: u8, payload: &'a [u8]) -> Self {
        Self { kind, payload, made: Vec::new() }
    }

    /// The same, with the plain frame there already.
    pub fn with_plain(kind: u8, payload: &'a [u8], plain: Arc<Vec<u8>>) -> Self {
        Self { kind, payload, made: vec![(None, plain)] }
    }

    /// The frame for a receiver with this window, or, without one, uncompressed: shared by all who hold it.
    pub fn get(&mut self, window: Option<u8>) -> &Arc<Vec<u8>> {
        let at = self.made.iter().position(|(of, _)| *of == window).unwrap_or_else(|| {
            self.made.push((window, Arc::new(self.make(window))));
            self.made.len() - 1
        });
        &self.made[at].1
    }

    fn make(&self, window: Option<u8>) -> Vec<u8> {
        let packed = window.and_then(|own_window_bits| {
            let params =
                DeflateParams { own_window_bits, own_no_context_takeover: true, ..Default::default() };
            let mut packed = Vec::new();
            MessageDeflater::new(&params).ok()?.compress(self.payload, true, &mut packed);
            Some(packed)
        });
        let head = FrameHead { opcode: self.kind, fin: true, rsv1: packed.is_some(), mask: None };
        let mut bytes = Vec::new();
        frame::write_frame(&mut bytes, head, packed.as_deref().unwrap_or(self.payload));
        bytes
    }
}
