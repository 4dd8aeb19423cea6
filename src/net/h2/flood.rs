//! Counts frames that cost a peer little and bring nothing: PING, SETTINGS, PRIORITY, unknown and empty ones, and resets.
//!
//! The frame layer bounds what such frames make it hold; this bounds what they make it do (CVE-2019-9512, -9515, -9518,
//! CVE-2023-44487).

use std::time::{Duration, Instant};

/// A bucket of tokens for each kind: `burst` at once, and `per_second` for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloodLimits {
    /// PING, SETTINGS, PRIORITY, unknown frames, and DATA without bytes. Defaults to 1,000.
    pub control_burst: u32,
    /// Defaults to 100 a second.
    pub control_per_second: u32,
    /// RST_STREAM. Defaults to 1,000, as in Node.
    pub reset_burst: u32,
    /// Defaults to 33 a second, as in Node.
    pub reset_per_second: u32,
    /// How long a peer waits between two PINGs where nothing was sent to it. Defaults to no time.
    pub ping_interval: Duration,
    /// PINGs that may come sooner, before something is sent again; one more closes the connection, and says why, as gRPC
    /// does. Defaults to 2.
    pub ping_strikes: u32,
}

impl Default for FloodLimits {
    fn default() -> Self {
        Self {
            control_burst: 1000,
            control_per_second: 100,
            reset_burst: 1000,
            reset_per_second: 33,
            ping_interval: Duration::ZERO,
            ping_strikes: 2,
        }
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    burst: f64,
    per_second: f64,
    at: Option<Instant>,
}

impl Bucket {
    fn new(burst: u32, per_second: u32) -> Self {
        Self { tokens: burst.into(), burst: burst.into(), per_second: per_second.into(), at: None }
    }

    /// Whether there was a token.
    fn take(&mut self, now: Instant) -> bool {
        let passed = self.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.at = Some(now);
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.tokens -= 1.0;
        self.tokens >= 0.0
    }
}

const FRAME_HEAD: usize = 9;
const END_STREAM: u8 = 1;
const PING: u8 = 6;
const ACK: u8 = 1;

/// Counts PINGs that come too soon.
#[derive(Debug)]
struct Strikes {
    interval: Duration,
    most: u32,
    count: u32,
    last: Option<Instant>,
}

impl Strikes {
    /// Whether one more is one too many.
    fn ping(&mut self, now: Instant) -> bool {
        let soon =
            self.last.replace(now).is_some_and(|last| now.saturating_duration_since(last) < self.interval);
        self.count += u32::from(soon);
        self.count > self.most
    }

    fn forgive(&mut self) {
        self.count = 0;
        self.last = None;
    }
}

/// Follows the frames in a peer's bytes.
#[derive(Debug)]
pub(super) struct FloodGuard {
    control: Bucket,
    resets: Bucket,
    strikes: Strikes,
    /// It was PINGs that were too many.
    pub too_many_pings: bool,
    head: [u8; FRAME_HEAD],
    /// Bytes of `head` that came.
    filled: usize,
    /// Bytes that are not looked at: of a payload, or of the preface.
    skip: usize,
    /// SETTINGS came: the peer speaks HTTP/2.
    pub greeted: bool,
    /// GOAWAY came: the peer takes no more streams.
    pub leaving: bool,
}

impl FloodGuard {
    /// `skip` bytes come before the first frame.
    pub fn new(limits: &FloodLimits, skip: usize) -> Self {
        Self {
            control: Bucket::new(limits.control_burst, limits.control_per_second),
            resets: Bucket::new(limits.reset_burst, limits.reset_per_second),
            strikes: Strikes {
                interval: limits.ping_interval,
                most: limits.ping_strikes,
                count: 0,
                last: None,
            },
            too_many_pings: false,
            head: [0; FRAME_HEAD],
            filled: 0,
            skip,
            greeted: false,
            leaving: false,
        }
    }

    /// Something is sent that the peer waits for.
    pub fn sends(&mut self) {
        self.strikes.forgive();
    }

    /// How many of these bytes are within the limits: those before the payload of the first frame that is too many.
    pub fn admit(&mut self, mut bytes: &[u8], now: Instant) -> usize {
        let all = bytes.len();
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let taken = (FRAME_HEAD - self.filled).min(bytes.len());
            self.head[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == FRAME_HEAD {
                self.filled = 0;
                let [a, b, c, kind, flags, ..] = self.head;
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                self.greeted |= kind == 4;
                self.leaving |= kind == 7;
                if kind == PING && flags & ACK == 0 && self.strikes.ping(now) {
                    self.too_many_pings = true;
                    return all - bytes.len();
                }
                let allowed = match kind {
                    0 => self.skip > 0 || flags & END_STREAM != 0 || self.control.take(now),
                    // HEADERS, PUSH_PROMISE, GOAWAY, WINDOW_UPDATE and CONTINUATION: the frame layer's business.
                    1 | 5 | 7 | 8 | 9 => true,
                    3 => self.resets.take(now),
                    _ => self.control.take(now),
                };
                if !allowed {
                    return all - bytes.len();
                }
            }
        }
        all
    }
}
