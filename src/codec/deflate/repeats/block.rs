//! One deflate block of sequences: stored or with codes of its own, whichever is smaller (RFC 1951 3.2.3 to 3.2.7).

use super::bits::BitWriter;
use super::huffman::{canonical_codes, code_lengths};
use super::symbols::{
    DISTANCES, END_OF_BLOCK, Histogram, LENGTH_BASE, LENGTH_EXTRA, LITERALS, MAX_LENGTH, Sequence,
    distance_extra, distance_symbol, length_symbol,
};

/// Longest code of literals and lengths: one bit less than may be, so that four literals fit beside 7 bits that wait.
const LITERAL_LIMIT: usize = 14;
const DISTANCE_LIMIT: usize = 15;
const RUN_LIMIT: usize = 7;
/// Most bytes of a stored block.
const MAX_STORED: usize = 65_535;
/// The order in which the lengths of the run codes are sent.
const RUN_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A code and its number of bits, for what is sent by one table look-up.
#[derive(Debug, Clone, Copy, Default)]
struct Code {
    bits: u32,
    count: u32,
}

/// Appends the block of `sequences`, which are those of `plain` and have the symbols of `counts`.
pub fn write_block(
    plain: &[u8],
    sequences: &[Sequence],
    counts: &mut Histogram,
    last: bool,
    out: &mut BitWriter<'_>,
) {
    counts.literals[END_OF_BLOCK] = 1;
    let mut lengths = Lengths { literals: [0; LITERALS], distances: [0; DISTANCES] };
    code_lengths(&counts.literals, LITERAL_LIMIT, &mut lengths.literals);
    code_lengths(&counts.distances, DISTANCE_LIMIT, &mut lengths.distances);
    lengths.complete_distances();
    let head = Head::new(&lengths);
    let coded = head.bits + lengths.data_bits(counts);
    let stored = plain.len().div_ceil(MAX_STORED).max(1) as u64 * 40 + plain.len() as u64 * 8;
    if stored <= coded {
        write_stored(plain, last, out);
        return;
    }
    out.reserve(coded);
    out.put(u64::from(last) | 0b10 << 1, 3);
    head.write(out);
    write_sequences(plain, sequences, &lengths, out);
}

fn write_stored(plain: &[u8], last: bool, out: &mut BitWriter<'_>) {
    let mut pieces = plain.chunks(MAX_STORED).peekable();
    while let Some(piece) = pieces.next() {
        out.reserve(8);
        out.put(u64::from(last && pieces.peek().is_none()), 3);
        out.align();
        let length = piece.len() as u16;
        out.bytes(&length.to_le_bytes());
        out.bytes(&(!length).to_le_bytes());
        out.bytes(piece);
    }
}

/// The lengths of a block's codes.
struct Lengths {
    literals: [u8; LITERALS],
    distances: [u8; DISTANCES],
}

impl Lengths {
    /// Makes the distance code one of two symbols at least: some decoders refuse one that is not complete.
    fn complete_distances(&mut self) {
        let mut used = self.distances.iter().enumerate().filter(|(_, length)| **length != 0);
        let (first, second) = (used.next().map(|(symbol, _)| symbol), used.next());
        if second.is_none() {
            let first = first.unwrap_or(0);
            self.distances[first] = 1;
            self.distances[usize::from(first == 0)] = 1;
        }
    }

    /// Bits of all symbols of `counts`, with the bits behind them.
    fn data_bits(&self, counts: &Histogram) -> u64 {
        let mut bits = 0;
        for (symbol, (count, length)) in counts.literals.iter().zip(self.literals).enumerate() {
            let extra = symbol.checked_sub(257).and_then(|symbol| LENGTH_EXTRA.get(symbol)).copied();
            bits += u64::from(*count) * u64::from(length + extra.unwrap_or(0));
        }
        for (symbol, (count, length)) in counts.distances.iter().zip(self.distances).enumerate() {
            bits += u64::from(*count) * (u64::from(length) + u64::from(distance_extra(symbol)));
        }
        bits
    }
}

/// What stands before the data: the lengths of its codes, in run-length codes, in codes of their own.
struct Head {
    literals: usize,
    distances: usize,
    /// Run symbol and what its further bits say.
    items: [(u8, u8); LITERALS + DISTANCES],
    count: usize,
    run_lengths: [u8; 19],
    /// Run lengths that are sent.
    sent: usize,
    bits: u64,
}

