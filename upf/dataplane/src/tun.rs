//! The TUN device of N6.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use tun_rs::{DeviceBuilder, DeviceBuilderGuard, SyncDevice};

use crate::Frame;

/// An address of the device and the network behind it: the pool whose UEs are reached through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunAddress {
    /// The address: the UEs' gateway.
    pub address: IpAddr,
    /// Length of the pool's prefix.
    pub prefix: u8,
}

/// What the device is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunConfig {
    /// Its name.
    pub name: String,
    /// The longest packet, in octets.
    pub mtu: u16,
    /// Its addresses.
    pub addresses: Vec<TunAddress>,
}

/// A TUN device, non-blocking.
pub struct Tun(SyncDevice);

impl Tun {
    /// Makes the device with so many queues, gives it its addresses, and with them the routes to the pools, and brings it
    /// up. The system spreads packets over the queues by flow.
    ///
    /// # Errors
    /// What the system says: no permission, the name or an address in use.
    pub fn open(config: &TunConfig, queues: usize) -> io::Result<Vec<Self>> {
        let builder = DeviceBuilder::new().name(&config.name).mtu(config.mtu);
        let shared = |options: &mut DeviceBuilderGuard<'_>| {
            options.multi_queue(queues > 1);
        };
        let device = builder.with(shared).build_sync()?;
        for TunAddress { address, prefix } in &config.addresses {
            match address {
                IpAddr::V4(v4) => device.add_address_v4(*v4, *prefix)?,
                IpAddr::V6(v6) => device.add_address_v6(*v6, *prefix)?,
            }
        }
        let mut devices = (1..queues).map(|_| device.try_clone()).collect::<io::Result<Vec<_>>>()?;
        devices.insert(0, device);
        devices.iter().try_for_each(|device| device.set_nonblocking(true))?;
        Ok(devices.into_iter().map(Self).collect())
    }

    /// Reads a packet into the frame, if there is one.
    pub(crate) fn receive(&self, room: &mut [u8]) -> Option<usize> {
        self.0.recv(room).ok()
    }

    /// Writes a packet. `false` where the device does not take it.
    pub(crate) fn send(&self, frame: &Frame) -> bool {
        self.0.send(frame.packet()).is_ok()
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
