//! Work of other threads that a reactor waits for.

use super::variants::Key;
use crate::net::reactor::{Bell, Reactor, Ringer};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

/// What another thread did for a connection.
#[derive(Debug)]
pub(super) enum Done {
    /// So many bytes of a file are in memory now.
    Warmed(u64),
    /// The inbox that its body goes to has room again.
    Room,
    /// A file was compressed, or could not be; of no one connection.
    Compressed(Key, Option<Arc<Vec<u8>>>),
}

/// What other threads did, and for which connection. One entry of a kind at most for each connection: neither is done
/// again before it was told.
type List = Mutex<Vec<(u32, Done)>>;

/// Where other threads tell what they did.
#[derive(Debug)]
pub(super) struct Finished {
    list: Arc<List>,
    ringer: Arc<Ringer>,
}

impl Finished {
    /// Adds `what` and wakes the reactor.
    pub fn add(&self, what: (u32, Done)) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        self.ringer.ring();
    }
}

/// The reactor's end.
pub(super) struct Wake {
    finished: Arc<Finished>,
    bell: Rc<Bell>,
}

impl Wake {
    /// Calls `hook` in a turn of `reactor` for each thing that is finished. It keeps no loop alive.
    pub fn new(reactor: &Reactor, hook: impl Fn((u32, Done)) + 'static) -> io::Result<Self> {
        let list = Arc::<List>::default();
        let done = Arc::clone(&list);
        let bell = Bell::new(reactor, move || {
            let all = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
            all.into_iter().for_each(&hook);
        })?;
        Ok(Self { finished: Arc::new(Finished { list, ringer: bell.ringer() }), bell })
    }

    pub fn finished(&self) -> Arc<Finished> {
        Arc::clone(&self.finished)
    }

    pub fn close(&self, reactor: &Reactor) {
        self.bell.close(reactor);
    }
}
