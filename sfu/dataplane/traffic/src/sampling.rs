//! Which of the received packets are authenticated and decrypted: a load generator that opened all would be held up
//! by ciphers long before a phone is.

use crate::random::mix;

/// One packet of each block of `one_in`, at a place drawn by the seed.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    one_in: u64,
    seed: u64,
}

impl Sampling {
    /// `one_in` 1: all.
    #[must_use]
    pub fn new(one_in: u32, seed: u64) -> Self {
        Self { one_in: u64::from(one_in.max(1)), seed }
    }

    /// Whether this packet is opened. Of any 2 `one_in` - 1 packets in a row one is.
    #[must_use]
    pub fn takes(&self, index: u64) -> bool {
        self.one_in == 1 || index % self.one_in == mix(self.seed ^ (index / self.one_in)) % self.one_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_block_is_opened() {
        let sampling = Sampling::new(8, 42);
        for block in 0..100 {
            assert_eq!((block * 8..block * 8 + 8).filter(|&index| sampling.takes(index)).count(), 1);
        }
    }

    #[test]
    fn one_in_one_is_all() {
        assert!((0..100).all(|index| Sampling::new(1, 7).takes(index)));
    }
}
