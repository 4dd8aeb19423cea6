//! The head of a request: request line and fields, by `httparse`, and what they say of the body.

use super::fault::{Fault, FaultCode as Code};
use super::method::{METHODS, method_index};
use std::mem::MaybeUninit;

/// Fields that are parsed without a heap allocation.
const FEW_FIELDS: usize = 64;

/// A piece of the input: start and length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Bytes from the input's start.
    pub start: u32,
    /// Bytes.
    pub len: u32,
}

impl Span {
    pub(super) fn of(part: &[u8], base: *const u8) -> Self {
        Self { start: (part.as_ptr() as usize - base as usize) as u32, len: part.len() as u32 }
    }

    /// The bytes in `input`.
    pub fn get(self, input: &[u8]) -> &[u8] {
        &input[self.start as usize..][..self.len as usize]
    }
}

/// One field, name and value, as the peer wrote them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeaderSpan {
    /// The name, in the peer's letter case.
    pub name: Span,
    /// The value, without the whitespace around it.
    pub value: Span,
}

/// A request's head. Spans are places in the input that it was parsed from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Place in [`METHODS`].
    pub method: u8,
    /// The request target.
    pub target: Span,
    /// 0 or 1, of HTTP/1.x.
    pub minor_version: u8,
    /// Fields in order, doubles included.
    pub headers: Vec<HeaderSpan>,
    /// Bytes from the first of the input to the first of the body.
    pub bytes: usize,
    /// The peer's wish for the connection, with the version's default.
    pub keep_alive: bool,
    /// Whether there is a `Host`.
    pub has_host: bool,
    /// `Expect: 100-continue`, which HTTP/1.0 does not have.
    pub expects_continue: bool,
    /// An `Expect` of another kind.
    pub expects_other: bool,
    /// Asks for another protocol: `Upgrade` with `Connection: upgrade`, or `CONNECT`.
    pub upgrade: bool,
    /// The body comes in chunks.
    pub chunked: bool,
    /// Bytes of the body, where the head says so.
    pub content_length: Option<u64>,
}

