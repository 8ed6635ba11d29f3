//! SRTP and SRTCP of one direction (RFC 3711; AES-GCM by RFC 7714).
//!
//! Holds keys only: packet indices come from the caller, who keeps one `replay::ReceiveIndex` per received SSRC and one
//! counter per sent SSRC. No allocation per RTP packet; `&self` everywhere, so one value serves several threads.

use std::fmt;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

mod derivation;

use derivation::{KeyDerivation, Label, apply_ctr, ctr_key, xor};

/// What a protected packet may at most grow by.
pub const MAX_OVERHEAD: usize = 20;

/// Protection profiles (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    AeadAes256Gcm,
    AeadAes128Gcm,
    AesCm128HmacSha1_80,
}

impl Profile {
    /// By the IANA name, with or without the `SRTP_` in front.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name.strip_prefix("SRTP_").unwrap_or(name) {
            "AEAD_AES_256_GCM" => Some(Self::AeadAes256Gcm),
            "AEAD_AES_128_GCM" => Some(Self::AeadAes128Gcm),
            "AES_CM_128_HMAC_SHA1_80" | "AES128_CM_HMAC_SHA1_80" | "AES128_CM_SHA1_80" => {
                Some(Self::AesCm128HmacSha1_80)
            }
            _ => None,
        }
    }

    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1_80 => 16,
        }
    }

    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 12,
            Self::AesCm128HmacSha1_80 => 14,
        }
    }

    /// By how many bytes an SRTP packet is longer than its RTP packet.
    #[must_use]
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::AesCm128HmacSha1_80 => 10,
        }
    }

    /// By how many bytes an SRTCP packet is longer than its RTCP packet: tag and index.
    #[must_use]
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }
}

/// Why a packet cannot be protected or unprotected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpError {
    /// The master key or salt does not have the profile's length.
    KeyLength,
    /// Too short to be such a packet.
    Truncated,
    /// The tag does not fit: forged, damaged, or another key or roll-over count.
    Authentication,
    /// SRTCP whose E bit says that it is not encrypted; WebRTC never sends that.
    NotEncrypted,
    /// No room behind the payload for the tag.
    NoRoom,
    /// The 48-bit (31-bit) packet index is used up: new keys are needed (RFC 3711 §9.2).
    Exhausted,
}

impl fmt::Display for SrtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyLength => "SRTP key or salt has the wrong length",
            Self::Truncated => "SRTP packet is too short",
            Self::Authentication => "SRTP packet is not authentic",
            Self::NotEncrypted => "SRTCP packet is not encrypted",
            Self::NoRoom => "no room for the SRTP tag",
            Self::Exhausted => "SRTP index is used up",
        })
    }
}

impl std::error::Error for SrtpError {}

/// The session keys of one direction.
pub struct SrtpKeys {
    profile: Profile,
    rtp: SessionKeys,
    rtcp: SessionKeys,
}

impl fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl SrtpKeys {
    /// Derives the session keys (RFC 3711 §4.3, key derivation rate 0) and expands them once.
    pub fn new(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Result<Self, SrtpError> {
        if master_key.len() != profile.key_len() || master_salt.len() != profile.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        let kdf = KeyDerivation::new(master_key, master_salt)?;
        Ok(Self {
            profile,
            rtp: SessionKeys::derive(profile, &kdf, Label::RTP)?,
            rtcp: SessionKeys::derive(profile, &kdf, Label::RTCP)?,
        })
    }

    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Encrypts an RTP packet in place and returns its new length.
    ///
    /// `packet` holds header and payload and, behind them, room for `Profile::rtp_overhead` bytes. The roll-over count
    /// is `index >> 16`; sequence number and SSRC are read from the header.
    pub fn protect_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        payload_len: usize,
        index: u64,
    ) -> Result<usize, SrtpError> {
        let id = PacketId::of_rtp(packet, header_len, index)?;
        let plain_len = header_len.saturating_add(payload_len);
        let total = plain_len.saturating_add(self.profile.rtp_overhead());
        let (plain, tag_out) = packet.get_mut(..total).ok_or(SrtpError::NoRoom)?.split_at_mut(plain_len);
        let (header, payload) = plain.split_at_mut(header_len);
        match &self.rtp {
            SessionKeys::Gcm(keys) => tag_out.copy_from_slice(keys.seal(&id, header, payload)?.as_ref()),
            SessionKeys::Cm(keys) => {
                keys.apply_keystream(&id, payload)?;
                tag_out.copy_from_slice(&keys.tag([plain, &id.roc()]));
            }
        }
        Ok(total)
    }