impl Head {
    fn new(lengths: &Lengths) -> Self {
        let used =
            |lengths: &[u8]| lengths.iter().rposition(|length| *length != 0).map_or(0, |last| last + 1);
        let (literals, distances) = (used(&lengths.literals).max(257), used(&lengths.distances).max(1));
        let mut all = [0; LITERALS + DISTANCES];
        all[..literals].copy_from_slice(&lengths.literals[..literals]);
        all[literals..literals + distances].copy_from_slice(&lengths.distances[..distances]);
        let mut head = Self {
            literals,
            distances,
            items: [(0, 0); LITERALS + DISTANCES],
            count: 0,
            run_lengths: [0; 19],
            sent: 4,
            bits: 0,
        };
        let mut freqs = [0; 19];
        for run in all[..literals + distances].chunk_by(|one, next| one == next) {
            head.push_run(run[0], run.len(), &mut freqs);
        }
        code_lengths(&freqs, RUN_LIMIT, &mut head.run_lengths);
        head.sent =
            RUN_ORDER.iter().rposition(|symbol| head.run_lengths[*symbol] != 0).map_or(4, |last| last + 1);
        head.sent = head.sent.max(4);
        head.bits = 3 + 14 + 3 * head.sent as u64;
        for &(symbol, _) in &head.items[..head.count] {
            head.bits += u64::from(head.run_lengths[usize::from(symbol)]) + u64::from(run_extra(symbol));
        }
        head
    }

    fn push_run(&mut self, length: u8, mut run: usize, freqs: &mut [u32; 19]) {
        let mut push = |symbol: u8, extra: usize| {
            self.items[self.count] = (symbol, extra as u8);
            self.count += 1;
            freqs[usize::from(symbol)] += 1;
        };
        if length == 0 {
            while run >= 11 {
                let taken = run.min(138);
                push(18, taken - 11);
                run -= taken;
            }
            if run >= 3 {
                push(17, run - 3);
                run = 0;
            }
        } else if run >= 4 {
            push(length, 0);
            run -= 1;
            while run >= 3 {
                let taken = run.min(6);
                push(16, taken - 3);
                run -= taken;
            }
        }
        for _ in 0..run {
            push(length, 0);
        }
    }

    fn write(&self, out: &mut BitWriter<'_>) {
        out.put((self.literals - 257) as u64, 5);
        out.put((self.distances - 1) as u64, 5);
        out.put((self.sent - 4) as u64, 4);
        out.flush();
        for &symbol in &RUN_ORDER[..self.sent] {
            out.put(u64::from(self.run_lengths[symbol]), 3);
            out.flush();
        }
        let codes = canonical_codes(&self.run_lengths);
        for &(symbol, extra) in &self.items[..self.count] {
            out.put(u64::from(codes[usize::from(symbol)]), u32::from(self.run_lengths[usize::from(symbol)]));
            out.put(u64::from(extra), run_extra(symbol));
            out.flush();
        }
    }
}

/// Further bits behind a run symbol (RFC 1951 3.2.7).
fn run_extra(symbol: u8) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

fn write_sequences(plain: &[u8], sequences: &[Sequence], lengths: &Lengths, out: &mut BitWriter<'_>) {
    let codes = canonical_codes(&lengths.literals);
    let code =
        |symbol: usize| Code { bits: u32::from(codes[symbol]), count: u32::from(lengths.literals[symbol]) };
    let literals: [Code; 256] = std::array::from_fn(code);
    // Each length with its further bits.
    let copies: [Code; MAX_LENGTH + 1] = std::array::from_fn(|length| {
        if length < 3 {
            return Code::default();
        }
        let symbol = length_symbol(length);
        let Code { bits, count } = code(257 + symbol);
        let extra = (length - usize::from(LENGTH_BASE[symbol])) as u32;
        Code { bits: bits | extra << count, count: count + u32::from(LENGTH_EXTRA[symbol]) }
    });
    let codes = canonical_codes(&lengths.distances);
    let distances: [Code; DISTANCES] = std::array::from_fn(|symbol| Code {
        bits: u32::from(codes[symbol]),
        count: u32::from(lengths.distances[symbol]),
    });
    let mut rest = plain;
    for sequence in sequences {
        let Some((mut run, after)) = rest.split_at_checked(sequence.literals as usize) else { return };
        rest = after.get(usize::from(sequence.length)..).unwrap_or_default();
        while let [a, b, c, d, more @ ..] = run {
            for &byte in [a, b, c, d] {
                let Code { bits, count } = literals[usize::from(byte)];
                out.put(u64::from(bits), count);
            }
            out.flush();
            run = more;
        }
        for &byte in run {
            let Code { bits, count } = literals[usize::from(byte)];
            out.put(u64::from(bits), count);
        }
        out.flush();
        if sequence.length == 0 {
            continue;
        }
        // At most 7 + (14 + 5) + 15 + 13 bits.
        let Code { bits, count } = copies[usize::from(sequence.length).min(MAX_LENGTH)];
        out.put(u64::from(bits), count);
        let symbol = distance_symbol(sequence.distance) % DISTANCES;
        let Code { bits, count } = distances[symbol];
        out.put(u64::from(bits), count);
        let extra = distance_extra(symbol);
        out.put(u64::from(sequence.distance) & ((1 << extra) - 1), extra);
        out.flush();
    }
    let end = code(END_OF_BLOCK);
    out.put(u64::from(end.bits), end.count);
    out.flush();
}
