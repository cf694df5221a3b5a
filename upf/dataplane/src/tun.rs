//! The TUN device of N6.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use ipnet::IpNet;
use tun_rs::{DeviceBuilder, DeviceBuilderGuard, SyncDevice};

use crate::netlink::Tables;
use crate::offload::{BATCH, Car, Cut, Join, Kind, Trains, Virtio, complete};
use crate::{Frame, Origin, Verdict};

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
    /// Networks beyond them that are reached through it too.
    pub routes: Vec<IpNet>,
    /// Whether the system may hand over, and take, many packets of a flow as one, and leave checksums to us.
    pub offload: bool,
}

/// The longest piece: what IP can say, and the header before it.
const PIECE: usize = 65_535 + Virtio::LENGTH;

/// A TUN device, non-blocking.
pub struct Tun {
    device: SyncDevice,
    /// What the system takes as one. Empty without offloads; then there is no header before a packet either.
    kinds: &'static [Kind],
    /// What was read last, from the header on.
    piece: Box<[u8]>,
    /// What of it is still to be received.
    left: Option<(Cut, usize)>,
}

/// Has a device speak nothing but what is forwarded: no address and no solicitation of its own (a TUN device has no link layer to
/// detect duplicates on), and hear no router. 1 for `addr_gen_mode` is none.
pub(crate) const NOTHING_OF_ITS_OWN: [(&str, &str); 4] =
    [("addr_gen_mode", "1"), ("accept_dad", "0"), ("accept_ra", "0"), ("router_solicitations", "0")];

/// Has the device speak IPv6 even where new ones do not, with these settings. Where one cannot be made the system's stays.
pub(crate) fn prepare_ipv6(device: &str, settings: &[(&str, &str)]) {
    for (name, value) in settings.iter().chain(&[("disable_ipv6", "0")]) {
        let file = format!("/proc/sys/net/ipv6/conf/{device}/{name}");
        if let Err(why) = std::fs::write(&file, value) {
            tracing::debug!(file, %why, "not set");
        }
    }
}

/// Gives a device an address.
pub(crate) fn add_address(device: &SyncDevice, name: &str, of: &TunAddress) -> io::Result<()> {
    match of.address {
        IpAddr::V4(v4) => device.add_address_v4(v4, of.prefix),
        IpAddr::V6(v6) => {
            if let Err(why) = device.add_address_v6(v6, of.prefix) {
                // A system without IPv6 still has the rest.
                tracing::warn!(device = name, address = %v6, %why, "no IPv6 here: what UEs send stays here");
            }
            Ok(())
        }
    }
}

/// Has the networks beyond reached through the device.
fn add_routes(device: &SyncDevice, config: &TunConfig) -> io::Result<()> {
    let (mut tables, interface) = (Tables::open()?, device.if_index()?);
    for network in &config.routes {
        match tables.route(network, interface) {
            // A system without IPv6 still has the rest.
            Err(why) if network.addr().is_ipv6() => {
                tracing::warn!(device = config.name, %network, %why, "no IPv6 here: what is sent there stays here");
            }
            done => done?,
        }
    }
    Ok(())
}

