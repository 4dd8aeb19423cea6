//! Which encoding of a resource a peer gets: RFC 9110, 12.5.3.

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Brotli, RFC 7932.
    Br,
    /// Zstandard, RFC 8878.
    Zstd,
    /// gzip, RFC 1952.
    Gzip,
}

impl Coding {
    /// All, the smallest output first.
    pub const ALL: [Self; 3] = [Self::Br, Self::Zstd, Self::Gzip];

    /// The name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What the name of a file in this coding ends with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Br => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// Orders `available` (the server's best first) by the peer's `accept`, the ones that it refuses left out. Those behind
/// `None` are worse for the peer than the resource as it is.
pub fn choose(accept: Option<&[u8]>, available: &[Coding]) -> Vec<Option<Coding>> {
    let Some(accept) = accept else { return vec![None] };
    let mut weights = [None; 4];
    let mut any = None;
    for member in accept.split(|&byte| byte == b',') {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let Some(name) = parts.next().filter(|name| !name.is_empty()) else { continue };
        let weight = parts.find_map(quality).unwrap_or(1000);
        let slot = match name.to_ascii_lowercase().as_slice() {
            b"br" => &mut weights[Coding::Br as usize],
            b"zstd" => &mut weights[Coding::Zstd as usize],
            b"gzip" | b"x-gzip" => &mut weights[Coding::Gzip as usize],
            b"identity" => &mut weights[3],
            b"*" => &mut any,
            _ => continue,
        };
        *slot = Some(weight);
    }
    let mut all: Vec<(u16, Option<Coding>)> = available
        .iter()
        .map(|&coding| (weights[coding as usize].or(any).unwrap_or(0), Some(coding)))
        .filter(|(weight, _)| *weight > 0)
        .collect();
    // Not named, the resource as it is will do, but a coding that is named is liked better. Refused, it is still better
    // than no answer (RFC 9110, 12.5.3 leaves it to the server).
    let plain = weights[3].unwrap_or(0);
    all.push((plain, None));
    all.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    all.into_iter().map(|(_, coding)| coding).collect()
}

/// `q=0.5` in thousandths; `None` for another parameter.
fn quality(parameter: &[u8]) -> Option<u16> {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?.trim_ascii();
    let (whole, fraction) = value.split_at(value.len().min(1));
    let mut thousandths = match whole {
        b"1" => 1000,
        b"0" => 0,
        _ => return Some(1000),
    };
    let mut scale = 100;
    for &byte in fraction.iter().skip(1).take(3).filter(|byte| byte.is_ascii_digit()) {
        thousandths += u16::from(byte - b'0') * scale;
        scale /= 10;
    }
    Some(thousandths.min(1000))
}
