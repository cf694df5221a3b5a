//! Framed routes: networks behind a UE (TS 29.244 5.16).

use std::net::IpAddr;

use ipnet::IpNet;

/// Reads a framed route, of IPv4 (RFC 2865 5.22) or IPv6 (RFC 3162 2.5): the prefix; gateway and metrics behind it say
/// nothing here, the gateway is the UE. `None`: it is none, or everything.
pub fn framed_route(text: &str, ipv4: bool) -> Option<IpNet> {
    let word = text.split_ascii_whitespace().next()?;
    let network = match word.parse::<IpNet>() {
        Ok(network) => network.trunc(),
        Err(_) => {
            let address: IpAddr = word.parse().ok()?;
            IpNet::new(address, usual_length(address)).ok()?.trunc()
        }
    };
    (network.addr().is_ipv4() == ipv4 && network.prefix_len() > 0).then_some(network)
}

/// Where no length is said: in IPv4 that of the address's class.
fn usual_length(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [..0x80, ..] => 8,
            [..0xc0, ..] => 16,
            _ => 24,
        },
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_prefix_counts() {
        let v4 = |text: &str| framed_route(text, true).map(|network| network.to_string());
        assert_eq!(v4("192.168.1.0/24 192.168.1.1 1").as_deref(), Some("192.168.1.0/24"));
        assert_eq!(v4("192.168.1.7/24").as_deref(), Some("192.168.1.0/24"));
        assert_eq!(v4("192.168.1.0 0.0.0.0 1 2 -1").as_deref(), Some("192.168.1.0/24"));
        assert_eq!(
            (v4("10.0.0.0").as_deref(), v4("172.16.0.0").as_deref()),
            (Some("10.0.0.0/8"), Some("172.16.0.0/16"))
        );
        let v6 = framed_route("2001:db8:7::/48 2001:db8::1 1", false).map(|network| network.to_string());
        assert_eq!(v6.as_deref(), Some("2001:db8:7::/48"));
        for none in ["", "  ", "0.0.0.0/0", "192.168.1.0/33", "example.org", "2001:db8::/32"] {
            assert_eq!(v4(none), None, "{none}");
        }
        assert_eq!(framed_route("192.168.1.0/24", false), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9a-f:.]{0,20}/?[0-9]{0,4} ?.{0,20}", ipv4: bool) {
            let _ = framed_route(&text, ipv4);
        }
    }
}
