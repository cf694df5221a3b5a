//! What a session's packets are, and what PFCP asks of Ethernet frames (TS 29.244 5.13).

use pfcp::{
    EthernetPacketFilter, Interface, NetworkInstance, OuterHeaderCreation, PdnType, SessionEstablishmentRequest,
};
use rules::{Cause, Element, EthernetFilter, Frames, Kind, Link, MacPair, MacRange, TagFilter};

/// What the packets of a session to be made are; `networks` are the Ethernet data networks there are, by their number.
///
/// # Errors
/// The cause to answer.
pub(crate) fn kind(message: &SessionEstablishmentRequest, networks: &[String]) -> Result<Kind, Cause> {
    match message.pdn_type {
        Some(PdnType::Ethernet) if networks.is_empty() => Err(Cause::ServiceNotSupported(Element::PdnType)),
        Some(PdnType::Ethernet) => link(message, networks).map(Kind::Ethernet),
        Some(PdnType::NonIp) => {
            let parameters = message.create_fars.iter().filter_map(|far| far.forwarding_parameters.as_ref());
            let peer =
                parameters.filter_map(|parameters| parameters.outer_header_creation).find_map(|header| match header {
                    OuterHeaderCreation::Udp(peer) => Some(peer),
                    OuterHeaderCreation::GtpU { .. } => None,
                });
            peer.map(Kind::Unstructured).ok_or(Cause::ConditionalIeMissing(Element::OuterHeaderCreation))
        }
        Some(PdnType::Ipv4 | PdnType::Ipv6 | PdnType::Ipv4v6) | None => Ok(Kind::Ip),
    }
}

/// The data network that the rules name on the side of N6.
fn link(message: &SessionEstablishmentRequest, networks: &[String]) -> Result<Link, Cause> {
    let pdis = message.create_pdrs.iter().map(|pdr| &pdr.pdi).filter(|pdi| pdi.source_interface != Interface::Access);
    let parameters = message.create_fars.iter().filter_map(|far| far.forwarding_parameters.as_ref());
    let to_core = parameters.filter(|parameters| parameters.destination_interface != Interface::Access);
    let named = pdis.filter_map(|pdi| pdi.network_instance.as_ref());
    let mut named = named.chain(to_core.filter_map(|parameters| parameters.network_instance.as_ref())).peekable();
    if named.peek().is_none() {
        return Err(Cause::ConditionalIeMissing(Element::NetworkInstance));
    }
    let number = |NetworkInstance(name): &NetworkInstance| {
        networks.iter().position(|network| network.eq_ignore_ascii_case(name))
    };
    let link = named.find_map(number).and_then(|number| u16::try_from(number).ok()).map(Link);
    link.ok_or(Cause::MandatoryIeIncorrect(Element::NetworkInstance))
}

/// What a PDI asks of frames, if it is about any.
///
/// # Errors
/// The cause to answer.
pub(super) fn frames(pdi: &pfcp::Pdi) -> Result<Option<Box<Frames>>, Cause> {
    let all = pdi.ethernet_pdu_session_information.is_some_and(|information| information.is_all_frames());
    let filters = pdi.ethernet_packet_filters.iter().map(filter).collect::<Result<Vec<_>, _>>()?;
    Ok((all || !filters.is_empty()).then(|| Box::new(Frames { all, filters })))
}

fn filter(filter: &EthernetPacketFilter) -> Result<EthernetFilter, Cause> {
    let range = |low: Option<pfcp::Mac>, high: Option<pfcp::Mac>| {
        low.map(|low| MacRange { low: low.0, high: high.unwrap_or(low).0 })
    };
    let pair = |address: &pfcp::MacAddress| MacPair {
        source: range(address.source, address.upper_source),
        destination: range(address.destination, address.upper_destination),
    };
    let tag = |tag: pfcp::VlanTag| TagFilter { vid: tag.vid, pcp: tag.pcp, dei: tag.dei };
    Ok(EthernetFilter {
        id: filter.id.map(|id| id.0),
        bidirectional: filter.properties.is_some_and(|properties| properties.is_bidirectional()),
        addresses: filter.addresses.iter().map(pair).collect(),
        ethertype: filter.ethertype.map(|ethertype| ethertype.0),
        c_tag: filter.c_tag.map(tag),
        s_tag: filter.s_tag.map(tag),
        flows: filter.sdf_filters.iter().map(super::filter).collect::<Result<_, _>>()?,
    })
}
