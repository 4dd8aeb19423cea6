//! Walks raw deflate data (RFC 1951) without decoding it, to find where its last block begins and ends.
//!
//! libdeflate can only make a complete stream, whose last block is marked final. To put another stream behind it,
//! that mark must go, and it stands at a bit that only a walk over all codes can find. The walk is cheap because
//! symbols need not be told apart: one table look-up skips as many literals as fit in its index, and the length code
//! behind them with its extra bits.

/// Where the last block of a stream is, in bits from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastBlock {
    /// The block's first bit, BFINAL.
    pub header_bit: u64,
    /// The first bit after the block.
    pub end_bit: u64,
}

/// Longest code (RFC 1951, 3.2.7).
const MAX_CODE: usize = 15;
const LITLEN_BITS: u32 = 10;
const DIST_BITS: u32 = 9;
const PRECODE_BITS: u32 = 7;
const END_OF_BLOCK: usize = 256;

/// What a table entry leads to, beside the bits that it skips (the low 5 bits of an entry). From `END` on it is rare.
const BITS_MASK: u8 = 0x1f;
/// More literals and lengths follow.
const MORE: u8 = 0 << 5;
/// A distance code follows.
const DISTANCE: u8 = 1 << 5;
/// The block ends.
const END: u8 = 2 << 5;
/// The next code is longer than the index.
const LONG: u8 = 3 << 5;
/// No code begins so.
const INVALID: u8 = 4 << 5;
const KIND_MASK: u8 = !BITS_MASK;

/// Extra bits of a distance symbol (RFC 1951, 3.2.5).
const fn dist_extra(symbol: usize) -> u32 {
    if symbol < 2 { 0 } else { (symbol as u32 - 2) / 2 }
}

/// Extra bits of a length symbol, 257 to 285.
const fn length_extra(symbol: usize) -> u32 {
    match symbol {
        0..265 | 285.. => 0,
        _ => (symbol as u32 - 261) / 4,
    }
}

/// Reads bits from the low end, 64 at a time. Beyond the end it reads zeros; the caller compares positions.
struct Bits<'a> {
    bytes: &'a [u8],
    next: usize,
    hold: u64,
    held: u32,
}

impl Bits<'_> {
    /// At least 56 bits in `hold` afterwards. `None` far beyond the end, so that no walk is endless.
    #[inline(always)]
    fn refill(&mut self) -> Option<()> {
        if let Some(chunk) = self.bytes.get(self.next..self.next + 8) {
            let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
            self.hold |= word << self.held;
            self.next += ((63 - self.held) >> 3) as usize;
            self.held |= 56;
            Some(())
        } else {
            self.refill_near_end()
        }
    }

    #[cold]
    fn refill_near_end(&mut self) -> Option<()> {
        while self.held < 56 {
            let byte = self.bytes.get(self.next).copied().unwrap_or(0);
            self.hold |= u64::from(byte) << self.held;
            self.next += 1;
            self.held += 8;
        }
        (self.next <= self.bytes.len() + 8).then_some(())
    }

    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.hold >>= bits;
        self.held -= bits;
    }

    fn take(&mut self, bits: u32) -> Option<u64> {
        if self.held < bits {
            self.refill()?;
        }
        let value = self.hold & ((1 << bits) - 1);
        self.skip(bits);
        Some(value)
    }

    fn position(&self) -> u64 {
        self.next as u64 * 8 - u64::from(self.held)
    }

    fn past_end(&self) -> bool {
        self.position() > self.bytes.len() as u64 * 8
    }

    /// Goes on at byte `at`.
    fn seek(&mut self, at: usize) {
        (self.next, self.hold, self.held) = (at, 0, 0);
    }
}

/// A canonical Huffman code: how many codes of each length there are, and the symbols in the codes' order.
struct Code {
    counts: [u16; MAX_CODE + 1],
    symbols: [u16; 288],
}

