//! What the Final_Sigma condition (Unicode Standard, section 3.13, table 3-17) needs to know about characters.

/// A character beside a sigma, as the condition sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// Case_Ignorable: looked through, even where it is Cased as well.
    Ignorable,
    /// Cased: a letter with case.
    Cased,
    /// Anything else: what is beyond it does not matter.
    Neither,
}

impl Context {
    /// The context that `c` makes.
    pub(super) fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' | 'Α'..='Ρ' | 'Σ'..='ώ' => Self::Cased,
            '\'' | '.' | ':' | '^' | '`' => Self::Ignorable,
            '\0'..='\x7f' => Self::Neither,
            _ => Self::probe(c),
        }
    }

    /// The two properties are not public in std, but its lower-casing of a sigma behind `c` gives them away. Only
    /// characters at the edges of blocks and beside capital sigmas come here.
    fn probe(c: char) -> Self {
        let lowered = |before: &str| {
            let mut probe = String::with_capacity(8);
            probe.extend([before, c.encode_utf8(&mut [0; 4]), "Σ"]);
            probe.to_lowercase().ends_with('ς')
        };
        if lowered("") {
            Self::Cased
        } else if lowered("a") {
            Self::Ignorable
        } else {
            Self::Neither
        }
    }
}

/// The first character of `bytes`, which are valid UTF-8, and its length in bytes.
pub(super) fn first_character(bytes: &[u8]) -> Option<(char, usize)> {
    let length = match bytes.first()? {
        0..=0x7f => 1,
        ..=0xdf => 2,
        ..=0xef => 3,
        _ => 4,
    };
    let c = std::str::from_utf8(bytes.get(..length)?).ok()?.chars().next()?;
    Some((c, length))
}

/// The last character of `bytes`, which are valid UTF-8, and its length in bytes.
pub(super) fn last_character(bytes: &[u8]) -> Option<(char, usize)> {
    let length = bytes.iter().rev().take(4).position(|byte| byte & 0xc0 != 0x80)? + 1;
    let c = std::str::from_utf8(&bytes[bytes.len() - length..]).ok()?.chars().next()?;
    Some((c, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignorable_characters_keep_their_bytes_and_short_cuts_are_as_std_has_it() {
        let mut ignorable = 0;
        for c in (0..=0x10_ffffu32).filter_map(char::from_u32) {
            let context = Context::of(c);
            if c < '\u{400}' {
                assert_eq!(context, Context::probe(c), "{c:?}");
            }
            if context == Context::Ignorable {
                ignorable += 1;
                assert!(c.to_lowercase().eq([c]), "{c:?}");
            } else if context == Context::Cased {
                // The joiner looks at text that is lower-cased already.
                assert_eq!(c.to_lowercase().next().map(Context::of), Some(Context::Cased), "{c:?}");
                let last = c.to_lowercase().rev().map(Context::of).find(|&it| it != Context::Ignorable);
                assert_eq!(last, Some(Context::Cased), "{c:?}");
            } else {
                assert!(c.to_lowercase().eq([c]), "{c:?}");
            }
        }
        assert!(ignorable > 2000);
        for (c, context) in [
            ('Σ', Context::Cased),
            ('\u{301}', Context::Ignorable),
            ('’', Context::Ignorable),
            ('字', Context::Neither),
        ] {
            assert_eq!(Context::of(c), context, "{c:?}");
        }
    }
}
