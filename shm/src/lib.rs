//! Channels of messages between two processes over memory that only they share.
#![allow(unsafe_code)] // maps memory and reads what another process writes; all of it is in `segment`

mod socket;

pub use socket::SocketFile;
