//! Extended protocol configuration options (TS 24.008 10.5.6.3A): what a UE asks to be configured with, and the answer.

use super::{Element, ppp};
use std::net::{Ipv4Addr, Ipv6Addr};

const IPCP: u16 = 0x8021;
const PAP: u16 = 0xc023;
const CHAP: u16 = 0xc223;
const PCSCF_IPV6: u16 = 0x0001;
const DNS_IPV6: u16 = 0x0003;
const PCSCF_IPV4: u16 = 0x000c;
const DNS_IPV4: u16 = 0x000d;
const IPV4_LINK_MTU: u16 = 0x0010;

/// One protocol or container: its identifier and contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpcoUnit {
    /// Protocol identifier (8000 and above) or container identifier.
    pub id: u16,
    /// Its contents.
    pub contents: Vec<u8>,
}

impl EpcoUnit {
    /// A unit; the contents may be empty, as in most requests.
    pub fn new(id: u16, contents: impl Into<Vec<u8>>) -> Self {
        Self { id, contents: contents.into() }
    }
}

/// What a UE sent. Identifiers that are not known are kept and ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EpcoRequest(pub Vec<EpcoUnit>);

/// What the network answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EpcoAnswer(pub Vec<EpcoUnit>);

/// What the network can configure a session with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionOptions {
    /// DNS servers.
    pub dns_ipv4: Vec<Ipv4Addr>,
    /// DNS servers.
    pub dns_ipv6: Vec<Ipv6Addr>,
    /// P-CSCF addresses.
    pub pcscf_ipv4: Vec<Ipv4Addr>,
    /// P-CSCF addresses.
    pub pcscf_ipv6: Vec<Ipv6Addr>,
    /// The link's MTU for IPv4.
    pub mtu: Option<u16>,
}

impl EpcoRequest {
    /// Asks for DNS servers and the MTU, as most phones do.
    pub fn usual() -> Self {
        Self([DNS_IPV4, DNS_IPV6, IPV4_LINK_MTU].map(|id| EpcoUnit::new(id, [])).to_vec())
    }

    /// The answer: only what was asked for and is known. `None` if that is nothing.
    pub fn answer(&self, options: &SessionOptions) -> Option<EpcoAnswer> {
        let mut units = Vec::new();
        for unit in &self.0 {
            match unit.id {
                IPCP => {
                    units.extend(ppp::ipcp_answer(&unit.contents, &options.dns_ipv4).map(|c| EpcoUnit::new(IPCP, c)))
                }
                PAP => units.extend(ppp::pap_answer(&unit.contents).map(|c| EpcoUnit::new(PAP, c))),
                CHAP => units.extend(ppp::chap_answer(&unit.contents).map(|c| EpcoUnit::new(CHAP, c))),
                DNS_IPV4 => units.extend(options.dns_ipv4.iter().map(|a| EpcoUnit::new(DNS_IPV4, a.octets()))),
                DNS_IPV6 => units.extend(options.dns_ipv6.iter().map(|a| EpcoUnit::new(DNS_IPV6, a.octets()))),
                PCSCF_IPV4 => units.extend(options.pcscf_ipv4.iter().map(|a| EpcoUnit::new(PCSCF_IPV4, a.octets()))),
                PCSCF_IPV6 => units.extend(options.pcscf_ipv6.iter().map(|a| EpcoUnit::new(PCSCF_IPV6, a.octets()))),
                IPV4_LINK_MTU => {
                    units.extend(options.mtu.map(|mtu| EpcoUnit::new(IPV4_LINK_MTU, mtu.to_be_bytes())));
                }
                _ => {}
            }
        }
        (!units.is_empty()).then_some(EpcoAnswer(units))
    }
}

impl EpcoAnswer {
    /// DNS servers, those of IPCP included.
    pub fn dns_ipv4(&self) -> Vec<Ipv4Addr> {
        let direct = self.contents_of(DNS_IPV4).filter_map(|contents| Some(Ipv4Addr::from(*contents.first_chunk()?)));
        direct.chain(self.contents_of(IPCP).flat_map(ppp::ipcp_dns)).collect()
    }

    /// DNS servers.
    pub fn dns_ipv6(&self) -> Vec<Ipv6Addr> {
        self.contents_of(DNS_IPV6).filter_map(|contents| Some(Ipv6Addr::from(*contents.first_chunk::<16>()?))).collect()
    }

    /// The link's MTU for IPv4.
    pub fn mtu(&self) -> Option<u16> {
        let contents = self.contents_of(IPV4_LINK_MTU).next()?;
        contents.first_chunk().map(|octets| u16::from_be_bytes(*octets))
    }

    fn contents_of(&self, id: u16) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |unit| unit.id == id).map(|unit| unit.contents.as_slice())
    }
}

/// Containers whose length has two octets (TS 24.008, notes to table 10.5.154).
fn has_two_octet_length(id: u16, from_network: bool) -> bool {
    match id {
        0x0041 | 0x0051 | 0x0056 => true,
        0x0023 | 0x0024 | 0x0030 | 0x0031 | 0x0032 => from_network,
        _ => false,
    }
}

