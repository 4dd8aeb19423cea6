//! Bytes from a peer → messages and control frames.
//!
//! # Memory
//!
//! A whole message in one frame that arrives at once is handed on where it lies. Others are gathered, at most `max_payload`
//! bytes, and a frame that promises much is not given memory before it delivers. Nothing is held between messages.

use std::ops::ControlFlow;

use super::deflate::MessageInflater;
use super::frame::{FIN, MASKED, MAX_HEADER, RSV1, RSV23, mask};
use super::message::{MessageKind, Payload, ReceiverOptions, Role, Sink};
use super::{NO_STATUS, WsError, WsErrorKind, is_valid_close_code, opcode};

/// Bytes of the longest payload of a control frame (RFC 6455 section 5.5).
const MAX_CONTROL: usize = 125;
/// A message of at least this many bytes that was gathered is handed over whole, without a copy.
const OWNED_FROM: usize = 64 << 10;
/// Capacity that a receiver keeps between messages.
const KEPT_BYTES: usize = 4 << 10;
/// Bytes of payload that are worth reading straight into the message.
const ROOM_FROM: u64 = 32 << 10;
/// Bytes offered for that at a time, at least; then as many as are there already.
const ROOM_STEP: usize = 256 << 10;
/// JavaScript's largest safe integer: lengths beyond it are refused, as in `ws`.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The frame under way.
#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: u8,
    fin: bool,
    rsv1: bool,
    mask: Option<[u8; 4]>,
    length: u64,
    /// Bytes of payload that came.
    got: u64,
}

impl Frame {
    fn left(&self) -> u64 {
        self.length - self.got
    }

    fn is_control(&self) -> bool {
        self.opcode >= opcode::CLOSE
    }

    /// Unmasks what just came, and counts it.
    fn take(&mut self, bytes: &mut [u8]) {
        if let Some(key) = self.mask {
            mask(bytes, key, (self.got % 4) as usize);
        }
        self.got += bytes.len() as u64;
    }
}

/// The message under way.
#[derive(Debug, Default)]
struct Message {
    /// `TEXT` or `BINARY`; 0 for none.
    opcode: u8,
    compressed: bool,
    /// Its bytes are `buffer[..filled]`; what lies behind is room that was offered.
    buffer: Vec<u8>,
    filled: usize,
    /// Bytes of whole characters, checked.
    valid: usize,
    /// Bytes of payload on the wire that were announced.
    announced: u64,
    frames: u32,
    ends: Vec<usize>,
}

impl Message {
    fn kind(&self) -> MessageKind {
        if self.opcode == opcode::TEXT { MessageKind::Text } else { MessageKind::Binary }
    }

    /// Ready for the next, with the buffer's memory.
    fn clear(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        *self = Self { buffer, ..Self::default() };
        self.buffer.clear();
    }
}

/// The receiving half of a connection.
pub struct Receiver {
    options: ReceiverOptions,
    inflater: Option<MessageInflater>,
    /// A header of which not all came.
    head: [u8; MAX_HEADER],
    head_bytes: usize,
    frame: Option<Frame>,
    message: Message,
    /// The payload of a control frame; an idle connection that had none holds none.
    control: Option<Box<[u8; MAX_CONTROL]>>,
    closed: bool,
}

impl Receiver {
    /// At the start of a connection, behind the handshake.
    pub fn new(options: ReceiverOptions) -> Self {
        Self {
            inflater: options.deflate.as_ref().map(MessageInflater::new),
            options,
            head: [0; MAX_HEADER],
            head_bytes: 0,
            frame: None,
            message: Message::default(),
            control: None,
            closed: false,
        }
    }

    /// A close frame came: what follows is ignored.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Bytes held of a message that is not complete.
    pub fn buffered_bytes(&self) -> usize {
        self.message.filled
    }

