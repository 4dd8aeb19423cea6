//! WebSockets that follow topics of a hub without JavaScript.

use super::event_loop::EventLoop;
use super::hub::{Hub, HubSubscribed, boxed, cursor, describe, now_ms, parse};
use super::websocket::WebSocketEngine;
use crate::net::hub::Fanout;
use crate::net::ws;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::rc::Rc;

/// The WebSockets of a thread that follow topics of a hub. Connections go by the numbers of their engine.
#[napi]
pub struct WebSocketTopics {
    engine: Rc<ws::Engine>,
    fanout: Rc<Fanout>,
}

#[napi]
impl WebSocketTopics {
    /// Nobody follows anything yet. `mailboxBytes` of events may wait while the thread is busy.
    ///
    /// @throws where no descriptors are left
    #[napi(constructor, catch_unwind)]
    pub fn new(
        hub: &Hub,
        engine: &WebSocketEngine,
        event_loop: &EventLoop,
        mailbox_bytes: f64,
    ) -> Result<Self> {
        let engine = engine.inner();
        let fanout = engine.fanout(hub.inner(), &event_loop.state().reactor(), mailbox_bytes as usize)?;
        Ok(Self { engine, fanout })
    }

    /// Connection `id` follows `patterns`. What it missed since the event `since` is queued; flush the engine.
    #[napi(catch_unwind)]
    pub fn follow(
        &self,
        id: u32,
        patterns: Vec<String>,
        since: Option<String>,
        scopes: Option<Vec<String>>,
    ) -> Result<Option<HubSubscribed>> {
        let since = since.map(cursor);
        let patterns = parse(&patterns)?;
        let joined = self.engine.follow(&self.fanout, id, &patterns, since, boxed(scopes), now_ms());
        Ok(joined.map(describe))
    }

    /// Connection `id` follows these no more; without `patterns`, nothing.
    #[napi(catch_unwind)]
    pub fn unfollow(&self, id: u32, patterns: Option<Vec<String>>) -> Result<()> {
        let patterns = patterns.as_deref().map(parse).transpose()?;
        self.fanout.leave(id, patterns.as_deref());
        Ok(())
    }

    /// Patterns that connection `id` follows.
    #[napi(catch_unwind)]
    pub fn followed(&self, id: u32) -> Vec<String> {
        self.fanout.followed(id)
    }

    /// The number by which [`Hub::publish`] knows whose connection an event comes from.
    #[napi(getter, catch_unwind)]
    pub fn fanout(&self) -> f64 {
        self.fanout.id() as f64
    }
}
