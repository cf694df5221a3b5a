//! Initial Context Setup (TS 38.413 8.3.1): the node gets what it needs to serve the UE.

use bytes::Bytes;
use ngap::{
    CauseRadioNetwork, InitialContextSetupRequest, InitialContextSetupResponse, MaskedImeisv, Message,
    PduSessionResourceFailedItem, PduSessionResourceResponseItem, PduSessionResourceSetupItem, SecurityKey,
    UeAggregateMaximumBitRate, UeSecurityCapabilities,
};
use sbi_models::Pei;

use super::{session, slices};
use crate::stop::Stop;
use crate::ue::Ue;

/// What the node says of the sessions that were set up together.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) set_up: Vec<PduSessionResourceResponseItem>,
    pub(super) failed: Vec<PduSessionResourceFailedItem>,
}

/// Makes the request, with a NAS message and sessions.
pub(super) fn request(
    ue: &Ue,
    nas_pdu: Option<Bytes>,
    sessions: Vec<PduSessionResourceSetupItem>,
) -> Result<Message, Stop> {
    let (amf_ue_ngap_id, ran_ue_ngap_id) = ue.n2_ids()?;
    let context = &ue.context;
    let (security, capability) = context.security.as_ref().zip(context.capability.as_ref()).ok_or(Stop::Lost)?;
    let kgnb = security.kamf.kgnb(security.as_count.get()).map_err(|_| Stop::Lost)?;
    let with_sessions = !sessions.is_empty();
    Ok(Message::InitialContextSetupRequest(InitialContextSetupRequest {
        amf_ue_ngap_id,
        ran_ue_ngap_id,
        old_amf: None,
        // There with PDU sessions, and only then.
        ue_aggregate_maximum_bit_rate: with_sessions.then(|| ambr(ue)),
        guami: ue.core.served.guami,
        pdu_session_resource_setup_list: with_sessions.then_some(sessions),
        allowed_nssai: context.allowed_slices.iter().map(slices::to_ngap).collect(),
        ue_security_capabilities: UeSecurityCapabilities {
            nr_encryption_algorithms: capability.nr_encryption(),
            nr_integrity_protection_algorithms: capability.nr_integrity(),
            eutra_encryption_algorithms: capability.eutra_encryption(),
            eutra_integrity_protection_algorithms: capability.eutra_integrity(),
        },
        security_key: SecurityKey(*kgnb.as_octets()),
        mobility_restriction_list: None,
        ue_radio_capability: context.radio_capability.clone(),
        index_to_rfsp: None,
        masked_imeisv: context.pei.as_ref().and_then(masked_imeisv),
        nas_pdu,
        rrc_inactive_transition_report_request: None,
        ue_radio_capability_for_paging: None,
    }))
}

/// UE-AMBR of the subscription; without one, what is as good as no limit.
pub(super) fn ambr(ue: &Ue) -> UeAggregateMaximumBitRate {
    const UNLIMITED: u64 = 4_000_000_000_000;
    let ambr = ue.context.subscription.as_ref().and_then(|subscription| subscription.ambr);
    UeAggregateMaximumBitRate {
        ue_aggregate_maximum_bit_rate_dl: ambr.map_or(UNLIMITED, |ambr| ambr.downlink.0.min(UNLIMITED)),
        ue_aggregate_maximum_bit_rate_ul: ambr.map_or(UNLIMITED, |ambr| ambr.uplink.0.min(UNLIMITED)),
    }
}

/// Takes the outcome of the setup, or gives any other message back.
pub(super) fn outcome(message: Box<Message>) -> Result<Result<Outcome, Stop>, Box<Message>> {
    match *message {
        Message::InitialContextSetupResponse(response) => Ok(Ok(of_response(response))),
        Message::InitialContextSetupFailure(failure) => {
            tracing::info!(cause = %failure.cause, "Initial Context Setup failed");
            Ok(Err(Stop::NoAnswer("Initial Context Setup")))
        }
        other => Err(Box::new(other)),
    }
}

fn of_response(response: InitialContextSetupResponse) -> Outcome {
    Outcome {
        set_up: response.pdu_session_resource_setup_list.unwrap_or_default(),
        failed: response.pdu_session_resource_failed_to_setup_list.unwrap_or_default(),
    }
}

/// The node has the context: takes note, and tells the SMFs what became of their sessions.
pub(super) async fn done(ue: &mut Ue, outcome: Outcome) -> Result<(), Stop> {
    ue.signalling_mut()?.context_in_ran = true;
    for item in outcome.set_up {
        session::set_up(ue, item.pdu_session_id.0, item.transfer).await;
    }
    for item in outcome.failed {
        session::failed_to_set_up(ue, item.pdu_session_id.0, item.transfer).await;
    }
    Ok(())
}

/// Sets the context up by itself, unless the node has it: sessions cannot come before it.
pub(super) async fn ensure(ue: &mut Ue) -> Result<(), Stop> {
    if ue.signalling()?.context_in_ran {
        return Ok(());
    }
    let request = request(ue, None, Vec::new())?;
    ue.send_n2(&request)?;
    let outcome = ue.await_n2(outcome).await??;
    done(ue, outcome).await
}

/// The IMEISV with the last four digits of its serial number hidden (TS 38.413 9.3.1.54).
fn masked_imeisv(pei: &Pei) -> Option<MaskedImeisv> {
    let digits = pei.as_str().strip_prefix("imeisv-")?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    Some(MaskedImeisv(number | 0x00ff_ff00))
}

/// The cause of a UE Context Release for a UE that is not heard of.
pub(super) const RADIO_CONNECTION_LOST: ngap::Cause =
    ngap::Cause::RadioNetwork(CauseRadioNetwork::RadioConnectionWithUeLost);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_hides_four_digits_before_the_version() {
        let pei: Pei = "imeisv-1234567890123456".parse().expect("an IMEISV");
        assert_eq!(masked_imeisv(&pei), Some(MaskedImeisv(0x1234_5678_90ff_ff56)));
        assert_eq!(masked_imeisv(&"imei-123456789012345".parse().expect("an IMEI")), None);
    }
}
