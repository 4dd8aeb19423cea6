//! What a session does when time passes.

use super::super::engine::Engine;
use super::session::Session;
use crate::net::h2::{Reason, StreamId};
use std::time::{Duration, Instant};

/// Times are looked at so often at least, and so often at most.
const RARELY: Duration = Duration::from_secs(5);
const OFTEN: Duration = Duration::from_millis(50);

impl Session {
    /// When times are to be looked at next.
    pub fn look_again(&self, engine: &Engine, now: Instant) -> Option<Instant> {
        if let Some(pinged) = self.pinged.filter(|_| self.is_idle()) {
            return Some(pinged + self.config.ping_timeout);
        }
        if self.is_idle() {
            return self.config.idle.map(|idle| self.used + idle);
        }
        // A quarter of the shortest limit: what is late is late by that much.
        let limits = [self.config.stall, self.config.ping, engine.timeouts().request];
        let shortest = limits.into_iter().flatten().min()?.min(self.config.ping_timeout);
        Some(now + (shortest / 4).clamp(OFTEN, RARELY))
    }

    /// Ends what has taken too long. The owner has it work after this.
    pub fn look(&mut self, engine: &Engine, now: Instant) {
        if self.is_idle() {
            if self.config.idle.is_some_and(|idle| now >= self.used + idle) {
                self.h2.shutdown();
                // What does not even answer the ping of an orderly end is ended without one.
                self.config.idle = None;
                self.pinged.get_or_insert(now);
            }
        } else if self.pinged.is_none()
            && self.config.ping.is_some_and(|ping| now >= self.heard + ping)
            && self.h2.ping()
        {
            self.pinged = Some(now);
        }
        if self.pinged.is_some_and(|at| now >= at + self.config.ping_timeout && self.heard < at) {
            self.h2.abort(Reason::NO_ERROR);
        }
        let (stall, request) = (self.config.stall, engine.timeouts().request);
        let late = |open: &super::session::Open| {
            let stalled = stall.zip(open.stalled).is_some_and(|(stall, since)| now >= since + stall);
            stalled || !open.complete && request.is_some_and(|limit| now >= open.began + limit)
        };
        let late: Vec<StreamId> =
            self.streams.iter().filter(|(_, open)| late(open)).map(|(stream, _)| *stream).collect();
        for stream in late {
            self.h2.reset(stream, Reason::CANCEL);
            self.reset(engine, stream, Reason::CANCEL);
        }
    }
}
