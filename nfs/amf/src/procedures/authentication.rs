//! 5G-AKA as the serving network sees it (TS 33.501 6.1.3.2; TS 24.501 5.4.1.3; TS 23.502 4.2.2.2.2 step 9).

use aka::{Auts, Kamf, Rand, ResStar, hres_star};
use nas::gmm::AuthenticationRequest;
use nas::ie::NgKsi;
use nas::{GmmCause, GmmMessage};
use sbi_models::SupiOrSuci;

use crate::services::Challenge;
use crate::stop::{Refusal, Stop, Why};
use crate::ue::Ue;

/// ABBA of this release (TS 33.501 A.7.1).
pub(super) const ABBA: [u8; 2] = [0, 0];

/// Challenges sent at most: a resynchronisation and a change of ngKSI are legitimate, more is an attack or a fault.
const MOST_CHALLENGES: usize = 4;

/// A key set that was just agreed on.
pub(super) struct NewKeys {
    pub(super) ng_ksi: NgKsi,
    pub(super) kamf: Kamf,
}

/// What a UE answers to a challenge.
enum Answer {
    Response(Option<[u8; 16]>),
    Failure(GmmCause, Option<[u8; 14]>),
}

/// Authenticates the UE; its context then has a SUPI. `used` is the key set the UE named in its request.
pub(super) async fn authentication(ue: &mut Ue, identity: &SupiOrSuci, used: NgKsi) -> Result<NewKeys, Stop> {
    let mut ng_ksi = used.next_native();
    ue.claims = Some(claimed(identity));
    let mut resynchronisation: Option<(Rand, Auts)> = None;
    for _ in 0..MOST_CHALLENGES {
        // 6.1.2 and 6.1.3.2 steps 1 to 5. Nausf_UEAuthentication_Authenticate Request with SUCI or SUPI, and the serving
        //    network's name; the answer has RAND, AUTN and HXRES*.
        let challenge = ue.nausf_ue_authentication_authenticate(identity, resynchronisation.take()).await?;
        // 6. to 8. Authentication Request with RAND, AUTN, ngKSI, ABBA; the UE answers RES*.
        match authentication_request(ue, &challenge, ng_ksi).await? {
            Answer::Response(res_star) => return confirm(ue, &challenge, res_star, ng_ksi, identity).await,
            // 6.1.3.3.2: synchronisation failure goes to the home network with the RAND that it answers.
            Answer::Failure(GmmCause::SynchFailure, Some(auts)) => {
                resynchronisation = Some((challenge.rand, Auts::new(auts)));
            }
            // TS 24.501 5.4.1.3.7 e: another key set identifier, and a new challenge.
            Answer::Failure(GmmCause::NgKsiAlreadyInUse, _) => ng_ksi = ng_ksi.next_native(),
            Answer::Failure(cause, _) => return Err(failed(identity, cause)),
        }
    }
    Err(failed(identity, GmmCause::SynchFailure))
}

async fn authentication_request(ue: &mut Ue, challenge: &Challenge, ng_ksi: NgKsi) -> Result<Answer, Stop> {
    let mut request = AuthenticationRequest::new(ng_ksi, ABBA.to_vec());
    request.rand = Some(*challenge.rand.as_octets());
    request.autn = Some(*challenge.autn.as_octets());
    let request: GmmMessage = request.into();
    let duration = std::time::Duration::from_millis(ue.core.config.timers.t3560_ms);
    ue.exchange(
        "T3560",
        duration,
        |ue| ue.send_nas(&request),
        |_, message| match message {
            GmmMessage::AuthenticationResponse(response) => Ok(Answer::Response(response.res_star)),
            GmmMessage::AuthenticationFailure(failure) => Ok(Answer::Failure(failure.cause, failure.auts)),
            other => Err(other),
        },
    )
    .await
}

async fn confirm(
    ue: &mut Ue,
    challenge: &Challenge,
    res_star: Option<[u8; 16]>,
    ng_ksi: NgKsi,
    identity: &SupiOrSuci,
) -> Result<NewKeys, Stop> {
    let wrong =
        || Stop::NotAuthentic(Refusal::new(Why::WrongResponse, format!("{identity} with a wrong RES*"), "other keys"));
    // 9. The SEAF computes HRES* from RES* and compares it with HXRES*.
    let res_star = ResStar::new(res_star.ok_or_else(wrong)?);
    if hres_star(&challenge.rand, &res_star) != challenge.hxres_star {
        return Err(wrong());
    }
    // 10. to 12. Nausf_UEAuthentication_Authenticate Request with RES*; the answer has SUPI and KSEAF.
    let (supi, kseaf) = ue.nausf_ue_authentication_confirm(challenge, &res_star, identity).await?;
    let kamf = kseaf
        .kamf(supi.imsi(), &ABBA)
        .map_err(|error| Refusal::new(Why::Network, format!("{supi}"), format!("KAMF cannot be derived: {error}")))?;
    tracing::Span::current().record("supi", supi.as_str());
    ue.context.supi = Some(supi);
    Ok(NewKeys { ng_ksi, kamf })
}

/// What people look for: the SUPI in a SUCI of the null scheme, else the SUCI.
fn claimed(identity: &SupiOrSuci) -> String {
    let parts: Vec<_> = identity.as_str().split('-').collect();
    match parts.as_slice() {
        ["suci", "0", mcc, mnc, _, "0", _, msin] => format!("imsi-{mcc}{mnc}{msin}, not authenticated"),
        _ => identity.to_string(),
    }
}

/// The UE or the subscription is not what it should be (TS 24.501 5.4.1.3.7 c, d, f): AUTHENTICATION REJECT.
fn failed(identity: &SupiOrSuci, cause: GmmCause) -> Stop {
    let configured = "the K, OPc or SQN of this subscriber differ from the USIM's";
    Stop::NotAuthentic(Refusal::new(Why::MacFailure, format!("{identity}, authentication failure {cause}"), configured))
}
