//! Packets that the system moves as one: many of a flow under a single header, cut into packets or joined from them.
//!
//! The system hands over what TCP or UDP wrote in one piece and takes it in one piece, with a header ([`Virtio`]) that says
//! how long the packets in it are. The path sees packets as they are on the wire: a port cuts what it receives ([`Cut`])
//! and joins what it sends ([`Join`]), so that rates and usage are of real packets, whatever the system does.

mod checksum;
mod cut;
mod join;
mod train;
mod virtio;

pub(crate) use cut::Cut;
pub(crate) use join::{Car, Join};
pub(crate) use train::{BATCH, Coupling, Fit, Train, Trains};
pub(crate) use virtio::{Kind, Virtio};

pub(crate) use checksum::{Sum, complete};
