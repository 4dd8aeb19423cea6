//! gRPC calls on HTTP/2 connections, packed for JavaScript.
//!
//! An [`Engine`] belongs to one reactor, and so to one thread. What a turn brings of all calls is packed into one
//! [`Batch`]; what handlers answer comes back as a list of [`Command`]s, and each connection's frames of a list leave in
//! one system call. There is no task for a stream: a connection is polled when its socket has something or JavaScript
//! asked something of it.
//!
//! The same engine makes calls: [`Engine::dial`] connects to a server, and [`Command::Start`] begins a call there, whose
//! messages go the same ways. An engine is one or the other, for the numbers of calls are chosen here by a server, and by
//! JavaScript by a client.
//!
//! # Bounds
//! | queue | bound | at the bound |
//! | --- | --- | --- |
//! | a message that is not complete | `max_receive_bytes` | the call fails with `RESOURCE_EXHAUSTED` |
//! | messages of a call that JavaScript has not taken | `high_water_bytes`, and one message | the body stays in its HTTP/2 window |
//! | messages of a call for the peer | `high_water_bytes`, and one message; JavaScript counts them | `drain` waits |
//! | answers that are being compressed on the pool | within those of their call | as above |
//! | frames for a connection | the frame layer's output, 256 KiB | no frames are made, the socket is not read |
//! | the answer to an exchange, not taken by its HTTP server | as messages of a call for the peer | `drain` waits |
//! | calls of a connection | `h2.concurrent_streams` | refused by the frame layer |
//! | calls of a client that the server has no room for | JavaScript's, with one batch of messages each | they wait, in their order |
//! | a decompressed message | `max_receive_bytes` | the call fails with `RESOURCE_EXHAUSTED` |

mod answer;
mod answers;
mod batch;
mod call;
mod command;
mod config;
mod connection;
mod dial;
mod engine;
mod exchange;
mod head;
mod outgoing;
mod packing;
#[cfg(test)]
mod tests;

pub use batch::{Batch, EXCHANGE, INVALID_TIMEOUT, NO_STATUS, NO_TIMEOUT, Record};
pub use command::{Command, Words};
pub use config::Config;
pub use dial::{Dial, DialError};
pub use engine::Engine;
