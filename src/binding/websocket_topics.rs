//! WebSockets that follow topics of a hub without JavaScript.

use super::event_loop::EventLoop;
use super::hub::{Hub, HubSubscribed, boxed, cursor, describe, now_ms, parse, publish};
use super::websocket::WebSocketEngine;
use crate::net::hub::{Fanout, Origin};
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

    /// Publishes to all but connection `id`; returns the event's offset.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)] // as JavaScript has them: an object would cost more than the call
    pub fn publish(
        &self,
        id: u32,
        topic: String,
        data: &[u8],
        text: bool,
        name: Option<String>,
        key: Option<String>,
        scope: Option<String>,
    ) -> Result<f64> {
        let origin = Some(Origin { fanout: self.fanout.id(), member: id });
        publish(self.fanout.hub(), topic, data, text, [name, key, scope], origin)
    }
}
