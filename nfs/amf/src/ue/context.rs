//! What the AMF knows of a UE between procedures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aka::Kamf;
use bytes::Bytes;
use nas::ie::UeSecurityCapability;
use nas::{NasCount, SecurityContext};
use ngap::UserLocationInformation;
use sbi_api::ApiRoot;
use sbi_models::{Ambr, Pei, Snssai, Supi};

use crate::n2::Connection;

/// A UE's context. One task owns it while a procedure runs; at rest it lies in the directory.
#[derive(Debug, Default)]
pub(crate) struct UeContext {
    /// Who it is, once it has proved it.
    pub(crate) supi: Option<Supi>,
    /// Its equipment.
    pub(crate) pei: Option<Pei>,
    /// RM-REGISTERED (TS 23.501 5.3.2.2).
    pub(crate) registered: bool,
    /// RM-DEREGISTERED, and until then what its next registration needs is kept: 5G-GUTI and security context
    /// (TS 24.501 4.4.2.1, 5.5.2).
    pub(crate) kept_until: Option<Instant>,
    /// The 5G-TMSI given to it last.
    pub(crate) tmsi: Option<u32>,
    /// The one before, valid until the UE shows that it has the new one.
    pub(crate) old_tmsi: Option<u32>,
    /// The current security context.
    pub(crate) security: Option<Security>,
    /// Its algorithms, the octets as received.
    pub(crate) capability: Option<UeSecurityCapability>,
    /// The slices it may use here.
    pub(crate) allowed_slices: Arc<[Snssai]>,
    /// What the UDM says it may do.
    pub(crate) subscription: Option<Arc<Subscription>>,
    /// Its PDU sessions.
    pub(crate) sessions: Vec<Session>,
    /// CM-CONNECTED (TS 23.501 5.3.3.2): the connection to it.
    pub(crate) signalling: Option<Signalling>,
    /// Where it was last.
    pub(crate) location: Option<Box<UserLocationInformation>>,
    /// What its radio can do, opaque, for the next node.
    pub(crate) radio_capability: Option<Bytes>,
}

/// A current security context (TS 33.501 3.1): NAS keys and counts, and the key that AS keys come from.
#[derive(Debug)]
pub(crate) struct Security {
    pub(crate) nas: SecurityContext,
    pub(crate) kamf: Kamf,
    /// The uplink NAS COUNT that KgNB comes from: of the last initial message or SECURITY MODE COMPLETE.
    pub(crate) as_count: NasCount,
}

/// A N1 NAS signalling connection.
#[derive(Clone, Debug)]
pub(crate) struct Signalling {
    /// Its part on N2.
    pub(crate) n2: Connection,
    /// Secure exchange of NAS messages is established (TS 24.501 4.4.2.5): nothing plain is taken any more.
    pub(crate) secure: bool,
    /// The node has the UE's context (Initial Context Setup is done).
    pub(crate) context_in_ran: bool,
}

/// What a subscriber may do (TS 29.503 AccessAndMobilitySubscriptionData, SmfSelectionSubscriptionData).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Subscription {
    /// Slices; the first of them are used when the UE asks for none.
    pub(crate) default_slices: Vec<Snssai>,
    /// Further slices.
    pub(crate) other_slices: Vec<Snssai>,
    /// UE-AMBR.
    pub(crate) ambr: Option<Ambr>,
    /// DNNs by slice; the default one is marked.
    pub(crate) dnns: Vec<SubscribedDnn>,
}

/// A DNN of a slice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SubscribedDnn {
    pub(crate) slice: Snssai,
    /// `*` stands for any.
    pub(crate) dnn: String,
    pub(crate) default: bool,
}

impl Subscription {
    /// Whether the slice is subscribed at all.
    pub(crate) fn has_slice(&self, slice: &Snssai) -> bool {
        self.default_slices.iter().chain(&self.other_slices).any(|own| own == slice)
    }
}

/// A PDU session as the AMF sees it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// 1 to 15.
    pub(crate) id: u8,
    /// Its slice.
    pub(crate) slice: Snssai,
    /// What we call its SM context: a session of the same identity had, or will have, another.
    pub(crate) context: u64,
    /// The SMF that has the SM context.
    pub(crate) smf: ApiRoot,
    /// What the SMF calls it.
    pub(crate) reference: String,
    /// The RAN has its user plane.
    pub(crate) active: bool,
}

impl UeContext {
    /// A UE of which nothing is known but its connection.
    pub(crate) fn connected(n2: Connection) -> Self {
        let signalling = Some(Signalling { n2, secure: false, context_in_ran: false });
        Self { signalling, ..Self::default() }
    }

    /// Takes the UE for deregistered. What names and secures it is kept for its next registration, if there is any.
    pub(crate) fn deregister(&mut self, now: Instant, keep: Duration) {
        let worth_keeping = self.supi.is_some() && self.security.is_some() && self.tmsi.is_some() && !keep.is_zero();
        self.registered = false;
        self.kept_until = worth_keeping.then(|| now + keep);
    }

    /// The session with this identity.
    pub(crate) fn session(&self, id: u8) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    /// The session with this identity.
    pub(crate) fn session_mut(&mut self, id: u8) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// Whether the RAN has, or had when the connection was lost, the user plane of a session.
    pub(crate) fn has_user_plane(&self) -> bool {
        self.sessions.iter().any(|session| session.active)
    }

    /// For people: the SUPI, or what there is.
    pub(crate) fn name(&self) -> String {
        match (&self.supi, &self.signalling) {
            (Some(supi), _) => supi.to_string(),
            (None, Some(signalling)) => format!("UE {} of {}", signalling.n2.ran_ue_ngap_id, signalling.n2.node),
            (None, None) => "unknown UE".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in memory for a UE at rest, without what its sessions add; the maps that find it are not 300 octets.
    #[test]
    fn a_context_is_a_few_hundred_octets() {
        assert!(size_of::<UeContext>() <= 512, "{}", size_of::<UeContext>());
        assert!(size_of::<Session>() <= 96, "{}", size_of::<Session>());
    }
}
