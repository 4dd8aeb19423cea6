//! Calls that come as requests of an HTTP server: JavaScript hands over head and body here, and gets the answer in records.
//! So gRPC-Web works on whatever carries HTTP, and gRPC on connections that began with other requests.

use super::batch::{EXCHANGE, Record};
use super::call::{Call, Carrier, status};
use super::engine::Engine;
use super::head;
use crate::codec::grpc::{Framing, TextDecoder, append_trailers};
use crate::net::h2::Reason;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;

struct Exchange {
    call: u32,
    /// Of a request that is text.
    text: Option<TextDecoder>,
    answer: Framing,
    /// JavaScript was told that nothing more is wanted.
    held: bool,
}

/// Those that are open. Numbers are not given again soon, since records of one that was cancelled may be on their way.
#[derive(Default)]
pub(super) struct Exchanges {
    all: RefCell<HashMap<u32, Exchange>>,
    next: Cell<u32>,
}

impl Engine {
    /// A call that comes as a request; returns the exchange's number. `head` is path, authority, names and values, each with
    /// a NUL behind it. [`Record::Call`] tells of it.
    pub fn open_exchange(&self, request: Framing, answer: Framing, head: &[u8]) -> u32 {
        let id = self.exchanges.next.get();
        self.exchanges.next.set((id + 1) & !EXCHANGE);
        let mut parts = head.split(|byte| *byte == 0);
        let mut next = || parts.next().unwrap_or_default();
        let (path, authority) = (next(), next());
        let mut fields = HeaderMap::new();
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                fields.append(name, value);
            }
        }
        let batch = &mut *self.batch();
        let call = self.calls.borrow_mut().insert(|call| {
            let said =
                head::pack(batch, call, EXCHANGE | id, path, authority, &fields, &self.config.compression);
            Call::new(Carrier::Exchange(id), said.coding, said.answers, &self.config)
        });
        let text = (request == Framing::WebText).then(TextDecoder::default);
        self.exchanges.all.borrow_mut().insert(id, Exchange { call, text, answer, held: false });
        id
    }

    /// Bytes of the request's body; none are its end. Returns whether more are wanted now; otherwise
    /// [`Record::ExchangeWanted`] tells when.
    pub fn feed_exchange(&self, id: u32, bytes: &[u8]) -> bool {
        let Some(mut exchange) = self.exchange(id) else { return true };
        let (batch, calls) = (&mut *self.batch(), &mut *self.calls.borrow_mut());
        let number = exchange.call;
        let Some(call) = calls.get(number) else { return true };
        let decoded = match &mut exchange.text {
            None => Ok(Bytes::copy_from_slice(bytes)),
            Some(text) if bytes.is_empty() && !text.is_between_groups() => Err(()),
            Some(text) => text.decode(bytes).map(Bytes::from).map_err(drop),
        };
        match decoded {
            Err(()) => call.fail(number, status::INTERNAL, "The request is no base64", batch),
            Ok(_) if bytes.is_empty() => call.end(number, &self.config, batch),
            Ok(data) => call.receive(number, data, &self.config, batch),
        }
        exchange.held = !call.wants_data();
        !exchange.held
    }

    /// Of the body that was told of, so many bytes still wait for the peer.
    pub fn exchange_sent(&self, id: u32, pending: usize) {
        let Some(exchange) = self.exchange(id) else { return };
        if let Some(call) = self.calls.borrow_mut().get(exchange.call) {
            call.progressed(exchange.call, pending, &self.config, &mut self.batch());
        }
    }

    /// The peer is gone: the call is told, and what else there is of it is dropped.
    pub fn cancel_exchange(&self, id: u32) {
        if let Some(exchange) = self.exchanges.all.borrow_mut().remove(&id) {
            self.cancelled(exchange.call, Reason::CANCEL);
        }
    }

    fn exchange(&self, id: u32) -> Option<RefMut<'_, Exchange>> {
        RefMut::filter_map(self.exchanges.all.borrow_mut(), |all| all.get_mut(&id)).ok()
    }

    pub(super) fn exchange_head(&self, id: u32, mut fields: HeaderMap) {
        let Some(exchange) = self.exchange(id) else { return };
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(exchange.answer.content_type()));
        self.batch().push_bytes(Record::ExchangeHead, id, &head::text(&fields));
    }

    pub(super) fn exchange_body(&self, id: u32, frames: Vec<u8>) {
        let Some(exchange) = self.exchange(id) else { return };
        self.batch().push_bytes(Record::ExchangeBody, id, &exchange.answer.encode(frames));
    }

    /// The answer ends, with frames before the trailers where there are some.
    pub(super) fn exchange_over(&self, id: u32, mut frames: Vec<u8>, trailers: &HeaderMap) {
        let Some(exchange) = self.exchanges.all.borrow_mut().remove(&id) else { return };
        let batch = &mut *self.batch();
        let mut text = Vec::new();
        if exchange.answer == Framing::Plain {
            text = head::text(trailers);
        } else {
            let fields = trailers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            append_trailers(fields, &mut frames);
        }
        if !frames.is_empty() {
            batch.push_bytes(Record::ExchangeBody, id, &exchange.answer.encode(frames));
        }
        batch.push_bytes(Record::ExchangeOver, id, &text);
    }

    /// The call takes bytes again.
    pub(super) fn exchange_wanted(&self, id: u32, batch: &mut super::Batch) {
        if let Some(mut exchange) = self.exchange(id)
            && std::mem::take(&mut exchange.held)
        {
            batch.push(Record::ExchangeWanted, id, &[]);
        }
    }
}
