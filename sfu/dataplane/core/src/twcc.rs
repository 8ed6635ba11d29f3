//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
//!
//! `Recorder` writes it for a publisher; `Feedback` reads it.

use std::fmt;

use crate::replay::Unwrapper;
use crate::rtcp::{FMT_TRANSPORT_CC, PADDING_BIT, TRANSPORT_FEEDBACK, write_header};

/// How many packets the recorder remembers; feedback every 50–100 ms leaves far fewer pending.
const CAPACITY: usize = 1024;
/// A feedback packet stays below this, so that it fits any path with SRTP and UDP around it.
const MAX_PACKET_LEN: usize = 1_200;
/// RTCP header, both SSRCs, base sequence, status count, reference time and feedback count.
const HEADER_LEN: usize = 20;

/// Arrival times are told in steps of 250 µs, the reference time in 64 ms.
const TICK_US: u64 = 250;
const TICKS_PER_REFERENCE: u64 = 256;

// Packet status symbols (§3.1.1).
const NOT_RECEIVED: u8 = 0;
const SMALL_DELTA: u8 = 1;
const LARGE_DELTA: u8 = 2;

/// Chunks (§3.1.3, §3.1.4): the longest run, and how many symbols of one and two bits fit a vector.
const MAX_RUN: usize = 0x1fff;
const ONE_BIT_SYMBOLS: usize = 14;
const TWO_BIT_SYMBOLS: usize = 7;

/// Notes when packets of one transport arrived, and writes the feedback that its sender's bandwidth estimation needs.
#[derive(Debug)]
pub struct Recorder {
    unwrapper: Unwrapper,
    /// Arrival in ticks, None where not (yet) received, of the packets from `oldest` to the highest: each has the slot
    /// of its number modulo the capacity. Other slots mean nothing.
    arrivals: Box<[Option<u64>; CAPACITY]>,
    oldest: u64,
    /// The first packet that the next feedback tells of; behind the highest when there is nothing to tell.
    base: u64,
    pending: usize,
    feedback_count: u8,
    /// Statuses and deltas of the feedback being written; here to keep their memory.
    symbols: Vec<u8>,
    deltas: Vec<u8>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    #[must_use]
    pub fn new() -> Self {
        Self {
            unwrapper: Unwrapper::new(),
            arrivals: Box::new([None; CAPACITY]),
            oldest: 0,
            base: 0,
            pending: 0,
            feedback_count: 0,
            symbols: Vec::new(),
            deltas: Vec::new(),
        }
    }

    /// A packet with this transport-wide sequence number arrived; `arrival_us` is monotonic, its epoch of no matter.
    ///
    /// Of a packet that arrives twice the first arrival counts. One that was already told of as lost is told of again,
    /// together with those after it; one older than the memory is not.
    pub fn record(&mut self, seq: u16, arrival_us: u64) {
        let previous = self.unwrapper.highest();
        let seq = self.unwrapper.unwrap(seq);
        match previous {
            None => {
                (self.oldest, self.base) = (seq, seq);
                *self.slot(seq) = None;
            }
            Some(highest) if seq > highest => {
                self.oldest = self.oldest.max((seq + 1).saturating_sub(CAPACITY as u64));
                self.base = self.base.max(self.oldest);
                self.clear((highest + 1).max(self.oldest), seq + 1);
            }
            Some(highest) if seq < self.oldest => {
                // From before the first packet, unless it is too old.
                if highest - seq >= CAPACITY as u64 {
                    return;
                }
                self.clear(seq, self.oldest);
                self.oldest = seq;
            }
            Some(_) => {}
        }
        let slot = self.slot(seq);
        if slot.is_none() {
            *slot = Some(arrival_us / TICK_US);
            self.base = self.base.min(seq);
            self.pending += 1;
        }
    }

    fn slot(&mut self, seq: u64) -> &mut Option<u64> {
        &mut self.arrivals[seq as usize % CAPACITY]
    }

    fn clear(&mut self, first: u64, end: u64) {
        (first..end).for_each(|seq| *self.slot(seq) = None);
    }

