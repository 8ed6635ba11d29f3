//! What a participant receives, and the RTCP it answers with (RFC 3550, RFC 4585, transport-wide feedback).

use dataplane_core::extension::{elements, transport_seq};
use dataplane_core::outbox::Outbox;
use dataplane_core::rtcp::{self, Packet};
use dataplane_core::rtp::{FIXED_HEADER_LEN, Header};

use super::sending::{DEFAULT_RTT_US, SOUND_CLOCK_RATE};
use super::{Event, Keys, NEVER, Participant};
use crate::received::{Arrival, Incoming};
use crate::sent::Clock;

pub const REPORT_US: u64 = 1_000_000;
const FEEDBACK_US: u64 = 100_000;
/// How often missing packets are looked at while there are some.
const REPAIR_US: u64 = 10_000;
/// RTCP packets are kept below this before authentication is added.
const RTCP_LIMIT: usize = 1_100;
const MAX_BLOCKS: usize = 31;
/// Senders of RTCP that are told apart; a server has a few.
const MAX_RTCP_SENDERS: usize = 1_024;
/// Lost packets that one NACK asks for; the rest goes into the next one.
const MAX_LOST: usize = 250;
const CNAME: &str = "loadtest";
/// From 1900 to 1970, in seconds (RFC 5905).
const NTP_UNIX_S: u64 = 2_208_988_800;
/// A round trip that is longer is a mistake of somebody's.
const LONGEST_RTT_US: u64 = 10_000_000;

impl Participant {
    pub(super) fn receive_rtp(&mut self, datagram: &mut [u8], at: Arrival, now_us: u64) {
        let Some(keys) = &self.keys else {
            self.strays += 1;
            return;
        };
        let Ok(header) = Header::parse(datagram) else {
            self.strays += 1;
            return;
        };
        let Some(role) = self.roles.get(&header.ssrc).copied() else {
            self.strays += 1;
            return;
        };
        if let Some(number) = transport_number(datagram, &header, self.shared.extensions.transport_cc) {
            self.recorder.record(number, at.us);
            if self.feedback_due_us == NEVER {
                self.feedback_due_us = now_us + FEEDBACK_US;
            }
        }
        let stream = &mut self.incoming[role.at];
        if role.again {
            stream.receive_again(datagram, &header, &keys.receive, at, self.shared.host);
        } else {
            stream.receive(datagram, &header, &keys.receive, at, self.shared.host);
        }
        if stream.needs_repair() {
            self.repair_due_us = self.repair_due_us.min(now_us + REPAIR_US);
        }
        let ssrc = stream.description.ssrc;
        if let (false, Some(at_us)) = (self.first_packet_told, stream.first_packet_us()) {
            self.first_packet_told = true;
            self.events.push_back(Event::FirstPacket { ssrc, at_us });
        }
        if let (false, Some(at_us)) = (self.first_key_frame_told, stream.first_key_frame_us()) {
            self.first_key_frame_told = true;
            self.events.push_back(Event::FirstKeyFrame { ssrc, at_us });
        }
    }

    pub(super) fn receive_rtcp(&mut self, datagram: &mut [u8], now_us: u64) {
        let Some(compound) = self.open_rtcp(datagram) else {
            self.strays += 1;
            return;
        };
        self.rtcp_received += 1;
        for packet in rtcp::packets(&datagram[..compound]).flatten() {
            match packet {
                Packet::SenderReport { ssrc, ntp, reports, .. } => {
                    if let Some(stream) = self.stream_of(ssrc) {
                        stream.take_report(ntp, now_us);
                    }
                    self.take_reports(reports, now_us);
                }
                Packet::ReceiverReport { reports, .. } => self.take_reports(reports, now_us),
                Packet::Nack { media, lost, .. } => {
                    let mut requests = std::mem::take(&mut self.scratch.requests);
                    requests.clear();
                    requests.extend(lost);
                    self.send_again(media, &requests, now_us);
                    self.scratch.requests = requests;
                }
                Packet::Pli { media, .. } => self.want_key(media),
                Packet::Fir { entries, .. } => entries.for_each(|(ssrc, _)| self.want_key(ssrc)),
                // Its rate stays as it was told to be: a load is to be the same at every server.
                Packet::TransportCc { .. } => self.feedback_received += 1,
                Packet::Sdes { .. } | Packet::Bye { .. } | Packet::Remb { .. } | Packet::Unknown { .. } => {}
            }
        }
    }

