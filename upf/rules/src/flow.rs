//! Flow descriptions: the IPFilterRule of RFC 6733 4.3.1 as TS 29.244 8.2.5 and TS 29.212 5.4.2 narrow it.

use ipnet::IpNet;

/// Ports from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    /// The lowest.
    pub low: u16,
    /// The highest.
    pub high: u16,
}

/// A flow, seen from the UE: `permit out PROTOCOL from REMOTE to UE`.
///
/// It holds for both directions: uplink packets have the remote end as destination, downlink ones as source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Protocol number.
    pub protocol: Option<u8>,
    /// Addresses of the remote end.
    pub remote: Option<IpNet>,
    /// Ports of the remote end; empty: any.
    pub remote_ports: Vec<Ports>,
    /// Addresses of the UE's end; none: the UE's own.
    pub local: Option<IpNet>,
    /// Ports of the UE's end; empty: any.
    pub local_ports: Vec<Ports>,
}

/// What is wrong with a flow description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFlow {
    /// Not `permit out`.
    #[error("only 'permit out' is a flow")]
    Action,
    /// The protocol is neither `ip` nor a number.
    #[error("protocol")]
    Protocol,
    /// An address is missing or malformed, or inverted (`!`).
    #[error("address")]
    Address,
    /// A port or range of ports is malformed, or there are too many.
    #[error("ports")]
    Ports,
    /// Words after the rule: options are not allowed.
    #[error("options")]
    Options,
}

/// Ranges of ports that one end may list.
const MOST_RANGES: usize = 16;

impl std::str::FromStr for Flow {
    type Err = BadFlow;

    fn from_str(text: &str) -> Result<Self, BadFlow> {
        match text.split_ascii_whitespace().nth(1) {
            Some("out") => Self::of_either_direction(text),
            _ => Err(BadFlow::Action),
        }
    }
}

impl Flow {
    /// A flow of an application: protocol, and address and port of the server (TS 29.251 6.4.3.7). It may be described in either
    /// direction, by who counts in from the UE or from the server: the end of which something is said is the server's.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn of_server(text: &str) -> Result<Self, BadFlow> {
        let flow = Self::of_either_direction(text)?;
        let from_ue = text.split_ascii_whitespace().nth(1) == Some("in");
        let open = |network: &Option<IpNet>, ports: &[Ports]| network.is_none() && ports.is_empty();
        let from_is_server = match (open(&flow.remote, &flow.remote_ports), open(&flow.local, &flow.local_ports)) {
            (false, false) => !from_ue,
            (from_open, _) => !from_open,
        };
        Ok(if from_is_server { flow } else { flow.seen_from_the_other_end() })
    }

    fn seen_from_the_other_end(self) -> Self {
        let Self { protocol, remote, remote_ports, local, local_ports } = self;
        Self { protocol, remote: local, remote_ports: local_ports, local: remote, local_ports: remote_ports }
    }

    /// The end named first as the remote one.
    fn of_either_direction(text: &str) -> Result<Self, BadFlow> {
        let mut words = text.split_ascii_whitespace().peekable();
        if !matches!((words.next(), words.next()), (Some("permit"), Some("in" | "out"))) {
            return Err(BadFlow::Action);
        }
        let protocol = match words.next() {
            Some("ip") => None,
            Some(number) => Some(number.parse().map_err(|_| BadFlow::Protocol)?),
            None => return Err(BadFlow::Protocol),
        };
        let (remote, remote_ports) = end(&mut words, "from")?;
        let (local, local_ports) = end(&mut words, "to")?;
        match words.next() {
            Some(_) => Err(BadFlow::Options),
            None => Ok(Self { protocol, remote, remote_ports, local, local_ports }),
        }
    }
}

