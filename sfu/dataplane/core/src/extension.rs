//! RTP header extension elements (RFC 8285), and the audio level (RFC 6464).

use std::fmt;

/// The profile value of a block of one-byte elements (RFC 8285 §4.2).
pub const ONE_BYTE_PROFILE: u16 = 0xBEDE;
/// The profile value of a block of two-byte elements; the low four bits are free to use (RFC 8285 §4.3).
pub const TWO_BYTE_PROFILE: u16 = 0x1000;

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
        todo!()
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
        Self { out, len: 4, count: 0, two_byte: false }
    }

    /// Adds an element; on an error the block stays as it was.
    pub fn push(&mut self, id: u8, value: &[u8]) -> Result<(), NoRoom> {
        let _ = (id, value);
        todo!()
    }

    /// Pads to 32 bits, writes the header and returns the block's whole length; 0 when there is no element.
    #[must_use]
    pub fn finish(self) -> usize {
        todo!()
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
