//! The system's interfaces, routes and neighbours, by rtnetlink.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use crate::ethernet::Mac;

/// What the system knows of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) index: u32,
    pub(crate) mac: Mac,
}

/// The system's tables, asked by rtnetlink.
pub(crate) struct Tables {
    socket: Socket,
    answer: Vec<u8>,
}

impl Tables {
    /// # Errors
    /// Where the system gives no socket.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, answer: vec![0; 16_384] })
    }

    /// Asks for one thing, or to do it.
    fn exchange(
        &mut self,
        flags: u16,
        message: RouteNetlinkMessage,
    ) -> io::Result<NetlinkPayload<RouteNetlinkMessage>> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let mut octets = vec![0; message.buffer_len()];
        message.serialize(&mut octets);
        self.socket.send(&octets, 0)?;
        let length = self.socket.recv(&mut &mut self.answer[..], 0)?;
        let answer = self.answer.get(..length).unwrap_or_default();
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(answer).map_err(io::Error::other)?;
        match answer.payload {
            NetlinkPayload::Error(refused) if refused.code.is_some() => Err(refused.to_io()),
            answered => Ok(answered),
        }
    }

    fn ask(&mut self, question: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
        match self.exchange(0, question)? {
            NetlinkPayload::InnerMessage(answer) => Ok(answer),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Has a network reached through an interface, without a next hop.
    ///
    /// # Errors
    /// What the system says: no permission, no such version of IP.
    pub(crate) fn route(&mut self, network: &IpNet, interface: u32) -> io::Result<()> {
        let mut route = RouteMessage::default();
        route.header.address_family = family(network.addr());
        route.header.destination_prefix_length = network.prefix_len();
        route.header.table = RouteHeader::RT_TABLE_MAIN;
        route.header.protocol = RouteProtocol::Static;
        route.header.scope = if network.addr().is_ipv4() { RouteScope::Link } else { RouteScope::Universe };
        route.header.kind = RouteType::Unicast;
        let destination = match network.network() {
            IpAddr::V4(v4) => RouteAddress::Inet(v4),
            IpAddr::V6(v6) => RouteAddress::Inet6(v6),
        };
        route.attributes = vec![RouteAttribute::Destination(destination), RouteAttribute::Oif(interface)];
        self.exchange(NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, RouteNetlinkMessage::NewRoute(route)).map(drop)
    }

    fn interface(&mut self, name: &str) -> io::Result<Interface> {
        let mut question = LinkMessage::default();
        question.attributes.push(LinkAttribute::IfName(name.into()));
        let RouteNetlinkMessage::NewLink(link) = self.ask(RouteNetlinkMessage::GetLink(question))? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mac = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Address(octets) => Mac::try_from(octets.as_slice()).ok(),
            _ => None,
        });
        let mac = mac.ok_or_else(|| io::Error::other("it is no Ethernet"))?;
        Ok(Interface { index: link.header.index, mac })
    }

    /// The next hop on the way to an address, and the interface it is behind.
    pub(crate) fn next_hop(&mut self, to: IpAddr) -> io::Result<(IpAddr, u32)> {
        let mut question = RouteMessage::default();
        let (length, destination) = match to {
            IpAddr::V4(v4) => (32, RouteAddress::Inet(v4)),
            IpAddr::V6(v6) => (128, RouteAddress::Inet6(v6)),
        };
        question.header.address_family = family(to);
        question.header.destination_prefix_length = length;
        question.attributes.push(RouteAttribute::Destination(destination));
        let RouteNetlinkMessage::NewRoute(route) = self.ask(RouteNetlinkMessage::GetRoute(question))? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let (mut hop, mut interface) = (to, 0);
        for attribute in &route.attributes {
            match attribute {
                RouteAttribute::Gateway(RouteAddress::Inet(gateway)) => hop = (*gateway).into(),
                RouteAttribute::Gateway(RouteAddress::Inet6(gateway)) => hop = (*gateway).into(),
                RouteAttribute::Oif(index) => interface = *index,
                _ => {}
            }
        }
        Ok((hop, interface))
    }

    pub(crate) fn neighbour(&mut self, (hop, interface): (IpAddr, u32)) -> io::Result<Option<Mac>> {
        let mut question = NeighbourMessage::default();
        question.header.family = family(hop);
        question.header.ifindex = interface;
        let hop = match hop {
            IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
            IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
        };
        question.attributes.push(NeighbourAttribute::Destination(hop));
        let RouteNetlinkMessage::NewNeighbour(neighbour) = self.ask(RouteNetlinkMessage::GetNeighbour(question))?
        else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        Ok(neighbour.attributes.iter().find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLocalAddress(octets) => Mac::try_from(octets.as_slice()).ok(),
            _ => None,
        }))
    }
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// What the system knows of the interface of this name.
///
/// # Errors
/// Where there is none, or it is no Ethernet.
pub(crate) fn interface(name: &str) -> io::Result<Interface> {
    Tables::open()?.interface(name)
}