    /// Authenticates and decrypts an SRTP packet in place and returns the length of its payload, padding included.
    ///
    /// After an error the payload's bytes are unspecified.
    pub fn unprotect_rtp(&self, packet: &mut [u8], header_len: usize, index: u64) -> Result<usize, SrtpError> {
        let id = PacketId::of_rtp(packet, header_len, index)?;
        let (plain, tag) = packet
            .split_at_mut_checked(packet.len().saturating_sub(self.profile.rtp_overhead()))
            .filter(|(plain, _)| plain.len() >= header_len)
            .ok_or(SrtpError::Truncated)?;
        match &self.rtp {
            SessionKeys::Gcm(keys) => {
                let (header, payload) = plain.split_at_mut(header_len);
                keys.open(&id, header, payload, tag)?;
            }
            SessionKeys::Cm(keys) => {
                keys.verify([plain, &id.roc()], tag)?;
                keys.apply_keystream(&id, &mut plain[header_len..])?;
            }
        }
        Ok(plain.len() - header_len)
    }

    /// Encrypts a compound RTCP packet in place; `index` counts up by one for each packet of this direction.
    pub fn protect_rtcp(&self, packet: &mut Vec<u8>, index: u32) -> Result<(), SrtpError> {
        let id = PacketId::of_rtcp(packet, index)?;
        let trailer = (E_BIT | index).to_be_bytes();
        match &self.rtcp {
            SessionKeys::Gcm(keys) => {
                let (header, body) = packet.split_at_mut(RTCP_HEADER_LEN);
                let tag = keys.seal(&id, &rtcp_aad(header, trailer), body)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&trailer);
            }
            SessionKeys::Cm(keys) => {
                keys.apply_keystream(&id, &mut packet[RTCP_HEADER_LEN..])?;
                packet.extend_from_slice(&trailer);
                let tag = keys.tag([packet, &[]]);
                packet.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Authenticates and decrypts an SRTCP packet in place; returns the plain length and the packet's index.
    pub fn unprotect_rtcp(&self, packet: &mut [u8]) -> Result<(usize, u32), SrtpError> {
        let tag_len = self.profile.rtp_overhead();
        let plain_len = packet.len().checked_sub(tag_len + 4).ok_or(SrtpError::Truncated)?;
        if plain_len < RTCP_HEADER_LEN {
            return Err(SrtpError::Truncated);
        }
        // The index comes before the tag in RFC 3711 §3.4, and after it in RFC 7714 §9.2.
        let (plain, rest) = packet.split_at_mut(plain_len);
        let (tag, trailer) = match &self.rtcp {
            SessionKeys::Gcm(_) => rest.split_at(tag_len),
            SessionKeys::Cm(_) => {
                let (trailer, tag) = rest.split_at(4);
                (tag, trailer)
            }
        };
        let trailer = *trailer.first_chunk::<4>().ok_or(SrtpError::Truncated)?;
        let word = u32::from_be_bytes(trailer);
        if word & E_BIT == 0 {
            return Err(SrtpError::NotEncrypted);
        }
        let index = word & !E_BIT;
        let id = PacketId::of_rtcp(plain, index)?;
        match &self.rtcp {
            SessionKeys::Gcm(keys) => {
                let (header, body) = plain.split_at_mut(RTCP_HEADER_LEN);
                keys.open(&id, &rtcp_aad(header, trailer), body, tag)?;
            }
            SessionKeys::Cm(keys) => {
                keys.verify([plain, &trailer], tag)?;
                keys.apply_keystream(&id, &mut plain[RTCP_HEADER_LEN..])?;
            }
        }
        Ok((plain_len, index))
    }
}

/// The header and SSRC in front of every RTCP compound, which stay clear.
const RTCP_HEADER_LEN: usize = 8;
const E_BIT: u32 = 1 << 31;

/// What RFC 7714 §9.3 authenticates besides the ciphertext: the clear header and the word of E bit and index.
fn rtcp_aad(header: &[u8], trailer: [u8; 4]) -> [u8; RTCP_HEADER_LEN + 4] {
    let mut aad = [0; RTCP_HEADER_LEN + 4];
    aad[..RTCP_HEADER_LEN].copy_from_slice(header);
    aad[RTCP_HEADER_LEN..].copy_from_slice(&trailer);
    aad
}

/// What makes a packet's initialisation vector its own: the SSRC and the 48-bit index.
struct PacketId {
    ssrc: [u8; 4],
    index: [u8; 6],
}

impl PacketId {
    fn of_rtp(packet: &[u8], header_len: usize, index: u64) -> Result<Self, SrtpError> {
        let [_, _, s0, s1, _, _, _, _, ssrc @ ..] = *packet
            .first_chunk::<12>()
            .filter(|_| (12..=packet.len()).contains(&header_len))
            .ok_or(SrtpError::Truncated)?;
        match index.to_be_bytes() {
            [0, 0, r0, r1, r2, r3, _, _] => Ok(Self { ssrc, index: [r0, r1, r2, r3, s0, s1] }),
            _ => Err(SrtpError::Exhausted),
        }
    }

    fn of_rtcp(packet: &[u8], index: u32) -> Result<Self, SrtpError> {
        let [_, _, _, _, ssrc @ ..] = *packet.first_chunk::<8>().ok_or(SrtpError::Truncated)?;
        if index >= E_BIT {
            return Err(SrtpError::Exhausted);
        }
        let [i0, i1, i2, i3] = index.to_be_bytes();
        Ok(Self { ssrc, index: [0, 0, i0, i1, i2, i3] })
    }

    fn roc(&self) -> [u8; 4] {
        let [r0, r1, r2, r3, ..] = self.index;
        [r0, r1, r2, r3]
    }
}

enum SessionKeys {
    Gcm(GcmKeys),
    /// Boxed: it is far larger, and seldom used.
    Cm(Box<CmKeys>),
}

impl SessionKeys {
    fn derive(profile: Profile, kdf: &KeyDerivation, labels: Label) -> Result<Self, SrtpError> {
        match profile {
            Profile::AeadAes256Gcm => Ok(Self::Gcm(GcmKeys {
                key: gcm_key(&aead::AES_256_GCM, &kdf.derive::<32>(labels.cipher)?)?,
                salt: kdf.derive(labels.salt)?,
            })),
            Profile::AeadAes128Gcm => Ok(Self::Gcm(GcmKeys {
                key: gcm_key(&aead::AES_128_GCM, &kdf.derive::<16>(labels.cipher)?)?,
                salt: kdf.derive(labels.salt)?,
            })),
            Profile::AesCm128HmacSha1_80 => Ok(Self::Cm(Box::new(CmKeys {
                cipher: ctr_key(&kdf.derive::<16>(labels.cipher)?)?,
                auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &kdf.derive::<20>(labels.auth)?),
                salt: kdf.derive(labels.salt)?,
            }))),
        }
    }
}

/// AES-GCM session keys (RFC 7714).
struct GcmKeys {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl GcmKeys {
    /// RFC 7714 §8.1 and §9.1: for SRTCP the upper half of the 48-bit index is zero.
    fn nonce(&self, id: &PacketId) -> Nonce {
        let mut nonce = [0; 12];
        nonce[2..6].copy_from_slice(&id.ssrc);
        nonce[6..].copy_from_slice(&id.index);
        xor(&mut nonce, &self.salt);
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&self, id: &PacketId, aad: &[u8], body: &mut [u8]) -> Result<aead::Tag, SrtpError> {
        self.key.seal_in_place_separate_tag(self.nonce(id), Aad::from(aad), body).map_err(|_| SrtpError::Exhausted)
    }

