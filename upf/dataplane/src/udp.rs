//! The UDP socket of N3, in bursts.
//!
//! Datagrams of one peer and length come and go as one, where the system joins and cuts them (`UDP_GRO`, `UDP_SEGMENT`).

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::offload::{BATCH, Coupling, Fit, Train, Trains};
use crate::{Frame, Origin, Verdict};

/// Octets of the socket's buffers; the system grants what its limits allow.
const BUFFER: usize = 4 << 20;

/// Octets that the system cuts into datagrams at once: what UDP over IPv4 can say, and a margin for IPv6.
const LONGEST: usize = 65_000;

/// Room for what is received as one, and how far apart the rooms lie: not a power of two, lest their beginnings share the
/// lines of a cache.
const ROOM: usize = 65_536;
const APART: usize = ROOM + 1088;

/// Messages asked for at once at least.
const FEWEST: usize = 4;

/// Which ways of moving datagrams the socket may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Receive datagrams joined.
    pub(crate) join: bool,
    /// Send datagrams to be cut.
    pub(crate) cut: bool,
}

/// A UDP socket, non-blocking.
pub(crate) struct Udp {
    socket: Socket,
    /// The longest datagram that may be cut from a longer one; less than what the path takes, and 0 where the device cannot.
    cuts_up_to: usize,
    inbox: Inbox,
}

impl Udp {
    /// So many sockets on one address. A datagram comes to the one of its tunnel's bucket, counted as
    /// [`Owners::among`](crate::Owners::among) counts.
    ///
    /// With several sockets datagrams are not joined: those of one peer but different tunnels would all come to the socket
    /// of the first.
    pub(crate) fn bind(address: SocketAddr, workers: usize, ways: Ways) -> io::Result<Vec<Self>> {
        let ways = Ways { join: ways.join && workers == 1, ..ways };
        let sockets = (0..workers).map(|_| Self::bind_one(address, workers > 1, ways));
        let sockets = sockets.collect::<io::Result<Vec<_>>>()?;
        if let (Some(first), true) = (sockets.first(), workers > 1) {
            first.steer(workers)?;
        }
        Ok(sockets)
    }

