//! The system's share of what a device receives, which it does not see itself: ARP and Neighbour Discovery, what else is for our
//! addresses, fragments. It has a TAP device with the address of the device's, in its place.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use super::DpdkLink;
use crate::ethernet::{Interface, Mac};
use crate::tun::{add_address, prepare_ipv6};

/// The system's end.
pub(super) struct System {
    device: SyncDevice,
    interface: Interface,
}

impl System {
    /// Makes the device, gives it its addresses, and brings it up. Its address of Ethernet is `mac`, or one of the system's choice.
    ///
    /// # Errors
    /// What the system says: no permission, the name or an address in use.
    pub(super) fn open(link: &DpdkLink, mac: Option<Mac>, mtu: u16) -> io::Result<Self> {
        let builder = DeviceBuilder::new().name(&link.tap).layer(Layer::L2).mtu(mtu);
        let device = mac.into_iter().fold(builder, DeviceBuilder::mac_addr).build_sync()?;
        let interface = Interface { index: device.if_index()?, mac: device.mac_address()? };
        device.set_nonblocking(true)?;
        if link.addresses.iter().any(|of| of.address.is_ipv6()) {
            // Neighbours may ask for it at once.
            prepare_ipv6(&link.tap, &[("accept_dad", "0")]);
        }
        link.addresses.iter().try_for_each(|address| add_address(&device, &link.tap, address))?;
        Ok(Self { device, interface })
    }

    /// What the system knows of it.
    pub(super) fn interface(&self) -> Interface {
        self.interface
    }

    /// Has the system see a frame. One that it has no room for is lost.
    pub(super) fn send(&self, frame: &[u8]) {
        let _ = self.device.send(frame);
    }

    /// A frame that it sends, if there is one. Returns its length.
    pub(super) fn receive(&self, room: &mut [u8]) -> Option<usize> {
        self.device.recv(room).ok()
    }

    /// Readable when it sends something.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}
