//! Which address a transport is spoken to at, and who may decide it.

use std::net::SocketAddr;

use crate::stage::{PWD, Stage, video, vp8};
use dataplane_core::event::Event;
use dataplane_core::ice::Credentials;
use dataplane_core::stun;

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 9], port))
}

#[test]
fn a_valid_check_is_answered_and_gives_the_path() {
    let mut stage = Stage::new();
    let peer = stage.a_peer(1);
    assert!(stage.events().contains(&Event::Path { transport: peer.id, first: true }));
    let answers = stage.sent_to(peer.remote);
    let response = stun::parse_response(&answers[0], PWD.as_bytes()).expect("a response");
    assert!(response.authentic);
    assert_eq!(response.outcome, Ok(peer.remote), "it tells the peer how we see it");
    assert_eq!(response.transaction_id, [0, 0, 0, 0, 0, 0, 0, 1, 5, 5, 5, 5]);
}

#[test]
fn a_wrong_password_or_an_unknown_name_moves_nothing_and_is_answered_with_an_error() {
    let mut stage = Stage::new();
    let peer = stage.a_peer(1);
    stage.events();
    stage.check_as(&peer.ufrag, "another-password-22-chars", at(1), true);
    stage.check_as("nobody", PWD, at(1), true);
    assert_eq!(stage.counter("stun_rejected"), 2);
    for answer in stage.sent_to(at(1)) {
        let response = stun::parse_response(&answer, PWD.as_bytes()).expect("a response");
        assert_eq!(response.outcome, Err(401));
    }
    assert_eq!(stage.events(), []);
}

#[test]
fn a_source_that_keeps_failing_is_not_answered_any_more_this_second() {
    let mut stage = Stage::new();
    let peer = stage.a_peer(1);
    for _ in 0..100 {
        stage.check_as(&peer.ufrag, "another-password-22-chars", at(1), true);
    }
    assert_eq!(stage.sent_to(at(1)).len(), 20);
    assert_eq!(stage.counter("rate_limited"), 80);
    stage.now_us += 1_000_000;
    stage.check(&peer, at(1), true);
    assert_eq!(stage.sent_to(at(1)).len(), 1);
}

#[test]
fn media_follows_an_authenticated_nomination_and_nothing_else() {
    let mut stage = Stage::new();
    let (doctor, mut patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    stage.sent_to(patient.remote);
    stage.deliver(at(7), vec![0x80; 40]);
    stage.check(&patient, at(8), false);
    let first = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, first);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1, "still on the old path");
    stage.check(&patient, at(8), true);
    patient.remote = at(8);
    stage.sent_to(at(8));
    let second = doctor.protect(&video(2, vp8(false, 2, 100)));
    stage.deliver(doctor.remote, second);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1, "on the new one");
    assert!(stage.events().contains(&Event::Path { transport: patient.id, first: false }));
}

#[test]
fn a_check_that_somebody_overheard_moves_nothing_when_he_sends_it() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    let check = stage.a_check(&patient.ufrag, PWD, true);
    stage.deliver(patient.remote, check.clone());
    stage.sent_to(patient.remote);
    stage.deliver(at(66), check);
    let first = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, first);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1);
    assert_eq!((stage.sent_to(at(66)).len(), stage.counter("replays")), (0, 1));
}

#[test]
fn a_restart_keeps_the_old_path_until_the_new_one_is_nominated() {
    let mut stage = Stage::new();
    let (doctor, mut patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    let renewed = Credentials { ufrag: "renewed".into(), pwd: PWD.into() };
    stage.plane.restart_ice(patient.id, renewed).expect("it exists");
    stage.sent_to(patient.remote);
    stage.check_as("renewed", PWD, at(9), false);
    let first = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, first);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1);
    stage.check_as("renewed", PWD, at(9), true);
    patient.remote = at(9);
    stage.sent_to(at(9));
    let second = doctor.protect(&video(2, vp8(false, 2, 100)));
    stage.deliver(doctor.remote, second);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1, "same keys, same stream, new path");
}

#[test]
fn without_checks_consent_ends_and_nothing_is_sent() {
    let mut stage = Stage::new();
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    stage.events();
    stage.pass(29_000_000);
    stage.check(&doctor, doctor.remote, true);
    stage.pass(2_000_000);
    assert!(stage.events().contains(&Event::ConsentExpired { transport: patient.id }));
    stage.sent_to(patient.remote);
    let datagram = doctor.protect(&video(1, vp8(true, 1, 100)));
    stage.deliver(doctor.remote, datagram);
    assert_eq!(stage.sent_to(patient.remote).len(), 0);
    stage.check(&patient, patient.remote, true);
    assert!(stage.events().contains(&Event::Path { transport: patient.id, first: true }), "a check revives it");
}

#[test]
fn dtls_is_handed_up_from_known_sources_only() {
    let mut stage = Stage::new();
    let peer = stage.a_peer(1);
    stage.events();
    stage.deliver(at(1), vec![22, 254, 253, 0]);
    stage.deliver(peer.remote, vec![22, 254, 253, 1]);
    assert_eq!(stage.events(), [Event::Dtls { transport: peer.id, datagram: vec![22, 254, 253, 1] }]);
}

#[test]
fn a_peer_that_floods_with_dtls_is_limited_and_others_are_not() {
    let mut stage = Stage::new();
    let (flooder, other) = (stage.a_peer(1), stage.a_peer(2));
    stage.events();
    for _ in 0..500 {
        stage.deliver(flooder.remote, vec![22, 254, 253, 9]);
    }
    stage.deliver(other.remote, vec![22, 254, 253, 1]);
    let events = stage.events();
    assert_eq!((events.len(), stage.counter("rate_limited")), (101, 400));
    assert_eq!(events.last(), Some(&Event::Dtls { transport: other.id, datagram: vec![22, 254, 253, 1] }));
}
