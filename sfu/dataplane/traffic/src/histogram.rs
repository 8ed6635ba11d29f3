//! Counts of microseconds in log-linear buckets: the same ones as the load tester's `Histogram` in Python.
//!
//! Up to 63 µs each microsecond has its own bucket, then every doubling has 32 of equal width.

const LINEAR_BITS: u32 = 6;
const PER_DOUBLING: usize = 1 << (LINEAR_BITS - 1);
/// 71 minutes; what is longer counts as this.
const LARGEST_US: u64 = u32::MAX as u64;
const BUCKETS: usize = PER_DOUBLING * 26 + (1 << LINEAR_BITS);

#[derive(Clone, Debug)]
pub struct Histogram {
    /// Made at the first value: many streams never count any.
    counts: Vec<u32>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    #[must_use]
    pub fn new() -> Self {
        Self { counts: Vec::new() }
    }

    pub fn record(&mut self, value_us: u64) {
        if self.counts.is_empty() {
            self.counts.resize(BUCKETS, 0);
        }
        let count = &mut self.counts[bucket_of(value_us)];
        *count = count.saturating_add(1);
    }

    pub fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// (bucket, count) of those that are not empty, rising.
    pub fn entries(&self) -> impl Iterator<Item = (usize, u32)> {
        self.counts.iter().copied().enumerate().filter(|&(_, count)| count > 0)
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }
}

/// Which bucket counts a value.
#[must_use]
pub fn bucket_of(value_us: u64) -> usize {
    let value = value_us.min(LARGEST_US);
    let exponent = (u64::BITS - value.leading_zeros()).saturating_sub(LINEAR_BITS);
    PER_DOUBLING * exponent as usize + (value >> exponent) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_those_of_the_python_histogram() {
        // Computed by loadtest/histogram.py's bucket_of.
        let known = [(0, 0), (63, 63), (64, 64), (65, 64), (127, 95), (128, 96), (1000, 190), (20_000, 327)];
        for (value, bucket) in known {
            assert_eq!(bucket_of(value), bucket, "{value}");
        }
        assert_eq!(bucket_of(LARGEST_US), BUCKETS - 1);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn it_counts_and_starts_anew() {
        let mut histogram = Histogram::new();
        [5, 5, 1_000_000].into_iter().for_each(|value| histogram.record(value));
        assert_eq!(histogram.entries().next(), Some((5, 2)));
        assert_eq!(histogram.count(), 3);
        histogram.clear();
        assert_eq!(histogram.count(), 0);
    }
}
