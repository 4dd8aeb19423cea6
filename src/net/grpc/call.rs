//! One call: messages on their way in both directions.

use super::answer::Answer;
use super::batch::{Batch, Record};
use super::config::Config;
use super::packing::{SharedLane, framed};
use crate::codec::grpc::{Coding, CodingError, Message, MessageDecoder, MessageFault, PREFIX_BYTES, prefix};
use crate::net::h2::StreamId;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::rc::Rc;

/// gRPC's status codes that are given here.
pub(super) mod status {
    pub const RESOURCE_EXHAUSTED: u32 = 8;
    pub const UNIMPLEMENTED: u32 = 12;
    pub const INTERNAL: u32 = 13;
}

/// What a call came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// A stream of a connection.
    Stream { connection: u32, stream: StreamId },
    /// A request of an HTTP server.
    Exchange(u32),
    /// A call of a client for which that connection has no stream yet.
    Waiting { connection: u32 },
    /// A call of a client all of whose answer is here, and whose stream is gone.
    Gone,
}

pub(super) struct Call {
    pub carrier: Carrier,
    decoder: MessageDecoder,
    /// What messages from the peer are compressed with.
    coding: Result<Coding, String>,
    /// Came, and was not decoded, because JavaScript has enough.
    inbox: VecDeque<Bytes>,
    /// Bytes of messages that JavaScript has and did not take.
    untaken: usize,
    /// The peer has sent all.
    ended: bool,
    /// The end, or a fault, was told: nothing more is.
    told: bool,
    /// What answers are compressed with.
    pub answers: Option<Coding>,
    pub head_sent: bool,
    /// Messages that are given to the frame layer together.
    out: Vec<u8>,
    /// Bytes of messages that were sent, as JavaScript counts them, and as they are.
    sent: (u64, u64),
    /// How many of them were told of as on their way, as JavaScript counts them.
    acknowledged: u64,
    /// It is in the list of those with something in `out`.
    pub is_listed: bool,
    /// Our side is over with what is in `out`.
    pub ending: bool,
    /// Of a client's call: what came beside messages.
    pub answer: Option<Answer>,
    /// Messages that are being compressed elsewhere; what follows goes behind them.
    pub lane: Option<SharedLane>,
}

impl Call {
    pub fn new(
        carrier: Carrier,
        coding: Result<Coding, String>,
        answers: Option<Coding>,
        config: &Config,
    ) -> Self {
        Self {
            carrier,
            decoder: MessageDecoder::new(config.max_receive_bytes),
            coding,
            inbox: VecDeque::new(),
            untaken: 0,
            ended: false,
            told: false,
            answers,
            head_sent: false,
            out: Vec::new(),
            sent: (0, 0),
            acknowledged: 0,
            is_listed: false,
            ending: false,
            answer: None,
            lane: None,
        }
    }

    /// A call of ours, which has no stream yet.
    pub fn outgoing(connection: u32, coding: Option<Coding>, config: &Config) -> Self {
        let call = Self::new(Carrier::Waiting { connection }, Ok(Coding::Identity), coding, config);
        // Its head is not an answer's.
        Self { head_sent: true, answer: Some(Answer::default()), ..call }
    }

    /// Whether it is one of ours whose trailers were told: nothing follows.
    pub fn is_answered(&self) -> bool {
        self.told && self.answer.as_ref().is_some_and(Answer::is_told)
    }

    /// Messages from the peer are compressed with that.
    pub fn set_coding(&mut self, coding: Result<Coding, String>) {
        self.coding = coding;
    }

    // From the peer.

    /// Bytes of the body.
    pub fn receive(&mut self, id: u32, data: Bytes, config: &Config, batch: &mut Batch) {
        if !self.told {
            self.inbox.push_back(data);
            self.decode(id, config, batch);
        }
    }

    /// The peer sends no more.
    pub fn end(&mut self, id: u32, config: &Config, batch: &mut Batch) {
        self.ended = true;
        self.decode(id, config, batch);
    }

    /// JavaScript took so many bytes.
    pub fn taken(&mut self, id: u32, bytes: usize, config: &Config, batch: &mut Batch) {
        self.untaken = self.untaken.saturating_sub(bytes);
        self.decode(id, config, batch);
    }

    /// Whether the peer has sent all.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether more of the body is wanted.
    pub fn wants_data(&self) -> bool {
        self.inbox.is_empty()
    }