    /// The length of the decrypted compound; `None` when it is forged or was there before.
    fn open_rtcp(&mut self, datagram: &mut [u8]) -> Option<usize> {
        let keys = self.keys.as_ref()?;
        let sender = u32::from_be_bytes(*datagram.get(4..8)?.first_chunk()?);
        let (len, index) = keys.receive.unprotect_rtcp(datagram).ok()?;
        if self.srtcp_replay.len() >= MAX_RTCP_SENDERS && !self.srtcp_replay.contains_key(&sender) {
            return None;
        }
        let replay = self.srtcp_replay.entry(sender).or_default();
        replay.check(index).ok()?;
        replay.accept(index);
        Some(len)
    }

    fn stream_of(&mut self, ssrc: u32) -> Option<&mut Incoming> {
        let role = self.roles.get(&ssrc)?;
        self.incoming.get_mut(role.at)
    }

    /// The round trip by what the other says of our sender reports (RFC 3550 §6.4.1).
    fn take_reports(&mut self, reports: rtcp::Reports<'_>, now_us: u64) {
        for block in reports {
            let ours = self.outgoing().any(|stream| stream.description.ssrc == block.ssrc);
            if !ours || block.lsr == 0 {
                continue;
            }
            let now_middle = ((u128::from(now_us) * 65_536 / 1_000_000) as u32).wrapping_add(self.middle_at_zero);
            let ticks = now_middle.wrapping_sub(block.lsr).wrapping_sub(block.dlsr);
            let rtt_us = u64::from(ticks) * 1_000_000 / 65_536;
            if rtt_us < LONGEST_RTT_US {
                self.rtt_us = Some(rtt_us);
            }
        }
    }

    pub(super) fn send_reports(&mut self, keys: &Keys, now_us: u64, clock: Clock<'_>, outbox: &mut Outbox) {
        if self.repair_due_us <= now_us {
            self.repair(keys, now_us, outbox);
        }
        if self.feedback_due_us <= now_us {
            self.feedback_due_us = NEVER;
            self.send_feedback(keys, outbox);
        }
        if self.report_due_us <= now_us {
            self.report_due_us += REPORT_US;
            if self.report_due_us <= now_us {
                self.report_due_us = now_us + REPORT_US;
            }
            self.report(keys, now_us, clock(), outbox);
        }
    }

    /// Asks again for what is missing, and for key frames where nothing else helps.
    fn repair(&mut self, keys: &Keys, now_us: u64, outbox: &mut Outbox) {
        let rtt_us = self.rtt_us.or(self.agent.rtt_us()).unwrap_or(DEFAULT_RTT_US);
        let mut packet = std::mem::take(&mut self.scratch.packet);
        for at in 0..self.incoming.len() {
            packet.clear();
            self.scratch.lost.clear();
            let stream = &mut self.incoming[at];
            let key_wanted = stream.repair(now_us, rtt_us, &mut self.scratch.due, &mut self.scratch.lost);
            let media = stream.description.ssrc;
            if key_wanted {
                rtcp::write_pli(&mut packet, self.ssrc, media);
            }
            let lost = std::mem::take(&mut self.scratch.lost);
            for some in lost.chunks(MAX_LOST) {
                rtcp::write_nack(&mut packet, self.ssrc, media, some);
                self.send_rtcp(keys, &mut packet, outbox);
            }
            self.scratch.lost = lost;
            if !packet.is_empty() {
                self.send_rtcp(keys, &mut packet, outbox);
            }
        }
        self.scratch.packet = packet;
        let more = self.incoming.iter().any(Incoming::needs_repair);
        self.repair_due_us = if more { now_us + REPAIR_US } else { NEVER };
    }

