//! What a recording gets of a track: every packet once, in the data, among the lost, or among the dropped.

use crate::stage::{Packet, Peer, Stage, audio, video, vp8};
use dataplane_core::event::TrackId;
use dataplane_core::plane::PlaneError;
use dataplane_core::rtcp;
use dataplane_core::tap::{Batch, TapId};
use proptest::prelude::*;
use rmp::decode::{read_array_len, read_bin_len, read_int};
use std::collections::BTreeSet;

const LABEL: u32 = 7;
const ROOMY: usize = 1 << 20;

#[derive(Debug, PartialEq, Eq)]
enum Record {
    Rtp { label: u32, seq: u64, arrival_us: u64, packet: Vec<u8> },
    Report { label: u32, ssrc: u32, ntp: u64, timestamp: u32 },
}

fn records(mut data: &[u8]) -> Vec<Record> {
    let mut found = Vec::new();
    while !data.is_empty() {
        let fields = read_array_len(&mut data).expect("an array");
        let kind: u64 = read_int(&mut data).expect("its kind");
        let label = read_int(&mut data).expect("a label");
        if kind == 0 {
            assert_eq!(fields, 5);
            let seq = read_int(&mut data).expect("a number");
            let arrival_us = read_int(&mut data).expect("an arrival");
            let len = read_bin_len(&mut data).expect("a packet") as usize;
            let (packet, rest) = data.split_at(len);
            data = rest;
            found.push(Record::Rtp { label, seq, arrival_us, packet: packet.to_vec() });
        } else {
            assert_eq!((kind, fields), (1, 8));
            let _arrival_us: u64 = read_int(&mut data).expect("an arrival");
            let ssrc = read_int(&mut data).expect("an SSRC");
            let ntp = read_int(&mut data).expect("a clock");
            let timestamp = read_int(&mut data).expect("a timestamp");
            let _packets: u32 = read_int(&mut data).expect("a count");
            let _octets: u32 = read_int(&mut data).expect("a count");
            found.push(Record::Report { label, ssrc, ntp, timestamp });
        }
    }
    found
}

fn seqs(batch: &Batch) -> Vec<u64> {
    let all = records(&batch.data);
    all.iter().filter_map(|record| if let Record::Rtp { seq, .. } = record { Some(*seq) } else { None }).collect()
}

fn a_tapped_video(stage: &mut Stage, limit_bytes: usize) -> (Peer, TrackId, TapId) {
    let doctor = stage.a_peer(1);
    let track = stage.publish_video(&doctor);
    let tap = stage.plane.start_tap(limit_bytes).expect("room for a tap");
    stage.plane.tap_track(tap, track, LABEL, stage.now_us).expect("the track is there");
    (doctor, track, tap)
}

fn send(stage: &mut Stage, doctor: &Peer, n: u64) {
    let datagram = doctor.protect(&video(n, vp8(n == 1, n as u8, 100)));
    stage.deliver(doctor.remote, datagram);
}

#[test]
fn what_was_sent_is_there_byte_for_byte() {
    let mut stage = Stage::new();
    let (doctor, _, tap) = a_tapped_video(&mut stage, ROOMY);
    let mut packet = video(1, vp8(true, 3, 100));
    packet.extensions = vec![(3, vec![0, 9]), (1, vec![40])];
    let sent = doctor.protect(&packet);
    stage.deliver(doctor.remote, sent.clone());
    let batch = stage.plane.drain_tap(tap, stage.now_us).expect("the tap is there");
    let found = records(&batch.data);
    let [Record::Rtp { label: LABEL, arrival_us, packet: kept, .. }] = found.as_slice() else { panic!("{found:?}") };
    // The header goes over the wire in the clear; the payload is the publisher's.
    let header = sent.len() - 16 - packet.payload.len();
    assert_eq!(kept[..header], sent[..header]);
    assert_eq!(kept[header..], packet.payload[..]);
    assert!(*arrival_us > stage.now_us, "it is Unix time");
    assert_eq!((batch.tracks[0].packets, batch.tracks[0].keyframes), (1, 1));
    assert_eq!(batch.tracks[0].ssrcs, [1000]);
}

