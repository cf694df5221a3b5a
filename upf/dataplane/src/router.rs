//! The UPF as the router on the link of a UE with IPv6 (TS 23.501 5.8.2.2.3, RFC 4861): what a UE asks on the link, and what it
//! is told. On the link are these two alone, and no link layer: nothing is resolved, no duplicate is detected.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use rules::Source;

use crate::Moment;
use crate::answers::Answers;
use crate::offload::Sum;

/// Our address on every such link. The SMF gives UEs other interface identifiers.
pub(crate) const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Seconds for which a UE takes us for its router: the most the field says, and more than three times [`INTERVAL`].
const LIFETIME: u16 = u16::MAX;

/// Between advertisements that nobody asked for. More often they would wake UEs for nothing.
const INTERVAL: Duration = Duration::from_secs(5 * 3600);

/// Answers to one UE's questions in a second.
const ANSWERS: u32 = 10;

const ICMPV6: u8 = 58;
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;

/// Octets of the header of IPv6.
const HEADER: usize = 40;

/// Octets of an advertisement of ours.
pub(crate) const ADVERTISEMENT: usize = HEADER + 16 + 32 + 8;

/// Octets of an answer to who looks whether we are still there.
const CONFIRMATION: usize = HEADER + 24;

/// The link of one session.
pub(crate) struct Router {
    /// The network of the prefix of 64 bits that is the UE's.
    pub(crate) prefix: Ipv6Addr,
    /// The place of the PDR whose packets to the UE share the way with ours: the last of those from the data network.
    pub(crate) pdr: u16,
    /// When the UE is told of its router without having asked.
    pub(crate) next: Instant,
    answers: Answers,
}

impl Router {
    /// Of a session with these addresses and these PDRs, each with its place. `None`: it has no IPv6.
    pub(crate) fn of<'a>(
        addresses: &[IpAddr],
        pdrs: impl Iterator<Item = (u16, &'a rules::Pdr)>,
        now: Instant,
    ) -> Option<Box<Self>> {
        let address = addresses.iter().find_map(|address| match address {
            IpAddr::V6(v6) => Some(*v6),
            IpAddr::V4(_) => None,
        })?;
        let prefix = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
        let to_ue = pdrs.filter(|(_, pdr)| pdr.pdi.source == Source::Core);
        let (pdr, _) = to_ue.max_by_key(|(_, pdr)| pdr.precedence)?;
        Some(Box::new(Self { prefix, pdr, next: now, answers: Answers::new(ANSWERS) }))
    }

    /// Takes over when the UE is to be told, and how much it was.
    pub(crate) fn inherit(&mut self, before: Self) {
        if self.prefix == before.prefix {
            (self.next, self.answers) = (before.next, before.answers);
        }
    }

    /// What the UE is told that nobody asked for, and when it is next.
    pub(crate) fn unasked(&mut self, now: Instant, mtu: u16) -> [u8; ADVERTISEMENT] {
        self.next = now + INTERVAL;
        advertisement(self.prefix, mtu, ALL_NODES)
    }

    /// The answer to a packet of the UE, if it is a question that has one.
    pub(crate) fn answer(&mut self, now: Moment, packet: &[u8], mtu: u16) -> Option<Answer> {
        let question = Question::read(packet).filter(|_| self.answers.take(now))?;
        Some(match question {
            Question::Router { from: Ipv6Addr::UNSPECIFIED } => {
                Answer::Advertisement(advertisement(self.prefix, mtu, ALL_NODES))
            }
            Question::Router { from } => Answer::Advertisement(advertisement(self.prefix, mtu, from)),
            Question::StillThere { from } => Answer::Confirmation(confirmation(from)),
        })
    }
}

/// What a UE is answered: an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Advertisement([u8; ADVERTISEMENT]),
    Confirmation([u8; CONFIRMATION]),
}

impl Answer {
    pub(crate) fn octets(&self) -> &[u8] {
        match self {
            Self::Advertisement(octets) => octets,
            Self::Confirmation(octets) => octets,
        }
    }
}

/// What a UE may ask its router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Router Solicitation.
    Router { from: Ipv6Addr },
    /// Neighbour Solicitation for our address, of who looks whether we are reachable (RFC 4861 7.3).
    StillThere { from: Ipv6Addr },
}

impl Question {
    /// Reads a packet and makes the checks of RFC 4861 6.1.1 and 7.1.1. `None`: it is no such question, or a wrong one.
    fn read(packet: &[u8]) -> Option<Self> {
        let &[_, _, _, _, high, low, ICMPV6, 255, ..] = packet else { return None };
        let (header, rest) = packet.split_first_chunk::<HEADER>()?;
        let message = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
        let (from, to) = (address(header, 8)?, address(header, 24)?);
        if header.first()? >> 4 != 6 || !checked(from, to, message).is_right() {
            return None;
        }
        match *message {
            [ROUTER_SOLICITATION, 0, _, _, _, _, _, _, ref options @ ..] => {
                let options = Options::read(options)?;
                // Who has no address yet has nothing to be answered at by its link layer either.
                let contradicts = from.is_unspecified() && options.source_link_layer_address;
                (!contradicts).then_some(Self::Router { from })
            }
            [NEIGHBOUR_SOLICITATION, 0, _, _, _, _, _, _, ref rest @ ..] => {
                let (target, options) = rest.split_first_chunk::<16>()?;
                Options::read(options)?;
                let of_us = Ipv6Addr::from(*target) == ROUTER;
                (of_us && !from.is_unspecified()).then_some(Self::StillThere { from })
            }
            _ => None,
        }
    }
}

