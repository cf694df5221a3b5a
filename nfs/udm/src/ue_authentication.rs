//! Nudm_UEAuthentication (TS 29.503 5.4; TS 33.501 6.1.2, 6.1.3.2, 6.1.3.3).

use aka::suci::SuciError;
use aka::{AmfField, Auts, HomeVector, K, Milenage, Opc, Rand, Sqn};
use http::StatusCode;
use sbi_api::nudm_ueau::{NudmUeauServer, ROOT};
use sbi_api::{Problem, SbiError, WithLocation};
use sbi_models::nrf::{PatchItem, PatchOperation};
use sbi_models::udm::{
    AuthEvent, AuthType, AuthenticationInfoRequest, AuthenticationInfoResult, AuthenticationVector, AvType,
    ResynchronizationInfo,
};
use sbi_models::udr::{AuthenticationSubscription, SQN_POINTER};
use sbi_models::{HexOctets, SecretHex, Supi, SupiOrSuci};

use crate::DataManagement;
use crate::serving_network::is_serving_network_name;

/// How often a sequence number is taken anew when another vector for the same subscriber came first.
const ATTEMPTS: usize = 8;

impl NudmUeauServer for DataManagement {
    async fn generate_auth_data(
        &self,
        supi_or_suci: SupiOrSuci,
        request: AuthenticationInfoRequest,
    ) -> Result<AuthenticationInfoResult, Problem> {
        let network = &request.serving_network_name;
        if !is_serving_network_name(network) {
            return Err(Problem::incorrect("servingNetworkName", "must be 5G:mncNNN.mccNNN.3gppnetwork.org"));
        }
        // SIDF: the SUPI behind a SUCI (TS 33.501 6.12.5).
        let supi = self.deconceal(&supi_or_suci)?;
        let subscription = self.authentication_subscription(&supi).await?;
        if subscription.authentication_method != AuthType::FiveGAka {
            let why = format_args!("{supi} uses {}", subscription.authentication_method);
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "UNSUPPORTED_AUTHENTICATION_METHOD", why));
        }
        let milenage = milenage(&subscription);
        let sqn_ms = request.resynchronization_info.as_ref().and_then(|info| resynchronised(&milenage, info, &supi));
        let management_field = AmfField::new(subscription.authentication_management_field.0);
        let sqn = self.next_sqn(&supi, subscription, sqn_ms).await?;
        let rand = Rand::generate().map_err(Problem::internal)?;
        let vector = HomeVector::generate(&milenage, rand, sqn, management_field, network);
        let vector = vector.map_err(|why| Problem::incorrect("servingNetworkName", why))?;
        Ok(AuthenticationInfoResult {
            auth_type: AuthType::FiveGAka,
            authentication_vector: Some(on_the_wire(&vector)),
            supi: Some(supi),
            supported_features: None,
        })
    }

    async fn confirm_auth(&self, supi: Supi, event: AuthEvent) -> Result<WithLocation<AuthEvent>, Problem> {
        self.udr.put_authentication_status(&supi, &event).await.map_err(Problem::downstream)?;
        // One AUSF has one result per subscriber, so its instance names the event.
        let location = format!("{}{ROOT}/{supi}/auth-events/{}", self.root, event.nf_instance_id);
        Ok(WithLocation { location, body: event })
    }

    async fn remove_auth(&self, supi: Supi, _auth_event_id: String, event: AuthEvent) -> Result<(), Problem> {
        if event.auth_removal_ind != Some(true) {
            return Err(Problem::incorrect("authRemovalInd", "only the removal of a result can be put here"));
        }
        let removed = crate::if_there(self.udr.delete_authentication_status(&supi).await)?;
        removed.ok_or_else(|| Problem::not_found("CONTEXT_NOT_FOUND", format_args!("no result of {supi} is kept")))
    }
}

