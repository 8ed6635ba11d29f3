//! STUN binding requests and their answers, as ICE uses them (RFC 8489, RFC 8445 §7).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

const HEADER_LEN: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// Message types of the binding method (RFC 8489 §5).
mod message {
    pub const REQUEST: u16 = 0x0001;
    pub const SUCCESS: u16 = 0x0101;
    pub const ERROR: u16 = 0x0111;
}

/// Attribute types (RFC 8489 §18.3, RFC 8445 §16.1).
mod attribute {
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const PRIORITY: u16 = 0x0024;
    pub const USE_CANDIDATE: u16 = 0x0025;
    pub const FINGERPRINT: u16 = 0x8028;
    pub const ICE_CONTROLLED: u16 = 0x8029;
    pub const ICE_CONTROLLING: u16 = 0x802A;

    /// Whether RFC 8489 defines it, though it means nothing to ICE: such a one is skipped, not refused.
    pub fn is_defined(kind: u16) -> bool {
        matches!(kind, 0x0001 | 0x0006 | 0x0008..=0x000A | 0x0014 | 0x0015 | 0x001C..=0x001E | 0x0020 | 0x0024 | 0x0025)
    }
}

pub type TransactionId = [u8; 12];

/// Comprehension-required attribute types that we do not know, for the 420 answer; more than eight are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnknownAttributes {
    types: [u16; 8],
    len: usize,
}

impl UnknownAttributes {
    fn push(&mut self, kind: u16) {
        if let Some(place) = self.types.get_mut(self.len) {
            *place = kind;
            self.len += 1;
        }
    }

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

/// The attributes of a message as `(offset, type, value)`.
#[derive(Clone)]
struct Attributes<'a> {
    datagram: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(usize, u16, &'a [u8]), StunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.datagram.get(self.at..).filter(|rest| !rest.is_empty())?;
        let Some((&[t0, t1, l0, l1], body)) = rest.split_first_chunk() else {
            self.at = self.datagram.len();
            return Some(Err(StunError::Malformed));
        };
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let Some(value) = body.get(..len) else {
            self.at = self.datagram.len();
            return Some(Err(StunError::Malformed));
        };
        let offset = self.at;
        self.at += 4 + len.next_multiple_of(4);
        Some(Ok((offset, u16::from_be_bytes([t0, t1]), value)))
    }
}

/// Checks header and FINGERPRINT; returns message type, transaction and attributes up to the fingerprint.
fn parse_message(datagram: &[u8]) -> Result<(u16, TransactionId, Attributes<'_>), StunError> {
    let (header, body) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(StunError::Malformed)?;
    let [t0, t1, l0, l1, c0, c1, c2, c3, transaction_id @ ..] = *header;
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if t0 & 0xC0 != 0 || [c0, c1, c2, c3] != MAGIC_COOKIE || len != body.len() || len % 4 != 0 {
        return Err(StunError::Malformed);
    }
    let mut attributes = Attributes { datagram, at: HEADER_LEN };
    for attribute in attributes.clone() {
        let (offset, kind, value) = attribute?;
        if kind == attribute::FINGERPRINT {
            // §14.7: it is the last attribute.
            if value != fingerprint(&datagram[..offset]) || offset + 8 != datagram.len() {
                return Err(StunError::Fingerprint);
            }
            attributes.datagram = &datagram[..offset];
        }
    }
    Ok((u16::from_be_bytes([t0, t1]), transaction_id, attributes))
}

/// Reads a binding request. Errors that name a transaction are to be answered with their code.
pub fn parse_request(datagram: &[u8]) -> Result<BindingRequest<'_>, StunError> {
    let (kind, transaction_id, attributes) = parse_message(datagram)?;
    if kind != message::REQUEST {
        return Err(StunError::NotBindingRequest);
    }
    let mut username = None;
    let mut integrity_at = None;
    let mut unknown = UnknownAttributes::default();
    let (mut priority, mut controlling, mut controlled, mut use_candidate) = (None, None, None, false);
    for attribute in attributes {
        let (offset, kind, value) = attribute?;
        // Of attributes that come twice only the first counts (§14).
        match kind {
            attribute::USERNAME => {
                username = username.or(Some(std::str::from_utf8(value).map_err(|_| StunError::Malformed)?));
            }
            attribute::MESSAGE_INTEGRITY => {
                <&[u8; 20]>::try_from(value).map_err(|_| StunError::Malformed)?;
                integrity_at = Some(offset);
                break; // §14.5: nobody vouches for what comes behind it
            }
            attribute::PRIORITY => priority = priority.or(Some(u32::from_be_bytes(exactly(value)?))),
            attribute::USE_CANDIDATE => use_candidate = true,
            attribute::ICE_CONTROLLING => controlling = controlling.or(Some(u64::from_be_bytes(exactly(value)?))),
            attribute::ICE_CONTROLLED => controlled = controlled.or(Some(u64::from_be_bytes(exactly(value)?))),
            kind if kind >= 0x8000 || attribute::is_defined(kind) => {}
            kind => unknown.push(kind),
        }
    }
    let (Some(username), Some(integrity_at)) = (username, integrity_at) else {
        return Err(StunError::MissingCredentials(transaction_id));
    };
    if unknown.len > 0 {
        return Err(StunError::UnknownAttributes(transaction_id, unknown));
    }
    Ok(BindingRequest { transaction_id, username, priority, use_candidate, controlling, controlled, integrity_at })
}

