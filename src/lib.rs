//! millrace: Node.js streams and codecs in Rust.
//!
//! Layers go one way: `codec` (pure) ← `flow` (threads, files, chains), `net` (sockets) ← `binding` (Node-API).
//! `system` (the machine's meters) stands beside them.
//! Without the `addon` feature the lower three compile and test with plain `cargo test`.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod codec;
pub mod flow;
pub mod net;
pub mod system;

#[cfg(feature = "addon")]
mod binding;
