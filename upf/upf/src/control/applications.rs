//! PFCP PFD Management (TS 29.244 6.2.5), and the sessions that it changes.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use pfcp::{Cause, PfdManagementRequest, PfdManagementResponse, RequestToken, Seid};
use rules::{Request, Session};

use super::{Control, Pending};
use crate::applications::{self, Known};
use crate::convert::Refusal;

/// Sessions that are renewed between two looks at what else is to be done.
const AT_ONCE: usize = 256;

/// A request whose sessions are being renewed.
struct Renewal {
    token: RequestToken,
    left: VecDeque<u64>,
    /// Sessions of it whose workers have not answered.
    installing: usize,
}

/// Requests whose sessions are being renewed, by number.
#[derive(Default)]
pub(super) struct Renewals {
    under_way: HashMap<u64, Renewal>,
    next: u64,
    due: Option<Instant>,
}

impl Renewals {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Nobody waits for the answers to this SMF any more.
    pub(super) fn forget(&mut self, smf: IpAddr) {
        self.under_way.retain(|_, renewal| renewal.token.peer() != smf);
    }
}

impl Control {
    /// Takes descriptions of applications. It is answered when they are in force in all sessions that name them.
    pub(super) fn provide(
        &mut self,
        now: Instant,
        token: RequestToken,
        request: &PfdManagementRequest,
    ) -> Result<(), Refusal> {
        let smf = token.peer();
        let limits = self.settings.limits;
        let known = self.applications.with(smf, request, limits.filters)?;
        let mut changed = VecDeque::new();
        for (seid, session) in self.sessions.iter().filter(|(_, session)| session.peer == smf) {
            let renewal = renewal(&session.rules, Some(&known));
            let mut pdis = renewal.pdrs.update.iter().filter_map(|(_, update)| update.pdi.as_ref());
            if !pdis.all(|pdi| limits.hold(pdi)) {
                return Err(Refusal::of(Cause::NoResourcesAvailable));
            }
            if !renewal.pdrs.update.is_empty() {
                changed.push_back(*seid);
            }
        }
        tracing::info!(%smf, applications = known.len(), sessions = changed.len(), "applications provided");
        self.applications.set(smf, known);
        self.renewals.next += 1;
        let number = self.renewals.next;
        self.renewals.under_way.insert(number, Renewal { token, left: changed, installing: 0 });
        self.renewals.due = Some(now);
        self.renew(now);
        Ok(())
    }

    /// Renews some more sessions.
    pub(super) fn renew(&mut self, now: Instant) {
        let mut places = AT_ONCE;
        let numbers: Vec<u64> = self.renewals.under_way.keys().copied().collect();
        for number in numbers {
            while places > 0
                && let Some(seid) =
                    self.renewals.under_way.get_mut(&number).and_then(|renewal| renewal.left.pop_front())
            {
                places -= 1;
                self.renew_session(now, number, seid);
            }
            self.provided(number, 0);
        }
        let left = self.renewals.under_way.values().any(|renewal| !renewal.left.is_empty());
        self.renewals.due = left.then_some(now);
    }

    fn renew_session(&mut self, now: Instant, number: u64, seid: u64) {
        let Some(mut session) = self.sessions.remove(&seid) else { return };
        // By what is known by now: another request may have come meanwhile.
        let request = renewal(&session.rules, self.applications.of(session.peer));
        if !request.pdrs.update.is_empty() {
            match self.change(now, seid, &mut session, &request) {
                Ok(install) => {
                    self.pending.insert(install, Pending::Renew { number });
                    if let Some(renewal) = self.renewals.under_way.get_mut(&number) {
                        renewal.installing += 1;
                    }
                }
                Err(why) => tracing::error!(seid, ?why, "the applications of a session cannot be renewed"),
            }
        }
        self.sessions.insert(seid, session);
    }

    /// So many sessions more are renewed: where none is left, the SMF gets its answer.
    pub(super) fn provided(&mut self, number: u64, sessions: usize) {
        let Some(renewal) = self.renewals.under_way.get_mut(&number) else { return };
        renewal.installing = renewal.installing.saturating_sub(sessions);
        if renewal.installing > 0 || !renewal.left.is_empty() {
            return;
        }
        let token = renewal.token;
        self.renewals.under_way.remove(&number);
        self.requests.count(token.kind(), Cause::RequestAccepted);
        if let Err(why) = self.endpoint.respond(token, Seid(0), PfdManagementResponse::new(Cause::RequestAccepted)) {
            tracing::error!(%why, "an answer cannot be sent");
        }
    }
}

/// What changes in a session by what is known of its applications.
fn renewal(session: &Session, known: Option<&Known>) -> Request {
    Request::renewal(session, |id| applications::now(known, id))
}
