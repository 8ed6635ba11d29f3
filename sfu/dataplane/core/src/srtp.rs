//! SRTP and SRTCP of one direction (RFC 3711; AES-GCM by RFC 7714).
//!
//! Holds keys only: packet indices come from the caller, who keeps one `replay::ReceiveIndex` per received SSRC and one
//! counter per sent SSRC. No allocation per RTP packet; `&self` everywhere, so one value serves several threads.

use std::fmt;

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
}

impl fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl SrtpKeys {
    /// Derives the session keys (RFC 3711 §4.3, key derivation rate 0) and expands them once.
    pub fn new(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Result<Self, SrtpError> {
        let _ = (profile, master_key, master_salt);
        todo!()
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
        let _ = (packet, header_len, payload_len, index);
        todo!()
    }

    /// Authenticates and decrypts an SRTP packet in place and returns the length of its payload, padding included.
    ///
    /// After an error the payload's bytes are unspecified.
    pub fn unprotect_rtp(&self, packet: &mut [u8], header_len: usize, index: u64) -> Result<usize, SrtpError> {
        let _ = (packet, header_len, index);
        todo!()
    }

    /// Encrypts a compound RTCP packet in place; `index` counts up by one for each packet of this direction.
    pub fn protect_rtcp(&self, packet: &mut Vec<u8>, index: u32) -> Result<(), SrtpError> {
        let _ = (packet, index);
        todo!()
    }

    /// Authenticates and decrypts an SRTCP packet in place; returns the plain length and the packet's index.
    pub fn unprotect_rtcp(&self, packet: &mut [u8]) -> Result<(usize, u32), SrtpError> {
        let _ = packet;
        todo!()
    }
}
