//! SCTP associations for N2 (TS 38.412): one asynchronous interface, two stacks below it.
//!
//! * [`Backend::Kernel`]: the operating system's SCTP sockets.
//! * [`Backend::UserSpace`]: libusrsctp over raw sockets of IP protocol 132, for hosts whose kernel
//!   has no SCTP. It needs `CAP_NET_RAW`, which root of a user namespace has as well.
//!
//! [`Backend::probe`] chooses; whoever opens a [`Listener`] or an [`Association`] does not notice the
//! difference. An association delivers whole messages only, of bounded size, and tells of its end by
//! an [`Event`]; sending waits while the peer is slow.
//!
//! ```no_run
//! # async fn example() -> Result<(), sctp::Error> {
//! use sctp::{Event, Listener, Options};
//! let address = "127.0.0.5:38412".parse().expect("an address literal");
//! let listener = Listener::bind(&[address], Options::default()).await?;
//! let (sender, mut receiver) = listener.accept().await?.split();
//! while let Event::Message { stream, ppid, data } = receiver.recv().await {
//!     sender.send(stream, ppid, data).await?;
//! }
//! # Ok(())
//! # }
//! ```

// The stacks below are C interfaces: sockets of the operating system with SCTP's own options and control
// messages, and libusrsctp.
#![allow(unsafe_code)]

mod association;
mod error;
mod inbox;
mod kernel;
mod notification;
mod options;
mod transport;
mod userspace;

pub use association::{Association, Event, Listener, Receiver, Sender};
pub use error::Error;
pub use options::{Backend, Options, Probe};

/// The payload protocol identifier of NGAP (TS 38.412 clause 7), in host order as everywhere in this crate.
pub const PPID_NGAP: u32 = 60;

/// The port an AMF listens on for NGAP (TS 38.412 clause 7).
pub const PORT_NGAP: u16 = 38412;
