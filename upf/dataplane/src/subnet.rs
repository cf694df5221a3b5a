//! What the path must know of the networks that UEs are in.

use std::net::IpAddr;

/// A pool of UE addresses of a data network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its network.
    pub network: IpAddr,
    /// Length of its prefix, bits.
    pub prefix: u8,
    /// The user plane function's own address there, from which senders hear of packets that are too long.
    pub gateway: IpAddr,
    /// Octets of the longest packet that passes.
    pub mtu: u16,
}

impl Subnet {
    /// Whether a UE of this address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        let differ = match (self.network, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
            (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
            _ => return false,
        };
        differ.leading_zeros() >= u32::from(self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_the_network_of_its_first_bits() {
        let holds = |network: &str, prefix, address: &str| {
            let [network, address] = [network, address].map(|text| text.parse().expect("an address"));
            Subnet { network, prefix, gateway: network, mtu: 1400 }.holds(address)
        };
        assert!(holds("10.45.0.0", 16, "10.45.255.255") && !holds("10.45.0.0", 16, "10.46.0.0"));
        assert!(holds("0.0.0.0", 0, "10.46.0.0") && holds("10.0.0.1", 32, "10.0.0.1"));
        assert!(holds("fd00:10:45::", 48, "fd00:10:45:9::1") && !holds("fd00:10:45::", 48, "fd00:10:46::1"));
        assert!(!holds("::", 0, "10.0.0.1"), "of the other version");
    }
}
