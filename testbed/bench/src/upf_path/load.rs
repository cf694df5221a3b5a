//! Packets of every session and rule in turn, at random, and how long the path takes for them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use dataplane::{Forwarder, Frame, Origin};
use gtpu::{Encapsulation, PduSession, Qfi};
use rustix::time::{ClockId, clock_gettime};

use super::site::{GNB, Site, address, remote, tunnel};
use crate::Failure;

/// Frames of a burst, as a worker takes them.
const BURST: usize = 64;

/// Octets of an outer header on N3.
const OUTER: usize = gtpu::HEADROOM;

/// Sizes of the users' IP packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mix {
    /// 64 octets.
    Small,
    /// 64, 576 and 1400 octets as 7 to 4 to 1.
    Imix,
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "64 octets",
            Self::Imix => "IMIX",
        })
    }
}

/// Nanoseconds a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// From the received burst to its verdicts.
    pub(super) path: f64,
    /// Making the packets, and looking at what became of them.
    pub(super) port: f64,
}

/// A source of packets.
pub(super) struct Load {
    site: Site,
    mix: Mix,
    random: u64,
    frames: Vec<Frame>,
    /// An uplink packet in its tunnel; without the first [`OUTER`] octets, and with its ends exchanged, a downlink one.
    template: Vec<u8>,
}

impl Load {
    pub(super) fn new(site: Site, mix: Mix) -> Self {
        let frames = (0..BURST).map(|_| Frame::new(2048)).collect();
        Self { site, mix, random: 0x9e37_79b9_7f4a_7c15, frames, template: template() }
    }

    fn next(&mut self) -> u64 {
        // xorshift64*: a few cycles.
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Takes packets along the path until there were so many, all of which must be forwarded.
    pub(super) fn run(&mut self, forwarder: &mut Forwarder, packets: usize) -> Result<Times, Failure> {
        let forwarded = |forwarder: &Forwarder| forwarder.counters().snapshot().packets.iter().sum::<u64>();
        self.time(forwarder, packets / 10, Self::fill); // memory is warm, predictors have learned
        let before = forwarded(forwarder);
        let times = self.time(forwarder, packets, Self::fill);
        let lost = (packets / BURST * BURST) as u64 - (forwarded(forwarder) - before);
        if lost > 0 && !self.site.rules.drop {
            return Err(Failure::Path(format!("{lost} of {packets} packets were not forwarded")));
        }
        Ok(times)
    }

    /// Times packets that `fill` makes: all of it, and again without the path.
    pub(super) fn time(
        &mut self,
        forwarder: &mut Forwarder,
        packets: usize,
        mut fill: impl FnMut(&mut Self, &mut Frame),
    ) -> Times {
        let whole = self.pass(packets, &mut fill, |frames| {
            // One look at the clock a burst, as a worker does.
            forwarder.process(Instant::now(), frames);
            drop(forwarder.drain_events());
        });
        let port = self.pass(packets, &mut fill, |_| {});
        Times { path: whole - port, port }
    }

    /// Nanoseconds of this thread for each packet: what others do with the core meanwhile does not count.
    fn pass(
        &mut self,
        packets: usize,
        fill: &mut impl FnMut(&mut Self, &mut Frame),
        mut path: impl FnMut(&mut [Frame]),
    ) -> f64 {
        let mut frames = std::mem::take(&mut self.frames);
        let bursts = packets / BURST;
        let begun = clock_gettime(ClockId::ThreadCPUTime);
        for _ in 0..bursts {
            frames.iter_mut().for_each(|frame| fill(self, frame));
            path(&mut frames);
            std::hint::black_box(frames.iter().filter(|frame| frame.verdict.is_sent()).count());
        }
        let end = clock_gettime(ClockId::ThreadCPUTime);
        self.frames = frames;
        let time = (end.tv_sec - begun.tv_sec) as f64 * 1e9 + (end.tv_nsec - begun.tv_nsec) as f64;
        time / (bursts * BURST) as f64
    }

    /// The next packet of any session.
    pub(super) fn fill(&mut self, frame: &mut Frame) {
        let random = self.next();
        // The high half of a product is a number below the factor.
        let below = |factor: usize, random: u32| ((u64::from(random) * factor as u64) >> 32) as usize;
        let session = below(self.site.sessions, random as u32);
        let choice = (random >> 32) as u32;
        let flow = below(self.site.rules.each_way, choice);
        let length = match (self.mix, choice % 12) {
            (Mix::Small, _) | (Mix::Imix, 0..=6) => 64,
            (Mix::Imix, 7..=10) => 576,
            (Mix::Imix, _) => 1400,
        };
        self.write(frame, session, flow, length, choice & 0x1000 == 0);
    }

    /// A packet of this session and flow.
    pub(super) fn write(&self, frame: &mut Frame, session: usize, flow: usize, length: usize, uplink: bool) {
        let (ue, (host, port)) = (address(session).octets(), remote(flow));
        let from = if uplink { 0 } else { OUTER };
        let octets = OUTER + length - from;
        let room = frame.room();
        room[..octets].copy_from_slice(&self.template[from..OUTER + length]);
        let inner = &mut room[OUTER - from..];
        inner[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        let (source, destination, remote_port) = if uplink { (12, 16, 22) } else { (16, 12, 20) };
        inner[source..source + 4].copy_from_slice(&ue);
        inner[destination..destination + 4].copy_from_slice(&host.octets());
        inner[remote_port..remote_port + 2].copy_from_slice(&port.to_be_bytes());
        if uplink {
            let said = (octets - 8) as u16;
            room[2..4].copy_from_slice(&said.to_be_bytes());
            room[4..8].copy_from_slice(&tunnel(session).to_be_bytes());
        }
        let origin = if uplink { Origin::N3 } else { Origin::N6 };
        frame.received(octets, origin, SocketAddr::new(GNB, gtpu::PORT));
    }
}

/// A UDP packet in a tunnel, as long as any.
fn template() -> Vec<u8> {
    let mut octets = vec![0; OUTER + 1400];
    let header = Encapsulation { teid: 0, pdu_session: Some(PduSession::Uplink { qfi: Qfi::new(1) }) };
    // The room is what such a header needs.
    let _ = header.write(&mut octets[..OUTER], 1400);
    octets[OUTER] = 0x45;
    octets[OUTER + 8..OUTER + 10].copy_from_slice(&[64, 17]);
    octets[OUTER + 20..OUTER + 24].copy_from_slice(&[0x9c, 0x40, 0x9c, 0x40]);
    octets
}
