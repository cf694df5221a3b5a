//! The applications that SMFs tell of, by packet flow descriptions (TS 29.244 6.2.5).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use pfcp::{Cause, PfdContents, PfdManagementRequest, ie};
use rules::{Application, Flow};

use crate::convert::Refusal;

/// Applications that one SMF may tell of.
const MOST_APPLICATIONS: usize = 1024;

/// Octets of what an application is called.
const LONGEST_ID: usize = 255;

/// The applications of one SMF, by what it calls them.
pub(crate) type Known = BTreeMap<Vec<u8>, Arc<Application>>;

/// What is known now, each SMF's for itself.
#[derive(Default)]
pub(crate) struct Applications(HashMap<IpAddr, Known>);

impl Applications {
    /// Those that this SMF has told of.
    pub(crate) fn of(&self, smf: IpAddr) -> Option<&Known> {
        self.0.get(&smf)
    }

    /// What this SMF's would be with a request of it; an application has at most so many flows.
    ///
    /// # Errors
    /// Why it cannot be: then nothing has changed.
    pub(crate) fn with(&self, smf: IpAddr, request: &PfdManagementRequest, flows: usize) -> Result<Known, Refusal> {
        if request.applications.is_empty() {
            return Ok(Known::new());
        }
        let mut known = self.of(smf).cloned().unwrap_or_default();
        for told in &request.applications {
            let id = &told.application_id.0;
            if id.len() > LONGEST_ID {
                return Err(about(Cause::MandatoryIeIncorrect, ie::APPLICATION_ID));
            }
            let mut application = Application { id: id.clone(), flows: Vec::new() };
            for context in &told.contexts {
                if context.contents.is_empty() {
                    return Err(about(Cause::MandatoryIeMissing, ie::PFD_CONTENTS));
                }
                for contents in &context.contents {
                    application.flows.push(flow(contents)?);
                }
            }
            if application.flows.len() > flows {
                return Err(Refusal::of(Cause::NoResourcesAvailable));
            }
            match told.contexts.is_empty() {
                true => drop(known.remove(id)),
                false => drop(known.insert(id.clone(), Arc::new(application))),
            }
        }
        if known.len() > MOST_APPLICATIONS {
            return Err(Refusal::of(Cause::NoResourcesAvailable));
        }
        Ok(known)
    }

    /// Puts these in place of what this SMF has told before.
    pub(crate) fn set(&mut self, smf: IpAddr, known: Known) {
        match known.is_empty() {
            true => drop(self.0.remove(&smf)),
            false => drop(self.0.insert(smf, known)),
        }
    }
}

/// An application as it is now; one that was removed has no flows.
pub(crate) fn now(known: Option<&Known>, id: &[u8]) -> Arc<Application> {
    let found = known.and_then(|known| known.get(id).cloned());
    found.unwrap_or_else(|| Arc::new(Application { id: id.to_vec(), flows: Vec::new() }))
}

/// A packet is looked at up to its ports: URLs and domains are not seen.
fn flow(contents: &PfdContents) -> Result<Flow, Refusal> {
    let described = contents.flow_description.as_ref();
    let only = PfdContents { flow_description: described.cloned(), ..PfdContents::default() };
    if *contents != only {
        return Err(about(Cause::ServiceNotSupported, ie::PFD_CONTENTS));
    }
    let text = described.and_then(|octets| std::str::from_utf8(octets).ok());
    let flow = text.and_then(|text| Flow::of_server(text).ok());
    flow.ok_or(about(Cause::MandatoryIeIncorrect, ie::PFD_CONTENTS))
}

fn about(cause: Cause, element: u16) -> Refusal {
    Refusal { offending: Some(element), ..Refusal::of(cause) }
}

#[cfg(test)]
mod tests {
    use pfcp::{ApplicationId, ApplicationPfds, PfdContext};
    use proptest::prelude::*;

    use super::*;

