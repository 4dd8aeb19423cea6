//! How far a peer may send ahead, by what the way to it holds: the product of bandwidth and delay, as gRPC's other
//! implementations estimate it.
//!
//! A sample begins with a ping, when enough has come to be worth one, and ends with its answer: what came meanwhile is what
//! was on its way. A window that was nearly used up held the peer back, and is doubled.

use std::time::{Duration, Instant};

/// Estimates the window of a connection.
#[derive(Debug)]
pub(super) struct WindowEstimate {
    window: u32,
    most: u32,
    /// Bytes since the last sample began or, between two, ended.
    bytes: u64,
    begun: Option<Instant>,
    /// Seconds of a round trip, smoothed.
    round_trip: Option<f64>,
    /// Bytes a second, the most that was seen.
    bandwidth: f64,
}

impl WindowEstimate {
    /// Windows grow from `window` to `most` bytes.
    pub fn new(window: u32, most: u32) -> Self {
        Self { window, most, bytes: 0, begun: None, round_trip: None, bandwidth: 0.0 }
    }

    /// Bytes came. Returns whether a sample is to begin: [`begin`](Self::begin) once its ping is on its way.
    pub fn received(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        self.begun.is_none() && self.window < self.most && self.bytes >= u64::from(self.window) / 4
    }

    /// The ping is on its way.
    pub fn begin(&mut self, now: Instant) {
        self.bytes = 0;
        self.begun = Some(now);
    }

    /// The ping was answered. Returns the new window, where it grows.
    pub fn end(&mut self, now: Instant) -> Option<u32> {
        let took =
            now.saturating_duration_since(self.begun.take()?).max(Duration::from_micros(1)).as_secs_f64();
        let bytes = std::mem::take(&mut self.bytes);
        let round_trip = self.round_trip.map_or(took, |known| known + (took - known) * 0.125);
        self.round_trip = Some(round_trip);
        // What came within a round trip may have been sent within half of one more.
        let bandwidth = bytes as f64 / (round_trip * 1.5);
        if bandwidth <= self.bandwidth || bytes < u64::from(self.window) * 2 / 3 {
            return None;
        }
        self.bandwidth = bandwidth;
        self.window = self.window.saturating_mul(2).min(self.most);
        Some(self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1 << 20;

    /// A round trip of so many ms in which so many bytes come.
    fn round_trip(estimate: &mut WindowEstimate, at: &mut Instant, ms: u64, bytes: usize) -> Option<u32> {
        estimate.begin(*at);
        *at += Duration::from_millis(ms);
        estimate.received(bytes);
        estimate.end(*at)
    }

    #[test]
    fn a_window_that_is_used_up_is_doubled_up_to_the_most() {
        let (mut estimate, mut at) = (WindowEstimate::new(MB as u32, 4 * MB as u32), Instant::now());
        assert!(!estimate.received(MB / 4 - 1));
        assert!(estimate.received(1), "a quarter of the window is worth a ping");
        assert_eq!(round_trip(&mut estimate, &mut at, 20, MB), Some(2 * MB as u32));
        assert_eq!(round_trip(&mut estimate, &mut at, 20, 2 * MB), Some(4 * MB as u32));
        assert!(!estimate.received(100 * MB), "it is as large as it may be");
    }

    #[test]
    fn a_way_that_holds_less_keeps_its_window() {
        let (mut estimate, mut at) = (WindowEstimate::new(MB as u32, 16 * MB as u32), Instant::now());
        for _ in 0..10 {
            assert_eq!(round_trip(&mut estimate, &mut at, 1, MB / 2), None);
        }
        assert_eq!(estimate.end(at), None, "nobody asked");
    }

    #[test]
    fn the_same_bandwidth_over_a_longer_way_is_no_reason() {
        let (mut estimate, mut at) = (WindowEstimate::new(MB as u32, 16 * MB as u32), Instant::now());
        assert!(round_trip(&mut estimate, &mut at, 10, MB).is_some());
        assert_eq!(round_trip(&mut estimate, &mut at, 100, 2 * MB), None);
    }
}
