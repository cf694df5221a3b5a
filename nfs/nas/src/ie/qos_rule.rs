//! QoS rules (TS 24.501 9.11.4.13): which packets go to which flow.

use super::Element;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What is done to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QosRuleOperation {
    /// 1: a new rule.
    Create,
    /// 2: an end to it.
    Delete,
    /// 3: more filters.
    AddFilters,
    /// 4: other filters.
    ReplaceFilters,
    /// 5: fewer filters, named by identity.
    DeleteFilters,
    /// 6: the filters stay.
    ModifyWithoutFilters,
}

/// Which way a filter's packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterDirection {
    /// 1.
    Downlink,
    /// 2.
    Uplink,
    /// 3.
    Both,
}

/// One condition of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterComponent {
    /// Every packet.
    MatchAll,
    /// Remote IPv4 address and mask.
    RemoteIpv4(Ipv4Addr, Ipv4Addr),
    /// Local IPv4 address and mask.
    LocalIpv4(Ipv4Addr, Ipv4Addr),
    /// Remote IPv6 address and prefix length.
    RemoteIpv6(Ipv6Addr, u8),
    /// Local IPv6 address and prefix length.
    LocalIpv6(Ipv6Addr, u8),
    /// Protocol or next header.
    Protocol(u8),
    /// Local port.
    LocalPort(u16),
    /// Local ports from, to.
    LocalPorts(u16, u16),
    /// Remote port.
    RemotePort(u16),
    /// Remote ports from, to.
    RemotePorts(u16, u16),
    /// IPsec security parameter index.
    SecurityParameterIndex(u32),
    /// Type of service or traffic class, and mask.
    TrafficClass(u8, u8),
    /// IPv6 flow label.
    FlowLabel(u32),
}

/// A packet filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketFilter {
    /// Its identity within the rule, 0 to 15.
    pub id: u8,
    /// Which way.
    pub direction: FilterDirection,
    /// All of which a packet must meet.
    pub components: Vec<FilterComponent>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QosRule {
    /// Its identity, 1 to 255.
    pub id: u8,
    /// What is done.
    pub operation: QosRuleOperation,
    /// Whether it is the default rule.
    pub default: bool,
    /// The filters; for [`QosRuleOperation::DeleteFilters`] their identities are in `deleted_filters`.
    pub filters: Vec<PacketFilter>,
    /// Filters to delete.
    pub deleted_filters: Vec<u8>,
    /// Evaluated in this order, 0 first; `None` where it stays.
    pub precedence: Option<u8>,
    /// The flow, 1 to 63; `None` where it stays.
    pub qfi: Option<u8>,
}

impl QosRule {
    /// The default rule: every packet, precedence 255.
    pub fn match_all(id: u8, qfi: u8) -> Self {
        let filter =
            PacketFilter { id: 1, direction: FilterDirection::Both, components: vec![FilterComponent::MatchAll] };
        Self {
            id,
            operation: QosRuleOperation::Create,
            default: true,
            filters: vec![filter],
            deleted_filters: Vec::new(),
            precedence: Some(255),
            qfi: Some(qfi),
        }
    }
}

/// A list of rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QosRules(pub Vec<QosRule>);

impl Element for QosRules {
    fn decode(octets: &[u8]) -> Option<Self> {
        let mut rules = Vec::new();
        let mut rest = octets;
        while !rest.is_empty() {
            let (id, after) = rest.split_first()?;
            let (length, after) = after.split_first_chunk()?;
            let (value, next) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            rules.push(rule(*id, value)?);
            rest = next;
        }
        (!rules.is_empty()).then_some(Self(rules))
    }

    fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for rule in &self.0 {
            let value = encode_rule(rule);
            octets.push(rule.id);
            octets.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
            octets.extend(value);
        }
        octets
    }
}

fn rule(id: u8, octets: &[u8]) -> Option<QosRule> {
    let (first, mut rest) = octets.split_first()?;
    let operation = match first >> 5 {
        1 => QosRuleOperation::Create,
        2 => QosRuleOperation::Delete,
        3 => QosRuleOperation::AddFilters,
        4 => QosRuleOperation::ReplaceFilters,
        5 => QosRuleOperation::DeleteFilters,
        6 => QosRuleOperation::ModifyWithoutFilters,
        _ => return None,
    };
    let count = usize::from(first & 0x0f);
    let (mut filters, mut deleted_filters) = (Vec::new(), Vec::new());
    if operation == QosRuleOperation::DeleteFilters {
        let (ids, next) = rest.split_at_checked(count)?;
        deleted_filters = ids.iter().map(|id| id & 0x0f).collect();
        rest = next;
    } else {
        for _ in 0..count {
            let (filter, next) = packet_filter(rest)?;
            filters.push(filter);
            rest = next;
        }
    }
    let precedence = rest.first().copied();
    let qfi = rest.get(1).map(|octet| octet & 0x3f);
    Some(QosRule { id, operation, default: first & 0x10 != 0, filters, deleted_filters, precedence, qfi })
}

