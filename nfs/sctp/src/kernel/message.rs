//! Sending and receiving on a kernel SCTP socket (RFC 6458 section 5).

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use crate::notification::{self, Numbers};
use crate::transport::Part;

/// `linux/sctp.h`: notification types start at 1 << 15.
pub(super) const NUMBERS: Numbers =
    Numbers { association_change: 0x8001, partial_delivery: 0x8006, communication_up: 0 };
const MSG_NOTIFICATION: libc::c_int = 0x8000;
/// Types of ancillary data.
const SCTP_SNDINFO: libc::c_int = 2;
const SCTP_RCVINFO: libc::c_int = 3;
/// Bytes of `struct cmsghdr`, of which `struct sctp_sndinfo` and `sctp_rcvinfo` follow.
const HEADER: usize = size_of::<libc::cmsghdr>();

/// Receives a message or the next part of one, or a notification.
pub(super) fn receive(socket: &socket2::Socket, buffer: &mut [u8]) -> io::Result<Part> {
    let mut control = [0u64; 16];
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: msghdr is a C struct for which all zeroes is a valid, empty value.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control);
    // SAFETY: the header points to `vector`, which describes `buffer`, and to `control`, with their true
    // lengths; all three outlive the call.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
    let length = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    if header.msg_flags & MSG_NOTIFICATION != 0 {
        return Ok(Part::Notice(notification::notice(&NUMBERS, buffer.get(..length).unwrap_or_default())));
    }
    if length == 0 {
        return Ok(Part::End);
    }
    let control: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).take(header.msg_controllen).collect();
    let (stream, ppid) = receive_information(&control).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Part::Data { stream, ppid, length, end: header.msg_flags & libc::MSG_EOR != 0 })
}

/// Finds `struct sctp_rcvinfo` in the ancillary data: the stream, and the payload protocol identifier in host order.
fn receive_information(mut control: &[u8]) -> Option<(u16, u32)> {
    loop {
        let length = usize::from_ne_bytes(control.get(..8)?.try_into().ok()?);
        let level = i32::from_ne_bytes(control.get(8..12)?.try_into().ok()?);
        let kind = i32::from_ne_bytes(control.get(12..16)?.try_into().ok()?);
        let data = control.get(HEADER..length)?;
        if level == libc::IPPROTO_SCTP && kind == SCTP_RCVINFO {
            // rcv_sid, rcv_ssn, rcv_flags, padding, rcv_ppid ...
            let stream = u16::from_ne_bytes(data.get(..2)?.try_into().ok()?);
            let ppid = u32::from_be_bytes(data.get(8..12)?.try_into().ok()?);
            return Some((stream, ppid));
        }
        control = control.get(length.next_multiple_of(align_of::<usize>())..)?;
    }
}

/// Sends one message whole, or says that it would have to wait.
pub(super) fn send(socket: &socket2::Socket, stream: u16, ppid: u32, data: &[u8]) -> io::Result<()> {
    // struct sctp_sndinfo: stream, flags, payload protocol identifier in network order, context, association.
    let mut control = Vec::with_capacity(HEADER + 16);
    control.extend((HEADER + 16).to_ne_bytes());
    control.extend(libc::IPPROTO_SCTP.to_ne_bytes());
    control.extend(SCTP_SNDINFO.to_ne_bytes());
    control.extend(stream.to_ne_bytes());
    control.extend([0; 2]);
    control.extend(ppid.to_be_bytes());
    control.extend([0; 8]);
    let data = [IoSlice::new(data)];
    let message = socket2::MsgHdr::new().with_buffers(&data).with_control(&control);
    socket.sendmsg(&message, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((HEADER + data.len()).to_ne_bytes());
        bytes.extend(libc::IPPROTO_SCTP.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn receive_information_is_found_behind_other_ancillary_data() {
        let mut information = vec![0; 28];
        information[..2].copy_from_slice(&9u16.to_ne_bytes());
        information[8..12].copy_from_slice(&60u32.to_be_bytes());
        let both = [control(7, &[1; 5]), control(SCTP_RCVINFO, &information)].concat();
        assert_eq!(receive_information(&both), Some((9, 60)));
    }

    #[test]
    fn cut_or_lying_ancillary_data_is_refused() {
        let whole = control(SCTP_RCVINFO, &[0; 28]);
        for length in 0..HEADER + 12 {
            assert_eq!(receive_information(&whole[..length]), None);
        }
        let mut lying = control(7, &[0; 8]);
        lying[..8].copy_from_slice(&0usize.to_ne_bytes());
        assert_eq!(receive_information(&lying), None);
        lying[..8].copy_from_slice(&usize::MAX.to_ne_bytes());
        assert_eq!(receive_information(&lying), None);
    }
}
