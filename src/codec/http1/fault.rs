//! Why bytes are not HTTP/1.1, in the words of `node:http`.

/// The codes that `clientError` gets, as llhttp has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultCode {
    /// `HPE_INVALID_METHOD`: not a method that Node knows.
    InvalidMethod,
    /// `HPE_INVALID_URL`: a byte that no request target has.
    InvalidUrl,
    /// `HPE_INVALID_CONSTANT`: something else where `HTTP/` stands.
    InvalidConstant,
    /// `HPE_INVALID_VERSION`: not HTTP/1.0 or HTTP/1.1.
    InvalidVersion,
    /// `HPE_INVALID_HEADER_TOKEN`: a field name or value with a byte that it must not have; a folded line.
    InvalidHeaderToken,
    /// `HPE_CR_EXPECTED`: a line that ends with a bare LF.
    CrExpected,
    /// `HPE_LF_EXPECTED`: a CR without its LF.
    LfExpected,
    /// `HPE_INVALID_CONTENT_LENGTH`: not a number, too large, or beside chunks.
    InvalidContentLength,
    /// `HPE_UNEXPECTED_CONTENT_LENGTH`: a second one.
    UnexpectedContentLength,
    /// `HPE_INVALID_TRANSFER_ENCODING`: one that does not end in one `chunked`.
    InvalidTransferEncoding,
    /// `HPE_INVALID_CHUNK_SIZE`: no hexadecimal number, or too large a one.
    InvalidChunkSize,
    /// `HPE_STRICT`: a byte that a chunk's frame must not have.
    Strict,
    /// `HPE_HEADER_OVERFLOW`: more bytes of head, or more fields, than the limit.
    HeaderOverflow,
    /// `HPE_CHUNK_EXTENSIONS_OVERFLOW`: more bytes of chunk extensions than the limit.
    ChunkExtensionsOverflow,
    /// `HPE_CLOSED_CONNECTION`: bytes behind a request that closes the connection.
    ClosedConnection,
    /// `HPE_PAUSED_H2_UPGRADE`: the preface of HTTP/2.
    PausedH2Upgrade,
    /// `HPE_INVALID_EOF_STATE`: the peer ended amid a request.
    InvalidEofState,
}

impl FaultCode {
    /// The code as JavaScript sees it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidMethod => "HPE_INVALID_METHOD",
            Self::InvalidUrl => "HPE_INVALID_URL",
            Self::InvalidConstant => "HPE_INVALID_CONSTANT",
            Self::InvalidVersion => "HPE_INVALID_VERSION",
            Self::InvalidHeaderToken => "HPE_INVALID_HEADER_TOKEN",
            Self::CrExpected => "HPE_CR_EXPECTED",
            Self::LfExpected => "HPE_LF_EXPECTED",
            Self::InvalidContentLength => "HPE_INVALID_CONTENT_LENGTH",
            Self::UnexpectedContentLength => "HPE_UNEXPECTED_CONTENT_LENGTH",
            Self::InvalidTransferEncoding => "HPE_INVALID_TRANSFER_ENCODING",
            Self::InvalidChunkSize => "HPE_INVALID_CHUNK_SIZE",
            Self::Strict => "HPE_STRICT",
            Self::HeaderOverflow => "HPE_HEADER_OVERFLOW",
            Self::ChunkExtensionsOverflow => "HPE_CHUNK_EXTENSIONS_OVERFLOW",
            Self::ClosedConnection => "HPE_CLOSED_CONNECTION",
            Self::PausedH2Upgrade => "HPE_PAUSED_H2_UPGRADE",
            Self::InvalidEofState => "HPE_INVALID_EOF_STATE",
        }
    }
}

/// A failure and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong.
    pub code: FaultCode,
    /// For people; behind `Parse Error: ` in JavaScript.
    pub reason: &'static str,
}

impl Fault {
    /// A failure.
    pub(super) fn new(code: FaultCode, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.reason, self.code.name())
    }
}

impl std::error::Error for Fault {}
