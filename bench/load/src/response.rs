//! Reads HTTP/1.1 responses (RFC 9112), one behind the other.

/// Takes the bodies of responses.
pub trait BodySink {
    /// Bytes of the body under way.
    fn body(&mut self, bytes: &[u8]);
    /// It is complete.
    fn end(&mut self);
}

/// A head is not longer than this.
const MAX_HEAD_BYTES: usize = 64 << 10;

enum State {
    /// Lines up to an empty one.
    Head,
    /// So many bytes of a body with a length.
    Length(u64),
    /// The line in front of a chunk.
    ChunkSize,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// Lines up to an empty one, behind the last chunk.
    Trailers,
}

pub struct ResponseReader {
    state: State,
    /// Of a head or a line of which not all came.
    line: Vec<u8>,
}

impl ResponseReader {
    pub fn new() -> Self {
        Self { state: State::Head, line: Vec::new() }
    }

    /// # Errors
    /// The bytes are no response, or one that does not say 200 or 206.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl BodySink) -> Result<(), String> {
        while !bytes.is_empty() {
            match self.state {
                State::Head => {
                    let Some(end) = self.take_until(&mut bytes, b"\r\n\r\n")? else { return Ok(()) };
                    let head = std::mem::take(&mut self.line);
                    self.state = body_of(&head[..end])?;
                    if matches!(self.state, State::Length(0)) {
                        self.end(sink);
                    }
                }
                State::Length(left) => {
                    let left = pass(&mut bytes, left, sink);
                    self.state = State::Length(left);
                    if left == 0 {
                        self.end(sink);
                    }
                }
                State::ChunkSize => {
                    let Some(end) = self.take_until(&mut bytes, b"\r\n")? else { return Ok(()) };
                    let text = std::str::from_utf8(&self.line[..end]).unwrap_or_default();
                    let size = text.split(';').next().unwrap_or_default().trim();
                    let size = u64::from_str_radix(size, 16)
                        .map_err(|_| format!("{text:?} is no size of a chunk"))?;
                    self.line.clear();
                    self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
                }
                State::Chunk(left) => {
                    let left = pass(&mut bytes, left, sink);
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                }
                State::ChunkEnd => {
                    let Some(end) = self.take_until(&mut bytes, b"\r\n")? else { return Ok(()) };
                    if end != 0 {
                        return Err("a chunk is longer than its size".into());
                    }
                    self.line.clear();
                    self.state = State::ChunkSize;
                }
                State::Trailers => {
                    let Some(end) = self.take_until(&mut bytes, b"\r\n")? else { return Ok(()) };
                    self.line.clear();
                    if end == 0 {
                        self.end(sink);
                    }
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, sink: &mut impl BodySink) {
        self.state = State::Head;
        sink.end();
    }

    /// Moves bytes into `line` up to `mark`, which ends a line, and with it; returns where it stands, once it is there. No byte
    /// behind it is touched: a read may hold a thousand chunks.
    fn take_until(&mut self, bytes: &mut &[u8], mark: &[u8]) -> Result<Option<usize>, String> {
        while !bytes.is_empty() {
            let piece = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
            let (taken, rest) = bytes.split_at(piece);
            self.line.extend_from_slice(taken);
            *bytes = rest;
            if self.line.ends_with(mark) {
                return Ok(Some(self.line.len() - mark.len()));
            }
            if self.line.len() >= MAX_HEAD_BYTES {
                return Err("a head without end".into());
            }
        }
        Ok(None)
    }
}

/// Passes what there is of `left` bytes on; returns how many are still to come.
fn pass(bytes: &mut &[u8], left: u64, sink: &mut impl BodySink) -> u64 {
    let n = left.min(bytes.len() as u64) as usize;
    sink.body(&bytes[..n]);
    *bytes = &bytes[n..];
    left - n as u64
}

/// What body a head announces (RFC 9112 section 6.3).
fn body_of(head: &[u8]) -> Result<State, String> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if !matches!(status.split(' ').nth(1), Some("200" | "206")) {
        return Err(format!("the server answered {status:?}"));
    }
    let mut state = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.parse().map_err(|_| format!("{value:?} is no length"))?;
            state.get_or_insert(State::Length(length));
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            state = Some(State::ChunkSize);
        }
    }
    state.ok_or_else(|| format!("a body without a length: {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Bodies(Vec<Vec<u8>>, Vec<u8>);

    impl BodySink for Bodies {
        fn body(&mut self, bytes: &[u8]) {
            self.1.extend_from_slice(bytes);
        }

        fn end(&mut self) {
            self.0.push(std::mem::take(&mut self.1));
        }
    }

    #[test]
    fn reads_lengths_and_chunks_however_they_are_cut() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n\
            HTTP/1.1 206 Part\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: b\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!";
        for cut in 1..=bytes.len() {
            let mut bodies = Bodies::default();
            let mut reader = ResponseReader::new();
            for piece in bytes.chunks(cut) {
                reader.feed(piece, &mut bodies).unwrap();
            }
            assert_eq!(bodies.0, [&b"hello"[..], b"", b"abcde", b"!"], "in pieces of {cut}");
        }
    }

    #[test]
    fn refuses_what_is_no_success() {
        for bytes in [&b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"[..], b"HTTP/1.1 200 OK\r\n\r\n"]
        {
            assert!(ResponseReader::new().feed(bytes, &mut Bodies::default()).is_err());
        }
    }
}
