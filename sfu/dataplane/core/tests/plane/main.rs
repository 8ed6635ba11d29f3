//! The data plane as a whole, without sockets: what goes in, what comes out.

mod forwarding;
mod hostile;
mod paths;
mod repair;
mod stage;
mod taps;
