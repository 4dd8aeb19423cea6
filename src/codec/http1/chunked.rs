//! Chunked bodies: RFC 9112, 7.1.

use super::fault::{Fault, FaultCode as Code};

/// What a piece of input was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// Frame, to its end: more is needed.
    Frame(usize),
    /// Frame of so many bytes, then data of so many.
    Data(usize, usize),
    /// Frame of so many bytes; the last chunk has begun, and trailers or an empty line follow.
    Last(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    Start,
    Size,
    Extension {
        quoted: bool,
        escaped: bool,
    },
    SizeLf,
    Data,
    DataCr,
    DataLf,
}

/// Takes the frame off a chunked body. Nothing is held: data is told as places in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChunkedDecoder {
    state: State,
    /// Bytes of the chunk that are still to come.
    left: u64,
    /// Bytes of extensions, of all chunks together.
    extension_bytes: usize,
    extension_limit: usize,
}

impl ChunkedDecoder {
    pub(super) fn new(extension_limit: usize) -> Self {
        Self { state: State::Start, left: 0, extension_bytes: 0, extension_limit }
    }

    /// Takes frame, then data if there is any, from the start of `input`.
    pub(super) fn step(&mut self, input: &[u8]) -> Result<Piece, Fault> {
        for (at, &byte) in input.iter().enumerate() {
            self.state = match self.state {
                State::Data => {
                    let len = self.left.min((input.len() - at) as u64);
                    self.left -= len;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(Piece::Data(at, len as usize));
                }
                State::Start => {
                    self.left = u64::from(digit(byte)?);
                    State::Size
                }
                State::Size => match byte {
                    b'\r' => State::SizeLf,
                    b'\n' => {
                        return Err(Fault::new(Code::CrExpected, "Missing expected CR after chunk size"));
                    }
                    b';' => self.extension(false, false)?,
                    _ => {
                        let digit = u64::from(digit(byte)?);
                        if self.left >> 60 != 0 {
                            return Err(Fault::new(Code::InvalidChunkSize, "Chunk size overflow"));
                        }
                        self.left = self.left << 4 | digit;
                        State::Size
                    }
                },
                State::Extension { quoted, escaped } => match byte {
                    b'\r' if !quoted => State::SizeLf,
                    b'\n' => {
                        return Err(Fault::new(
                            Code::CrExpected,
                            "Missing expected CR after chunk extension name",
                        ));
                    }
                    b'"' if !escaped => self.extension(!quoted, false)?,
                    b'\\' if quoted && !escaped => self.extension(true, true)?,
                    b'\t' | b' '..=b'~' | 0x80.. => self.extension(quoted, false)?,
                    _ => {
                        return Err(Fault::new(Code::Strict, "Invalid character in chunk extensions name"));
                    }
                },
                State::SizeLf => {
                    if byte != b'\n' {
                        return Err(Fault::new(Code::Strict, "Expected LF after chunk size"));
                    }
                    if self.left == 0 {
                        self.state = State::Start;
                        return Ok(Piece::Last(at + 1));
                    }
                    State::Data
                }
                State::DataCr => {
                    if byte != b'\r' {
                        let (code, reason) = match byte {
                            b'\n' => (Code::CrExpected, "Missing expected CR after chunk data"),
                            _ => (Code::Strict, "Expected LF after chunk data"),
                        };
                        return Err(Fault::new(code, reason));
                    }
                    State::DataLf
                }
                State::DataLf => {
                    if byte != b'\n' {
                        return Err(Fault::new(Code::Strict, "Expected LF after chunk data"));
                    }
                    State::Start
                }
            };
        }
        Ok(Piece::Frame(input.len()))
    }

    /// Counts a byte of extension: nobody reads them, and without a limit they are work for nothing.
    fn extension(&mut self, quoted: bool, escaped: bool) -> Result<State, Fault> {
        self.extension_bytes += 1;
        if self.extension_bytes > self.extension_limit {
            return Err(Fault::new(Code::ChunkExtensionsOverflow, "Chunk extensions overflow"));
        }
        Ok(State::Extension { quoted, escaped })
    }
}

fn digit(byte: u8) -> Result<u8, Fault> {
    let value = (byte as char).to_digit(16).map(|digit| digit as u8);
    value.ok_or_else(|| Fault::new(Code::InvalidChunkSize, "Invalid character in chunk size"))
}
