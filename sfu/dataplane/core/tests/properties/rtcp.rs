use dataplane_core::rtcp::{Packet, ReportBlock, packets, write_nack, write_pli, write_rr, write_sdes_cname, write_sr};
use dataplane_core::twcc::Feedback;
use proptest::prelude::*;

use crate::{damage, damaged, datagram};

/// Reads everything that can be read; all of it is bounded by the datagram.
fn survives(compound: &[u8]) {
    for packet in packets(compound) {
        let read = match packet {
            Ok(Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. }) => reports.count(),
            Ok(Packet::Sdes { cnames }) => cnames.count(),
            Ok(Packet::Bye { ssrcs } | Packet::Remb { ssrcs, .. }) => ssrcs.count(),
            Ok(Packet::Nack { lost, .. }) => lost.count() / 17,
            Ok(Packet::Fir { entries, .. }) => entries.count(),
            Ok(Packet::TransportCc { fci, .. }) => {
                let _ = Feedback::parse(fci);
                0
            }
            Ok(Packet::Pli { .. } | Packet::Unknown { .. }) | Err(_) => 0,
        };
        assert!(4 * read <= compound.len());
    }
}

fn block() -> impl Strategy<Value = ReportBlock> {
    (any::<(u32, u8, u32, u32, u32, u32)>(), -0x80_0000..0x80_0000).prop_map(
        |((ssrc, fraction_lost, highest_seq, jitter, lsr, dlsr), cumulative_lost)| ReportBlock {
            ssrc,
            fraction_lost,
            cumulative_lost,
            highest_seq,
            jitter,
            lsr,
            dlsr,
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_survived(compound in datagram()) {
        survives(&compound);
    }

    #[test]
    fn any_body_behind_a_right_header_is_survived(first in 0x80_u8..0xC0, kind in 198_u8..210, mut body in datagram()) {
        body.truncate(body.len() / 4 * 4);
        let mut compound = vec![first, kind];
        compound.extend(((body.len() / 4) as u16).to_be_bytes());
        compound.extend(body);
        survives(&compound);
    }

    #[test]
    fn a_written_compound_is_read_again(
        ssrc: u32, media: u32, ntp: u64, rtp: u32, counts: (u32, u32), cname in "[a-z0-9]{0,80}",
        blocks in prop::collection::vec(block(), 0..31), changes in damage(),
    ) {
        let mut out = Vec::new();
        write_sr(&mut out, ssrc, ntp, rtp, counts.0, counts.1);
        write_rr(&mut out, ssrc, &blocks);
        write_sdes_cname(&mut out, ssrc, &cname);
        write_pli(&mut out, ssrc, media);
        let read: Vec<_> = packets(&out).collect::<Result<_, _>>().unwrap();
        let [Packet::SenderReport { ntp: read_ntp, rtp: read_rtp, packet_count, octet_count, .. },
            Packet::ReceiverReport { reports, .. }, Packet::Sdes { mut cnames }, pli] = read[..] else { panic!() };
        prop_assert_eq!((read_ntp, read_rtp, (packet_count, octet_count)), (ntp, rtp, counts));
        prop_assert_eq!(reports.collect::<Vec<_>>(), blocks);
        prop_assert_eq!(cnames.next(), Some((ssrc, cname.as_bytes())));
        prop_assert_eq!(pli, Packet::Pli { sender: ssrc, media });
        survives(&damaged(out, &changes));
    }

    #[test]
    fn lost_packets_are_read_again_in_order(start: u16, gaps in prop::collection::vec(1_u16..40, 0..200)) {
        let mut lost = vec![start];
        lost.extend(gaps.iter().scan(start, |seq, gap| {
            *seq = seq.wrapping_add(*gap);
            Some(*seq)
        }));
        let mut out = Vec::new();
        write_nack(&mut out, 1, 2, &lost);
        let Some(Ok(Packet::Nack { lost: read, .. })) = packets(&out).next() else { panic!() };
        prop_assert_eq!(read.collect::<Vec<_>>(), lost);
    }
}