#[test]
fn a_packet_that_was_sent_again_has_its_own_header_back() {
    let mut stage = Stage::new();
    let (doctor, _, tap) = a_tapped_video(&mut stage, ROOMY);
    for n in [1, 2, 4] {
        send(&mut stage, &doctor, n);
    }
    let mut payload = 3u16.to_be_bytes().to_vec();
    payload.extend(vp8(false, 3, 100));
    let again = Packet { payload_type: 97, ssrc: 1001, index: 1, ..video(3, payload) };
    let datagram = doctor.protect(&again);
    stage.deliver(doctor.remote, datagram.clone());
    stage.deliver(doctor.remote, datagram); // a replay
    let batch = stage.plane.stop_tap(tap).expect("the tap is there");
    let found = records(&batch.data);
    let Some(Record::Rtp { packet, .. }) = found.last() else { panic!("{found:?}") };
    assert_eq!(packet[1] & 0x7f, 96);
    assert_eq!(packet[2..4], 3u16.to_be_bytes());
    assert_eq!(packet[8..12], 1000u32.to_be_bytes());
    assert_eq!(packet[12..], vp8(false, 3, 100)[..]);
    assert_eq!(batch.tracks[0].packets, 4);
    assert!(batch.tracks[0].lost.list.is_empty());
}

#[test]
fn sender_reports_are_there_and_the_last_one_known_comes_first() {
    let mut stage = Stage::new();
    let mut doctor = stage.a_peer(1);
    let track = stage.publish_video(&doctor);
    send(&mut stage, &doctor, 1);
    let report = doctor.protect_rtcp(|packet| rtcp::write_sr(packet, 1000, 5 << 32, 9_000, 1, 100));
    stage.deliver(doctor.remote, report);
    let tap = stage.plane.start_tap(ROOMY).expect("room for a tap");
    stage.plane.tap_track(tap, track, LABEL, stage.now_us).expect("the track is there");
    let report = doctor.protect_rtcp(|packet| rtcp::write_sr(packet, 1000, 6 << 32, 99_000, 2, 200));
    stage.deliver(doctor.remote, report);
    let found = records(&stage.plane.drain_tap(tap, stage.now_us).expect("the tap is there").data);
    let ssrc = 1000;
    assert_eq!(
        found,
        [
            Record::Report { label: LABEL, ssrc, ntp: 5 << 32, timestamp: 9_000 },
            Record::Report { label: LABEL, ssrc, ntp: 6 << 32, timestamp: 99_000 }
        ]
    );
}

#[test]
fn what_never_came_is_lost_after_a_second_and_not_before() {
    let mut stage = Stage::new();
    let (doctor, _, tap) = a_tapped_video(&mut stage, ROOMY);
    for n in [1, 2, 6] {
        send(&mut stage, &doctor, n);
    }
    assert!(stage.plane.drain_tap(tap, stage.now_us).expect("the tap is there").tracks[0].lost.list.is_empty());
    stage.pass(1_100_000);
    let batch = stage.plane.drain_tap(tap, stage.now_us).expect("the tap is there");
    assert_eq!(batch.tracks[0].lost.list, [(3, 5)]);
}

#[test]
fn the_end_of_a_track_tells_what_is_missing_with_the_next_batch() {
    for by_closing in [false, true] {
        let mut stage = Stage::new();
        let (doctor, track, tap) = a_tapped_video(&mut stage, ROOMY);
        send(&mut stage, &doctor, 1);
        send(&mut stage, &doctor, 3);
        if by_closing {
            stage.plane.close_transport(doctor.id);
        } else {
            stage.plane.unpublish(track).expect("it is there");
        }
        let batch = stage.plane.drain_tap(tap, stage.now_us).expect("the tap is there");
        assert_eq!(batch.tracks[0].lost.list, [(2, 2)]);
        assert_eq!(seqs(&batch), [1, 3]);
    }
}

