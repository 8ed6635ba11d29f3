//! The load tester's participants: given datagrams and the time, they say what to send, as a browser would.
//!
//! Sans-IO like `dataplane-core`, whose parsers and ciphers it uses: no sockets, no clock, no threads, no Python. It
//! shares no rule with the server's forwarding, so that it can be its judge. The handshake (DTLS) is somebody else's.
#![forbid(unsafe_code)]

pub mod figures;
pub mod frames;
pub mod heads;
pub mod histogram;
pub mod ice;
pub mod link;
pub mod pacer;
pub mod participant;
pub mod random;
pub mod received;
pub mod sampling;
pub mod sent;
pub mod stamp;
pub mod video;
