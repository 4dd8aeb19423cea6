//! JSON text in one byte a character, from which V8 makes a string by a copy.
//!
//! A single character beyond Latin-1 in a batch would make all of it a two-byte string: decoded slowly, twice as large,
//! and parsed more slowly. Inside of JSON such characters can be written as escapes instead.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Beyond this share of wide characters' bytes in a text, a two-byte string is quicker to parse than the escapes.
const WIDE_SHARE: usize = 4;

/// The UTF-8 text from `start` on in one byte a character, in its place: Latin-1's characters as themselves, others as
/// escapes. Only strings in JSON hold such characters, so the value is the same. Returns whether it is so now; a text with
/// many wide characters stays as it is.
pub(super) fn to_one_byte(out: &mut Vec<u8>, start: usize, scratch: &mut Vec<u8>) -> bool {
    let text = &out[start..];
    if text.is_ascii() {
        return true;
    }
    // Lead bytes from 0xc4 on begin characters above U+00FF: of two to four bytes, three being the most common.
    let wide = text.iter().filter(|&&byte| byte >= 0xc4).count() * 3;
    if wide * WIDE_SHARE > text.len() {
        return false;
    }
    let Ok(text) = std::str::from_utf8(text) else { return false };
    scratch.clear();
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii()) {
        scratch.extend_from_slice(&rest.as_bytes()[..at]);
        let mut units = [0; 2];
        let mut end = at;
        for character in rest[at..].chars().take_while(|character| !character.is_ascii()) {
            end += character.len_utf8();
            match u8::try_from(character) {
                Ok(byte) => scratch.push(byte),
                Err(_) => character.encode_utf16(&mut units).iter().for_each(|&unit| escape(unit, scratch)),
            }
        }
        rest = &rest[end..];
    }
    scratch.extend_from_slice(rest.as_bytes());
    out.truncate(start);
    out.extend_from_slice(scratch);
    true
}

fn escape(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(HEX[usize::from(unit >> shift & 15)]);
    }
}
