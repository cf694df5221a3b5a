//! The XDP program: what is ours of the packets that an interface receives goes to our sockets, the rest on to the system.
//!
//! It is put together here, instruction by instruction (RFC 9669), for the addresses that it is to look at: no compiler, no
//! object file, no maps to configure.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::ethernet::{MOST_NETWORKS, Steering, network_of};

/// An instruction: eight octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

// Opcodes: class, size or source, operation.
const LOAD_OCTET: u8 = 0x71;
const LOAD_HALF: u8 = 0x69;
const LOAD_WORD: u8 = 0x61;
const LOAD_MAP: u8 = 0x18;
const MOVE: u8 = 0xbf;
const MOVE_NUMBER: u8 = 0xb7;
const ADD_NUMBER: u8 = 0x07;
const AND_NUMBER_32: u8 = 0x54;
const JUMP_IF_GREATER: u8 = 0x2d;
const JUMP_IF_EQUAL_32: u8 = 0x16;
const JUMP_IF_NOT_EQUAL_32: u8 = 0x56;
const JUMP: u8 = 0x05;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

/// `bpf_redirect_map`.
const REDIRECT_MAP: i32 = 51;
/// `XDP_PASS`: the system's.
const PASS: i32 = 2;
/// Says that the number of a map is its descriptor.
const BY_DESCRIPTOR: u8 = 1;

// Where things lie in the context, and in an Ethernet frame with IPv4 without options, or IPv6.
const DATA: i16 = 0;
const DATA_END: i16 = 4;
const QUEUE: i16 = 16;
const ETHERTYPE: i16 = 12;
const VERSION: i16 = 14;
const FRAGMENT: i16 = 20;
const PROTOCOL: i16 = 23;
const DESTINATION: i16 = 30;
const UDP_DESTINATION: i16 = 36;
const DESTINATION_IPV6: i16 = 38;

/// Where a jump goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    /// To what asks whether it is for a UE.
    Ues,
    /// To the same for IPv6, and there to the next network.
    UesIpv6,
    NextNetwork,
    Pass,
    Ours,
}

/// Instructions with jumps whose distance is not known yet.
#[derive(Default)]
struct Assembly {
    instructions: Vec<Instruction>,
    jumps: Vec<(usize, Label)>,
}

impl Assembly {
    fn put(&mut self, code: u8, (to, from): (u8, u8), offset: i16, immediate: i32) {
        self.instructions.push(Instruction { code, registers: to | from << 4, offset, immediate });
    }

    fn jump(&mut self, code: u8, registers: (u8, u8), immediate: i32, to: Label) {
        self.jumps.push((self.instructions.len(), to));
        self.put(code, registers, 0, immediate);
    }

    /// Leaves for `to` unless the packet, whose beginning is in register 2, has `length` octets.
    fn demand(&mut self, length: i32, to: Label) {
        self.put(MOVE, (4, 2), 0, 0);
        self.put(ADD_NUMBER, (4, 0), 0, length);
        self.jump(JUMP_IF_GREATER, (4, 3), 0, to);
    }

    /// Leaves for `to` unless the field is this, as it lies in the packet.
    fn demand_field(&mut self, load: u8, at: i16, value: i32, to: Label) {
        self.put(load, (5, 2), at, 0);
        self.jump(JUMP_IF_NOT_EQUAL_32, (5, 0), value, to);
    }

    /// Says that this is where the label is.
    fn mark(&mut self, label: Label) {
        let here = self.instructions.len();
        for (place, _) in self.jumps.extract_if(.., |(_, to)| *to == label) {
            if let Some(jump) = self.instructions.get_mut(place) {
                jump.offset = i16::try_from(here - place - 1).unwrap_or(0);
            }
        }
    }
}

/// Two octets of the packet as a number of the machine.
fn half(value: u16) -> i32 {
    i32::from(u16::from_ne_bytes(value.to_be_bytes()))
}

/// Four octets of the packet as a number of the machine.
fn word(octets: [u8; 4]) -> i32 {
    i32::from_ne_bytes(octets)
}

fn v4(address: IpAddr) -> Option<[u8; 4]> {
    match address {
        IpAddr::V4(v4) => Some(v4.octets()),
        IpAddr::V6(_) => None,
    }
}

fn v6(address: IpAddr) -> Option<[u8; 16]> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6.octets()),
    }
}

