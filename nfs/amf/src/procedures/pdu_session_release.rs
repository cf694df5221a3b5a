//! PDU Session Release, the AMF's part (TS 23.502 4.3.4.2), whoever began it.

use bytes::Bytes;
use ngap::{Message, PduSessionId, PduSessionResourceReleaseCommand, PduSessionResourceToReleaseItem};
use sbi_models::smf::N2SmInfoType;

use super::session;
use crate::stop::Stop;
use crate::ue::Ue;

/// Has the node and the UE release a session, as its SMF asks.
///
/// 1. The UE's request (1a) or the SMF's decision (1e) has brought us here; 2. N4 Session Release is the SMF's.
/// 3. The SMF's message came as the answer of UpdateSMContext (3a) or as N1N2MessageTransfer (3b).
pub(super) async fn release_resources(ue: &mut Ue, id: u8, n1: Option<Bytes>, transfer: Bytes) -> Result<(), Stop> {
    let timed = ue.core.metrics.procedure("pdu_session_release");
    let nas_pdu = n1.map(|n1| session::protected(ue, id, &n1)).transpose()?;
    let (amf_ue_ngap_id, ran_ue_ngap_id) = ue.n2_ids()?;
    let item = PduSessionResourceToReleaseItem { pdu_session_id: PduSessionId(id), transfer };
    // 4. AMF to RAN: N2 Resource Release Request with the PDU Session Release Command.
    let command = PduSessionResourceReleaseCommand {
        amf_ue_ngap_id,
        ran_ue_ngap_id,
        nas_pdu,
        pdu_session_resource_to_release_list: vec![item],
    };
    ue.send_n2(&command.into())?;
    // 5. RAN and UE. 6. RAN to AMF: N2 Resource Release Ack.
    let response = ue
        .await_n2(|message| match *message {
            Message::PduSessionResourceReleaseResponse(response) => Ok(response),
            other => Err(Box::new(other)),
        })
        .await?;
    if let Some(session) = ue.context.session_mut(id) {
        session.active = false;
    }
    // 7. Nsmf_PDUSession_UpdateSMContext with the node's answer.
    for item in response.pdu_session_resource_released_list {
        session::tell_smf(ue, item.pdu_session_id.0, N2SmInfoType::PduResRelRsp, item.transfer).await;
    }
    // 8. to 10. The UE's PDU Session Release Complete comes as any 5GSM message, before or after 6, and goes to the SMF.
    // 11. Nsmf_PDUSession_SMContextStatusNotify: then the AMF forgets the session.
    timed.finish("success");
    Ok(())
}