    fn bind_one(address: SocketAddr, shared: bool, ways: Ways) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_port(shared)?;
        // Smaller buffers than wanted do no harm.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.bind(&address.into())?;
        let cuts_up_to = if ways.cut { LONGEST } else { 0 };
        let bound = Self { socket, cuts_up_to, inbox: Inbox::new() };
        if ways.join && !bound.join() {
            tracing::debug!("the system does not join datagrams");
        }
        Ok(bound)
    }

    /// Has the system choose the socket by the high octet of the tunnel's number, octets 4 to 7 of the payload.
    fn steer(&self, workers: usize) -> io::Result<()> {
        let step = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
        let program = [
            step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 4),
            step(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, u32::try_from(workers).unwrap_or(1)),
            step(libc::BPF_RET | libc::BPF_A, 0),
        ];
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
        // SAFETY: the option takes a program of the length said, which lives past the call and is only read.
        let done = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_REUSEPORT_CBPF,
                (&raw const filter).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Has the system join datagrams that follow each other.
    fn join(&self) -> bool {
        let on: libc::c_int = 1;
        // SAFETY: the option takes an integer of the length said, which is only read.
        let done = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_UDP,
                libc::UDP_GRO,
                (&raw const on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        done == 0
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether datagrams were received that no frame has held yet.
    pub(crate) fn has_left(&self) -> bool {
        self.inbox.next < self.inbox.messages.len()
    }

    /// Receives up to as many datagrams as there are frames, without waiting.
    pub(crate) fn receive(&mut self, frames: &mut [Frame]) -> usize {
        let mut count = self.inbox.hand_out(frames);
        while count < frames.len() && self.inbox.fill(&self.socket, frames.len() - count) {
            count += self.inbox.hand_out(frames.get_mut(count..).unwrap_or_default());
        }
        count
    }

    /// Sends the frames that are for N3; those of a tunnel in order. Returns how many could not be sent.
    pub(crate) fn send(&mut self, frames: &[Frame]) -> usize {
        frames.chunks(BATCH).map(|frames| self.send_batch(frames)).sum()
    }

    fn send_batch(&mut self, frames: &[Frame]) -> usize {
        let mut trains = Trains::new();
        for (place, frame) in frames.iter().enumerate() {
            if let Verdict::ToN3(to) = frame.verdict {
                trains.add(place, Car::of(to, frame, self.cuts_up_to));
            }
        }
        let mut outbox = Outbox::new();
        for train in trains.iter() {
            outbox.add(train, trains.places(train).filter_map(|place| frames.get(place)));
        }
        outbox.send(&self.socket, &mut self.cuts_up_to)
    }
}

/// Datagrams received and not handed out yet.
struct Inbox {
    rooms: Box<[u8]>,
    messages: Vec<Message>,
    /// The first message of which something is left.
    next: usize,
    /// Datagrams that the messages received last held, on average.
    joined: usize,
}

/// What was received as one: datagrams of one peer and length, the last perhaps shorter.
struct Message {
    peer: Option<SocketAddr>,
    from: usize,
    length: usize,
    size: usize,
}

impl Inbox {
    fn new() -> Self {
        let rooms = vec![0; BATCH * APART].into_boxed_slice();
        Self { rooms, messages: Vec::with_capacity(BATCH), next: 0, joined: 1 }
    }

    /// Puts what there is into the frames. Returns how many were filled.
    fn hand_out(&mut self, frames: &mut [Frame]) -> usize {
        let mut count = 0;
        let mut frames = frames.iter_mut();
        while let Some((place, message)) = self.messages.get_mut(self.next).map(|message| (self.next, message)) {
            let room = self.rooms.chunks(APART).nth(place).unwrap_or_default();
            loop {
                let Some(frame) = frames.next() else { return count };
                let length = message.size.min(message.length - message.from);
                let datagram = room.get(message.from..message.from + length);
                // One that is longer than a frame is cut: then it is no message, and dropped by the path.
                let copied = datagram.and_then(|datagram| {
                    frame.room().get_mut(..length)?.copy_from_slice(datagram);
                    Some(length)
                });
                frame.received(copied.unwrap_or(0), Origin::N3, message.peer.unwrap_or(frame.peer));
                count += 1;
                message.from += length;
                if message.from >= message.length {
                    break;
                }
            }
            self.next += 1;
        }
        count
    }

    /// Receives messages, all before having been handed out. `false` where there are none.
    fn fill(&mut self, socket: &Socket, wanted: usize) -> bool {
        let count = wanted.div_ceil(self.joined).clamp(FEWEST, BATCH);
        let mut names = [const { MaybeUninit::<SockAddrStorage>::uninit() }; BATCH];
        let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
        let mut controls = [Control::EMPTY; BATCH];
        let mut headers = [EMPTY; BATCH];
        let rooms = self.rooms.chunks_mut(APART).zip(&mut controls);
        for (((header, vector), name), (room, control)) in
            headers.iter_mut().zip(&mut vectors).zip(&mut names).zip(rooms).take(count)
        {
            *vector = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len().min(ROOM) };
            header.msg_hdr.msg_name = name.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = size_of::<SockAddrStorage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = (&raw mut *control).cast();
            header.msg_hdr.msg_controllen = size_of::<Control>() as _;
        }
        let flags = libc::MSG_DONTWAIT as _;
        // SAFETY: the first `count` headers point at names, vectors and controls that live to the end of this function and are
        // moved by nobody meanwhile; the vectors point at the rooms, borrowed mutably here, with lengths that lie in them.
        let received = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count as _, flags, std::ptr::null_mut())
        };
        let received = usize::try_from(received).unwrap_or(0);
        self.messages.clear();
        self.next = 0;
        let mut datagrams = 0;
        for ((header, control), name) in headers.iter().zip(&controls).zip(names).take(received) {
            // SAFETY: the system has written an address of the length that it says.
            let from = unsafe { SockAddr::new(name.assume_init(), header.msg_hdr.msg_namelen) };
            let length = header.msg_len as usize;
            let size = control.received(header.msg_hdr.msg_controllen).unwrap_or(length).max(1);
            datagrams += length.div_ceil(size);
            self.messages.push(Message { peer: from.as_socket(), from: 0, length, size });
        }
        self.joined = datagrams.checked_div(received).unwrap_or(self.joined).max(1);
        received > 0
    }
}