    fn send_feedback(&mut self, keys: &Keys, outbox: &mut Outbox) {
        let mut packet = std::mem::take(&mut self.scratch.packet);
        let media = self.incoming.first().map_or(0, |stream| stream.description.ssrc);
        let mut more = true;
        while more {
            packet.clear();
            more = self.recorder.write_feedback(&mut packet, self.ssrc, media);
            if packet.is_empty() {
                break;
            }
            self.send_rtcp(keys, &mut packet, outbox);
        }
        self.scratch.packet = packet;
    }

    /// Sender reports on what we send, receiver reports on what we get, one compound after the other.
    fn report(&mut self, keys: &Keys, now_us: u64, wall_ns: u64, outbox: &mut Outbox) {
        let ntp = ntp(wall_ns);
        // What our own reports will be answered with, as a clock that we can read again.
        self.middle_at_zero = ((ntp >> 16) as u32).wrapping_sub((u128::from(now_us) * 65_536 / 1_000_000) as u32);
        let mut packet = std::mem::take(&mut self.scratch.packet);
        packet.clear();
        for microphone in &self.microphones {
            let stream = &microphone.stream;
            let until_next_us = microphone.next_us.saturating_sub(now_us).min(REPORT_US);
            let ahead = (until_next_us * SOUND_CLOCK_RATE / 1_000_000) as u32;
            let timestamp = microphone.timestamp.wrapping_add(960).wrapping_sub(ahead);
            if stream.packets > 0 {
                rtcp::write_sr(&mut packet, stream.description.ssrc, ntp, timestamp, stream.packets, stream.octets);
            }
        }
        for video in &self.videos {
            let stream = &video.stream;
            if stream.packets > 0 {
                let timestamp = video.camera.timestamp_at(now_us);
                rtcp::write_sr(&mut packet, stream.description.ssrc, ntp, timestamp, stream.packets, stream.octets);
            }
        }
        let mut blocks: Vec<_> = self.incoming.iter_mut().filter_map(|stream| stream.report(now_us)).collect();
        blocks.truncate(MAX_BLOCKS * 8);
        for some in blocks.chunks(MAX_BLOCKS) {
            if packet.len() + 8 + 24 * some.len() > RTCP_LIMIT {
                self.send_rtcp(keys, &mut packet, outbox);
            }
            rtcp::write_rr(&mut packet, self.ssrc, some);
        }
        if !packet.is_empty() {
            rtcp::write_sdes_cname(&mut packet, self.ssrc, CNAME);
            self.send_rtcp(keys, &mut packet, outbox);
        }
        self.scratch.packet = packet;
    }

    /// Encrypts and sends a compound, and empties it.
    fn send_rtcp(&mut self, keys: &Keys, packet: &mut Vec<u8>, outbox: &mut Outbox) {
        if packet.is_empty() {
            return;
        }
        if keys.send.protect_rtcp(packet, self.srtcp_index).is_ok() {
            self.srtcp_index += 1;
            outbox.push(&self.path, packet);
        }
        packet.clear();
    }
}

fn transport_number(packet: &[u8], header: &Header, id: u8) -> Option<u16> {
    let block = header.extension.filter(|_| id != 0 && header.len >= FIXED_HEADER_LEN)?;
    let (_, value) = elements(packet.get(block.range())?, block.profile).find(|(other, _)| *other == id)?;
    transport_seq(value)
}

fn ntp(wall_ns: u64) -> u64 {
    let seconds = wall_ns / 1_000_000_000 + NTP_UNIX_S;
    let fraction = ((wall_ns % 1_000_000_000) << 32) / 1_000_000_000;
    seconds << 32 | fraction
}