fn exactly<const LEN: usize>(value: &[u8]) -> Result<[u8; LEN], StunError> {
    value.try_into().map_err(|_| StunError::Malformed)
}

/// Whether MESSAGE-INTEGRITY was made with `key`, our ICE password (RFC 8489 §14.5); in constant time.
#[must_use]
pub fn verify_integrity(datagram: &[u8], request: &BindingRequest<'_>, key: &[u8]) -> bool {
    integrity_holds(datagram, request.integrity_at, key)
}

/// `datagram` must be the one in which the attribute was found at `at`; any other is just refused.
fn integrity_holds(datagram: &[u8], at: usize, key: &[u8]) -> bool {
    match (datagram.get(..at), datagram.get(at + 4..at + 24)) {
        (Some(covered), Some(value)) if at >= HEADER_LEN => {
            verify_slices_are_equal(integrity(covered, key).as_ref(), value).is_ok()
        }
        _ => false,
    }
}

/// MESSAGE-INTEGRITY over what comes before it, with the length as if it were the last attribute (§14.5).
fn integrity(covered: &[u8], key: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
    context.update(&covered[..2]);
    context.update(&((covered.len() + 24 - HEADER_LEN) as u16).to_be_bytes());
    context.update(&covered[4..]);
    context.sign()
}

/// FINGERPRINT's value over what comes before it (§14.7); the length field counts the attribute already.
fn fingerprint(covered: &[u8]) -> [u8; 4] {
    (crc32fast::hash(covered) ^ 0x5354_554E).to_be_bytes()
}

/// Replaces `out` by the success response: XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT.
///
/// An IPv4-mapped IPv6 address is told as IPv4, which is what the client sees itself as.
pub fn write_success(out: &mut Vec<u8>, transaction_id: &TransactionId, mapped: SocketAddr, key: &[u8]) {
    begin(out, message::SUCCESS, transaction_id);
    let mut value = [0; 20];
    let len = match mapped.ip().to_canonical() {
        IpAddr::V4(ip) => {
            value[1] = 1;
            value[4..8].copy_from_slice(&ip.octets());
            8
        }
        IpAddr::V6(ip) => {
            value[1] = 2;
            value[4..].copy_from_slice(&ip.octets());
            20
        }
    };
    value[2..4].copy_from_slice(&mapped.port().to_be_bytes());
    xor_address(&mut value, transaction_id);
    push(out, attribute::XOR_MAPPED_ADDRESS, &value[..len]);
    finish(out, Some(key));
}

/// Hides or shows port and address of an XOR-MAPPED-ADDRESS value (§14.2).
fn xor_address(value: &mut [u8], transaction_id: &TransactionId) {
    value[2] ^= MAGIC_COOKIE[0];
    value[3] ^= MAGIC_COOKIE[1];
    let mask = MAGIC_COOKIE.iter().chain(transaction_id);
    value[4..].iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

/// Error responses that ICE uses (RFC 8489 §14.8, RFC 8445 §7.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// 400
    BadRequest,
    /// 401
    Unauthenticated,
    /// 420
    UnknownAttribute(UnknownAttributes),
    /// 487
    RoleConflict,
}

/// Replaces `out` by an error response; `key` where the request's credentials were found good (487).
pub fn write_error(out: &mut Vec<u8>, transaction_id: &TransactionId, code: ErrorCode, key: Option<&[u8]>) {
    let (class, number, reason) = match code {
        ErrorCode::BadRequest => (4, 0, "Bad Request"),
        ErrorCode::Unauthenticated => (4, 1, "Unauthenticated"),
        ErrorCode::UnknownAttribute(_) => (4, 20, "Unknown Attribute"),
        ErrorCode::RoleConflict => (4, 87, "Role Conflict"),
    };
    begin(out, message::ERROR, transaction_id);
    push_parts(out, attribute::ERROR_CODE, &[&[0, 0, class, number], reason.as_bytes()]);
    if let ErrorCode::UnknownAttribute(unknown) = code {
        let mut value = [0; 16];
        for (place, kind) in value.chunks_exact_mut(2).zip(unknown.as_slice()) {
            place.copy_from_slice(&kind.to_be_bytes());
        }
        push(out, attribute::UNKNOWN_ATTRIBUTES, &value[..2 * unknown.len]);
    }
    finish(out, key);
}

