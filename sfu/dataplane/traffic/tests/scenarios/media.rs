use dataplane_core::rtcp::Packet;
use dataplane_traffic::participant::Event;

use crate::stage::{AUDIO, MS, Stage, VIDEO};

const S: u64 = 1_000 * MS;

#[test]
fn what_is_sent_arrives_with_its_delay_and_in_whole_frames() {
    for open_one_in in [1, 8] {
        let mut stage = Stage::new(open_one_in);
        stage.run(5 * S, |_, _| false);
        let (video, audio) = (stage.video(), stage.received(AUDIO));
        assert!((145..=150).contains(&video.frames), "{}", video.frames);
        assert_eq!((video.key_frames, video.freezes, video.lost, audio.lost), (1, 0, 0, 0));
        assert_eq!(video.packets, video.expected);
        assert!((248..=250).contains(&audio.packets), "{}", audio.packets);
        assert!(video.latency_known);
        assert!(video.latency.entries().all(|(bucket, _)| bucket == dataplane_traffic::histogram::bucket_of(5 * MS)));
        let opened = video.opened as f64 / video.packets as f64;
        let share = 1.0 / f64::from(open_one_in);
        assert!((share..share + 0.06).contains(&opened) || open_one_in == 1, "{opened}");
    }
}

#[test]
fn it_keeps_its_rate_and_no_slot_has_more_than_two_packets() {
    let mut stage = Stage::new(8);
    stage.run(10 * S, |_, _| false);
    let rate_bps = stage.sent(VIDEO).bytes * 8 / 10;
    // The key frame at the beginning comes on top.
    assert!((1_170_000..1_260_000).contains(&rate_bps), "{rate_bps}");
    let mut slots = std::collections::HashMap::new();
    for (at, header, len) in &stage.passed {
        if header.ssrc == VIDEO {
            *slots.entry(at / (5 * MS)).or_insert(0) += 1;
        }
        assert!(*len <= 1_216, "RTP up to 1200 bytes, and the tag: {len}");
    }
    assert!(slots.values().all(|count| *count <= 4), "two slots may begin in one of ours");
    assert!(slots.len() > 700, "spread over the time: {}", slots.len());
}

#[test]
fn the_same_seed_sends_the_same() {
    let lens = || {
        let mut stage = Stage::new(8);
        stage.run(S, |_, _| false);
        stage.passed.iter().map(|(at, header, len)| (*at, header.ssrc, *len)).collect::<Vec<_>>()
    };
    assert_eq!(lens(), lens());
}

#[test]
fn it_tells_each_step_once() {
    let mut stage = Stage::new(8);
    stage.run(2 * S, |_, _| false);
    let steps: Vec<_> = stage
        .events
        .iter()
        .map(|event| match event {
            Event::Connected { .. } => "ice",
            Event::FirstPacket { .. } => "first packet",
            Event::FirstKeyFrame { ssrc, .. } if *ssrc == VIDEO => "first key frame",
            _ => "something else",
        })
        .collect();
    assert_eq!(steps, ["ice", "first packet", "first key frame"]);
}

#[test]
fn it_reports_every_second_and_feeds_back_ten_times() {
    let mut stage = Stage::new(8);
    stage.run(5 * S, |_, _| false);
    let reports = stage.asked(|packet| matches!(packet, Packet::ReceiverReport { .. }));
    assert!((4..=6).contains(&reports), "{reports}");
    let feedback = stage.asked(|packet| matches!(packet, Packet::TransportCc { .. }));
    assert!((40..=50).contains(&feedback), "{feedback}");
    let rtt_us = stage.sender.figures(stage.now_us).rtt_us.unwrap();
    assert!((9 * MS..=12 * MS).contains(&rtt_us), "by the reports: {rtt_us}");
}

#[test]
fn a_clock_of_another_host_tells_no_latency() {
    let mut stage = Stage::new(1);
    let mut other = crate::stage::participant(2, 1, 78);
    std::mem::swap(&mut stage.receiver, &mut other);
    let description = dataplane_traffic::received::Description {
        ssrc: VIDEO,
        kind: dataplane_core::track::Kind::Video,
        codec: dataplane_core::codec::Codec::Vp8,
        clock_rate: 90_000,
        rtx_ssrc: None,
    };
    stage.receiver.add_incoming(description, 0).unwrap();
    stage.receiver.set_keys(crate::stage::keys(1), crate::stage::keys(2), 0);
    stage.run(S, |_, _| false);
    let video = stage.video();
    assert!(video.packets > 100);
    assert_eq!((video.latency_known, video.latency.count()), (false, 0));
}

#[test]
fn after_a_pause_it_goes_on_with_a_key_frame() {
    let mut stage = Stage::new(8);
    stage.run(S, |_, _| false);
    stage.sender.stop_sending();
    stage.run(S, |_, _| false);
    let before = stage.sent(VIDEO).packets;
    stage.run(S, |_, _| false);
    assert_eq!(stage.sent(VIDEO).packets, before);
    stage.sender.start_sending(stage.now_us);
    stage.run(S, |_, _| false);
    let video = stage.video();
    assert_eq!((video.key_frames, video.lost), (2, 0));
    assert_eq!(video.freezes, 1, "a pause looks like one");
}
