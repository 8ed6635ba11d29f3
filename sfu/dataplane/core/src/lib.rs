//! The data plane's core: given a datagram and the time, it says what to send.
//!
//! Sans-IO: no sockets, no clock, no threads, no Python. Parsers return `Result` and never index past what they checked.
#![forbid(unsafe_code)]

pub mod codec;
pub mod counters;
pub mod event;
pub mod extension;
mod feedback;
mod forward;
pub mod history;
pub mod ice;
pub mod keyframe;
pub mod moderation;
pub mod nack;
pub mod outbox;
pub mod plane;
pub mod receive;
pub mod reception;
pub mod replay;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod stun;
pub mod subscription;
pub mod tap;
pub mod taps;
mod timers;
pub mod track;
pub mod transport;
pub mod twcc;
