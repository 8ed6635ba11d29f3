//! What one peer, or a stranger, must not be able to do to the others.

use std::collections::HashMap;
use std::net::SocketAddr;

use dataplane_core::event::Event;
use dataplane_core::rtcp;
use proptest::prelude::*;

use crate::stage::{Packet, Peer, Stage, kinds, video, vp8};

fn call(stage: &mut Stage) -> (Peer, Peer) {
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    (doctor, patient)
}

fn retransmission_of(n: u64, rtx_index: u64, fill: u8) -> Packet {
    let mut payload = (n as u16).to_be_bytes().to_vec();
    payload.extend(vp8(false, fill, 100));
    Packet { payload_type: 97, ssrc: 1001, index: rtx_index, ..video(n, payload) }
}

/// Something a publisher may send, in any order.
#[derive(Clone, Debug)]
enum Act {
    Media { n: u64, keyframe: bool },
    Padding { n: u64 },
    Retransmission { n: u64 },
    OtherSource { n: u64 },
    PauseAndResume,
    Losses { n: u64 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1..60u64, any::<bool>()).prop_map(|(n, keyframe)| Act::Media { n, keyframe }),
        2 => (1..60u64).prop_map(|n| Act::Padding { n }),
        2 => (1..60u64).prop_map(|n| Act::Retransmission { n }),
        2 => (1..60u64).prop_map(|n| Act::OtherSource { n }),
        1 => Just(Act::PauseAndResume),
        1 => (0..60u64).prop_map(|n| Act::Losses { n }),
    ];
    proptest::collection::vec(act, 1..80)
}

proptest! {
    /// RFC 7714 §8.1: one number for two packets would give the keys' authentication away. Whatever a publisher sends,
    /// a subscriber never sees that.
    #[test]
    fn no_number_is_used_for_two_packets(acts in acts()) {
        let mut stage = Stage::new();
        let (doctor, mut patient) = (stage.a_peer(1), stage.a_peer(2));
        let track = stage.publish_video(&doctor);
        let subscription = stage.subscribe(&patient, track, 5000);
        let mut seen = HashMap::new();
        for (step, act) in acts.into_iter().enumerate() {
            let fill = step as u8;
            stage.now_us += 7_000;
            match act {
                Act::Media { n, keyframe } => {
                    let datagram = doctor.protect(&video(n, vp8(keyframe, fill, 100)));
                    stage.deliver(doctor.remote, datagram);
                }
                Act::Padding { n } => {
                    let datagram = doctor.protect(&video(n, vec![]));
                    stage.deliver(doctor.remote, datagram);
                }
                Act::Retransmission { n } => {
                    let datagram = doctor.protect(&retransmission_of(n, step as u64 + 1, fill));
                    stage.deliver(doctor.remote, datagram);
                }
                Act::OtherSource { n } => {
                    let datagram = doctor.protect(&Packet { ssrc: 1002 + n as u32 % 3, ..video(n, vp8(true, fill, 100)) });
                    stage.deliver(doctor.remote, datagram);
                }
                Act::PauseAndResume => {
                    stage.plane.pause(subscription).expect("it exists");
                    stage.plane.resume(subscription, stage.now_us).expect("it exists");
                }
                Act::Losses { n } => {
                    let lost = [(0x7ffe + n) as u16, (0x7fff + n) as u16];
                    let datagram = patient.protect_rtcp(|out| rtcp::write_nack(out, 1, 5000, &lost));
                    stage.deliver(patient.remote, datagram);
                }
            }
            for packet in stage.rtp_seen_by(&patient) {
                let before = seen.insert((packet.ssrc, packet.seq), packet.clone());
                prop_assert!(before.is_none(), "{before:?} and {packet:?}");
            }
        }
    }
}

#[test]
fn bad_checks_from_ones_own_address_do_not_end_consent() {
    let mut stage = Stage::new();
    let (_, patient) = call(&mut stage);
    stage.events();
    let neighbour = SocketAddr::new(patient.remote.ip(), 9999);
    for _ in 0..32 {
        for _ in 0..25 {
            let forged = stage.a_check("nobody", "another-password-22-chars", true);
            stage.deliver(neighbour, forged);
        }
        stage.check(&patient, patient.remote, true);
        stage.pass(1_000_000);
    }
    assert!(!stage.events().contains(&Event::ConsentExpired { transport: patient.id }));
}

