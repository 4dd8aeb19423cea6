//! Heads: a request's packed for JavaScript, and an answer's made of what JavaScript says.

use super::batch::{Batch, INVALID_TIMEOUT, NO_TIMEOUT, Record};
use crate::codec::grpc::{Coding, Timeout, encode_status_message};
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, request};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

const OUR_TYPE: HeaderValue = HeaderValue::from_static("application/grpc+proto");
const ACCEPTED: HeaderValue = HeaderValue::from_static("identity,deflate,gzip,zstd");

/// What the head of a call says to us.
pub(super) struct CallHead {
    /// What messages are compressed with; `Err` is a name that nobody knows here.
    pub coding: Result<Coding, String>,
    /// What answers are compressed with.
    pub answers: Option<Coding>,
}

/// Packs a call of a stream for JavaScript.
pub(super) fn pack_parts(
    batch: &mut Batch,
    call: u32,
    connection: u32,
    head: &request::Parts,
    wanted: &[Coding],
) -> CallHead {
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let authority = head.uri.authority().map(|a| a.as_str().as_bytes());
    let authority =
        authority.or_else(|| head.headers.get(http::header::HOST).map(HeaderValue::as_bytes)).unwrap_or(b"");
    pack(batch, call, connection, path.as_bytes(), authority, &head.headers, wanted)
}

/// Packs a call for JavaScript.
pub(super) fn pack(
    batch: &mut Batch,
    call: u32,
    connection: u32,
    path: &[u8],
    authority: &[u8],
    fields: &HeaderMap,
    wanted: &[Coding],
) -> CallHead {
    let start = batch.bytes.len();
    batch.bytes.extend_from_slice(path);
    batch.bytes.extend_from_slice(authority);
    let timeout = fields.get(GRPC_TIMEOUT).map(|value| Timeout::parse(value.as_bytes()));
    for (name, value) in fields {
        // What HTTP and the protocol say to each other is not the program's, as in grpc-js.
        let ours = [TE, CONTENT_TYPE, ACCEPT_ENCODING, GRPC_ENCODING, GRPC_ACCEPT_ENCODING].contains(name)
            || name == GRPC_TIMEOUT && timeout != Some(Timeout::Invalid);
        if !ours {
            batch.bytes.extend_from_slice(name.as_str().as_bytes());
            batch.bytes.push(0);
            batch.bytes.extend_from_slice(value.as_bytes());
            batch.bytes.push(0);
        }
    }
    let timeout = match timeout {
        None => NO_TIMEOUT,
        Some(Timeout::Invalid) => INVALID_TIMEOUT,
        Some(Timeout::Ms(ms)) => ms.min(INVALID_TIMEOUT - 1),
    };
    let text = (batch.bytes.len() - start) as u32;
    let lengths = [path.len() as u32, authority.len() as u32];
    batch.push(Record::Call, call, &[connection, timeout, start as u32, lengths[0], lengths[1], text]);
    let coding = match fields.get(GRPC_ENCODING) {
        None => Ok(Coding::Identity),
        Some(name) => Coding::from_name(name.as_bytes())
            .ok_or_else(|| String::from_utf8_lossy(name.as_bytes()).into_owned()),
    };
    let accepted = fields.get(GRPC_ACCEPT_ENCODING).filter(|_| !wanted.is_empty());
    CallHead { coding, answers: accepted.and_then(|names| Coding::choose(wanted, names.as_bytes())) }
}

/// The answer to a request that is not gRPC's.
pub(super) fn unsupported() -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

/// A head with this metadata.
pub(super) fn response(metadata: &[u8], coding: Option<Coding>) -> Response<()> {
    let mut response = Response::new(());
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, OUR_TYPE);
    fields.insert(GRPC_ACCEPT_ENCODING, ACCEPTED);
    let coding = coding.unwrap_or(Coding::Identity).name();
    fields.insert(GRPC_ENCODING, HeaderValue::from_static(coding));
    add(fields, metadata);
    response
}

/// Trailers as [`Command::Status`](super::Command::Status) says them.
pub(super) fn trailers(text: &[u8]) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(2);
    if text.is_empty() {
        fields.insert(GRPC_STATUS, HeaderValue::from_static("0"));
        fields.insert(GRPC_MESSAGE, HeaderValue::from_static("OK"));
        return fields;
    }
    let mut parts = text.splitn(3, |byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (code, message, metadata) = (next(), next(), next());
    let mut encoded = Vec::with_capacity(message.len());
    encode_status_message(message, &mut encoded);
    let unknown = HeaderValue::from_static("2");
    fields.insert(GRPC_STATUS, HeaderValue::from_bytes(code).unwrap_or(unknown));
    if let Ok(message) = HeaderValue::from_bytes(&encoded) {
        fields.insert(GRPC_MESSAGE, message);
    }
    add(&mut fields, metadata);
    fields
}

/// What a client's call begins with.
pub(super) struct Start<'a> {
    pub connection: u32,
    /// The name of what messages are compressed with.
    pub coding: &'a [u8],
    pub request: Request<()>,
}

/// Reads what [`Command::Start`](super::Command::Start) says; nothing where no request can be made of it.
pub(super) fn start(text: &[u8]) -> Option<Start<'_>> {
    const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
    const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
    const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
    let mut parts = text.splitn(5, |byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (connection, path, authority, coding, metadata) = (next(), next(), next(), next(), next());
    let mut uri = Uri::default().into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(Authority::try_from(authority).ok()?);
    uri.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_parts(uri).ok()?;
    let fields = request.headers_mut();
    add(fields, metadata);
    fields.insert(TE, TRAILERS);
    fields.insert(CONTENT_TYPE, GRPC);
    fields.insert(GRPC_ACCEPT_ENCODING, ACCEPTED);
    fields.insert(ACCEPT_ENCODING, IDENTITY);
    if !coding.is_empty() {
        fields.insert(GRPC_ENCODING, HeaderValue::from_bytes(coding).ok()?);
    }
    let connection = std::str::from_utf8(connection).ok()?.parse().ok()?;
    Some(Start { connection, coding, request })
}

/// Head and trailers in one.
pub(super) fn trailers_only(text: &[u8]) -> Response<()> {
    let mut response = Response::new(());
    *response.headers_mut() = trailers(text);
    response.headers_mut().entry(CONTENT_TYPE).or_insert(OUR_TYPE);
    response
}

/// Fields as JavaScript has them: names and values, each with a NUL behind it.
pub(super) fn text(fields: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in fields {
        for part in [name.as_str().as_bytes(), value.as_bytes()] {
            text.extend_from_slice(part);
            text.push(0);
        }
    }
    text
}

/// Adds metadata. The first value of a key takes the place of ours; what HTTP/2 forbids is left out (RFC 9113 §8.2.2).
fn add(fields: &mut HeaderMap, metadata: &[u8]) {
    const FORBIDDEN: [&str; 5] =
        ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
    let mut parts = metadata.split(|byte| *byte == 0);
    let mut seen: Vec<HeaderName> = Vec::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) else {
            continue;
        };
        if FORBIDDEN.contains(&name.as_str()) || name == TE {
            continue;
        }
        if seen.contains(&name) {
            fields.append(name, value);
        } else {
            fields.insert(name.clone(), value);
            seen.push(name);
        }
    }
}
