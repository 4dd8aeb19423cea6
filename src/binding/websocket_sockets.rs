//! The sockets that WebSocket connections own: what `net.Socket` asks of its handle.

use super::listen::describe;
use super::websocket::WebSocketEngine;
use napi_derive::napi;
use rustix::net::sockopt;
use std::os::fd::IntoRawFd;
use std::time::Duration;

#[napi]
impl WebSocketEngine {
    /// Takes the connection's descriptor away, for the caller to close; -1 where it has none.
    #[napi(catch_unwind)]
    pub fn release(&self, id: u32) -> i32 {
        let transport = self.inner().release(id);
        transport.map_or(-1, |transport| transport.into_parts().0.into_raw_fd())
    }

    /// Addresses of the connection's own socket as JSON: `[ours, peer]`, or nothing where it is gone.
    #[napi(catch_unwind)]
    pub fn addresses(&self, id: u32) -> Option<String> {
        let (ours, peer) = self.inner().addresses(id)?;
        Some(serde_json::json!([describe(&ours), describe(&peer)]).to_string())
    }

    /// Sets `TCP_NODELAY`.
    #[napi(catch_unwind)]
    pub fn set_no_delay(&self, id: u32, on: bool) {
        // Not a TCP socket: there is no delay. The same goes for the others.
        let _ = self.inner().with_socket(id, |socket| sockopt::set_tcp_nodelay(socket, on));
    }

    /// Sets `SO_KEEPALIVE`, and the seconds until its first probe, where they are not 0.
    #[napi(catch_unwind)]
    pub fn set_keep_alive(&self, id: u32, on: bool, delay: u32) {
        let _ = self.inner().with_socket(id, |socket| {
            sockopt::set_socket_keepalive(socket, on)?;
            if on && delay > 0 {
                sockopt::set_tcp_keepidle(socket, Duration::from_secs(delay.into()))?;
            }
            rustix::io::Result::Ok(())
        });
    }

    /// Closing the connection's own socket will reset it, and drop what is not sent.
    #[napi(catch_unwind)]
    pub fn set_resets(&self, id: u32) {
        let at_once = Some(Duration::ZERO);
        let _ = self.inner().with_socket(id, |socket| sockopt::set_socket_linger(socket, at_once));
    }
}
