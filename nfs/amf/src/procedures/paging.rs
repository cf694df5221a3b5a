//! Network Triggered Service Request (TS 23.502 4.2.3.3): a UE in idle is paged.

use std::time::Duration;

use ngap::{FiveGSTmsi, Message, Paging, Tai};
use sbi_api::{Json, NoContent, notify};
use sbi_models::amf::{N1N2MessageTransferCause, N1N2MsgTxfrFailureNotification};
use tokio::time::Instant;

use crate::stop::Stop;
use crate::ue::Ue;
use crate::ue::event::{Event, Transfer};

/// Pagings sent in all (T3513, TS 24.501 5.6.2.2).
const PAGINGS: usize = 3;

/// Pages the UE for an SMF. Its Service Request takes the context over, and with it what waits to be delivered.
pub(super) async fn network_triggered_service_request(ue: &mut Ue, transfer: Transfer) -> Result<(), Stop> {
    // 1. Downlink data, 2. Data Notification: the UPF's and SMF's.
    // 3a. Namf_Communication_N1N2MessageTransfer has brought us here; 3b. it was answered with "attempting to reach the UE".
    if transfer.skip_if_idle {
        return Ok(());
    }
    let Some(tmsi) = ue.context.old_tmsi.or(ue.context.tmsi) else { return Ok(()) };
    let timed = ue.core.metrics.procedure("paging");
    ue.defer(Event::Transfer(Box::new(transfer)));
    let t3513 = Duration::from_millis(ue.core.config.timers.t3513_ms);
    for _ in 0..PAGINGS {
        // 4b. AMF to the nodes of the registration area: Paging. 5. The nodes page the UE.
        page(ue, tmsi);
        let deadline = Instant::now() + t3513;
        // 6. Service Request: another task claims the context, which ends this procedure.
        loop {
            match ue.incoming(deadline).await {
                Ok(None) => break,
                Ok(Some(incoming)) => ue.unexpected(incoming),
                Err(stop) => {
                    timed.finish(if matches!(stop, Stop::Claimed(..)) { "success" } else { stop.label() });
                    return Err(stop);
                }
            }
        }
    }
    // 5. of TS 29.518 5.2.2.3.2: the SMFs are told that the UE did not answer.
    timed.finish("no_answer");
    for transfer in ue.take_deferred_transfers() {
        transfer_failed(ue, transfer).await;
    }
    Ok(())
}

fn page(ue: &Ue, tmsi: u32) {
    let served = &ue.core.served;
    let (amf_set_id, amf_pointer) = (served.amf_id.set(), served.amf_id.pointer());
    let tais: Vec<Tai> = served.tacs.iter().take(16).map(|tac| Tai { plmn_identity: served.plmn, tac: *tac }).collect();
    let paging = Message::Paging(Paging {
        ue_paging_identity: FiveGSTmsi { amf_set_id, amf_pointer, five_g_tmsi: tmsi },
        paging_drx: None,
        tai_list_for_paging: tais.clone(),
        paging_priority: None,
        ue_radio_capability_for_paging: None,
    });
    ue.core.associations.send_to_areas(&tais, &paging);
}

async fn transfer_failed(ue: &Ue, transfer: Transfer) {
    let Some(uri) = &transfer.failure_uri else { return };
    let body = N1N2MsgTxfrFailureNotification {
        cause: N1N2MessageTransferCause::UeNotResponding,
        n1n2_msg_data_uri: transfer.uri,
    };
    let caller = &*ue.core.caller;
    if let Err(error) = notify::<Json<N1N2MsgTxfrFailureNotification>, NoContent>(caller, uri, &body).await {
        tracing::debug!(%error, "N1N2TransferFailureNotification not taken");
    }
}