    fn open(&self, id: &PacketId, aad: &[u8], body: &mut [u8], tag: &[u8]) -> Result<(), SrtpError> {
        self.key
            .open_in_place_separate_tag(self.nonce(id), Aad::from(aad), tag, body)
            .map(|_| ())
            .map_err(|_| SrtpError::Authentication)
    }
}

/// AES counter mode and HMAC-SHA1 session keys (RFC 3711 §4.1.1, §4.2.1).
struct CmKeys {
    cipher: EncryptingKey,
    auth: hmac::Key,
    salt: [u8; 14],
}

const SHA1_80_LEN: usize = 10;

impl CmKeys {
    /// Encrypts or decrypts, which is the same in counter mode.
    fn apply_keystream(&self, id: &PacketId, body: &mut [u8]) -> Result<(), SrtpError> {
        let mut iv = [0; 16];
        iv[4..8].copy_from_slice(&id.ssrc);
        iv[8..14].copy_from_slice(&id.index);
        xor(&mut iv, &self.salt);
        apply_ctr(&self.cipher, iv, body)
    }

    fn tag(&self, parts: [&[u8]; 2]) -> [u8; SHA1_80_LEN] {
        let mut context = hmac::Context::with_key(&self.auth);
        parts.into_iter().for_each(|part| context.update(part));
        let mut tag = [0; SHA1_80_LEN];
        tag.copy_from_slice(&context.sign().as_ref()[..SHA1_80_LEN]);
        tag
    }

    fn verify(&self, parts: [&[u8]; 2], tag: &[u8]) -> Result<(), SrtpError> {
        verify_slices_are_equal(&self.tag(parts), tag).map_err(|_| SrtpError::Authentication)
    }
}

fn gcm_key(algorithm: &'static aead::Algorithm, key: &[u8]) -> Result<LessSafeKey, SrtpError> {
    UnboundKey::new(algorithm, key).map(LessSafeKey::new).map_err(|_| SrtpError::KeyLength)
}

#[cfg(test)]
mod tests;
