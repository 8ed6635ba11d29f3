use dataplane_core::outbox::Outbox;
use dataplane_core::rtcp;
use dataplane_core::rtp::Header;
use dataplane_traffic::received::Arrival;
use proptest::prelude::*;

use crate::stage::{MS, Stage, VIDEO, keys};

/// Bytes of about a datagram's length, most of them short, that begin like one of the kinds we read.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..64), prop::collection::vec(any::<u8>(), 0..1500)];
    (bytes, prop_oneof![Just(None), (0_u8..192).prop_map(Some)], any::<bool>()).prop_map(|(mut bytes, first, ours)| {
        if let (Some(first), Some(place)) = (first, bytes.first_mut()) {
            *place = first;
        }
        if let (true, Some(ssrc)) = (ours, bytes.get_mut(8..12)) {
            ssrc.copy_from_slice(&VIDEO.to_be_bytes());
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_datagram_is_too_much_for_it(datagrams in prop::collection::vec(datagram(), 1..64)) {
        let mut stage = Stage::new(8);
        stage.run(100 * MS, |_, _| false);
        for mut datagram in datagrams {
            stage.receiver.receive(&mut datagram, Arrival::default(), stage.now_us, &mut Outbox::new());
        }
        stage.run(200 * MS, |_, _| false);
    }

    #[test]
    fn no_authentic_rtcp_is_too_much_for_it(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 8..400), 1..32)) {
        let mut stage = Stage::new(8);
        stage.run(200 * MS, |_, _| false);
        for (index, mut body) in bodies.into_iter().enumerate() {
            let packet_type = 200 + body[1] % 7;
            body[..2].copy_from_slice(&[0x81, packet_type]);
            keys(2).protect_rtcp(&mut body, 1_000 + index as u32).unwrap();
            stage.sender.receive(&mut body, Arrival::default(), stage.now_us, &mut Outbox::new());
        }
        stage.run(200 * MS, |_, _| false);
    }

    #[test]
    fn no_authentic_packet_is_too_much_for_it(
        packets in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..200), 0_u8..64, any::<bool>()), 1..64),
    ) {
        let mut stage = Stage::new(8);
        stage.run(100 * MS, |_, _| false);
        for (seq, payload, first, again) in packets {
            let ssrc = if again { crate::stage::VIDEO_RTX } else { VIDEO };
            let mut packet = vec![0; 12];
            dataplane_core::rtp::write_fixed(&mut packet, true, 96, seq, 7, ssrc, false);
            packet[0] |= first & 0x20;
            packet.extend(&payload);
            packet.resize(packet.len() + 16, 0);
            keys(1).protect_rtp(&mut packet, 12, payload.len(), u64::from(seq)).unwrap();
            stage.receiver.receive(&mut packet, Arrival::default(), stage.now_us, &mut Outbox::new());
        }
        stage.run(200 * MS, |_, _| false);
    }
}

#[test]
fn a_forged_packet_far_ahead_moves_nothing() {
    let mut stage = Stage::new(8);
    stage.run(1_000 * MS, |_, _| false);
    let newest = stage.passed.iter().rev().find(|(_, header, _)| header.ssrc == VIDEO).expect("sent").1.seq;
    let mut forged = vec![0; 200];
    dataplane_core::rtp::write_fixed(&mut forged, true, 96, newest.wrapping_add(20_000), 7, VIDEO, false);
    assert!(Header::parse(&forged).is_ok());
    stage.receiver.receive(&mut forged, Arrival::default(), stage.now_us, &mut Outbox::new());
    assert_eq!(stage.video().refused, 1);
    stage.run(1_000 * MS, |_, _| false);
    let video = stage.video();
    assert_eq!((video.lost, video.packets), (0, video.expected));
}

#[test]
fn forged_rtcp_asks_for_nothing() {
    let mut stage = Stage::new(8);
    stage.run(500 * MS, |_, _| false);
    let mut forged = Vec::new();
    rtcp::write_pli(&mut forged, 1, VIDEO);
    keys(9).protect_rtcp(&mut forged, 1).unwrap();
    stage.sender.receive(&mut forged, Arrival::default(), stage.now_us, &mut Outbox::new());
    assert_eq!(stage.sent(VIDEO).plis, 0);
    assert_eq!(stage.sender.figures(stage.now_us).strays, 1);
}

#[test]
fn a_repeated_request_is_carried_out_once() {
    let mut stage = Stage::new(8);
    stage.run(500 * MS, |_, _| false);
    let mut request = Vec::new();
    rtcp::write_pli(&mut request, 1, VIDEO);
    keys(2).protect_rtcp(&mut request, 500).unwrap();
    for _ in 0..3 {
        stage.sender.receive(&mut request.clone(), Arrival::default(), stage.now_us, &mut Outbox::new());
    }
    assert_eq!(stage.sent(VIDEO).plis, 1);
}
