use dataplane_core::stun::{Request, parse_request, parse_response, verify_integrity, write_request, write_success};
use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};

use crate::{damage, damaged, datagram};

fn survives(datagram: &[u8]) {
    let _ = parse_response(datagram, b"key");
    if let Ok(request) = parse_request(datagram) {
        let _ = (request.ufrags(), verify_integrity(datagram, &request, b"key"));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(datagram in datagram()) {
        survives(&datagram);
    }

    #[test]
    fn any_attributes_behind_a_right_header_are_survived(kind in 0_u16..0x120, mut body in datagram()) {
        body.truncate(body.len() / 4 * 4);
        let mut datagram = kind.to_be_bytes().to_vec();
        datagram.extend((body.len() as u16).to_be_bytes());
        datagram.extend([0x21, 0x12, 0xA4, 0x42]);
        datagram.extend([7; 12]);
        datagram.extend(body);
        survives(&datagram);
    }

    #[test]
    fn a_written_request_is_read_again_and_says_nothing_else_when_damaged(
        transaction_id: [u8; 12], username in "[a-zA-Z0-9+/]{1,40}:[a-zA-Z0-9+/]{1,40}", priority: u32,
        use_candidate: bool, controlling: Option<u64>, controlled: Option<u64>, key in "[a-zA-Z0-9+/]{22,80}",
        changes in damage(),
    ) {
        let request = Request { transaction_id, username: &username, priority, use_candidate, controlling, controlled };
        let mut out = Vec::new();
        write_request(&mut out, &request, key.as_bytes());
        let read = parse_request(&out).unwrap();
        prop_assert_eq!((read.transaction_id, read.username), (transaction_id, &username[..]));
        prop_assert_eq!((read.priority, read.use_candidate), (Some(priority), use_candidate));
        prop_assert_eq!((read.controlling, read.controlled), (controlling, controlled));
        prop_assert!(verify_integrity(&out, &read, key.as_bytes()));
        prop_assert!(!verify_integrity(&out, &read, b"another"));

        // What may change is only the fingerprint, which then must not be one any more.
        let changed = damaged(out.clone(), &changes);
        if let Ok(other) = parse_request(&changed) {
            prop_assert!(other == read || !verify_integrity(&changed, &other, key.as_bytes()));
        }
    }

    #[test]
    fn integrity_of_another_datagram_is_only_refused(datagram in datagram(), username in "[a-z]{0,99}:[a-z]{4}") {
        let mut out = Vec::new();
        let request = Request {
            transaction_id: [0; 12], username: &username, priority: 1, use_candidate: false, controlling: None, controlled: None,
        };
        write_request(&mut out, &request, b"key");
        let read = parse_request(&out).unwrap();
        prop_assert!(!verify_integrity(&datagram, &read, b"key"));
    }

    #[test]
    fn a_told_address_is_read_again(ip: IpAddr, port: u16, transaction_id: [u8; 12]) {
        let mut out = Vec::new();
        write_success(&mut out, &transaction_id, SocketAddr::new(ip, port), b"key");
        let response = parse_response(&out, b"key").unwrap();
        prop_assert_eq!(response.outcome, Ok(SocketAddr::new(ip.to_canonical(), port)));
        prop_assert!(response.authentic);
    }
}
