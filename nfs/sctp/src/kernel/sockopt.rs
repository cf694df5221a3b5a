//! Socket options of the kernel's SCTP (`linux/sctp.h`, RFC 6458 section 8).

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use super::message::NUMBERS;
use crate::Options;
use crate::transport::{milliseconds, packed, unpacked};

const SCTP_RTOINFO: libc::c_int = 0;
const SCTP_ASSOCINFO: libc::c_int = 1;
const SCTP_INITMSG: libc::c_int = 2;
const SCTP_NODELAY: libc::c_int = 3;
const SCTP_PEER_ADDR_PARAMS: libc::c_int = 9;
const SCTP_STATUS: libc::c_int = 14;
const SCTP_RECVRCVINFO: libc::c_int = 32;
const SCTP_EVENT: libc::c_int = 127;
const SCTP_GET_PEER_ADDRS: libc::c_int = 108;
const SCTP_GET_LOCAL_ADDRS: libc::c_int = 109;
const SCTP_SOCKOPT_BINDX_ADD: libc::c_int = 100;
const SCTP_SOCKOPT_CONNECTX: libc::c_int = 110;

/// `SPP_HB_ENABLE`.
const HEARTBEAT_ENABLE: u32 = 1;

/// Sets what an association of this socket starts with.
pub(super) fn configure(socket: &socket2::Socket, options: &Options) -> io::Result<()> {
    set(socket, SCTP_NODELAY, &1u32.to_ne_bytes())?;
    let (low, high) = (milliseconds(options.rto.0), milliseconds(options.rto.1));
    // struct sctp_rtoinfo: association, initial, max, min.
    set(socket, SCTP_RTOINFO, &words(&[0, low, high, low]))?;
    // struct sctp_assocparams: association, max retransmissions and number of peer destinations, windows, cookie life.
    let retransmissions = u32::from_ne_bytes(halves(options.max_retransmissions, 0));
    set(socket, SCTP_ASSOCINFO, &words(&[0, retransmissions, 0, 0, 0]))?;
    set(socket, SCTP_PEER_ADDR_PARAMS, &heartbeat(options))?;
    let attempts = halves(options.max_retransmissions, u16::try_from(high).unwrap_or(u16::MAX));
    // struct sctp_initmsg: streams out and in, attempts, longest timeout.
    set(socket, SCTP_INITMSG, &[halves(options.outbound_streams, options.inbound_streams), attempts].concat())?;
    for kind in [NUMBERS.association_change, NUMBERS.partial_delivery] {
        // struct sctp_event: association, type, on.
        let [low, high] = kind.to_ne_bytes();
        set(socket, SCTP_EVENT, &[0, 0, 0, 0, low, high, 1, 0])?;
    }
    set(socket, SCTP_RECVRCVINFO, &1u32.to_ne_bytes())
}

/// `struct sctp_paddrparams`, packed: association, address (none: all), heartbeat interval, path retransmissions,
/// path MTU, delay of acknowledgements, flags, flow label, DSCP.
fn heartbeat(options: &Options) -> Vec<u8> {
    let mut bytes = vec![0; 4 + size_of::<libc::sockaddr_storage>()];
    bytes.extend(milliseconds(options.heartbeat).to_ne_bytes());
    bytes.extend(options.max_retransmissions.to_ne_bytes());
    bytes.extend(words(&[0, 0, HEARTBEAT_ENABLE, 0]));
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Binds to all the addresses.
pub(super) fn bind(socket: &socket2::Socket, addresses: &[SocketAddr]) -> io::Result<()> {
    set(socket, SCTP_SOCKOPT_BINDX_ADD, &packed(addresses))
}

/// Starts an association with a peer that has these addresses.
pub(super) fn connect(socket: &socket2::Socket, addresses: &[SocketAddr]) -> io::Result<()> {
    match set(socket, SCTP_SOCKOPT_CONNECTX, &packed(addresses)) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
        done => done,
    }
}

/// How many outgoing streams the association has; an error once it is over.
pub(super) fn outbound_streams(socket: &socket2::Socket) -> io::Result<u16> {
    let mut status = [0; 176];
    get(socket, SCTP_STATUS, &mut status)?;
    // struct sctp_status: association, state, window, unacknowledged and pending data, streams in and out ...
    Ok(u16::from_ne_bytes([status[18], status[19]]))
}

/// The peer's addresses, while the association lasts.
pub(super) fn peer_addresses(socket: &socket2::Socket) -> io::Result<Vec<SocketAddr>> {
    addresses(socket, SCTP_GET_PEER_ADDRS)
}

/// The addresses this end is bound to.
pub(super) fn local_addresses(socket: &socket2::Socket) -> io::Result<Vec<SocketAddr>> {
    addresses(socket, SCTP_GET_LOCAL_ADDRS)
}

fn addresses(socket: &socket2::Socket, option: libc::c_int) -> io::Result<Vec<SocketAddr>> {
    // struct sctp_getaddrs: association, number of addresses, and they themselves.
    let mut list = [0; 4096];
    get(socket, option, &mut list)?;
    let count = u32::from_ne_bytes([list[4], list[5], list[6], list[7]]);
    unpacked(&list[8..], usize::try_from(count).unwrap_or(usize::MAX))
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn halves(first: u16, second: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (first.to_ne_bytes(), second.to_ne_bytes());
    [a, b, c, d]
}

fn set(socket: &socket2::Socket, option: libc::c_int, value: &[u8]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the pointer and the length are those of `value`, which the call only reads; CONNECTX returns a
    // non-negative association id, everything else 0.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_SCTP, option, value.as_ptr().cast(), length) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Reads an option.
fn get(socket: &socket2::Socket, option: libc::c_int, value: &mut [u8]) -> io::Result<()> {
    let mut length = libc::socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the pointer and the length are those of `value`; the call writes no more than that.
    let result = unsafe {
        let value = value.as_mut_ptr().cast();
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_SCTP, option, value, &raw mut length)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