fn packet_filter(octets: &[u8]) -> Option<(PacketFilter, &[u8])> {
    let ([first, length], rest) = octets.split_first_chunk()?;
    let (mut value, next) = rest.split_at_checked(usize::from(*length))?;
    let direction = match (first >> 4) & 0x03 {
        1 => FilterDirection::Downlink,
        2 => FilterDirection::Uplink,
        3 => FilterDirection::Both,
        _ => return None,
    };
    let mut components = Vec::new();
    while !value.is_empty() {
        let (component, rest) = component(value)?;
        components.push(component);
        value = rest;
    }
    Some((PacketFilter { id: first & 0x0f, direction, components }, next))
}

/// One component and what follows it. A type whose length is not known ends the reading.
fn component(octets: &[u8]) -> Option<(FilterComponent, &[u8])> {
    let (kind, rest) = octets.split_first()?;
    match kind {
        0x01 => Some((FilterComponent::MatchAll, rest)),
        0x10 | 0x11 => {
            let ([a, b, c, d, e, f, g, h], rest) = rest.split_first_chunk()?;
            let (address, mask) = (Ipv4Addr::new(*a, *b, *c, *d), Ipv4Addr::new(*e, *f, *g, *h));
            let remote = *kind == 0x10;
            let component = if remote { FilterComponent::RemoteIpv4 } else { FilterComponent::LocalIpv4 };
            Some((component(address, mask), rest))
        }
        0x21 | 0x23 => {
            let (address, rest) = rest.split_first_chunk::<16>()?;
            let (prefix, rest) = rest.split_first()?;
            let component = if *kind == 0x21 { FilterComponent::RemoteIpv6 } else { FilterComponent::LocalIpv6 };
            Some((component(Ipv6Addr::from(*address), *prefix), rest))
        }
        0x30 => rest.split_first().map(|(protocol, rest)| (FilterComponent::Protocol(*protocol), rest)),
        0x40 => number(rest).map(|(port, rest)| (FilterComponent::LocalPort(port), rest)),
        0x50 => number(rest).map(|(port, rest)| (FilterComponent::RemotePort(port), rest)),
        0x41 | 0x51 => {
            let ((from, rest), local) = (number(rest)?, *kind == 0x41);
            let (to, rest) = number(rest)?;
            let component = if local { FilterComponent::LocalPorts } else { FilterComponent::RemotePorts };
            Some((component(from, to), rest))
        }
        0x60 => {
            let (index, rest) = rest.split_first_chunk()?;
            Some((FilterComponent::SecurityParameterIndex(u32::from_be_bytes(*index)), rest))
        }
        0x70 => {
            let ([class, mask], rest) = rest.split_first_chunk()?;
            Some((FilterComponent::TrafficClass(*class, *mask), rest))
        }
        0x80 => {
            let ([a, b, c], rest) = rest.split_first_chunk()?;
            Some((FilterComponent::FlowLabel(u32::from_be_bytes([0, a & 0x0f, *b, *c])), rest))
        }
        _ => None,
    }
}

fn number(octets: &[u8]) -> Option<(u16, &[u8])> {
    octets.split_first_chunk().map(|(number, rest)| (u16::from_be_bytes(*number), rest))
}

fn encode_rule(rule: &QosRule) -> Vec<u8> {
    let operation = match rule.operation {
        QosRuleOperation::Create => 1,
        QosRuleOperation::Delete => 2,
        QosRuleOperation::AddFilters => 3,
        QosRuleOperation::ReplaceFilters => 4,
        QosRuleOperation::DeleteFilters => 5,
        QosRuleOperation::ModifyWithoutFilters => 6,
    };
    let deleting = rule.operation == QosRuleOperation::DeleteFilters;
    let count = if deleting { rule.deleted_filters.len() } else { rule.filters.len() }.min(15);
    let mut octets = vec![operation << 5 | u8::from(rule.default) << 4 | u8::try_from(count).unwrap_or(15)];
    if deleting {
        octets.extend(rule.deleted_filters.iter().take(count));
    } else {
        rule.filters.iter().take(count).for_each(|filter| encode_filter(filter, &mut octets));
    }
    octets.extend(rule.precedence);
    octets.extend(rule.qfi.map(|qfi| qfi & 0x3f));
    octets
}

