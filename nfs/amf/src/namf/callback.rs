//! Notifications of SMF and UDM.

use sbi_api::Problem;
use sbi_api::namf_callback::NamfCallbackServer;
use sbi_models::smf::{ResourceStatus, SmContextStatusNotification};
use sbi_models::udm::{DeregistrationData, DeregistrationReason};
use sbi_models::{PduSessionId, Supi};

use super::{Server, context_not_found};
use crate::ue::event::{DeregisterOrder, Event};

impl NamfCallbackServer for Server {
    async fn sm_context_status_notify(
        &self,
        supi: Supi,
        pdu_session_id: PduSessionId,
        context: u64,
        body: SmContextStatusNotification,
    ) -> Result<(), Problem> {
        if body.status_info.resource_status == ResourceStatus::Released {
            let (id, _) = self.core.directory.find(&supi).ok_or_else(|| context_not_found(&supi))?;
            // Too much waiting, or the UE is gone: the session's next use shows that it is not there.
            let _ = self.core.post(id, Event::SessionReleased { session: pdu_session_id.get(), context });
        }
        Ok(())
    }

    async fn deregistration_notify(&self, supi: Supi, body: DeregistrationData) -> Result<(), Problem> {
        let (id, _) = self.core.directory.find(&supi).ok_or_else(|| context_not_found(&supi))?;
        let order = DeregisterOrder {
            reregister: body.dereg_reason == DeregistrationReason::ReregistrationRequired,
            by_udm: true,
            subscription_withdrawn: body.dereg_reason == DeregistrationReason::SubscriptionWithdrawn,
            done: None,
        };
        self.core.post(id, Event::Deregister(order)).map_err(|_| context_not_found(&supi))
    }
}
