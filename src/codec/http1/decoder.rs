//! One connection's requests, one after the other.

use super::chunked::{ChunkedDecoder, Piece};
use super::fault::{Fault, FaultCode as Code};
use super::head::{Head, HeaderSpan, Span};

/// What a peer may send before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, and of trailers. 16,384 in Node.
    pub head_bytes: usize,
    /// Fields of a head, and of trailers.
    pub fields: usize,
    /// Bytes of chunk extensions in one body. 16,384 in Node.
    pub chunk_extension_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes: 16 << 10, fields: 2000, chunk_extension_bytes: 16 << 10 }
    }
}

/// What the start of the input is. The caller drops that many bytes before the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many bytes are done with, and more are needed.
    More(usize),
    /// A head: [`RequestDecoder::head`] has it.
    Head(usize),
    /// So many bytes of frame, then bytes of the body.
    Data {
        /// Bytes before the data.
        skip: usize,
        /// Bytes of data.
        len: usize,
    },
    /// The request is complete; [`RequestDecoder::trailers`] are places in these bytes.
    End(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    Chunked(ChunkedDecoder),
    Trailers,
}

/// Decodes the requests of one connection. The caller holds the bytes: no more than a head's limit while [`Step::More`]
/// takes none.
#[derive(Debug, Clone)]
pub struct RequestDecoder {
    limits: Limits,
    state: State,
    head: Head,
    trailers: Vec<HeaderSpan>,
    /// Bytes of an incomplete head at which it is looked at again: a byte at a time must not cost a parse each.
    look_at: usize,
    /// Where to look for its end.
    scanned: usize,
}

impl RequestDecoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Head,
            head: Head::default(),
            trailers: Vec::new(),
            look_at: 0,
            scanned: 0,
        }
    }

    /// The last head. Its spans are places in the input of the step that gave it.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The last request's trailers; places in the input of the step that gave [`Step::End`].
    pub fn trailers(&self) -> &[HeaderSpan] {
        &self.trailers
    }

    /// Whether the next byte is the first of a request.
    pub fn is_between_requests(&self) -> bool {
        self.state == State::Head
    }

    /// Says what the start of `input` is; `input` begins where the last step's bytes ended.
    ///
    /// # Errors
    /// The first fault; the connection is of no use after it.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, Fault> {
        match &mut self.state {
            State::Head => self.step_head(input),
            State::Length(0) => Ok(self.end(0)),
            State::Length(left) => {
                let len = (input.len() as u64).min(*left) as usize;
                *left -= len as u64;
                Ok(if len == 0 { Step::More(0) } else { Step::Data { skip: 0, len } })
            }
            State::Chunked(chunked) => match chunked.step(input)? {
                Piece::Frame(bytes) => Ok(Step::More(bytes)),
                Piece::Data(skip, len) => Ok(Step::Data { skip, len }),
                Piece::Last(bytes) => {
                    self.state = State::Trailers;
                    self.look_at = 0;
                    self.scanned = 0;
                    Ok(Step::More(bytes))
                }
            },
            State::Trailers => self.step_trailers(input),
        }
    }

    fn step_head(&mut self, input: &[u8]) -> Result<Step, Fault> {
        let window = &input[..input.len().min(self.limits.head_bytes)];
        if self.must_look(window) {
            if self.head.parse(window, self.limits.fields)? {
                self.trailers.clear();
                self.look_at = 0;
                self.scanned = 0;
                self.state = if self.head.chunked {
                    State::Chunked(ChunkedDecoder::new(self.limits.chunk_extension_bytes))
                } else {
                    State::Length(self.head.content_length.unwrap_or(0))
                };
                return Ok(Step::Head(self.head.bytes));
            }
            self.look_at = window.len() * 2;
        }
        self.scanned = window.len();
        self.more_head(input)
    }

    /// Whether a parse can come to something new: an empty line came, or as much as was there at the last one.
    fn must_look(&self, window: &[u8]) -> bool {
        let from = self.scanned.saturating_sub(3);
        window.len() >= self.look_at
            || memchr::memmem::find(&window[from.min(window.len())..], b"\r\n\r\n").is_some()
    }

    fn more_head(&self, input: &[u8]) -> Result<Step, Fault> {
        if input.len() >= self.limits.head_bytes {
            return Err(Fault::new(Code::HeaderOverflow, "Header overflow"));
        }
        Ok(Step::More(0))
    }

    fn step_trailers(&mut self, input: &[u8]) -> Result<Step, Fault> {
        let window = &input[..input.len().min(self.limits.head_bytes)];
        let ends = window.starts_with(b"\r\n") || self.must_look(window) && window.len() > 1;
        if ends {
            let mut fields = vec![
                httparse::EMPTY_HEADER;
                if window.starts_with(b"\r\n") { 0 } else { self.limits.fields }
            ];
            match httparse::parse_headers(window, &mut fields) {
                Ok(httparse::Status::Complete((bytes, fields))) => {
                    super::head::check_line_ends_from(&window[..bytes], 0)?;
                    let base = window.as_ptr();
                    self.trailers.extend(fields.iter().map(|field| HeaderSpan {
                        name: Span::of(field.name.as_bytes(), base),
                        value: Span::of(field.value, base),
                    }));
                    return Ok(self.end(bytes));
                }
                Ok(httparse::Status::Partial) => {}
                Err(error) => return Err(super::head::classify(window, error)),
            }
            self.look_at = window.len() * 2;
        }
        self.scanned = window.len();
        self.more_head(input)
    }

    fn end(&mut self, bytes: usize) -> Step {
        self.state = State::Head;
        self.look_at = 0;
        self.scanned = 0;
        Step::End(bytes)
    }
}
