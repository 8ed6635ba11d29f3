//! The data plane around its core: sockets, threads, and the face towards Python.

pub mod engine;
pub mod io;
pub mod traffic;

#[cfg(feature = "python")]
mod bindings;
