//! Nausf_UEAuthentication with 5G-AKA (TS 29.509 5.2; TS 33.501 6.1.3.2).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use aka::{Kausf, Rand, ResStar, XresStar};
use runtime::{Metrics, Reject, Rejects};
use sbi_api::nausf_auth::{NausfAuthServer, ROOT};
use sbi_api::nudm_ueau::NudmUeau;
use sbi_api::{ApiRoot, Caller, Problem, WithLocation};
use sbi_models::ausf::{
    AuthResult, AuthenticationInfo, Av5gAka, ConfirmationData, ConfirmationDataResponse, Link, UeAuthenticationCtx,
};
use sbi_models::udm::{AuthEvent, AuthType, AuthenticationInfoRequest, AvType};
use sbi_models::{HexOctets, SecretHex, Supi};
use uuid::Uuid;

use crate::contexts::{Authentication, Contexts, Limits};

/// Who this AUSF is, and for whom it works.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `nfInstanceId`.
    pub instance: Uuid,
    /// Where its resources' URIs begin.
    pub root: ApiRoot,
    /// Names of the serving networks that may ask.
    pub serving_networks: Vec<String>,
}

/// What answers Nausf_UEAuthentication.
pub struct AuthenticationServer {
    udm: NudmUeau,
    identity: Identity,
    contexts: Arc<Mutex<Contexts>>,
    metrics: Metrics,
    rejects: Rejects,
}

impl AuthenticationServer {
    /// Authenticates with the vectors of the UDM that `caller` finds.
    pub fn new(
        caller: Arc<dyn Caller>,
        identity: Identity,
        limits: Limits,
        metrics: Metrics,
        rejects: Rejects,
    ) -> Self {
        let contexts = Arc::new(Mutex::new(Contexts::new(limits)));
        Self { udm: NudmUeau::new(caller), identity, contexts, metrics, rejects }
    }

    /// For the operator: how many authentications are under way.
    pub(crate) fn status(&self) -> serde_json::Value {
        serde_json::json!({ "authentications": lock(&self.contexts).len() })
    }

    /// Keeps an authentication, and forgets it in time even if nothing else happens.
    fn keep(&self, authentication: Authentication) -> Uuid {
        let mut contexts = lock(&self.contexts);
        let first = contexts.poll_timeout().is_none();
        let id = contexts.insert(Instant::now(), authentication);
        if first {
            tokio::spawn(expire(self.contexts.clone()));
        }
        id
    }

    /// Nudm_UEAuthentication_Get (TS 33.501 6.1.3.2.0 steps 1 and 2).
    async fn vector(&self, info: AuthenticationInfo) -> Result<(Authentication, Rand, HexOctets<16>), Problem> {
        let request = AuthenticationInfoRequest {
            serving_network_name: info.serving_network_name.clone(),
            resynchronization_info: info.resynchronization_info,
            ausf_instance_id: self.identity.instance,
            supported_features: None,
        };
        let result = self.udm.generate_auth_data(&info.supi_or_suci, &request).await.map_err(Problem::downstream)?;
        let vector = result.authentication_vector.filter(|vector| vector.av_type == AvType::FiveGHeAka);
        let vector = vector.ok_or_else(|| Problem::internal("the UDM gave no vector for 5G-AKA"))?;
        let supi = result.supi.or_else(|| info.supi_or_suci.supi());
        let supi = supi.ok_or_else(|| Problem::internal("the UDM gave no SUPI for the SUCI"))?;
        let authentication = Authentication {
            supi,
            serving_network: info.serving_network_name,
            xres_star: XresStar::new(vector.xres_star.0),
            kausf: Kausf::new(vector.kausf.0),
            confirmed: false,
        };
        Ok((authentication, Rand::new(vector.rand.0), vector.autn))
    }

    fn not_authorized(&self, info: &AuthenticationInfo) -> Problem {
        self.rejects.record(Reject {
            about: info.supi_or_suci.to_string(),
            what: "authentication refused: the serving network is not authorised".into(),
            peer_sent: format!("serving network name {}", info.serving_network_name),
            configured: self.identity.serving_networks.join(", "),
            key: "network.plmn or ausf.serving_networks".into(),
        });
        let why = format_args!("'{}' may not authenticate our subscribers", info.serving_network_name);
        Problem::forbidden("SERVING_NETWORK_NOT_AUTHORIZED", why)
    }

    /// Tells the UDM how an authentication ended (TS 33.501 6.1.4.1a). The AMF does not wait for it.
    fn report(&self, supi: Supi, serving_network_name: String, success: bool) {
        let event = AuthEvent {
            nf_instance_id: self.identity.instance,
            success,
            time_stamp: SystemTime::now().into(),
            auth_type: AuthType::FiveGAka,
            serving_network_name,
            auth_removal_ind: None,
        };
        let udm = self.udm.clone();
        tokio::spawn(async move {
            if let Err(why) = udm.confirm_auth(&supi, &event).await {
                tracing::warn!(%supi, "the UDM was not told how the authentication ended: {why}");
            }
        });
    }
}

