//! The machine's own meters.

use crate::system;
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// See [`system::Sample`].
#[napi(object)]
pub struct SystemSample {
    /// Shares of 0 to 1.
    pub cores: Vec<f64>,
    /// Bytes.
    pub memory_used: f64,
    /// Bytes.
    pub memory_total: f64,
    /// Bytes.
    pub swap_used: f64,
    /// Bytes.
    pub swap_total: f64,
    /// Bytes a second.
    pub received: f64,
    /// Bytes a second.
    pub sent: f64,
    /// Bytes a second.
    pub loopback: f64,
    /// Bytes a second; null where no disk tells.
    pub disk_read: Either<f64, Null>,
    /// Bytes a second; null where no disk tells.
    pub disk_written: Either<f64, Null>,
}

/// Reads the machine's meters; rates are those since the reading before.
#[napi]
pub struct SystemSampler {
    sampler: system::Sampler,
}

#[napi]
impl SystemSampler {
    /// Begins.
    #[napi(constructor, catch_unwind)]
    #[allow(clippy::new_without_default, reason = "JavaScript alone makes one")]
    pub fn new() -> Self {
        Self { sampler: system::Sampler::new() }
    }

    /// The state now.
    #[napi(catch_unwind)]
    pub fn sample(&mut self) -> SystemSample {
        let sample = self.sampler.sample();
        let or_null = |rate: Option<f64>| rate.map_or(Either::B(Null), Either::A);
        SystemSample {
            cores: sample.cores.iter().map(|share| f64::from(*share)).collect(),
            memory_used: sample.memory_used as f64,
            memory_total: sample.memory_total as f64,
            swap_used: sample.swap_used as f64,
            swap_total: sample.swap_total as f64,
            received: sample.received,
            sent: sample.sent,
            loopback: sample.loopback,
            disk_read: or_null(sample.disk_read),
            disk_written: or_null(sample.disk_written),
        }
    }
}
