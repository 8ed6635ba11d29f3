//! One published track as received: repaired, numbered without holes, kept for its subscribers. Times are microseconds.
//!
//! Inside, a packet has two numbers: its *wire* number, unwrapped, under which the publisher knows it and is asked for
//! it; and its *track* number, under which everybody else does. The second goes on where the publisher starts a new SSRC.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::codec::{Codec, starts_keyframe};
use crate::event::TrackId;
use crate::history::{History, PacketInfo};
use crate::keyframe::KeyframeRequests;
use crate::nack::{Arrival, NackTracker};
use crate::plane::PlaneError;
use crate::reception::Reception;
use crate::rtcp::ReportBlock;
use crate::rtp::Header;
use crate::subscription::nearest;
use crate::tap::{Packet, Report, Tap, TapId, Tapped};
use crate::transport::{Subscriber, Transport};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Audio,
    Video,
}

/// What the publisher's offer says of a track.
#[derive(Clone, Debug)]
pub struct Description {
    pub mid: String,
    pub kind: Kind,
    pub codec: Codec,
    pub clock_rate: u32,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    pub nack: bool,
    pub rid: Option<String>,
    pub ssrcs: Vec<u32>,
    pub rtx_ssrcs: Vec<u32>,
}

pub struct Track {
    pub id: TrackId,
    pub description: Description,
    pub publisher: Arc<Transport>,
    pub state: Mutex<TrackState>,
}

const FIRST_SEQ: u64 = 1;
/// Dropped padding packets whose place among late ones is still known.
const DROPPED_KNOWN: usize = 64;

#[derive(Clone, Copy, Default)]
pub struct TrackFigures {
    pub packets: u64,
    pub bytes: u64,
    pub rtx_packets: u64,
    pub nacks_sent: u64,
    pub plis_sent: u64,
    pub keyframes: u64,
}

/// The SSRC that carries the track at present.
struct Source {
    ssrc: u32,
    /// `track number = wire number + offset - dropped padding before it`, in wrapping arithmetic.
    offset: u64,
    first_wire: u64,
    highest_wire: u64,
    timestamp_offset: u32,
    dropped: VecDeque<u64>,
    dropped_long_ago: u64,
    nack: Option<NackTracker>,
    reception: Reception,
    last_report: Option<Report>,
}

/// One packet that passed authentication, in the clear.
pub struct Incoming<'a> {
    pub header: Header,
    /// CSRCs and extension.
    pub header_rest: &'a [u8],
    pub wire_seq: u64,
    pub payload: &'a [u8],
    pub audio_level: Option<u8>,
    pub dependency_descriptor: Option<&'a [u8]>,
    pub arrived_us: u64,
    pub now_us: u64,
    pub is_retransmission: bool,
}

pub struct TrackState {
    source: Option<Source>,
    next_seq: u64,
    last_timestamp: u32,
    last_packet_us: Option<u64>,
    pub history: History,
    pub keyframes: KeyframeRequests,
    pub subscribers: Vec<Arc<Subscriber>>,
    /// Packets of this round, to be forwarded at its end.
    pub fresh: Vec<u64>,
    /// A worker has it on its list of tracks to look after at the end of the round.
    pub is_listed: bool,
    /// Losses that are in the node's counter already.
    pub counted_losses: u64,
    loudest: Option<u8>,
    tap: Option<Tapped>,
    /// Unpublished: nothing is to be attached to it any more.
    ended: bool,
    pub figures: TrackFigures,
}

impl TrackState {
    pub fn new(history_packets: usize) -> Self {
        Self {
            source: None,
            next_seq: FIRST_SEQ,
            last_timestamp: 0,
            last_packet_us: None,
            history: History::new(history_packets),
            keyframes: KeyframeRequests::default(),
            subscribers: Vec::new(),
            fresh: Vec::with_capacity(32),
            is_listed: false,
            counted_losses: 0,
            loudest: None,
            tap: None,
            ended: false,
            figures: TrackFigures::default(),
        }
    }

