//! What of libusrsctp 0.9.5 is used, declared by hand from `usrsctp.h`.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// `struct socket`, the library's own.
#[repr(C)]
pub(super) struct RawSocket {
    _opaque: [u8; 0],
}

/// Called on one of the library's threads when something about a socket changed.
pub(super) type Upcall = unsafe extern "C" fn(socket: *mut RawSocket, argument: *mut c_void, flags: c_int);
/// Takes outgoing packets of `AF_CONN` sockets, which are not used here.
type Output = unsafe extern "C" fn(*mut c_void, *mut c_void, usize, u8, u8) -> c_int;
/// Takes the library's debugging output.
type Print = unsafe extern "C" fn(*const c_char);

/// `struct sctp_rcvinfo`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ReceiveInformation {
    pub(super) stream: u16,
    pub(super) sequence: u16,
    pub(super) flags: u16,
    /// Network order.
    pub(super) ppid: u32,
    pub(super) tsn: u32,
    pub(super) cumulative_tsn: u32,
    pub(super) context: u32,
    pub(super) association: u32,
}

/// `struct sctp_sndinfo`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct SendInformation {
    pub(super) stream: u16,
    pub(super) flags: u16,
    /// Network order.
    pub(super) ppid: u32,
    pub(super) context: u32,
    pub(super) association: u32,
}

pub(super) const SCTP_SENDV_SNDINFO: c_uint = 1;
pub(super) const SCTP_RECVV_RCVINFO: c_uint = 1;
pub(super) const MSG_NOTIFICATION: c_int = 0x2000;
/// `snd_flags`: end the association with an ABORT.
pub(super) const SCTP_ABORT: u16 = 0x0200;
pub(super) const SCTP_BINDX_ADD_ADDR: c_int = 0x8001;
/// Any id means the only association of a one-to-one socket.
pub(super) const ONLY: u32 = 0;

pub(super) const SCTP_RTOINFO: c_int = 0x01;
pub(super) const SCTP_ASSOCINFO: c_int = 0x02;
pub(super) const SCTP_INITMSG: c_int = 0x03;
pub(super) const SCTP_NODELAY: c_int = 0x04;
pub(super) const SCTP_PEER_ADDR_PARAMS: c_int = 0x0a;
pub(super) const SCTP_PARTIAL_DELIVERY_POINT: c_int = 0x11;
pub(super) const SCTP_REUSE_PORT: c_int = 0x1c;
pub(super) const SCTP_EVENT: c_int = 0x1e;
pub(super) const SCTP_RECVRCVINFO: c_int = 0x1f;
pub(super) const SCTP_STATUS: c_int = 0x100;

pub(super) const SCTP_ASSOC_CHANGE: u16 = 0x0001;
pub(super) const SCTP_PARTIAL_DELIVERY_EVENT: u16 = 0x0007;
pub(super) const SCTP_COMM_UP: u16 = 0x0001;

/// `sstat_state` of an association whose INIT has no answer yet.
pub(super) const SCTP_COOKIE_WAIT: i32 = 0x0002;

unsafe extern "C" {
    pub(super) fn usrsctp_init(port: u16, output: Option<Output>, print: Option<Print>);
    pub(super) fn usrsctp_socket(
        domain: c_int,
        kind: c_int,
        protocol: c_int,
        receive: *const c_void,
        send: *const c_void,
        send_threshold: u32,
        argument: *mut c_void,
    ) -> *mut RawSocket;
    pub(super) fn usrsctp_setsockopt(
        socket: *mut RawSocket,
        level: c_int,
        option: c_int,
        value: *const c_void,
        length: libc::socklen_t,
    ) -> c_int;
    pub(super) fn usrsctp_getsockopt(
        socket: *mut RawSocket,
        level: c_int,
        option: c_int,
        value: *mut c_void,
        length: *mut libc::socklen_t,
    ) -> c_int;
    pub(super) fn usrsctp_getpaddrs(socket: *mut RawSocket, id: u32, addresses: *mut *mut libc::sockaddr) -> c_int;
    pub(super) fn usrsctp_freepaddrs(addresses: *mut libc::sockaddr);
    pub(super) fn usrsctp_getladdrs(socket: *mut RawSocket, id: u32, addresses: *mut *mut libc::sockaddr) -> c_int;
    pub(super) fn usrsctp_freeladdrs(addresses: *mut libc::sockaddr);
    pub(super) fn usrsctp_sendv(
        socket: *mut RawSocket,
        data: *const c_void,
        length: usize,
        to: *mut libc::sockaddr,
        count: c_int,
        information: *mut c_void,
        information_length: libc::socklen_t,
        information_type: c_uint,
        flags: c_int,
    ) -> isize;
    pub(super) fn usrsctp_recvv(
        socket: *mut RawSocket,
        buffer: *mut c_void,
        length: usize,
        from: *mut libc::sockaddr,
        from_length: *mut libc::socklen_t,
        information: *mut c_void,
        information_length: *mut libc::socklen_t,
        information_type: *mut c_uint,
        flags: *mut c_int,
    ) -> isize;
    pub(super) fn usrsctp_bindx(
        socket: *mut RawSocket,
        addresses: *mut libc::sockaddr,
        count: c_int,
        flags: c_int,
    ) -> c_int;
    pub(super) fn usrsctp_listen(socket: *mut RawSocket, backlog: c_int) -> c_int;
    pub(super) fn usrsctp_accept(
        socket: *mut RawSocket,
        address: *mut libc::sockaddr,
        length: *mut libc::socklen_t,
    ) -> *mut RawSocket;
    pub(super) fn usrsctp_connectx(
        socket: *mut RawSocket,
        addresses: *const libc::sockaddr,
        count: c_int,
        id: *mut u32,
    ) -> c_int;
    pub(super) fn usrsctp_close(socket: *mut RawSocket);
    pub(super) fn usrsctp_shutdown(socket: *mut RawSocket, how: c_int) -> c_int;
    pub(super) fn usrsctp_set_non_blocking(socket: *mut RawSocket, on: c_int) -> c_int;
    pub(super) fn usrsctp_set_upcall(socket: *mut RawSocket, upcall: Option<Upcall>, argument: *mut c_void) -> c_int;
    pub(super) fn usrsctp_crc32c(data: *mut c_void, length: usize) -> u32;
    pub(super) fn usrsctp_sysctl_set_sctp_no_csum_on_loopback(value: u32) -> c_int;
    pub(super) fn usrsctp_sysctl_set_sctp_blackhole(value: u32) -> c_int;
    pub(super) fn usrsctp_sysctl_set_sctp_auto_asconf(value: u32) -> c_int;
    pub(super) fn usrsctp_sysctl_set_sctp_asconf_enable(value: u32) -> c_int;
    pub(super) fn usrsctp_sysctl_set_sctp_ecn_enable(value: u32) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_have_the_sizes_of_the_header() {
        assert_eq!(size_of::<ReceiveInformation>(), 28);
        assert_eq!(size_of::<SendInformation>(), 16);
    }
}
