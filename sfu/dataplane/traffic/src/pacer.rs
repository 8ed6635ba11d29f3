//! When video packets leave: in slots of 5 ms at 2.5 times the stream's rate, as a browser's pacer does it.
//!
//! After libwebrtc's interval budget: a slot may be overdrawn by its last packet, which the next ones pay back.

pub const SLOT_US: u64 = 5_000;
const RATE_FACTOR: (u64, u64) = (5, 2);
/// A slot that comes late makes up for so many before it; more would be a burst that no browser sends.
const MAX_SLOTS: u64 = 3;

#[derive(Clone, Debug)]
pub struct Pacer {
    bytes_per_slot: i64,
    budget: i64,
    next_us: u64,
}

impl Pacer {
    /// `phase_us` shifts the slots, so that participants don't all send at once.
    #[must_use]
    pub fn new(rate_bps: u64, phase_us: u64) -> Self {
        let mut pacer = Self { bytes_per_slot: 0, budget: 0, next_us: phase_us % SLOT_US };
        pacer.set_rate(rate_bps);
        pacer
    }

    pub fn set_rate(&mut self, rate_bps: u64) {
        let paced_bps = rate_bps.saturating_mul(RATE_FACTOR.0) / RATE_FACTOR.1;
        self.bytes_per_slot = (paced_bps / 8).saturating_mul(SLOT_US) as i64 / 1_000_000;
    }

    /// When the next slot begins, while something waits to be sent.
    #[must_use]
    pub fn due_us(&self) -> u64 {
        self.next_us
    }

    /// Something begins to wait after a pause: the slots in between are over.
    pub fn wake(&mut self, now_us: u64) {
        if self.next_us < now_us {
            self.next_us += (now_us - self.next_us).div_ceil(SLOT_US) * SLOT_US;
            self.budget = 0;
        }
    }

    /// A slot begins. Returns by how much it is late, in µs.
    pub fn begin_slot(&mut self, now_us: u64) -> u64 {
        let late_us = now_us.saturating_sub(self.next_us);
        let slots = 1 + late_us / SLOT_US;
        self.next_us += slots * SLOT_US;
        // What a slot did not use is gone; what it overdrew is not.
        self.budget = self.budget.min(0) + self.bytes_per_slot * slots.min(MAX_SLOTS) as i64;
        late_us
    }

    #[must_use]
    pub fn may_send(&self) -> bool {
        self.budget > 0
    }

    pub fn sent(&mut self, bytes: usize) {
        self.budget -= bytes as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes sent in each slot while a long queue of packets of 1,000 bytes waits.
    fn slots(pacer: &mut Pacer, count: usize) -> Vec<usize> {
        let slot = |_| {
            pacer.begin_slot(pacer.due_us());
            let mut bytes = 0;
            while pacer.may_send() {
                pacer.sent(1_000);
                bytes += 1_000;
            }
            bytes
        };
        (0..count).map(slot).collect()
    }

    #[test]
    fn it_keeps_two_and_a_half_times_the_rate() {
        let mut pacer = Pacer::new(1_200_000, 0);
        let sent = slots(&mut pacer, 200);
        assert!(sent.iter().all(|&bytes| bytes <= 2_000), "{sent:?}");
        let total: usize = sent.iter().sum();
        // 3 Mbit/s for a second.
        assert!((374_000..=376_000).contains(&total), "{total}");
    }

    #[test]
    fn a_late_slot_makes_up_for_a_few_and_not_for_all() {
        let mut pacer = Pacer::new(1_200_000, 0);
        assert_eq!(pacer.begin_slot(500_000), 500_000);
        let mut sent = 0;
        while pacer.may_send() {
            pacer.sent(1_000);
            sent += 1;
        }
        assert_eq!(sent, 6);
        assert_eq!(pacer.due_us(), 505_000);
    }

    #[test]
    fn after_a_pause_it_goes_on_in_its_own_phase() {
        let mut pacer = Pacer::new(1_200_000, 7_000);
        pacer.wake(1_000_001);
        assert_eq!(pacer.due_us(), 1_002_000);
    }
}