    pub fn has_started(&self) -> bool {
        self.source.is_some()
    }

    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// A new SSRC took the track over; its first packet continues numbers and timestamps.
    pub fn switch_source(&mut self, description: &Description, first: &Incoming<'_>) {
        let timestamp_offset = self.last_packet_us.map_or(0, |last| {
            let elapsed_us = first.now_us.saturating_sub(last).max(1_000);
            let elapsed_ticks = (u128::from(elapsed_us) * u128::from(description.clock_rate) / 1_000_000) as u32;
            self.last_timestamp.wrapping_add(elapsed_ticks).wrapping_sub(first.header.timestamp)
        });
        self.source = Some(Source {
            ssrc: first.header.ssrc,
            offset: self.next_seq.wrapping_sub(first.wire_seq),
            first_wire: first.wire_seq,
            highest_wire: first.wire_seq,
            timestamp_offset,
            dropped: VecDeque::new(),
            dropped_long_ago: 0,
            nack: description.nack.then(NackTracker::default),
            reception: Reception::default(),
            last_report: None,
        });
    }

    /// The wire number that an RTX packet's original sequence number means; `None` before the first media packet.
    pub fn original_wire_seq(&self, original: u16) -> Option<u64> {
        self.source.as_ref().map(|source| nearest(source.highest_wire, original))
    }

    /// Take a packet in; what is new then stands in `fresh`.
    pub fn receive(&mut self, description: &Description, packet: &Incoming<'_>) {
        // What was overtaken by a source's very first packet has no number that is still free.
        let Some(source) = self.source.as_mut().filter(|source| packet.wire_seq >= source.first_wire) else { return };
        if !packet.is_retransmission {
            source.reception.receive(packet.wire_seq, packet.header.timestamp, packet.now_us, description.clock_rate);
        }
        if let Some(nack) = source.nack.as_mut()
            && matches!(nack.receive(packet.wire_seq, packet.now_us), Arrival::Duplicate)
        {
            // Bandwidth probes repeat packets on the RTX SSRC.
            return;
        }
        let is_newest = packet.wire_seq >= source.highest_wire;
        source.highest_wire = source.highest_wire.max(packet.wire_seq);
        if packet.payload.is_empty() {
            // Only where nothing behind it has a number yet can the gap be closed; otherwise it stays a lost packet.
            if is_newest {
                source.drop_padding(packet.wire_seq);
            }
            return;
        }
        let info = PacketInfo {
            seq: source.track_seq(packet.wire_seq),
            timestamp: packet.header.timestamp.wrapping_add(source.timestamp_offset),
            marker: packet.header.marker,
            audio_level: packet.audio_level,
            starts_keyframe: description.kind == Kind::Video
                && starts_keyframe(description.codec, packet.payload, packet.dependency_descriptor),
            dependency_descriptor: packet.dependency_descriptor,
        };
        if !self.history.store(info, packet.payload) {
            return;
        }
        if info.seq >= self.next_seq {
            self.next_seq = info.seq + 1;
            self.last_timestamp = info.timestamp;
        }
        if info.starts_keyframe {
            self.keyframes.satisfied();
            self.figures.keyframes += 1;
        }
        if let Some(level) = packet.audio_level {
            let level = level & 0x7f;
            self.loudest = Some(self.loudest.map_or(level, |loudest| loudest.min(level)));
        }
        self.last_packet_us = Some(packet.now_us);
        self.figures.packets += 1;
        self.figures.bytes += packet.payload.len() as u64;
        self.figures.rtx_packets += u64::from(packet.is_retransmission);
        self.fresh.push(info.seq);
        if let Some(tapped) = &self.tap {
            tapped.packet(&Packet {
                header: packet.header,
                header_rest: packet.header_rest,
                payload: packet.payload,
                payload_type: description.payload_type,
                wire_seq: packet.wire_seq as u16,
                ssrc: source.ssrc,
                seq: info.seq,
                arrived_us: packet.arrived_us,
                starts_keyframe: info.starts_keyframe,
            });
        }
    }

