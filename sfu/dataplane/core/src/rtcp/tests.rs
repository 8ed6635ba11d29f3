use super::*;

fn read(compound: &[u8]) -> Vec<Packet<'_>> {
    packets(compound).collect::<Result<_, _>>().unwrap()
}

fn a_block() -> ReportBlock {
    ReportBlock {
        ssrc: 0x0102_0304,
        fraction_lost: 64,
        cumulative_lost: -2,
        highest_seq: 0x0001_FFFE,
        jitter: 7,
        lsr: 0xAABB_CCDD,
        dlsr: 65_536,
    }
}

#[test]
fn a_compound_of_sender_report_and_description_is_read_again() {
    let mut out = Vec::new();
    write_sr(&mut out, 1, 0x1122_3344_5566_7788, 90_000, 10, 1_000);
    write_sdes_cname(&mut out, 1, "somebody");
    let [Packet::SenderReport { ssrc: 1, ntp, rtp: 90_000, packet_count: 10, octet_count: 1_000, mut reports }, sdes] =
        read(&out)[..]
    else {
        panic!()
    };
    assert_eq!((ntp, reports.next()), (0x1122_3344_5566_7788, None));
    let Packet::Sdes { cnames } = sdes else { panic!() };
    assert_eq!(cnames.collect::<Vec<_>>(), [(1, &b"somebody"[..])]);
}

#[test]
fn every_length_of_cname_ends_on_a_word_with_a_zero_before_it() {
    for len in 0..=300 {
        let mut out = Vec::new();
        write_sdes_cname(&mut out, 9, &"x".repeat(len));
        assert_eq!((out.len() % 4, out.last()), (0, Some(&0)));
        let Packet::Sdes { mut cnames } = read(&out)[0] else { panic!() };
        assert_eq!(cnames.next().unwrap().1.len(), len.min(255));
    }
}

#[test]
fn receiver_reports_keep_the_sign_of_the_loss() {
    let mut out = Vec::new();
    write_rr(&mut out, 5, &[a_block(), ReportBlock { cumulative_lost: i32::MAX, ..a_block() }]);
    let Packet::ReceiverReport { ssrc: 5, reports } = read(&out)[0] else { panic!() };
    let expected = [a_block(), ReportBlock { cumulative_lost: 0x7f_ffff, ..a_block() }];
    assert_eq!(reports.collect::<Vec<_>>(), expected);
}

#[test]
fn no_report_holds_more_than_31_blocks() {
    let mut out = Vec::new();
    write_rr(&mut out, 5, &[a_block(); 40]);
    let Packet::ReceiverReport { reports, .. } = read(&out)[0] else { panic!() };
    assert_eq!(reports.count(), 31);
}

#[test]
fn lost_packets_are_packed_in_pairs_across_the_wrap() {
    let lost = [65_534, 65_535, 0, 14, 15, 100];
    let mut out = Vec::new();
    write_nack(&mut out, 1, 2, &lost);
    assert_eq!(out[12..], [0xFF, 0xFE, 0x80, 0x03, 0, 15, 0, 0, 0, 100, 0, 0]);
    let Packet::Nack { sender: 1, media: 2, lost: read_lost } = read(&out)[0] else { panic!() };
    assert_eq!(read_lost.collect::<Vec<_>>(), lost);
}

#[test]
fn asking_for_nothing_writes_nothing() {
    let mut out = Vec::new();
    write_nack(&mut out, 1, 2, &[]);
    assert!(out.is_empty());
}

#[test]
fn requests_for_pictures_are_read() {
    let mut out = Vec::new();
    write_pli(&mut out, 1, 2);
    out.extend([0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 3, 0, 0, 0]);
    let [Packet::Pli { sender: 1, media: 2 }, Packet::Fir { sender: 1, entries }] = read(&out)[..] else { panic!() };
    assert_eq!(entries.collect::<Vec<_>>(), [(9, 3)]);
}

#[test]
fn remb_has_a_mantissa_and_an_exponent() {
    let bytes = [0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0x0A, 0x00, 0x03, 0, 0, 0, 7];
    let Packet::Remb { sender: 1, bitrate_bps, ssrcs } = read(&bytes)[0] else { panic!() };
    assert_eq!((bitrate_bps, ssrcs.collect::<Vec<_>>()), ((0x2_0003) << 2, vec![7]));
    let mut bytes = bytes;
    bytes[17..20].fill(0xFF);
    assert!(matches!(read(&bytes)[0], Packet::Remb { bitrate_bps: u64::MAX, .. }));
}

#[test]
fn bye_names_its_ssrcs_and_may_give_a_reason() {
    let Packet::Bye { ssrcs } = read(&[0x81, 203, 0, 2, 0, 0, 0, 7, 3, b'e', b'n', b'd'])[0] else { panic!() };
    assert_eq!(ssrcs.collect::<Vec<_>>(), [7]);
}

#[test]
fn transport_feedback_is_handed_on_and_its_padding_taken_off() {
    let bytes = [0xAF, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9, 9, 9, 9, 0, 0, 3];
    assert_eq!(read(&bytes), [Packet::TransportCc { sender: 1, media: 2, fci: &[9; 5] }]);
}

#[test]
fn unknown_types_and_formats_are_skipped() {
    let mut bytes = vec![0x80, 207, 0, 1, 0, 0, 0, 1, 0x9e, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    write_pli(&mut bytes, 1, 2);
    assert_eq!(
        read(&bytes),
        [
            Packet::Unknown { packet_type: 207, format: 0 },
            Packet::Unknown { packet_type: 206, format: 30 },
            Packet::Pli { sender: 1, media: 2 },
        ]
    );
}

#[test]
fn after_a_bad_body_reading_goes_on_and_after_a_bad_length_it_ends() {
    let mut bytes = vec![0x81, 201, 0, 1, 0, 0, 0, 1, 0xA0, 203, 0, 0];
    write_pli(&mut bytes, 1, 2);
    bytes.extend([0x80, 201, 0, 2, 0, 0, 0, 1]);
    let expected = [
        Err(RtcpError::Body),
        Err(RtcpError::Padding),
        Ok(Packet::Pli { sender: 1, media: 2 }),
        Err(RtcpError::Truncated),
    ];
    assert_eq!(packets(&bytes).collect::<Vec<_>>(), expected);
    assert_eq!(packets(&[0x40, 201, 0, 0]).collect::<Vec<_>>(), [Err(RtcpError::Version)]);
}

#[test]
fn a_description_that_runs_over_its_packet_ends_there() {
    let names = |body: &[u8]| {
        let mut bytes = vec![0x82, 202, 0, (body.len() / 4) as u8];
        bytes.extend(body);
        let Packet::Sdes { cnames } = read(&bytes)[0] else { panic!() };
        cnames.map(|(ssrc, cname)| (ssrc, cname.to_vec())).collect::<Vec<_>>()
    };
    assert_eq!(names(&[0, 0, 0, 1, 1, 200, b'x', 0]), []);
    // A chunk without a CNAME is passed over.
    let two = [0, 0, 0, 1, 2, 1, b'n', 0, 0, 0, 0, 2, 1, 1, b'c', 0];
    assert_eq!(names(&two), [(2, b"c".to_vec())]);
}
