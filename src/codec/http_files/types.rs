//! Media types by file name, from the database of `mime_guess`.

/// Types that moved since that database was made: RFC 9239 for JavaScript, and some of today's formats.
const NEWER: [(&str, &str); 6] = [
    ("mjs", "text/javascript"),
    ("cjs", "text/javascript"),
    ("map", "application/json"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("jsonl", "application/jsonl"),
];

/// The value of `Content-Type` for a file of that name. Text is said to be UTF-8; a name without a known extension is
/// `application/octet-stream`.
pub fn content_type(name: &str) -> String {
    let extension = name.rsplit('/').next().and_then(|file| file.rsplit_once('.')).map_or("", |(_, ext)| ext);
    let newer =
        NEWER.iter().find(|(ext, _)| ext.eq_ignore_ascii_case(extension)).map(|(_, essence)| *essence);
    let known = newer.or_else(|| mime_guess::from_ext(extension).first_raw());
    match known {
        None => "application/octet-stream".into(),
        Some(essence) if is_text(essence) => format!("{essence}; charset=utf-8"),
        Some(essence) => essence.into(),
    }
}

fn is_text(essence: &str) -> bool {
    essence.starts_with("text/")
        || matches!(
            essence,
            "application/json" | "application/javascript" | "application/manifest+json" | "application/jsonl"
        )
}

/// Whether bytes of that type grow smaller by compression.
pub fn is_compressible(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    is_text(essence)
        || essence.ends_with("+xml")
        || essence.ends_with("+json")
        || matches!(essence, "application/xml" | "application/yaml" | "application/wasm" | "image/bmp")
}
