//! Associations of a process that listened here before and is gone.
//!
//! The stack answers no packet it does not know (other stacks of the same host see it too), so the peers of a killed
//! predecessor would wait for all their retransmissions. The port is ours, though: what comes to it from a peer that has
//! not set up an association with this process belongs to one that ended with the predecessor. RFC 9260 section 8.4
//! has an ABORT as the answer. A peer that did set one up has sent a COOKIE ECHO since we listen.

use std::collections::HashSet;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::sys;

/// How long peers of a predecessor are expected: two of the longest usual heartbeat intervals.
const WATCH: Duration = Duration::from_secs(60);
/// Peers remembered; past them no more is answered.
const MOST_PEERS: usize = 16 * 1024;

const DATA: u8 = 0;
const HEARTBEAT: u8 = 4;
const ABORT: u8 = 6;
const COOKIE_ECHO: u8 = 10;

/// Watches a port for a while after it was taken; ends early when dropped.
#[derive(Debug)]
pub(super) struct Watch {
    over: Arc<AtomicBool>,
}

impl Watch {
    /// Starts watching. To be called before the stack listens, so that no COOKIE ECHO is missed.
    pub(super) fn start(port: u16) -> io::Result<Watch> {
        let protocol = socket2::Protocol::from(libc::IPPROTO_SCTP);
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, Some(protocol))?;
        socket.attach_filter(&filter(port))?;
        socket.set_header_included_v4(true)?;
        socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let run = move || watch(&socket, &mut Port::default(), &stop);
        std::thread::Builder::new().name("sctp-predecessor".to_owned()).spawn(run)?;
        Ok(Watch { over })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Relaxed: the flag stands for itself.
        self.over.store(true, Ordering::Relaxed);
    }
}

fn watch(socket: &socket2::Socket, port: &mut Port, over: &AtomicBool) {
    let end = Instant::now() + WATCH;
    let mut packet = [0; 256];
    while Instant::now() < end && !over.load(Ordering::Relaxed) {
        let Ok(length) = (&mut &*socket).read(&mut packet) else { continue };
        if let Some((to, abort)) = packet.get(..length).and_then(|packet| port.answer(packet)) {
            tracing::debug!(peer = %to, "SCTP association of a predecessor of this process ended");
            let _ = socket.send_to(&abort, &to.into());
        }
    }
}

/// Lets through only what [`Port::answer`] looks at: COOKIE ECHO, HEARTBEAT and DATA to one port.
fn filter(port: u16) -> Vec<socket2::SockFilter> {
    let step = |code: u32, jt, jf, k| socket2::SockFilter::new(code as u16, jt, jf, k);
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    vec![
        // X: length of the IP header.
        step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0),
        // The destination port.
        step(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, 0, 0, 2),
        step(equal, 0, 5, u32::from(port)),
        // The first chunk's type.
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, 0, 0, 12),
        step(equal, 2, 0, u32::from(COOKIE_ECHO)),
        step(equal, 1, 0, u32::from(HEARTBEAT)),
        step(equal, 0, 1, u32::from(DATA)),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 128),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ]
}

/// Who has set up an association with this process.
#[derive(Debug, Default)]
struct Port {
    known: HashSet<SocketAddrV4>,
}

impl Port {
    /// The answer to an IPv4 packet, itself one, with whom to send it to.
    fn answer(&mut self, packet: &[u8]) -> Option<(SocketAddrV4, Vec<u8>)> {
        let (ip, sctp) = packet.split_at_checked(usize::from(packet.first()? & 0x0f) * 4)?;
        let address =
            |at: usize| ip.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).map(Ipv4Addr::from);
        let (from, to) = (address(12)?, address(16)?);
        let ports: [u8; 4] = sctp.get(..4)?.try_into().ok()?;
        let tag: [u8; 4] = sctp.get(4..8)?.try_into().ok()?;
        let peer = SocketAddrV4::new(from, u16::from_be_bytes([ports[0], ports[1]]));
        match *sctp.get(12)? {
            COOKIE_ECHO => {
                if self.known.len() < MOST_PEERS {
                    self.known.insert(peer);
                }
                None
            }
            HEARTBEAT | DATA if self.known.len() < MOST_PEERS && !self.known.contains(&peer) => {
                Some((peer, abort(to, from, ports, tag)))
            }
            _ => None,
        }
    }
}

/// An ABORT that reflects the verification tag (T bit), under an IPv4 header whose length and checksum the kernel fills.
fn abort(from: Ipv4Addr, to: Ipv4Addr, [a, b, c, d]: [u8; 4], tag: [u8; 4]) -> Vec<u8> {
    const TTL: u8 = 64;
    const SCTP: u8 = 132;
    let mut sctp = [c, d, a, b, tag[0], tag[1], tag[2], tag[3], 0, 0, 0, 0, ABORT, 1, 0, 4];
    // SAFETY: the pointer and the length are those of `sctp`, which the call only reads.
    let checksum = unsafe { sys::usrsctp_crc32c(sctp.as_mut_ptr().cast(), sctp.len()) };
    sctp[8..12].copy_from_slice(&checksum.to_ne_bytes());
    let mut packet = vec![0x45, 0, 0, 36, 0, 0, 0, 0, TTL, SCTP, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(sctp);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(port: u16, chunk: u8) -> Vec<u8> {
        let mut packet = vec![0; 20];
        packet[0] = 0x45;
        packet[12..16].copy_from_slice(&[10, 0, 0, 2]);
        packet[16..20].copy_from_slice(&[10, 0, 0, 1]);
        packet.extend(port.to_be_bytes());
        packet.extend(38412u16.to_be_bytes());
        packet.extend([1, 2, 3, 4, 0, 0, 0, 0, chunk, 0, 0, 4]);
        packet
    }

    #[test]
    fn a_stranger_is_told_with_its_own_tag() {
        let (to, answer) = Port::default().answer(&packet(5000, HEARTBEAT)).expect("an answer");
        assert_eq!(to.to_string(), "10.0.0.2:5000");
        assert_eq!(answer[12..20], [10, 0, 0, 1, 10, 0, 0, 2]);
        assert_eq!(answer[20..28], [0x96, 0x0c, 0x13, 0x88, 1, 2, 3, 4]);
        assert_eq!(answer[32..], [ABORT, 1, 0, 4]);
        // RFC 9260 appendix A: the CRC32c of the packet with a zero checksum, least significant byte first.
        assert_ne!(answer[28..32], [0; 4]);
    }

    #[test]
    fn who_set_up_an_association_and_who_aborts_gets_no_answer() {
        let mut port = Port::default();
        assert!(port.answer(&packet(5000, COOKIE_ECHO)).is_none());
        assert!(port.answer(&packet(5000, DATA)).is_none());
        assert!(port.answer(&packet(5001, ABORT)).is_none());
        assert!(port.answer(&packet(5001, DATA)).is_some());
    }

    #[test]
    fn cut_packets_are_nothing() {
        let whole = packet(5000, DATA);
        for length in 0..whole.len() - 3 {
            assert!(Port::default().answer(&whole[..length]).is_none(), "{length}");
        }
        assert!(Port::default().answer(&[0xff; 64]).is_none());
    }
}
