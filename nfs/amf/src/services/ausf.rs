//! Nausf_UEAuthentication as the AMF uses it.

use aka::{Autn, Auts, HxresStar, Kseaf, Rand, ResStar};
use sbi_api::nausf_auth::auth_ctx_id;
use sbi_models::ausf::{AuthResult, AuthenticationInfo, ConfirmationData};
use sbi_models::udm::ResynchronizationInfo;
use sbi_models::{HexOctets, Supi, SupiOrSuci};

use crate::stop::{Refusal, Stop, Why};
use crate::ue::Ue;

/// A 5G serving environment authentication vector.
pub(crate) struct Challenge {
    pub(crate) rand: Rand,
    pub(crate) autn: Autn,
    pub(crate) hxres_star: HxresStar,
    /// What the AUSF calls this authentication, and which AUSF.
    context: String,
}

impl Ue {
    /// Nausf_UEAuthentication_Authenticate: a challenge for the UE.
    pub(crate) async fn nausf_ue_authentication_authenticate(
        &self,
        identity: &SupiOrSuci,
        resynchronisation: Option<(Rand, Auts)>,
    ) -> Result<Challenge, Stop> {
        let mut info = AuthenticationInfo::new(identity.clone(), self.core.served.serving_network_name.clone());
        info.resynchronization_info = resynchronisation.map(|(rand, auts)| ResynchronizationInfo {
            rand: HexOctets(*rand.as_octets()),
            auts: HexOctets(*auts.as_octets()),
        });
        let created = self.core.nausf.authenticate(&info).await;
        let created = created.map_err(|error| {
            Refusal::of_operation("Nausf_UEAuthentication_Authenticate", &error, identity.to_string())
        })?;
        let data = &created.body.auth_data;
        let context = created.body.links.get("5g-aka").map_or(created.location.as_str(), |link| link.href.as_str());
        Ok(Challenge {
            rand: Rand::new(data.rand.0),
            autn: Autn::new(data.autn.0),
            hxres_star: HxresStar::new(data.hxres_star.0),
            context: context.to_owned(),
        })
    }

    /// Nausf_UEAuthentication_Authenticate with RES*: who it is, and the anchor key. The AUSF that made the challenge answers.
    pub(crate) async fn nausf_ue_authentication_confirm(
        &self,
        challenge: &Challenge,
        res_star: &ResStar,
        identity: &SupiOrSuci,
    ) -> Result<(Supi, Kseaf), Stop> {
        let operation = "Nausf_UEAuthentication_Authenticate (confirmation)";
        let failed = |error| Refusal::of_operation(operation, &error, identity.to_string());
        let data = ConfirmationData { res_star: Some(HexOctets(*res_star.as_octets())) };
        let (ausf, _) = sbi_api::ApiRoot::split(&challenge.context).map_err(failed)?;
        let client = sbi_api::nausf_auth::NausfAuth::at(self.core.caller.clone(), ausf);
        let answer = client.confirm(&auth_ctx_id(&challenge.context).to_owned(), &data).await.map_err(failed)?;
        match (answer.auth_result, answer.supi, answer.kseaf) {
            (AuthResult::Success, Some(supi), Some(kseaf)) => Ok((supi, Kseaf::new(kseaf.0))),
            (result, ..) => {
                let configured = format!("the AUSF says {result}");
                Err(Stop::NotAuthentic(Refusal::new(Why::WrongResponse, identity.to_string(), configured)))
            }
        }
    }
}