impl Tun {
    /// Makes the device with so many queues, gives it its addresses, and with them the routes to the pools, and brings it
    /// up. The system spreads packets over the queues by flow.
    ///
    /// # Errors
    /// What the system says: no permission, the name or an address in use.
    pub fn open(config: &TunConfig, queues: usize) -> io::Result<Vec<Self>> {
        let build = |offload: bool| {
            let builder = DeviceBuilder::new().name(&config.name).mtu(config.mtu);
            let options = |options: &mut DeviceBuilderGuard<'_>| {
                options.multi_queue(queues > 1).offload(offload);
            };
            builder.with(options).build_sync()
        };
        // A system without offloads still has the device.
        let device = if config.offload { build(true).or_else(|_| build(false))? } else { build(false)? };
        if config.addresses.iter().any(|of| of.address.is_ipv6()) {
            prepare_ipv6(&config.name, &NOTHING_OF_ITS_OWN);
        }
        config.addresses.iter().try_for_each(|address| add_address(&device, &config.name, address))?;
        if !config.routes.is_empty() {
            add_routes(&device, config)?;
        }
        let mut devices = (1..queues).map(|_| device.try_clone()).collect::<io::Result<Vec<_>>>()?;
        devices.insert(0, device);
        devices.into_iter().map(Self::of).collect()
    }

    fn of(device: SyncDevice) -> io::Result<Self> {
        device.set_nonblocking(true)?;
        let kinds: &[Kind] = match (device.tcp_gso(), device.udp_gso()) {
            (true, true) => &[Kind::Tcp, Kind::Udp],
            (true, false) => &[Kind::Tcp],
            (false, _) => &[],
        };
        Ok(Self { device, kinds, piece: vec![0; PIECE].into_boxed_slice(), left: None })
    }

    /// Whether packets come and go in pieces.
    pub(crate) fn offloads(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// Whether packets were read that no frame has held yet.
    pub(crate) fn has_left(&self) -> bool {
        self.left.is_some()
    }

    /// Receives packets into the frames, from the first on, without waiting. Returns how many.
    pub(crate) fn receive(&mut self, frames: &mut [Frame]) -> usize {
        let mut count = 0;
        for frame in frames {
            let Some(length) = self.receive_one(frame.room()) else { break };
            let peer = frame.peer;
            frame.received(length, Origin::N6, peer);
            count += 1;
        }
        count
    }

    /// The next packet: of the piece, or of the device.
    fn receive_one(&mut self, room: &mut [u8]) -> Option<usize> {
        if !self.offloads() {
            return self.device.recv(room).ok();
        }
        if self.left.is_none() {
            let length = self.device.recv(&mut self.piece).ok()?;
            let (header, packet) = self.piece.get_mut(..length)?.split_first_chunk_mut()?;
            let header = Virtio::read(header).unwrap_or_default();
            self.left = Cut::begin(packet, &header).map(|cut| (cut, length));
            if self.left.is_none() {
                if let Some((start, offset)) = header.partial {
                    complete(packet, start.into(), offset.into());
                }
                let length = packet.len().min(room.len());
                room.iter_mut().zip(&*packet).for_each(|(octet, value)| *octet = *value);
                return Some(length);
            }
        }
        let (cut, end) = self.left.as_mut()?;
        let length = cut.write_next(self.piece.get(Virtio::LENGTH..*end)?, room);
        if cut.is_done() {
            self.left = None;
        }
        Some(length)
    }

    /// Sends those of the frames that are for N6; those of a flow in order. Returns how many the device did not take.
    pub(crate) fn send(&self, frames: &[Frame]) -> usize {
        frames.chunks(BATCH).map(|frames| self.send_batch(frames)).sum()
    }

    fn send_batch(&self, frames: &[Frame]) -> usize {
        let wanted = frames.iter().enumerate().filter(|(_, frame)| frame.verdict == Verdict::ToN6);
        if !self.offloads() {
            return wanted.filter(|(_, frame)| self.device.send(frame.packet()).is_err()).count();
        }
        let mut trains = Trains::new();
        wanted.for_each(|(place, frame)| trains.add(place, Car::of(frame.packet(), self.kinds)));
        let mut unsent = 0;
        for train in trains.iter() {
            let packets = trains.places(train).filter_map(|place| frames.get(place)).map(Frame::packet);
            let written = match Join::of(&train.car) {
                None => self.write(&Virtio::default().write(), &[], packets),
                Some(join) => {
                    let skip = join.headers().len();
                    let payloads = packets.filter_map(|packet| packet.get(skip..));
                    self.write(&join.virtio, join.headers(), payloads)
                }
            };
            unsent += if written.is_ok() { 0 } else { train.count };
        }
        unsent
    }

    fn write<'a>(
        &self,
        virtio: &'a [u8],
        headers: &'a [u8],
        octets: impl Iterator<Item = &'a [u8]>,
    ) -> rustix::io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); BATCH + 2];
        let all = [virtio, headers].into_iter().chain(octets);
        let mut count = 0;
        for (slice, octets) in slices.iter_mut().zip(all) {
            *slice = IoSlice::new(octets);
            count += 1;
        }
        rustix::io::writev(&self.device, slices.get(..count).unwrap_or_default())
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}
