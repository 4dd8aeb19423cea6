//! Heads and trailers between HTTP/2's fields, the batch's records, and the text that JavaScript gives.

use super::super::batch::{Batch, Record, flag};
use crate::codec::http1::METHODS;
use crate::net::h2::StreamId;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, request};

/// Puts a request into the batch, as one of HTTP/1 would be: `:authority` is `host`. Returns whether its method is known.
pub(in super::super) fn push_request(
    batch: &mut Batch,
    id: u32,
    connection: u32,
    stream: StreamId,
    head: &request::Parts,
    end: bool,
) -> bool {
    let Some(method) = METHODS.iter().position(|name| *name == head.method.as_str()) else { return false };
    let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let expect = head.headers.get(header::EXPECT).map(HeaderValue::as_bytes);
    let continues = expect.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
    let flags = [
        (end, flag::COMPLETE),
        (true, flag::KEEP_ALIVE),
        (continues, flag::EXPECTS_CONTINUE),
        (expect.is_some() && !continues, flag::EXPECTS_OTHER),
        (authority.is_some() || head.headers.contains_key(header::HOST), flag::HAS_HOST),
    ];
    let flags = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, bit)| all | bit);
    let target = head.uri.path_and_query().map_or("/", |path| path.as_str());

    batch.push(Record::Stream, id, &[connection, stream.0]);
    let start = batch.bytes.len();
    batch.bytes.extend_from_slice(target.as_bytes());
    let place = batch.words.len();
    batch.push(Record::Request, id, &[flags, method as u32, HTTP2, start as u32, 0, target.len() as u32, 0]);
    let mut count = 0;
    if let Some(authority) = authority {
        push_field(batch, b"host", authority);
        count += 1;
    }
    if !end && !head.headers.contains_key(header::CONTENT_LENGTH) {
        // As a proxy would say it in HTTP/1: programs see by this that a body follows.
        push_field(batch, b"transfer-encoding", b"chunked");
        count += 1;
    }
    for (name, value) in &head.headers {
        if authority.is_none() || name != header::HOST {
            push_field(batch, name.as_str().as_bytes(), value.as_bytes());
            count += 1;
        }
    }
    batch.words[place + 6] = (batch.bytes.len() - start) as u32;
    batch.words[place + 8] = count;
    true
}

/// In place of HTTP/1's minor version.
const HTTP2: u32 = 20;

fn push_field(batch: &mut Batch, name: &[u8], value: &[u8]) {
    batch.bytes.extend_from_slice(name);
    batch.bytes.extend_from_slice(value);
    batch.words.extend_from_slice(&[name.len() as u32, value.len() as u32]);
}

/// Puts the end of a request into the batch.
pub(in super::super) fn push_end(batch: &mut Batch, id: u32, trailers: Option<&HeaderMap>) {
    let start = batch.bytes.len();
    let place = batch.words.len();
    batch.push(Record::End, id, &[start as u32, 0, trailers.map_or(0, |t| t.len() as u32)]);
    for (name, value) in trailers.into_iter().flatten() {
        push_field(batch, name.as_str().as_bytes(), value.as_bytes());
    }
    batch.words[place + 3] = (batch.bytes.len() - start) as u32;
}

/// Fields that speak of the connection, which HTTP/2 has no use for (RFC 9113 §8.2.2).
fn is_of_connection(name: &HeaderName) -> bool {
    matches!(*name, header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE | header::TE)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

fn add(fields: &mut HeaderMap, name: &[u8], value: &[u8]) {
    // JavaScript has checked both; what still is none is left out rather than sent.
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        && !is_of_connection(&name)
    {
        fields.append(name, value);
    }
}

/// Fields from JavaScript: names and values, each with a NUL behind it, which neither can have.
pub(super) fn from_text(text: &[u8]) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(8);
    let mut parts = text.split(|byte| *byte == 0);
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        add(&mut fields, name, value);
    }
    fields
}

/// Fields of a plan: lines.
pub(super) fn from_lines(lines: &str) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(8);
    for line in lines.split("\r\n") {
        if let Some((name, value)) = line.split_once(':') {
            add(&mut fields, name.as_bytes(), value.trim().as_bytes());
        }
    }
    fields
}

/// A head with these fields.
pub(super) fn response(status: u16, fields: HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = fields;
    response
}