/// The units that are whole; one that is cut short ends the list, for its end is not known.
fn decode_units(octets: &[u8], from_network: bool) -> Option<Vec<EpcoUnit>> {
    let (configuration, mut rest) = octets.split_first()?;
    // Bit 8 is the extension bit; PPP for IP PDN is protocol 0.
    if configuration & 0x07 != 0 {
        return None;
    }
    let mut units = Vec::new();
    while let Some((unit, next)) = decode_unit(rest, from_network) {
        units.push(unit);
        rest = next;
    }
    Some(units)
}

fn decode_unit(octets: &[u8], from_network: bool) -> Option<(EpcoUnit, &[u8])> {
    let (id, rest) = octets.split_first_chunk()?;
    let id = u16::from_be_bytes(*id);
    let (length, rest) = if has_two_octet_length(id, from_network) {
        let (length, rest) = rest.split_first_chunk()?;
        (usize::from(u16::from_be_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first()?;
        (usize::from(*length), rest)
    };
    let (contents, next) = rest.split_at_checked(length)?;
    Some((EpcoUnit::new(id, contents), next))
}

fn encode_units(units: &[EpcoUnit], from_network: bool) -> Vec<u8> {
    let mut octets = vec![0x80];
    for unit in units {
        octets.extend(unit.id.to_be_bytes());
        let length = unit.contents.len();
        if has_two_octet_length(unit.id, from_network) {
            octets.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        } else {
            octets.push(u8::try_from(length).unwrap_or(u8::MAX));
        }
        octets.extend(&unit.contents);
    }
    octets
}

impl Element for EpcoRequest {
    fn decode(octets: &[u8]) -> Option<Self> {
        decode_units(octets, false).map(Self)
    }

    fn encode(&self) -> Vec<u8> {
        encode_units(&self.0, false)
    }
}

impl Element for EpcoAnswer {
    fn decode(octets: &[u8]) -> Option<Self> {
        decode_units(octets, true).map(Self)
    }

    fn encode(&self) -> Vec<u8> {
        encode_units(&self.0, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> SessionOptions {
        SessionOptions {
            dns_ipv4: vec![Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::new(8, 8, 4, 4)],
            mtu: Some(1400),
            ..SessionOptions::default()
        }
    }

    #[test]
    fn only_what_was_asked_for_is_answered() {
        let request =
            EpcoRequest::decode(&[0x80, 0, 0x0a, 0, 0, 0x0d, 0, 0, 0x02, 0, 0xff, 0xff, 1, 9]).expect("units");
        let answer = request.answer(&options()).expect("an answer");
        assert_eq!(answer.encode(), [0x80, 0, 0x0d, 4, 8, 8, 8, 8, 0, 0x0d, 4, 8, 8, 4, 4]);
        assert_eq!((answer.dns_ipv4().len(), answer.mtu()), (2, None));
        assert_eq!(EpcoRequest(vec![EpcoUnit::new(0x0002, [])]).answer(&options()), None);
    }

    #[test]
    fn the_usual_request_gets_dns_and_mtu() {
        let answer = EpcoRequest::usual().answer(&options()).expect("an answer");
        let read = EpcoAnswer::decode(&answer.encode()).expect("units");
        assert_eq!((read.dns_ipv4(), read.mtu()), (options().dns_ipv4, Some(1400)));
    }

    #[test]
    fn rules_have_a_two_octet_length_from_the_network_only() {
        let request = EpcoRequest::decode(&[0x80, 0, 0x23, 0, 0, 0x0d, 0]).expect("units");
        assert_eq!(request.0.len(), 2);
        let answer = EpcoAnswer::decode(&[0x80, 0, 0x23, 0, 1, 7, 0, 0x0d, 4, 1, 1, 1, 1]).expect("units");
        assert_eq!(answer.0.first(), Some(&EpcoUnit::new(0x23, [7])));
        assert_eq!(answer.dns_ipv4(), [Ipv4Addr::new(1, 1, 1, 1)]);
    }

    #[test]
    fn a_unit_that_is_cut_short_ends_the_list() {
        let request = EpcoRequest::decode(&[0x80, 0, 0x0d, 0, 0, 0x10, 9, 1]).expect("units");
        assert_eq!(request.0, [EpcoUnit::new(0x0d, [])]);
    }

    #[test]
    fn ipcp_echoes_the_identifier() {
        // Configure-Request 0x17 for both DNS servers, zero: not what we have, so Nak with ours.
        let ask = [1, 0x17, 0, 16, 129, 6, 0, 0, 0, 0, 131, 6, 0, 0, 0, 0];
        let answer = EpcoRequest(vec![EpcoUnit::new(IPCP, ask)]).answer(&options()).expect("an answer");
        let nak = [3, 0x17, 0, 16, 129, 6, 8, 8, 8, 8, 131, 6, 8, 8, 4, 4];
        assert_eq!(answer.0, [EpcoUnit::new(IPCP, nak)]);
        assert_eq!(answer.dns_ipv4(), options().dns_ipv4);
    }
}
