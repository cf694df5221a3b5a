//! NAS security mode control (TS 24.501 5.4.2; TS 33.501 6.7.2).

use nas::gmm::{SecurityModeCommand, SecurityModeComplete};
use nas::ie::{AdditionalSecurityInformation, Imeisv, ImeisvRequest, UeSecurityCapability};
use nas::{Algorithms, GmmCause, GmmMessage, NasKeys, SecurityContext, SecurityHeaderType, Side};

use super::authentication::NewKeys;
use crate::stop::{Refusal, Stop, Why};
use crate::ue::Ue;
use crate::ue::context::Security;

/// Takes new keys into use. The answer has what the UE could not say in clear.
pub(super) async fn security_mode_control(
    ue: &mut Ue,
    keys: NewKeys,
    capability: UeSecurityCapability,
) -> Result<SecurityModeComplete, Stop> {
    // The preference is the operator's; NIA0 is never among it (TS 33.501 5.5.2).
    let (integrity, ciphering) = (&ue.core.integrity, &ue.core.ciphering);
    let algorithms = Algorithms::select(&capability, integrity, ciphering).ok_or_else(|| {
        let configured = format!("{integrity:?} and {ciphering:?}");
        Refusal::new(Why::Algorithms, format!("UE security capability {:02x?}", capability.octets()), configured)
    })?;
    ue.context.security = Some(security(keys, algorithms)?);
    ue.context.capability = Some(capability.clone());

    let ng_ksi = ue.context.security.as_ref().map(|security| security.nas.ng_ksi()).ok_or(Stop::Lost)?;
    // The very octets received are replayed, so that the UE notices a bidding down.
    let mut command = SecurityModeCommand::new(algorithms, ng_ksi, capability);
    command.imeisv_request = Some(ImeisvRequest::Requested);
    command.additional_information =
        Some(AdditionalSecurityInformation { retransmit_initial_message: true, horizontal_derivation: false });
    let command: GmmMessage = command.into();
    let duration = std::time::Duration::from_millis(ue.core.config.timers.t3560_ms);
    let answer = ue
        .exchange(
            "T3560",
            duration,
            |ue| {
                let pdu = ue.protect_as(&command, SecurityHeaderType::IntegrityProtectedWithNewContext)?;
                ue.send_nas_pdu(pdu)
            },
            |_, message| match message {
                GmmMessage::SecurityModeComplete(complete) => Ok(Ok(*complete)),
                GmmMessage::SecurityModeReject(reject) => Ok(Err(reject.cause)),
                other => Err(other),
            },
        )
        .await?;
    let complete = answer.map_err(rejected)?;
    established(ue)?;
    if let Some(Imeisv(digits)) = &complete.imeisv {
        ue.context.pei = format!("imeisv-{digits}").parse().ok();
    }
    Ok(complete)
}

fn security(keys: NewKeys, algorithms: Algorithms) -> Result<Security, Stop> {
    let NewKeys { ng_ksi, kamf } = keys;
    let integrity = kamf.nas_integrity_key(algorithms.integrity.identity());
    let ciphering = kamf.nas_ciphering_key(algorithms.ciphering.identity());
    let (Ok(integrity), Ok(ciphering)) = (integrity, ciphering) else { return Err(Stop::Lost) };
    let keys = NasKeys::new(integrity.as_octets(), ciphering.as_octets());
    let nas = SecurityContext::new(Side::Network, ng_ksi, algorithms, keys);
    Ok(Security { as_count: nas.last_received(), nas, kamf })
}

/// From here on nothing plain is taken; KgNB comes from the count of this SECURITY MODE COMPLETE (TS 33.501 6.8.1.2.2).
fn established(ue: &mut Ue) -> Result<(), Stop> {
    ue.signalling_mut()?.secure = true;
    if let Some(security) = &mut ue.context.security {
        security.as_count = security.nas.last_received();
    }
    Ok(())
}

fn rejected(cause: GmmCause) -> Stop {
    let why =
        if cause == GmmCause::UeSecurityCapabilitiesMismatch { Why::Algorithms } else { Why::SecurityModeRejected };
    Refusal::new(why, format!("Security Mode Reject {cause}"), "the capability was replayed as received").into()
}