impl Code {
    fn new(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0u16; MAX_CODE + 1];
        for &length in lengths {
            counts[usize::from(length & 15)] += 1;
        }
        counts[0] = 0;
        let mut starts = [0u16; MAX_CODE + 2];
        let mut room = 1i32;
        for length in 1..=MAX_CODE {
            room = room * 2 - i32::from(counts[length]);
            if room < 0 {
                return None;
            }
            starts[length + 1] = starts[length] + counts[length];
        }
        let mut symbols = [0u16; 288];
        for (symbol, &length) in lengths.iter().enumerate() {
            if length != 0 {
                let at = &mut starts[usize::from(length)];
                symbols[usize::from(*at)] = symbol as u16;
                *at += 1;
            }
        }
        Some(Self { counts, symbols })
    }

    /// Calls `each(code, length, symbol)`, where `code` has its first bit lowest, as it stands in the data.
    fn for_each(&self, mut each: impl FnMut(usize, u32, usize)) {
        let (mut code, mut at) = (0u32, 0);
        for length in 1..=MAX_CODE as u32 {
            code <<= 1;
            for _ in 0..self.counts[length as usize] {
                let reversed = code.reverse_bits() >> (32 - length);
                each(reversed as usize, length, usize::from(self.symbols[at]));
                code += 1;
                at += 1;
            }
        }
    }

    /// Decodes one symbol bit by bit: (symbol, code length). For codes that are too long for a table.
    #[cold]
    fn decode(&self, mut hold: u64) -> Option<(usize, u32)> {
        let (mut code, mut first, mut index) = (0u32, 0u32, 0u32);
        for length in 1..=MAX_CODE as u32 {
            code |= (hold & 1) as u32;
            hold >>= 1;
            let count = u32::from(self.counts[length as usize]);
            if code < first + count {
                return Some((usize::from(self.symbols[(index + code - first) as usize]), length));
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

/// What a literal/length symbol's code of `length` bits leads to.
fn litlen_entry(symbol: usize, length: u32) -> u8 {
    match symbol {
        0..END_OF_BLOCK => length as u8 | MORE,
        END_OF_BLOCK => length as u8 | END,
        257..=285 => (length + length_extra(symbol)) as u8 | DISTANCE,
        _ => INVALID,
    }
}

/// The tables of one block; kept for the next, as they are large.
struct Tables {
    /// One symbol each: what it leads to, and the length of its code alone.
    symbol: [(u8, u8); 1 << LITLEN_BITS],
    /// As many literals as fit, with the length or end behind them if its code fits.
    chain: [u8; 1 << LITLEN_BITS],
    dist: [u8; 1 << DIST_BITS],
}

impl Tables {
    fn build_dist(&mut self, code: &Code) {
        self.dist.fill(INVALID);
        code.for_each(|bits, length, symbol| {
            if length > DIST_BITS {
                self.dist[bits & ((1 << DIST_BITS) - 1)] = LONG;
            } else if symbol < 30 {
                let entry = (length + dist_extra(symbol)) as u8 | MORE;
                for slot in self.dist[bits..].iter_mut().step_by(1 << length) {
                    *slot = entry;
                }
            }
        });
    }

    fn build_litlen(&mut self, code: &Code) {
        self.symbol.fill((INVALID, 0));
        code.for_each(|bits, length, symbol| {
            if length > LITLEN_BITS {
                self.symbol[bits & ((1 << LITLEN_BITS) - 1)] = (LONG, 0);
                return;
            }
            let entry = (litlen_entry(symbol, length), length as u8);
            for slot in self.symbol[bits..].iter_mut().step_by(1 << length) {
                *slot = entry;
            }
        });
        for index in 0..self.chain.len() {
            let (mut entry, length) = self.symbol[index];
            let mut used = u32::from(length);
            while entry & KIND_MASK == MORE {
                // The bits above the index are unknown, so a code must end within it to count.
                let (next, length) = self.symbol[index >> used];
                let fits = used + u32::from(length) <= LITLEN_BITS;
                if !fits || !matches!(next & KIND_MASK, MORE | DISTANCE | END) {
                    break;
                }
                entry = next + used as u8;
                used += u32::from(length);
            }
            self.chain[index] = entry;
        }
    }
}

/// Finds the last block of the complete raw deflate stream at the start of `data`, or `None` if there is none.
pub fn last_block(data: &[u8]) -> Option<LastBlock> {
    let mut bits = Bits { bytes: data, next: 0, hold: 0, held: 0 };
    let mut tables = Tables {
        symbol: [(0, 0); 1 << LITLEN_BITS],
        chain: [0; 1 << LITLEN_BITS],
        dist: [0; 1 << DIST_BITS],
    };
    loop {
        let header_bit = bits.position();
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => skip_stored(&mut bits)?,
            1 => {
                let mut lengths = [8u8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                skip_coded(&mut bits, &mut tables, &lengths, &[5; 30])?;
            }
            2 => {
                let mut lengths = [0u8; 320];
                let (litlens, dists) = read_lengths(&mut bits, &mut lengths)?;
                skip_coded(&mut bits, &mut tables, &lengths[..litlens], &lengths[litlens..litlens + dists])?;
            }
            _ => return None,
        }
        if bits.past_end() {
            return None;
        }
        if last {
            return Some(LastBlock { header_bit, end_bit: bits.position() });
        }
    }
}

/// RFC 1951, 3.2.4.
fn skip_stored(bits: &mut Bits<'_>) -> Option<()> {
    let at = bits.position().div_ceil(8) as usize;
    let length = bits.bytes.get(at..at + 2)?;
    bits.seek(at + 4 + usize::from(u16::from_le_bytes([length[0], length[1]])));
    Some(())
}

/// RFC 1951, 3.2.7: the code lengths of both alphabets, run-length coded. Gives their numbers.
fn read_lengths(bits: &mut Bits<'_>, lengths: &mut [u8; 320]) -> Option<(usize, usize)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let litlens = bits.take(5)? as usize + 257;
    let dists = bits.take(5)? as usize + 1;
    let mut precode = [0u8; 19];
    let used = bits.take(4)? as usize + 4;
    for &symbol in &ORDER[..used] {
        precode[symbol] = bits.take(3)? as u8;
    }
    let code = Code::new(&precode)?;
    let mut table = [(0u8, 0u8); 1 << PRECODE_BITS];
    code.for_each(|start, length, symbol| {
        for slot in table[start & 127..].iter_mut().step_by(1 << length) {
            *slot = (length as u8, symbol as u8);
        }
    });
    let mut at = 0;
    while at < litlens + dists {
        bits.refill()?;
        let (length, symbol) = table[(bits.hold & 127) as usize];
        if length == 0 || bits.past_end() {
            return None;
        }
        bits.skip(u32::from(length));
        let (value, times) = match symbol {
            0..16 => (symbol, 1),
            16 => (*lengths.get(at.wrapping_sub(1))?, 3 + bits.take(2)? as usize),
            17 => (0, 3 + bits.take(3)? as usize),
            _ => (0, 11 + bits.take(7)? as usize),
        };
        lengths.get_mut(at..at + times)?.fill(value);
        at += times;
    }
    (at == litlens + dists).then_some((litlens, dists))
}

/// Skips the codes of one block, its end-of-block code included.
fn skip_coded(bits: &mut Bits<'_>, tables: &mut Tables, litlens: &[u8], dists: &[u8]) -> Option<()> {
    let litlen_code = Code::new(litlens)?;
    let dist_code = Code::new(dists)?;
    tables.build_litlen(&litlen_code);
    tables.build_dist(&dist_code);
    bits.refill()?;
    loop {
        // A round takes 38 bits at most, so that 18 of the 56 are left to look up the next entry before the refill,
        // which the processor then does at the same time.
        let entry = tables.chain[(bits.hold & ((1 << LITLEN_BITS) - 1)) as usize];
        bits.refill()?;
        let behind = bits.hold >> (entry & BITS_MASK);
        // Looked up even where no distance follows: a mask costs less than a branch that nobody can foretell.
        let follows = 0u8.wrapping_sub(entry >> 5 & 1);
        let distance = tables.dist[(behind & ((1 << DIST_BITS) - 1)) as usize] & follows;
        if entry | distance < END {
            bits.skip(u32::from(entry & BITS_MASK) + u32::from(distance & BITS_MASK));
        } else {
            if skip_rare(bits, entry, &litlen_code, &dist_code)? {
                return Some(());
            }
            bits.refill()?;
        }
    }
}

/// Skips what the tables have no answer for: the end of a block, a long code. Gives whether the block ended.
#[cold]
fn skip_rare(bits: &mut Bits<'_>, mut entry: u8, litlen_code: &Code, dist_code: &Code) -> Option<bool> {
    if entry & KIND_MASK == LONG {
        let (symbol, length) = litlen_code.decode(bits.hold)?;
        entry = litlen_entry(symbol, length);
    }
    bits.skip(u32::from(entry & BITS_MASK));
    match entry & KIND_MASK {
        MORE => {}
        DISTANCE => {
            let (symbol, length) = dist_code.decode(bits.hold)?;
            if symbol >= 30 {
                return None;
            }
            bits.skip(length + dist_extra(symbol));
        }
        END => return Some(true),
        _ => return None,
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use libdeflater::{CompressionLvl, Compressor};
    use proptest::prelude::*;

    fn check(plain: &[u8], level: i32) {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut deflated = vec![0; compressor.deflate_compress_bound(plain.len())];
        let length = compressor.deflate_compress(plain, &mut deflated).unwrap();
        deflated.truncate(length);
        let found = last_block(&deflated).unwrap();
        assert_eq!(found.end_bit.div_ceil(8), length as u64);
        assert_eq!(deflated[(found.header_bit / 8) as usize] >> (found.header_bit % 8) & 1, 1);
        // Without its end it is no stream.
        assert_eq!(last_block(&deflated[..length - 1]), None);
        // With the mark cleared and an empty final block behind, zlib must read the same bytes.
        deflated[(found.header_bit / 8) as usize] &= !(1 << (found.header_bit % 8));
        deflated.resize((found.end_bit + 3).div_ceil(8) as usize, 0);
        deflated.extend([0, 0, 0xff, 0xff, 3, 0]);
        let mut read = Vec::new();
        std::io::copy(&mut flate2::read::DeflateDecoder::new(&deflated[..]), &mut read).unwrap();
        assert!(read == plain);
    }

    proptest! {
        #[test]
        fn finds_the_end_of_any_stream(
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
            alphabet in 1u8..=255,
            repeat in 1usize..60,
            level in 1i32..=12,
        ) {
            let plain: Vec<u8> = bytes.iter().map(|byte| byte % alphabet).collect();
            check(&plain.repeat(repeat), level);
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = last_block(&bytes);
        }
    }

    #[test]
    fn survives_a_changed_bit() {
        let plain: Vec<u8> = (0..20_000u32)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 20).to_string().into_bytes())
            .collect();
        let mut compressor = Compressor::new(CompressionLvl::default());
        let mut deflated = vec![0; compressor.deflate_compress_bound(plain.len())];
        let length = compressor.deflate_compress(&plain, &mut deflated).unwrap();
        deflated.truncate(length);
        for bit in (0..length * 8).step_by(37) {
            deflated[bit / 8] ^= 1 << (bit % 8);
            let _ = last_block(&deflated);
            deflated[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
