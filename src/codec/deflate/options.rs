//! What a compressor and a decompressor can be told; the names and defaults are those of `node:zlib`.

use super::Format;

/// Options of compression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeflateOptions {
    /// What surrounds the data.
    pub format: Format,
    /// 0 (stored) to 9 (smallest), or -1, which is 6. Defaults to -1.
    pub level: i32,
    /// The window is 2 to this power bytes: 8 to 15, where 8 is taken for 9, as zlib does. Defaults to 15.
    pub window_bits: i32,
    /// Memory for the internal state: 1 to 9. Defaults to 8.
    pub mem_level: i32,
    /// `Z_DEFAULT_STRATEGY` (0), `Z_FILTERED` (1), `Z_HUFFMAN_ONLY` (2), `Z_RLE` (3), `Z_FIXED` (4). Defaults to 0.
    pub strategy: i32,
    /// Bytes that compressor and decompressor both know beforehand; gzip has no way to say so and ignores it, as
    /// Node does.
    pub dictionary: Option<Vec<u8>>,
}

impl DeflateOptions {
    /// The defaults of `node:zlib`.
    pub fn new(format: Format) -> Self {
        Self { format, level: -1, window_bits: 15, mem_level: 8, strategy: 0, dictionary: None }
    }

    /// Whether independent blocks serve these options: the level alone differs from the defaults (and 0 is no
    /// compression). Anything else needs [`DeflateEncoder`](super::DeflateEncoder).
    pub fn block_capable(&self) -> bool {
        matches!(self.level, -1 | 1..=9)
            && self.window_bits == 15
            && matches!(self.mem_level, 8 | 9)
            && self.strategy == 0
            && self.effective_dictionary().is_none()
    }

    /// The dictionary, unless the format has no use for it.
    pub(super) fn effective_dictionary(&self) -> Option<&[u8]> {
        match self.format {
            Format::Gzip => None,
            Format::Zlib | Format::Raw => self.dictionary.as_deref().filter(|bytes| !bytes.is_empty()),
        }
    }
}

/// What a decompressor takes its input for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InflateMode {
    /// gzip: Node's `gunzip`.
    Gunzip,
    /// zlib: Node's `inflate`.
    Inflate,
    /// Raw deflate: Node's `inflateRaw`.
    InflateRaw,
    /// gzip or zlib, whichever the header says: Node's `unzip`.
    Unzip,
}

/// How many gzip members are read. Zlib and raw data have but one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Members {
    /// All that follow each other; a zero byte after a member ends the data, anything else must be a member.
    All,
    /// The first alone; what follows is not looked at.
    First,
}

/// Options of decompression.
#[derive(Debug, Clone, PartialEq)]
pub struct InflateOptions {
    /// What the input is taken for.
    pub mode: InflateMode,
    /// Largest window accepted, as a power of 2: 8 to 15, or 0 for what the header says. Defaults to 15.
    pub window_bits: i32,
    /// The dictionary that the compressor used. Ignored for gzip.
    pub dictionary: Option<Vec<u8>>,
    /// Input that ends early is no error (Node's `finishFlush: Z_SYNC_FLUSH`). Defaults to false.
    pub finish_flush_sync: bool,
    /// Input after the end is an error (`ZTrailing`). Defaults to false.
    pub reject_garbage_after_end: bool,
    /// Defaults to [`Members::All`].
    pub members: Members,
    /// Most bytes of output; one more is `OutputTooLarge`. Defaults to no limit.
    pub max_output: Option<u64>,
    /// Largest output as a multiple of the input consumed, judged from 1 MiB of output on; beyond it is
    /// `RatioTooLarge`. Defaults to no limit.
    pub max_ratio: Option<f64>,
}

impl InflateOptions {
    /// The defaults of `node:zlib`.
    pub fn new(mode: InflateMode) -> Self {
        Self {
            mode,
            window_bits: 15,
            dictionary: None,
            finish_flush_sync: false,
            reject_garbage_after_end: false,
            members: Members::All,
            max_output: None,
            max_ratio: None,
        }
    }
}
