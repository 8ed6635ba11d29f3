//! Against the sample messages of RFC 5769, and what ICE asks of a lite agent.

use super::*;

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION: TransactionId = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 5769 §2.1.
fn sample_request() -> Vec<u8> {
    hex("00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 \
         00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 \
         00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf")
}

fn a_request() -> Request<'static> {
    Request {
        transaction_id: TRANSACTION,
        username: "ours:theirs",
        priority: 0x6e00_01ff,
        use_candidate: true,
        controlling: Some(0x1122_3344_5566_7788),
        controlled: None,
    }
}

fn written(request: &Request<'_>) -> Vec<u8> {
    let mut out = vec![1, 2, 3];
    write_request(&mut out, request, PASSWORD);
    out
}

/// A request with these attributes, a right length, and neither integrity nor fingerprint unless given.
fn with_attributes(attributes: &str) -> Vec<u8> {
    let attributes = hex(attributes);
    let mut out = Vec::new();
    begin(&mut out, message::REQUEST, &TRANSACTION);
    out.extend(&attributes);
    out[3] = attributes.len() as u8;
    out
}

#[test]
fn the_sample_request_is_read_and_authentic() {
    let datagram = sample_request();
    let request = parse_request(&datagram).unwrap();
    assert_eq!(request.transaction_id, TRANSACTION);
    assert_eq!(request.ufrags(), Some(("evtj", "h6vY")));
    assert_eq!(request.priority, Some(0x6e00_01ff));
    assert_eq!(request.controlled, Some(0x932f_f9b1_5126_3b36));
    assert_eq!((request.controlling, request.use_candidate), (None, false));
    assert!(verify_integrity(&datagram, &request, PASSWORD));
    assert!(!verify_integrity(&datagram, &request, b"another password"));
}

#[test]
fn sample_responses_are_read_and_authentic() {
    let v4 = hex("0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 \
                  00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96");
    let v6 = hex("01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 \
                  00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9 \
                  00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c");
    for (datagram, address) in [(v4, "192.0.2.1:32853"), (v6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")] {
        let response = parse_response(&datagram, PASSWORD).unwrap();
        assert_eq!(response.outcome, Ok(address.parse().unwrap()));
        assert_eq!(response.transaction_id, TRANSACTION);
        assert!(response.authentic);
    }
}

#[test]
fn a_written_request_is_read_again() {
    let datagram = written(&a_request());
    let request = parse_request(&datagram).unwrap();
    assert_eq!(request.ufrags(), Some(("ours", "theirs")));
    assert_eq!((request.use_candidate, request.controlling), (true, Some(0x1122_3344_5566_7788)));
    assert!(verify_integrity(&datagram, &request, PASSWORD));
}

#[test]
fn an_ipv4_mapped_address_is_told_as_ipv4() {
    let mut out = Vec::new();
    write_success(&mut out, &TRANSACTION, "[::ffff:192.0.2.1]:5000".parse().unwrap(), PASSWORD);
    let response = parse_response(&out, PASSWORD).unwrap();
    assert_eq!(response.outcome, Ok("192.0.2.1:5000".parse().unwrap()));
    assert!(response.authentic);
    assert!(!parse_response(&out, b"another password").unwrap().authentic);
}

#[test]
fn errors_carry_their_code_and_integrity_only_with_a_key() {
    let mut out = Vec::new();
    let codes = [(ErrorCode::BadRequest, 400), (ErrorCode::Unauthenticated, 401), (ErrorCode::RoleConflict, 487)];
    for (code, number) in codes {
        write_error(&mut out, &TRANSACTION, code, Some(PASSWORD));
        assert_eq!(
            parse_response(&out, PASSWORD),
            Ok(Response { transaction_id: TRANSACTION, outcome: Err(number), authentic: true })
        );
        write_error(&mut out, &TRANSACTION, code, None);
        assert!(!parse_response(&out, PASSWORD).unwrap().authentic);
    }
}

#[test]
fn unknown_required_attributes_are_named_for_the_420() {
    let user = "00060003 613a6200";
    let integrity = format!("00080014 {}", "00".repeat(20));
    let datagram = with_attributes(&format!("{user} 7001 0000 c057 0004 00000000 7002 0001 00000000 {integrity}"));
    let Err(StunError::UnknownAttributes(transaction_id, unknown)) = parse_request(&datagram) else { panic!() };
    assert_eq!((transaction_id, unknown.as_slice()), (TRANSACTION, &[0x7001, 0x7002][..]));
    let mut out = Vec::new();
    write_error(&mut out, &TRANSACTION, ErrorCode::UnknownAttribute(unknown), None);
    assert_eq!(parse_response(&out, PASSWORD).unwrap().outcome, Err(420));
    assert!(out.windows(8).any(|bytes| bytes == hex("000a0004 70017002")));
}

#[test]
fn a_request_without_credentials_is_refused_with_its_transaction() {
    for attributes in ["", "00060003 613a6200", &format!("00080014 {}", "00".repeat(20))] {
        assert_eq!(parse_request(&with_attributes(attributes)), Err(StunError::MissingCredentials(TRANSACTION)));
    }
}

#[test]
fn attributes_behind_message_integrity_are_ignored() {
    let mut datagram = written(&Request { use_candidate: false, ..a_request() });
    datagram.truncate(datagram.len() - 8); // FINGERPRINT
    datagram.extend(hex("00250000 70010000"));
    let len = (datagram.len() - HEADER_LEN) as u8;
    datagram[3] = len;
    let request = parse_request(&datagram).unwrap();
    assert!(!request.use_candidate);
    assert!(verify_integrity(&datagram, &request, PASSWORD));
}

#[test]
fn a_request_without_fingerprint_will_do() {
    let mut datagram = written(&a_request());
    datagram.truncate(datagram.len() - 8);
    datagram[3] -= 8;
    let request = parse_request(&datagram).unwrap();
    assert!(verify_integrity(&datagram, &request, PASSWORD));
}

#[test]
fn a_wrong_or_misplaced_fingerprint_is_refused() {
    let mut datagram = sample_request();
    *datagram.last_mut().unwrap() ^= 1;
    assert_eq!(parse_request(&datagram), Err(StunError::Fingerprint));
    let mut datagram = sample_request();
    datagram.extend(hex("00250000"));
    datagram[3] += 4;
    assert_eq!(parse_request(&datagram), Err(StunError::Fingerprint));
}

#[test]
fn what_is_not_a_binding_request_is_told_apart() {
    let mut response = Vec::new();
    write_success(&mut response, &TRANSACTION, "192.0.2.1:1".parse().unwrap(), PASSWORD);
    assert_eq!(parse_request(&response), Err(StunError::NotBindingRequest));
    let mut indication = with_attributes("");
    indication[1] = 0x11;
    assert_eq!(parse_request(&indication), Err(StunError::NotBindingRequest));
}

#[test]
fn bad_cookie_lengths_and_attributes_are_malformed() {
    let sample = sample_request();
    assert!((0..sample.len()).all(|len| parse_request(&sample[..len]) == Err(StunError::Malformed)));
    for at in [0, 2, 3, 4] {
        let mut datagram = sample.clone();
        datagram[at] ^= 0xC1;
        assert_eq!(parse_request(&datagram), Err(StunError::Malformed), "byte {at}");
    }
    for attributes in ["00060005 61626364", "00240003 01020304", "80290004 01020304", "00060002 ff fe 0000"] {
        assert_eq!(parse_request(&with_attributes(attributes)), Err(StunError::Malformed), "{attributes}");
    }
}