fn address(header: &[u8; HEADER], at: usize) -> Option<Ipv6Addr> {
    header.get(at..)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets))
}

/// Options of a message, all of which were whole.
struct Options {
    source_link_layer_address: bool,
}

impl Options {
    fn read(mut octets: &[u8]) -> Option<Self> {
        let mut options = Self { source_link_layer_address: false };
        while let [kind, units, ..] = *octets {
            options.source_link_layer_address |= kind == SOURCE_LINK_LAYER_ADDRESS;
            // An option of no length would be read for ever (RFC 4861 4.6).
            let length = usize::from(units) * 8;
            octets = octets.get(length..).filter(|_| length > 0)?;
        }
        octets.is_empty().then_some(options)
    }
}

/// The sum of a message of ICMPv6 with the pseudo header (RFC 4443 2.3).
fn checked(from: Ipv6Addr, to: Ipv6Addr, message: &[u8]) -> Sum {
    Sum::pseudo_header(&from.octets(), &to.octets(), ICMPV6, message.len()).add(message)
}

/// Writes the header before a message of ICMPv6 in a packet of its own, and the message's checksum.
///
/// `packet` is [`HEADER`] octets of room and the message, with a zero in place of the checksum.
pub(crate) fn finish(packet: &mut [u8], from: Ipv6Addr, to: Ipv6Addr, hop_limit: u8) {
    let Some((header, message)) = packet.split_first_chunk_mut::<HEADER>() else { return };
    let [high, low] = checked(from, to, message).checksum();
    if let [_, _, first, second, ..] = message {
        (*first, *second) = (high, low);
    }
    let [length_high, length_low] = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    let start = [0x60, 0, 0, 0, length_high, length_low, ICMPV6, hop_limit];
    let octets = start.into_iter().chain(from.octets()).chain(to.octets());
    header.iter_mut().zip(octets).for_each(|(octet, value)| *octet = value);
}

/// Router Advertisement (RFC 4861 4.2): the prefix is for addresses of the UE's own making (A), not for
/// neighbours on the link (no L), and for ever; there is no DHCPv6 (no M, no O). With the link's MTU.
fn advertisement(prefix: Ipv6Addr, mtu: u16, to: Ipv6Addr) -> [u8; ADVERTISEMENT] {
    const HOP_LIMIT: u8 = 64;
    const AUTONOMOUS: u8 = 0x40;
    let [life_high, life_low] = LIFETIME.to_be_bytes();
    let mut packet = [0; ADVERTISEMENT];
    let router = [ROUTER_ADVERTISEMENT, 0, 0, 0, HOP_LIMIT, 0, life_high, life_low, 0, 0, 0, 0, 0, 0, 0, 0];
    // Valid and preferred for ever, four octets reserved.
    let of_prefix = [3, 4, 64, AUTONOMOUS, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0];
    let [mtu_high, mtu_low] = mtu.to_be_bytes();
    let of_mtu = [5, 1, 0, 0, 0, 0, mtu_high, mtu_low];
    let message = router.into_iter().chain(of_prefix).chain(prefix.octets()).chain(of_mtu);
    packet.iter_mut().skip(HEADER).zip(message).for_each(|(octet, value)| *octet = value);
    finish(&mut packet, ROUTER, to, 255);
    packet
}

/// Neighbour Advertisement (RFC 4861 4.4): a router, asked for, and without a link-layer address.
fn confirmation(to: Ipv6Addr) -> [u8; CONFIRMATION] {
    const ROUTER_AND_SOLICITED: u8 = 0xc0;
    let mut packet = [0; CONFIRMATION];
    let message = [NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, ROUTER_AND_SOLICITED, 0, 0, 0].into_iter().chain(ROUTER.octets());
    packet.iter_mut().skip(HEADER).zip(message).for_each(|(octet, value)| *octet = value);
    finish(&mut packet, ROUTER, to, 255);
    packet
}

