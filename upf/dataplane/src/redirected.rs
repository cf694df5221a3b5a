//! Whom UEs asked whose packets were redirected, so that the answers come from there.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::inner::Inner;
use crate::rewrite::ports;

/// Flows of a session that are remembered; of more the one that was heard of least lately is forgotten.
const MOST: usize = 128;

/// What an answer is known by: the server, the UE's address, protocol and ports (the UE's first). A UE that asks several
/// servers from one port to the same port of theirs gets all answers as from the last of them.
type Flow = (IpAddr, IpAddr, u8, u16, u16);

/// The flows of a session.
#[derive(Default)]
pub(crate) struct Redirected {
    flows: HashMap<Flow, (IpAddr, u64)>,
    /// Counts on with every packet.
    turn: u64,
}

impl Redirected {
    /// Notes whom an uplink packet was for that goes to this server instead.
    pub(crate) fn note(&mut self, packet: &[u8], inner: &Inner, server: IpAddr) {
        let Some((protocol, own, theirs)) = ports(packet) else { return };
        let flow = (server, inner.source, protocol, own, theirs);
        self.turn += 1;
        if !self.flows.contains_key(&flow) && self.flows.len() >= MOST {
            let oldest = self.flows.iter().min_by_key(|(_, (_, turn))| *turn).map(|(flow, _)| *flow);
            oldest.and_then(|oldest| self.flows.remove(&oldest));
        }
        self.flows.insert(flow, (inner.destination, self.turn));
    }

    /// Whom the UE asked of what comes as an answer.
    pub(crate) fn asked(&self, packet: &[u8]) -> Option<IpAddr> {
        if self.flows.is_empty() {
            return None;
        }
        let (inner, (protocol, theirs, own)) = (Inner::parse(packet)?, ports(packet)?);
        self.flows.get(&(inner.source, inner.destination, protocol, own, theirs)).map(|(asked, _)| *asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(from: [u8; 4], to: [u8; 4], ports: (u16, u16)) -> (Vec<u8>, Inner) {
        let mut packet = Vec::new();
        let builder = etherparse::PacketBuilder::ipv4(from, to, 64).udp(ports.0, ports.1);
        builder.write(&mut packet, &[7]).expect("a packet");
        let inner = Inner::parse(&packet).expect("is IP");
        (packet, inner)
    }

    #[test]
    fn flows_are_remembered_up_to_a_bound_the_latest_ones() {
        let (ue, server, mut redirected) = ([10, 45, 0, 2], [192, 0, 2, 9], Redirected::default());
        for port in 0..1000u16 {
            let [high, low] = port.to_be_bytes();
            let (asked, inner) = packet(ue, [198, 51, high, low], (port, 80));
            redirected.note(&asked, &inner, server.into());
            assert!(redirected.flows.len() <= MOST);
        }
        let asked = |port: u16| redirected.asked(&packet(server, ue, (80, port)).0);
        assert_eq!(asked(999), Some([198, 51, 3, 231].into()));
        assert_eq!(asked(1000 - MOST as u16), Some([198, 51, 3, 104].into()));
        assert_eq!(asked(999 - MOST as u16), None);
        assert_eq!(redirected.asked(&packet(server, ue, (81, 999)).0), None, "from another port");
    }
}
