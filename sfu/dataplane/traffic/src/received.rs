//! One stream on its way in: what came, what is missing, how late it was, and what a browser would ask for.

use dataplane_core::codec::{Codec, starts_keyframe};
use dataplane_core::nack::{NackConfig, NackTracker};
use dataplane_core::reception::Reception;
use dataplane_core::replay::{ReceiveIndex, Replay};
use dataplane_core::rtcp::ReportBlock;
use dataplane_core::rtp::Header;
use dataplane_core::srtp::SrtpKeys;
use dataplane_core::track::Kind;

use crate::figures::ReceivedFigures;
use crate::frames::{FrameFigures, Frames, Mark};
use crate::histogram::Histogram;
use crate::sampling::Sampling;
use crate::stamp::{self, Stamp};

mod account;

use account::Account;

/// How far from the last packet that was authenticated one may be believed by its header alone.
const TRUSTED_DISTANCE: u64 = 1024;
/// A gap may just be packets out of order for so long.
const REORDER_US: u64 = 10_000;
/// Between two picture loss indications; the first one waits as long for a key frame that may be on its way.
const PLI_INTERVAL_US: u64 = 200_000;
const OSN_LEN: usize = 2;

#[derive(Clone, Debug)]
pub struct Description {
    pub ssrc: u32,
    pub kind: Kind,
    pub codec: Codec,
    pub clock_rate: u32,
    /// Where retransmissions come; without one nothing is asked for again.
    pub rtx_ssrc: Option<u32>,
}

/// When a datagram reached our kernel, on both clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival {
    pub us: u64,
    pub wall_ns: u64,
}

/// Since the window began.
#[derive(Debug, Default)]
struct Counts {
    duplicates: u64,
    reordered: u64,
    bytes: u64,
    opened: u64,
    refused: u64,
    nacks: u64,
    plis: u64,
    mended: u64,
    longest_gap_us: u64,
    latency: Histogram,
}

pub struct Incoming {
    pub description: Description,
    index: ReceiveIndex,
    rtx_index: ReceiveIndex,
    /// The highest index that was authenticated.
    authenticated: Option<u64>,
    sampling: Sampling,
    nack: NackTracker,
    reception: Reception,
    account: Account,
    frames: Frames,
    counts: Counts,
    /// Frames as they were when the window began.
    frames_before: FrameFigures,
    window_began_us: u64,
    /// Packets carry our stamps; those of others are opened all, for nothing else tells of their frames.
    stamped: bool,
    foreign_clock: bool,
    first_packet_us: Option<u64>,
    last_packet_us: Option<u64>,
    waiting_since_us: Option<u64>,
    last_pli_us: Option<u64>,
    /// Middle of the last sender report's NTP time, and when it came.
    last_report: Option<(u32, u64)>,
}

impl Incoming {
    #[must_use]
    pub fn new(description: Description, sampling: Sampling, now_us: u64) -> Self {
        let config = NackConfig { reorder_us: REORDER_US, ..NackConfig::default() };
        Self {
            description,
            index: ReceiveIndex::new(),
            rtx_index: ReceiveIndex::new(),
            authenticated: None,
            sampling,
            nack: NackTracker::new(config),
            reception: Reception::default(),
            account: Account::default(),
            frames: Frames::default(),
            counts: Counts::default(),
            frames_before: FrameFigures::default(),
            window_began_us: now_us,
            stamped: false,
            foreign_clock: false,
            first_packet_us: None,
            last_packet_us: None,
            waiting_since_us: None,
            last_pli_us: None,
            last_report: None,
        }
    }

    fn is_video(&self) -> bool {
        self.description.kind == Kind::Video
    }

    /// A packet of the stream itself. Opened, that is authenticated and decrypted in place, only where the sample says
    /// so or nothing else would do.
    pub fn receive(&mut self, packet: &mut [u8], header: &Header, keys: &SrtpKeys, at: Arrival, host: u32) {
        let index = self.index.estimate(header.seq);
        match self.index.check(index) {
            Ok(()) => {}
            Err(Replay::Duplicate) => {
                self.counts.duplicates += 1;
                return;
            }
            // Behind the window, it is nothing that a decoder could use.
            Err(Replay::TooOld) => return,
        }
        let overhead = keys.profile().rtp_overhead();
        let Some(payload_len) = packet.len().checked_sub(header.len + overhead) else {
            self.counts.refused += 1;
            return;
        };
        let mut mark = Mark { last: header.marker, ..Mark::default() };
        if self.must_open(index) {
            let Some(stamp) = self.open(packet, header, keys, index, &mut mark) else { return };
            self.take_stamp(stamp, index, at, host);
        }
        if self.index.highest().is_some_and(|highest| index < highest) {
            self.counts.reordered += 1;
        }
        self.reception.receive(index, header.timestamp, at.us, self.description.clock_rate);
        self.accept(index, payload_len, mark, at.us);
    }

