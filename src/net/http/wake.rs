//! Work of other threads that a reactor waits for.

use crate::net::reactor::{Interest, Reactor, Readiness, Source, Token, Turn};
use rustix::event::EventfdFlags;
use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

/// What another thread did for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// So many bytes of a file are in memory now.
    Warmed(u64),
    /// The inbox that its body goes to has room again.
    Room,
}

/// What other threads did, and for which connection. One entry of a kind at most for each connection: neither is done
/// again before it was told.
#[derive(Debug)]
pub(super) struct Finished {
    list: Mutex<Vec<(u32, Done)>>,
    bell: OwnedFd,
}

impl Finished {
    /// Adds `what` and wakes the reactor.
    pub fn add(&self, what: (u32, Done)) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        // Full is as good as rung.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }
}

/// The reactor's end.
pub(super) struct Wake {
    finished: Arc<Finished>,
    token: Cell<Option<Token>>,
    hook: Box<dyn Fn((u32, Done))>,
}

impl Wake {
    /// Calls `hook` in a turn of `reactor` for each thing that is finished. It keeps no loop alive.
    pub fn new(reactor: &Reactor, hook: impl Fn((u32, Done)) + 'static) -> io::Result<Rc<Self>> {
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let finished = Arc::new(Finished { list: Mutex::default(), bell });
        let wake = Rc::new(Self { finished, token: Cell::new(None), hook: Box::new(hook) });
        let source: Rc<dyn Source> = wake.clone();
        let token = reactor.register(&wake.finished.bell, Interest::READ, source)?;
        reactor.set_referenced(token, false);
        wake.token.set(Some(token));
        Ok(wake)
    }

    pub fn finished(&self) -> Arc<Finished> {
        Arc::clone(&self.finished)
    }

    pub fn close(&self, reactor: &Reactor) {
        if let Some(token) = self.token.take() {
            reactor.deregister(token, &self.finished.bell);
        }
    }
}

impl Source for Wake {
    fn ready(&self, _readiness: Readiness, _turn: &mut Turn<'_>) {
        let mut count = [0; 8];
        // Level-triggered: what rings after this rings again.
        let _ = rustix::io::read(&self.finished.bell, &mut count);
        let list = std::mem::take(&mut *self.finished.list.lock().unwrap_or_else(PoisonError::into_inner));
        list.into_iter().for_each(|what| (self.hook)(what));
    }
}
