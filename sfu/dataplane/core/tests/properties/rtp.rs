use dataplane_core::rtp::{Header, classify, payload_end, write_fixed};
use proptest::prelude::*;

use crate::{damage, damaged, datagram};

fn stays_inside(packet: &[u8]) {
    let _ = classify(packet);
    if let Ok(header) = Header::parse(packet) {
        assert!((12..=packet.len()).contains(&header.len));
        if let Some(block) = header.extension {
            assert!(block.start <= block.end && block.end <= header.len);
        }
        if let Ok(end) = payload_end(packet, &header) {
            assert!((header.len..=packet.len()).contains(&end));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_give_offsets_inside_them(packet in datagram()) {
        stays_inside(&packet);
    }

    #[test]
    fn any_bytes_after_a_right_version_give_offsets_inside_them(mut packet in datagram(), first in 0x80_u8..0xC0) {
        if let Some(byte) = packet.first_mut() {
            *byte = first;
        }
        stays_inside(&packet);
    }

    #[test]
    fn a_written_header_is_read_again(
        marker: bool, payload_type in 0_u8..128, seq: u16, timestamp: u32, ssrc: u32,
        words in prop::option::of(0_usize..8), payload in datagram(), changes in damage(),
    ) {
        let mut packet = vec![0; 12];
        write_fixed(&mut packet, marker, payload_type, seq, timestamp, ssrc, words.is_some());
        if let Some(words) = words {
            packet.extend([0xBE, 0xDE, 0, words as u8]);
            packet.resize(packet.len() + 4 * words, 0);
        }
        let header_len = packet.len();
        packet.extend(&payload);

        let header = Header::parse(&packet).unwrap();
        prop_assert_eq!((header.marker, header.payload_type, header.seq), (marker, payload_type, seq));
        prop_assert_eq!((header.timestamp, header.ssrc, header.len), (timestamp, ssrc, header_len));
        prop_assert_eq!(header.extension.map(|block| block.range().len()), words.map(|words| 4 * words));
        prop_assert_eq!(payload_end(&packet, &header), Ok(packet.len()));
        stays_inside(&damaged(packet, &changes));
    }
}
