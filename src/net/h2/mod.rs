//! HTTP/2 connections of either side, as bytes in and bytes out (RFC 9113).
//!
//! A [`Connection`] has no socket, no clock and no thread: its owner feeds it what came, polls it, acts on the
//! [`Event`]s, and sends what it gives. Frames, HPACK and flow control are those of the `h2` crate, which is driven here by
//! polling alone, without a runtime.
//!
//! ```
//! use millrace::net::h2::{Config, Connection, Event};
//! use std::time::Instant;
//!
//! let mut client = Connection::client(&Config::default());
//! let mut server = Connection::server(&Config::default());
//! let request = http::Request::get("http://millrace.test/").body(()).unwrap();
//! client.poll();
//! let stream = client.open(request, true).unwrap();
//! let mut status = None;
//! while status.is_none() {
//!     client.poll();
//!     server.feed(&client.take_output(), Instant::now());
//!     server.poll();
//!     while let Some(event) = server.next_event() {
//!         if let Event::Request { stream, .. } = event {
//!             server.respond(stream, http::Response::builder().status(204).body(()).unwrap(), true);
//!         }
//!     }
//!     server.poll();
//!     client.feed(&server.take_output(), Instant::now());
//!     client.poll();
//!     while let Some(event) = client.next_event() {
//!         if let Event::Response { stream: of, head, end: true } = event {
//!             assert_eq!(of, stream);
//!             status = Some(head.status);
//!         }
//!     }
//! }
//! assert_eq!(status, Some(http::StatusCode::NO_CONTENT));
//! ```
//!
//! # The owner's turn
//! 1. While [`Connection::wants_input`], read the socket and [`feed`](Connection::feed) what came.
//! 2. [`poll`](Connection::poll), then take all [`events`](Connection::next_event). What is asked of the connection
//!    meanwhile (`respond`, `send`, `allow` …) is done by the next `poll`, so that many small things leave together: poll
//!    once more behind them.
//! 3. While [`Connection::has_output`] and the socket takes bytes, send [`take_output`](Connection::take_output) and poll
//!    again.
//! 4. After [`Event::Closed`], send what output there is, and close.
//!
//! # Bounds
//! | queue | bound | at the bound |
//! | --- | --- | --- |
//! | bytes fed and not worked off | what the owner fed at once | `wants_input` is false: the socket is not read |
//! | output | [`Config::output_bytes`] and one frame | no further frame is made; the peer's frames are not worked off |
//! | body of a stream, not handed over | its window, [`Config::stream_window`]; all of them [`Config::connection_window`] | the peer waits for the window |
//! | body handed over | the stream's credit ([`Connection::allow`]), and one frame | it stays in the window |
//! | body to be sent | what the owner sends before [`Event::Sent`] says that there is room | the owner waits |
//! | streams | [`Config::concurrent_streams`] | refused with `REFUSED_STREAM` |
//! | events | what one feed made | |

mod config;
mod connection;
mod event;
mod flood;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod handover;
mod pipe;
mod ready;
mod stream;
mod window;

pub use ::h2::Reason;
pub use config::Config;
pub use connection::Connection;
pub use event::{Closed, Event, OpenError, StreamId};
pub use flood::FloodLimits;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use handover::{Adopts, Handover};

/// What a client that knows that the server speaks HTTP/2 sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[cfg(test)]
mod tests;