#[test]
fn a_full_buffer_costs_the_recording_and_not_the_call() {
    let mut stage = Stage::new();
    let (doctor, track, tap) = a_tapped_video(&mut stage, 1_000);
    let patient = stage.a_peer(2);
    stage.subscribe(&patient, track, 5000);
    for n in 1..=50 {
        send(&mut stage, &doctor, n);
    }
    assert_eq!(stage.rtp_seen_by(&patient).len(), 50);
    let batch = stage.plane.drain_tap(tap, stage.now_us).expect("the tap is there");
    assert!(batch.data.len() <= 1_000);
    let kept = batch.tracks[0].packets;
    assert_eq!(batch.dropped.packets, 50 - kept);
    assert_eq!(batch.tracks[0].dropped.list, [(kept + 1, 50)]);
    send(&mut stage, &doctor, 51);
    assert_eq!(seqs(&stage.plane.drain_tap(tap, stage.now_us).expect("the tap is there")), [51], "room again");
}

#[test]
fn a_tapped_track_has_a_viewer_and_is_asked_for_a_key_frame() {
    let mut stage = Stage::new();
    let (doctor, track, tap) = a_tapped_video(&mut stage, ROOMY);
    send(&mut stage, &doctor, 2);
    stage.sent_to(doctor.remote);
    stage.plane.want_keyframe(&stage.plane.track(track).expect("it is there"), stage.now_us);
    stage.pass(500_000);
    assert!(crate::stage::kinds(&stage.rtcp_seen_by(&doctor)).contains(&"pli"));
    stage.plane.stop_tap(tap).expect("the tap is there");
}

#[test]
fn nothing_is_taken_after_the_stop_and_nothing_before_the_start() {
    let mut stage = Stage::new();
    let doctor = stage.a_peer(1);
    let track = stage.publish_audio(&doctor);
    for n in 1..=3 {
        let datagram = doctor.protect(&audio(n, 40));
        stage.deliver(doctor.remote, datagram);
    }
    let tap = stage.plane.start_tap(ROOMY).expect("room for a tap");
    stage.plane.tap_track(tap, track, LABEL, stage.now_us).expect("the track is there");
    let datagram = doctor.protect(&audio(4, 40));
    stage.deliver(doctor.remote, datagram);
    assert_eq!(seqs(&stage.plane.stop_tap(tap).expect("the tap is there")), [4]);
    let datagram = doctor.protect(&audio(5, 40));
    stage.deliver(doctor.remote, datagram);
    assert_eq!(stage.plane.drain_tap(tap, stage.now_us), Err(PlaneError::UnknownTap));
}

#[test]
fn there_are_no_more_taps_than_the_settings_say() {
    let stage = Stage::new();
    let first = stage.plane.start_tap(ROOMY).expect("room for a tap");
    stage.plane.start_tap(ROOMY).expect("room for a tap");
    assert_eq!(stage.plane.start_tap(ROOMY), Err(PlaneError::TooManyTaps));
    stage.plane.stop_tap(first).expect("the tap is there");
    stage.plane.start_tap(ROOMY).expect("room again");
}

#[test]
fn a_new_source_goes_on_with_the_numbers_and_holes_of_the_old_are_lost() {
    let mut stage = Stage::new();
    let (doctor, _, tap) = a_tapped_video(&mut stage, ROOMY);
    for n in [1, 2, 4] {
        send(&mut stage, &doctor, n);
    }
    let mut restarted = video(900, vp8(true, 1, 100));
    (restarted.ssrc, restarted.extensions) = (3000, vec![(crate::stage::MID_ID, b"1".to_vec())]);
    let datagram = doctor.protect(&restarted);
    stage.deliver(doctor.remote, datagram);
    send(&mut stage, &doctor, 3); // a straggler of the old one
    let batch = stage.plane.stop_tap(tap).expect("the tap is there");
    assert_eq!(seqs(&batch), [1, 2, 4, 5]);
    let track = &batch.tracks[0];
    assert_eq!((track.ssrcs.as_slice(), track.lost.list.as_slice()), (&[1000, 3000][..], &[(3, 3)][..]));
    assert_eq!(track.last.timestamp, 900 * 3000, "as sent");
}

