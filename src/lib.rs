//! millrace: Node.js streams and codecs in Rust.
//!
//! Layers go one way: `codec` (pure) ← `flow` (threads, files, chains) ← `binding` (Node-API).
//! Without the `addon` feature the lower two compile and test with plain `cargo test`.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod codec;
pub mod flow;

#[cfg(feature = "addon")]
mod binding;