    /// Lost packets to ask the publisher for now, as wire numbers; asks for a key frame where hope was given up.
    pub fn due_nacks(&mut self, now_us: u64, rtt_us: u64, due: &mut Vec<u64>) {
        let Some(nack) = self.source.as_mut().and_then(|source| source.nack.as_mut()) else { return };
        nack.due(now_us, rtt_us, due);
        if nack.given_up() {
            self.keyframes.want(now_us);
        }
        self.figures.nacks_sent += due.len() as u64;
    }

    pub fn next_due_us(&self) -> Option<u64> {
        let nack = self.source.as_ref().and_then(|source| source.nack.as_ref()).and_then(NackTracker::next_due_us);
        [nack, self.keyframes.next_due_us()].into_iter().flatten().min()
    }

    pub fn sender_reported(&mut self, report: Report) {
        let Some(source) = self.source.as_mut().filter(|source| source.ssrc == report.ssrc) else { return };
        source.last_report = Some(report);
        if let Some(tapped) = &self.tap {
            tapped.report(&report);
        }
    }

    /// Have a tap take all that comes from now on, and first the publisher's clock, as far as it is known.
    pub fn attach(&mut self, tap: &Arc<Tap>, id: TrackId, label: u32) -> Result<(), PlaneError> {
        if self.ended {
            return Err(PlaneError::UnknownTrack);
        }
        if self.tap.is_some() {
            return Err(PlaneError::TrackTapped);
        }
        let tapped = tap.attach(id, label, self.next_seq)?;
        if let Some(report) = self.source.as_ref().and_then(|source| source.last_report) {
            tapped.report(&report);
        }
        self.tap = Some(tapped);
        Ok(())
    }

    pub fn detach(&mut self, tap: TapId) {
        if let Some(tapped) = self.tap.take_if(|tapped| tapped.tap() == tap) {
            tapped.end();
        }
    }

    pub fn is_tapped(&self) -> bool {
        self.tap.is_some()
    }

    /// The track was unpublished; returns who was subscribed to it.
    pub fn end(&mut self) -> Vec<Arc<Subscriber>> {
        self.ended = true;
        if let Some(tapped) = self.tap.take() {
            tapped.end();
        }
        std::mem::take(&mut self.subscribers)
    }

    /// The track's timestamp at an instant of the publisher's clock (NTP 32.32).
    pub fn timestamp_at(&self, publisher_ntp: u64, clock_rate: u32) -> Option<u32> {
        let source = self.source.as_ref()?;
        let report = source.last_report?;
        let elapsed = i128::from(publisher_ntp) - i128::from(report.ntp);
        let ticks = (elapsed * i128::from(clock_rate)) >> 32;
        Some(report.timestamp.wrapping_add(source.timestamp_offset).wrapping_add(ticks as u32))
    }

    /// The receiver report block for the publisher.
    pub fn report(&mut self, now_us: u64) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        source.reception.turn_second();
        let (lsr, dlsr) = source.last_report.map_or((0, 0), |report| {
            let held = now_us.saturating_sub(report.arrived_us);
            ((report.ntp >> 16) as u32, ((held << 16) / 1_000_000) as u32)
        });
        source.reception.report(source.ssrc, lsr, dlsr)
    }

    pub fn take_loudest(&mut self) -> Option<u8> {
        self.loudest.take()
    }

    /// (packets lost on the way here, share of the last second, jitter in ticks)
    pub fn network(&self) -> (i64, f64, u32) {
        self.source.as_ref().map_or((0, 0.0, 0), |source| {
            (source.reception.lost(), source.reception.loss_share(), source.reception.jitter_ticks())
        })
    }

    pub fn idle_us(&self, now_us: u64) -> Option<u64> {
        self.last_packet_us.map(|last| now_us.saturating_sub(last))
    }
}

impl Source {
    fn track_seq(&self, wire_seq: u64) -> u64 {
        let after = self.dropped.iter().filter(|&&dropped| dropped < wire_seq).count() as u64;
        wire_seq.wrapping_add(self.offset).wrapping_sub(self.dropped_long_ago + after)
    }

    fn drop_padding(&mut self, wire_seq: u64) {
        self.dropped.push_back(wire_seq);
        if self.dropped.len() > DROPPED_KNOWN {
            self.dropped.pop_front();
            self.dropped_long_ago += 1;
        }
    }
}
