//! The only Rust that knows Node-API: one exported class a file, no algorithm.
//!
//! Every exported function catches panics (`catch_unwind`): a defect becomes a JavaScript error, never an abort.

mod bell;
mod checksum;
mod codec;
mod descriptor;
mod doorbell;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod event_loop;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod grpc;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod http;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod http_events;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod http_settings;
mod hub;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod json;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod listen;
mod operator;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod packed;
mod spec;
mod system;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tls;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod uv;
mod websocket;
mod websocket_options;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod websocket_sockets;
mod websocket_store;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod websocket_topics;
