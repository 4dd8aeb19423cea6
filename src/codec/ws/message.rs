//! What a receiver is told to allow, and how it tells what came.

use std::ops::ControlFlow;

use super::DeflateParams;

/// Which end this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its peer's frames are masked.
    Server,
    /// Its peer's frames are not.
    Client,
}

/// What a [`Receiver`](super::Receiver) is to allow.
#[derive(Debug, Clone)]
pub struct ReceiverOptions {
    /// Which end this is.
    pub role: Role,
    /// Most bytes of a message, plain and on the wire; 0 for no limit. `ws` defaults to 100 MiB.
    pub max_payload: u64,
    /// Most frames of a message; 0 for no limit. `ws` defaults to 16,384.
    pub max_fragments: u32,
    /// Texts and reasons are not checked.
    pub skip_utf8_validation: bool,
    /// permessage-deflate, where the handshake agreed on it.
    pub deflate: Option<DeflateParams>,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8, checked unless `skip_utf8_validation`.
    Text,
    /// Bytes.
    Binary,
}

/// A message's bytes.
#[derive(Debug)]
pub enum Payload<'a> {
    /// In the input or in the receiver: valid during the call.
    Borrowed(&'a [u8]),
    /// A large one, handed over.
    Owned(Vec<u8>),
}

impl Payload<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Takes what a [`Receiver`](super::Receiver) finds. `Break` pauses: the receiver stops behind what it just told.
pub trait Sink {
    /// A message. `fragment_ends` are the offsets in it at which its frames end, empty frames left out.
    fn message(
        &mut self,
        kind: MessageKind,
        payload: Payload<'_>,
        fragment_ends: &[usize],
    ) -> ControlFlow<()>;
    /// A ping, which wants a pong of the same payload.
    fn ping(&mut self, payload: &[u8]) -> ControlFlow<()>;
    /// A pong.
    fn pong(&mut self, payload: &[u8]) -> ControlFlow<()>;
    /// A close frame; [`NO_STATUS`](super::NO_STATUS) where it has no code. Nothing is told after it.
    fn close(&mut self, code: u16, reason: &[u8]);
}
