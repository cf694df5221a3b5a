//! Nudm_UEAuthentication (TS 29.503 5.4): whose SUCI it is, and a vector for a challenge (TS 33.501 6.1.3.2).

use aka::{AmfField, Auts, HomeVector, K, Milenage, Opc, Rand, Sqn};
use http::StatusCode;
use runtime::Reject;
use sbi_api::nudm_ueau::{self, NudmUeauServer};
use sbi_api::{Problem, SbiError, WithLocation};
use sbi_models::nrf::{PatchItem, PatchOperation};
use sbi_models::udm::{
    AuthEvent, AuthType, AuthenticationInfoRequest, AuthenticationInfoResult, AuthenticationVector, AvType,
};
use sbi_models::udr::{AuthenticationSubscription, SQN_POINTER};
use sbi_models::{HexOctets, SecretHex, Supi, SupiOrSuci};

use crate::{Core, Server, from_udr};

/// How often another vector for the same subscriber may come in between before this one is given up.
const ATTEMPTS: u32 = 8;

/// Name of the last outcome's resource: one is kept per subscriber.
const AUTH_EVENT: &str = "last";

impl NudmUeauServer for Server {
    async fn generate_auth_data(
        &self,
        supi_or_suci: SupiOrSuci,
        body: AuthenticationInfoRequest,
    ) -> Result<AuthenticationInfoResult, Problem> {
        let core = &*self.0;
        let timed = core.metrics.procedure("generate_auth_data");
        let supi = core.subscriber(&supi_or_suci)?;
        let vector = core.vector(&supi, &body).await.inspect_err(|problem| core.explain(&supi, problem))?;
        timed.finish("success");
        Ok(AuthenticationInfoResult {
            auth_type: AuthType::FiveGAka,
            authentication_vector: Some(vector),
            supi: Some(supi),
            supported_features: None,
        })
    }

    async fn confirm_auth(&self, supi: Supi, body: AuthEvent) -> Result<WithLocation<AuthEvent>, Problem> {
        self.0.udr.put_authentication_status(&supi, &body).await.map_err(from_udr)?;
        let location = format!("{}{}/{supi}/auth-events/{AUTH_EVENT}", self.0.api_root, nudm_ueau::ROOT);
        Ok(WithLocation { location, body })
    }

    async fn remove_auth(&self, supi: Supi, _auth_event_id: String, _body: AuthEvent) -> Result<(), Problem> {
        self.0.udr.delete_authentication_status(&supi).await.map_err(from_udr)
    }
}

impl Core {
    /// The SUPI that the consumer named or that the SUCI conceals.
    fn subscriber(&self, supi_or_suci: &SupiOrSuci) -> Result<Supi, Problem> {
        if let Some(supi) = supi_or_suci.supi() {
            return Ok(supi);
        }
        let suci = supi_or_suci.as_str();
        let supi = self.keys.deconceal(suci).map_err(|error| {
            self.rejects.record(Reject {
                about: suci.chars().take(40).collect(),
                what: "authentication refused: the SUCI cannot be de-concealed".into(),
                peer_sent: format!("a SUCI of which is known: {error}"),
                configured: "the keys of udm.home_network_keys".into(),
                key: "udm.home_network_keys, or the home network key and its identifier on the SIM".into(),
            });
            let status = match error.cause() {
                "UNSUPPORTED_PROTECTION_SCHEME" => StatusCode::NOT_IMPLEMENTED,
                _ => StatusCode::FORBIDDEN,
            };
            Problem::new(status, error.cause(), &error)
        })?;
        supi.parse().map_err(|_| Problem::forbidden("INVALID_SCHEME_OUTPUT", "what the SUCI conceals is no SUPI"))
    }

    /// A vector with an SQN that no vector had before.
    async fn vector(&self, supi: &Supi, request: &AuthenticationInfoRequest) -> Result<AuthenticationVector, Problem> {
        for _ in 0..ATTEMPTS {
            let subscription = self.udr.authentication_subscription(supi).await.map_err(from_udr)?;
            let milenage = milenage(&subscription)?;
            let last = Sqn::from_octets(subscription.sequence_number.sqn.0);
            let sqn = resynchronised(&milenage, request, last)?.next();
            match self.advance(supi, last, sqn).await {
                Ok(()) => return challenge(&milenage, &subscription, sqn, request),
                // Another vector for this subscriber was made meanwhile: its SQN is used, so this one needs the next.
                Err(SbiError::Problem(problem)) if problem.status == 403 => {}
                Err(error) => return Err(from_udr(error)),
            }
        }
        Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "NF_CONGESTION",
            "too many vectors for one subscriber at once",
        ))
    }

    /// Keeps `sqn` as the last one used, if `last` still is. It is durable when this returns.
    async fn advance(&self, supi: &Supi, last: Sqn, sqn: Sqn) -> Result<(), SbiError> {
        let unchanged = PatchItem {
            op: PatchOperation::Test,
            path: SQN_POINTER.to_owned(),
            from: None,
            value: Some(last.to_hex().into()),
        };
        let patch = vec![unchanged, PatchItem::replace(SQN_POINTER, sqn.to_hex())];
        self.udr.modify_authentication_subscription(supi, &patch).await
    }

    fn explain(&self, supi: &Supi, problem: &Problem) {
        if problem.cause.as_deref() == Some("USER_NOT_FOUND") {
            self.rejects.record(Reject {
                about: supi.to_string(),
                what: "authentication refused: unknown subscriber".into(),
                peer_sent: supi.to_string(),
                configured: "no such subscriber".into(),
                key: format!("peregrine subscriber add {supi}"),
            });
        }
    }
}

fn milenage(subscription: &AuthenticationSubscription) -> Result<Milenage, Problem> {
    if subscription.authentication_method != AuthType::FiveGAka {
        let why = format_args!("authentication method {}", subscription.authentication_method);
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "UNSUPPORTED_PROTECTION_SCHEME", why));
    }
    let k = K::new(subscription.enc_permanent_key.0);
    Ok(Milenage::new(&k, &Opc::new(subscription.enc_opc_key.0)))
}

/// The SQN to go on from: the last used, or the USIM's where that is ahead (TS 33.102 6.3.5).
fn resynchronised(milenage: &Milenage, request: &AuthenticationInfoRequest, last: Sqn) -> Result<Sqn, Problem> {
    let Some(info) = &request.resynchronization_info else { return Ok(last) };
    let usim = milenage.resynchronise(&Rand::new(info.rand.0), &Auts::new(info.auts.0));
    let usim = usim.map_err(|error| Problem::forbidden("AUTHENTICATION_REJECTED", error))?;
    Ok(usim.max(last))
}

fn challenge(
    milenage: &Milenage,
    subscription: &AuthenticationSubscription,
    sqn: Sqn,
    request: &AuthenticationInfoRequest,
) -> Result<AuthenticationVector, Problem> {
    let rand = Rand::generate().map_err(Problem::internal)?;
    let amf = AmfField::new(subscription.authentication_management_field.0);
    let vector = HomeVector::generate(milenage, rand, sqn, amf, &request.serving_network_name);
    let vector = vector.map_err(|error| Problem::incorrect("servingNetworkName", error))?;
    Ok(AuthenticationVector {
        av_type: AvType::FiveGHeAka,
        rand: HexOctets(*vector.rand.as_octets()),
        xres_star: SecretHex(*vector.xres_star.as_octets()),
        autn: HexOctets(*vector.autn.as_octets()),
        kausf: SecretHex(*vector.kausf.as_octets()),
    })
}
