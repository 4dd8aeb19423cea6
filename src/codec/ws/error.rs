//! What a peer can do wrong, in the words and codes of `ws`.

use std::borrow::Cow;

/// The errors of `ws` (its `doc/ws.md`, "WS Error Codes"), and what deflate itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WsErrorKind {
    /// `WS_ERR_EXPECTED_FIN`
    ExpectedFin,
    /// `WS_ERR_EXPECTED_MASK`
    ExpectedMask,
    /// `WS_ERR_INVALID_CLOSE_CODE`
    InvalidCloseCode,
    /// `WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH`
    InvalidControlPayloadLength,
    /// `WS_ERR_INVALID_OPCODE`
    InvalidOpcode,
    /// `WS_ERR_INVALID_UTF8`
    InvalidUtf8,
    /// `WS_ERR_UNEXPECTED_MASK`
    UnexpectedMask,
    /// `WS_ERR_UNEXPECTED_RSV_1`
    UnexpectedRsv1,
    /// `WS_ERR_UNEXPECTED_RSV_2_3`
    UnexpectedRsv23,
    /// `WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH`
    UnsupportedDataPayloadLength,
    /// `WS_ERR_UNSUPPORTED_MESSAGE_LENGTH`
    UnsupportedMessageLength,
    /// `WS_ERR_TOO_MANY_BUFFERED_PARTS`
    TooManyBufferedParts,
    /// `Z_DATA_ERROR`: a compressed message is corrupt.
    Deflate,
}

impl WsErrorKind {
    /// The error's `code` in JavaScript.
    pub fn code(self) -> &'static str {
        match self {
            Self::ExpectedFin => "WS_ERR_EXPECTED_FIN",
            Self::ExpectedMask => "WS_ERR_EXPECTED_MASK",
            Self::InvalidCloseCode => "WS_ERR_INVALID_CLOSE_CODE",
            Self::InvalidControlPayloadLength => "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
            Self::InvalidOpcode => "WS_ERR_INVALID_OPCODE",
            Self::InvalidUtf8 => "WS_ERR_INVALID_UTF8",
            Self::UnexpectedMask => "WS_ERR_UNEXPECTED_MASK",
            Self::UnexpectedRsv1 => "WS_ERR_UNEXPECTED_RSV_1",
            Self::UnexpectedRsv23 => "WS_ERR_UNEXPECTED_RSV_2_3",
            Self::UnsupportedDataPayloadLength => "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
            Self::UnsupportedMessageLength => "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
            Self::TooManyBufferedParts => "WS_ERR_TOO_MANY_BUFFERED_PARTS",
            Self::Deflate => "Z_DATA_ERROR",
        }
    }

    /// The close code to answer with (RFC 6455 section 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::InvalidUtf8 | Self::Deflate => 1007,
            Self::TooManyBufferedParts => 1008,
            Self::UnsupportedDataPayloadLength | Self::UnsupportedMessageLength => 1009,
            _ => 1002,
        }
    }

    /// Whether JavaScript's error is a `RangeError`, as in `ws`; else it is an `Error`.
    pub fn is_range_error(self) -> bool {
        !matches!(self, Self::InvalidUtf8 | Self::Deflate)
    }
}

/// A breach of the protocol or of a limit. Nothing further is read from the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WsError {
    /// What it is.
    pub kind: WsErrorKind,
    /// The message of `ws` for it.
    pub message: Cow<'static, str>,
}

impl WsError {
    pub(super) fn new(kind: WsErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A frame that the protocol does not allow.
    pub(super) fn frame(kind: WsErrorKind, what: impl std::fmt::Display) -> Self {
        Self::new(kind, format!("Invalid WebSocket frame: {what}"))
    }

    pub(super) fn too_large() -> Self {
        Self::new(WsErrorKind::UnsupportedMessageLength, "Max payload size exceeded")
    }
}

impl std::fmt::Display for WsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WsError {}
