//! What happens without a packet: reports, congestion feedback, repeated requests, the end of consent.

use std::sync::Arc;

use crate::event::Event;
use crate::outbox::Outbox;
use crate::plane::Plane;
use crate::receive::Worker;
use crate::rtcp;
use crate::track::Track;
use crate::transport::{Ingress, Subscriber, Transport};

const REPORT_INTERVAL_US: u64 = 1_000_000;
/// RTCP packets are kept below this before authentication is added.
const RTCP_LIMIT: usize = 1_150;
/// Report blocks that fit one receiver report (RFC 3550 §6.4.2).
const MAX_BLOCKS: usize = 31;
const OUR_CNAME: &str = "teleconsult";

impl Plane {
    /// Do what is due on this worker's share of the transports.
    pub fn tick(
        &self,
        worker: &mut Worker,
        share: usize,
        workers: usize,
        now_us: u64,
        outbox: &mut Outbox,
        flush: &mut dyn FnMut(&mut Outbox),
    ) {
        worker.refresh(self);
        let mut transports = std::mem::take(&mut worker.transports);
        self.due(share, workers, now_us, &mut transports);
        for transport in transports.drain(..) {
            self.tick_transport(worker, &transport, now_us, outbox);
            if outbox.is_full() {
                flush(outbox);
            }
        }
        worker.transports = transports;
        flush(outbox);
        self.counters.add(&mut worker.tally);
    }

    fn tick_transport(&self, worker: &mut Worker, transport: &Arc<Transport>, now_us: u64, outbox: &mut Outbox) {
        self.check_consent(transport, now_us);
        let (tracks, reports_due) = {
            let mut ingress = transport.ingress.lock();
            send_feedback(&mut ingress, transport, now_us, &mut worker.packet, outbox);
            let due = ingress.report_due_us.is_none_or(|due| due <= now_us);
            if due {
                ingress.report_due_us = Some(now_us + REPORT_INTERVAL_US);
            }
            if let Some(next) = ingress.report_due_us {
                transport.wake_at(next);
            }
            (ingress.tracks.clone(), due)
        };
        for track in &tracks {
            self.repair(worker, track, &mut track.state.lock(), now_us, outbox);
        }
        if reports_due {
            self.report_reception(worker, transport, &tracks, now_us, outbox);
            self.report_sending(worker, transport, now_us, outbox);
        }
    }

    fn check_consent(&self, transport: &Arc<Transport>, now_us: u64) {
        let mut ice = transport.ice.lock();
        let Some(ends) = ice.consent_ends_us(self.config.consent_timeout_us) else { return };
        if ends > now_us {
            transport.wake_at(ends);
            return;
        }
        ice.expire();
        transport.egress.write().path = None;
        drop(ice);
        self.tell(Event::ConsentExpired { transport: transport.id });
    }

    /// RFC 3550 §6.4.2, to a publisher.
    fn report_reception(
        &self,
        worker: &mut Worker,
        transport: &Transport,
        tracks: &[Arc<Track>],
        now_us: u64,
        outbox: &mut Outbox,
    ) {
        let mut blocks = Vec::with_capacity(tracks.len());
        for track in tracks {
            let mut state = track.state.lock();
            if let Some(block) = state.report(now_us) {
                // Late packets take losses back; the counter only grows.
                let lost = u64::try_from(block.cumulative_lost).unwrap_or(0);
                worker.tally.packets_lost_upstream += lost.saturating_sub(state.counted_losses);
                state.counted_losses = state.counted_losses.max(lost);
                blocks.push(block);
            }
        }
        if blocks.is_empty() {
            return;
        }
        blocks.truncate(MAX_BLOCKS);
        worker.packet.clear();
        rtcp::write_rr(&mut worker.packet, transport.feedback_ssrc, &blocks);
        rtcp::write_sdes_cname(&mut worker.packet, transport.feedback_ssrc, OUR_CNAME);
        transport.send_rtcp(&mut worker.packet, outbox);
    }

    /// RFC 3550 §6.4.1, to a subscriber, by the publishers' clocks.
    fn report_sending(&self, worker: &mut Worker, transport: &Transport, now_us: u64, outbox: &mut Outbox) {
        worker.packet.clear();
        for subscriber in transport.subscribers() {
            self.write_sender_report(&subscriber, now_us, &mut worker.packet);
            if worker.packet.len() > RTCP_LIMIT - 100 {
                transport.send_rtcp(&mut worker.packet, outbox);
            }
        }
        if !worker.packet.is_empty() {
            transport.send_rtcp(&mut worker.packet, outbox);
        }
    }

    fn write_sender_report(&self, subscriber: &Subscriber, now_us: u64, packet: &mut Vec<u8>) {
        let track = &subscriber.track;
        // Both of a publisher's tracks go through the same clock offset, so they stay in step with each other.
        let now_ntp = self.ntp(now_us);
        let Some(publisher_ntp) = track.publisher.peer_ntp(now_ntp) else { return };
        let Some(timestamp) = track.state.lock().timestamp_at(publisher_ntp, track.description.clock_rate) else {
            return;
        };
        let subscription = subscriber.state.lock();
        let Some(fields) = subscription.sender_report(now_us) else { return };
        let rtp_timestamp = timestamp.wrapping_add(fields.timestamp_offset);
        rtcp::write_sr(packet, fields.ssrc, now_ntp, rtp_timestamp, fields.packets, fields.octets);
        rtcp::write_sdes_cname(packet, fields.ssrc, &subscription.face.cname);
    }
}

/// Transport-wide congestion feedback on everything that arrived since the last one.
fn send_feedback(ingress: &mut Ingress, transport: &Transport, now_us: u64, packet: &mut Vec<u8>, outbox: &mut Outbox) {
    let Some(due) = ingress.feedback_due_us else { return };
    if due > now_us {
        transport.wake_at(due);
        return;
    }
    ingress.feedback_due_us = None;
    // It concerns the transport; the field wants some SSRC of its, and browsers look only at the sender's.
    let media_ssrc = ingress.streams.keys().next().copied().unwrap_or(0);
    let mut more = true;
    while more {
        packet.clear();
        more = ingress.twcc.write_feedback(packet, transport.feedback_ssrc, media_ssrc);
        if packet.is_empty() {
            return;
        }
        transport.send_rtcp(packet, outbox);
    }
}
