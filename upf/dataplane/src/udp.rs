//! The UDP socket of N3, in bursts.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::{Frame, Origin, Verdict};

/// Datagrams moved by one system call.
const BATCH: usize = 64;

/// Octets of the socket's buffers; the system grants what its limits allow.
const BUFFER: usize = 4 << 20;

/// A UDP socket, non-blocking.
pub(crate) struct Udp(Socket);

impl Udp {
    /// So many sockets on one address. A datagram comes to the one of its tunnel's bucket, counted as
    /// [`Owners::among`](crate::Owners::among) counts.
    pub(crate) fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<Self>> {
        let sockets = (0..workers).map(|_| Self::bind_one(address, workers > 1)).collect::<io::Result<Vec<_>>>()?;
        if let (Some(first), true) = (sockets.first(), workers > 1) {
            first.steer(workers)?;
        }
        Ok(sockets)
    }

    fn bind_one(address: SocketAddr, shared: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_port(shared)?;
        // Smaller buffers than wanted do no harm.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.bind(&address.into())?;
        Ok(Self(socket))
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
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_REUSEPORT_CBPF,
                (&raw const filter).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Receives up to as many datagrams as there are frames, without waiting.
    pub(crate) fn receive(&self, frames: &mut [Frame]) -> usize {
        let count = frames.len().min(BATCH);
        let mut names = [const { MaybeUninit::<SockAddrStorage>::uninit() }; BATCH];
        let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
        let mut headers = [EMPTY; BATCH];
        for (((header, vector), name), frame) in headers.iter_mut().zip(&mut vectors).zip(&mut names).zip(&mut *frames)
        {
            let room = frame.room();
            *vector = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
            header.msg_hdr.msg_name = name.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = size_of::<SockAddrStorage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        let flags = libc::MSG_DONTWAIT as _;
        // SAFETY: the first `count` headers point at names and vectors that live to the end of this function and are moved
        // by nobody meanwhile; the vectors point at the frames' rooms with their true lengths, borrowed mutably here.
        let received = unsafe {
            libc::recvmmsg(self.0.as_raw_fd(), headers.as_mut_ptr(), count as _, flags, std::ptr::null_mut())
        };
        let received = usize::try_from(received).unwrap_or(0);
        for ((header, name), frame) in headers.iter().zip(names).zip(frames).take(received) {
            // SAFETY: the system has written an address of the length that it says.
            let from = unsafe { SockAddr::new(name.assume_init(), header.msg_hdr.msg_namelen) };
            let truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            let length = if truncated { 0 } else { header.msg_len as usize };
            frame.received(length, Origin::N3, from.as_socket().unwrap_or(frame.peer));
        }
        received
    }

    /// Sends the frames that are for N3, in order. Returns how many could not be sent.
    pub(crate) fn send(&self, frames: &[Frame]) -> usize {
        let mut unsent = 0;
        let mut wanted = frames.iter().filter_map(|frame| match frame.verdict {
            Verdict::ToN3(to) => Some((frame, SockAddr::from(to))),
            _ => None,
        });
        loop {
            let mut batch = [const { None }; BATCH];
            let mut count = 0;
            for (slot, frame) in batch.iter_mut().zip(&mut wanted) {
                *slot = Some(frame);
                count += 1;
            }
            if count == 0 {
                return unsent;
            }
            unsent += self.send_batch(batch.get(..count).unwrap_or_default());
        }
    }

    fn send_batch(&self, batch: &[Option<(&Frame, SockAddr)>]) -> usize {
        let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
        let mut headers = [EMPTY; BATCH];
        let mut markings = [Marking::NONE; BATCH];
        let frames = headers.iter_mut().zip(&mut vectors).zip(&mut markings).zip(batch.iter().flatten());
        for (((header, vector), marking), (frame, to)) in frames {
            let packet = frame.packet();
            *vector = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
            if frame.marking != 0 {
                *marking = Marking::of(frame.marking, to.is_ipv6());
                header.msg_hdr.msg_control = std::ptr::from_mut(marking).cast();
                header.msg_hdr.msg_controllen = size_of::<Marking>() as _;
            }
            header.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = to.len();
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        let mut unsent = 0;
        let mut rest = headers.get_mut(..batch.len()).unwrap_or_default();
        let mut retried = false;
        while !rest.is_empty() {
            // SAFETY: the headers point at vectors, markings and addresses that live to the end of this function and are moved by
            // nobody meanwhile; the vectors at packets with their true lengths, which the system only reads.
            let sent = unsafe {
                libc::sendmmsg(self.0.as_raw_fd(), rest.as_mut_ptr(), rest.len() as _, libc::MSG_DONTWAIT as _)
            };
            // A failure is of the first datagram only, or of an earlier one whose ICMP error is told now: try once more.
            let done = match usize::try_from(sent) {
                Ok(sent) if sent > 0 => {
                    retried = false;
                    sent
                }
                _ if !retried => {
                    retried = true;
                    0
                }
                _ => {
                    retried = false;
                    unsent += 1;
                    1
                }
            };
            rest = rest.get_mut(done..).unwrap_or_default();
        }
        unsent
    }
}

/// Ancillary data that sets the ToS or traffic class of one datagram.
#[repr(C)]
#[derive(Clone, Copy)]
struct Marking {
    header: libc::cmsghdr,
    value: libc::c_int,
}

impl Marking {
    const NONE: Self = Self { header: libc::cmsghdr { cmsg_len: 0, cmsg_level: 0, cmsg_type: 0 }, value: 0 };

    fn of(value: u8, ipv6: bool) -> Self {
        let (level, kind) =
            if ipv6 { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) } else { (libc::IPPROTO_IP, libc::IP_TOS) };
        let length = size_of::<libc::cmsghdr>() + size_of::<libc::c_int>();
        let header = libc::cmsghdr { cmsg_len: length as _, cmsg_level: level, cmsg_type: kind };
        Self { header, value: value.into() }
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