    fn decode(&mut self, id: u32, config: &Config, batch: &mut Batch) {
        while !self.told
            && self.untaken < config.high_water_bytes
            && let Some(data) = self.inbox.front_mut()
        {
            let (coding, untaken) = (&self.coding, &mut self.untaken);
            let mut fault = None;
            let used = self.decoder.decode(data, |compressed, message| {
                let outcome = if compressed {
                    decompress(coding, message.as_slice(), config).map(Message::Owned)
                } else {
                    Ok(message)
                };
                match outcome {
                    Ok(message) => {
                        *untaken += message.as_slice().len() + PREFIX_BYTES;
                        batch.message(id, message);
                    }
                    Err(error) => fault = Some(error),
                }
                let enough = fault.is_some() || *untaken >= config.high_water_bytes;
                if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let fault = match used {
                Ok(used) if used < data.len() => {
                    let _ = data.split_to(used);
                    fault
                }
                Ok(_) => {
                    self.inbox.pop_front();
                    fault
                }
                Err(error) => Some(describe(error)),
            };
            if let Some((code, text)) = fault {
                self.fail(id, code, &text, batch);
            }
        }
        if self.ended && !self.told && self.inbox.is_empty() {
            self.told = true;
            match &mut self.answer {
                Some(answer) => answer.tell(id, batch),
                None => batch.push(Record::End, id, &[u32::from(!self.decoder.is_between_messages())]),
            }
        }
    }

    /// What came cannot be understood; the rest is dropped.
    pub fn fail(&mut self, id: u32, code: u32, text: &str, batch: &mut Batch) {
        self.told = true;
        self.inbox.clear();
        batch.text(Record::Fault, id, code, text.as_bytes());
    }

    // To the peer.

    /// Puts a message behind those that wait to be given to the frame layer.
    pub fn put(&mut self, message: &[u8], coding: Option<Coding>) {
        if coding.is_some() {
            return self.put_framed(&framed(message, coding), message.len() + PREFIX_BYTES);
        }
        // A message longer than 4 GiB is longer than any buffer of Node's may be sent as.
        let Some(head) = prefix(false, message.len()) else { return };
        if self.out.is_empty() && message.len() > 4096 {
            self.out.reserve_exact(message.len() + PREFIX_BYTES);
        }
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(message);
        let bytes = (message.len() + PREFIX_BYTES) as u64;
        self.sent.0 += bytes;
        self.sent.1 += bytes;
    }

    /// The same for one that is framed already; JavaScript counts `counted` bytes for it.
    pub fn put_framed(&mut self, frame: &[u8], counted: usize) {
        self.out.extend_from_slice(frame);
        self.sent.0 += counted as u64;
        self.sent.1 += frame.len() as u64;
    }

    /// Whether it is the one whose messages wait there.
    pub fn is_in(&self, lane: &SharedLane) -> bool {
        self.lane.as_ref().is_some_and(|own| Rc::ptr_eq(own, lane))
    }

    /// What waits to be given to the frame layer.
    pub fn take_out(&mut self) -> Option<Vec<u8>> {
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out))
    }

    /// `pending` bytes of those that were sent still wait. Tells JavaScript in steps that are worth telling.
    pub fn progressed(&mut self, id: u32, pending: usize, config: &Config, batch: &mut Batch) {
        let (counted, actual) = self.sent;
        let gone = match pending as u64 {
            0 => counted,
            pending if counted == actual => counted.saturating_sub(pending),
            // Compressed ones count as many bytes as they stand for.
            pending => counted.saturating_sub((pending as f64 * counted as f64 / actual as f64) as u64),
        };
        let news = gone.saturating_sub(self.acknowledged);
        if news >= config.high_water_bytes as u64 / 2 {
            self.acknowledged = gone;
            batch.push(Record::Sent, id, &[u32::try_from(news).unwrap_or(u32::MAX)]);
        }
    }
}

type Fault = (u32, String);

fn decompress(coding: &Result<Coding, String>, message: &[u8], config: &Config) -> Result<Vec<u8>, Fault> {
    let coding = coding.as_ref().map_err(|name| {
        (status::UNIMPLEMENTED, format!("Received message compressed with unsupported encoding \"{name}\""))
    })?;
    let limit = config.max_receive_bytes.map_or(usize::MAX, |limit| limit as usize);
    coding.decompress(message, limit).map_err(|error| match error {
        CodingError::TooLong => (
            status::RESOURCE_EXHAUSTED,
            format!("Received message that decompresses to a size larger than {limit}"),
        ),
        CodingError::Corrupt(why) => (status::INTERNAL, format!("Error decompressing request: {why}")),
    })
}

fn describe(fault: MessageFault) -> Fault {
    match fault {
        MessageFault::TooLong { bytes, limit } => {
            (status::RESOURCE_EXHAUSTED, format!("Received message larger than max ({bytes} vs {limit})"))
        }
        MessageFault::Flag(flag) => (status::INTERNAL, format!("Received a message with the flag {flag}")),
    }
}