    const SMF: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 4));

    fn request(told: &[(&str, &[&str])]) -> PfdManagementRequest {
        let application = |(id, flows): &(&str, &[&str])| {
            let contents = |flow: &&str| PfdContext { contents: vec![PfdContents::flow(flow)] };
            let application_id = ApplicationId(id.as_bytes().to_vec());
            ApplicationPfds { application_id, contexts: flows.iter().map(contents).collect() }
        };
        PfdManagementRequest { applications: told.iter().map(application).collect() }
    }

    fn refused(change: impl FnOnce(&mut ApplicationPfds)) -> (Cause, Option<u16>) {
        let mut request = request(&[("maps", &["permit out 6 from 192.0.2.7 443 to any"])]);
        change(&mut request.applications[0]);
        let refusal = Applications::default().with(SMF, &request, 2).expect_err("refused");
        (refusal.cause, refusal.offending)
    }

    #[test]
    fn what_is_told_replaces_what_was_and_nothing_else() {
        let mut applications = Applications::default();
        let mut tell = |told: &[(&str, &[&str])]| {
            let known = applications.with(SMF, &request(told), 9).expect("taken");
            applications.set(SMF, known.clone());
            let told = known.values().map(|known| (String::from_utf8_lossy(&known.id).into_owned(), known.flows.len()));
            told.collect::<Vec<_>>()
        };
        let (one, other) = ("permit out 6 from 192.0.2.7 443 to any", "permit out 17 from 192.0.2.7 443 to any");
        let is = |told: &[(&str, usize)]| told.iter().map(|(id, flows)| ((*id).to_owned(), *flows)).collect::<Vec<_>>();
        assert_eq!(tell(&[("maps", &[one, other]), ("chat", &[one])]), is(&[("chat", 1), ("maps", 2)]));
        assert_eq!(tell(&[("maps", &[other])]), is(&[("chat", 1), ("maps", 1)]));
        assert_eq!(tell(&[("chat", &[])]), is(&[("maps", 1)]));
        assert_eq!(tell(&[]), is(&[]));
        assert!(applications.of(SMF).is_none(), "nothing is left of an SMF that tells nothing");
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_element() {
        let contents = (Some(ie::PFD_CONTENTS), ie::APPLICATION_ID);
        let first = |told: &mut ApplicationPfds, contents| told.contexts[0].contents = contents;
        let of_url =
            PfdContents { url: Some(b"example.org".to_vec()), ..PfdContents::flow("permit out ip from any to any") };
        assert_eq!(refused(|told| first(told, vec![of_url])), (Cause::ServiceNotSupported, contents.0));
        let wrong = [PfdContents::flow("nonsense"), PfdContents::default()];
        for wrong in wrong {
            assert_eq!(refused(|told| first(told, vec![wrong])), (Cause::MandatoryIeIncorrect, contents.0));
        }
        assert_eq!(refused(|told| first(told, vec![])), (Cause::MandatoryIeMissing, contents.0));
        let flow = PfdContents::flow("permit out ip from any to any");
        assert_eq!(refused(|told| first(told, vec![flow; 3])), (Cause::NoResourcesAvailable, None));
        let long = ApplicationId(vec![b'a'; LONGEST_ID + 1]);
        assert_eq!(refused(|told| told.application_id = long), (Cause::MandatoryIeIncorrect, Some(contents.1)));
    }

    proptest! {
        /// However often SMFs tell, no more is kept than may be.
        #[test]
        fn an_smf_has_so_many_applications_and_no_more(ids in proptest::collection::vec(0..3000u16, 1..4000)) {
            let mut applications = Applications::default();
            for ids in ids.chunks(500) {
                let of = |id: &u16| ApplicationPfds {
                    application_id: ApplicationId(id.to_be_bytes().to_vec()),
                    contexts: vec![PfdContext { contents: vec![PfdContents::flow("permit out ip from any to any")] }],
                };
                let request = PfdManagementRequest { applications: ids.iter().map(of).collect() };
                let before = applications.of(SMF).map_or(0, Known::len);
                match applications.with(SMF, &request, 1) {
                    Ok(known) => applications.set(SMF, known),
                    Err(refusal) => prop_assert_eq!(refusal.cause, Cause::NoResourcesAvailable),
                }
                let after = applications.of(SMF).map_or(0, Known::len);
                prop_assert!(before <= after && after <= MOST_APPLICATIONS);
            }
        }
    }
}