/// What a client's binding request says; for tests and the benchmark's client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub transaction_id: TransactionId,
    pub username: &'a str,
    pub priority: u32,
    pub use_candidate: bool,
    /// The tie-breaker, when controlling; a client always is towards a lite server.
    pub controlling: Option<u64>,
    pub controlled: Option<u64>,
}

/// Replaces `out` by a binding request with MESSAGE-INTEGRITY by `key`, the peer's password, and FINGERPRINT.
pub fn write_request(out: &mut Vec<u8>, request: &Request<'_>, key: &[u8]) {
    begin(out, message::REQUEST, &request.transaction_id);
    push(out, attribute::USERNAME, request.username.as_bytes());
    push(out, attribute::PRIORITY, &request.priority.to_be_bytes());
    if request.use_candidate {
        push(out, attribute::USE_CANDIDATE, &[]);
    }
    if let Some(tie_breaker) = request.controlling {
        push(out, attribute::ICE_CONTROLLING, &tie_breaker.to_be_bytes());
    }
    if let Some(tie_breaker) = request.controlled {
        push(out, attribute::ICE_CONTROLLED, &tie_breaker.to_be_bytes());
    }
    finish(out, Some(key));
}

/// A response to a binding request; for tests and the benchmark's client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    pub transaction_id: TransactionId,
    /// Where the server sees us, or its error code.
    pub outcome: Result<SocketAddr, u16>,
    /// Whether MESSAGE-INTEGRITY is there and made with the given key.
    pub authentic: bool,
}

/// Reads a success or error response of the binding method.
pub fn parse_response(datagram: &[u8], key: &[u8]) -> Result<Response, StunError> {
    let (kind, transaction_id, attributes) = parse_message(datagram)?;
    let (mut mapped, mut error, mut authentic) = (None, None, false);
    for attribute in attributes {
        match attribute? {
            (_, attribute::XOR_MAPPED_ADDRESS, value) => mapped = Some(read_address(value, &transaction_id)?),
            (_, attribute::ERROR_CODE, [_, _, class, number, ..]) => {
                error = Some(u16::from(class & 7) * 100 + u16::from(*number));
            }
            (offset, attribute::MESSAGE_INTEGRITY, _) => {
                authentic = integrity_holds(datagram, offset, key);
                break;
            }
            _ => {}
        }
    }
    let outcome = match kind {
        message::SUCCESS => Ok(mapped.ok_or(StunError::Malformed)?),
        message::ERROR => Err(error.ok_or(StunError::Malformed)?),
        _ => return Err(StunError::NotBindingRequest),
    };
    Ok(Response { transaction_id, outcome, authentic })
}

fn read_address(value: &[u8], transaction_id: &TransactionId) -> Result<SocketAddr, StunError> {
    let mut plain = [0; 20];
    plain.get_mut(..value.len()).filter(|_| value.len() >= 4).ok_or(StunError::Malformed)?.copy_from_slice(value);
    xor_address(&mut plain, transaction_id);
    let [_, family, p0, p1, address @ ..] = plain;
    let [a, b, c, d, ..] = address;
    let ip = match (family, value.len()) {
        (1, 8) => IpAddr::from([a, b, c, d]),
        (2, 20) => IpAddr::from(address),
        _ => return Err(StunError::Malformed),
    };
    Ok(SocketAddr::new(ip, u16::from_be_bytes([p0, p1])))
}

fn begin(out: &mut Vec<u8>, kind: u16, transaction_id: &TransactionId) {
    out.clear();
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&MAGIC_COOKIE);
    out.extend_from_slice(transaction_id);
}

fn push(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    push_parts(out, kind, &[value]);
}

fn push_parts(out: &mut Vec<u8>, kind: u16, parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(len as u16).to_be_bytes());
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Adds MESSAGE-INTEGRITY, if there is a key, and FINGERPRINT, and writes the length.
fn finish(out: &mut Vec<u8>, key: Option<&[u8]>) {
    if let Some(key) = key {
        let tag = integrity(out, key);
        push(out, attribute::MESSAGE_INTEGRITY, tag.as_ref());
    }
    let len = (out.len() + 8 - HEADER_LEN) as u16;
    out[2..4].copy_from_slice(&len.to_be_bytes());
    let value = fingerprint(out);
    push(out, attribute::FINGERPRINT, &value);
}

#[cfg(test)]
mod tests;
