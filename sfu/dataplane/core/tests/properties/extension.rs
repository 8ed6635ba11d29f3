use dataplane_core::extension::{Writer, audio_level, elements, transport_seq};
use proptest::prelude::*;

use crate::datagram;

proptest! {
    #[test]
    fn any_block_is_read_to_its_end(block in datagram(), two_byte: bool) {
        let profile = if two_byte { 0x1000 } else { 0xBEDE };
        let read: usize = elements(&block, profile).map(|(_, value)| 1 + value.len()).sum();
        prop_assert!(read <= block.len());
        for (id, value) in elements(&block, profile) {
            prop_assert!(id != 0);
            let _ = (audio_level(value), transport_seq(value));
        }
    }

    #[test]
    fn written_elements_are_read_again(
        wanted in prop::collection::vec((1_u8..=255, prop::collection::vec(any::<u8>(), 0..24)), 0..8),
        small_ids: bool,
        room in 0_usize..128,
    ) {
        let wanted: Vec<_> =
            wanted.into_iter().map(|(id, value)| (if small_ids { id % 14 + 1 } else { id }, value)).collect();
        let mut out = vec![0xEE; room];
        let mut writer = Writer::new(&mut out);
        let mut written = Vec::new();
        for (id, value) in &wanted {
            if writer.push(*id, value).is_ok() {
                written.push((*id, value.as_slice()));
            }
        }
        let len = writer.finish();
        prop_assert!(len <= room && len.is_multiple_of(4));
        prop_assert!(out[len..].iter().all(|&byte| byte == 0xEE));
        if len == 0 {
            prop_assert!(written.is_empty());
            return Ok(());
        }
        let profile = u16::from_be_bytes([out[0], out[1]]);
        prop_assert_eq!(usize::from(u16::from_be_bytes([out[2], out[3]])) * 4 + 4, len);
        let needs_two_bytes = written.iter().any(|(id, value)| *id > 14 || !matches!(value.len(), 1..=16));
        prop_assert_eq!(profile, if needs_two_bytes { 0x1000 } else { 0xBEDE });
        prop_assert_eq!(elements(&out[4..len], profile).collect::<Vec<_>>(), written);
    }
}
