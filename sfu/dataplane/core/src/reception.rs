//! How well one stream is received (RFC 3550 §6.4.1, appendices A.3 and A.8), for receiver reports and figures.
//!
//! It counts what the network lost, also where a retransmission mended it: that is what a publisher's rate control asks.

use crate::rtcp::ReportBlock;

/// One source as received. Sequence numbers are unwrapped; times are microseconds.
#[derive(Default)]
pub struct Reception {
    base: Option<u64>,
    highest: u64,
    received: u64,
    jitter_ticks_x16: u64,
    last_transit: Option<i64>,
    last_report: Interval,
    last_second: Interval,
    loss_share: f64,
}

#[derive(Clone, Copy, Default)]
struct Interval {
    expected: u64,
    received: u64,
}

impl Reception {
    pub fn receive(&mut self, seq: u64, timestamp: u32, now_us: u64, clock_rate: u32) {
        let newest = match self.base {
            None => {
                self.base = Some(seq);
                self.highest = seq;
                true
            }
            Some(base) => {
                self.base = Some(base.min(seq));
                seq > self.highest
            }
        };
        self.highest = self.highest.max(seq);
        self.received += 1;
        if newest {
            self.note_transit(timestamp, now_us, clock_rate);
        }
    }

    fn note_transit(&mut self, timestamp: u32, now_us: u64, clock_rate: u32) {
        let arrival_ticks = (u128::from(now_us) * u128::from(clock_rate) / 1_000_000) as u32;
        let transit = i64::from(arrival_ticks.wrapping_sub(timestamp));
        if let Some(last) = self.last_transit.replace(transit) {
            // Differences wrap with the 32-bit clock.
            let change = u64::from(((transit - last) as i32).unsigned_abs());
            self.jitter_ticks_x16 = self.jitter_ticks_x16 + change - ((self.jitter_ticks_x16 + 8) >> 4);
        }
    }

    fn so_far(&self) -> Interval {
        let expected = self.base.map_or(0, |base| self.highest - base + 1);
        Interval { expected, received: self.received }
    }

    pub fn lost(&self) -> i64 {
        let now = self.so_far();
        now.expected as i64 - now.received as i64
    }

    pub fn received(&self) -> u64 {
        self.received
    }

    pub fn jitter_ticks(&self) -> u32 {
        (self.jitter_ticks_x16 >> 4) as u32
    }

    /// Share of packets lost in the interval before the last call of `turn_second`, 0..1.
    pub fn loss_share(&self) -> f64 {
        self.loss_share
    }

    pub fn turn_second(&mut self) {
        let now = self.so_far();
        self.loss_share = lost_share(self.last_second, now);
        self.last_second = now;
    }

    /// A report block on this source, and the start of the next interval. `None` before the first packet.
    pub fn report(&mut self, ssrc: u32, last_sr: u32, delay_since_last_sr: u32) -> Option<ReportBlock> {
        self.base?;
        let now = self.so_far();
        let fraction = (lost_share(self.last_report, now) * 256.0).min(255.0) as u8;
        self.last_report = now;
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction,
            cumulative_lost: self.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_seq: self.highest as u32,
            jitter: self.jitter_ticks(),
            lsr: last_sr,
            dlsr: delay_since_last_sr,
        })
    }
}

fn lost_share(before: Interval, now: Interval) -> f64 {
    let expected = now.expected.saturating_sub(before.expected);
    let received = now.received.saturating_sub(before.received);
    if expected == 0 { 0.0 } else { expected.saturating_sub(received) as f64 / expected as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_packet_in_four_lost_is_reported_as_64_of_256() {
        let mut reception = Reception::default();
        for seq in (1000..1100).filter(|seq| seq % 4 != 2) {
            reception.receive(seq, seq as u32 * 3000, seq * 33_333, 90_000);
        }
        let block = reception.report(7, 0, 0).expect("packets came");
        assert_eq!((block.cumulative_lost, block.highest_seq), (25, 1099));
        assert!((62..=66).contains(&block.fraction_lost), "{}", block.fraction_lost);
        let quiet = reception.report(7, 0, 0).expect("packets came");
        assert_eq!(quiet.fraction_lost, 0, "each report covers its own interval");
    }

    #[test]
    fn an_even_stream_has_no_jitter_and_an_uneven_one_has() {
        let (mut even, mut uneven) = (Reception::default(), Reception::default());
        for n in 0..200u64 {
            even.receive(n, n as u32 * 960, n * 20_000, 48_000);
            uneven.receive(n, n as u32 * 960, n * 20_000 + (n % 2) * 10_000, 48_000);
        }
        assert!(even.jitter_ticks() <= 1);
        // 10 ms back and forth at 48 kHz is 480 ticks.
        assert!((400..=480).contains(&uneven.jitter_ticks()), "{}", uneven.jitter_ticks());
    }
}
