//! An AF_XDP socket on a queue of an interface, with the memory that it shares with the system.

use std::io;
use std::num::NonZeroU32;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use xdpilone::xdp::XdpDesc;
use xdpilone::{DeviceQueue, Errno, IfInfo, RingRx, RingTx, Socket, SocketConfig, Umem, UmemConfig};

/// Chunks of memory: as many for each direction.
const CHUNKS: u32 = 2048;

/// Octets of a chunk: a page, so that no packet of an ordinary link is too long for it.
const CHUNK: u32 = 4096;

/// Calls that a burst takes at most to be sent: one moves 32 packets.
const KICKS: usize = 8;

/// Memory shared with the system.
struct Area {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory is this value's own; where the system writes into it, it is not read.
unsafe impl Send for Area {}

impl Area {
    fn new() -> io::Result<Self> {
        let length = 2 * CHUNKS as usize * CHUNK as usize;
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::POPULATE);
        // SAFETY: a new mapping at a place of the system's choice.
        let base = unsafe { mmap_anonymous(std::ptr::null_mut(), length, protection, flags)? };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, length })
    }

    fn whole(&self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.base, self.length)
    }

    /// The octets of a packet that was received; none where the descriptor lies outside.
    fn packet(&self, descriptor: &XdpDesc) -> &[u8] {
        let (from, length) = (descriptor.addr as usize, descriptor.len as usize);
        if from.checked_add(length).is_none_or(|end| end > self.length) {
            return &[];
        }
        // SAFETY: inside the mapping, as just checked. The chunk was received and not given back, so the system does not write
        // into it; neither do we, who borrow the area.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(from), length) }
    }

    /// The chunk at this address, to be written.
    fn chunk(&mut self, address: u64) -> &mut [u8] {
        let from = address as usize;
        if from.checked_add(CHUNK as usize).is_none_or(|end| end > self.length) {
            return &mut [];
        }
        // SAFETY: inside the mapping, as just checked. The chunk is free: the system does not look at it, and nobody else has
        // it, because we borrow the area mutably.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(from), CHUNK as usize) }
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`; the rings' sockets, which refer to it, hold its pages themselves.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.length) };
    }
}

/// The socket.
pub(super) struct Ring {
    queue: DeviceQueue,
    receive: RingRx,
    transmit: RingTx,
    /// Chunks to send with.
    free: Vec<u64>,
    area: Area,
}

fn failed(Errno { .. }: Errno) -> io::Error {
    io::Error::last_os_error()
}

impl Ring {
    /// Binds to a queue of an interface.
    ///
    /// # Errors
    /// No permission, no such queue, or another socket on it.
    pub(super) fn bind(interface: u32, queue: u32) -> io::Result<Self> {
        let area = Area::new()?;
        let config = UmemConfig { fill_size: CHUNKS, complete_size: CHUNKS, frame_size: CHUNK, headroom: 0, flags: 0 };
        // SAFETY: the area is a mapping, so it begins at a page, and lives in the same value as the rings.
        let umem = unsafe { Umem::new(config, area.whole()) }.map_err(failed)?;
        let mut info = IfInfo::invalid();
        info.from_ifindex(interface).map_err(failed)?;
        info.set_queue(queue);
        let socket = Socket::with_shared(&info, &umem).map_err(failed)?;
        let mut queue = umem.fq_cq(&socket).map_err(failed)?;
        let rings = SocketConfig {
            rx_size: NonZeroU32::new(CHUNKS),
            tx_size: NonZeroU32::new(CHUNKS),
            bind_flags: SocketConfig::XDP_BIND_NEED_WAKEUP,
        };
        let user = umem.rx_tx(&socket, &rings).map_err(failed)?;
        let (receive, transmit) = (user.map_rx().map_err(failed)?, user.map_tx().map_err(failed)?);
        umem.bind(&user).map_err(failed)?;
        let chunk = |number: u32| u64::from(number) * u64::from(CHUNK);
        let mut fill = queue.fill(CHUNKS);
        fill.insert((0..CHUNKS).map(chunk));
        fill.commit();
        drop(fill);
        let free = (CHUNKS..2 * CHUNKS).map(chunk).collect();
        Ok(Self { queue, receive, transmit, free, area })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is the socket's, which lives as long as this.
        unsafe { BorrowedFd::borrow_raw(self.receive.as_raw_fd()) }
    }

    /// Gives chunks back to be received into. There is room: the ring is as long as there are chunks for it.
    fn give_back(&mut self, mut chunks: &[u64]) {
        // Less than asked for may be reserved, as long as that is not nothing: what the library remembers of the ring may
        // be old.
        while !chunks.is_empty() {
            let mut fill = self.queue.fill(chunks.len() as u32);
            let given = fill.insert(chunks.iter().copied()) as usize;
            fill.commit();
            drop(fill);
            if given == 0 {
                break;
            }
            chunks = chunks.get(given..).unwrap_or_default();
        }
        if self.queue.needs_wakeup() {
            self.queue.wake();
        }
    }
}

impl crate::ethernet::Ring for Ring {
    fn receive(&mut self, most: usize, mut take: impl FnMut(&[u8])) {
        let mut given_back = [0; crate::offload::BATCH];
        let mut count = 0;
        let mut received = self.receive.receive(most.min(given_back.len()) as u32);
        for (place, descriptor) in given_back.iter_mut().zip(received.by_ref()) {
            take(self.area.packet(&descriptor));
            *place = descriptor.addr - descriptor.addr % u64::from(CHUNK);
            count += 1;
        }
        received.release();
        drop(received);
        if count > 0 {
            self.give_back(given_back.get(..count).unwrap_or_default());
        }
    }

    fn put(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let Some(address) = self.free.pop() else { return false };
        let length = write(self.area.chunk(address)).and_then(|length| u32::try_from(length).ok());
        let mut transmit = self.transmit.transmit(1);
        let descriptor = length.map(|len| XdpDesc { addr: address, len, options: 0 });
        let put = descriptor.is_some_and(|descriptor| transmit.insert_once(descriptor));
        transmit.commit();
        drop(transmit);
        if !put {
            self.free.push(address);
        }
        put
    }

    /// Has the system send what was put, and takes back what it has sent. What it does not take now it will take later.
    fn flush(&mut self) -> usize {
        for _ in 0..KICKS {
            if self.transmit.pending() == 0 || !self.transmit.needs_wakeup() {
                break;
            }
            self.transmit.wake();
        }
        let mut complete = self.queue.complete(CHUNKS);
        self.free.extend(complete.by_ref());
        complete.release();
        0
    }
}
