//! Socket options of libusrsctp, and what it says of an association.

use std::ffi::c_int;
use std::io;

use super::{Handle, check, socklen, sys};
use crate::Options;
use crate::transport::milliseconds;

/// `SPP_HB_ENABLE`.
const HEARTBEAT_ENABLE: u32 = 1;

/// `struct sctp_assocparams`.
#[repr(C)]
struct AssociationParameters {
    association: u32,
    peer_window: u32,
    local_window: u32,
    cookie_life: u32,
    max_retransmissions: u16,
    peer_destinations: u16,
}

/// `struct sctp_paddrparams`.
#[repr(C)]
struct PathParameters {
    address: [u64; 16],
    association: u32,
    heartbeat: u32,
    mtu: u32,
    flags: u32,
    flow_label: u32,
    max_retransmissions: u16,
    dscp: u8,
}

/// `struct sctp_event`.
#[repr(C)]
struct Subscription {
    association: u32,
    kind: u16,
    on: u8,
}

/// `struct sctp_status` up to the number of streams; the primary path's state follows in as many bytes.
#[repr(C)]
struct Status {
    association: u32,
    state: i32,
    window: u32,
    unacknowledged: u16,
    pending: u16,
    inbound_streams: u16,
    outbound_streams: u16,
    fragmentation_point: u32,
    primary: [u64; 19],
}

/// Sets what a socket and its association start with.
pub(super) fn configure(handle: &Handle, options: &Options) -> io::Result<()> {
    let (low, high) = (milliseconds(options.rto.0), milliseconds(options.rto.1));
    set(handle, sys::SCTP_NODELAY, &1u32)?;
    set(handle, sys::SCTP_REUSE_PORT, &1u32)?;
    // struct sctp_rtoinfo: association, initial, max, min.
    set(handle, sys::SCTP_RTOINFO, &[0, low, high, low])?;
    set(
        handle,
        sys::SCTP_ASSOCINFO,
        &AssociationParameters {
            association: 0,
            peer_window: 0,
            local_window: 0,
            cookie_life: 0,
            max_retransmissions: options.max_retransmissions,
            peer_destinations: 0,
        },
    )?;
    set(
        handle,
        sys::SCTP_PEER_ADDR_PARAMS,
        &PathParameters {
            address: [0; 16],
            association: 0,
            heartbeat: milliseconds(options.heartbeat),
            mtu: 0,
            flags: HEARTBEAT_ENABLE,
            flow_label: 0,
            max_retransmissions: options.max_retransmissions,
            dscp: 0,
        },
    )?;
    let timeout = u16::try_from(high).unwrap_or(u16::MAX);
    // struct sctp_initmsg: streams out and in, attempts, longest timeout.
    let init = [options.outbound_streams, options.inbound_streams, options.max_retransmissions, timeout];
    set(handle, sys::SCTP_INITMSG, &init)?;
    subscribe(handle)?;
    buffers(handle, options)
}

/// Asks for the notifications and the ancillary data that are read here.
pub(super) fn subscribe(handle: &Handle) -> io::Result<()> {
    for kind in [sys::SCTP_ASSOC_CHANGE, sys::SCTP_PARTIAL_DELIVERY_EVENT] {
        set(handle, sys::SCTP_EVENT, &Subscription { association: sys::ONLY, kind, on: 1 })?;
    }
    set(handle, sys::SCTP_RECVRCVINFO, &1u32)
}

/// Sizes the buffers so that a whole message fits either way.
pub(super) fn buffers(handle: &Handle, options: &Options) -> io::Result<()> {
    let message = u32::try_from(options.max_message).unwrap_or(u32::MAX);
    let send = u32::try_from(options.send_buffer).unwrap_or(u32::MAX).max(message);
    let receive = message.saturating_mul(2).max(128 * 1024);
    set_at(handle, libc::SOL_SOCKET, libc::SO_SNDBUF, &send)?;
    set_at(handle, libc::SOL_SOCKET, libc::SO_RCVBUF, &receive)?;
    set(handle, sys::SCTP_PARTIAL_DELIVERY_POINT, &message)
}

/// How many outgoing streams the association has.
pub(super) fn outbound_streams(handle: &Handle) -> io::Result<u16> {
    Ok(status(handle)?.outbound_streams)
}

/// The association's state, one of the header's `SCTP_CLOSED` to `SCTP_SHUTDOWN_PENDING`; an error if there is none.
pub(super) fn state(handle: &Handle) -> io::Result<i32> {
    Ok(status(handle)?.state)
}

fn status(handle: &Handle) -> io::Result<Status> {
    let mut status = Status {
        association: sys::ONLY,
        state: 0,
        window: 0,
        unacknowledged: 0,
        pending: 0,
        inbound_streams: 0,
        outbound_streams: 0,
        fragmentation_point: 0,
        primary: [0; 19],
    };
    let mut length = socklen::<Status>();
    // SAFETY: the pointer and the length are those of `status`, whose fields take any value.
    let done = unsafe {
        sys::usrsctp_getsockopt(
            handle.raw(),
            libc::IPPROTO_SCTP,
            sys::SCTP_STATUS,
            (&raw mut status).cast(),
            &raw mut length,
        )
    };
    check(done)?;
    Ok(status)
}

fn set<T>(handle: &Handle, option: c_int, value: &T) -> io::Result<()> {
    set_at(handle, libc::IPPROTO_SCTP, option, value)
}

fn set_at<T>(handle: &Handle, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of `value`, which the call only reads.
    let done = unsafe {
        sys::usrsctp_setsockopt(handle.raw(), level, option, std::ptr::from_ref(value).cast(), socklen::<T>())
    };
    check(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_have_the_sizes_of_the_header() {
        assert_eq!(size_of::<AssociationParameters>(), 20);
        assert_eq!(size_of::<PathParameters>(), 152);
        assert_eq!(size_of::<Subscription>(), 8);
        assert_eq!(size_of::<Status>(), 176);
    }
}
