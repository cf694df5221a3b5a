use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::super::{Cut, Trains, Virtio};
use super::*;

const BOTH: &[Kind] = &[Kind::Tcp, Kind::Udp];

/// How a packet is made: all that joining looks at can differ.
#[derive(Clone, Copy, Debug)]
struct Made {
    ipv6: bool,
    tcp: bool,
    port: u16,
    length: usize,
    /// Octets that the sender leaves out or sends again before this packet.
    skip: i8,
    push: bool,
    acknowledgment: u8,
    corrupt: Option<u8>,
}

fn made() -> impl Strategy<Value = Made> {
    let usual = prop_oneof![8 => Just(100usize), 1 => 1usize..=100];
    let skip = prop_oneof![12 => Just(0i8), 1 => -100i8..100];
    let corrupt = prop_oneof![12 => Just(None), 1 => (28u8..60).prop_map(Some)];
    let acknowledgment = prop_oneof![12 => Just(0u8), 1 => Just(1u8)];
    let rest = (usual, skip, prop::bool::weighted(0.1), acknowledgment, corrupt);
    (prop::bool::weighted(0.3), prop::bool::weighted(0.7), 1u16..3, rest).prop_map(
        |(ipv6, tcp, port, (length, skip, push, acknowledgment, corrupt))| Made {
            ipv6,
            tcp,
            port,
            length,
            skip,
            push,
            acknowledgment,
            corrupt,
        },
    )
}

/// The packets of the burst, each flow of TCP counting on.
fn burst(made: &[Made]) -> Vec<Vec<u8>> {
    let mut sequences = [[1000u32; 3]; 2];
    let packet = |(at, made): (usize, &Made)| {
        let sequence = &mut sequences[usize::from(made.ipv6)][usize::from(made.port)];
        *sequence = sequence.wrapping_add_signed(i32::from(made.skip));
        let payload: Vec<u8> = (0..made.length).map(|octet| (octet * 7 + at) as u8).collect();
        let builder = match made.ipv6 {
            true => PacketBuilder::ipv6([1; 16], [2; 16], 64),
            false => PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64),
        };
        let mut octets = Vec::new();
        if made.tcp {
            let mut step = builder.tcp(made.port, 80, *sequence, 500).ack(u32::from(made.acknowledgment));
            if made.push {
                step = step.psh();
            }
            *sequence = sequence.wrapping_add(made.length as u32);
            step.write(&mut octets, &payload).expect("a packet");
        } else {
            builder.udp(made.port, 53).write(&mut octets, &payload).expect("a packet");
        }
        if let Some(octet) = made.corrupt.and_then(|at| octets.get_mut(usize::from(at))) {
            *octet ^= 0x20;
        }
        octets
    };
    made.iter().enumerate().map(packet).collect()
}

/// What the device is given for a train, and what the system would make of it again.
fn there_and_back(packets: &[Vec<u8>], trains: &Trains<Car<'_>>) -> Vec<Vec<Vec<u8>>> {
    let through = |train: &super::super::Train<Car<'_>>| {
        let own: Vec<&Vec<u8>> = trains.places(train).map(|place| &packets[place]).collect();
        let Some(join) = Join::of(&train.car) else { return own.into_iter().cloned().collect() };
        let mut piece = join.headers().to_vec();
        own.iter().for_each(|packet| piece.extend(&packet[join.headers().len()..]));
        let header = Virtio::read(&join.virtio).expect("is one");
        let mut cut = Cut::begin(&piece, &header).expect("fits");
        let mut out = Vec::new();
        while !cut.is_done() {
            let mut room = [0; 200];
            let length = cut.write_next(&piece, &mut room);
            out.push(room[..length].to_vec());
        }
        out
    };
    trains.iter().map(through).collect()
}

proptest! {
    #[test]
    fn the_system_gets_back_the_very_packets(made in proptest::collection::vec(made(), 1..=64)) {
        let packets = burst(&made);
        let mut trains = Trains::new();
        packets.iter().enumerate().for_each(|(place, packet)| trains.add(place, Car::of(packet, BOTH)));
        let places: Vec<usize> = trains.iter().flat_map(|train| trains.places(train)).collect();
        let out: Vec<Vec<u8>> = there_and_back(&packets, &trains).into_iter().flatten().collect();
        prop_assert_eq!(out.len(), packets.len());
        for (place, mut octets) in places.into_iter().zip(out) {
            let mut expected = packets[place].clone();
            // The system counts identifications on, which nobody asks for where fragments are forbidden.
            if !made[place].ipv6 {
                for packet in [&mut expected, &mut octets] {
                    packet[4..6].fill(0);
                    packet[10..12].fill(0);
                }
            }
            prop_assert_eq!(octets, expected);
        }
    }

    #[test]
    fn no_octets_make_it_fail(burst in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..90), 1..20)) {
        let mut trains = Trains::new();
        burst.iter().enumerate().for_each(|(place, packet)| trains.add(place, Car::of(packet, BOTH)));
        there_and_back(&burst, &trains);
    }
}

fn counts(made: &[Made], kinds: &[Kind]) -> Vec<usize> {
    let packets = burst(made);
    let mut trains = Trains::new();
    packets.iter().enumerate().for_each(|(place, packet)| trains.add(place, Car::of(packet, kinds)));
    trains.iter().map(|train| train.count).collect()
}

const SEGMENT: Made =
    Made { ipv6: false, tcp: true, port: 1, length: 100, skip: 0, push: false, acknowledgment: 0, corrupt: None };

#[test]
fn a_flow_becomes_one_piece_until_it_pushes() {
    let pushed = Made { push: true, length: 40, ..SEGMENT };
    assert_eq!(counts(&[SEGMENT, SEGMENT, pushed, SEGMENT, SEGMENT], BOTH), [3, 2]);
}

#[test]
fn flows_between_other_packets_are_found() {
    let other = Made { ipv6: true, ..SEGMENT };
    assert_eq!(counts(&[SEGMENT, other, SEGMENT, other, SEGMENT], BOTH), [3, 2]);
    let datagram = Made { tcp: false, ..other };
    assert_eq!(counts(&[SEGMENT, datagram, SEGMENT, datagram], BOTH), [2, 2]);
    assert_eq!(counts(&[SEGMENT, datagram, SEGMENT, datagram], &[Kind::Tcp]), [2, 1, 1]);
    assert_eq!(counts(&[SEGMENT, SEGMENT], &[]), [1, 1]);
}

#[test]
fn a_gap_a_repeat_and_a_wrong_checksum_are_not_joined() {
    for odd in [Made { skip: 1, ..SEGMENT }, Made { skip: -100, ..SEGMENT }, Made { corrupt: Some(50), ..SEGMENT }] {
        assert_eq!(counts(&[SEGMENT, odd], BOTH), [1, 1]);
        assert_eq!(counts(&[odd, SEGMENT], BOTH).len(), if odd.corrupt.is_some() { 2 } else { 1 });
    }
}
