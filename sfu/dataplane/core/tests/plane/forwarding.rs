//! What a subscriber gets of what a publisher sends.

use crate::stage::{LEVEL_ID, MID_ID, Packet, RID_ID, Stage, audio, protect_with, video, vp8};
use dataplane_core::event::Event;

#[test]
fn a_subscriber_gets_each_packet_under_its_own_numbers() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    stage.sent_to(patient.remote);
    let datagrams = (0..5).map(|n| doctor.protect(&video(40_000 + n, vp8(n == 0, n as u8, 1150)))).collect();
    stage.deliver_all(doctor.remote, datagrams);
    let seen = stage.rtp_seen_by(&patient);
    assert_eq!(seen.len(), 5);
    assert!(seen.iter().all(|packet| (packet.payload_type, packet.ssrc) == (120, 5000)));
    assert_eq!(seen.iter().map(|packet| packet.seq).collect::<Vec<_>>(), (0x7ffe..0x8003).collect::<Vec<_>>());
    assert!(seen.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) == 3000));
    assert_eq!(seen[4].payload, vp8(false, 4, 1150));
    assert_eq!(seen[0].extensions, [(MID_ID, b"7".to_vec())], "the mid, until the subscriber has reported");
}

#[test]
fn the_publisher_starting_is_told_once() {
    let mut stage = Stage::new();
    let doctor = stage.a_peer(1);
    let track = stage.publish_audio(&doctor);
    stage.events();
    for n in 0..3 {
        let datagram = doctor.protect(&audio(n, 30));
        stage.deliver(doctor.remote, datagram);
    }
    assert_eq!(stage.events(), [Event::TrackStarted { track }]);
}

#[test]
fn audio_levels_are_forwarded_and_the_loudest_is_told() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_audio(&doctor);
    stage.subscribe(&patient, track, 5000);
    for (n, level) in [(0, 0x80 | 40), (1, 0x80 | 12), (2, 60)] {
        let datagram = doctor.protect(&audio(n, level));
        stage.deliver(doctor.remote, datagram);
    }
    let seen = stage.rtp_seen_by(&patient);
    assert!(seen[1].extensions.contains(&(LEVEL_ID, vec![0x80 | 12])));
    assert_eq!(stage.plane.audio_levels(), [(track, 12)]);
    assert_eq!(stage.plane.audio_levels(), [], "told once");
}

#[test]
fn video_begins_with_a_key_frame() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    for (n, keyframe) in [(10, false), (11, false), (12, true), (13, false)] {
        let datagram = doctor.protect(&video(n, vp8(keyframe, n as u8, 100)));
        stage.deliver(doctor.remote, datagram);
    }
    let seen = stage.rtp_seen_by(&patient);
    assert_eq!(seen.iter().map(|packet| packet.payload[11]).collect::<Vec<_>>(), [12, 13]);
    assert_eq!(seen[0].seq, 0x7ffe, "what was held back took no numbers");
}

#[test]
fn nothing_is_sent_before_keys_and_then_video_starts_afresh() {
    let mut stage = Stage::new();
    let doctor = stage.a_peer(1);
    let mut patient = stage.a_peer_without_keys(2);
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    let keyframe = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, keyframe);
    stage.sent_to(patient.remote);
    stage.give_keys(&mut patient);
    stage.pass(10_000);
    assert!(
        crate::stage::kinds(&stage.rtcp_seen_by(&doctor)).contains(&"pli"),
        "a key frame is asked for at that moment"
    );
    let (delta, keyframe) =
        (doctor.protect(&video(2, vp8(false, 2, 100))), doctor.protect(&video(3, vp8(true, 3, 100))));
    stage.deliver_all(doctor.remote, vec![delta, keyframe]);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1);
}

#[test]
fn a_pause_leaves_no_hole_and_ends_with_a_key_frame() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    let subscription = stage.subscribe(&patient, track, 5000);
    let send = |stage: &mut Stage, n: u64, keyframe: bool| {
        let datagram = doctor.protect(&video(n, vp8(keyframe, n as u8, 100)));
        stage.deliver(doctor.remote, datagram);
    };
    send(&mut stage, 1, true);
    stage.plane.pause(subscription).expect("it exists");
    send(&mut stage, 2, false);
    stage.plane.resume(subscription, stage.now_us).expect("it exists");
    send(&mut stage, 3, false);
    send(&mut stage, 5, true);
    send(&mut stage, 4, false);
    let seen = stage.rtp_seen_by(&patient);
    assert_eq!(
        seen.iter().map(|packet| packet.payload[11]).collect::<Vec<_>>(),
        [1, 5],
        "4 is from before the restart"
    );
    assert_eq!(seen[1].seq, seen[0].seq.wrapping_add(1));
}

