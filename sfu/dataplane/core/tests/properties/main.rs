//! What holds for every input: parsers survive any bytes, and what was written is read again.

mod codec;
mod extension;
mod nack;
mod replay;
mod rtcp;
mod rtp;
mod srtp;
mod stun;
mod tap;
mod twcc;

use proptest::prelude::*;

/// Any bytes up to about the size of a datagram, most of them short.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..64), prop::collection::vec(any::<u8>(), 0..1500)]
}

/// Up to four changes to a valid packet: a byte written over, or the end cut off.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, bool)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), prop::bool::weighted(0.1)), 1..5)
}

fn damaged(mut packet: Vec<u8>, changes: &[(prop::sample::Index, u8, bool)]) -> Vec<u8> {
    for (place, value, cut) in changes {
        if packet.is_empty() {
            break;
        }
        let at = place.index(packet.len());
        if *cut {
            packet.truncate(at);
        } else {
            packet[at] = *value;
        }
    }
    packet
}