impl Head {
    /// The method's name.
    pub fn method_name(&self) -> &'static str {
        METHODS[usize::from(self.method)]
    }

    /// Whether a body follows.
    pub fn has_body(&self) -> bool {
        self.chunked || self.content_length.is_some_and(|length| length > 0)
    }

    /// The first value of field `name` (any letter case) in `input`.
    pub fn field<'a>(&self, input: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let mut found =
            self.headers.iter().filter(|h| h.name.get(input).eq_ignore_ascii_case(name.as_bytes()));
        found.next().map(|h| h.value.get(input))
    }

    /// Parses the head at the start of `input` into `self`; `false` where it is not all there.
    ///
    /// # Errors
    /// What is wrong with it, as soon as that can be told.
    pub(super) fn parse(&mut self, input: &[u8], most_fields: usize) -> Result<bool, Fault> {
        let mut few = [MaybeUninit::uninit(); FEW_FIELDS];
        let most = most_fields.min(FEW_FIELDS);
        match self.parse_into(input, &mut few[..most]) {
            Err(httparse::Error::TooManyHeaders) if most_fields > FEW_FIELDS => {
                let mut many = vec![MaybeUninit::uninit(); most_fields];
                self.parse_into(input, &mut many)
            }
            result => result,
        }
        .map_err(|error| classify(input, error))
        .and_then(|complete| {
            if complete {
                check_line_ends(&input[..self.bytes])?;
                self.interpret(input)?;
            }
            Ok(complete)
        })
    }

    fn parse_into<'a>(
        &mut self,
        input: &'a [u8],
        fields: &mut [MaybeUninit<httparse::Header<'a>>],
    ) -> Result<bool, httparse::Error> {
        let mut request = httparse::Request::new(&mut []);
        let status = httparse::ParserConfig::default().parse_request_with_uninit_headers(
            &mut request,
            input,
            fields,
        )?;
        let httparse::Status::Complete(bytes) = status else {
            // What is there of the method must be the start of one.
            return match request.method {
                Some(method) => method_index(method).map(|_| false).ok_or(httparse::Error::Token),
                None => Ok(false),
            };
        };
        let base = input.as_ptr();
        let method = request.method.and_then(method_index).ok_or(httparse::Error::Token)?;
        let target = Span::of(request.path.unwrap_or_default().as_bytes(), base);
        let mut headers = std::mem::take(&mut self.headers);
        headers.clear();
        headers.extend(request.headers.iter().map(|field| HeaderSpan {
            name: Span::of(field.name.as_bytes(), base),
            value: Span::of(field.value, base),
        }));
        let minor_version = request.version.unwrap_or(1);
        *self = Self { method, target, minor_version, headers, bytes, ..Self::default() };
        Ok(true)
    }

    /// Reads the fields that concern the connection and the body.
    fn interpret(&mut self, input: &[u8]) -> Result<(), Fault> {
        check_target(self.target.get(input), self.method_name() == "CONNECT")?;
        let (mut close, mut keep_alive, mut wants_upgrade, mut has_upgrade) = (false, false, false, false);
        let mut encoded = false;
        let headers = std::mem::take(&mut self.headers);
        for field in &headers {
            let (name, value) = (field.name.get(input), field.value.get(input));
            match name.len() {
                4 if name.eq_ignore_ascii_case(b"host") => {
                    // RFC 9112, 3.2: more than one is an error that must be answered with 400.
                    if self.has_host {
                        return Err(Fault::new(Code::InvalidHeaderToken, "Duplicate Host"));
                    }
                    self.has_host = true;
                }
                // RFC 9110, 10.1.1: from an HTTP/1.0 peer it is ignored.
                6 if self.minor_version > 0 && name.eq_ignore_ascii_case(b"expect") => {
                    self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
                    self.expects_other = !self.expects_continue;
                }
                7 if name.eq_ignore_ascii_case(b"upgrade") => has_upgrade = true,
                10 if name.eq_ignore_ascii_case(b"connection") => {
                    for token in tokens(value) {
                        close |= token.eq_ignore_ascii_case(b"close");
                        keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                        wants_upgrade |= token.eq_ignore_ascii_case(b"upgrade");
                    }
                }
                14 if name.eq_ignore_ascii_case(b"content-length") => {
                    if self.content_length.is_some() {
                        return Err(Fault::new(Code::UnexpectedContentLength, "Duplicate Content-Length"));
                    }
                    if encoded {
                        return Err(Fault::new(
                            Code::InvalidContentLength,
                            "Content-Length can't be present with Transfer-Encoding",
                        ));
                    }
                    self.content_length = Some(length(value)?);
                }
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                    self.transfer_encoding(value, encoded)?;
                    encoded = true;
                }
                _ => {}
            }
        }
        self.headers = headers;
        if encoded && !self.chunked {
            // RFC 9112, 6.3: the length of such a request cannot be told.
            return Err(Fault::new(Code::InvalidTransferEncoding, "Request has invalid `Transfer-Encoding`"));
        }
        self.keep_alive = if self.minor_version == 0 { keep_alive && !close } else { !close };
        self.upgrade = has_upgrade && wants_upgrade || self.method_name() == "CONNECT";
        Ok(())
    }

    /// RFC 9112, 6.1: `chunked` comes last, and once.
    fn transfer_encoding(&mut self, value: &[u8], encoded: bool) -> Result<(), Fault> {
        let invalid =
            || Fault::new(Code::InvalidTransferEncoding, "Invalid `Transfer-Encoding` header value");
        if self.content_length.is_some() {
            return Err(Fault::new(
                Code::InvalidTransferEncoding,
                "Transfer-Encoding can't be present with Content-Length",
            ));
        }
        // RFC 9112, 6.1: an HTTP/1.0 message that has one is framed faultily.
        if self.minor_version == 0 || encoded && self.chunked {
            return Err(invalid());
        }
        for token in tokens(value) {
            if self.chunked {
                return Err(invalid());
            }
            self.chunked = token.eq_ignore_ascii_case(b"chunked");
        }
        Ok(())
    }
}

/// The members of a comma-separated list.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// RFC 9110, 8.6: digits. A list of equal numbers is refused, too.
fn length(value: &[u8]) -> Result<u64, Fault> {
    let fault = |reason| Fault::new(Code::InvalidContentLength, reason);
    if value.is_empty() {
        return Err(fault("Empty Content-Length"));
    }
    value.iter().try_fold(0u64, |sum, &byte| {
        if !byte.is_ascii_digit() {
            return Err(fault("Invalid character in Content-Length"));
        }
        let next = sum.checked_mul(10).and_then(|sum| sum.checked_add(u64::from(byte - b'0')));
        next.ok_or_else(|| fault("Content-Length overflow"))
    })
}