/// The program for sockets in this map, by the queue that a packet came on.
pub(super) fn assemble(steering: &Steering, sockets: BorrowedFd<'_>) -> Vec<Instruction> {
    let mut program = Assembly::default();
    program.put(MOVE, (6, 1), 0, 0);
    program.put(LOAD_WORD, (2, 1), DATA, 0);
    program.put(LOAD_WORD, (3, 1), DATA_END, 0);
    program.demand(34, Label::Pass);
    program.put(LOAD_HALF, (5, 2), ETHERTYPE, 0);
    program.jump(JUMP_IF_EQUAL_32, (5, 0), half(0x86dd), Label::UesIpv6);
    program.jump(JUMP_IF_NOT_EQUAL_32, (5, 0), half(0x0800), Label::Pass);
    if let Some((address, port)) = steering.n3 {
        program.demand_field(LOAD_WORD, DESTINATION, word(address.octets()), Label::Ues);
        program.demand_field(LOAD_OCTET, VERSION, 0x45, Label::Ues);
        program.demand_field(LOAD_OCTET, PROTOCOL, 17, Label::Ues);
        // Fragments are for the system to put together.
        program.put(LOAD_HALF, (5, 2), FRAGMENT, 0);
        program.put(AND_NUMBER_32, (5, 0), 0, half(0x3fff));
        program.jump(JUMP_IF_NOT_EQUAL_32, (5, 0), 0, Label::Ues);
        program.demand(42, Label::Ues);
        program.put(LOAD_HALF, (5, 2), UDP_DESTINATION, 0);
        program.jump(JUMP_IF_EQUAL_32, (5, 0), half(port), Label::Ours);
    }
    program.mark(Label::Ues);
    let networks = || steering.ues.iter().take(MOST_NETWORKS);
    for (network, length) in networks().filter_map(|(network, length)| v4(*network).zip(Some(*length))) {
        let mask = network_of(Ipv4Addr::BROADCAST.into(), length);
        program.put(LOAD_WORD, (5, 2), DESTINATION, 0);
        program.put(AND_NUMBER_32, (5, 0), 0, v4(mask).map_or(0, word));
        program.jump(JUMP_IF_EQUAL_32, (5, 0), word(network), Label::Ours);
    }
    program.jump(JUMP, (0, 0), 0, Label::Pass);
    program.mark(Label::UesIpv6);
    program.demand(54, Label::Pass);
    for (network, length) in networks().filter_map(|(network, length)| v6(*network).zip(Some(*length))) {
        let mask = v6(network_of(IpAddr::from([0xff; 16]), length)).unwrap_or_default();
        let words = network.as_chunks().0.iter().zip(mask.as_chunks().0).zip((DESTINATION_IPV6..).step_by(4));
        for ((value, mask), at) in words.filter(|((_, mask), _)| **mask != [0; 4]) {
            program.put(LOAD_WORD, (5, 2), at, 0);
            program.put(AND_NUMBER_32, (5, 0), 0, word(*mask));
            program.jump(JUMP_IF_NOT_EQUAL_32, (5, 0), word(*value), Label::NextNetwork);
        }
        program.jump(JUMP, (0, 0), 0, Label::Ours);
        program.mark(Label::NextNetwork);
    }
    program.mark(Label::Pass);
    program.put(MOVE_NUMBER, (0, 0), 0, PASS);
    program.put(EXIT, (0, 0), 0, 0);
    program.mark(Label::Ours);
    program.put(LOAD_WORD, (2, 6), QUEUE, 0);
    program.put(LOAD_MAP, (1, BY_DESCRIPTOR), 0, sockets.as_raw_fd());
    program.put(0, (0, 0), 0, 0);
    // A queue without a socket of ours: the system's.
    program.put(MOVE_NUMBER, (3, 0), 0, PASS);
    program.put(CALL, (0, 0), 0, REDIRECT_MAP);
    program.put(EXIT, (0, 0), 0, 0);
    program.instructions
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn an_instruction_is_eight_octets_and_jumps_stay_inside() {
        assert_eq!(size_of::<Instruction>(), 8);
        let file = std::fs::File::open("/dev/null").expect("opens");
        let ipv4 = (0..=255).map(|network| (IpAddr::from([10, network, 0, 0]), 16));
        let ipv6 = (0..=128).map(|length| (network_of(IpAddr::from([0xfd; 16]), length), length));
        let steering = Steering { n3: Some((Ipv4Addr::LOCALHOST, 2152)), ues: ipv4.chain(ipv6).collect() };
        let program = assemble(&steering, file.as_fd());
        let jumps = program.iter().enumerate().filter(|(_, at)| at.code & 7 == 5 || at.code & 7 == 6);
        for (place, jump) in jumps.filter(|(_, at)| at.code != CALL && at.code != EXIT) {
            let target = place as i64 + 1 + i64::from(jump.offset);
            assert!(jump.offset >= 0 && target < program.len() as i64);
        }
        assert_eq!(program.last().map(|last| last.code), Some(EXIT));
    }
}