fn encode_filter(filter: &PacketFilter, octets: &mut Vec<u8>) {
    let direction = match filter.direction {
        FilterDirection::Downlink => 1,
        FilterDirection::Uplink => 2,
        FilterDirection::Both => 3,
    };
    let value: Vec<u8> = filter.components.iter().flat_map(encode_component).collect();
    octets.extend([direction << 4 | (filter.id & 0x0f), u8::try_from(value.len()).unwrap_or(u8::MAX)]);
    octets.extend(value);
}

fn encode_component(component: &FilterComponent) -> Vec<u8> {
    let ipv4 =
        |kind: u8, address: &Ipv4Addr, mask: &Ipv4Addr| [&[kind], &address.octets()[..], &mask.octets()].concat();
    let ipv6 = |kind: u8, address: &Ipv6Addr, prefix: u8| [&[kind], &address.octets()[..], &[prefix]].concat();
    let ports = |kind: u8, from: u16, to: u16| [&[kind], &from.to_be_bytes()[..], &to.to_be_bytes()].concat();
    match component {
        FilterComponent::MatchAll => vec![0x01],
        FilterComponent::RemoteIpv4(address, mask) => ipv4(0x10, address, mask),
        FilterComponent::LocalIpv4(address, mask) => ipv4(0x11, address, mask),
        FilterComponent::RemoteIpv6(address, prefix) => ipv6(0x21, address, *prefix),
        FilterComponent::LocalIpv6(address, prefix) => ipv6(0x23, address, *prefix),
        FilterComponent::Protocol(protocol) => vec![0x30, *protocol],
        FilterComponent::LocalPort(port) => [&[0x40], &port.to_be_bytes()[..]].concat(),
        FilterComponent::LocalPorts(from, to) => ports(0x41, *from, *to),
        FilterComponent::RemotePort(port) => [&[0x50], &port.to_be_bytes()[..]].concat(),
        FilterComponent::RemotePorts(from, to) => ports(0x51, *from, *to),
        FilterComponent::SecurityParameterIndex(index) => [&[0x60], &index.to_be_bytes()[..]].concat(),
        FilterComponent::TrafficClass(class, mask) => vec![0x70, *class, *mask],
        FilterComponent::FlowLabel(label) => {
            let [_, octets @ ..] = (label & 0x000f_ffff).to_be_bytes();
            [&[0x80], &octets[..]].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_rule_on_the_wire() {
        let rules = QosRules(vec![QosRule::match_all(1, 1)]);
        assert_eq!(rules.encode(), [0x01, 0x00, 0x06, 0x31, 0x31, 0x01, 0x01, 0xff, 0x01]);
        assert_eq!(QosRules::decode(&rules.encode()), Some(rules));
    }

    #[test]
    fn every_component_survives() {
        let any = Ipv4Addr::new(255, 255, 255, 0);
        let components = vec![
            FilterComponent::RemoteIpv4(Ipv4Addr::new(10, 0, 0, 0), any),
            FilterComponent::LocalIpv4(Ipv4Addr::LOCALHOST, any),
            FilterComponent::RemoteIpv6(Ipv6Addr::LOCALHOST, 128),
            FilterComponent::LocalIpv6(Ipv6Addr::UNSPECIFIED, 0),
            FilterComponent::Protocol(17),
            FilterComponent::LocalPort(1),
            FilterComponent::LocalPorts(2, 3),
            FilterComponent::RemotePort(4),
            FilterComponent::RemotePorts(5, 6),
            FilterComponent::SecurityParameterIndex(7),
            FilterComponent::TrafficClass(8, 0xfc),
            FilterComponent::FlowLabel(9),
        ];
        let mut rule = QosRule::match_all(2, 5);
        rule.filters = vec![PacketFilter { id: 3, direction: FilterDirection::Uplink, components }];
        let rules = QosRules(vec![rule]);
        assert_eq!(QosRules::decode(&rules.encode()), Some(rules));
    }

    #[test]
    fn rules_that_overrun_are_none() {
        for octets in [&[1, 0][..], &[1, 0, 9, 0x31], &[1, 0, 3, 0x31, 0x31, 9], &[1, 0, 4, 0x31, 0x31, 1, 0xee]] {
            assert_eq!(QosRules::decode(octets), None, "{octets:02x?}");
        }
    }
}