/// A path, a whole URL, `*`, or with CONNECT an authority; visible ASCII, as llhttp has it.
fn check_target(target: &[u8], connect: bool) -> Result<(), Fault> {
    let fault = |reason| Err(Fault::new(Code::InvalidUrl, reason));
    if target.iter().any(|byte| !byte.is_ascii_graphic()) {
        return fault("Invalid char in url path");
    }
    match target.first() {
        Some(b'/' | b'*') => Ok(()),
        Some(first) if connect && (first.is_ascii_alphanumeric() || *first == b'[') => Ok(()),
        Some(first) if first.is_ascii_alphabetic() && memchr::memmem::find(target, b"://").is_some() => {
            Ok(())
        }
        _ => fault("Invalid characters in url"),
    }
}

/// `httparse` takes a bare LF for the end of a line; two parsers that differ there are how requests are smuggled.
/// (A bare CR it refuses.) Empty lines before the request line are no part of it.
fn check_line_ends(head: &[u8]) -> Result<(), Fault> {
    check_line_ends_from(head, head.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count())
}

/// The same from byte `lead` on.
pub(super) fn check_line_ends_from(head: &[u8], lead: usize) -> Result<(), Fault> {
    for at in memchr::memchr_iter(b'\n', &head[lead..]) {
        if at == 0 || head[lead + at - 1] != b'\r' {
            return Err(Fault::new(Code::CrExpected, "Missing expected CR after header value"));
        }
    }
    Ok(())
}

/// The code of Node's parser for what `httparse` refused.
pub(super) fn classify(input: &[u8], error: httparse::Error) -> Fault {
    use httparse::Error;
    match error {
        Error::TooManyHeaders => Fault::new(Code::HeaderOverflow, "Header overflow"),
        Error::HeaderName => Fault::new(Code::InvalidHeaderToken, "Invalid header token"),
        // The byte that it stops at is not told; a CR in a value is the only one that has a code of its own.
        Error::HeaderValue if has_bare_cr(input) => {
            Fault::new(Code::LfExpected, "Missing expected LF after header value")
        }
        Error::HeaderValue => Fault::new(Code::InvalidHeaderToken, "Invalid header value char"),
        Error::NewLine => Fault::new(Code::Strict, "Expected LF after headers"),
        Error::Version => classify_version(input),
        _ => classify_line(input),
    }
}

fn has_bare_cr(input: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', input).any(|at| input.get(at + 1).is_some_and(|&next| next != b'\n'))
}

/// Where the method ends, where it is one that Node knows.
fn method_end(line: &[u8]) -> Option<usize> {
    let end = line.iter().position(|byte| !byte.is_ascii_uppercase() && *byte != b'-').unwrap_or(line.len());
    let known = std::str::from_utf8(&line[..end]).ok().and_then(method_index);
    known.filter(|_| line.get(end) == Some(&b' ')).map(|_| end)
}

fn classify_line(input: &[u8]) -> Fault {
    let line = input.trim_ascii_start();
    let Some(end) = method_end(line) else {
        return Fault::new(Code::InvalidMethod, "Invalid method encountered");
    };
    let target = &line[end + 1..];
    let stop = target.iter().position(u8::is_ascii_whitespace).unwrap_or(target.len());
    let fault = check_target(&target[..stop], true).err();
    fault.unwrap_or(Fault::new(Code::InvalidUrl, "Invalid characters in url"))
}

fn classify_version(input: &[u8]) -> Fault {
    if input.starts_with(b"PRI * HTTP/2.0") {
        return Fault::new(Code::PausedH2Upgrade, "Pause on PRI/Upgrade");
    }
    let line = input.trim_ascii_start();
    if method_end(line).is_none() {
        return classify_line(input);
    }
    let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())];
    match memchr::memmem::find(line, b" HTTP/") {
        Some(_) => Fault::new(Code::InvalidVersion, "Invalid HTTP version"),
        None => Fault::new(Code::InvalidConstant, "Expected HTTP/"),
    }
}
