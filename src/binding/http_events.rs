//! Event streams that follow topics of a hub without JavaScript.

use super::http::HttpServer;
use super::hub::{Hub, HubSubscribed, boxed, describe, now_ms, parse};
use crate::net::http::{EventRoute, StreamOptions, StreamRequest};
use crate::net::hub::SlowPolicy;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::rc::Rc;
use std::time::Duration;

/// A path of a server that serves topics of a hub as event streams. Connections go by the numbers of the server.
#[napi]
pub struct HttpEventRoute {
    route: Rc<EventRoute>,
}

#[napi]
impl HttpEventRoute {
    /// A route without clients. `bufferedBytes` may wait for a client, whatever `onSlow` says happens beyond; a comment is
    /// sent every `keepAlive` milliseconds, where that is not 0. `mailboxBytes` of events may wait while the thread is busy.
    ///
    /// @throws where no descriptors are left
    #[napi(constructor, catch_unwind)]
    pub fn new(
        hub: &Hub,
        server: &HttpServer,
        buffered_bytes: f64,
        on_slow: String,
        keep_alive: f64,
        mailbox_bytes: f64,
    ) -> Result<Self> {
        let options = StreamOptions {
            buffered_bytes: buffered_bytes as usize,
            policy: match &*on_slow {
                "drop-oldest" => SlowPolicy::DropOldest,
                "drop-newest" => SlowPolicy::DropNewest,
                "keep-latest" => SlowPolicy::KeepLatest,
                _ => SlowPolicy::Close,
            },
            keep_alive: (keep_alive > 0.0).then(|| Duration::from_millis(keep_alive as u64)),
        };
        let route = EventRoute::new(server.engine(), hub.inner(), options, mailbox_bytes as usize)?;
        Ok(Self { route })
    }

    /// The response of connection `id`, whose head was sent, follows `patterns` from here on. What it missed since the event
    /// `since` comes first. Nothing where the connection is gone.
    #[napi(catch_unwind)]
    pub fn open(
        &self,
        id: u32,
        chunked: bool,
        patterns: Vec<String>,
        since: Option<String>,
        scopes: Option<Vec<String>>,
    ) -> Result<Option<HubSubscribed>> {
        let patterns = parse(&patterns)?;
        let request = StreamRequest {
            connection: id,
            chunked,
            patterns: &patterns,
            since: since.as_deref(),
            scopes: boxed(scopes),
        };
        Ok(self.route.open(request, now_ms()).map(describe))
    }

    /// The response of connection `id` is written from here again.
    #[napi(catch_unwind)]
    pub fn close(&self, id: u32) {
        self.route.close(id);
    }

    /// Streams that are open, events that slow clients did not get, and clients that were disconnected for being slow.
    #[napi(catch_unwind)]
    pub fn counts(&self) -> Vec<f64> {
        let counts = self.route.counts();
        vec![counts.open as f64, counts.dropped as f64, counts.slow as f64]
    }
}