/// Whether an address means something on one link only: packets from or to it are not forwarded (RFC 4291 2.5.6, 2.7).
#[inline]
pub(crate) fn is_of_link(address: IpAddr) -> bool {
    let IpAddr::V6(v6) = address else { return false };
    match v6.octets() {
        [0xfe, second, ..] => second & 0xc0 == 0x80,
        // Multicast of the interface, or of the link.
        [0xff, second, ..] => second & 0x0f <= 2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

    fn packet(from: Ipv6Addr, to: Ipv6Addr, hop_limit: u8, message: &[u8]) -> Vec<u8> {
        let mut packet = [&[0; HEADER], message].concat();
        finish(&mut packet, from, to, hop_limit);
        packet
    }

    fn solicitation(options: &[u8]) -> Vec<u8> {
        [&[ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0], options].concat()
    }

    fn is_there(target: Ipv6Addr) -> Vec<u8> {
        [&[NEIGHBOUR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0][..], &target.octets()].concat()
    }

    #[test]
    fn an_advertisement_is_what_another_reader_says_it_is() {
        let prefix: Ipv6Addr = "fd00:10:45:7::".parse().expect("an address");
        let octets = advertisement(prefix, 1400, UE);
        let sliced = etherparse::SlicedPacket::from_ip(&octets).expect("IPv6");
        let (Some(etherparse::NetSlice::Ipv6(ip)), Some(etherparse::TransportSlice::Icmpv6(icmp))) =
            (&sliced.net, &sliced.transport)
        else {
            panic!("{sliced:?}");
        };
        assert_eq!((ip.header().source_addr(), ip.header().destination_addr()), (ROUTER, UE));
        assert_eq!(ip.header().hop_limit(), 255);
        assert!(icmp.is_checksum_valid(ROUTER.octets(), UE.octets()));
        assert_eq!((icmp.type_u8(), icmp.code_u8()), (134, 0));
        // Hop limit 64, neither M nor O, 65535 s; the prefix with A alone and for ever; the MTU.
        assert_eq!(octets[44..48], [64, 0, 255, 255]);
        assert_eq!(octets[56..68], [3, 4, 64, 0x40, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(octets[72..88], prefix.octets());
        assert_eq!(octets[88..], [5, 1, 0, 0, 0, 0, 5, 120]);
    }

    #[test]
    fn questions_are_read_and_wrong_ones_are_not() {
        let ask = |from, hop_limit, message: &[u8]| Question::read(&packet(from, ALL_ROUTERS, hop_limit, message));
        assert_eq!(ask(UE, 255, &solicitation(&[])), Some(Question::Router { from: UE }));
        let address = [1, 1, 2, 0, 0, 0, 0, 1];
        assert_eq!(ask(UE, 255, &solicitation(&address)), Some(Question::Router { from: UE }));
        let nobody = Ipv6Addr::UNSPECIFIED;
        assert_eq!(ask(nobody, 255, &solicitation(&[])), Some(Question::Router { from: nobody }));
        assert_eq!(ask(nobody, 255, &solicitation(&address)), None, "an address of one without");
        assert_eq!(ask(UE, 254, &solicitation(&[])), None, "it was forwarded");
        assert_eq!(ask(UE, 255, &solicitation(&[9, 0, 0, 0, 0, 0, 0, 0])), None, "an option without end");
        assert_eq!(ask(UE, 255, &solicitation(&[9, 1, 0, 0])), None, "an option cut short");
        assert_eq!(ask(UE, 255, &[ROUTER_SOLICITATION, 1, 0, 0, 0, 0, 0, 0]), None, "a code");
        assert_eq!(ask(UE, 255, &is_there(ROUTER)), Some(Question::StillThere { from: UE }));
        assert_eq!(ask(UE, 255, &is_there(UE)), None, "of another");
        assert_eq!(ask(nobody, 255, &is_there(ROUTER)), None, "detection of duplicates: we are not its duplicate");
        let mut wrong = packet(UE, ALL_ROUTERS, 255, &solicitation(&[]));
        wrong[42] ^= 1;
        assert_eq!(Question::read(&wrong), None, "the checksum");
    }

    #[test]
    fn a_confirmation_is_read_as_one() {
        let octets = confirmation(UE);
        let sliced = etherparse::SlicedPacket::from_ip(&octets).expect("IPv6");
        let Some(etherparse::TransportSlice::Icmpv6(icmp)) = &sliced.transport else { panic!("{sliced:?}") };
        assert!(icmp.is_checksum_valid(ROUTER.octets(), UE.octets()));
        assert_eq!((icmp.type_u8(), &octets[48..64]), (136, &ROUTER.octets()[..]));
    }

    #[test]
    fn addresses_of_a_link_are_told_from_others() {
        let of_link = |text: &str| is_of_link(text.parse().expect("an address"));
        for on_it in ["fe80::1", "febf::1", "ff02::2", "ff01::1", "ff12::1"] {
            assert!(of_link(on_it), "{on_it}");
        }
        for beyond in ["fd00::1", "2001:db8::1", "fec0::1", "ff05::2", "ff0e::1", "::", "10.0.0.1", "224.0.0.1"] {
            assert!(!of_link(beyond), "{beyond}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_of_a_ue_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Question::read(&octets);
        }

        /// A right question, changed and cut: it is read as one, or not at all.
        #[test]
        fn nor_do_questions_that_were_tampered_with(
            at in 0..72usize, value: u8, length in 0..90usize, neighbour: bool, options in proptest::collection::vec(any::<u8>(), 0..24),
        ) {
            let message = if neighbour { is_there(ROUTER) } else { solicitation(&options) };
            let mut octets = packet(UE, ALL_ROUTERS, 255, &message);
            if let Some(octet) = octets.get_mut(at) {
                *octet = value;
            }
            octets.truncate(length);
            let _ = Question::read(&octets);
        }
    }
}
