//! What a client hears of its call beside messages: the head and the trailers, packed for JavaScript.

use super::batch::{Batch, NO_STATUS, Record};
use crate::codec::grpc::Coding;
use http::header::HeaderValue;
use http::{HeaderMap, HeaderName, StatusCode};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// One call's.
#[derive(Debug, Default)]
pub(super) struct Answer {
    http_status: u32,
    /// They came, and wait until the messages before them are told.
    trailers: Option<Trailers>,
    told: bool,
}

#[derive(Debug)]
struct Trailers {
    code: u32,
    message_bytes: usize,
    /// `grpc-message`, then the other fields.
    text: Vec<u8>,
}

impl Answer {
    /// The head came, and messages or trailers follow: tells JavaScript, and returns what messages are compressed with.
    /// What the server takes interests who `compresses` alone.
    pub fn head(
        &mut self,
        call: u32,
        status: StatusCode,
        fields: &HeaderMap,
        compresses: bool,
        batch: &mut Batch,
    ) -> Result<Coding, String> {
        self.http_status = status.as_u16().into();
        let start = batch.bytes.len();
        let ours = |name: &HeaderName| name == GRPC_ENCODING || !compresses && name == GRPC_ACCEPT_ENCODING;
        pack(fields, &mut batch.bytes, ours);
        let length = (batch.bytes.len() - start) as u32;
        batch.push(Record::Head, call, &[self.http_status, start as u32, length]);
        match fields.get(GRPC_ENCODING) {
            None => Ok(Coding::Identity),
            Some(name) => Coding::from_name(name.as_bytes())
                .ok_or_else(|| String::from_utf8_lossy(name.as_bytes()).into_owned()),
        }
    }

    /// The end came: with trailers, without, or as the head itself.
    pub fn end(&mut self, status: Option<StatusCode>, fields: Option<&HeaderMap>) {
        if let Some(status) = status {
            self.http_status = status.as_u16().into();
        }
        let mut text = Vec::new();
        let mut code = NO_STATUS;
        let mut message_bytes = 0;
        if let Some(fields) = fields {
            code = fields.get(GRPC_STATUS).map_or(NO_STATUS, status_code);
            if code != NO_STATUS
                && let Some(message) = fields.get(GRPC_MESSAGE)
            {
                message_bytes = message.len();
                text.extend_from_slice(message.as_bytes());
            }
            pack(fields, &mut text, |name| {
                code != NO_STATUS && (name == GRPC_STATUS || name == GRPC_MESSAGE)
            });
        }
        self.trailers = Some(Trailers { code, message_bytes, text });
    }

    /// All before them was told: tells of the trailers.
    pub fn tell(&mut self, call: u32, batch: &mut Batch) {
        let Some(Trailers { code, message_bytes, text }) = self.trailers.take() else { return };
        self.told = true;
        let start = batch.bytes.len() as u32;
        batch.bytes.extend_from_slice(&text);
        let words = [code, self.http_status, start, message_bytes as u32, text.len() as u32];
        batch.push(Record::Trailers, call, &words);
    }

    /// Whether the trailers were told.
    pub fn is_told(&self) -> bool {
        self.told
    }
}

/// What is no number is UNKNOWN.
fn status_code(value: &HeaderValue) -> u32 {
    const UNKNOWN: u32 = 2;
    value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|code| *code != NO_STATUS)
        .unwrap_or(UNKNOWN)
}

/// `name NUL value NUL` for each field but some.
fn pack(fields: &HeaderMap, bytes: &mut Vec<u8>, is_ours: impl Fn(&HeaderName) -> bool) {
    for (name, value) in fields {
        if !is_ours(name) {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(0);
        }
    }
}