    /// Takes bytes from the peer, and unmasks them in place. Returns how many were used: fewer than all only where the sink
    /// said `Break`.
    ///
    /// # Errors
    /// The first breach of the protocol or of a limit. What came before it was told; the receiver is of no use afterwards.
    pub fn feed(&mut self, bytes: &mut [u8], sink: &mut impl Sink) -> Result<usize, WsError> {
        let mut at = 0;
        loop {
            if self.closed {
                return Ok(bytes.len());
            }
            if self.frame.is_none() {
                at += self.read_head(&bytes[at..])?;
            }
            let Some(mut frame) = self.frame else { return Ok(at) };
            let n = frame.left().min((bytes.len() - at) as u64) as usize;
            let piece = &mut bytes[at..at + n];
            let begun = frame.got as usize;
            frame.take(piece);
            at += n;
            self.frame = Some(frame);
            let flow = if frame.is_control() {
                let control = self.control.get_or_insert_with(|| Box::new([0; MAX_CONTROL]));
                control[begun..begun + n].copy_from_slice(piece);
                if frame.left() > 0 {
                    return Ok(at);
                }
                self.frame = None;
                self.end_control(frame, sink)?
            } else {
                self.take_data(frame, piece, sink)?
            };
            if flow.is_break() {
                return Ok(at);
            }
            if at == bytes.len() && self.frame.is_none_or(|frame| frame.left() > 0) {
                return Ok(at);
            }
        }
    }

    /// Where a large payload is under way: room to read it into, without a detour. [`payload_filled`](Self::payload_filled)
    /// tells how much was.
    pub fn payload_room(&mut self) -> Option<&mut [u8]> {
        let frame = self.frame.as_ref()?;
        if frame.is_control() || self.message.compressed || frame.left() < ROOM_FROM {
            return None;
        }
        let message = &mut self.message;
        let step = frame.left().min(message.filled.max(ROOM_STEP) as u64) as usize;
        message.buffer.resize(message.filled + step, 0);
        Some(&mut message.buffer[message.filled..])
    }

    /// The first `n` bytes of [`payload_room`](Self::payload_room) were filled.
    ///
    /// # Errors
    /// As for [`feed`](Self::feed).
    pub fn payload_filled(&mut self, n: usize, sink: &mut impl Sink) -> Result<ControlFlow<()>, WsError> {
        let Some(mut frame) = self.frame else { return Ok(ControlFlow::Continue(())) };
        let start = self.message.filled;
        frame.take(&mut self.message.buffer[start..start + n]);
        self.message.filled += n;
        self.frame = Some(frame);
        self.check_text(false)?;
        if frame.left() > 0 {
            return Ok(ControlFlow::Continue(()));
        }
        self.frame = None;
        self.end_frame(frame, sink)
    }

    /// Reads a frame's header. Returns the bytes used; the frame is there once all of it came.
    fn read_head(&mut self, bytes: &[u8]) -> Result<usize, WsError> {
        if self.head_bytes == 0 {
            if let Some((frame, used)) = self.parse_head(bytes)? {
                self.begin(frame)?;
                return Ok(used);
            }
            self.head[..bytes.len()].copy_from_slice(bytes);
            self.head_bytes = bytes.len();
            return Ok(bytes.len());
        }
        let before = self.head_bytes;
        let taken = bytes.len().min(MAX_HEADER - before);
        self.head[before..before + taken].copy_from_slice(&bytes[..taken]);
        let head = self.head;
        match self.parse_head(&head[..before + taken])? {
            Some((frame, used)) => {
                self.head_bytes = 0;
                self.begin(frame)?;
                Ok(used - before)
            }
            None => {
                self.head_bytes = before + taken;
                Ok(taken)
            }
        }
    }

