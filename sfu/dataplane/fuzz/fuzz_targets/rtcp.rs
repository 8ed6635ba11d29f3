#![no_main]
//! Any compound is read to its end, and what it lists is bounded by its length.

use dataplane_core::rtcp::{Packet, packets};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|compound: &[u8]| {
    for packet in packets(compound).flatten() {
        let listed = match packet {
            Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. } => reports.count(),
            Packet::Sdes { cnames } => cnames.count(),
            Packet::Bye { ssrcs } | Packet::Remb { ssrcs, .. } => ssrcs.count(),
            Packet::Nack { lost, .. } => lost.count() / 17,
            Packet::Fir { entries, .. } => entries.count(),
            Packet::Pli { .. } | Packet::TransportCc { .. } | Packet::Unknown { .. } => 0,
        };
        assert!(4 * listed <= compound.len());
    }
});
