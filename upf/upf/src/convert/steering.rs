//! Where packets go besides, or in place of, where they want to.

use std::collections::BTreeMap;

use pfcp::RedirectInformation;
use rules::{Cause, Duplicate, Element, Redirect, Steering};

use super::{tunnel, value_and_mask};

/// The forwarding policies there are, by name: each marks packets with a DSCP, by which they are steered behind N6.
pub(crate) type Policies = BTreeMap<String, u8>;

/// Octets of the longest URL: its answer fits the least MTU there is.
const LONGEST_URL: usize = 400;

/// Where uplink packets go in place of where they want to. SIP is nothing that passes here.
pub(super) fn redirect(told: &RedirectInformation) -> Result<Redirect, Cause> {
    let incorrect = Cause::MandatoryIeIncorrect(Element::RedirectInformation);
    match told {
        RedirectInformation::Ipv4(v4) => Ok(Redirect::Server { ipv4: Some(*v4), ipv6: None }),
        RedirectInformation::Ipv6(v6) => Ok(Redirect::Server { ipv4: None, ipv6: Some(*v6) }),
        RedirectInformation::Ipv4v6(v4, v6) => Ok(Redirect::Server { ipv4: Some(*v4), ipv6: Some(*v6) }),
        // It is put into a header of HTTP: what would end that there is none of a URL's.
        RedirectInformation::Url(url) if (1..=LONGEST_URL).contains(&url.len()) => {
            if url.bytes().all(|octet| octet.is_ascii_graphic()) {
                Ok(Redirect::Url(url.as_str().into()))
            } else {
                Err(incorrect)
            }
        }
        RedirectInformation::Url(_) => Err(incorrect),
        RedirectInformation::SipUri(_) => Err(Cause::ServiceNotSupported(Element::RedirectInformation)),
    }
}

/// How packets are marked: by a policy, if one is named, else as is said.
pub(super) fn marking(
    policy: Option<&pfcp::ForwardingPolicy>,
    said: Option<pfcp::TransportLevelMarking>,
    policies: &Policies,
) -> Result<Option<(u8, u8)>, Cause> {
    let Some(pfcp::ForwardingPolicy(name)) = policy else { return Ok(said.map(|marking| value_and_mask(marking.0))) };
    let dscp = std::str::from_utf8(name).ok().and_then(|name| policies.get(name));
    // The DSCP is the upper six bits of the octet (RFC 2474).
    dscp.map(|dscp| Some((dscp << 2, 0xfc))).ok_or(Cause::InvalidForwardingPolicy)
}

/// Where copies go, from elements with the same fields whether they make or change the rule.
macro_rules! duplicates {
    ($parameters:expr, $policies:expr) => {
        $parameters
            .iter()
            .map(|to| {
                let marking = $crate::convert::steering::marking(
                    to.forwarding_policy.as_ref(),
                    to.transport_level_marking,
                    $policies,
                )?;
                $crate::convert::steering::duplicate(to.outer_header_creation, marking.unwrap_or_default())
            })
            .collect::<Result<Vec<_>, rules::Cause>>()
    };
}

pub(super) use duplicates;

/// A copy goes in a tunnel of GTP-U, whoever it is for.
pub(super) fn duplicate(header: Option<pfcp::OuterHeaderCreation>, marking: (u8, u8)) -> Result<Duplicate, Cause> {
    let header = header.ok_or(Cause::ConditionalIeMissing(Element::OuterHeaderCreation))?;
    Ok(Duplicate { tunnel: tunnel(header)?, marking })
}

/// `None` where there is nothing of the sort.
pub(super) fn steering(redirect: Option<Redirect>, duplicates: Vec<Duplicate>) -> Option<Box<Steering>> {
    (redirect.is_some() || !duplicates.is_empty()).then(|| Box::new(Steering { redirect, duplicates }))
}