fn lock(contexts: &Mutex<Contexts>) -> MutexGuard<'_, Contexts> {
    contexts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets authentications in time until there are none.
async fn expire(contexts: Arc<Mutex<Contexts>>) {
    loop {
        let Some(next) = lock(&contexts).poll_timeout() else { return };
        tokio::time::sleep_until(next.into()).await;
        lock(&contexts).handle_timeout(Instant::now());
    }
}

fn no_context(id: &str) -> Problem {
    Problem::not_found("CONTEXT_NOT_FOUND", format_args!("no authentication {id} is under way"))
}

impl NausfAuthServer for AuthenticationServer {
    async fn authenticate(&self, info: AuthenticationInfo) -> Result<WithLocation<UeAuthenticationCtx>, Problem> {
        let timed = self.metrics.procedure("authentication_initiation");
        // 1. The SEAF may only speak for an authorised serving network (TS 33.501 6.1.2).
        if !self.identity.serving_networks.contains(&info.serving_network_name) {
            timed.finish("serving_network_not_authorized");
            return Err(self.not_authorized(&info));
        }
        let serving_network = info.serving_network_name.clone();
        // 2. to 4. A vector from the UDM.
        let (authentication, rand, autn) = self.vector(info).await?;
        // 5. HXRES* instead of XRES* for the SEAF; XRES* and KAUSF stay here.
        let hxres_star = HexOctets(*authentication.xres_star.hxres_star(&rand).as_octets());
        let rand = HexOctets(*rand.as_octets());
        let location = format!("{}{ROOT}/ue-authentications/{}", self.identity.root, self.keep(authentication));
        let link = Link { href: format!("{location}/5g-aka-confirmation") };
        timed.finish("success");
        // 6. The challenge.
        let body = UeAuthenticationCtx {
            auth_type: AuthType::FiveGAka,
            auth_data: Av5gAka { rand, autn, hxres_star },
            links: [("5g-aka".to_owned(), link)].into(),
            serving_network_name: Some(serving_network),
        };
        Ok(WithLocation { location, body })
    }

    async fn confirm(
        &self,
        auth_ctx_id: String,
        answer: ConfirmationData,
    ) -> Result<ConfirmationDataResponse, Problem> {
        let timed = self.metrics.procedure("authentication_confirmation");
        let id: Uuid = auth_ctx_id.parse().map_err(|_| no_context(&auth_ctx_id))?;
        // 11. RES* against XRES*. One wrong answer ends the authentication; a repeated right one (the AMF lost our answer) is
        // answered as before.
        let (authentication, first) = {
            let now = Instant::now();
            let mut contexts = lock(&self.contexts);
            let authentication = contexts.get_mut(now, id).ok_or_else(|| no_context(&auth_ctx_id))?;
            let right = answer.res_star.is_some_and(|star| authentication.xres_star.accepts(&ResStar::new(star.0)));
            if !right {
                let failed = contexts.remove(now, id).ok_or_else(|| no_context(&auth_ctx_id))?;
                drop(contexts);
                timed.finish("wrong_answer");
                self.report(failed.supi, failed.serving_network, false);
                return Ok(ConfirmationDataResponse { auth_result: AuthResult::Failure, supi: None, kseaf: None });
            }
            let first = !std::mem::replace(&mut authentication.confirmed, true);
            (authentication.clone(), first)
        };
        // 12. KSEAF and SUPI, now that the UE has proven itself.
        let kseaf = authentication.kausf.kseaf(&authentication.serving_network).map_err(Problem::internal)?;
        timed.finish("success");
        if first {
            self.report(authentication.supi.clone(), authentication.serving_network, true);
        }
        Ok(ConfirmationDataResponse {
            auth_result: AuthResult::Success,
            supi: Some(authentication.supi),
            kseaf: Some(SecretHex(*kseaf.as_octets())),
        })
    }

    async fn delete_result(&self, auth_ctx_id: String) -> Result<(), Problem> {
        let id: Uuid = auth_ctx_id.parse().map_err(|_| no_context(&auth_ctx_id))?;
        let ended = lock(&self.contexts).remove(Instant::now(), id).ok_or_else(|| no_context(&auth_ctx_id))?;
        if !ended.confirmed {
            return Ok(());
        }
        let event = AuthEvent {
            nf_instance_id: self.identity.instance,
            success: true,
            time_stamp: SystemTime::now().into(),
            auth_type: AuthType::FiveGAka,
            serving_network_name: ended.serving_network,
            auth_removal_ind: Some(true),
        };
        // The event is named after this instance (see the `Location` the UDM gave).
        let removed = self.udm.remove_auth(&ended.supi, &self.identity.instance.to_string(), &event).await;
        removed.map_err(Problem::downstream)
    }
}
