//! Pure transforms: no I/O, no clock, no threads, no Node-API.
//!
//! Three kinds of stage, from the freest to the most bound:
//!
//! * a [`BlockStage`] maps blocks independently, so that one stream may use all cores; a [`Joiner`] puts
//!   the results in order again and adds what needs the order (line numbers, checksums, headers);
//! * a [`SerialStage`] is a resumable state machine over partial buffers;
//! * a [`Tap`] only looks at what flows by.
//!
//! The output of each depends on its input bytes alone, never on how they were cut.

pub mod cut;
pub mod deflate;
pub mod digest;
mod error;
pub mod grpc;
pub mod http1;
pub mod http_files;
pub mod json;
mod stage;
pub mod text;
pub mod ws;

pub use error::{CodecError, ErrorKind};
pub use stage::{
    BlockJob, BlockStage, Cut, Directive, FlushKind, Joiner, LongPart, LongRow, Progress, Reject, Report,
    SerialStage, Status, Tap,
};
