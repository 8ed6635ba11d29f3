//! From master to session keys (RFC 3711 §4.3), by AES in counter mode.

use aws_lc_rs::cipher::{self, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::SrtpError;

/// Key derivation labels (RFC 3711 §4.3.2).
#[derive(Clone, Copy)]
pub(super) struct Label {
    pub cipher: u8,
    pub auth: u8,
    pub salt: u8,
}

impl Label {
    pub const RTP: Self = Self { cipher: 0, auth: 1, salt: 2 };
    pub const RTCP: Self = Self { cipher: 3, auth: 4, salt: 5 };
}

/// The pseudo-random function of RFC 3711 §4.3.3: AES counter mode under the master key (RFC 6188 for 256 bits).
pub(super) struct KeyDerivation {
    cipher: EncryptingKey,
    /// A 96-bit salt of AES-GCM has zeros behind it (RFC 7714 §11).
    salt: [u8; 14],
}

impl KeyDerivation {
    pub fn new(master_key: &[u8], master_salt: &[u8]) -> Result<Self, SrtpError> {
        let mut salt = [0; 14];
        salt.get_mut(..master_salt.len()).ok_or(SrtpError::KeyLength)?.copy_from_slice(master_salt);
        Ok(Self { cipher: ctr_key(master_key)?, salt })
    }

    pub fn derive<const LEN: usize>(&self, label: u8) -> Result<[u8; LEN], SrtpError> {
        let mut iv = [0; 16];
        xor(&mut iv, &self.salt);
        iv[7] ^= label;
        let mut key = [0; LEN];
        apply_ctr(&self.cipher, iv, &mut key)?;
        Ok(key)
    }
}

pub(super) fn ctr_key(key: &[u8]) -> Result<EncryptingKey, SrtpError> {
    let algorithm = if key.len() == 32 { &cipher::AES_256 } else { &cipher::AES_128 };
    UnboundCipherKey::new(algorithm, key).and_then(EncryptingKey::ctr).map_err(|_| SrtpError::KeyLength)
}

/// Encrypts or decrypts, which is the same in counter mode.
pub(super) fn apply_ctr(key: &EncryptingKey, iv: [u8; 16], data: &mut [u8]) -> Result<(), SrtpError> {
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    // Fails only on a context that does not suit the cipher, and ours does.
    key.less_safe_encrypt(data, context).map(|_| ()).map_err(|_| SrtpError::KeyLength)
}

pub(super) fn xor(into: &mut [u8], with: &[u8]) {
    into.iter_mut().zip(with).for_each(|(byte, other)| *byte ^= other);
}
