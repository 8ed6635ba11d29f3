//! The end of a round: what came in goes out to each subscriber, and publishers are asked for what is missing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::counters::Tally;
use crate::outbox::Outbox;
use crate::plane::Plane;
use crate::receive::Worker;
use crate::rtcp;
use crate::track::{Kind, Track, TrackState};
use crate::transport::{Subscriber, Transport};

/// How long to wait for a repeated packet where the round-trip time to the publisher is not known yet.
const ASSUMED_RTT_US: u64 = 50_000;
/// So that a NACK of scattered losses, four bytes for each, stays within a datagram.
const LOST_PER_NACK: usize = 256;

impl Plane {
    /// Forward the fresh packets of all touched tracks. One subscriber after the other gets all of them, so that they
    /// leave as one run.
    pub(crate) fn forward(
        &self,
        worker: &mut Worker,
        now_us: u64,
        outbox: &mut Outbox,
        flush: &mut dyn FnMut(&mut Outbox),
    ) {
        while let Some(track) = worker.touched.pop() {
            let mut state = track.state.lock();
            state.is_listed = false;
            if !state.fresh.is_empty() {
                forward_track(&mut worker.tally, &track, &mut state, now_us, outbox, flush);
            }
            self.repair(worker, &track, &mut state, now_us, outbox);
        }
    }

    /// Ask the publisher for lost packets and key frames that are due.
    pub(crate) fn repair(
        &self,
        worker: &mut Worker,
        track: &Arc<Track>,
        state: &mut TrackState,
        now_us: u64,
        outbox: &mut Outbox,
    ) {
        let Some(media_ssrc) = state.ssrc() else { return };
        let publisher = &track.publisher;
        let rtt_us = publisher.rtt_us().unwrap_or(ASSUMED_RTT_US);
        worker.due.clear();
        state.due_nacks(now_us, rtt_us, &mut worker.due);
        if !worker.due.is_empty() {
            worker.wire.clear();
            worker.wire.extend(worker.due.iter().map(|&seq| seq as u16));
            for lost in worker.wire.chunks(LOST_PER_NACK) {
                worker.packet.clear();
                rtcp::write_nack(&mut worker.packet, publisher.feedback_ssrc, media_ssrc, lost);
                publisher.send_rtcp(&mut worker.packet, outbox);
                worker.tally.nacks_sent += 1;
            }
        }
        if state.keyframes.next_due_us().is_some_and(|due| due <= now_us) && !has_viewer(state) {
            state.keyframes.forget();
        }
        if state.keyframes.take_due(now_us) {
            worker.packet.clear();
            rtcp::write_pli(&mut worker.packet, publisher.feedback_ssrc, media_ssrc);
            publisher.send_rtcp(&mut worker.packet, outbox);
            worker.tally.plis_sent += 1;
            state.figures.plis_sent += 1;
        }
        if let Some(due) = state.next_due_us() {
            publisher.wake_at(due);
        }
    }
}

/// A tap watches too.
fn has_viewer(state: &TrackState) -> bool {
    state.is_tapped() || state.subscribers.iter().any(|subscriber| !subscriber.state.lock().is_paused())
}

fn forward_track(
    tally: &mut Tally,
    track: &Track,
    state: &mut TrackState,
    now_us: u64,
    outbox: &mut Outbox,
    flush: &mut dyn FnMut(&mut Outbox),
) {
    let mut sent = 0;
    let mut keyframe_missing = false;
    for subscriber in &state.subscribers {
        if outbox.is_full() {
            flush(outbox);
        }
        sent += forward_to(tally, subscriber, state, now_us, outbox, &mut keyframe_missing);
    }
    state.fresh.clear();
    if keyframe_missing && state.keyframes.next_due_us().is_none() {
        // Whoever waits for a key frame gets one, whatever became of the request that was made for it.
        state.keyframes.want(now_us);
    }
    match track.description.kind {
        Kind::Audio => tally.audio_packets_sent += sent,
        Kind::Video => tally.video_packets_sent += sent,
    }
}

fn forward_to(
    tally: &mut Tally,
    subscriber: &Subscriber,
    state: &TrackState,
    now_us: u64,
    outbox: &mut Outbox,
    keyframe_missing: &mut bool,
) -> u64 {
    let mut subscription = subscriber.state.lock();
    let egress = subscriber.transport.egress.read();
    let Some((keys, path)) = egress.ready() else { return 0 };
    let (mut packets, mut bytes) = (0, 0);
    for &seq in &state.fresh {
        let Some(packet) = state.history.get(seq) else { continue };
        let Some(room) = outbox.room() else { break };
        if let Some(len) = subscription.forward(packet, keys, &egress.ids, now_us, room) {
            outbox.commit(path, len);
            packets += 1;
            bytes += len as u64;
        }
    }
    *keyframe_missing |= subscription.is_waiting_for_keyframe();
    drop((subscription, egress));
    note_sent(&subscriber.transport, packets, bytes);
    tally.packets_sent += packets;
    tally.bytes_sent += bytes;
    packets
}

fn note_sent(transport: &Transport, packets: u64, bytes: u64) {
    transport.figures.packets_sent.fetch_add(packets, Ordering::Relaxed);
    transport.figures.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
}
