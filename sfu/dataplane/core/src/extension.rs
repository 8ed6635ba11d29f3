//! RTP header extension elements (RFC 8285), and the audio level (RFC 6464).

use std::fmt;

/// The profile value of a block of one-byte elements (RFC 8285 §4.2).
pub const ONE_BYTE_PROFILE: u16 = 0xBEDE;
/// The profile value of a block of two-byte elements; the low four bits are free to use (RFC 8285 §4.3).
pub const TWO_BYTE_PROFILE: u16 = 0x1000;

/// Profile and number of words, in front of the elements.
const HEADER_LEN: usize = 4;
/// More than any packet has room for; keeps a block's length in 16 bits.
const MAX_BLOCK_LEN: usize = 4096;

/// The elements of one extension block, `(id, value)` each.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
    two_byte: bool,
}

/// Reads the elements of a block (the bytes behind its four byte header); none for a profile not of RFC 8285.
///
/// Padding is skipped. It ends at an element that runs over the block's end, and at the reserved id 15 (§4.2).
#[must_use]
pub fn elements(block: &[u8], profile: u16) -> Elements<'_> {
    let two_byte = profile & 0xfff0 == TWO_BYTE_PROFILE;
    let rest = if two_byte || profile == ONE_BYTE_PROFILE { block } else { &[] };
    Elements { rest, two_byte }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let [0, rest @ ..] = self.rest {
            self.rest = rest;
        }
        let (&head, rest) = self.rest.split_first()?;
        self.rest = &[]; // whatever ends the block early ends it for good
        let (id, len, rest) = if self.two_byte {
            let (&len, rest) = rest.split_first()?;
            (head, usize::from(len), rest)
        } else {
            (head >> 4, usize::from(head & 0x0f) + 1, rest)
        };
        // §4.2: in the one-byte form ids 15, and 0 with a length, stop the reading of the whole block.
        if !self.two_byte && matches!(id, 0 | 15) {
            return None;
        }
        let (value, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some((id, value))
    }
}

/// The element cannot be written: id 0, a value over 255 bytes, or no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("header extension does not fit")
    }
}

impl std::error::Error for NoRoom {}

/// Writes one extension block, its four byte header included, in the shortest form its elements allow.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    count: usize,
    two_byte: bool,
}

impl<'a> Writer<'a> {
    /// `out` starts where the block's header goes, right behind the fixed RTP header.
    #[must_use]
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: HEADER_LEN, count: 0, two_byte: false }
    }

    /// Adds an element; on an error the block stays as it was.
    ///
    /// The first one that the one-byte form cannot hold (id over 14, empty, or over 16 bytes) turns the block into the
    /// two-byte form, which the receiver must have agreed to (`extmap-allow-mixed`).
    pub fn push(&mut self, id: u8, value: &[u8]) -> Result<(), NoRoom> {
        let value_len = u8::try_from(value.len()).map_err(|_| NoRoom)?;
        let widens = !self.two_byte && (id > 14 || !matches!(value.len(), 1..=16));
        let start = self.len + if widens { self.count } else { 0 };
        let two_byte = self.two_byte || widens;
        let end = start + if two_byte { 2 } else { 1 } + value.len();
        if id == 0 || end.next_multiple_of(4) > self.out.len() || end > MAX_BLOCK_LEN {
            return Err(NoRoom);
        }
        if widens {
            self.widen();
        }
        let element = &mut self.out[start..end];
        let value_at = if two_byte {
            element[0] = id;
            element[1] = value_len;
            2
        } else {
            element[0] = (id << 4) | (value_len - 1);
            1
        };
        element[value_at..].copy_from_slice(value);
        self.len = end;
        self.count += 1;
        Ok(())
    }

    /// Rewrites the elements so far in the two-byte form; `push` has checked that there is room.
    fn widen(&mut self) {
        // Moved to the back of what they will take, they can be copied to the front without running into themselves.
        self.out.copy_within(HEADER_LEN..self.len, HEADER_LEN + self.count);
        let (mut from, mut to) = (HEADER_LEN + self.count, HEADER_LEN);
        for _ in 0..self.count {
            let head = self.out[from];
            let len = usize::from(head & 0x0f) + 1;
            self.out[to] = head >> 4;
            self.out[to + 1] = (head & 0x0f) + 1;
            self.out.copy_within(from + 1..from + 1 + len, to + 2);
            from += 1 + len;
            to += 2 + len;
        }
        self.len = to;
        self.two_byte = true;
    }

    /// Pads to 32 bits, writes the header and returns the block's whole length; 0 when there is no element.
    #[must_use]
    pub fn finish(self) -> usize {
        if self.count == 0 {
            return 0;
        }
        let end = self.len.next_multiple_of(4);
        self.out[self.len..end].fill(0);
        let profile = if self.two_byte { TWO_BYTE_PROFILE } else { ONE_BYTE_PROFILE };
        // MAX_BLOCK_LEN keeps the number of words far within 16 bits.
        let words = ((end - HEADER_LEN) / 4) as u16;
        self.out[..2].copy_from_slice(&profile.to_be_bytes());
        self.out[2..HEADER_LEN].copy_from_slice(&words.to_be_bytes());
        end
    }
}