/// What a datagram to be sent, or several that leave as one, are known by.
#[derive(Clone, Copy, Debug)]
struct Car {
    to: SocketAddr,
    marking: u8,
    /// Octets of each datagram but perhaps the last.
    size: usize,
    octets: usize,
    count: usize,
    open: bool,
    /// One bit of 64 for each tunnel among them: datagrams of a tunnel stay in order.
    tunnels: u64,
}

impl Car {
    fn of(to: SocketAddr, frame: &Frame, cuts_up_to: usize) -> Self {
        let datagram = frame.packet();
        let tunnel = datagram.get(4..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u32::from_be_bytes);
        let tunnels = 1 << (tunnel.wrapping_mul(0x9e37_79b1) >> 26);
        let size = datagram.len();
        let open = size > 0 && size <= cuts_up_to;
        Self { to, marking: frame.marking, size, octets: size, count: 1, open, tunnels }
    }
}

impl Coupling for Car {
    fn couple(&mut self, datagram: &Self) -> Fit {
        let fits = self.open
            && datagram.open
            && (self.to, self.marking) == (datagram.to, datagram.marking)
            && datagram.size <= self.size
            && self.octets + datagram.size <= LONGEST
            && self.count < BATCH;
        if fits {
            self.octets += datagram.size;
            self.count += 1;
            self.open = datagram.size == self.size;
            self.tunnels |= datagram.tunnels;
            return Fit::Coupled;
        }
        if self.tunnels & datagram.tunnels == 0 { Fit::Apart } else { Fit::Behind }
    }
}

/// Messages to be sent by one call, each of one datagram or of several of one length.
struct Outbox<'a> {
    packets: [&'a [u8]; BATCH],
    used: usize,
    messages: [Option<Outgoing>; BATCH],
}

#[derive(Clone, Copy)]
struct Outgoing {
    to: SocketAddr,
    marking: u8,
    first: usize,
    count: usize,
    size: usize,
}

impl<'a> Outbox<'a> {
    fn new() -> Self {
        Self { packets: [&[]; BATCH], used: 0, messages: [None; BATCH] }
    }

    fn add(&mut self, train: &Train<Car>, frames: impl Iterator<Item = &'a Frame>) {
        let first = self.used;
        for (packet, frame) in self.packets.iter_mut().skip(first).zip(frames) {
            *packet = frame.packet();
            self.used += 1;
        }
        if let Some(free) = self.messages.iter_mut().find(|message| message.is_none()) {
            let Car { to, marking, size, .. } = train.car;
            *free = Some(Outgoing { to, marking, first, count: self.used - first, size });
        }
    }