    /// A retransmission (RFC 4588 §4). They are few, so each is opened.
    pub fn receive_again(&mut self, packet: &mut [u8], header: &Header, keys: &SrtpKeys, at: Arrival, host: u32) {
        let rtx_index = self.rtx_index.estimate(header.seq);
        if self.rtx_index.check(rtx_index).is_err() {
            return;
        }
        let Ok(len) = keys.unprotect_rtp(packet, header.len, rtx_index) else {
            self.counts.refused += 1;
            return;
        };
        self.rtx_index.accept(rtx_index);
        self.counts.opened += 1;
        // Mere padding, which probes the path, has no number.
        let Some((&osn, payload)) = stamp::payload(packet, header, len).and_then(<[u8]>::split_first_chunk::<OSN_LEN>)
        else {
            return;
        };
        let index = self.index.estimate(u16::from_be_bytes(osn));
        if self.authenticated.is_none() || self.index.check(index).is_err() {
            return;
        }
        let stamp = Stamp::read(payload);
        let mut mark = Mark { last: header.marker, ..Mark::default() };
        self.read_mark(payload, stamp, &mut mark);
        self.take_stamp(stamp, index, at, host);
        self.counts.mended += 1;
        let payload_len = payload.len();
        self.accept(index, payload_len, mark, at.us);
    }

    fn must_open(&self, index: u64) -> bool {
        let Some(authenticated) = self.authenticated else { return true };
        !self.stamped
            || self.sampling.takes(index)
            || index.abs_diff(authenticated) > TRUSTED_DISTANCE
            || (self.is_video() && self.frames.wait_for_key())
    }

    /// `None` when SRTP refuses it; else the stamp, if it has one.
    fn open(
        &mut self,
        packet: &mut [u8],
        header: &Header,
        keys: &SrtpKeys,
        index: u64,
        mark: &mut Mark,
    ) -> Option<Option<Stamp>> {
        let Ok(len) = keys.unprotect_rtp(packet, header.len, index) else {
            self.counts.refused += 1;
            return None;
        };
        self.counts.opened += 1;
        self.authenticated = self.authenticated.max(Some(index));
        let payload = stamp::payload(packet, header, len).unwrap_or_default();
        let stamp = Stamp::read(payload);
        self.read_mark(payload, stamp, mark);
        Some(stamp)
    }

    fn read_mark(&self, payload: &[u8], stamp: Option<Stamp>, mark: &mut Mark) {
        if self.is_video() {
            mark.begins_key = starts_keyframe(self.description.codec, payload, None);
            mark.key = stamp.is_some_and(|stamp| stamp.key);
        }
    }

    fn take_stamp(&mut self, stamp: Option<Stamp>, index: u64, at: Arrival, host: u32) {
        self.stamped = stamp.is_some();
        let Some(stamp) = stamp else {
            self.account.note_foreign(index);
            return;
        };
        self.account.note(stamp.stream, stamp.number, index);
        if stamp.host == 0 || stamp.host != host {
            self.foreign_clock = true;
        } else if self.sampling.takes(index) {
            // Only what the sample takes: the others were opened because something was wrong, and would count too much.
            self.counts.latency.record(at.wall_ns.saturating_sub(stamp.sent_ns) / 1_000);
        }
    }

    /// It was not there before, and now it is.
    fn accept(&mut self, index: u64, payload_len: usize, mark: Mark, now_us: u64) {
        self.index.accept(index);
        self.account.receive(index);
        self.counts.bytes += payload_len as u64;
        self.first_packet_us = self.first_packet_us.or(Some(now_us));
        if let Some(last) = self.last_packet_us.replace(now_us) {
            let gap_us = now_us.saturating_sub(last.max(self.window_began_us));
            self.counts.longest_gap_us = self.counts.longest_gap_us.max(gap_us);
        }
        if self.is_video() {
            self.nack.receive(index, now_us);
            self.frames.receive(index, mark, now_us);
            if !self.frames.wait_for_key() {
                self.waiting_since_us = None;
            } else if self.waiting_since_us.is_none() {
                self.waiting_since_us = Some(now_us);
            }
        }
    }

