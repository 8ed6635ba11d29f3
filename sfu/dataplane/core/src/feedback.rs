//! RTCP that arrives: reports on what we send and receive, and requests to repair it (RFC 3550 §6, RFC 4585).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::counters::Tally;
use crate::outbox::Outbox;
use crate::plane::Plane;
use crate::receive::{MAX_STREAMS, Worker};
use crate::rtcp;
use crate::tap::Report;
use crate::transport::{Ingress, Transport};

/// Lost packets answered of one RTCP datagram; a browser names a few at a time.
const MAX_NACKED: usize = 256;

impl Plane {
    pub(crate) fn receive_rtcp(
        &self,
        worker: &mut Worker,
        transport: &Arc<Transport>,
        bytes: &mut [u8],
        arrived_us: u64,
        now_us: u64,
        outbox: &mut Outbox,
    ) {
        let Some(len) = open_rtcp(&mut transport.ingress.lock(), transport, bytes, &mut worker.tally) else { return };
        let mut repairs = MAX_NACKED;
        for packet in rtcp::packets(&bytes[..len]) {
            match packet {
                Ok(rtcp::Packet::Nack { media, lost, .. }) => {
                    resend(worker, transport, media, lost, &mut repairs, now_us, outbox);
                }
                Ok(packet) => self.receive_report(worker, transport, &packet, arrived_us, now_us),
                Err(_) => worker.tally.malformed += 1,
            }
        }
    }

    fn receive_report(
        &self,
        worker: &mut Worker,
        transport: &Arc<Transport>,
        packet: &rtcp::Packet<'_>,
        arrived_us: u64,
        now_us: u64,
    ) {
        match *packet {
            rtcp::Packet::SenderReport { ssrc, ntp, rtp: timestamp, packet_count, octet_count, reports } => {
                transport.note_clock(self.ntp(now_us), ntp);
                let track = transport
                    .ingress
                    .lock()
                    .streams
                    .get(&ssrc)
                    .and_then(|stream| stream.role.as_ref().map(|role| role.track().clone()));
                if let Some(track) = track {
                    let (packets, octets) = (packet_count, octet_count);
                    track.state.lock().sender_reported(Report { ssrc, ntp, timestamp, packets, octets, arrived_us });
                }
                self.receive_blocks(transport, reports, now_us);
            }
            rtcp::Packet::ReceiverReport { reports, .. } => self.receive_blocks(transport, reports, now_us),
            rtcp::Packet::Pli { media, .. } => self.picture_lost(worker, transport, media, now_us),
            rtcp::Packet::Fir { entries, .. } => {
                for (ssrc, _) in entries.take(MAX_STREAMS) {
                    self.picture_lost(worker, transport, ssrc, now_us);
                }
            }
            rtcp::Packet::Nack { .. }
            | rtcp::Packet::Sdes { .. }
            | rtcp::Packet::Bye { .. }
            | rtcp::Packet::TransportCc { .. }
            | rtcp::Packet::Remb { .. }
            | rtcp::Packet::Unknown { .. } => {}
        }
    }

    fn receive_blocks(&self, transport: &Transport, reports: rtcp::Reports<'_>, now_us: u64) {
        for block in reports {
            let Some(subscriber) = transport.subscriptions.lock().get(&block.ssrc).cloned() else { continue };
            let mut subscription = subscriber.state.lock();
            if subscription.face.ssrc != block.ssrc {
                continue; // on the retransmissions
            }
            let rtt_us = round_trip_us(&block, self.ntp(now_us));
            if let Some(rtt_us) = rtt_us {
                transport.note_rtt(rtt_us);
            }
            subscription.reported(&block, rtt_us);
        }
    }

    fn picture_lost(&self, worker: &mut Worker, transport: &Transport, media: u32, now_us: u64) {
        worker.tally.plis_received += 1;
        let Some(subscriber) = transport.subscriptions.lock().get(&media).cloned() else { return };
        let mut track = subscriber.track.state.lock();
        let mut subscription = subscriber.state.lock();
        subscription.figures.plis_received += 1;
        if subscription.is_paused() {
            return;
        }
        let counts_from_us = subscription.patience.ask(now_us);
        track.keyframes.want(counts_from_us);
        worker.list(&subscriber.track, &mut track);
    }
}

/// Authenticate and decrypt a compound RTCP packet in place; returns its length in the clear.
fn open_rtcp(ingress: &mut Ingress, transport: &Transport, bytes: &mut [u8], tally: &mut Tally) -> Option<usize> {
    let Ingress { keys, srtcp_replay, .. } = ingress;
    let Ok((len, index)) = keys.as_ref()?.unprotect_rtcp(bytes) else {
        tally.auth_failures += 1;
        transport.figures.auth_failures.fetch_add(1, Ordering::Relaxed);
        return None;
    };
    let sender = bytes[..len].get(4..8).and_then(|ssrc| ssrc.first_chunk()).map(|ssrc| u32::from_be_bytes(*ssrc))?;
    if srtcp_replay.len() >= MAX_STREAMS && !srtcp_replay.contains_key(&sender) {
        tally.unbound += 1;
        return None;
    }
    let replay = srtcp_replay.entry(sender).or_default();
    if replay.check(index).is_err() {
        tally.replays += 1;
        transport.figures.replays.fetch_add(1, Ordering::Relaxed);
        return None;
    }
    replay.accept(index);
    Some(len)
}

/// Answer a NACK from the track's history (RFC 4585 §6.2.1), as long as `repairs` lasts.
fn resend(
    worker: &mut Worker,
    transport: &Transport,
    media: u32,
    lost: rtcp::Lost<'_>,
    repairs: &mut usize,
    now_us: u64,
    outbox: &mut Outbox,
) {
    worker.tally.nacks_received += 1;
    let Some(subscriber) = transport.subscriptions.lock().get(&media).cloned() else { return };
    let track = subscriber.track.state.lock();
    let mut subscription = subscriber.state.lock();
    subscription.figures.nacks_received += 1;
    let egress = transport.egress.read();
    let Some((keys, path)) = egress.ready() else { return };
    for wire_seq in lost {
        if *repairs == 0 {
            return;
        }
        *repairs -= 1;
        // What the publisher's path lost is asked for upstream and forwarded when it comes.
        let Some(lost) = subscription.lost(wire_seq, now_us) else { continue };
        let Some(packet) = track.history.get(lost.track_seq) else { continue };
        let Some(room) = outbox.room() else { return };
        if let Some(len) = subscription.retransmit(lost, packet, keys, &egress.ids, now_us, room) {
            outbox.commit(path, len);
            worker.tally.rtx_sent += 1;
            worker.tally.packets_sent += 1;
            worker.tally.bytes_sent += len as u64;
        }
    }
}

/// RFC 3550 §6.4.1; `None` without a sender report of ours, or when the peer claims to have held it longer than it can.
fn round_trip_us(block: &rtcp::ReportBlock, now_ntp: u64) -> Option<u64> {
    if block.lsr == 0 {
        return None;
    }
    let elapsed = ((now_ntp >> 16) as u32).wrapping_sub(block.lsr).checked_sub(block.dlsr)?;
    let rtt_us = (u64::from(elapsed) * 1_000_000) >> 16;
    (rtt_us < 30_000_000).then_some(rtt_us)
}
