#![no_main]
//! No bytes, and no header length, are authentic under keys that their maker does not know.

use std::sync::LazyLock;

use dataplane_core::srtp::{Profile, SrtpKeys};
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<[SrtpKeys; 2]> = LazyLock::new(|| {
    [Profile::AeadAes128Gcm, Profile::AesCm128HmacSha1_80].map(|profile| {
        let (key, salt) = (vec![7; profile.key_len()], vec![9; profile.salt_len()]);
        SrtpKeys::new(profile, &key, &salt).expect("the lengths are the profile's")
    })
});

fuzz_target!(|input: (u64, u16, &[u8])| {
    let (index, header_len, packet) = input;
    for keys in KEYS.iter() {
        assert!(keys.unprotect_rtp(&mut packet.to_vec(), header_len.into(), index).is_err());
        assert!(keys.unprotect_rtcp(&mut packet.to_vec()).is_err());
    }
});
