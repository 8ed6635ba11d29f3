//! Losses mended in both directions, and what the two sides tell each other of the network.

use crate::stage::{Packet, Peer, Stage, TWCC_ID, audio, kinds, video, vp8};
use dataplane_core::rtcp::{self, ReportBlock};

fn call(stage: &mut Stage) -> (Peer, Peer, u64) {
    let (doctor, patient) = (stage.a_peer(1), stage.a_peer(2));
    let track = stage.publish_video(&doctor);
    stage.subscribe(&patient, track, 5000);
    (doctor, patient, track)
}

fn send(stage: &mut Stage, doctor: &Peer, n: u64) {
    let datagram = doctor.protect(&video(n, vp8(n == 1, n as u8, 100)));
    stage.deliver(doctor.remote, datagram);
}

fn retransmission(n: u64, rtx_index: u64) -> Packet {
    let mut payload = (n as u16).to_be_bytes().to_vec();
    payload.extend(vp8(n == 1, n as u8, 100));
    Packet { payload_type: 97, ssrc: 1001, index: rtx_index, ..video(n, payload) }
}

fn nacks(compounds: &[Vec<u8>]) -> Vec<u16> {
    let packets = compounds.iter().flat_map(|compound| rtcp::packets(compound));
    packets
        .filter_map(|packet| match packet {
            Ok(rtcp::Packet::Nack { lost, .. }) => Some(lost.collect::<Vec<_>>()),
            _ => None,
        })
        .flatten()
        .collect()
}

#[test]
fn a_gap_is_asked_for_at_once_again_later_and_not_when_mended() {
    let mut stage = Stage::new();
    let (doctor, patient, _) = call(&mut stage);
    for n in [1, 2, 5] {
        send(&mut stage, &doctor, n);
    }
    assert_eq!(nacks(&stage.rtcp_seen_by(&doctor)), [3, 4]);
    let mended = doctor.protect(&retransmission(3, 1));
    stage.deliver(doctor.remote, mended);
    stage.pass(100_000);
    let again = nacks(&stage.rtcp_seen_by(&doctor));
    assert!(!again.is_empty() && again.iter().all(|&seq| seq == 4), "{again:?}");
    let seen: Vec<_> = stage.rtp_seen_by(&patient).iter().map(|packet| packet.payload[11]).collect();
    assert_eq!(seen, [1, 2, 5, 3], "the mended packet is forwarded when it comes");
}

#[test]
fn probes_that_repeat_packets_are_not_forwarded() {
    let mut stage = Stage::new();
    let (doctor, patient, _) = call(&mut stage);
    send(&mut stage, &doctor, 1);
    stage.sent_to(patient.remote);
    for (index, probe) in [retransmission(1, 1), Packet { payload: vec![], ..retransmission(1, 2) }].iter().enumerate()
    {
        let datagram = doctor.protect(probe);
        stage.deliver(doctor.remote, datagram);
        assert_eq!(stage.counter("rtx_received"), index as u64 + 1);
    }
    assert_eq!(stage.rtp_seen_by(&patient).len(), 0);
}

#[test]
fn when_hope_is_given_up_a_key_frame_is_asked_for() {
    let mut stage = Stage::new();
    let (doctor, _, _) = call(&mut stage);
    for n in [1, 2, 4] {
        send(&mut stage, &doctor, n);
    }
    stage.pass(3_000_000);
    assert!(kinds(&stage.rtcp_seen_by(&doctor)).contains(&"pli"));
}

