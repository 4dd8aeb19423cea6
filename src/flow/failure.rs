//! Why an operator failed, in the form in which it goes to JavaScript.

use crate::codec::{CodecError, ErrorKind};

/// Where the failure came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// A stage refused its input.
    Codec(ErrorKind),
    /// A system call failed.
    Io(Box<IoFailure>),
}

/// A failed system call, in Node's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IoFailure {
    /// The system's error number, positive.
    pub errno: i32,
    /// `open`, `read`, `write`, `fsync`, `rename`, `close`, as Node names them.
    pub syscall: &'static str,
    /// The path that was tried.
    pub path: String,
    /// The second path, for `rename`.
    pub dest: Option<String>,
}

/// The first error of an operator; later ones are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where it came from.
    pub kind: FailureKind,
    /// For people.
    pub message: String,
    /// Byte offset in the operator's input.
    pub offset: Option<u64>,
    /// Line number, from 1.
    pub line: Option<u64>,
}

impl Failure {
    /// A defect of ours: a caught panic, a broken invariant.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Codec(ErrorKind::Internal),
            message: message.into(),
            offset: None,
            line: None,
        }
    }

    /// A failed system call.
    pub fn io(error: &std::io::Error, syscall: &'static str, path: &std::path::Path) -> Self {
        Self {
            kind: FailureKind::Io(Box::new(IoFailure {
                // Errors of std's own (a write of nothing) have no number: EIO.
                errno: error.raw_os_error().unwrap_or(5),
                syscall,
                path: path.to_string_lossy().into_owned(),
                dest: None,
            })),
            message: error.to_string(),
            offset: None,
            line: None,
        }
    }
}

impl From<CodecError> for Failure {
    fn from(error: CodecError) -> Self {
        Self {
            kind: FailureKind::Codec(error.kind),
            message: error.message.into_owned(),
            offset: error.offset,
            line: error.line,
        }
    }
}