#[test]
fn an_address_that_is_in_use_cannot_be_taken_and_comes_back_when_it_was() {
    let mut stage = Stage::new();
    let (mut doctor, patient) = call(&mut stage);
    let thief = stage.a_peer(3);
    stage.check(&thief, doctor.remote, true);
    let first = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, first);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1, "held by whoever checked from it just now");
    stage.now_us += 10_000_000;
    stage.check(&thief, doctor.remote, true);
    stage.now_us += 10_000_000;
    stage.check(&doctor, doctor.remote, true);
    let second = doctor.protect(&video(2, vp8(false, 2, 100)));
    stage.deliver(doctor.remote, second);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1, "a NAT gave the port back");
    let report = doctor.protect_rtcp(|out| rtcp::write_rr(out, 1, &[]));
    stage.deliver(doctor.remote, report);
    assert_eq!(stage.counter("auth_failures"), 0);
}

#[test]
fn asking_for_everything_again_gives_little_and_costs_the_others_nothing() {
    let mut stage = Stage::new();
    let (doctor, mut patient) = call(&mut stage);
    let (colleague, guest) = (stage.a_peer(4), stage.a_peer(5));
    let other = stage.publish_video(&colleague);
    stage.subscribe(&guest, other, 6000);
    for n in 1..=500u64 {
        let datagram = doctor.protect(&video(n, vp8(n == 1, n as u8, 1150)));
        stage.deliver(doctor.remote, datagram);
    }
    let first = stage.rtp_seen_by(&patient)[0].seq;
    let all: Vec<u16> = (0..499).map(|n| first.wrapping_add(n)).collect();
    let greedy = patient.protect_rtcp(|out| {
        for _ in 0..6 {
            rtcp::write_nack(out, 1, 5000, &all);
        }
    });
    let keyframe = colleague.protect(&video(1, vp8(true, 7, 100)));
    stage.deliver_mixed(vec![(patient.remote, greedy), (colleague.remote, keyframe)]);
    assert!((100..=256).contains(&stage.counter("rtx_sent")));
    assert_eq!(stage.rtp_seen_by(&guest).len(), 1);
    for _ in 0..20 {
        stage.now_us += 30_000;
        let greedy = patient.protect_rtcp(|out| rtcp::write_nack(out, 1, 5000, &all));
        stage.deliver(patient.remote, greedy);
    }
    let bytes: usize = stage.sent_to(patient.remote).iter().map(Vec::len).sum();
    assert!(bytes < 700_000, "{bytes} in a second");
}

#[test]
fn a_viewer_cannot_hold_a_publisher_at_key_frames_by_pausing() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    let subscription = stage.subscribe(&patient, track, 5000);
    let first = doctor.protect(&video(0, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, first);
    for n in 0..300u64 {
        stage.plane.pause(subscription).expect("it exists");
        stage.plane.resume(subscription, stage.now_us).expect("it exists");
        stage.pass(50_000);
        let keyframe = doctor.protect(&video(n + 1, vp8(true, 1, 100)));
        stage.deliver(doctor.remote, keyframe);
        stage.pass(50_000);
    }
    let asked = stage.counter("plis_sent");
    assert!((5..=20).contains(&asked), "{asked} in 30 s");
}

#[test]
fn nobody_is_asked_for_key_frames_that_nobody_waits_for() {
    let mut stage = Stage::new();
    let (doctor, mut patient) = call(&mut stage);
    let first = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, first);
    let pli = patient.protect_rtcp(|out| rtcp::write_pli(out, 1, 5000));
    stage.deliver(patient.remote, pli);
    stage.plane.close_transport(patient.id);
    stage.rtcp_seen_by(&doctor);
    stage.pass(10_000_000);
    assert!(!kinds(&stage.rtcp_seen_by(&doctor)).contains(&"pli"));
}

#[test]
fn who_comes_back_after_consent_had_run_out_begins_with_a_key_frame_and_no_hole() {
    let mut stage = Stage::new();
    let (doctor, patient) = call(&mut stage);
    let first = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, first);
    let last_seen = stage.rtp_seen_by(&patient)[0].seq;
    stage.pass(29_000_000);
    stage.check(&doctor, doctor.remote, true);
    stage.pass(2_000_000);
    for n in 2..500 {
        let unseen = doctor.protect(&video(n, vp8(false, 2, 100)));
        stage.deliver(doctor.remote, unseen);
    }
    stage.rtcp_seen_by(&doctor);
    stage.check(&patient, patient.remote, true);
    stage.pass(10_000);
    assert!(kinds(&stage.rtcp_seen_by(&doctor)).contains(&"pli"));
    let (delta, keyframe) =
        (doctor.protect(&video(500, vp8(false, 3, 100))), doctor.protect(&video(501, vp8(true, 4, 100))));
    stage.deliver_all(doctor.remote, vec![delta, keyframe]);
    let seen = stage.rtp_seen_by(&patient);
    assert_eq!(seen.iter().map(|packet| (packet.seq, packet.payload[11])).collect::<Vec<_>>(), [(last_seen + 1, 4)]);
}