    /// Packets that arrived since the last feedback; 0: there is nothing to tell.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Appends one feedback packet, if packets are pending, and returns whether more are left for a further one.
    ///
    /// It tells of all packets since the last feedback, lost ones too. More are left when it would get too long, or
    /// when two arrivals are further apart than a delta can say (8 s).
    pub fn write_feedback(&mut self, out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32) -> bool {
        let Some(highest) = self.unwrapper.highest().filter(|&highest| self.base <= highest) else { return false };
        let reference = self.collect(highest);
        let start = out.len();
        write_header(out, TRANSPORT_FEEDBACK, FMT_TRANSPORT_CC, 0, sender_ssrc);
        out.extend_from_slice(&media_ssrc.to_be_bytes());
        out.extend_from_slice(&(self.base as u16).to_be_bytes());
        // At most CAPACITY statuses.
        out.extend_from_slice(&(self.symbols.len() as u16).to_be_bytes());
        out.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
        out.push(self.feedback_count);
        write_chunks(out, &self.symbols);
        out.extend_from_slice(&self.deltas);
        finish_packet(out, start);

        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.base += self.symbols.len() as u64;
        // The highest has arrived, so whatever is left holds at least one arrival.
        self.pending = (self.base..=highest).filter(|&seq| self.slot(seq).is_some()).count();
        self.pending > 0
    }

    /// Fills `symbols` and `deltas` with as much from `base` on as fits one packet; returns the reference time.
    fn collect(&mut self, highest: u64) -> u64 {
        self.symbols.clear();
        self.deltas.clear();
        let mut reference = None;
        let mut previous = 0;
        for seq in self.base..=highest {
            // Chunks hold at least seven symbols each; runs make them fewer.
            let len_so_far = HEADER_LEN + 2 * (self.symbols.len() / TWO_BIT_SYMBOLS + 1) + self.deltas.len();
            if len_so_far + 2 > MAX_PACKET_LEN {
                break;
            }
            let Some(arrival) = *self.slot(seq) else {
                self.symbols.push(NOT_RECEIVED);
                continue;
            };
            if reference.is_none() {
                reference = Some(arrival / TICKS_PER_REFERENCE);
                previous = arrival / TICKS_PER_REFERENCE * TICKS_PER_REFERENCE;
            }
            let delta = arrival.wrapping_sub(previous) as i64;
            if let Ok(small) = u8::try_from(delta) {
                self.symbols.push(SMALL_DELTA);
                self.deltas.push(small);
            } else if let Ok(large) = i16::try_from(delta) {
                self.symbols.push(LARGE_DELTA);
                self.deltas.extend_from_slice(&large.to_be_bytes());
            } else {
                break;
            }
            previous = arrival;
        }
        reference.unwrap_or(0)
    }
}

/// Packs statuses into chunks: runs where they are long, else one-bit vectors, or two-bit ones for large deltas.
fn write_chunks(out: &mut Vec<u8>, symbols: &[u8]) {
    let mut rest = symbols;
    while let Some(&symbol) = rest.first() {
        let run = rest.iter().take(MAX_RUN).take_while(|&&next| next == symbol).count();
        let window = &rest[..rest.len().min(ONE_BIT_SYMBOLS)];
        let one_bit = !window.contains(&LARGE_DELTA);
        let vector_len = if one_bit { ONE_BIT_SYMBOLS } else { TWO_BIT_SYMBOLS };
        let (chunk, taken) = if run >= vector_len.min(rest.len()) {
            (u16::from(symbol) << 13 | run as u16, run)
        } else {
            let bits = if one_bit { 1 } else { 2 };
            let taken = rest.len().min(vector_len);
            let vector = rest[..taken].iter().fold(0, |vector, &symbol| vector << bits | u16::from(symbol));
            let kind = if one_bit { 0x8000 } else { 0xC000 };
            (kind | vector << (bits * (vector_len - taken)), taken)
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        rest = &rest[taken..];
    }
}

/// Pads to 32 bits (RFC 3550 §6.4.1) and writes the length.
fn finish_packet(out: &mut Vec<u8>, start: usize) {
    let padding = (out.len() - start).next_multiple_of(4) - (out.len() - start);
    if padding > 0 {
        out[start] |= PADDING_BIT;
        out.resize(out.len() + padding - 1, 0);
        out.push(padding as u8);
    }
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

/// The feedback's chunks or deltas are fewer than it says, or hold the reserved status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedbackError;

impl fmt::Display for FeedbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transport-wide feedback is cut short or not valid")
    }
}

impl std::error::Error for FeedbackError {}

