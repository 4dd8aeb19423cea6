//! `grpc-timeout`: up to eight digits and a unit.

/// What a client allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// So many milliseconds, rounded down as in grpc-js; at most `u32::MAX`, which is 49 days.
    Ms(u32),
    /// The field says nothing that can be understood. `INTERNAL`.
    Invalid,
}

impl Timeout {
    /// Reads the field's value. As in grpc-js there may be spaces before the unit.
    pub fn parse(value: &[u8]) -> Self {
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = value.split_at(digits);
        if !(1..=8).contains(&digits) {
            return Self::Invalid;
        }
        let number = number.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        let ms = match rest.trim_ascii_start() {
            b"H" => number * 3_600_000,
            b"M" => number * 60_000,
            b"S" => number * 1000,
            b"m" => number,
            b"u" => number / 1000,
            b"n" => number / 1_000_000,
            _ => return Self::Invalid,
        };
        Self::Ms(u32::try_from(ms).unwrap_or(u32::MAX))
    }
}
