//! STUN binding requests and their answers, as ICE uses them (RFC 8489, RFC 8445 §7).

use std::fmt;
use std::net::SocketAddr;

pub type TransactionId = [u8; 12];

/// Comprehension-required attribute types that we do not know, for the 420 answer; more than eight are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnknownAttributes {
    types: [u16; 8],
    len: usize,
}

impl UnknownAttributes {
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.types[..self.len]
    }
}

/// Why bytes are not a binding request that ICE can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StunError {
    /// Not STUN: cookie, length or an attribute does not fit. Not to be answered.
    Malformed,
    /// STUN, but another method, or an indication or response. Not to be answered.
    NotBindingRequest,
    /// FINGERPRINT is there and wrong. Not to be answered.
    Fingerprint,
    /// USERNAME or MESSAGE-INTEGRITY is missing: 400 (RFC 8489 §9.1.3).
    MissingCredentials(TransactionId),
    /// 420 with these attribute types (RFC 8489 §6.3.1).
    UnknownAttributes(TransactionId, UnknownAttributes),
}

impl fmt::Display for StunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a STUN message",
            Self::NotBindingRequest => "not a STUN binding request",
            Self::Fingerprint => "STUN fingerprint is wrong",
            Self::MissingCredentials(_) => "STUN request lacks credentials",
            Self::UnknownAttributes(..) => "STUN request has unknown required attributes",
        })
    }
}

impl std::error::Error for StunError {}

/// A binding request of ICE; nothing in it may be believed before `verify_integrity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingRequest<'a> {
    pub transaction_id: TransactionId,
    /// `<our ufrag>:<their ufrag>`.
    pub username: &'a str,
    pub priority: Option<u32>,
    pub use_candidate: bool,
    /// The tie-breaker of ICE-CONTROLLING.
    pub controlling: Option<u64>,
    /// The tie-breaker of ICE-CONTROLLED.
    pub controlled: Option<u64>,
    /// Where MESSAGE-INTEGRITY begins.
    integrity_at: usize,
}

impl<'a> BindingRequest<'a> {
    /// Our ufrag and theirs (RFC 8445 §7.2.2).
    #[must_use]
    pub fn ufrags(&self) -> Option<(&'a str, &'a str)> {
        self.username.split_once(':')
    }
}

/// Reads a binding request. Errors that name a transaction are to be answered with their code.
pub fn parse_request(datagram: &[u8]) -> Result<BindingRequest<'_>, StunError> {
    let _ = datagram;
    todo!()
}

/// Whether MESSAGE-INTEGRITY was made with `key`, our ICE password (RFC 8489 §14.5); in constant time.
#[must_use]
pub fn verify_integrity(datagram: &[u8], request: &BindingRequest<'_>, key: &[u8]) -> bool {
    let _ = (datagram, request, key);
    todo!()
}

/// Replaces `out` by the success response: XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT.
///
/// An IPv4-mapped IPv6 address is told as IPv4, which is what the client sees itself as.
pub fn write_success(out: &mut Vec<u8>, transaction_id: &TransactionId, mapped: SocketAddr, key: &[u8]) {
    let _ = (out, transaction_id, mapped, key);
    todo!()
}

/// Replaces `out` by an error response; `key` where the request's credentials were found good (487).
pub fn write_error(out: &mut Vec<u8>, transaction_id: &TransactionId, code: ErrorCode, key: Option<&[u8]>) {
    let _ = (out, transaction_id, code, key);
    todo!()
}

/// Error responses that ICE uses (RFC 8489 §14.8, RFC 8445 §7.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    BadRequest,
    Unauthenticated,
    UnknownAttribute(UnknownAttributes),
    RoleConflict,
}
