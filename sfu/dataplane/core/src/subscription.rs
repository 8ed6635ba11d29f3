//! One track on its way to one subscriber: renumbered so that the subscriber sees a stream of its own without holes,
//! under its own payload type, SSRC and extension ids. Times are microseconds.

use std::collections::VecDeque;

use crate::extension::Writer;
use crate::history::StoredPacket;
use crate::keyframe::Patience;
use crate::outbox::MAX_DATAGRAM;
use crate::replay::Window;
use crate::rtcp::ReportBlock;
use crate::rtp;
use crate::srtp::SrtpKeys;

/// How the subscriber knows the stream, from its own offer and our answer.
#[derive(Clone, Debug)]
pub struct Face {
    pub mid: String,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub cname: String,
}

/// Extension ids negotiated with the subscriber; 0: not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    pub mid: u8,
    pub rid: u8,
    pub repaired_rid: u8,
    pub transport_cc: u8,
    pub audio_level: u8,
    pub dependency_descriptor: u8,
}

/// Which output numbers came from which stretch of the track: a stretch ends at each pause.
#[derive(Clone, Copy)]
struct Stretch {
    first_out: u64,
    /// `out = track seq + offset`, in wrapping arithmetic.
    offset: u64,
}

const STRETCHES: usize = 8;
/// Until the round-trip time is known. A packet asked for twice within one is sent once (pitfall 44).
const ASSUMED_RTT_US: u64 = 20_000;
/// A peer that reports no round trip at all does not get packets again faster than this.
const SHORTEST_RTT_US: u64 = 5_000;
/// Bytes sent again to one subscriber in a second: more than any stream's own rate.
const REPAIR_BYTES_PER_S: usize = 512 * 1024;
const FIRST_SEQ_LIMIT: u64 = 1 << 15;

#[derive(Default, Clone, Copy)]
pub struct SubscriptionFigures {
    pub packets: u64,
    pub bytes: u64,
    pub nacks_received: u64,
    pub plis_received: u64,
    pub rtx_sent: u64,
    pub loss: f64,
    pub jitter_ticks: u32,
    pub rtt_us: Option<u64>,
}

/// What a subscription needs at the moment of its start.
#[derive(Clone, Copy)]
pub struct Start {
    /// Random; the low bits become the first sequence numbers, below 2^15 so that a lost first packet cannot
    /// confuse the roll-over counter (RFC 3711 §3.3.1).
    pub random: u64,
    pub needs_keyframe: bool,
    /// Packets that the track's history holds.
    pub history_packets: usize,
}

pub struct Subscription {
    pub face: Face,
    start: Start,
    paused: bool,
    waiting_keyframe: bool,
    stretches: VecDeque<Stretch>,
    next_out: u64,
    /// Numbers that were used. Two packets under one number would break AES-GCM (RFC 7714 §8.1), so nothing that
    /// happens upstream may bring that about.
    used: Window<16>,
    next_rtx: u64,
    timestamp_offset: u32,
    last_sent_us: Option<u64>,
    reported: bool,
    resent: Vec<(u64, u64)>,
    repair: Allowance,
    pub patience: Patience,
    payload_bytes: u64,
    pub figures: SubscriptionFigures,
}

impl Subscription {
    pub fn new(face: Face, start: Start) -> Self {
        Self {
            face,
            start,
            paused: false,
            waiting_keyframe: start.needs_keyframe,
            stretches: VecDeque::new(),
            next_out: start.random % FIRST_SEQ_LIMIT,
            used: Window::default(),
            next_rtx: (start.random >> 16) % FIRST_SEQ_LIMIT,
            timestamp_offset: (start.random >> 32) as u32,
            last_sent_us: None,
            reported: false,
            resent: Vec::new(),
            repair: Allowance::default(),
            patience: Patience::default(),
            payload_bytes: 0,
            figures: SubscriptionFigures::default(),
        }
    }

    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// True when a key frame has to be asked for.
    pub fn resume(&mut self) -> bool {
        if !self.paused {
            return false;
        }
        self.paused = false;
        self.restart()
    }

    /// Forwarding begins anew (first packets, after a pause, when the subscriber became able to decrypt).
    pub fn restart(&mut self) -> bool {
        if self.stretches.back().is_none_or(|stretch| stretch.first_out != u64::MAX) {
            self.stretches.push_back(Stretch { first_out: u64::MAX, offset: 0 });
        }
        self.waiting_keyframe = self.start.needs_keyframe;
        self.start.needs_keyframe
    }

