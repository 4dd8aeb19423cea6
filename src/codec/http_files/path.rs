//! From a request's path to a file's, and which ones are not served.

/// What becomes of names that begin with a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dotfiles {
    /// Served as others are.
    Allow,
    /// 403.
    Deny,
    /// 404, as if they were not there.
    Ignore,
}

/// Why a path is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 400: a broken escape, a NUL, bytes that are no UTF-8.
    Malformed,
    /// 403: it would leave the directory, or a dotfile where those are denied.
    Forbidden,
    /// 404: a dotfile where those are ignored.
    Hidden,
}

/// The path below the served directory, without a slash at its start, for the request path `raw` (escaped, without a
/// query). A slash at the end stays: it asks for a directory.
///
/// Escapes are taken off once, so that `%252e` is the three characters `%2e`. An empty segment is nothing.
///
/// # Errors
/// Why it is not served.
pub fn file_path(raw: &[u8], dotfiles: Dotfiles) -> Result<String, Refusal> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        decoded.push(match byte {
            b'%' => {
                let digits = tail.first_chunk::<2>().ok_or(Refusal::Malformed)?;
                rest = &tail[2..];
                let digit = |byte: u8| (byte as char).to_digit(16).ok_or(Refusal::Malformed);
                (digit(digits[0])? << 4 | digit(digits[1])?) as u8
            }
            other => other,
        });
    }
    if decoded.contains(&0) {
        return Err(Refusal::Malformed);
    }
    let decoded = String::from_utf8(decoded).map_err(|_| Refusal::Malformed)?;
    let mut path = String::with_capacity(decoded.len());
    for segment in decoded.split(['/', std::path::MAIN_SEPARATOR]) {
        match segment {
            "" | "." => continue,
            ".." => return Err(Refusal::Forbidden),
            _ if segment.starts_with('.') => match dotfiles {
                Dotfiles::Allow => {}
                Dotfiles::Deny => return Err(Refusal::Forbidden),
                Dotfiles::Ignore => return Err(Refusal::Hidden),
            },
            _ => {}
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(segment);
    }
    if decoded.ends_with('/') && !path.is_empty() {
        path.push('/');
    }
    Ok(path)
}
