#![no_main]
//! Any datagram is a request, a response or an error.

use dataplane_core::stun::{parse_request, parse_response, verify_integrity};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let _ = parse_response(datagram, b"password");
    if let Ok(request) = parse_request(datagram) {
        let _ = (request.ufrags(), verify_integrity(datagram, &request, b"password"));
    }
});
