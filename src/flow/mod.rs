//! Operators, the threads that run them, and the file ends.
//!
//! An [`Operator`] is one stage at work: a bounded inbox, a driver, a bounded outbox. JavaScript writes into the
//! inbox and reads from the outbox; where two operators are linked, the first one's output goes straight into the
//! second one's inbox and JavaScript sees none of it. Linking and unlinking may happen at any time, so that fusion is
//! a property of the wire and not of the stage.

mod block;
mod driver;
mod failure;
mod meter;
mod operator;
mod pool;
mod post;

pub use driver::blocks::BlockDriver;
pub use driver::file_sink::{FileSink, SinkOptions};
pub use driver::file_source::{FileSource, SourceOptions};
pub use driver::pass::PassDriver;
pub use driver::serial::SerialDriver;
pub use driver::tap::TapDriver;
pub use driver::{Driver, Lane, Next};
pub use failure::{Failure, FailureKind, IoFailure};
pub use meter::{Meter, MeterReading};
pub use operator::{Bounds, Control, Input, OnRoom, Operator, ReadOutcome, event};
pub use pool::{Pool, on_compute_thread, on_io_thread, pool_threads};
pub use post::{Post, Ring};

#[cfg(test)]
mod tests;
