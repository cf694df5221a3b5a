//! 127.0.0.0/8 is local without being listed anywhere; a stack that goes by the list must find its address there.

use std::io;
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

/// Puts an address of 127.0.0.0/8 on `lo` unless an interface has it. Others are left to the operator.
pub(super) fn ensure(ip: Ipv4Addr) -> io::Result<()> {
    if !ip.is_loopback() || listed(ip)? {
        return Ok(());
    }
    add(ip)
}

fn listed(ip: Ipv4Addr) -> io::Result<bool> {
    let mut first: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the pointer is valid for writing; on success it owns a list that is freed below.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = false;
    let mut entry = first;
    // SAFETY: every entry is null or a valid element of the list until it is freed.
    while let Some(one) = unsafe { entry.as_ref() } {
        // SAFETY: an address is null or at least a sockaddr, and a whole sockaddr_in if its family is AF_INET.
        let address = unsafe { one.ifa_addr.as_ref() };
        if address.is_some_and(|address| libc::c_int::from(address.sa_family) == libc::AF_INET) {
            // SAFETY: as above; the allocation is aligned for any sockaddr.
            let address = unsafe { one.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            found |= address.sin_addr.s_addr.to_ne_bytes() == ip.octets();
        }
        entry = one.ifa_next;
    }
    // SAFETY: the list came from getifaddrs and is not used any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(found)
}

fn add(ip: Ipv4Addr) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: ifreq is a C struct for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    // An own label keeps the first address, 127.0.0.1, as it is.
    let label = format!("lo:{:x}", u32::from(ip) & 0x00ff_ffff);
    for (to, from) in request.ifr_name.iter_mut().zip(label.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_addr = libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: data(ip) };
    // SAFETY: the request is a whole ifreq with a terminated name and an IPv4 address, which the call only reads.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFADDR, &raw const request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The part of a `sockaddr_in` behind the family: port 0, address, padding.
fn data(ip: Ipv4Addr) -> [libc::c_char; 14] {
    let [a, b, c, d] = ip.octets().map(u8::cast_signed);
    [0, 0, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_there_and_one_that_is_none_of_ours_are_left_alone() {
        assert!(!listed(Ipv4Addr::new(192, 0, 2, 1)).expect("the list of interfaces"));
        ensure(Ipv4Addr::new(192, 0, 2, 1)).expect("not a loopback address");
    }
}
