//! One stream: what comes from the peer, as far as its owner wants it, and what waits to be sent.

use super::event::{Event, StreamId};
use super::ready::{Ready, StreamWaker};
use ::h2::client::ResponseFuture;
use ::h2::server::SendResponse;
use ::h2::{Reason, RecvStream, SendStream};
use bytes::Bytes;
use http::{HeaderMap, Response};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Bytes of window that are asked for at a time.
const MOST_RESERVED: usize = 64 << 10;

enum Incoming {
    /// A client waits for the head.
    Response(ResponseFuture),
    Body(RecvStream),
    /// All of it came; kept, since the frame layer forgets a stream that nobody holds.
    Done,
}

enum Outgoing {
    /// A server's, before its head.
    Respond(SendResponse<Bytes>),
    Body(SendStream<Bytes>),
    /// All of it is with the frame layer.
    Done,
}

/// See the [module](self).
pub(super) struct Stream {
    pub id: StreamId,
    incoming: Incoming,
    outgoing: Outgoing,
    waiting: Waiting,
    /// Bytes that may still be handed over.
    credit: usize,
    pub waker: Arc<StreamWaker>,
    task: Waker,
}

/// What waits to be sent.
#[derive(Default)]
struct Waiting {
    head: Option<Response<()>>,
    chunks: VecDeque<Bytes>,
    bytes: usize,
    /// What was last told.
    told: usize,
    trailers: Option<HeaderMap>,
    ending: bool,
}

/// What became of a stream when it was polled.
pub(super) enum Fate {
    Open,
    /// Both directions are over.
    Over,
    /// It was reset, by the peer where `remote`.
    Reset {
        reason: Reason,
        remote: bool,
    },
}

type Step = Result<(), (Reason, bool)>;

fn reset(error: &::h2::Error) -> (Reason, bool) {
    (error.reason().unwrap_or(Reason::INTERNAL_ERROR), error.is_remote())
}

impl Stream {
    /// A stream that the peer opened.
    pub fn accepted(
        body: RecvStream,
        respond: SendResponse<Bytes>,
        credit: usize,
        ready: &Arc<Ready>,
    ) -> Self {
        let incoming = if body.is_end_stream() { Incoming::Done } else { Incoming::Body(body) };
        Self::new(respond.stream_id().as_u32(), incoming, Outgoing::Respond(respond), credit, ready)
    }

    /// A stream of our own.
    pub fn opened(
        response: ResponseFuture,
        body: SendStream<Bytes>,
        ended: bool,
        credit: usize,
        ready: &Arc<Ready>,
    ) -> Self {
        let id = response.stream_id().as_u32();
        let outgoing = if ended { Outgoing::Done } else { Outgoing::Body(body) };
        Self::new(id, Incoming::Response(response), outgoing, credit, ready)
    }

    fn new(id: u32, incoming: Incoming, outgoing: Outgoing, credit: usize, ready: &Arc<Ready>) -> Self {
        let waker = StreamWaker::new(ready, id);
        let task = Waker::from(Arc::clone(&waker));
        Self { id: StreamId(id), incoming, outgoing, waiting: Waiting::default(), credit, waker, task }
    }

    /// Bytes that the frame layer did not take yet.
    pub fn pending(&self) -> usize {
        self.waiting.bytes
    }

    /// Whether all of our side is with the frame layer.
    pub fn is_sent(&self) -> bool {
        matches!(self.outgoing, Outgoing::Done)
    }

    pub fn allow(&mut self, bytes: usize) {
        self.credit = bytes;
    }

    /// What still comes from the peer is dropped.
    pub fn discard(&mut self) {
        self.incoming = Incoming::Done;
    }

    /// Whether a server may still answer.
    pub fn awaits_head(&self) -> bool {
        matches!(self.outgoing, Outgoing::Respond(_)) && self.waiting.head.is_none()
    }

    pub fn inform(&mut self, response: Response<()>) -> bool {
        match &mut self.outgoing {
            Outgoing::Respond(respond) if self.waiting.head.is_none() => {
                respond.send_informational(response).is_ok()
            }
            _ => false,
        }
    }

    pub fn respond(&mut self, response: Response<()>, end: bool) {
        self.waiting.head = Some(response);
        self.waiting.ending |= end;
    }

    /// Whether more may be sent.
    pub fn takes_data(&self) -> bool {
        !self.waiting.ending && !matches!(self.outgoing, Outgoing::Done)
    }

    pub fn send(&mut self, data: Bytes, end: bool) {
        if !data.is_empty() {
            self.waiting.bytes += data.len();
            self.waiting.chunks.push_back(data);
        }
        self.waiting.ending |= end;
    }

    pub fn finish(&mut self, trailers: Option<HeaderMap>) {
        self.waiting.trailers = trailers.filter(|trailers| !trailers.is_empty());
        self.waiting.ending = true;
    }

    /// Tells the peer that nothing more of this stream is wanted or will come.
    pub fn reset(&mut self, reason: Reason) {
        match &mut self.outgoing {
            Outgoing::Respond(respond) => respond.send_reset(reason),
            Outgoing::Body(body) => body.send_reset(reason),
            // Dropping what comes resets it, too.
            Outgoing::Done => {}
        }
    }

