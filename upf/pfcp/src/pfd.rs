//! Packet flow descriptions: by what the UP function knows the packets of an application (TS 29.244 6.2.5, 7.4.3).

use crate::wire::{Malformed, Value, group, take};
use crate::{ApplicationId, Cause, OffendingIe};

/// A description (8.2.39): any of its properties, as octets, since what a receiver does not offer may be of any form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PfdContents {
    /// An IPFilterRule of protocol, and address and port of the server.
    pub flow_description: Option<Vec<u8>>,
    /// Of which URLs.
    pub url: Option<Vec<u8>>,
    /// Of which domain.
    pub domain_name: Option<Vec<u8>>,
    /// What the operator defines.
    pub custom: Option<Vec<u8>>,
    /// By which protocol the domain is seen.
    pub domain_name_protocol: Option<Vec<u8>>,
    /// More flow descriptions.
    pub more_flow_descriptions: Option<Vec<u8>>,
    /// More URLs.
    pub more_urls: Option<Vec<u8>>,
    /// More domains with their protocols.
    pub more_domain_names: Option<Vec<u8>>,
}

impl PfdContents {
    /// Of a flow description only.
    pub fn flow(description: &str) -> Self {
        Self { flow_description: Some(description.as_bytes().to_vec()), ..Self::default() }
    }

    /// The properties in the order of their flags and on the wire.
    fn properties(&self) -> [Option<&Vec<u8>>; 8] {
        [
            self.flow_description.as_ref(),
            self.url.as_ref(),
            self.domain_name.as_ref(),
            self.custom.as_ref(),
            self.domain_name_protocol.as_ref(),
            self.more_flow_descriptions.as_ref(),
            self.more_urls.as_ref(),
            self.more_domain_names.as_ref(),
        ]
    }
}

impl Value for PfdContents {
    fn write(&self, out: &mut Vec<u8>) {
        let properties = self.properties();
        let flags = (0..).zip(properties).fold(0, |flags, (bit, property)| flags | u8::from(property.is_some()) << bit);
        out.extend_from_slice(&[flags, 0]);
        for property in properties.into_iter().flatten() {
            let length = u16::try_from(property.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend(property.iter().take(usize::from(length)));
        }
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [flags, _spare] = take(&mut octets)?;
        let mut bits = 0..8;
        let mut property = || {
            let there = bits.next().is_some_and(|bit| flags & 1 << bit != 0);
            there.then(|| prefixed(&mut octets)).transpose()
        };
        // In the order of the flags.
        Ok(Self {
            flow_description: property()?,
            url: property()?,
            domain_name: property()?,
            custom: property()?,
            domain_name_protocol: property()?,
            more_flow_descriptions: property()?,
            more_urls: property()?,
            more_domain_names: property()?,
        })
    }
}

/// Octets behind their length.
fn prefixed(octets: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    let length = u16::from_be_bytes(take(octets)?);
    let (value, rest) = octets.split_at_checked(usize::from(length)).ok_or(Malformed::Length)?;
    *octets = rest;
    Ok(value.to_vec())
}

group! {
    /// Descriptions that are provided together (7.4.3.1-3).
    PfdContext() {
        /// The descriptions, one at least.
        many contents: PfdContents = PFD_CONTENTS,
    }
}

group! {
    /// The descriptions of an application, in place of those it had; without any it has none any more (7.4.3.1-2).
    ApplicationPfds(
        /// The application.
        application_id: ApplicationId = APPLICATION_ID,
    ) {
        /// Its descriptions.
        many contexts: PfdContext = PFD_CONTEXT,
    }
}

group! {
    /// Provides descriptions of applications (7.4.3.1); without any application, all there were are to go.
    PfdManagementRequest() {
        /// The applications; others stay as they are.
        many applications: ApplicationPfds = APPLICATION_IDS_PFDS,
    }
}

group! {
    /// Answers (7.4.3.2).
    PfdManagementResponse(
        /// The outcome.
        cause: Cause = CAUSE,
    ) {
        /// The element at fault.
        once offending_ie: OffendingIe = OFFENDING_IE,
    }
}