/// An audio level (RFC 6464): `level` in -dBov, 0 loudest, 127 silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    pub voice: bool,
    pub level: u8,
}

/// Reads the audio level element; both of its forms begin with the same byte.
#[must_use]
pub fn audio_level(value: &[u8]) -> Option<AudioLevel> {
    value.first().map(|byte| AudioLevel { voice: byte & 0x80 != 0, level: byte & 0x7f })
}

/// Reads a transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
#[must_use]
pub fn transport_seq(value: &[u8]) -> Option<u16> {
    value.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(block: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let profile = u16::from_be_bytes([block[0], block[1]]);
        elements(&block[4..], profile).map(|(id, value)| (id, value.to_vec())).collect()
    }

    #[test]
    fn one_byte_elements_are_read_across_padding() {
        let block = [0xBE, 0xDE, 0, 2, 0x10, 0xAA, 0, 0, 0x21, 1, 2, 0];
        assert_eq!(read(&block), [(1, vec![0xAA]), (2, vec![1, 2])]);
    }

    #[test]
    fn two_byte_elements_may_be_empty_and_have_large_ids() {
        let block = [0x10, 0x05, 0, 2, 200, 0, 0, 15, 2, 7, 8, 0];
        assert_eq!(read(&block), [(200, vec![]), (15, vec![7, 8])]);
    }

    #[test]
    fn an_element_over_the_end_stops_the_reading() {
        assert_eq!(read(&[0xBE, 0xDE, 0, 1, 0x10, 1, 0x2F, 1]), [(1, vec![1])]);
        assert_eq!(read(&[0x10, 0, 0, 1, 1, 1, 9, 5]), [(1, vec![9])]);
    }

    #[test]
    fn ids_15_and_0_with_a_length_stop_the_one_byte_form() {
        assert_eq!(read(&[0xBE, 0xDE, 0, 1, 0xF0, 1, 0x10, 1]), []);
        assert_eq!(read(&[0xBE, 0xDE, 0, 1, 0x01, 1, 0x10, 1]), []);
    }

    #[test]
    fn an_unknown_profile_has_no_elements() {
        assert_eq!(read(&[0x12, 0x34, 0, 1, 0x10, 1, 0x20, 1]), []);
    }

    #[test]
    fn what_fits_is_written_in_the_one_byte_form() {
        let mut out = [0xFF; 16];
        let mut writer = Writer::new(&mut out);
        writer.push(3, &[1, 2]).unwrap();
        writer.push(14, &[9]).unwrap();
        assert_eq!(writer.finish(), 12);
        assert_eq!(out[..12], [0xBE, 0xDE, 0, 2, 0x31, 1, 2, 0xE0, 9, 0, 0, 0]);
    }

    #[test]
    fn a_large_id_widens_what_is_already_written() {
        let mut out = [0xFF; 24];
        let mut writer = Writer::new(&mut out);
        writer.push(3, &[1, 2]).unwrap();
        writer.push(4, &[5]).unwrap();
        writer.push(20, &[]).unwrap();
        assert_eq!(writer.finish(), 16);
        assert_eq!(out[..16], [0x10, 0, 0, 3, 3, 2, 1, 2, 4, 1, 5, 20, 0, 0, 0, 0]);
    }

    #[test]
    fn no_element_writes_nothing_and_a_full_block_stays_as_it_was() {
        assert_eq!(Writer::new(&mut []).finish(), 0);
        let mut out = [0; 8];
        let mut writer = Writer::new(&mut out);
        writer.push(1, &[1, 2, 3]).unwrap();
        assert_eq!(writer.push(2, &[4]), Err(NoRoom));
        assert_eq!(writer.push(0, &[]), Err(NoRoom));
        assert_eq!(writer.finish(), 8);
        assert_eq!(read(&out), [(1, vec![1, 2, 3])]);
    }

    #[test]
    fn audio_level_has_voice_bit_and_level() {
        assert_eq!(audio_level(&[0x85]), Some(AudioLevel { voice: true, level: 5 }));
        assert_eq!(audio_level(&[127, 0]), Some(AudioLevel { voice: false, level: 127 }));
        assert_eq!(audio_level(&[]), None);
    }
}
