//! Who gets a token for what (TS 29.510 5.4.2.2, TS 33.501 13.4.1.1). Time is an argument.

use http::StatusCode;
use sbi_api::{Json, Problem};
use sbi_models::nrf::{
    AccessTokenClaims, AccessTokenErr, AccessTokenError, AccessTokenReq, Audience, CLIENT_CREDENTIALS, NfProfile,
    NfStatus, NfType,
};
use uuid::Uuid;

/// Services in one token.
const MOST_SERVICES: usize = 32;

/// What a token for this request says.
///
/// # Errors
/// 400 with the reason: the consumer is not what it says, or may not use a service of any of the producers.
pub(crate) fn claims(
    request: &AccessTokenReq,
    issuer: Uuid,
    expires: u64,
    consumer: Option<&NfProfile>,
    instances: &[&NfProfile],
) -> Result<AccessTokenClaims, Problem> {
    if request.grant_type != CLIENT_CREDENTIALS {
        return Err(refusal(AccessTokenError::UnsupportedGrantType, "only client_credentials"));
    }
    let consumer = known(request, consumer)?;
    let (producers, audience) = producers(request, instances)?;
    let services: Vec<&str> = request.scope.split(' ').filter(|name| !name.is_empty()).collect();
    if services.is_empty() || services.len() > MOST_SERVICES {
        return Err(refusal(AccessTokenError::InvalidScope, "1 to 32 services, separated by spaces"));
    }
    for service in &services {
        let mut offering = producers.iter().filter(|profile| offers(profile, service)).peekable();
        if offering.peek().is_none() {
            return Err(refusal(AccessTokenError::InvalidScope, "a service that no such NF offers"));
        }
        if !offering.any(|profile| may_use(consumer, profile, service)) {
            tracing::warn!("{} {} may not use {service:.32}: no token", consumer.nf_type, consumer.nf_instance_id);
            return Err(refusal(AccessTokenError::UnauthorizedClient, "NFs of this type may not use this service"));
        }
    }
    let audience = narrowed(audience, &producers, |profile| {
        services.iter().all(|service| !offers(profile, service) || may_use(consumer, profile, service))
    });
    Ok(AccessTokenClaims {
        iss: issuer,
        sub: request.nf_instance_id,
        aud: audience,
        scope: services.join(" "),
        exp: expires,
        consumer_plmn_id: request.requester_plmn,
        producer_plmn_id: request.target_plmn,
        producer_snssai_list: None,
        producer_nf_set_id: None,
    })
}

/// The consumer, if it is registered as what it says it is (TS 33.501 13.4.1.1.2 step 2).
fn known<'p>(request: &AccessTokenReq, consumer: Option<&'p NfProfile>) -> Result<&'p NfProfile, Problem> {
    let unknown = || refusal(AccessTokenError::InvalidClient, "this NF instance is not registered here");
    let consumer = consumer.ok_or_else(unknown)?;
    match &request.nf_type {
        Some(said) if *said != consumer.nf_type => {
            tracing::warn!(
                "{} {} asks for a token as {:.32}",
                consumer.nf_type,
                consumer.nf_instance_id,
                said.as_str().escape_debug().to_string()
            );
            Err(refusal(AccessTokenError::InvalidClient, "this NF instance is registered as another type"))
        }
        _ => Ok(consumer),
    }
}

/// The NFs the token would be for.
fn producers<'p>(
    request: &AccessTokenReq,
    instances: &[&'p NfProfile],
) -> Result<(Vec<&'p NfProfile>, Audience), Problem> {
    let meant = |profile: &&&NfProfile| {
        request.target_nf_instance_id.is_none_or(|id| id == profile.nf_instance_id)
            && request.target_nf_type.as_ref().is_none_or(|nf_type| *nf_type == profile.nf_type)
    };
    let audience = match (request.target_nf_instance_id, &request.target_nf_type) {
        (Some(id), _) => Audience::Instances(vec![id]),
        (None, Some(nf_type)) => Audience::Type(nf_type.clone()),
        (None, None) => {
            return Err(refusal(AccessTokenError::InvalidRequest, "targetNfType or targetNfInstanceId is needed"));
        }
    };
    Ok((instances.iter().filter(meant).copied().collect(), audience))
}

/// A token for a type is for all its instances: where one of them shuts the consumer out, it is for the others by name.
fn narrowed(audience: Audience, producers: &[&NfProfile], admits: impl Fn(&NfProfile) -> bool) -> Audience {
    match audience {
        Audience::Type(_) if !producers.iter().all(|profile| admits(profile)) => {
            let admitting = producers.iter().filter(|profile| admits(profile));
            Audience::Instances(admitting.map(|profile| profile.nf_instance_id).collect())
        }
        audience => audience,
    }
}

fn offers(profile: &NfProfile, service: &str) -> bool {
    profile.nf_services.iter().flatten().any(|offered| offered.service_name.as_str() == service)
}

/// What neither the profile nor the service restricts is open to all (TS 29.510 6.1.6.2.2, 6.1.6.2.3).
fn may_use(consumer: &NfProfile, producer: &NfProfile, service: &str) -> bool {
    let allows = |types: &Option<Vec<NfType>>| types.as_ref().is_none_or(|types| types.contains(&consumer.nf_type));
    let mut services = producer.nf_services.iter().flatten();
    producer.nf_status != NfStatus::Undiscoverable
        && services.any(|offered| {
            let own = offered
                .allowed_nf_types
                .as_ref()
                .map_or_else(|| allows(&producer.allowed_nf_types), |_| allows(&offered.allowed_nf_types));
            offered.service_name.as_str() == service && own
        })
}

/// What a refusal is called in metrics.
pub(crate) fn label(refusal: &Problem) -> &'static str {
    const KNOWN: [&str; 5] =
        ["invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"];
    KNOWN.into_iter().find(|name| refusal.cause.as_deref() == Some(*name)).unwrap_or("refused")
}

/// A refusal as OAuth 2.0 has it (RFC 6749 5.2, TS 29.510 6.3.5.2.5).
fn refusal(error: AccessTokenError, why: &str) -> Problem {
    let problem = Problem::new(StatusCode::BAD_REQUEST, error.as_str(), why);
    problem.with_body::<Json<AccessTokenErr>>(&AccessTokenErr { error, error_description: Some(why.to_owned()) })
}

#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;
