//! When to look for datagrams again, as network cards moderate their interrupts.
//!
//! To be woken costs many times what a packet costs, and calls are many thin flows: woken for each datagram, a worker
//! spends most of its time waking. So while little comes it is woken by what comes and answers at once; while several
//! datagrams come within the longest wait, it begins its rounds that far apart and finds several in each. Once a round
//! takes longer than that, nothing is waited for.

/// How much of the past counts; a round this long after the last one shifts the estimate by half.
const MEMORY_US: f64 = 20_000.0;
/// Fewer expected than this, and to sleep by the clock would wake more often than the network does.
const WORTH_WAITING_FOR: f64 = 1.5;

/// Times are microseconds of one monotonic clock.
pub struct Moderation {
    longest_wait_us: u64,
    /// Datagrams per microsecond, averaged over the last `MEMORY_US` or so.
    rate: f64,
    counted_until_us: u64,
    next_round_us: u64,
}

impl Moderation {
    /// `longest_wait_us` 0: every datagram is answered at once.
    pub fn new(longest_wait_us: u64) -> Self {
        Self { longest_wait_us, rate: 0.0, counted_until_us: 0, next_round_us: 0 }
    }

    /// A round began that found so many datagrams.
    pub fn round(&mut self, datagrams: usize, now_us: u64) {
        let elapsed_us = now_us.saturating_sub(self.counted_until_us).max(1) as f64;
        let kept = MEMORY_US / (MEMORY_US + elapsed_us);
        self.rate = self.rate * kept + datagrams as f64 / elapsed_us * (1.0 - kept);
        self.counted_until_us = now_us;
        self.next_round_us = now_us + self.longest_wait_us;
    }

    /// How long to leave arriving datagrams alone; 0: wait for the next one and take it at once.
    pub fn wait_us(&self, now_us: u64) -> u64 {
        if self.rate * (self.longest_wait_us as f64) < WORTH_WAITING_FOR {
            return 0;
        }
        // A clock that was late does not make us later still.
        self.next_round_us.saturating_sub(now_us).min(self.longest_wait_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST_US: u64 = 800;

    /// One datagram each `interval_us` until the estimate has settled; returns when the last round was.
    fn steady(moderation: &mut Moderation, interval_us: u64) -> u64 {
        for round in 1..=1000 {
            moderation.round(1, round * interval_us);
        }
        1000 * interval_us
    }

    #[test]
    fn what_comes_rarely_is_answered_at_once() {
        let mut moderation = Moderation::new(LONGEST_US);
        let now = steady(&mut moderation, 5_000);
        assert_eq!(moderation.wait_us(now), 0);
    }

    #[test]
    fn what_keeps_coming_is_gathered_for_the_longest_wait_from_the_round_s_beginning() {
        let mut moderation = Moderation::new(LONGEST_US);
        let now = steady(&mut moderation, 100);
        assert_eq!(moderation.wait_us(now + 50), LONGEST_US - 50);
    }

    #[test]
    fn a_round_that_took_longer_is_followed_by_the_next_at_once() {
        let mut moderation = Moderation::new(LONGEST_US);
        let now = steady(&mut moderation, 100);
        assert_eq!(moderation.wait_us(now + LONGEST_US + 1), 0);
    }

    #[test]
    fn it_goes_back_to_answering_at_once_when_a_rush_is_over() {
        let mut moderation = Moderation::new(LONGEST_US);
        let now = steady(&mut moderation, 100);
        moderation.round(0, now + 200_000);
        assert_eq!(moderation.wait_us(now + 200_000), 0);
    }

    #[test]
    fn one_burst_is_no_rush() {
        let mut moderation = Moderation::new(LONGEST_US);
        let now = steady(&mut moderation, 5_000);
        moderation.round(5, now + 5_000);
        assert_eq!(moderation.wait_us(now + 5_000), 0);
    }

    #[test]
    fn without_a_longest_wait_it_never_waits() {
        let mut moderation = Moderation::new(0);
        let now = steady(&mut moderation, 10);
        assert_eq!(moderation.wait_us(now), 0);
    }

    #[test]
    fn no_clock_makes_it_wait_longer_than_the_longest_wait() {
        let mut moderation = Moderation::new(LONGEST_US);
        let now = steady(&mut moderation, 100);
        assert!(moderation.wait_us(now - 50_000) <= LONGEST_US);
    }
}
