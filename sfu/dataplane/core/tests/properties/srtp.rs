use dataplane_core::rtp::write_fixed;
use dataplane_core::srtp::{MAX_OVERHEAD, Profile, SrtpError, SrtpKeys};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::datagram;

fn keys() -> impl Strategy<Value = SrtpKeys> {
    let profiles = vec![Profile::AeadAes256Gcm, Profile::AeadAes128Gcm, Profile::AesCm128HmacSha1_80];
    (prop::sample::select(profiles), any::<[u8; 32]>(), any::<[u8; 14]>()).prop_map(|(profile, key, salt)| {
        SrtpKeys::new(profile, &key[..profile.key_len()], &salt[..profile.salt_len()]).unwrap()
    })
}

fn protected(keys: &SrtpKeys, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 12];
    write_fixed(&mut packet, true, 96, index as u16, 1, 2, false);
    packet.extend(payload);
    packet.resize(packet.len() + MAX_OVERHEAD, 0);
    let len = keys.protect_rtp(&mut packet, 12, payload.len(), index).unwrap();
    assert_eq!(len, 12 + payload.len() + keys.profile().rtp_overhead());
    packet.truncate(len);
    packet
}

proptest! {
    #[test]
    fn rtp_comes_back_as_it_was(keys in keys(), payload in datagram(), index in 0_u64..1 << 48) {
        let mut packet = protected(&keys, index, &payload);
        prop_assert_eq!(keys.unprotect_rtp(&mut packet, 12, index), Ok(payload.len()));
        prop_assert_eq!(&packet[12..12 + payload.len()], &payload[..]);
    }

    #[test]
    fn no_bit_of_an_rtp_packet_can_be_changed(
        keys in keys(), payload in datagram(), index in 0_u64..1 << 48, at: Index, bit in 0_u32..8,
    ) {
        let mut packet = protected(&keys, index, &payload);
        let at = at.index(packet.len());
        packet[at] ^= 1_u8 << bit;
        prop_assert_eq!(keys.unprotect_rtp(&mut packet, 12, index), Err(SrtpError::Authentication));
    }

    #[test]
    fn rtp_is_not_opened_under_another_roll_over_count(keys in keys(), payload in datagram(), index in 0_u64..1 << 47) {
        let mut packet = protected(&keys, index, &payload);
        prop_assert_eq!(keys.unprotect_rtp(&mut packet, 12, index + 0x1_0000), Err(SrtpError::Authentication));
    }

    #[test]
    fn rtcp_comes_back_as_it_was_and_no_bit_can_be_changed(
        keys in keys(), body in datagram(), index in 0_u32..1 << 31, at: Index, bit in 0_u32..8,
    ) {
        let plain = [&[0x80, 200, 0, 1, 0, 0, 0, 7][..], &body].concat();
        let mut packet = plain.clone();
        keys.protect_rtcp(&mut packet, index).unwrap();
        prop_assert_eq!(packet.len(), plain.len() + keys.profile().rtcp_overhead());

        let mut opened = packet.clone();
        prop_assert_eq!(keys.unprotect_rtcp(&mut opened), Ok((plain.len(), index)));
        prop_assert_eq!(&opened[..plain.len()], &plain[..]);

        let at = at.index(packet.len());
        packet[at] ^= 1_u8 << bit;
        prop_assert!(keys.unprotect_rtcp(&mut packet).is_err());
    }

    #[test]
    fn any_bytes_are_refused(keys in keys(), mut packet in datagram(), header_len in 0_usize..1600, index: u64) {
        prop_assert!(keys.unprotect_rtcp(&mut packet.clone()).is_err());
        prop_assert!(keys.unprotect_rtp(&mut packet, header_len, index).is_err());
    }
}
