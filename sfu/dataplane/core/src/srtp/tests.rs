//! Against the vectors of RFC 3711 appendix B and RFC 7714 §16, and packets made with libsrtp 2.

use super::*;

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const LEN: usize>(digits: &str) -> [u8; LEN] {
    hex(digits).try_into().unwrap()
}

#[test]
fn counter_mode_keystream_is_that_of_rfc_3711_b_2() {
    let key = ctr_key(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
    let mut keystream = [0; 48];
    apply_ctr(&key, array("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"), &mut keystream).unwrap();
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(keystream[..], hex(expected));
}

#[test]
fn session_keys_are_those_of_rfc_3711_b_3() {
    let kdf =
        KeyDerivation::new(&hex("E1F97A0D3E018BE0D64FA32C06DE4139"), &hex("0EC675AD498AFEEBB6960B3AABE6")).unwrap();
    assert_eq!(kdf.derive::<16>(0).unwrap()[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(kdf.derive::<14>(2).unwrap()[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(kdf.derive::<20>(1).unwrap()[..], hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

#[test]
fn gcm_nonce_and_ciphertext_are_those_of_rfc_7714_16_1_1() {
    let keys = GcmKeys {
        key: gcm_key(&aead::AES_128_GCM, &hex("000102030405060708090a0b0c0d0e0f")).unwrap(),
        salt: array("517569642070726f2071756f"),
    };
    let header = hex("8040f17b 8041f8d3 5501a0b2");
    let id = PacketId::of_rtp(&header, 12, 0xf17b).unwrap();
    assert_eq!(keys.nonce(&id).as_ref()[..], hex("51753c6580c2726f20718414"));
    let mut body = *b"Gallia est omnis divisa in partes tres";
    let tag = keys.seal(&id, &header, &mut body).unwrap();
    let expected = "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833";
    assert_eq!(body[..], hex(expected));
    assert_eq!(tag.as_ref(), hex("899d7f27beb16a9152cf765ee4390cce"));
}

/// Packets that libsrtp made of the ones below, with master key 01 02 03 … and salt a0 a1 a2 ….
struct Vector {
    profile: Profile,
    roc_0: &'static str,
    roc_1: &'static str,
    rtcp_2: &'static str,
}

const LIBSRTP: [Vector; 3] = [
    Vector {
        profile: Profile::AeadAes128Gcm,
        roc_0: "90607fffdecafbadcafebabebede000110aa0000ee82e06482f66dbc71c7b6325e839119ccc470bc55e3c8db4e025f4e18826b6e\
                063ff0edfd4a8a22",
        roc_1: "90600001decafbadcafebabebede000110aa0000b0808adf432d4d647255f8a05d4ee444d17a6ad74239311475b91daa61cd9b5d\
                1a7b61a4301e48ab",
        rtcp_2: "81c80006cafebabefc2e7f0bf2bba3e55469e7521317239c722ee4e0111046f78e244843896631da2cbfb33680000002",
    },
    Vector {
        profile: Profile::AeadAes256Gcm,
        roc_0: "90607fffdecafbadcafebabebede000110aa0000dfd407d12181a8dff1762c21d3bfcfd6e7fc55f0cef8c16265a8eedcb576e277\
                5829eef07935ec1b",
        roc_1: "90600001decafbadcafebabebede000110aa000028ca519eb34256295bb7f69f5d2bfb8236fff2faae9c65a36f8fe952e53d4f37\
                31a535a02ce21335",
        rtcp_2: "81c80006cafebabeeee1d240e57aa014e2baa56faec19e131e907e90cc53bfddc1d5b3009f1e300154b1335a80000002",
    },
    Vector {
        profile: Profile::AesCm128HmacSha1_80,
        roc_0: "90607fffdecafbadcafebabebede000110aa00006a14d4a0243cac71717ded1ea4773200f530e1e869f7ada499268db79113f692\
                04cc",
        roc_1: "90600001decafbadcafebabebede000110aa0000083df58e05223837d064ccf3b8e3fcf52e60f7a1fd10fab4bc9ada417253f8d6\
                223c",
        rtcp_2: "81c80006cafebabee995459adaaf5b12f37f9c666f079cc37c30b82780000002a145720b97c164eaca09",
    },
];

const HEADER_LEN: usize = 20;

fn keys(profile: Profile) -> SrtpKeys {
    let key: Vec<u8> = (1..).take(profile.key_len()).collect();
    let salt: Vec<u8> = (0xA0..).take(profile.salt_len()).collect();
    SrtpKeys::new(profile, &key, &salt).unwrap()
}

fn plain_rtp(seq: u16) -> Vec<u8> {
    let mut packet = hex("9060");
    packet.extend(seq.to_be_bytes());
    packet.extend(hex("DECAFBAD CAFEBABE BEDE0001 10AA0000"));
    packet.extend(b"a payload of some length");
    packet
}

fn plain_rtcp() -> Vec<u8> {
    let mut packet = hex("81c80006cafebabe");
    packet.extend(0..20);
    packet
}

#[test]
fn rtp_packets_are_those_of_libsrtp_in_both_directions() {
    for vector in &LIBSRTP {
        let keys = keys(vector.profile);
        for (index, expected) in [(0x7FFF, vector.roc_0), (0x1_0001, vector.roc_1)] {
            let expected = hex(expected);
            let mut packet = plain_rtp(index as u16);
            let payload_len = packet.len() - HEADER_LEN;
            packet.resize(packet.len() + MAX_OVERHEAD, 0);
            let len = keys.protect_rtp(&mut packet, HEADER_LEN, payload_len, index).unwrap();
            assert_eq!(packet[..len], expected, "{:?}", vector.profile);

            let mut packet = expected;
            assert_eq!(keys.unprotect_rtp(&mut packet, HEADER_LEN, index), Ok(payload_len));
            assert_eq!(packet[..HEADER_LEN + payload_len], plain_rtp(index as u16));
        }
    }
}

#[test]
fn rtcp_packets_are_those_of_libsrtp_in_both_directions() {
    for vector in &LIBSRTP {
        let keys = keys(vector.profile);
        let mut packet = plain_rtcp();
        keys.protect_rtcp(&mut packet, 2).unwrap();
        assert_eq!(packet, hex(vector.rtcp_2), "{:?}", vector.profile);
        assert_eq!(packet.len(), plain_rtcp().len() + vector.profile.rtcp_overhead());

        let (len, index) = keys.unprotect_rtcp(&mut packet).unwrap();
        assert_eq!((&packet[..len], index), (&plain_rtcp()[..], 2));
    }
}

#[test]
fn another_roll_over_count_is_not_authentic() {
    for vector in &LIBSRTP {
        let mut packet = hex(vector.roc_1);
        assert_eq!(keys(vector.profile).unprotect_rtp(&mut packet, HEADER_LEN, 1), Err(SrtpError::Authentication));
    }
}

#[test]
fn rtcp_that_says_it_is_not_encrypted_is_refused() {
    for vector in &LIBSRTP {
        let mut packet = hex(vector.rtcp_2);
        let word = if vector.profile == Profile::AesCm128HmacSha1_80 { packet.len() - 14 } else { packet.len() - 4 };
        packet[word] &= 0x7F;
        assert_eq!(keys(vector.profile).unprotect_rtcp(&mut packet), Err(SrtpError::NotEncrypted));
    }
}

#[test]
fn used_up_indices_and_missing_room_are_refused() {
    for vector in &LIBSRTP {
        let keys = keys(vector.profile);
        let mut packet = plain_rtp(0);
        let payload_len = packet.len() - HEADER_LEN;
        assert_eq!(keys.protect_rtp(&mut packet, HEADER_LEN, payload_len, 0), Err(SrtpError::NoRoom));
        assert_eq!(keys.protect_rtp(&mut packet, HEADER_LEN, usize::MAX, 0), Err(SrtpError::NoRoom));
        assert_eq!(keys.protect_rtp(&mut packet, HEADER_LEN, 0, 1 << 48), Err(SrtpError::Exhausted));
        assert_eq!(keys.protect_rtcp(&mut plain_rtcp(), 1 << 31), Err(SrtpError::Exhausted));
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    assert_eq!(SrtpKeys::new(Profile::AeadAes128Gcm, &[0; 32], &[0; 12]).unwrap_err(), SrtpError::KeyLength);
    assert_eq!(SrtpKeys::new(Profile::AeadAes128Gcm, &[0; 16], &[0; 14]).unwrap_err(), SrtpError::KeyLength);
}

#[test]
fn keys_serve_several_threads_and_do_not_show_themselves() {
    const fn shared<T: Send + Sync>() {}
    const { shared::<SrtpKeys>() };
    assert_eq!(format!("{:?}", keys(Profile::AeadAes128Gcm)), "SrtpKeys { profile: AeadAes128Gcm, .. }");
}

#[test]
fn profiles_have_their_iana_names() {
    assert_eq!(Profile::from_name("AEAD_AES_256_GCM"), Some(Profile::AeadAes256Gcm));
    assert_eq!(Profile::from_name("SRTP_AEAD_AES_128_GCM"), Some(Profile::AeadAes128Gcm));
    assert_eq!(Profile::from_name("AES_CM_128_HMAC_SHA1_80"), Some(Profile::AesCm128HmacSha1_80));
    assert_eq!(Profile::from_name("NULL_HMAC_SHA1_80"), None);
}