    /// Checks as much of a header as is there, in the order of `ws`.
    fn parse_head(&self, bytes: &[u8]) -> Result<Option<(Frame, usize)>, WsError> {
        use WsErrorKind as Kind;
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        if first & RSV23 != 0 {
            return Err(WsError::frame(Kind::UnexpectedRsv23, "RSV2 and RSV3 must be clear"));
        }
        let rsv1 = first & RSV1 != 0;
        let rsv1_error = || Err(WsError::frame(Kind::UnexpectedRsv1, "RSV1 must be clear"));
        if rsv1 && self.inflater.is_none() {
            return rsv1_error();
        }
        let (code, fin) = (first & 0x0f, first & FIN != 0);
        let short = u64::from(second & !MASKED);
        let opcode_error = || Err(WsError::frame(Kind::InvalidOpcode, format_args!("invalid opcode {code}")));
        match code {
            opcode::CONTINUATION if rsv1 => return rsv1_error(),
            opcode::CONTINUATION if self.message.opcode == 0 => return opcode_error(),
            opcode::TEXT | opcode::BINARY if self.message.opcode != 0 => return opcode_error(),
            opcode::CONTINUATION | opcode::TEXT | opcode::BINARY => {}
            opcode::CLOSE..=opcode::PONG => {
                if !fin {
                    return Err(WsError::frame(Kind::ExpectedFin, "FIN must be set"));
                }
                if rsv1 {
                    return rsv1_error();
                }
                if short > MAX_CONTROL as u64 || (code == opcode::CLOSE && short == 1) {
                    let what = format_args!("invalid payload length {short}");
                    return Err(WsError::frame(Kind::InvalidControlPayloadLength, what));
                }
            }
            _ => return opcode_error(),
        }
        let masked = second & MASKED != 0;
        match self.options.role {
            Role::Server if !masked => return Err(WsError::frame(Kind::ExpectedMask, "MASK must be set")),
            Role::Client if masked => return Err(WsError::frame(Kind::UnexpectedMask, "MASK must be clear")),
            _ => {}
        }
        let (length, rest) = match short {
            126 => match rest {
                &[a, b, ref rest @ ..] => (u64::from(u16::from_be_bytes([a, b])), rest),
                _ => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            short => (short, rest),
        };
        if length > MAX_SAFE {
            let message = "Unsupported WebSocket frame: payload length > 2^53 - 1";
            return Err(WsError::new(Kind::UnsupportedDataPayloadLength, message));
        }
        let max = self.options.max_payload;
        if code < opcode::CLOSE
            && max > 0
            && self.message.announced.saturating_add(length) > max
            && length > 0
        {
            return Err(WsError::too_large());
        }
        let (mask, rest) = if masked {
            match rest.split_first_chunk::<4>() {
                Some((mask, rest)) => (Some(*mask), rest),
                None => return Ok(None),
            }
        } else {
            (None, rest)
        };
        Ok(Some((Frame { opcode: code, fin, rsv1, mask, length, got: 0 }, bytes.len() - rest.len())))
    }

    /// A frame begins, and with it perhaps a message.
    fn begin(&mut self, frame: Frame) -> Result<(), WsError> {
        self.frame = Some(frame);
        if frame.is_control() {
            return Ok(());
        }
        let message = &mut self.message;
        if message.opcode == 0 {
            message.opcode = frame.opcode;
            message.compressed = frame.rsv1;
        }
        message.announced += frame.length;
        message.frames = message.frames.saturating_add(1);
        if self.options.max_fragments > 0 && message.frames > self.options.max_fragments {
            return Err(WsError::new(WsErrorKind::TooManyBufferedParts, "Too many message fragments"));
        }
        Ok(())
    }

    /// Unmasked bytes of a data frame.
    fn take_data(
        &mut self,
        frame: Frame,
        piece: &[u8],
        sink: &mut impl Sink,
    ) -> Result<ControlFlow<()>, WsError> {
        let alone = frame.fin && self.message.frames == 1 && frame.length == piece.len() as u64;
        if alone && !self.message.compressed {
            // All of it is here: nothing is gathered.
            self.frame = None;
            let kind = self.message.kind();
            self.message.clear();
            if kind == MessageKind::Text && !self.options.skip_utf8_validation {
                simdutf8::basic::from_utf8(piece).map_err(|_| invalid_utf8())?;
            }
            let ends = if piece.is_empty() { &[][..] } else { &[piece.len()][..] };
            return Ok(sink.message(kind, Payload::Borrowed(piece), ends));
        }
        let most = self.most();
        let message = &mut self.message;
        message.buffer.truncate(message.filled);
        let outcome = match &mut self.inflater {
            Some(inflater) if message.compressed => inflater.inflate(piece, &mut message.buffer, most),
            _ => {
                message.buffer.extend_from_slice(piece);
                Ok(())
            }
        };
        message.filled = message.buffer.len();
        // What lies before a breach is judged first, so that the verdict does not depend on how the bytes were cut.
        self.check_text(false)?;
        outcome?;
        if frame.left() > 0 {
            return Ok(ControlFlow::Continue(()));
        }
        self.frame = None;
        self.end_frame(frame, sink)
    }

    /// All of a data frame came.
    fn end_frame(&mut self, frame: Frame, sink: &mut impl Sink) -> Result<ControlFlow<()>, WsError> {
        let most = self.most();
        let message = &mut self.message;
        message.buffer.truncate(message.filled);
        if message.compressed
            && let Some(inflater) = &mut self.inflater
        {
            let outcome = inflater.end_frame(frame.fin, &mut message.buffer, most);
            message.filled = message.buffer.len();
            self.check_text(false)?;
            outcome?;
        }
        let message = &mut self.message;
        if message.filled > message.ends.last().copied().unwrap_or(0) {
            message.ends.push(message.filled);
        }
        self.check_text(frame.fin)?;
        if !frame.fin {
            return Ok(ControlFlow::Continue(()));
        }
        let message = &mut self.message;
        let kind = message.kind();
        let mut buffer = std::mem::take(&mut message.buffer);
        let ends = std::mem::take(&mut message.ends);
        message.clear();
        if buffer.len() >= OWNED_FROM {
            return Ok(sink.message(kind, Payload::Owned(buffer), &ends));
        }
        let flow = sink.message(kind, Payload::Borrowed(&buffer), &ends);
        if buffer.capacity() <= KEPT_BYTES {
            buffer.clear();
            self.message.buffer = buffer;
        }
        Ok(flow)
    }

    /// All of a control frame came.
    fn end_control(&mut self, frame: Frame, sink: &mut impl Sink) -> Result<ControlFlow<()>, WsError> {
        let payload = match &self.control {
            Some(control) => &control[..frame.length as usize],
            None => &[],
        };
        match (frame.opcode, payload) {
            (opcode::PING, payload) => Ok(sink.ping(payload)),
            (opcode::PONG, payload) => Ok(sink.pong(payload)),
            (_, &[high, low, ref reason @ ..]) => {
                let code = u16::from_be_bytes([high, low]);
                if !is_valid_close_code(code) {
                    let what = format_args!("invalid status code {code}");
                    return Err(WsError::frame(WsErrorKind::InvalidCloseCode, what));
                }
                if !self.options.skip_utf8_validation && std::str::from_utf8(reason).is_err() {
                    return Err(invalid_utf8());
                }
                self.closed = true;
                sink.close(code, reason);
                Ok(ControlFlow::Continue(()))
            }
            _ => {
                self.closed = true;
                sink.close(NO_STATUS, &[]);
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    /// Most bytes of a message.
    fn most(&self) -> usize {
        match self.options.max_payload {
            0 => usize::MAX,
            max => usize::try_from(max).unwrap_or(usize::MAX),
        }
    }

    /// Checks what came of a text. Wrong bytes fail at once; a character of which not all came only where the text ends.
    fn check_text(&mut self, ends: bool) -> Result<(), WsError> {
        let message = &mut self.message;
        if message.opcode != opcode::TEXT || self.options.skip_utf8_validation {
            return Ok(());
        }
        match simdutf8::compat::from_utf8(&message.buffer[message.valid..message.filled]) {
            Ok(_) => message.valid = message.filled,
            Err(error) if error.error_len().is_none() && !ends => message.valid += error.valid_up_to(),
            Err(_) => return Err(invalid_utf8()),
        }
        Ok(())
    }
}

fn invalid_utf8() -> WsError {
    WsError::frame(WsErrorKind::InvalidUtf8, "invalid UTF-8 sequence")
}