    /// Goes on in both directions as far as it can.
    pub fn poll(&mut self, tell: &mut impl FnMut(Event)) -> Fate {
        self.waker.polled();
        let task = self.task.clone();
        let cx = &mut Context::from_waker(&task);
        let step = self.poll_send(cx, tell).and_then(|()| self.poll_incoming(cx, tell));
        if let Err((reason, remote)) = step.and_then(|()| self.poll_reset(cx)) {
            return Fate::Reset { reason, remote };
        }
        match (&self.incoming, &self.outgoing) {
            (Incoming::Done, Outgoing::Done) => Fate::Over,
            _ => Fate::Open,
        }
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Step {
        let poll = match &mut self.outgoing {
            Outgoing::Respond(respond) => respond.poll_reset(cx),
            Outgoing::Body(body) => body.poll_reset(cx),
            Outgoing::Done => return Ok(()),
        };
        match poll {
            Poll::Ready(Ok(reason)) => Err((reason, true)),
            Poll::Ready(Err(error)) => Err(reset(&error)),
            Poll::Pending => Ok(()),
        }
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>, tell: &mut impl FnMut(Event)) -> Step {
        if let Incoming::Response(response) = &mut self.incoming {
            while let Poll::Ready(Some(head)) = response.poll_informational(cx) {
                let head = head.map_err(|error| reset(&error))?.into_parts().0;
                tell(Event::Informational { stream: self.id, head });
            }
            let head = match Pin::new(response).poll(cx) {
                Poll::Ready(Ok(head)) => head,
                Poll::Ready(Err(error)) => return Err(reset(&error)),
                Poll::Pending => return Ok(()),
            };
            let (head, body) = head.into_parts();
            let end = body.is_end_stream();
            self.incoming = if end { Incoming::Done } else { Incoming::Body(body) };
            tell(Event::Response { stream: self.id, head, end });
        }
        let Incoming::Body(body) = &mut self.incoming else { return Ok(()) };
        while self.credit > 0 {
            match body.poll_data(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Some(Ok(data))) => {
                    self.credit = self.credit.saturating_sub(data.len());
                    // It was counted when it came: there is as much to release.
                    let _ = body.flow_control().release_capacity(data.len());
                    tell(Event::Data { stream: self.id, data, credit: self.credit });
                }
                Poll::Ready(Some(Err(error))) => return Err(reset(&error)),
                Poll::Ready(None) => {
                    let trailers = match body.poll_trailers(cx) {
                        Poll::Pending => return Ok(()),
                        Poll::Ready(Ok(trailers)) => trailers,
                        Poll::Ready(Err(error)) => return Err(reset(&error)),
                    };
                    self.incoming = Incoming::Done;
                    tell(Event::End { stream: self.id, trailers });
                    return Ok(());
                }
            }
        }
        // The end has no bytes, and needs no credit.
        if body.is_end_stream() {
            self.incoming = Incoming::Done;
            tell(Event::End { stream: self.id, trailers: None });
        }
        Ok(())
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, tell: &mut impl FnMut(Event)) -> Step {
        let waiting = &mut self.waiting;
        if let (Outgoing::Respond(respond), Some(_)) = (&mut self.outgoing, &waiting.head) {
            let end = waiting.ending && waiting.chunks.is_empty() && waiting.trailers.is_none();
            let head = waiting.head.take().unwrap_or_default();
            let body = respond.send_response(head, end).map_err(|error| reset(&error))?;
            self.outgoing = if end { Outgoing::Done } else { Outgoing::Body(body) };
        }
        let Outgoing::Body(body) = &mut self.outgoing else { return Ok(()) };
        while let Some(front) = waiting.chunks.front_mut() {
            let mut room = body.capacity();
            if room == 0 {
                body.reserve_capacity(waiting.bytes.min(MOST_RESERVED));
                room = body.capacity();
            }
            if room == 0 {
                match body.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(Some(Err(error))) => return Err(reset(&error)),
                    // The stream takes no more: its reset is told below.
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            let data = front.split_to(room.min(front.len()));
            if front.is_empty() {
                waiting.chunks.pop_front();
            }
            waiting.bytes -= data.len();
            let end = waiting.ending && waiting.chunks.is_empty() && waiting.trailers.is_none();
            body.send_data(data, end).map_err(|error| reset(&error))?;
            if end {
                self.outgoing = Outgoing::Done;
                break;
            }
        }
        if waiting.bytes != waiting.told {
            waiting.told = waiting.bytes;
            tell(Event::Sent { stream: self.id, pending: waiting.bytes });
        }
        let Outgoing::Body(body) = &mut self.outgoing else { return Ok(()) };
        if waiting.ending && waiting.chunks.is_empty() {
            match waiting.trailers.take() {
                Some(trailers) => body.send_trailers(trailers),
                None => body.send_data(Bytes::new(), true),
            }
            .map_err(|error| reset(&error))?;
            self.outgoing = Outgoing::Done;
        }
        Ok(())
    }
}