impl DataManagement {
    fn deconceal(&self, identity: &SupiOrSuci) -> Result<Supi, Problem> {
        if let Some(supi) = identity.supi() {
            return Ok(supi);
        }
        let refused = |why: SuciError| {
            let status = match why {
                SuciError::UnsupportedScheme(_) => StatusCode::NOT_IMPLEMENTED,
                _ => StatusCode::FORBIDDEN,
            };
            Problem::new(status, why.cause(), why)
        };
        let supi = self.keys.deconceal(identity.as_str()).map_err(refused)?;
        supi.parse().map_err(|why| Problem::forbidden("INVALID_SCHEME_OUTPUT", why))
    }

    async fn authentication_subscription(&self, supi: &Supi) -> Result<AuthenticationSubscription, Problem> {
        let subscription = crate::if_there(self.udr.authentication_subscription(supi).await)?;
        subscription.ok_or_else(|| Problem::not_found("USER_NOT_FOUND", format_args!("{supi} cannot be authenticated")))
    }

    /// A sequence number that no other vector has: the next of what the UDR keeps, or of what the card has seen where that
    /// is more. It is used only after the UDR took it (TS 33.102 C.1.1.1, 6.3.5).
    async fn next_sqn(
        &self,
        supi: &Supi,
        mut subscription: AuthenticationSubscription,
        sqn_ms: Option<Sqn>,
    ) -> Result<Sqn, Problem> {
        for _ in 0..ATTEMPTS {
            let last = subscription.sequence_number.sqn;
            let base = Sqn::from_octets(last.0).max(sqn_ms.unwrap_or_default());
            let next = base.next();
            if next <= base {
                return Err(Problem::forbidden(
                    "AUTHENTICATION_REJECTED",
                    format_args!("the sequence numbers of {supi} are used up"),
                ));
            }
            let tested = PatchItem { op: PatchOperation::Test, ..PatchItem::replace(SQN_POINTER, last.to_string()) };
            let patch = vec![tested, PatchItem::replace(SQN_POINTER, next.to_hex())];
            match self.udr.modify_authentication_subscription(supi, &patch).await {
                Ok(()) => return Ok(next),
                Err(error) if is_outdated(&error) => {
                    subscription = self.authentication_subscription(supi).await?; // another vector came first
                }
                Err(error) => return Err(Problem::downstream(error)),
            }
        }
        Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "NF_CONGESTION",
            format_args!("too many vectors for {supi} at once"),
        ))
    }
}

/// Whether the tested value is no longer what the UDR keeps: 403 `MODIFICATION_NOT_ALLOWED` (TS 29.500 table 5.2.7.2-1) or, as HTTP
/// has it for a patch that does not fit the resource, 409 (RFC 5789 2.2).
fn is_outdated(error: &SbiError) -> bool {
    error.cause() == Some("MODIFICATION_NOT_ALLOWED") || error.status() == Some(409)
}

fn milenage(subscription: &AuthenticationSubscription) -> Milenage {
    Milenage::new(&K::new(subscription.enc_permanent_key.0), &Opc::new(subscription.enc_opc_key.0))
}

/// SQNms, where the AUTS is genuine. Where it is not, the vector is made as if there had been none (TS 33.102 6.3.5).
fn resynchronised(milenage: &Milenage, info: &ResynchronizationInfo, supi: &Supi) -> Option<Sqn> {
    let sqn_ms = milenage.resynchronise(&Rand::new(info.rand.0), &Auts::new(info.auts.0));
    let noted = sqn_ms.inspect_err(|why| {
        tracing::warn!(%supi, "resynchronisation ignored: {why}. The card has another K or OPc, or someone forged it");
    });
    noted.ok()
}

fn on_the_wire(vector: &HomeVector) -> AuthenticationVector {
    AuthenticationVector {
        av_type: AvType::FiveGHeAka,
        rand: HexOctets(*vector.rand.as_octets()),
        autn: HexOctets(*vector.autn.as_octets()),
        xres_star: SecretHex(*vector.xres_star.as_octets()),
        kausf: SecretHex(*vector.kausf.as_octets()),
    }
}