/// One end: its keyword, an address, and perhaps ports.
fn end<'a>(
    words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    keyword: &str,
) -> Result<(Option<IpNet>, Vec<Ports>), BadFlow> {
    if words.next() != Some(keyword) {
        return Err(BadFlow::Address);
    }
    let network = address(words.next().ok_or(BadFlow::Address)?)?;
    let list = words.next_if(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    Ok((network, list.map_or(Ok(Vec::new()), ports)?))
}

fn address(word: &str) -> Result<Option<IpNet>, BadFlow> {
    match word {
        "any" | "assigned" => Ok(None),
        _ => {
            let host = || word.parse::<std::net::IpAddr>().map(IpNet::from).ok();
            let network = word.parse::<IpNet>().ok().or_else(host).ok_or(BadFlow::Address)?;
            Ok((network.prefix_len() > 0).then(|| network.trunc()))
        }
    }
}

fn ports(list: &str) -> Result<Vec<Ports>, BadFlow> {
    let range = |item: &str| {
        let (low, high) = item.split_once('-').unwrap_or((item, item));
        let ports = Ports { low: low.parse().ok()?, high: high.parse().ok()? };
        (ports.low <= ports.high).then_some(ports)
    };
    let ranges: Option<Vec<Ports>> = list.split(',').map(range).collect();
    ranges.filter(|ranges| ranges.len() <= MOST_RANGES).ok_or(BadFlow::Ports)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_ones() {
        assert_eq!("permit out ip from any to assigned".parse(), Ok(Flow::default()));
        assert_eq!("permit out ip from 0.0.0.0/0 to any".parse(), Ok(Flow::default()));
        let web = Flow {
            protocol: Some(6),
            remote: Some("192.0.2.0/24".parse().expect("a network")),
            remote_ports: vec![Ports { low: 80, high: 80 }, Ports { low: 8000, high: 8099 }],
            local: Some("10.45.0.2/32".parse().expect("a network")),
            local_ports: vec![Ports { low: 1024, high: 65535 }],
        };
        assert_eq!("permit out 6 from 192.0.2.7/24 80,8000-8099 to 10.45.0.2 1024-65535".parse(), Ok(web));
        let v6: Flow = "permit out 17 from 2001:db8::/32 to assigned 53".parse().expect("a flow");
        assert_eq!(v6.local_ports, [Ports { low: 53, high: 53 }]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text: &str| text.parse::<Flow>().expect_err(text);
        assert_eq!(wrong(""), BadFlow::Action);
        assert_eq!(wrong("deny out ip from any to any"), BadFlow::Action);
        assert_eq!(wrong("permit in ip from any to any"), BadFlow::Action);
        assert_eq!(wrong("permit out tcp from any to any"), BadFlow::Protocol);
        assert_eq!(wrong("permit out 256 from any to any"), BadFlow::Protocol);
        assert_eq!(wrong("permit out ip from !any to any"), BadFlow::Address);
        assert_eq!(wrong("permit out ip from 10.0.0.0/33 to any"), BadFlow::Address);
        assert_eq!(wrong("permit out ip from any"), BadFlow::Address);
        assert_eq!(wrong("permit out 6 from any 80- to any"), BadFlow::Ports);
        assert_eq!(wrong("permit out 6 from any 90-80 to any"), BadFlow::Ports);
        assert_eq!(wrong("permit out 6 from any 70000 to any"), BadFlow::Ports);
        assert_eq!(wrong("permit out 6 from any to any frag"), BadFlow::Options);
        let long = format!("permit out 6 from any {} to any", vec!["1"; 17].join(","));
        assert_eq!(wrong(&long), BadFlow::Ports);
    }

    #[test]
    fn the_server_is_the_end_that_is_described() {
        let server = "permit out 6 from 192.0.2.7 443 to any".parse::<Flow>().expect("a flow");
        for text in [
            "permit out 6 from 192.0.2.7 443 to assigned",
            "permit out 6 from any to 192.0.2.7 443",
            "permit in 6 from any to 192.0.2.7 443",
            "permit in 6 from 192.0.2.7 443 to any",
        ] {
            assert_eq!(Flow::of_server(text).as_ref(), Ok(&server), "{text}");
        }
        let both = Flow::of_server("permit in 6 from 10.45.0.2 to 192.0.2.7").expect("a flow");
        assert_eq!(both, "permit out 6 from 192.0.2.7 to 10.45.0.2".parse().expect("a flow"));
        assert_eq!(Flow::of_server("permit out ip from any to any"), Ok(Flow::default()));
        assert_eq!(Flow::of_server("permit to 6 from any to any"), Err(BadFlow::Action));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(permit (out|in))? ?(ip|[0-9]{1,3})? ?.{0,60}") {
            let _ = text.parse::<Flow>();
            let _ = Flow::of_server(&text);
        }
    }
}
