//! A deflate encoder for text that repeats itself, as rows of JSON and logs do: there it is half as fast again as libdeflate, or
//! more, at the same size. Other data it leaves to libdeflate.
//!
//! [`matches`](self::matches) finds the copies. They come in chunks, and where the symbols of a chunk differ so much from those before
//! it that codes of its own are worth their bits, a block of the stream ends.

mod bits;
mod block;
mod huffman;
mod matches;
mod symbols;
#[cfg(test)]
mod tests;
mod view;

use bits::BitWriter;
use block::write_block;
pub(super) use matches::Depth;
use matches::{Parsed, Places};
use symbols::{Histogram, Sequence};
use view::View;

/// Where the trial ends, and the shortest input that is tried. Its first half only fills the window.
const TRIAL: usize = 128 << 10;
/// Most bits of codes for a byte, on average, in the trial's second half. Log rows have 0.6, DNS rows 0.45, Windows events 0.25;
/// JavaScript has 1.5, Markdown 1.9, machine code 2.5, where this encoder's output would be 6 % larger than zlib's.
const REPETITIVE: f32 = 0.9;
/// Below so many bits, in a part of the trial's second half, the rest of the input is searched more thoroughly: few strings, each in
/// many places, have many ends alike.
const VERY_REPETITIVE: f32 = 0.33;

/// Sequences of a chunk.
const CHUNK_SEQUENCES: usize = 4096;
/// Most bytes of a chunk, about.
const CHUNK_BYTES: usize = 64 << 10;
/// Bytes searched between looks at the number of sequences.
const STEP: usize = 4096;
/// Bits that a block's head costs, about.
const HEAD_BITS: f32 = 600.0;

/// The encoder. What it keeps from call to call is memory alone.
#[derive(Debug)]
pub(super) struct RepeatsEncoder {
    places: Places,
    sequences: Vec<Sequence>,
}

impl RepeatsEncoder {
    pub(super) fn new() -> Self {
        Self { places: Places::new(), sequences: Vec::new() }
    }

    /// Appends `bytes` as raw deflate: with the final mark where it is the `last` of a stream, and otherwise with an empty
    /// stored block behind it, as `Z_SYNC_FLUSH` does. `false`, with `out` as it was, where `bytes` do not repeat enough.
    pub(super) fn encode(&mut self, bytes: &[u8], depth: Depth, last: bool, out: &mut Vec<u8>) -> bool {
        let Some(view) = View::new(bytes).filter(|view| view.len() >= TRIAL) else { return false };
        let start = out.len();
        let fits = self.encode_view(view, depth, last, REPETITIVE, out);
        if !fits {
            out.truncate(start);
        }
        fits
    }

    /// As [`encode`](Self::encode), for a trial that may give `most_bits` for a byte; leaves `out` as it comes where it fails.
    fn encode_view(
        &mut self,
        bytes: View<'_>,
        mut depth: Depth,
        last: bool,
        most_bits: f32,
        out: &mut Vec<u8>,
    ) -> bool {
        self.places.clear();
        self.sequences.clear();
        let mut bits = BitWriter::new(out);
        // The block that is being collected: from where, its symbols, and the bits that they take.
        let (mut from, mut counts, mut cost) = (0, Histogram::EMPTY, 0.0);
        let mut at = 0;
        while at < bytes.len() {
            let (chunk_from, known) = (at, self.sequences.len());
            let mut chunk = Histogram::EMPTY;
            at = self.parse_chunk(bytes, at, depth, &mut chunk);
            let chunk_cost = chunk.entropy_bits();
            let bits_per_byte = chunk_cost / (at - chunk_from) as f32;
            let in_trial = (TRIAL / 2..TRIAL).contains(&chunk_from);
            if in_trial && bits_per_byte > most_bits {
                return false;
            }
            if in_trial && bits_per_byte < VERY_REPETITIVE && matches!(depth, Depth::Two | Depth::Four) {
                depth = Depth::FourShort;
                self.places.shorten_strings(bytes, at);
            }
            let mut both = counts.clone();
            both.add(&chunk);
            let both_cost = both.entropy_bits();
            if chunk_from == from || both_cost <= cost + chunk_cost + HEAD_BITS {
                (counts, cost) = (both, both_cost);
            } else {
                write_block(
                    &bytes[from..chunk_from],
                    &self.sequences[..known],
                    &mut counts,
                    false,
                    &mut bits,
                );
                self.sequences.drain(..known);
                (from, counts, cost) = (chunk_from, chunk, chunk_cost);
            }
        }
        write_block(&bytes[from..], &self.sequences, &mut counts, last, &mut bits);
        if !last {
            // The header of a stored block; its length and the complement follow on the next byte.
            bits.reserve(8);
            bits.put(0, 3);
            bits.align();
            bits.bytes(&[0, 0, 0xff, 0xff]);
        }
        bits.finish();
        true
    }

    fn parse_chunk(&mut self, bytes: View<'_>, from: usize, depth: Depth, counts: &mut Histogram) -> usize {
        let known = self.sequences.len();
        let mut parsed = Parsed { bytes, sequences: &mut self.sequences, counts, literals_from: from };
        let mut at = from;
        while at < bytes.len() && at - from < CHUNK_BYTES && parsed.sequences.len() - known < CHUNK_SEQUENCES
        {
            at = self.places.parse(at, at + STEP, depth, &mut parsed);
        }
        parsed.push_literals(at);
        at
    }
}
