//! The symbols of lengths and distances (RFC 1951 3.2.5), and how often a piece of a stream has each.

/// Literals 0 to 255, the end of a block, 29 lengths, two that are never used.
pub const LITERALS: usize = 288;
/// 30 distances, two that are never used.
pub const DISTANCES: usize = 32;
/// The symbol behind a block's last byte.
pub const END_OF_BLOCK: usize = 256;
/// Longest copy.
pub const MAX_LENGTH: usize = 258;
/// Farthest copy.
pub const WINDOW: usize = 32 << 10;

/// Some literals, then a copy.
#[derive(Debug, Clone, Copy)]
pub struct Sequence {
    /// Bytes that stand for themselves.
    pub literals: u32,
    /// Bytes of the copy, 3 to 258; 0 for no copy.
    pub length: u16,
    /// How far back the copy is from, less one.
    pub distance: u16,
}

/// The shortest length of each length symbol.
pub const LENGTH_BASE: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
];
/// Further bits behind each length symbol.
pub const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

static LENGTH_SYMBOL: [u8; MAX_LENGTH + 1] = {
    let mut symbols = [0; MAX_LENGTH + 1];
    let mut length = 3;
    let mut symbol = 0;
    while length <= MAX_LENGTH {
        if symbol + 1 < LENGTH_BASE.len() && length >= LENGTH_BASE[symbol + 1] as usize {
            symbol += 1;
        }
        symbols[length] = symbol as u8;
        length += 1;
    }
    symbols
};

/// The symbol of a length, 0 for the first of the 29.
#[inline(always)]
pub fn length_symbol(length: usize) -> usize {
    usize::from(LENGTH_SYMBOL[length.min(MAX_LENGTH)])
}

/// The symbol of a distance, which is given less one.
#[inline(always)]
pub fn distance_symbol(distance: u16) -> usize {
    let distance = u32::from(distance);
    if distance < 4 {
        return distance as usize;
    }
    let log = distance.ilog2();
    (2 * log + (distance >> (log - 1) & 1)) as usize
}

/// Further bits behind a distance symbol.
#[inline(always)]
pub fn distance_extra(symbol: usize) -> u32 {
    (symbol as u32 / 2).saturating_sub(1)
}

/// How often a piece of a stream has each symbol.
#[derive(Debug, Clone)]
pub struct Histogram {
    /// Of literals, [`END_OF_BLOCK`], and from 257 on lengths.
    pub literals: [u32; LITERALS],
    /// Of distances.
    pub distances: [u32; DISTANCES],
}

impl Histogram {
    /// Of nothing.
    pub const EMPTY: Self = Self { literals: [0; LITERALS], distances: [0; DISTANCES] };

    /// Counts a literal.
    #[inline(always)]
    pub fn literal(&mut self, byte: u8) {
        self.literals[usize::from(byte)] += 1;
    }

    /// Counts a copy; the distance is given less one.
    #[inline(always)]
    pub fn copy(&mut self, length: usize, distance: u16) {
        self.literals[257 + length_symbol(length)] += 1;
        self.distances[distance_symbol(distance) % DISTANCES] += 1;
    }

    /// Counts what `other` has.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.literals.iter_mut().zip(&other.literals) {
            *sum += count;
        }
        for (sum, count) in self.distances.iter_mut().zip(&other.distances) {
            *sum += count;
        }
    }

    /// Bits of these symbols by the best codes that could be, fractions of bits included. Without the bits that follow length
    /// and distance symbols: those are the same for any codes.
    pub fn entropy_bits(&self) -> f32 {
        entropy_bits(&self.literals) + entropy_bits(&self.distances)
    }
}

fn entropy_bits(counts: &[u32]) -> f32 {
    let mut total = 0;
    let mut saved = 0.0;
    for &count in counts {
        total += count;
        saved += weighted_log2(count);
    }
    weighted_log2(total) - saved
}

/// `count * log2(count)`, within 1 % of `count`. By sums and products alone, which are the same on every machine: what
/// is compressed must not depend on a library's logarithm.
fn weighted_log2(count: u32) -> f32 {
    if count == 0 {
        return 0.0;
    }
    let log = count.ilog2();
    let mantissa = count as f32 / (1u64 << log) as f32;
    count as f32 * (log as f32 + (2.0 - 0.335_828_8 * mantissa) * mantissa - 1.658_717_6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_those_of_the_rfc() {
        for (length, symbol) in [(3, 0), (10, 7), (11, 8), (12, 8), (13, 9), (257, 27), (258, 28)] {
            assert_eq!(length_symbol(length), symbol, "{length}");
        }
        for (distance, symbol, extra) in
            [(1, 0, 0), (4, 3, 0), (5, 4, 1), (6, 4, 1), (7, 5, 1), (24577, 29, 13), (32768, 29, 13)]
        {
            assert_eq!(distance_symbol((distance - 1) as u16), symbol, "{distance}");
            assert_eq!(distance_extra(symbol), extra, "{distance}");
        }
    }

    #[test]
    fn the_logarithm_is_close() {
        for count in (1..10_000).chain([1 << 20, (1 << 21) - 1, 2 << 20]) {
            let exact = f64::from(count) * f64::from(count).log2();
            assert!((f64::from(weighted_log2(count)) - exact).abs() <= 0.01 * f64::from(count), "{count}");
        }
    }
}
