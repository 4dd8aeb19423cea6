//! Frame headers and masks (RFC 6455 sections 5.2 and 5.3).

/// Bytes of the longest header: two, a length of eight, and a mask.
pub const MAX_HEADER: usize = 14;

/// The first byte's bits.
pub(super) const FIN: u8 = 0x80;
pub(super) const RSV1: u8 = 0x40;
pub(super) const RSV23: u8 = 0x30;
/// The second byte's bit.
pub(super) const MASKED: u8 = 0x80;

/// Payloads longer than this have a length of two bytes.
const SHORT: usize = 125;

/// What a header says beside the payload's length.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameHead {
    /// One of [`opcode`](super::opcode).
    pub opcode: u8,
    /// The last frame of its message.
    pub fin: bool,
    /// The first frame of a compressed message.
    pub rsv1: bool,
    /// The mask, from a client.
    pub mask: Option<[u8; 4]>,
}

/// Bytes of the header of a frame with `length` bytes of payload.
pub fn header_bytes(length: usize, masked: bool) -> usize {
    let extended = match length {
        0..=SHORT => 0,
        126..=0xffff => 2,
        _ => 8,
    };
    2 + extended + if masked { 4 } else { 0 }
}

/// Appends the header of a frame with `length` bytes of payload.
pub fn write_header(out: &mut Vec<u8>, head: FrameHead, length: usize) {
    let first = head.opcode | if head.fin { FIN } else { 0 } | if head.rsv1 { RSV1 } else { 0 };
    let mask = if head.mask.is_some() { MASKED } else { 0 };
    match length {
        0..=SHORT => out.extend_from_slice(&[first, mask | length as u8]),
        126..=0xffff => {
            out.extend_from_slice(&[first, mask | 126]);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[first, mask | 127]);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if let Some(mask) = head.mask {
        out.extend_from_slice(&mask);
    }
}

/// Appends a whole frame, its payload masked where the head has a mask.
pub fn write_frame(out: &mut Vec<u8>, head: FrameHead, payload: &[u8]) {
    out.reserve(header_bytes(payload.len(), head.mask.is_some()) + payload.len());
    write_header(out, head, payload.len());
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = head.mask {
        mask(&mut out[start..], key, 0);
    }
}

/// Masks or unmasks `bytes`, the first of which is byte `offset` of its payload.
pub fn mask(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let mut key = key;
    key.rotate_left(offset % 4);
    let word = u32::from_ne_bytes(key);
    if word == 0 {
        return;
    }
    // 32 bytes at a time: the compiler makes vector instructions of it.
    let wide = u64::from(word) << 32 | u64::from(word);
    let mut chunks = bytes.chunks_exact_mut(32);
    for chunk in &mut chunks {
        for lane in chunk.chunks_exact_mut(8) {
            let value =
                u64::from_ne_bytes([lane[0], lane[1], lane[2], lane[3], lane[4], lane[5], lane[6], lane[7]]);
            lane.copy_from_slice(&(value ^ wide).to_ne_bytes());
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}
