//! Where packets are sent besides, or in place of, where they want to go: redirection, forwarding policies, duplication
//! (TS 29.244 8.2.20, 8.2.23, 7.5.2.3-3).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::{Malformed, Value, group, take};
use crate::{Interface, OuterHeaderCreation, TransportLevelMarking};

/// Where traffic is redirected to (8.2.20); addresses are text on the wire, as in RFC 8506 8.37 to 8.39.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RedirectInformation {
    /// A server's IPv4 address.
    Ipv4(Ipv4Addr),
    /// A server's IPv6 address.
    Ipv6(Ipv6Addr),
    /// A server's addresses of both versions.
    Ipv4v6(Ipv4Addr, Ipv6Addr),
    /// A web page.
    Url(String),
    /// A SIP URI.
    SipUri(String),
}

/// Redirect address types.
mod kind {
    pub(super) const IPV4: u8 = 0;
    pub(super) const IPV6: u8 = 1;
    pub(super) const URL: u8 = 2;
    pub(super) const SIP_URI: u8 = 3;
    pub(super) const IPV4V6: u8 = 4;
}

impl Value for RedirectInformation {
    fn write(&self, out: &mut Vec<u8>) {
        let (kind, first, other) = match self {
            Self::Ipv4(v4) => (kind::IPV4, v4.to_string(), None),
            Self::Ipv6(v6) => (kind::IPV6, v6.to_string(), None),
            Self::Ipv4v6(v4, v6) => (kind::IPV4V6, v4.to_string(), Some(v6.to_string())),
            Self::Url(url) => (kind::URL, url.clone(), None),
            Self::SipUri(uri) => (kind::SIP_URI, uri.clone(), None),
        };
        out.push(kind);
        for text in [Some(first), other].into_iter().flatten() {
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend(text.bytes().take(usize::from(length)));
        }
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        fn text<'a>(octets: &mut &'a [u8]) -> Result<&'a str, Malformed> {
            let length = u16::from_be_bytes(take(octets)?);
            let (text, rest) = octets.split_at_checked(usize::from(length)).ok_or(Malformed::Length)?;
            *octets = rest;
            std::str::from_utf8(text).map_err(|_| Malformed::Content)
        }
        fn address<A: std::str::FromStr>(text: &str) -> Result<A, Malformed> {
            text.parse().map_err(|_| Malformed::Content)
        }
        let [kind] = take(&mut octets)?;
        let first = text(&mut octets)?;
        Ok(match kind & 0x0f {
            kind::IPV4 => Self::Ipv4(address(first)?),
            kind::IPV6 => Self::Ipv6(address(first)?),
            kind::URL => Self::Url(first.to_owned()),
            kind::SIP_URI => Self::SipUri(first.to_owned()),
            // Which of the two comes first is not said.
            kind::IPV4V6 => {
                let other = text(&mut octets)?;
                match address(first) {
                    Ok(v4) => Self::Ipv4v6(v4, address(other)?),
                    Err(_) => Self::Ipv4v6(address(other)?, address(first)?),
                }
            }
            _ => return Err(Malformed::Content),
        })
    }
}

/// What a policy for forwarding is called that the UP function knows (8.2.23).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ForwardingPolicy(pub Vec<u8>);

impl Value for ForwardingPolicy {
    fn write(&self, out: &mut Vec<u8>) {
        let length = u8::try_from(self.0.len()).unwrap_or(u8::MAX);
        out.push(length);
        out.extend(self.0.iter().take(usize::from(length)));
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [length] = take(&mut octets)?;
        octets.get(..usize::from(length)).map(|name| Self(name.to_vec())).ok_or(Malformed::Length)
    }
}

group! {
    /// Where a copy of each packet goes (7.5.2.3-3).
    DuplicatingParameters(
        /// Towards whom.
        destination_interface: Interface = DESTINATION_INTERFACE,
    ) {
        /// What is put before it.
        once outer_header_creation: OuterHeaderCreation = OUTER_HEADER_CREATION,
        /// How it is marked.
        once transport_level_marking: TransportLevelMarking = TRANSPORT_LEVEL_MARKING,
        /// By what policy of the UP function it is steered.
        once forwarding_policy: ForwardingPolicy = FORWARDING_POLICY,
    }
}

group! {
    /// Changes of where copies go (7.5.4.3-3).
    UpdateDuplicatingParameters() {
        /// Towards whom.
        once destination_interface: Interface = DESTINATION_INTERFACE,
        /// What is put before it.
        once outer_header_creation: OuterHeaderCreation = OUTER_HEADER_CREATION,
        /// How it is marked.
        once transport_level_marking: TransportLevelMarking = TRANSPORT_LEVEL_MARKING,
        /// By what policy of the UP function it is steered.
        once forwarding_policy: ForwardingPolicy = FORWARDING_POLICY,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn octets(value: &impl Value) -> Vec<u8> {
        let mut out = Vec::new();
        value.write(&mut out);
        out
    }

    #[test]
    fn redirections_are_text_behind_their_type() {
        let (v4, v6) = (Ipv4Addr::new(192, 0, 2, 1), "2001:db8::1".parse().expect("an address"));
        assert_eq!(octets(&RedirectInformation::Ipv4(v4)), *b"\x00\x00\x09192.0.2.1");
        for told in [
            RedirectInformation::Ipv4(v4),
            RedirectInformation::Ipv6(v6),
            RedirectInformation::Ipv4v6(v4, v6),
            RedirectInformation::Url("http://portal.example/".into()),
            RedirectInformation::SipUri("sip:top-up@example".into()),
        ] {
            assert_eq!(RedirectInformation::read(&octets(&told)), Ok(told));
        }
        let other_way_round = b"\x04\x00\x0b2001:db8::1\x00\x09192.0.2.1";
        assert_eq!(RedirectInformation::read(other_way_round), Ok(RedirectInformation::Ipv4v6(v4, v6)));
        assert_eq!(RedirectInformation::read(b"\x00\x00\x07example"), Err(Malformed::Content));
        assert_eq!(RedirectInformation::read(b"\x02\x00\x08example"), Err(Malformed::Length));
        let policy = ForwardingPolicy(b"video".to_vec());
        assert_eq!(octets(&policy), *b"\x05video");
        assert_eq!(ForwardingPolicy::read(b"\x05video and more"), Ok(policy));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (RedirectInformation::read(&octets), ForwardingPolicy::read(&octets));
            let _ = (DuplicatingParameters::read(&octets), UpdateDuplicatingParameters::read(&octets));
        }
    }
}
