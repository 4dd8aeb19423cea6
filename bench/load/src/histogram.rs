//! Times, in buckets whose width grows with them: 3 % off at the most.

/// Microseconds.
pub struct Histogram {
    buckets: Vec<u64>,
}

const STEPS: u64 = 32;

impl Histogram {
    pub fn new() -> Self {
        Self { buckets: vec![0; 40 * STEPS as usize] }
    }

    pub fn clear(&mut self) {
        self.buckets.fill(0);
    }

    pub fn add(&mut self, micros: u64) {
        let index = if micros < STEPS {
            micros
        } else {
            let shift = u64::from(micros.ilog2()) - 5;
            (shift + 1) * STEPS + (micros >> shift) - STEPS
        };
        let last = self.buckets.len() - 1;
        self.buckets[(index as usize).min(last)] += 1;
    }

    /// The time that the share `of` of all stays below.
    pub fn percentile(&self, of: f64) -> u64 {
        let total: u64 = self.buckets.iter().sum();
        let mut left = (total as f64 * of) as u64;
        for (index, &count) in self.buckets.iter().enumerate() {
            if left < count {
                let index = index as u64;
                return if index < STEPS {
                    index
                } else {
                    let shift = index / STEPS - 1;
                    (index % STEPS + STEPS) << shift
                };
            }
            left -= count;
        }
        0
    }
}