    /// Whether `repair` may have something to do soon.
    #[must_use]
    pub fn needs_repair(&self) -> bool {
        self.nack.missing() > 0 || self.waiting_since_us.is_some()
    }

    /// Appends the sequence numbers to ask for now, and says whether to ask for a key frame.
    pub fn repair(&mut self, now_us: u64, rtt_us: u64, scratch: &mut Vec<u64>, lost: &mut Vec<u16>) -> bool {
        if !self.is_video() {
            return false;
        }
        scratch.clear();
        self.nack.due(now_us, rtt_us, scratch);
        if self.description.rtx_ssrc.is_some() {
            self.counts.nacks += scratch.len() as u64;
            lost.extend(scratch.iter().map(|&index| index as u16));
        } else if !scratch.is_empty() {
            self.frames.give_up();
        }
        if self.nack.given_up() {
            self.frames.give_up();
            // A decoder that stopped asks at once.
            let stopped_us = now_us.saturating_sub(PLI_INTERVAL_US);
            self.waiting_since_us = self.waiting_since_us.or(self.frames.wait_for_key().then_some(stopped_us));
        }
        let Some(since) = self.waiting_since_us else { return false };
        let asks = now_us.saturating_sub(self.last_pli_us.map_or(since, |last| last.max(since))) >= PLI_INTERVAL_US;
        if asks {
            self.last_pli_us = Some(now_us);
            self.counts.plis += 1;
        }
        asks
    }

    /// A sender report on this stream came.
    pub fn take_report(&mut self, ntp: u64, now_us: u64) {
        self.last_report = Some(((ntp >> 16) as u32, now_us));
    }

    /// RFC 3550 §6.4.1.
    pub fn report(&mut self, now_us: u64) -> Option<ReportBlock> {
        let (lsr, dlsr) = self.last_report.map_or((0, 0), |(middle, at)| {
            let since_us = u128::from(now_us.saturating_sub(at));
            (middle, (since_us * 65_536 / 1_000_000) as u32)
        });
        self.reception.report(self.description.ssrc, lsr, dlsr)
    }

    #[must_use]
    pub fn first_packet_us(&self) -> Option<u64> {
        self.first_packet_us
    }

    #[must_use]
    pub fn first_key_frame_us(&self) -> Option<u64> {
        self.frames.first_key_us
    }

    pub fn reset_window(&mut self, now_us: u64) {
        self.counts = Counts::default();
        self.account.reset_window();
        self.frames_before = self.frames.figures;
        self.window_began_us = now_us;
    }

    #[must_use]
    pub fn figures(&self, now_us: u64) -> ReceivedFigures {
        let counts = &self.counts;
        let (packets, expected) = self.account.window();
        let open_gap_us = self.last_packet_us.map_or(0, |last| now_us.saturating_sub(last.max(self.window_began_us)));
        let (frames, before) = (self.frames.figures, self.frames_before);
        ReceivedFigures {
            ssrc: self.description.ssrc,
            kind: self.description.kind,
            packets,
            expected,
            lost: expected.saturating_sub(packets),
            duplicates: counts.duplicates,
            reordered: counts.reordered,
            bytes: counts.bytes,
            opened: counts.opened,
            refused: counts.refused,
            latency: counts.latency.clone(),
            latency_known: self.stamped && !self.foreign_clock,
            jitter_us: u64::from(self.reception.jitter_ticks()) * 1_000_000
                / u64::from(self.description.clock_rate.max(1)),
            key_frames: frames.key_frames - before.key_frames,
            frames: frames.frames - before.frames,
            freezes: frames.freezes - before.freezes,
            freeze_us: frames.freeze_us - before.freeze_us,
            longest_gap_us: counts.longest_gap_us.max(open_gap_us),
            nacks: counts.nacks,
            plis: counts.plis,
            mended: counts.mended,
            first_packet_us: self.first_packet_us,
            first_key_frame_us: self.frames.first_key_us,
        }
    }
}