#[test]
fn a_new_ssrc_under_the_same_mid_goes_on_where_the_old_one_stopped() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    let first = doctor.protect(&video(100, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, first);
    stage.now_us += 100_000;
    let reloaded = Packet {
        ssrc: 4242,
        index: 9,
        timestamp: 77,
        extensions: vec![(MID_ID, b"1".to_vec())],
        ..video(0, vp8(true, 2, 100))
    };
    let datagram = doctor.protect(&reloaded);
    stage.deliver(doctor.remote, datagram);
    let seen = stage.rtp_seen_by(&patient);
    assert_eq!(seen[1].seq, seen[0].seq.wrapping_add(1));
    assert_eq!(seen[1].timestamp.wrapping_sub(seen[0].timestamp), 9000, "100 ms later at 90 kHz");
}

#[test]
fn a_stream_without_declared_ssrc_is_learnt_from_its_payload_type() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    let datagram = doctor.protect(&Packet { ssrc: 31_337, ..video(1, vp8(true, 1, 100)) });
    stage.deliver(doctor.remote, datagram);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1);
    let foreign = doctor.protect(&Packet { ssrc: 31_338, payload_type: 100, ..video(2, vp8(true, 1, 100)) });
    stage.deliver(doctor.remote, foreign);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 0);
    assert_eq!(stage.counter("unbound"), 1);
}

#[test]
fn a_section_that_publishes_anew_keeps_its_stream_and_what_it_said_of_itself() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let simulcast = |stage: &mut Stage| {
        let track = stage.publish_video(&doctor);
        let mut description = stage.plane.track(track).expect("it exists").description.clone();
        stage.plane.unpublish(track).expect("it exists");
        (description.rid, description.ssrcs) = (Some("h".into()), vec![]);
        stage.plane.publish(doctor.id, description).expect("room for a track")
    };
    let first = simulcast(&mut stage);
    let names = vec![(MID_ID, b"1".to_vec()), (RID_ID, b"h".to_vec())];
    // Just before the sequence number wraps: the roll-over count must survive too.
    let datagram = doctor.protect(&Packet { extensions: names, ..video(65_535, vp8(true, 1, 100)) });
    stage.deliver(doctor.remote, datagram);
    stage.plane.unpublish(first).expect("it exists");
    let again = simulcast(&mut stage);
    stage.subscribe(&patient, again, 5000);
    let datagram = doctor.protect(&video(65_536, vp8(true, 2, 100)));
    stage.deliver(doctor.remote, datagram);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1);
}

#[test]
fn replayed_and_forged_packets_are_counted_and_dropped() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    let datagram = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, datagram.clone());
    stage.deliver(doctor.remote, datagram);
    let forged = protect_with(&crate::stage::keys(200), &video(2, vp8(false, 2, 100)));
    stage.deliver(doctor.remote, forged);
    let elsewhere = doctor.protect(&video(3, vp8(false, 3, 100)));
    stage.deliver("198.51.100.7:9".parse().expect("an address"), elsewhere);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1);
    assert_eq!((stage.counter("replays"), stage.counter("auth_failures"), stage.counter("unknown_source")), (1, 1, 1));
    let next = doctor.protect(&video(4, vp8(false, 4, 100)));
    stage.deliver(doctor.remote, next);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1, "and harm nothing");
}

#[test]
fn padding_on_the_media_stream_closes_up() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    for (n, payload) in [(1, vp8(true, 1, 100)), (2, vec![]), (4, vp8(false, 4, 100)), (3, vp8(false, 3, 100))] {
        let datagram = doctor.protect(&video(n, payload));
        stage.deliver(doctor.remote, datagram);
    }
    let seen = stage.rtp_seen_by(&patient);
    let order: Vec<_> = seen.iter().map(|packet| (packet.payload[11], packet.seq.wrapping_sub(0x7ffe))).collect();
    assert_eq!(order, [(1, 0), (4, 2), (3, 1)]);
}

#[test]
fn when_a_transport_closes_its_tracks_and_subscriptions_end() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    assert_eq!(stage.plane.sizes(), (2, 1, 1));
    stage.plane.close_transport(doctor.id);
    stage.plane.close_transport(doctor.id);
    assert_eq!(stage.plane.sizes(), (1, 0, 0));
    let late = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, late);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 0);
    stage.plane.close_transport(patient.id);
    assert!(stage.plane.is_idle());
}

#[test]
fn each_limit_refuses_and_changes_nothing() {
    let mut stage = Stage::new();
    let doctor = stage.a_peer(1);
    let tracks: Vec<_> = (0..4).map(|_| stage.publish_video(&doctor)).collect();
    let more = stage.plane.track(tracks[0]).expect("it exists").description.clone();
    assert!(stage.plane.publish(doctor.id, more).is_err());
    assert_eq!(stage.plane.sizes().1, 4);
    let patient = stage.a_peer(2);
    for n in 0..8 {
        stage.subscribe(&patient, tracks[0], 5000 + 2 * n);
    }
    let face = dataplane_core::subscription::Face {
        mid: "9".into(),
        payload_type: 1,
        rtx_payload_type: None,
        ssrc: 9000,
        rtx_ssrc: None,
        cname: String::new(),
    };
    assert!(stage.plane.subscribe(patient.id, tracks[0], face, 0, 0).is_err());
    assert_eq!(stage.plane.sizes().2, 8);
}