    /// Sends all. Returns how many datagrams could not be sent.
    fn send(&self, socket: &Socket, cuts_up_to: &mut usize) -> usize {
        let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
        for (vector, packet) in vectors.iter_mut().zip(&self.packets) {
            *vector = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
        }
        let mut addresses = [const { None }; BATCH];
        let mut controls = [[Control::EMPTY; 2]; BATCH];
        let mut headers = [EMPTY; BATCH];
        let mut count = 0;
        let places = headers.iter_mut().zip(&mut addresses).zip(&mut controls);
        for (((header, address), control), message) in places.zip(self.messages.iter().flatten()) {
            let own = vectors.get_mut(message.first..message.first + message.count).unwrap_or_default();
            let address: &SockAddr = address.insert(message.to.into());
            header.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = address.len();
            header.msg_hdr.msg_iov = own.as_mut_ptr();
            header.msg_hdr.msg_iovlen = own.len() as _;
            let cutting = (message.count > 1).then(|| Control::cutting(message.size));
            let marking = (message.marking != 0).then(|| Control::marking(message.marking, message.to.is_ipv6()));
            let mut used = 0;
            for (place, control) in control.iter_mut().zip(cutting.into_iter().chain(marking)) {
                *place = control;
                used += size_of::<Control>();
            }
            if used > 0 {
                header.msg_hdr.msg_control = control.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = used as _;
            }
            count += 1;
        }
        let mut rest = headers.get_mut(..count).unwrap_or_default();
        let mut messages = self.messages.iter().flatten();
        let mut unsent = 0;
        let mut retried = false;
        while !rest.is_empty() {
            // SAFETY: the headers point at vectors, addresses and controls that live to the end of this function and are moved by
            // nobody meanwhile; the vectors at packets with their true lengths, which the system only reads.
            let sent = unsafe {
                libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as _, libc::MSG_DONTWAIT as _)
            };
            // A failure is of the first message only, or of an earlier one whose ICMP error is told now: try once more.
            let done = match usize::try_from(sent) {
                Ok(sent) if sent > 0 => {
                    retried = false;
                    sent
                }
                _ if !retried => {
                    retried = true;
                    continue;
                }
                _ => {
                    let refused = io::Error::last_os_error();
                    retried = false;
                    let message = messages.clone().next();
                    unsent += message.map_or(1, |message| self.one_by_one(socket, message, &refused, cuts_up_to));
                    1
                }
            };
            messages.by_ref().take(done).for_each(drop);
            rest = rest.get_mut(done..).unwrap_or_default();
        }
        unsent
    }

    /// Sends the datagrams of a message that was refused, each alone. Where that was for being cut, no more such are made.
    fn one_by_one(&self, socket: &Socket, message: &Outgoing, refused: &io::Error, cuts_up_to: &mut usize) -> usize {
        if message.count == 1 {
            return 1;
        }
        match refused.raw_os_error() {
            // There is no room, not for one either.
            Some(libc::EAGAIN | libc::ENOBUFS) => return message.count,
            // Longer than the path takes whole: those are cut into fragments, each alone.
            Some(libc::EINVAL | libc::EMSGSIZE) => *cuts_up_to = message.size - 1,
            // The device does no checksums, or the system no cutting.
            Some(libc::EIO | libc::EOPNOTSUPP | libc::ENOPROTOOPT) => *cuts_up_to = 0,
            _ => {}
        }
        let mut alone = Self { packets: self.packets, used: self.used, messages: [None; BATCH] };
        let places = message.first..message.first + message.count;
        for (free, first) in alone.messages.iter_mut().zip(places) {
            *free = Some(Outgoing { first, count: 1, ..*message });
        }
        alone.send(socket, cuts_up_to)
    }
}

/// A control message: the length of the datagrams that come, or go, as one; the ToS or traffic class of what goes.
#[repr(C)]
#[derive(Clone, Copy)]
struct Control {
    header: libc::cmsghdr,
    /// An integer, of 16 bits for the length of what goes; then what is left to a whole word.
    value: [u8; 8],
}

impl Control {
    const EMPTY: Self = Self { header: libc::cmsghdr { cmsg_len: 0, cmsg_level: 0, cmsg_type: 0 }, value: [0; 8] };

    fn cutting(size: usize) -> Self {
        let mut control = Self::EMPTY;
        control.header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<u16>()) as _;
        (control.header.cmsg_level, control.header.cmsg_type) = (libc::SOL_UDP, libc::UDP_SEGMENT);
        let [low, high] = (size as u16).to_ne_bytes();
        control.value = [low, high, 0, 0, 0, 0, 0, 0];
        control
    }

    fn marking(value: u8, ipv6: bool) -> Self {
        let mut control = Self::EMPTY;
        control.header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<libc::c_int>()) as _;
        (control.header.cmsg_level, control.header.cmsg_type) =
            if ipv6 { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) } else { (libc::IPPROTO_IP, libc::IP_TOS) };
        let [a, b, c, d] = libc::c_int::from(value).to_ne_bytes();
        control.value = [a, b, c, d, 0, 0, 0, 0];
        control
    }

    /// What was received, where so many octets of control messages were.
    fn received(&self, length: usize) -> Option<usize> {
        let is_it = length >= size_of::<libc::cmsghdr>() + size_of::<libc::c_int>()
            && (self.header.cmsg_level, self.header.cmsg_type) == (libc::SOL_UDP, libc::UDP_GRO);
        let size = self.value.first_chunk().copied().map(libc::c_int::from_ne_bytes);
        size.filter(|_| is_it).and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0)
    }
}

/// A header that says nothing.
const EMPTY: libc::mmsghdr = libc::mmsghdr {
    msg_hdr: libc::msghdr {
        msg_name: std::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: std::ptr::null_mut(),
        msg_iovlen: 0,
        msg_control: std::ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    },
    msg_len: 0,
};
