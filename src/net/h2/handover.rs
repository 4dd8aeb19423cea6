//! A connection on its way from one protocol's engine to another's.

use super::{Connection, Event};
use crate::net::transport::Transport;

/// A connection that turned out to be another's, with what told so.
#[derive(Debug)]
pub struct Handover {
    /// Its bytes; it is in no reactor.
    pub transport: Transport,
    /// Its frames.
    pub h2: Connection,
    /// Its first event. Others may wait in `h2`.
    pub first: Event,
}

/// Whoever takes such connections.
pub trait Adopts {
    /// The connection is the adopter's.
    fn adopt(&self, connection: Handover);
}