/// A checked feedback message, as `rtcp::Packet::TransportCc` holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback<'a> {
    pub base_seq: u16,
    pub status_count: u16,
    /// In 64 ms; 24 bits on the wire, the epoch is the receiver's.
    pub reference: u32,
    /// Counts the feedback messages of one receiver, modulo 256.
    pub feedback_count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> Feedback<'a> {
    /// Reads the feedback control information; what is behind the deltas is padding.
    pub fn parse(fci: &'a [u8]) -> Result<Self, FeedbackError> {
        let (&[b0, b1, s0, s1, r0, r1, r2, feedback_count], rest) = fci.split_first_chunk().ok_or(FeedbackError)?;
        let status_count = u16::from_be_bytes([s0, s1]);
        let mut symbols = Symbols::new(rest, status_count);
        let mut deltas_len = 0;
        for _ in 0..status_count {
            deltas_len += match symbols.next() {
                Some(NOT_RECEIVED) => 0,
                Some(SMALL_DELTA) => 1,
                Some(LARGE_DELTA) => 2,
                _ => return Err(FeedbackError),
            };
        }
        let (chunks, behind) = rest.split_at(rest.len() - symbols.chunks.len());
        Ok(Self {
            base_seq: u16::from_be_bytes([b0, b1]),
            status_count,
            reference: u32::from_be_bytes([0, r0, r1, r2]),
            feedback_count,
            chunks,
            deltas: behind.get(..deltas_len).ok_or(FeedbackError)?,
        })
    }

    /// Each packet told of, in order, with its arrival in µs on the receiver's clock; None: not received.
    pub fn packets(&self) -> impl Iterator<Item = (u16, Option<i64>)> + use<'a> {
        let base_seq = self.base_seq;
        let mut ticks = i64::from(self.reference) * TICKS_PER_REFERENCE as i64;
        let mut deltas = self.deltas.iter().copied();
        let symbols = Symbols::new(self.chunks, self.status_count);
        symbols.zip(0..).map(move |(symbol, offset)| {
            let delta = match symbol {
                SMALL_DELTA => deltas.next().map(i64::from),
                LARGE_DELTA => deltas.next().zip(deltas.next()).map(|(d0, d1)| i16::from_be_bytes([d0, d1]).into()),
                _ => None,
            };
            let arrival_us = delta.map(|delta| {
                ticks += delta;
                ticks * TICK_US as i64
            });
            (base_seq.wrapping_add(offset), arrival_us)
        })
    }
}

/// The statuses in a row of chunks; ends early when chunks are missing.
struct Symbols<'a> {
    chunks: &'a [u8],
    /// How many statuses are still to come.
    left: u16,
    current: Chunk,
}

/// What is left of one chunk; a vector's next status is in its top bits.
enum Chunk {
    Run { symbol: u8, left: u16 },
    Vector { bits: u16, width: u32, left: u8 },
}

impl<'a> Symbols<'a> {
    fn new(chunks: &'a [u8], status_count: u16) -> Self {
        Self { chunks, left: status_count, current: Chunk::Run { symbol: 0, left: 0 } }
    }
}

impl Chunk {
    fn read(word: u16) -> Self {
        match word >> 14 {
            0 | 1 => Self::Run { symbol: (word >> 13) as u8, left: word & 0x1fff },
            2 => Self::Vector { bits: word << 2, width: 1, left: ONE_BIT_SYMBOLS as u8 },
            _ => Self::Vector { bits: word << 2, width: 2, left: TWO_BIT_SYMBOLS as u8 },
        }
    }

    fn next(&mut self) -> Option<u8> {
        match self {
            Self::Run { left: 0, .. } | Self::Vector { left: 0, .. } => None,
            Self::Run { symbol, left } => {
                *left -= 1;
                Some(*symbol)
            }
            Self::Vector { bits, width, left } => {
                *left -= 1;
                let symbol = (*bits >> (16 - *width)) as u8;
                *bits <<= *width;
                Some(symbol)
            }
        }
    }
}

impl Iterator for Symbols<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(symbol) = self.current.next() {
                return Some(symbol);
            }
            let (&word, rest) = self.chunks.split_first_chunk()?;
            self.chunks = rest;
            self.current = Chunk::read(u16::from_be_bytes(word));
        }
    }
}

#[cfg(test)]
mod tests;