#[test]
fn what_a_subscriber_lost_comes_again_as_rtx() {
    let mut stage = Stage::new();
    let (doctor, mut patient, _) = call(&mut stage);
    for n in 1..=4 {
        send(&mut stage, &doctor, n);
    }
    let lost = stage.rtp_seen_by(&patient)[2].clone();
    let nack = patient.protect_rtcp(|out| rtcp::write_nack(out, 1, 5000, &[lost.seq]));
    stage.deliver(patient.remote, nack);
    let again = stage.rtp_seen_by(&patient);
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].payload_type, again[0].ssrc, again[0].timestamp), (121, 5001, lost.timestamp));
    assert_eq!(again[0].payload[..2], lost.seq.to_be_bytes());
    assert_eq!(again[0].payload[2..], lost.payload);
    let repeated = patient.protect_rtcp(|out| rtcp::write_nack(out, 1, 5000, &[lost.seq]));
    stage.deliver(patient.remote, repeated);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 0, "not twice within a round trip");
    stage.now_us += 200_000;
    let later = patient.protect_rtcp(|out| rtcp::write_nack(out, 1, 5000, &[lost.seq, lost.seq.wrapping_add(500)]));
    stage.deliver(patient.remote, later);
    assert_eq!(stage.rtp_seen_by(&patient).len(), 1, "but again after one; what never was is ignored");
}

#[test]
fn many_pictures_lost_become_one_request_that_is_repeated_until_the_key_frame() {
    let mut stage = Stage::new();
    let (doctor, mut patient, track) = call(&mut stage);
    let mut guest = stage.a_peer(3);
    stage.subscribe(&guest, track, 6000);
    send(&mut stage, &doctor, 1);
    stage.pass(1_000_000);
    stage.sent_to(doctor.remote);
    for _ in 0..5 {
        let pli = patient.protect_rtcp(|out| rtcp::write_pli(out, 1, 5000));
        stage.deliver(patient.remote, pli);
        let pli = guest.protect_rtcp(|out| rtcp::write_pli(out, 1, 6000));
        stage.deliver(guest.remote, pli);
    }
    let plis = |stage: &mut Stage| kinds(&stage.rtcp_seen_by(&doctor)).iter().filter(|kind| **kind == "pli").count();
    assert_eq!(plis(&mut stage), 1);
    stage.pass(450_000);
    assert_eq!(plis(&mut stage), 1, "no key frame yet");
    let keyframe = doctor.protect(&video(2, vp8(true, 2, 100)));
    stage.deliver(doctor.remote, keyframe);
    stage.pass(2_000_000);
    assert_eq!(plis(&mut stage), 0);
}

#[test]
fn the_publisher_gets_reports_and_feedback_on_everything_that_arrived() {
    let mut stage = Stage::new();
    let (mut doctor, _, _) = call(&mut stage);
    let report = doctor.protect_rtcp(|out| rtcp::write_sr(out, 1000, 0x1234_5678_9abc_def0, 3000, 1, 100));
    for n in 1..=50u64 {
        if n % 10 == 0 {
            continue;
        }
        let extensions = vec![(TWCC_ID, (n as u16).to_be_bytes().to_vec())];
        let datagram = doctor.protect(&Packet { extensions, ..video(n, vp8(n == 1, n as u8, 100)) });
        stage.deliver(doctor.remote, datagram);
        stage.now_us += 2_000;
    }
    stage.deliver(doctor.remote, report);
    stage.pass(1_200_000);
    let got = stage.rtcp_seen_by(&doctor);
    assert!(kinds(&got).contains(&"twcc"));
    let block = got
        .iter()
        .flat_map(|compound| rtcp::packets(compound))
        .filter_map(|packet| match packet {
            Ok(rtcp::Packet::ReceiverReport { mut reports, .. }) => reports.next(),
            _ => None,
        })
        .last()
        .expect("a receiver report");
    assert_eq!((block.ssrc, block.cumulative_lost, block.highest_seq), (1000, 4, 49));
    assert_eq!(block.lsr, 0x5678_9abc);
    assert!(stage.counter("packets_lost_upstream") == 4);
}

