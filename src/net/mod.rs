//! Sockets: the reactor that drives them from a JavaScript thread's own loop, and the protocol engines on it.
//!
//! Nothing here knows Node-API. A reactor and its sources belong to one thread.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod grpc;
pub mod h2;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod http;
pub mod hub;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod listener;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod packed;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod reactor;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod transport;
pub mod ws;
