//! Length-prefixed messages: a flag, a length of four bytes, the message.

use std::ops::ControlFlow;

/// Bytes in front of a message.
pub const PREFIX_BYTES: usize = 5;

/// Memory that is asked for by the announced length of a message alone; more only as its bytes come. The system gives its
/// pages as they are written to, so that an announcement costs no more than address space.
const TRUSTED_BYTES: usize = 4 << 20;

/// A message in a body.
#[derive(Debug)]
pub enum Message<'a> {
    /// It came at once: valid during the call.
    Borrowed(&'a [u8]),
    /// It was put together, and is the callee's.
    Owned(Vec<u8>),
}

impl Message<'_> {
    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// The flag and the length in front of a message that is to be sent. `None` where it is longer than a prefix can say.
pub fn prefix(compressed: bool, message_bytes: usize) -> Option<[u8; PREFIX_BYTES]> {
    let [a, b, c, d] = u32::try_from(message_bytes).ok()?.to_be_bytes();
    Some([u8::from(compressed), a, b, c, d])
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageFault {
    /// A message is longer than the limit. `RESOURCE_EXHAUSTED`.
    TooLong {
        /// Its length in bytes.
        bytes: u32,
        /// The most that is allowed.
        limit: u32,
    },
    /// A flag that is neither 0 nor 1. `INTERNAL`.
    Flag(u8),
}

/// Takes messages out of a body, however that is cut. It holds at most one message.
#[derive(Debug, Default)]
pub struct MessageDecoder {
    limit: Option<u32>,
    prefix: [u8; PREFIX_BYTES],
    prefix_len: usize,
    /// What has come of a message that did not come at once.
    partial: Vec<u8>,
}

impl MessageDecoder {
    /// A decoder for a body whose messages have at most `limit` bytes each, as they are on the wire.
    pub fn new(limit: Option<u32>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Calls `each` with every message that `input` completes, and whether it is compressed, until it breaks. Returns how
    /// many bytes were consumed: all of them, unless `each` broke.
    ///
    /// # Errors
    /// What is wrong with the body. The decoder is of no use after that.
    pub fn decode(
        &mut self,
        input: &[u8],
        mut each: impl FnMut(bool, Message<'_>) -> ControlFlow<()>,
    ) -> Result<usize, MessageFault> {
        let mut at = 0;
        loop {
            if self.prefix_len < PREFIX_BYTES {
                let take = (PREFIX_BYTES - self.prefix_len).min(input.len() - at);
                self.prefix[self.prefix_len..self.prefix_len + take].copy_from_slice(&input[at..at + take]);
                self.prefix_len += take;
                at += take;
                if self.prefix_len < PREFIX_BYTES {
                    return Ok(at);
                }
                self.check()?;
            }
            let length = self.length() as usize;
            let rest = &input[at..];
            let flow = if self.partial.is_empty() && rest.len() >= length {
                at += length;
                self.prefix_len = 0;
                each(self.prefix[0] == 1, Message::Borrowed(&rest[..length]))
            } else {
                if self.partial.capacity() == 0 {
                    self.partial.reserve_exact(length.min(TRUSTED_BYTES.max(rest.len())));
                }
                let take = (length - self.partial.len()).min(rest.len());
                self.partial.extend_from_slice(&rest[..take]);
                at += take;
                if self.partial.len() < length {
                    return Ok(at);
                }
                self.prefix_len = 0;
                // The memory of a long message is not kept for the short ones that may follow.
                let message = std::mem::take(&mut self.partial);
                each(self.prefix[0] == 1, Message::Owned(message))
            };
            if flow.is_break() {
                return Ok(at);
            }
        }
    }

    fn length(&self) -> u32 {
        let [_, a, b, c, d] = self.prefix;
        u32::from_be_bytes([a, b, c, d])
    }

    fn check(&self) -> Result<(), MessageFault> {
        if self.prefix[0] > 1 {
            return Err(MessageFault::Flag(self.prefix[0]));
        }
        let bytes = self.length();
        match self.limit {
            Some(limit) if bytes > limit => Err(MessageFault::TooLong { bytes, limit }),
            _ => Ok(()),
        }
    }

    /// Whether the body may end here: no message is begun.
    pub fn is_between_messages(&self) -> bool {
        self.prefix_len == 0
    }

    /// Bytes held of a message that is not complete.
    pub fn held_bytes(&self) -> usize {
        self.partial.len()
    }
}
