//! The data plane's core: given a datagram and the time, it says what to send.
//!
//! Sans-IO: no sockets, no clock, no threads, no Python. Parsers return `Result` and never index past what they checked.
#![forbid(unsafe_code)]

pub mod codec;
pub mod extension;
pub mod nack;
pub mod replay;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod stun;
pub mod twcc;
