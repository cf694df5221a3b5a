//! N6 of Ethernet data networks: a TAP device for each, which an operator puts into a bridge, or uses as it is.

use std::os::fd::{AsFd, BorrowedFd};

use rules::Link;
use tun_rs::{DeviceBuilder, DeviceBuilderGuard, Layer, SyncDevice};

use crate::tun::{NOTHING_OF_ITS_OWN, prepare_ipv6};
use crate::{Frame, OpenError, Origin, Verdict};

/// An Ethernet data network's device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EthernetNetwork {
    /// The number by which sessions know the network.
    pub link: Link,
    /// The device's name.
    pub tap: String,
    /// The longest payload of a frame, in octets.
    pub mtu: u16,
}

/// One worker's part in the devices, non-blocking.
#[derive(Default)]
pub(crate) struct Taps {
    devices: Vec<(Link, SyncDevice)>,
    /// Which is read first.
    turn: usize,
}

impl Taps {
    /// Makes the devices and brings them up, each with a queue for each of so many workers.
    ///
    /// # Errors
    /// What the system says: no permission, a name in use.
    pub(crate) fn open(networks: &[EthernetNetwork], workers: usize) -> Result<Vec<Self>, OpenError> {
        let mut all: Vec<Self> = (0..workers).map(|_| Self::default()).collect();
        for network in networks {
            let failed = |why| OpenError::Ethernet(network.tap.clone(), why);
            let options = |options: &mut DeviceBuilderGuard<'_>| {
                options.multi_queue(workers > 1);
            };
            let builder = DeviceBuilder::new().name(&network.tap).layer(Layer::L2).mtu(network.mtu).enable(false);
            let first = builder.with(options).build_sync().map_err(failed)?;
            // Before it is up: an address once made stays, and a UE could be the system's router.
            prepare_ipv6(&network.tap, &NOTHING_OF_ITS_OWN);
            first.enabled(true).map_err(failed)?;
            for taps in all.iter_mut().skip(1) {
                taps.devices.push((network.link, first.try_clone().map_err(failed)?));
            }
            if let Some(taps) = all.first_mut() {
                taps.devices.push((network.link, first));
            }
        }
        for (_, device) in all.iter().flat_map(|taps| &taps.devices) {
            device.set_nonblocking(true).map_err(OpenError::N6)?;
        }
        Ok(all)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Receives frames, from the first on, without waiting. Returns how many.
    pub(crate) fn receive(&mut self, frames: &mut [Frame]) -> usize {
        let mut count = 0;
        self.turn = (self.turn + 1) % self.devices.len().max(1);
        let (before, from) = self.devices.split_at_checked(self.turn).unwrap_or_default();
        for (link, device) in from.iter().chain(before) {
            while let Some(frame) = frames.get_mut(count) {
                let Ok(length) = device.recv(frame.room()) else { break };
                let peer = frame.peer;
                frame.received(length, Origin::Ethernet(*link), peer);
                count += 1;
            }
        }
        count
    }

    /// Sends those of the frames that are for these devices. Returns how many they did not take.
    pub(crate) fn send(&self, frames: &[Frame]) -> usize {
        let wanted = frames.iter().filter_map(|frame| match frame.verdict {
            Verdict::ToEthernet(link) => Some((link, frame)),
            _ => None,
        });
        let device = |link: Link| self.devices.iter().find(|(own, _)| *own == link).map(|(_, device)| device);
        wanted.filter(|(link, frame)| device(*link).is_none_or(|tap| tap.send(frame.packet()).is_err())).count()
    }

    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.devices.iter().map(|(_, device)| device.as_fd())
    }
}