#[test]
fn what_was_sent_before_the_tap_and_comes_late_is_not_its_business() {
    let mut stage = Stage::new();
    let doctor = stage.a_peer(1);
    let track = stage.publish_video(&doctor);
    for n in [1, 2, 4, 5] {
        send(&mut stage, &doctor, n);
    }
    let tap = stage.plane.start_tap(ROOMY).expect("room for a tap");
    stage.plane.tap_track(tap, track, LABEL, stage.now_us).expect("the track is there");
    for n in [3, 7, 6] {
        send(&mut stage, &doctor, n);
    }
    let batch = stage.plane.stop_tap(tap).expect("the tap is there");
    assert_eq!(seqs(&batch), [7, 6], "the first that came was not the lowest");
    assert_eq!((batch.tracks[0].first.seq, batch.tracks[0].last.seq), (6, 7));
}

#[test]
fn a_track_is_in_one_tap_under_a_label_of_its_own_until_it_is_taken_out() {
    let mut stage = Stage::new();
    let (doctor, track, tap) = a_tapped_video(&mut stage, ROOMY);
    let (voice, other) = (stage.publish_audio(&doctor), stage.plane.start_tap(ROOMY).expect("room for a tap"));
    let plane = &stage.plane;
    assert_eq!(plane.tap_track(other, track, 1, 0), Err(PlaneError::TrackTapped));
    assert_eq!(plane.tap_track(tap, voice, LABEL, 0), Err(PlaneError::LabelInUse));
    assert_eq!(plane.tap_track(tap, 12_345, 1, 0), Err(PlaneError::UnknownTrack));
    assert_eq!(plane.tap_track(12_345, voice, 1, 0), Err(PlaneError::UnknownTap));
    plane.untap_track(other, track).expect("it is not in there: nothing to do");
    assert_eq!(plane.tap_track(other, track, 1, 0), Err(PlaneError::TrackTapped));
    for _ in 0..2 {
        plane.untap_track(tap, track).expect("the tap is there");
    }
    plane.tap_track(other, track, 1, 0).expect("free again");
    send(&mut stage, &doctor, 1);
    assert_eq!(seqs(&stage.plane.stop_tap(tap).expect("the tap is there")), []);
    assert_eq!(seqs(&stage.plane.stop_tap(other).expect("the tap is there")), [1]);
    let (taps, totals) = stage.plane.tap_totals();
    assert_eq!((taps, totals.packets, totals.dropped), (0, 1, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Send(u64),
    Drain,
    Pass,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Numbers near each other, out of order, repeated, with holes, and now and then a leap.
    let number = prop_oneof![20 => 1..120u64, 1 => 3_000..3_100u64];
    prop::collection::vec(
        prop_oneof![20 => number.prop_map(Step::Send), 2 => Just(Step::Drain), 1 => Just(Step::Pass)],
        1..200,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_number_is_once_in_the_data_or_lost_or_dropped(steps in steps(), limit in 200usize..20_000) {
        let mut stage = Stage::new();
        let (doctor, _, tap) = a_tapped_video(&mut stage, limit);
        let mut batches = Vec::new();
        for step in steps {
            match step {
                Step::Send(n) => send(&mut stage, &doctor, n),
                Step::Drain => batches.push(stage.plane.drain_tap(tap, stage.now_us).expect("the tap is there")),
                Step::Pass => stage.pass(600_000),
            }
        }
        batches.push(stage.plane.stop_tap(tap).expect("the tap is there"));
        let mut all = Vec::new();
        for batch in &batches {
            prop_assert!(batch.data.len() <= limit);
            let kept = seqs(batch);
            prop_assert_eq!(kept.len() as u64, batch.tracks.iter().map(|track| track.packets).sum::<u64>());
            all.extend(kept);
            for track in &batch.tracks {
                for &(first, last) in track.lost.list.iter().chain(&track.dropped.list) {
                    all.extend(first..=last);
                }
            }
        }
        let unique: BTreeSet<_> = all.iter().copied().collect();
        prop_assert_eq!(unique.len(), all.len(), "told twice");
        if let (Some(&lowest), Some(&highest)) = (unique.first(), unique.last()) {
            prop_assert_eq!(unique.len() as u64, highest - lowest + 1, "not told of");
        }
    }
}
