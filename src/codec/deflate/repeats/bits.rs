//! Bits, the lowest first (RFC 1951 3.1.1), behind the bytes of a vector.

/// Appends bits to `out`; up to 63 wait until the next [`flush`](Self::flush).
#[derive(Debug)]
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// `out` is longer than what is written, so that eight bytes can be stored at once.
    written: usize,
    waiting: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    /// Behind what `out` has.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let written = out.len();
        Self { out, written, waiting: 0, count: 0 }
    }

    /// Makes room for so many more bits: `flush` has none of its own.
    pub fn reserve(&mut self, bits: u64) {
        let length = self.written + (bits / 8) as usize + 16;
        if length > self.out.len() {
            self.out.resize(length, 0);
        }
    }

    /// Takes `count` bits; the rest of `bits` is zero. No more than 63 may wait.
    #[inline(always)]
    pub fn put(&mut self, bits: u64, count: u32) {
        debug_assert!(self.count + count < 64 && bits >> count == 0);
        self.waiting |= bits << (self.count & 63);
        self.count += count;
    }

    /// Writes what waits, but for less than 8 bits.
    #[inline(always)]
    pub fn flush(&mut self) {
        if let Some(room) = self.out.get_mut(self.written..self.written + 8) {
            room.copy_from_slice(&self.waiting.to_le_bytes());
        } else {
            debug_assert!(false, "no room was made");
        }
        self.written += (self.count >> 3) as usize;
        self.waiting >>= self.count & 56;
        self.count &= 7;
    }

    /// Fills the byte that is begun with zeros.
    pub fn align(&mut self) {
        self.reserve(8);
        self.count = self.count.next_multiple_of(8);
        self.flush();
    }

    /// Appends whole bytes; the last must be [aligned](Self::align).
    pub fn bytes(&mut self, bytes: &[u8]) {
        debug_assert!(self.count == 0);
        self.out.truncate(self.written);
        self.out.extend_from_slice(bytes);
        self.written = self.out.len();
    }

    /// The end: fills the last byte with zeros.
    pub fn finish(mut self) {
        self.align();
        self.out.truncate(self.written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_follow_what_was_there() {
        let mut out = vec![7];
        let mut bits = BitWriter::new(&mut out);
        bits.reserve(64);
        bits.put(0b101, 3);
        bits.put(0x1ff, 9);
        bits.flush();
        bits.put(1, 1);
        bits.align();
        bits.bytes(&[8, 9]);
        bits.reserve(3);
        bits.put(0b11, 2);
        bits.finish();
        assert_eq!(out, [7, 0b1111_1101, 0b0001_1111, 8, 9, 0b11]);
    }
}
