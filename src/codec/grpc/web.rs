//! gRPC-Web, as `PROTOCOL-WEB.md` of grpc/grpc has it: the trailers are a last frame of the body, for browsers do not see
//! those of HTTP, and the body may be base64, for older ones do not see bytes.

use crate::codec::digest::Encoding;

/// What tells a frame of trailers from a message.
const TRAILERS_FLAG: u8 = 0x80;
/// Characters of a group, and the bytes that it stands for.
const GROUP: usize = 4;

/// How the messages of a call lie in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// gRPC: the trailers are those of HTTP.
    Plain,
    /// `application/grpc-web`: the trailers are the last frame.
    Web,
    /// `application/grpc-web-text`: the same, as base64.
    WebText,
}

impl Framing {
    /// What a body of this content type is; `None` for one that is not gRPC's.
    pub fn of(content_type: &[u8]) -> Option<Self> {
        let rest = content_type.strip_prefix(b"application/grpc")?;
        Some(match rest.strip_prefix(b"-web") {
            None => Self::Plain,
            Some(rest) if rest.starts_with(b"-text") => Self::WebText,
            Some(_) => Self::Web,
        })
    }

    /// The content type of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "application/grpc+proto",
            Self::Web => "application/grpc-web+proto",
            Self::WebText => "application/grpc-web-text+proto",
        }
    }

    /// Frames as they lie in a body. Each piece of text is padded, so that it can be read when it comes.
    pub fn encode(self, frames: Vec<u8>) -> Vec<u8> {
        if self != Self::WebText {
            return frames;
        }
        let mut text = Vec::with_capacity(frames.len().div_ceil(3) * GROUP);
        Encoding::Base64.append(&frames, &mut text);
        text
    }
}

/// Appends the frame of trailers. Names are in lower case, and neither they nor values have line breaks.
pub fn append_trailers<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[TRAILERS_FLAG, 0, 0, 0, 0]);
    for (name, value) in fields {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    let length = (out.len() - start - super::PREFIX_BYTES) as u32;
    out[start + 1..start + super::PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// Bytes out of base64 that is cut anywhere. Clients encode piece by piece, so groups in the midst may be padded.
#[derive(Debug, Default)]
pub struct TextDecoder {
    group: [u8; GROUP],
    filled: usize,
}

/// It is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoText;

impl TextDecoder {
    /// The bytes of `text`, as far as its groups are complete.
    ///
    /// # Errors
    /// A character that is not of the alphabet (RFC 4648 section 4), or padding that is not at a group's end.
    pub fn decode(&mut self, text: &[u8]) -> Result<Vec<u8>, NoText> {
        let mut out = Vec::with_capacity(text.len() / GROUP * 3 + 3);
        for &character in text {
            self.group[self.filled] = character;
            self.filled += 1;
            if self.filled == GROUP {
                self.filled = 0;
                let padding = self.group.iter().rev().take_while(|character| **character == b'=').count();
                if padding > 2 {
                    return Err(NoText);
                }
                let mut bits = 0;
                for &character in &self.group[..GROUP - padding] {
                    bits = bits << 6 | value_of(character)?;
                }
                let [_, bytes @ ..] = (bits << (6 * padding)).to_be_bytes();
                out.extend_from_slice(&bytes[..3 - padding]);
            }
        }
        Ok(out)
    }

    /// Whether the text may end here.
    pub fn is_between_groups(&self) -> bool {
        self.filled == 0
    }
}

fn value_of(character: u8) -> Result<u32, NoText> {
    Ok(u32::from(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return Err(NoText),
    }))
}