    pub fn is_waiting_for_keyframe(&self) -> bool {
        self.waiting_keyframe && !self.paused
    }

    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// The output number for a packet of the track, or `None` when it is not to be forwarded.
    fn admit(&mut self, packet: &StoredPacket) -> Option<u64> {
        if self.paused {
            return None;
        }
        if self.waiting_keyframe {
            if !packet.starts_keyframe {
                return None;
            }
            self.waiting_keyframe = false;
        }
        let fresh = self.stretches.back().is_none_or(|stretch| stretch.first_out == u64::MAX);
        if fresh {
            self.stretches.pop_back();
            let offset = self.next_out.wrapping_sub(packet.seq);
            self.stretches.push_back(Stretch { first_out: self.next_out, offset });
            if self.stretches.len() > STRETCHES {
                self.stretches.pop_front();
            }
        }
        let stretch = self.stretches.back()?;
        let out = packet.seq.wrapping_add(stretch.offset);
        // A late packet from before this stretch began would take a number that was already used.
        let in_stretch = out >= stretch.first_out && out < u64::MAX / 2;
        (in_stretch && self.used.check(out).is_ok()).then_some(out)
    }

    /// Write and protect one packet into `room`; returns the datagram's length, `None` when it is not forwarded.
    #[inline]
    pub fn forward(
        &mut self,
        packet: &StoredPacket,
        keys: &SrtpKeys,
        ids: &ExtensionIds,
        now_us: u64,
        room: &mut [u8],
    ) -> Option<usize> {
        let out = self.admit(packet)?;
        let timestamp = packet.timestamp.wrapping_add(self.timestamp_offset);
        let header_len = self.write_header(room, packet, Numbers::media(&self.face, out, timestamp), ids)?;
        room.get_mut(header_len..header_len + packet.payload.len())?.copy_from_slice(&packet.payload);
        let len = keys.protect_rtp(room, header_len, packet.payload.len(), out).ok()?;
        self.used.accept(out);
        self.next_out = self.next_out.max(out + 1);
        self.last_sent_us = Some(now_us);
        self.payload_bytes += packet.payload.len() as u64;
        self.figures.packets += 1;
        self.figures.bytes += len as u64;
        Some(len)
    }

    /// The track position of a packet that the subscriber misses, if it may be sent again now.
    pub fn lost(&mut self, wire_seq: u16, now_us: u64) -> Option<Lost> {
        self.face.rtx_payload_type.and(self.face.rtx_ssrc)?;
        let out = nearest(self.next_out, wire_seq);
        if out >= self.next_out {
            return None;
        }
        let stretch = self.stretches.iter().rev().find(|stretch| stretch.first_out <= out)?;
        let track_seq = out.wrapping_sub(stretch.offset);
        if self.resent.is_empty() {
            // One place for each packet of the history: no two of them can hide each other's times.
            self.resent = vec![(u64::MAX, 0); self.start.history_packets];
        }
        let wait = self.figures.rtt_us.unwrap_or(ASSUMED_RTT_US).max(SHORTEST_RTT_US);
        let at = out as usize % self.resent.len();
        let slot = &mut self.resent[at];
        if slot.0 == out && now_us.saturating_sub(slot.1) < wait {
            return None;
        }
        *slot = (out, now_us);
        Some(Lost { out, track_seq })
    }

    /// Write and protect a retransmission (RFC 4588 §4): own SSRC, payload type and numbers, the original number first.
    pub fn retransmit(
        &mut self,
        lost: Lost,
        packet: &StoredPacket,
        keys: &SrtpKeys,
        ids: &ExtensionIds,
        now_us: u64,
        room: &mut [u8],
    ) -> Option<usize> {
        let (payload_type, ssrc) = (self.face.rtx_payload_type?, self.face.rtx_ssrc?);
        self.repair.take(packet.payload.len(), now_us)?;
        let index = self.next_rtx;
        let timestamp = packet.timestamp.wrapping_add(self.timestamp_offset);
        let numbers = Numbers { payload_type, ssrc, seq: index as u16, timestamp };
        let header_len = self.write_header(room, packet, numbers, ids)?;
        let body = room.get_mut(header_len..header_len + 2 + packet.payload.len())?;
        body[..2].copy_from_slice(&(lost.out as u16).to_be_bytes());
        body[2..].copy_from_slice(&packet.payload);
        let len = keys.protect_rtp(room, header_len, 2 + packet.payload.len(), index).ok()?;
        self.next_rtx += 1;
        self.figures.rtx_sent += 1;
        self.figures.bytes += len as u64;
        Some(len)
    }

