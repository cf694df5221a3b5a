//! The PPP protocols inside ePCO: IPCP (RFC 1332, 1877), PAP (RFC 1334) and CHAP (RFC 1994).
//!
//! No link is negotiated: the UE asks once, the network answers once. Credentials are acknowledged, not checked.

use std::net::Ipv4Addr;

const CONFIGURE_REQUEST: u8 = 1;
const CONFIGURE_ACK: u8 = 2;
const CONFIGURE_NAK: u8 = 3;
const CONFIGURE_REJECT: u8 = 4;
const PRIMARY_DNS: u8 = 129;
const SECONDARY_DNS: u8 = 131;
/// IP-Address: the address comes in the PDU address element, whatever is asked for here.
const IP_ADDRESS: u8 = 3;

/// A PPP packet's code, identifier and data, by its own length.
fn packet(octets: &[u8]) -> Option<(u8, u8, &[u8])> {
    let ([code, identifier, high, low], rest) = octets.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    rest.get(..length.checked_sub(4)?).map(|data| (*code, *identifier, data))
}

fn build(code: u8, identifier: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 4).unwrap_or(u16::MAX).to_be_bytes();
    [&[code, identifier], length.as_slice(), data].concat()
}

/// Options of a configure packet: type and value.
fn options(mut data: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut options = Vec::new();
    while !data.is_empty() {
        let ([kind, length], _) = data.split_first_chunk()?;
        let (option, next) = data.split_at_checked(usize::from(*length))?;
        options.push((*kind, option.get(2..)?));
        data = next;
    }
    Some(options)
}

fn write_options<'a>(options: impl Iterator<Item = (u8, &'a [u8])>) -> Vec<u8> {
    let one = |(kind, value): (u8, &[u8])| [&[kind, u8::try_from(value.len() + 2).unwrap_or(u8::MAX)], value].concat();
    options.flat_map(one).collect()
}

/// The answer to a Configure-Request: Reject for what is not known, Nak with our servers where others (or none) were
/// proposed, else Ack. Anything else is not answered.
pub(super) fn ipcp_answer(contents: &[u8], dns: &[Ipv4Addr]) -> Option<Vec<u8>> {
    let (CONFIGURE_REQUEST, identifier, data) = packet(contents)? else { return None };
    let asked = options(data)?;
    let server = |kind: u8| match kind {
        PRIMARY_DNS => dns.first(),
        SECONDARY_DNS => dns.get(1).or_else(|| dns.first()),
        _ => None,
    };
    let unknown = |kind: u8| kind != IP_ADDRESS && server(kind).is_none();
    if asked.iter().any(|(kind, _)| unknown(*kind)) {
        let rejected = write_options(asked.iter().copied().filter(|(kind, _)| unknown(*kind)));
        return Some(build(CONFIGURE_REJECT, identifier, &rejected));
    }
    let ours: Vec<(u8, [u8; 4])> = asked
        .iter()
        .filter_map(|(kind, value)| Some((*kind, server(*kind)?.octets(), *value)))
        .filter(|(_, ours, proposed)| ours != proposed)
        .map(|(kind, ours, _)| (kind, ours))
        .collect();
    if ours.is_empty() {
        return Some(build(CONFIGURE_ACK, identifier, data));
    }
    let named = write_options(ours.iter().map(|(kind, value)| (*kind, value.as_slice())));
    Some(build(CONFIGURE_NAK, identifier, &named))
}

/// The DNS servers in an answer of IPCP.
pub(super) fn ipcp_dns(contents: &[u8]) -> Vec<Ipv4Addr> {
    let Some((CONFIGURE_ACK | CONFIGURE_NAK, _, data)) = packet(contents) else { return Vec::new() };
    let is_dns = |kind: u8| kind == PRIMARY_DNS || kind == SECONDARY_DNS;
    let address = |value: &[u8]| Some(Ipv4Addr::from(*value.first_chunk()?));
    let known = options(data).unwrap_or_default();
    known.iter().filter(|(kind, _)| is_dns(*kind)).filter_map(|(_, value)| address(value)).collect()
}

/// Authenticate-Ack to an Authenticate-Request, its message empty.
pub(super) fn pap_answer(contents: &[u8]) -> Option<Vec<u8>> {
    match packet(contents)? {
        (1, identifier, _) => Some(build(2, identifier, &[0])),
        _ => None,
    }
}

/// Success to a Response. The Challenge that the UE sends with it is its own and not answered.
pub(super) fn chap_answer(contents: &[u8]) -> Option<Vec<u8>> {
    match packet(contents)? {
        (2, identifier, _) => Some(build(3, identifier, &[])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DNS: [Ipv4Addr; 2] = [Ipv4Addr::new(9, 9, 9, 9), Ipv4Addr::new(1, 1, 1, 1)];

    #[test]
    fn what_is_proposed_right_is_acknowledged() {
        let ask = [1, 5, 0, 10, 129, 6, 9, 9, 9, 9];
        assert_eq!(ipcp_answer(&ask, &DNS), Some(vec![2, 5, 0, 10, 129, 6, 9, 9, 9, 9]));
    }

    #[test]
    fn name_servers_of_another_kind_are_rejected() {
        let ask = [1, 5, 0, 16, 129, 6, 0, 0, 0, 0, 130, 6, 0, 0, 0, 0];
        assert_eq!(ipcp_answer(&ask, &DNS), Some(vec![4, 5, 0, 10, 130, 6, 0, 0, 0, 0]));
    }

    #[test]
    fn credentials_are_acknowledged_under_their_identifier() {
        assert_eq!(pap_answer(&[1, 7, 0, 8, 1, b'u', 1, b'p']), Some(vec![2, 7, 0, 5, 0]));
        assert_eq!(chap_answer(&[2, 8, 0, 6, 1, 0]), Some(vec![3, 8, 0, 4]));
        assert_eq!(chap_answer(&[1, 8, 0, 6, 1, 0]), None);
    }

    #[test]
    fn lengths_that_lie_are_not_answered() {
        for ask in [&[1, 5, 0, 3][..], &[1, 5, 0, 90, 129, 6], &[1, 5, 0, 6, 129, 1], &[1, 5, 0, 6, 129, 9], &[1]] {
            assert_eq!(ipcp_answer(ask, &DNS), None, "{ask:?}");
        }
    }
}
