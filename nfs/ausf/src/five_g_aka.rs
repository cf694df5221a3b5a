//! 5G-AKA as the AUSF takes part in it (TS 33.501 6.1.3.2.0, TS 29.509 5.2.2.2.2).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use aka::{Kausf, Rand, ResStar, XresStar};
use http::StatusCode;
use runtime::Reject;
use sbi_api::nausf_auth::{self, NausfAuthServer};
use sbi_api::{Problem, WithLocation};
use sbi_models::ausf::{
    AuthResult, AuthenticationInfo, Av5gAka, ConfirmationData, ConfirmationDataResponse, Link, UeAuthenticationCtx,
};
use sbi_models::udm::{AuthEvent, AuthType, AuthenticationInfoRequest, AuthenticationVector};
use sbi_models::{HexOctets, SecretHex};
use uuid::Uuid;

use crate::Core;
use crate::contexts::Authentication;

/// Nausf_UEAuthentication.
pub(crate) struct Server(pub(crate) Arc<Core>);

impl NausfAuthServer for Server {
    async fn authenticate(&self, body: AuthenticationInfo) -> Result<WithLocation<UeAuthenticationCtx>, Problem> {
        let core = &*self.0;
        let timed = core.metrics.procedure("authentication_initiation");
        // 1. Nausf_UEAuthentication_Authenticate Request: is this network one that may ask (TS 33.501 6.1.2)?
        if body.serving_network_name != core.serving_network {
            timed.finish("serving_network_not_authorized");
            return Err(core.not_authorized(&body));
        }
        // 2 to 3. Nudm_UEAuthentication_Get: a vector, and who the UE is.
        let (authentication, vector) = core.vector(&body).await.inspect_err(|problem| {
            tracing::debug!(%problem, "the UDM gave no vector");
        })?;
        // 4. XRES* and KAUSF are kept, HXRES* is derived. 5. KSEAF is derived when the UE has answered.
        let rand = Rand::new(vector.rand.0);
        let hxres_star = HexOctets(*authentication.xres_star.hxres_star(&rand).as_octets());
        let Some(id) = core.contexts.add(Instant::now(), authentication) else {
            timed.finish("too_many");
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NF_CONGESTION", "too many authentications"));
        };
        let location = format!("{}{}/ue-authentications/{id}", core.api_root, nausf_auth::ROOT);
        let confirmation = Link { href: format!("{location}/5g-aka-confirmation") };
        timed.finish("success");
        // 6. Nausf_UEAuthentication_Authenticate Response with the 5G SE AV.
        let body = UeAuthenticationCtx {
            auth_type: AuthType::FiveGAka,
            auth_data: Av5gAka { rand: vector.rand, autn: vector.autn, hxres_star },
            links: BTreeMap::from([("5g-aka".to_owned(), confirmation)]),
            serving_network_name: Some(body.serving_network_name),
        };
        Ok(WithLocation { location, body })
    }

    async fn confirm(&self, auth_ctx_id: String, body: ConfirmationData) -> Result<ConfirmationDataResponse, Problem> {
        let core = &*self.0;
        let timed = core.metrics.procedure("authentication_confirmation");
        let id: Uuid = auth_ctx_id.parse().map_err(|_| no_such_context())?;
        // 10. The request with RES*; a context answers once, so that nobody can try twice.
        let authentication = core.contexts.take(Instant::now(), &id).ok_or_else(no_such_context)?;
        // 11. Is it what the home network expects?
        let right = body.res_star.is_some_and(|res| authentication.xres_star.accepts(&ResStar::new(res.0)));
        core.report(&authentication, right);
        timed.finish(if right { "success" } else { "wrong_answer" });
        if !right {
            return Ok(ConfirmationDataResponse { auth_result: AuthResult::Failure, supi: None, kseaf: None });
        }
        // 12. The outcome, with SUPI and KSEAF.
        let kseaf = authentication.kausf.kseaf(&authentication.serving_network).map_err(Problem::internal)?;
        Ok(ConfirmationDataResponse {
            auth_result: AuthResult::Success,
            supi: Some(authentication.supi),
            kseaf: Some(SecretHex(*kseaf.as_octets())),
        })
    }

    async fn delete_result(&self, auth_ctx_id: String) -> Result<(), Problem> {
        let id: Uuid = auth_ctx_id.parse().map_err(|_| no_such_context())?;
        self.0.contexts.take(Instant::now(), &id).map(drop).ok_or_else(no_such_context)
    }
}

fn no_such_context() -> Problem {
    Problem::not_found("CONTEXT_NOT_FOUND", "no such authentication, or it is over")
}

impl Core {
    /// Asks the UDM for a vector.
    async fn vector(&self, body: &AuthenticationInfo) -> Result<(Authentication, AuthenticationVector), Problem> {
        let request = AuthenticationInfoRequest {
            serving_network_name: body.serving_network_name.clone(),
            resynchronization_info: body.resynchronization_info.clone(),
            ausf_instance_id: self.instance_id,
            supported_features: None,
        };
        let result = self.ueau.generate_auth_data(&body.supi_or_suci, &request).await.map_err(Problem::downstream)?;
        let supi = result.supi.or_else(|| body.supi_or_suci.supi());
        let (Some(supi), Some(vector)) = (supi, result.authentication_vector) else {
            return Err(Problem::new(StatusCode::BAD_GATEWAY, "AV_GENERATION_PROBLEM", "the UDM gave no vector"));
        };
        if result.auth_type != AuthType::FiveGAka {
            let why = format_args!("{supi} authenticates by {}, which is not done here", result.auth_type);
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "UNSUPPORTED_PROTECTION_SCHEME", why));
        }
        let authentication = Authentication {
            supi,
            serving_network: body.serving_network_name.clone(),
            xres_star: XresStar::new(vector.xres_star.0),
            kausf: Kausf::new(vector.kausf.0),
        };
        Ok((authentication, vector))
    }

    /// Nudm_UEAuthentication_ResultConfirmation (TS 33.501 6.1.4.1a), in the background: the UE does not wait for it.
    fn report(&self, authentication: &Authentication, success: bool) {
        let event = AuthEvent {
            nf_instance_id: self.instance_id,
            success,
            time_stamp: SystemTime::now().into(),
            auth_type: AuthType::FiveGAka,
            serving_network_name: authentication.serving_network.clone(),
            auth_removal_ind: None,
        };
        let (ueau, supi) = (self.ueau.clone(), authentication.supi.clone());
        tokio::spawn(async move {
            if let Err(error) = ueau.confirm_auth(&supi, &event).await {
                tracing::debug!(%error, %supi, "the UDM did not take the outcome of an authentication");
            }
        });
    }

    fn not_authorized(&self, body: &AuthenticationInfo) -> Problem {
        self.rejects.record(Reject {
            about: body.supi_or_suci.to_string(),
            what: "authentication refused: the serving network is not authorized".into(),
            peer_sent: format!("serving network name {}", body.serving_network_name),
            configured: self.serving_network.clone(),
            key: "network.plmn".into(),
        });
        Problem::forbidden("SERVING_NETWORK_NOT_AUTHORIZED", &body.serving_network_name)
    }
}