#[test]
fn a_subscriber_gets_sender_reports_by_the_publishers_clock() {
    let mut stage = Stage::new();
    let (mut doctor, patient, _) = call(&mut stage);
    let sound = stage.publish_audio(&doctor);
    stage.subscribe(&patient, sound, 7000);
    send(&mut stage, &doctor, 1);
    let datagram = doctor.protect(&audio(1, 20));
    stage.deliver(doctor.remote, datagram);
    stage.pass(1_100_000);
    assert!(!kinds(&stage.rtcp_seen_by(&patient)).contains(&"sr"), "not before the publisher's clock is known");
    // At one instant of its clock the publisher's picture stands at 3000 and its sound at 960.
    for (ssrc, timestamp) in [(1000, 3000), (2000, 960)] {
        let report = doctor.protect_rtcp(|out| rtcp::write_sr(out, ssrc, 500 << 32, timestamp, 1, 100));
        stage.deliver(doctor.remote, report);
    }
    let seen = {
        let again = doctor.protect(&audio(2, 20));
        stage.deliver(doctor.remote, again);
        send(&mut stage, &doctor, 2);
        stage.rtp_seen_by(&patient)
    };
    let base = |ssrc: u32| seen.iter().find(|packet| packet.ssrc == ssrc).expect("forwarded").timestamp;
    stage.pass(1_100_000);
    let reports: Vec<_> = stage
        .rtcp_seen_by(&patient)
        .iter()
        .flat_map(|compound| rtcp::packets(compound))
        .filter_map(|packet| match packet {
            Ok(rtcp::Packet::SenderReport { ssrc, ntp, rtp, .. }) => Some((ssrc, ntp, rtp)),
            _ => None,
        })
        .map(|report| (report.0, report))
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_values()
        .collect();
    assert_eq!(reports.len(), 2);
    // Both say the same of the same instant: picture 2 stands 3000 ticks after 3000, sound 2 960 after 960.
    let seconds_after = |rtp: u32, base: u32, step: u32, rate: f64| f64::from(rtp.wrapping_sub(base - step)) / rate;
    let (picture, sound) = (reports[0], reports[1]);
    assert_eq!(picture.1, sound.1, "one instant");
    let (a, b) = (seconds_after(picture.2, base(5000), 3000, 9e4), seconds_after(sound.2, base(7000), 960, 4.8e4));
    assert!((a - b).abs() < 0.001, "{a} {b}");
}

#[test]
fn round_trip_times_come_from_the_subscribers_reports() {
    let mut stage = Stage::new();
    let (doctor, mut patient, _) = call(&mut stage);
    send(&mut stage, &doctor, 1);
    let lsr = (stage.plane.ntp(stage.now_us) >> 16) as u32;
    stage.now_us += 150_000;
    let block = ReportBlock { ssrc: 5000, fraction_lost: 64, lsr, dlsr: 65_536 / 10, ..ReportBlock::default() };
    let report = patient.protect_rtcp(|out| rtcp::write_rr(out, 1, &[block]));
    stage.deliver(patient.remote, report.clone());
    let rtt_us = stage.plane.transport(patient.id).expect("it exists").rtt_us().expect("known now");
    assert!((49_000..51_000).contains(&rtt_us), "{rtt_us}");
    stage.deliver(patient.remote, report);
    assert_eq!(stage.counter("replays"), 1, "SRTCP has its replay window too");
    send(&mut stage, &doctor, 2);
    let seen = stage.rtp_seen_by(&patient);
    assert_eq!(seen.last().expect("forwarded").extensions, [], "no mid any more: the subscriber knows the stream");
}

#[test]
fn each_sender_of_reports_counts_for_itself() {
    let mut stage = Stage::new();
    let (_, mut patient, _) = call(&mut stage);
    for ssrc in [1, 2] {
        patient.begin_srtcp_count();
        let report = patient.protect_rtcp(|out| rtcp::write_rr(out, ssrc, &[]));
        stage.deliver(patient.remote, report);
    }
    assert_eq!(stage.counter("replays"), 0);
}
