//! Packets that nobody should send, against good ones: no kind may take more of the CPU.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dataplane::{DropReason, Forwarder, Frame, Origin};

use super::load::{Load, Mix};
use super::site::{GNB, Rules, Site};
use super::{Cells, Options, put};
use crate::Failure;

/// Sessions beside the hostile traffic.
const SITE: usize = 1000;

/// What is done to a good uplink packet, and its name.
type Kind = (&'static str, fn(&mut Vec<u8>));

const KINDS: [Kind; 9] = [
    ("cut in the header", |packet| packet.truncate(7)),
    ("of another version", |packet| packet[0] = 0x54),
    ("an extension header of length 0", |packet| packet[12] = 0),
    ("an extension header past the end", |packet| packet[12] = 200),
    ("a chain of extension headers", |packet| {
        // UDP port, one unit each, up to the end.
        packet[11] = 0x40;
        packet[12..].chunks_exact_mut(4).for_each(|unit| unit.copy_from_slice(&[1, 0, 0, 0x40]));
    }),
    ("an unknown extension header", |packet| packet[11] = 0xa0),
    ("an unknown tunnel", |packet| packet[4..8].copy_from_slice(&[0, 0, 0, 1])),
    ("a foreign source address", |packet| packet[16 + 12] = 99),
    ("no IP packet in the tunnel", |packet| packet[16] = 0),
];

/// Adds a cell a kind, with its ratio to good traffic of the same round.
pub(super) fn measure(options: &Options, cells: &mut Cells) -> Result<(), Failure> {
    let site = Site { sessions: SITE, rules: Rules::of(2) };
    let mut forwarder = site.forwarder();
    for _ in 0..options.rounds {
        let good = Load::new(site, Mix::Small).run(&mut forwarder, options.packets / 2)?.path;
        put(cells, "hostile: good traffic, ns a packet", good);
        for (name, spoil) in KINDS {
            let mut octets = good_packet();
            spoil(&mut octets);
            let mut load = Load::new(site, Mix::Small);
            let time = load.time(&mut forwarder, options.packets / 4, |_, frame| {
                frame.room()[..octets.len()].copy_from_slice(&octets);
                frame.received(octets.len(), Origin::N3, SocketAddr::new(GNB, gtpu::PORT));
            });
            put(cells, format!("hostile: {name}, of good traffic"), time.path / good);
        }
    }
    put(cells, "flood of one session: packets of the others lost", flood()? as f64);
    Ok(())
}

fn good_packet() -> Vec<u8> {
    let site = Site { sessions: SITE, rules: Rules::of(2) };
    let mut frame = Frame::new(2048);
    Load::new(site, Mix::Small).write(&mut frame, 7, 0, 64, true);
    frame.packet().to_vec()
}

/// One of a hundred sessions sends a hundred times what it may, the others nine tenths of it, for a second by a clock of our own.
/// Returns how many packets of those others were dropped.
fn flood() -> Result<u64, Failure> {
    const RATE: u64 = 5_120_000; // 10 000 packets of 64 octets a second
    const OTHERS: usize = 99;
    let site = Site { sessions: OTHERS + 1, rules: Rules { rate: RATE, ..Rules::of(2) } };
    let mut forwarder: Forwarder = site.forwarder();
    let load = Load::new(site, Mix::Small);
    let begun = Instant::now();
    let mut frames: Vec<Frame> = (0..OTHERS + 100).map(|_| Frame::new(2048)).collect();
    let mut lost = 0;
    for step in 0..9000u32 {
        for (place, frame) in frames.iter_mut().enumerate() {
            // Each of the others a packet, the first session a hundred.
            let session = if place < OTHERS { place + 1 } else { 0 };
            load.write(frame, session, 0, 64, step % 2 == 0);
        }
        forwarder.process(begun + Duration::from_nanos(111_111) * step, &mut frames);
        lost += frames.iter().take(OTHERS).filter(|frame| !frame.verdict.is_sent()).count() as u64;
    }
    match forwarder.counters().snapshot().dropped(DropReason::Rate) {
        0 => Err(Failure::Path("the flood was not held to its rate".into())),
        _ => Ok(lost),
    }
}
