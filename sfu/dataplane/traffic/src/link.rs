//! A bad network on purpose, one direction of it: which datagrams get through, and when they come out.
//!
//! In a real path's order: some are lost, the rest queue before a wire of a given rate (and are dropped when the queue is
//! full), and are then held back. None overtakes another, as on most paths. The same seed loses the same datagrams, by
//! their number.

use std::collections::VecDeque;

use crate::random::Random;
use crate::received::Arrival;

/// How long a link holds everything back by the same time, before it draws another: about as long as a radio link is
/// busy with somebody else, or repeats itself.
const HELD_US: (u64, u64) = (50_000, 150_001);
/// Waiting datagrams beyond these are dropped: nobody's flood takes all memory.
const MAX_WAITING: usize = 65_536;
const MAX_WAITING_BYTES: usize = 16 << 20;
const NEVER: u64 = u64::MAX;

/// What a direction does to datagrams. The default does nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Share that never comes, 0 to 1.
    pub loss: f64,
    /// How many are lost in a row, on average, at least 1; `None`: each by itself.
    pub burst: Option<f64>,
    /// Added to each.
    pub delay_us: u64,
    /// Up to so much more, drawn evenly, for all datagrams of a while together.
    pub jitter_us: u64,
    /// Bits a second of UDP payload; `None`: no limit.
    pub rate_bps: Option<u64>,
    /// How long the queue before that may get.
    pub queue_us: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { loss: 0.0, burst: None, delay_us: 0, jitter_us: 0, rate_bps: None, queue_us: 300_000 }
    }
}

/// Gilbert's model (1960): a good state, in which nothing is lost, and a bad one, in which all is.
#[derive(Debug)]
struct Losses {
    random: Random,
    /// Of 2^64: how likely the next datagram is lost after one that was not, and after one that was.
    enters: u64,
    stays: u64,
    bad: bool,
}

impl Losses {
    fn new(conditions: &Conditions, random: Random) -> Self {
        let loss = conditions.loss;
        let (enters, stays) = match conditions.burst {
            None => (loss, loss),
            Some(mean) => (loss / (mean * (1.0 - loss)), 1.0 - 1.0 / mean),
        };
        Self { random, enters: of_2_64(enters), stays: of_2_64(stays), bad: false }
    }

    fn takes_next(&mut self) -> bool {
        self.bad = self.random.draw() < if self.bad { self.stays } else { self.enters };
        self.bad
    }
}

/// A probability as a share of all numbers of 64 bits; what is not one becomes the nearest.
fn of_2_64(probability: f64) -> u64 {
    (probability * 18_446_744_073_709_551_616.0) as u64
}

/// One direction's rules. Knows no datagram, only sizes and times.
#[derive(Debug)]
pub struct Link {
    conditions: Conditions,
    losses: Losses,
    random: Random,
    held_us: u64,
    held_until_us: u64,
    wire_free_ns: u64,
    last_us: u64,
}

impl Link {
    #[must_use]
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        let mut random = Random::new(seed);
        // Of their own, so that what else is drawn does not change who is lost.
        let losses = Losses::new(&conditions, Random::new(random.draw()));
        Self { conditions, losses, random, held_us: 0, held_until_us: 0, wire_free_ns: 0, last_us: 0 }
    }

    /// When a datagram of `size` bytes comes out, in µs of the same clock; `None`: never. To be called once for each, in
    /// order.
    pub fn offer(&mut self, size: usize, now_us: u64) -> Option<u64> {
        if self.losses.takes_next() {
            return None;
        }
        let through_us = self.through_wire(size, now_us)?;
        let comes_us = through_us + self.conditions.delay_us + self.held(now_us);
        self.last_us = self.last_us.max(comes_us);
        Some(self.last_us)
    }

    fn through_wire(&mut self, size: usize, now_us: u64) -> Option<u64> {
        let Some(rate_bps) = self.conditions.rate_bps else { return Some(now_us) };
        let begins_ns = self.wire_free_ns.max(now_us * 1_000);
        if begins_ns - now_us * 1_000 > self.conditions.queue_us * 1_000 {
            return None;
        }
        self.wire_free_ns = begins_ns + size as u64 * 8_000_000_000 / rate_bps.max(1);
        Some(self.wire_free_ns / 1_000)
    }

    fn held(&mut self, now_us: u64) -> u64 {
        if self.conditions.jitter_us > 0 && self.held_until_us <= now_us {
            self.held_us = self.random.between(0, self.conditions.jitter_us + 1);
            self.held_until_us = now_us + self.random.between(HELD_US.0, HELD_US.1);
        }
        self.held_us
    }
}

#[derive(Debug)]
struct Waiting {
    came: Arrival,
    comes_us: u64,
    len: usize,
}

/// Datagrams on their way through a link.
#[derive(Debug)]
pub struct Line {
    link: Link,
    waiting: VecDeque<Waiting>,
    /// Those datagrams, end to end.
    bytes: VecDeque<u8>,
    /// The one that came out last.
    out: Vec<u8>,
}

impl Line {
    #[must_use]
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self { link: Link::new(conditions, seed), waiting: VecDeque::new(), bytes: VecDeque::new(), out: Vec::new() }
    }

    /// One goes in.
    pub fn offer(&mut self, datagram: &[u8], came: Arrival) {
        let Some(comes_us) = self.link.offer(datagram.len(), came.us) else { return };
        if self.waiting.len() < MAX_WAITING && self.bytes.len() + datagram.len() <= MAX_WAITING_BYTES {
            self.waiting.push_back(Waiting { came, comes_us, len: datagram.len() });
            self.bytes.extend(datagram);
        }
    }

    /// When the next one comes out.
    #[must_use]
    pub fn due_us(&self) -> u64 {
        self.waiting.front().map_or(NEVER, |next| next.comes_us)
    }

    /// The next one that has come out, and when it did, on both clocks.
    pub fn take(&mut self, now_us: u64) -> Option<(&mut [u8], Arrival)> {
        if self.due_us() > now_us {
            return None;
        }
        let next = self.waiting.pop_front()?;
        let (front, back) = self.bytes.as_slices();
        let in_front = next.len.min(front.len());
        self.out.clear();
        self.out.extend_from_slice(&front[..in_front]);
        self.out.extend_from_slice(&back[..next.len - in_front]);
        self.bytes.drain(..next.len);
        let way_ns = next.comes_us.saturating_sub(next.came.us) * 1_000;
        let arrival = Arrival { us: next.comes_us, wall_ns: next.came.wall_ns.saturating_add(way_ns) };
        Some((&mut self.out, arrival))
    }

    fn clear(&mut self) {
        self.waiting.clear();
        self.bytes.clear();
    }
}

/// What lies between one participant and the server.
#[derive(Debug)]
pub struct Network {
    pub up: Line,
    pub down: Line,
}

impl Network {
    #[must_use]
    pub fn new(up: Conditions, down: Conditions, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self { up: Line::new(up, random.draw()), down: Line::new(down, random.draw()) }
    }

    #[must_use]
    pub fn due_us(&self) -> u64 {
        self.up.due_us().min(self.down.due_us())
    }

    /// Another network from now on: what was on its way in the old one is lost.
    pub fn moved(&mut self) {
        self.up.clear();
        self.down.clear();
    }
}

#[cfg(test)]
mod tests;