    fn write_header(
        &self,
        room: &mut [u8],
        packet: &StoredPacket,
        numbers: Numbers,
        ids: &ExtensionIds,
    ) -> Option<usize> {
        if room.len() < MAX_DATAGRAM {
            return None;
        }
        // RFC 8843 §9.2: the mid on the first packets, until the subscriber has shown by a report that it knows the SSRC.
        let mid = (!self.reported && ids.mid != 0).then_some(self.face.mid.as_bytes());
        let level = packet.audio_level.filter(|_| ids.audio_level != 0);
        let descriptor = packet.dependency_descriptor().filter(|_| ids.dependency_descriptor != 0);
        let extended = mid.is_some() || level.is_some() || descriptor.is_some();
        rtp::write_fixed(
            room,
            packet.marker,
            numbers.payload_type,
            numbers.seq,
            numbers.timestamp,
            numbers.ssrc,
            extended,
        );
        if !extended {
            return Some(rtp::FIXED_HEADER_LEN);
        }
        let mut writer = Writer::new(&mut room[rtp::FIXED_HEADER_LEN..]);
        if let Some(mid) = mid {
            writer.push(ids.mid, mid).ok()?;
        }
        if let Some(level) = level {
            writer.push(ids.audio_level, &[level]).ok()?;
        }
        if let Some(descriptor) = descriptor {
            writer.push(ids.dependency_descriptor, descriptor).ok()?;
        }
        Some(rtp::FIXED_HEADER_LEN + writer.finish())
    }

    /// A report block of the subscriber on this stream. `round_trip_us`: from its LSR and DLSR, when it had them.
    pub fn reported(&mut self, block: &ReportBlock, round_trip_us: Option<u64>) {
        self.reported = true;
        self.figures.loss = f64::from(block.fraction_lost) / 256.0;
        self.figures.jitter_ticks = block.jitter;
        if round_trip_us.is_some() {
            self.figures.rtt_us = round_trip_us;
        }
    }

    /// The fields of a sender report, when something was sent in the last two seconds (pitfall 41).
    pub fn sender_report(&self, now_us: u64) -> Option<SenderReportFields> {
        let idle = now_us.saturating_sub(self.last_sent_us?);
        (idle < 2_000_000).then_some(SenderReportFields {
            ssrc: self.face.ssrc,
            timestamp_offset: self.timestamp_offset,
            packets: self.figures.packets as u32,
            octets: self.payload_bytes as u32,
        })
    }
}

pub struct SenderReportFields {
    pub ssrc: u32,
    pub timestamp_offset: u32,
    pub packets: u32,
    pub octets: u32,
}

/// Bytes of repair left in the current second.
#[derive(Default)]
struct Allowance {
    since_us: u64,
    used: usize,
}

impl Allowance {
    fn take(&mut self, bytes: usize, now_us: u64) -> Option<()> {
        if now_us.saturating_sub(self.since_us) >= 1_000_000 {
            *self = Self { since_us: now_us, used: 0 };
        }
        self.used += bytes;
        (self.used <= REPAIR_BYTES_PER_S).then_some(())
    }
}

/// A packet a subscriber asked for: its number there, its position in the track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub out: u64,
    pub track_seq: u64,
}

#[derive(Clone, Copy)]
struct Numbers {
    payload_type: u8,
    ssrc: u32,
    seq: u16,
    timestamp: u32,
}

impl Numbers {
    fn media(face: &Face, out: u64, timestamp: u32) -> Self {
        Self { payload_type: face.payload_type, ssrc: face.ssrc, seq: out as u16, timestamp }
    }
}

/// The unwrapped number nearest to `reference` whose low 16 bits are `wire` (RFC 3711 §3.3.1).
pub fn nearest(reference: u64, wire: u16) -> u64 {
    let distance = i64::from(wire.wrapping_sub(reference as u16) as i16);
    reference.saturating_add_signed(distance)
}
