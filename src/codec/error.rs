//! The one error type of the codec layer.

use std::borrow::Cow;

/// What went wrong. Each kind is one code in JavaScript: see `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// zlib's `Z_DATA_ERROR` (-3): the compressed data is corrupt.
    ZData,
    /// zlib's `Z_BUF_ERROR` (-5): the compressed data ends too early.
    ZBuf,
    /// zlib's `Z_NEED_DICT` (2): the data needs a dictionary that was not given.
    ZNeedDict,
    /// zlib's `Z_STREAM_ERROR` (-2): invalid parameters or state.
    ZStream,
    /// zlib's `Z_MEM_ERROR` (-4): out of memory.
    ZMem,
    /// Node's `ERR_TRAILING_JUNK_AFTER_STREAM_END`: bytes follow the end of the compressed data.
    ZTrailing,
    /// `ERR_BUFFER_TOO_LARGE`: more output than `maxOutputLength` bytes.
    OutputTooLarge,
    /// `ERR_MILLRACE_ZLIB_RATIO`: output is more than `maxRatio` times the input.
    RatioTooLarge,
    /// `ERR_MILLRACE_JSONL_INVALID`: a row is not valid JSON.
    RowInvalid,
    /// `ERR_MILLRACE_JSONL_NOT_OBJECT`: a row that is to be edited is no object.
    RowNotObject,
    /// `ERR_MILLRACE_JSONL_NULL`: a row that is to be a value of an object stream is `null`.
    RowNull,
    /// `ERR_MILLRACE_TEXT_LINE_TOO_LONG`: a line is longer than the limit in bytes.
    LineTooLong,
    /// `ERR_MILLRACE_TEXT_ENCODING`: bytes are not valid UTF-8, and the stage is to insist on it.
    Utf8,
    /// `ERR_MILLRACE_INTERNAL`: a defect in millrace (a caught panic, a broken invariant).
    Internal,
}

/// An error of a stage, with the place in its *input* where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// For people; zlib's own text where the kind is zlib's.
    pub message: Cow<'static, str>,
    /// Byte offset in the stage's input, counted from the start of the stream.
    pub offset: Option<u64>,
    /// Line number, 1 for the first, for row stages.
    pub line: Option<u64>,
}

impl CodecError {
    /// An error without a place.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), offset: None, line: None }
    }

    /// Output beyond `limit` bytes, in Node's words.
    pub fn output_too_large(limit: u64) -> Self {
        Self::new(ErrorKind::OutputTooLarge, format!("Cannot create a Buffer larger than {limit} bytes"))
    }

    /// The same error at byte `offset` of the stage's input.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The same error in line `line`, 1 for the first.
    #[must_use]
    pub fn in_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }
}

impl std::fmt::Display for CodecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CodecError {}
