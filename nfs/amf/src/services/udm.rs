//! Nudm_UECM and Nudm_SDM as the AMF uses them.

use sbi_api::SbiError;
use sbi_api::namf_callback::deregistration_uri;
use sbi_models::udm::{
    AccessAndMobilitySubscriptionData, Amf3GppAccessRegistration, Amf3GppAccessRegistrationModification,
    SmfSelectionSubscriptionData, SubscriptionQuery,
};
use sbi_models::{RatType, Supi};

use crate::stop::{Refusal, Stop};
use crate::ue::Ue;
use crate::ue::context::{SubscribedDnn, Subscription};

impl Ue {
    fn supi(&self) -> Result<&Supi, Stop> {
        self.context.supi.as_ref().ok_or(Stop::Lost)
    }

    /// Nudm_UECM_Registration: this AMF serves the UE now.
    pub(crate) async fn nudm_uecm_registration(&self, initial: bool) -> Result<(), Stop> {
        let (core, supi) = (&self.core, self.supi()?);
        let registration = Amf3GppAccessRegistration {
            amf_instance_id: core.instance_id,
            dereg_callback_uri: deregistration_uri(&core.api_root, supi),
            guami: core.served.sbi_guami.clone(),
            rat_type: RatType::Nr,
            pei: self.context.pei.clone(),
            purge_flag: None,
            initial_registration_ind: initial.then_some(true),
            dr_flag: None,
            registration_time: None,
            supported_features: None,
        };
        let answer = core.nudm_uecm.register_amf(supi, &registration).await;
        answer.map(drop).map_err(|error| Refusal::of_operation("Nudm_UECM_Registration", &error, supi.as_str()).into())
    }

    /// Nudm_UECM_Deregistration: this AMF has nothing of the UE any more. `false` if the UDM did not take it, which changes
    /// nothing here.
    pub(crate) async fn nudm_uecm_deregistration(&self) -> bool {
        let Ok(supi) = self.supi() else { return false };
        let guami = self.core.served.sbi_guami.clone();
        let purged = Amf3GppAccessRegistrationModification { guami, purge_flag: Some(true), pei: None };
        let answer = self.core.nudm_uecm.update_amf(supi, &purged).await;
        answer.inspect_err(|error| tracing::debug!(%error, "Nudm_UECM_Deregistration")).is_ok()
    }

    /// Nudm_SDM_Get: access and mobility data, and SMF selection data, asked for at once.
    pub(crate) async fn nudm_sdm_get(&self) -> Result<Subscription, Stop> {
        let (core, supi) = (&self.core, self.supi()?);
        let query = SubscriptionQuery { plmn_id: None };
        let (am, smf_select) =
            tokio::join!(core.nudm_sdm.am_data(supi, &query), core.nudm_sdm.smf_select_data(supi, &query));
        let failed = |error: SbiError| Refusal::of_operation("Nudm_SDM_Get", &error, supi.as_str());
        let (mut am, smf_select) = (am.map_err(failed)?, smf_select.map_err(failed)?);
        if am.nssai.is_none() {
            // It may be left out there and told apart (TS 29.503 6.1.6.2.4, 6.1.3.2).
            am.nssai = match core.nudm_sdm.nssai(supi, &query).await {
                Ok(nssai) => Some(nssai),
                Err(error) if error.status() == Some(404) => None,
                Err(error) => return Err(failed(error).into()),
            };
        }
        Ok(subscription(am, &smf_select))
    }
}

fn subscription(am: AccessAndMobilitySubscriptionData, smf_select: &SmfSelectionSubscriptionData) -> Subscription {
    let nssai = am.nssai.unwrap_or_default();
    let infos = smf_select.subscribed_snssai_infos.iter().flatten();
    let dnns = infos.filter_map(|(text, info)| text.parse().ok().map(|slice| (slice, info)));
    let dnns = dnns.flat_map(|(slice, info)| {
        info.dnn_infos.iter().map(move |info| SubscribedDnn {
            slice,
            dnn: info.dnn.clone(),
            default: info.default_dnn_indicator == Some(true),
        })
    });
    Subscription {
        default_slices: nssai.default_single_nssais,
        other_slices: nssai.single_nssais.unwrap_or_default(),
        ambr: am.subscribed_ue_ambr,
        dnns: dnns.collect(),
    }
}
