//! The last packets of one track in the clear, shared by all its subscribers: what is forwarded is forwarded from here,
//! and what a subscriber lost is sent again from here (RFC 4585 §6.2.1, RFC 4588).

/// One packet, stripped of everything that belongs to a hop: numbers, extension ids, authentication.
#[derive(Default)]
pub struct StoredPacket {
    /// Position in the track, unwrapped and without holes for dropped padding.
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    /// RFC 6464 byte (voice flag and level) when the publisher sent one.
    pub audio_level: Option<u8>,
    pub starts_keyframe: bool,
    pub payload: Vec<u8>,
    dependency_descriptor: Vec<u8>,
    filled: bool,
}

impl StoredPacket {
    pub fn dependency_descriptor(&self) -> Option<&[u8]> {
        (!self.dependency_descriptor.is_empty()).then_some(&self.dependency_descriptor)
    }

    fn buffers(&self) -> usize {
        self.payload.capacity() + self.dependency_descriptor.capacity()
    }
}

/// What the ingest knows of a packet besides its payload.
#[derive(Clone, Copy, Default)]
pub struct PacketInfo<'a> {
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub audio_level: Option<u8>,
    pub starts_keyframe: bool,
    pub dependency_descriptor: Option<&'a [u8]>,
}

/// A ring. Slots keep their buffers, so once it has gone round nothing is allocated any more.
pub struct History {
    slots: Vec<StoredPacket>,
    mask: usize,
    /// Of the slots' buffers; counted as they grow, because figures are asked for while packets wait.
    buffers: usize,
}

impl History {
    /// `packets` is rounded up to a power of two.
    pub fn new(packets: usize) -> Self {
        let size = packets.max(1).next_power_of_two();
        Self { slots: (0..size).map(|_| StoredPacket::default()).collect(), mask: size - 1, buffers: 0 }
    }

    /// Keep a packet; false when it is there already, or came so late that something newer stands in its place.
    pub fn store(&mut self, info: PacketInfo<'_>, payload: &[u8]) -> bool {
        let slot = &mut self.slots[info.seq as usize & self.mask];
        if slot.filled && slot.seq >= info.seq {
            return false;
        }
        let before = slot.buffers();
        slot.filled = true;
        slot.seq = info.seq;
        slot.timestamp = info.timestamp;
        slot.marker = info.marker;
        slot.audio_level = info.audio_level;
        slot.starts_keyframe = info.starts_keyframe;
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        slot.dependency_descriptor.clear();
        slot.dependency_descriptor.extend_from_slice(info.dependency_descriptor.unwrap_or_default());
        self.buffers += slot.buffers() - before; // a buffer never gets smaller
        true
    }

    #[inline]
    pub fn get(&self, seq: u64) -> Option<&StoredPacket> {
        let slot = &self.slots[seq as usize & self.mask];
        (slot.filled && slot.seq == seq).then_some(slot)
    }

    pub fn packets(&self) -> usize {
        self.slots.len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.buffers + self.slots.capacity() * std::mem::size_of::<StoredPacket>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(seq: u64) -> PacketInfo<'static> {
        PacketInfo { seq, ..PacketInfo::default() }
    }

    #[test]
    fn it_keeps_the_last_packets_and_forgets_the_older() {
        let mut history = History::new(4);
        for seq in 10..20 {
            assert!(history.store(info(seq), &[seq as u8; 3]));
        }
        assert!(history.get(15).is_none());
        assert_eq!(history.get(16).map(|packet| packet.payload.as_slice()), Some([16u8; 3].as_slice()));
    }

    #[test]
    fn its_bytes_are_those_of_the_buffers_it_keeps_however_short_what_is_in_them_now() {
        let mut history = History::new(4);
        let empty = history.bytes();
        for seq in 0..4 {
            history.store(info(seq), &[0; 1000]);
        }
        let full = history.bytes();
        assert!((4_000..8_000).contains(&(full - empty)));
        for seq in 4..12 {
            history.store(info(seq), &[0; 10]);
        }
        assert_eq!(history.bytes(), full);
        history.store(PacketInfo { dependency_descriptor: Some(&[0; 50]), ..info(12) }, &[0; 2000]);
        assert!((1_050..).contains(&(history.bytes() - full)));
    }

    #[test]
    fn a_packet_is_kept_once() {
        let mut history = History::new(4);
        assert!(history.store(info(5), b"first"));
        assert!(!history.store(info(5), b"other"));
        assert_eq!(history.get(5).map(|packet| packet.payload.as_slice()), Some(b"first".as_slice()));
    }

    #[test]
    fn a_packet_that_comes_after_its_place_was_taken_is_refused() {
        let mut history = History::new(4);
        history.store(info(9), b"new");
        assert!(!history.store(info(5), b"old"));
        assert!(history.get(9).is_some());
    }
}
