//! Requests for tokens.

use sbi_models::nrf::{IpEndPoint, NfService, ServiceName};

use super::*;

fn udr() -> NfProfile {
    let mut profile = NfProfile::new(Uuid::from_u128(20), NfType::Udr);
    let mut service = NfService::http(ServiceName::NudrDr, "v2", IpEndPoint::default());
    service.allowed_nf_types = Some(vec![NfType::Udm]);
    profile.nf_services = Some(vec![service]);
    profile
}

fn udm() -> NfProfile {
    NfProfile::new(Uuid::from_u128(1), NfType::Udm)
}

fn request() -> AccessTokenReq {
    AccessTokenReq {
        grant_type: CLIENT_CREDENTIALS.into(),
        nf_instance_id: Uuid::from_u128(1),
        nf_type: Some(NfType::Udm),
        target_nf_type: Some(NfType::Udr),
        scope: "nudr-dr".into(),
        target_nf_instance_id: None,
        requester_plmn: None,
        target_plmn: None,
    }
}

fn asked(request: &AccessTokenReq, consumer: Option<&NfProfile>) -> Result<AccessTokenClaims, AccessTokenError> {
    let outcome = claims(request, Uuid::from_u128(9), 77, consumer, &[&udr(), &udm()]);
    outcome.map_err(|problem| {
        assert_eq!(problem.status, 400);
        problem.read_body::<Json<AccessTokenErr>>().expect("a body as RFC 6749 has it").error
    })
}

#[test]
fn a_registered_consumer_that_may_use_the_service_gets_a_token_for_it() {
    let claims = asked(&request(), Some(&udm())).expect("a token");
    assert_eq!((claims.iss, claims.sub, claims.exp), (Uuid::from_u128(9), Uuid::from_u128(1), 77));
    assert_eq!((claims.aud, claims.scope.as_str()), (Audience::Type(NfType::Udr), "nudr-dr"));
    let instance = AccessTokenReq { target_nf_instance_id: Some(Uuid::from_u128(20)), ..request() };
    let claims = asked(&instance, Some(&udm())).expect("a token");
    assert_eq!(claims.aud, Audience::Instances(vec![Uuid::from_u128(20)]));
}

#[test]
fn one_open_instance_opens_no_other() {
    let amf = NfProfile { nf_type: NfType::Amf, ..udm() };
    let request = AccessTokenReq { nf_type: Some(NfType::Amf), ..request() };
    let mut open = NfProfile { nf_instance_id: Uuid::from_u128(21), ..udr() };
    open.nf_services.iter_mut().flatten().for_each(|service| service.allowed_nf_types = None);
    let claims =
        claims(&request, Uuid::from_u128(9), 77, Some(&amf), &[&udr(), &open]).expect("a token for the open one");
    assert_eq!(claims.aud, Audience::Instances(vec![Uuid::from_u128(21)]));
}

#[test]
fn who_is_not_what_it_says_gets_none() {
    assert_eq!(asked(&request(), None), Err(AccessTokenError::InvalidClient));
    let amf = NfProfile { nf_type: NfType::Amf, ..udm() };
    assert_eq!(asked(&request(), Some(&amf)), Err(AccessTokenError::InvalidClient));
}

#[test]
fn a_type_that_is_not_on_the_list_gets_none() {
    let amf = NfProfile { nf_type: NfType::Amf, ..udm() };
    for nf_type in [Some(NfType::Amf), None] {
        let request = AccessTokenReq { nf_type, ..request() };
        assert_eq!(asked(&request, Some(&amf)), Err(AccessTokenError::UnauthorizedClient));
    }
}

#[test]
fn what_cannot_be_granted_is_refused_by_its_reason() {
    let rows = [
        (AccessTokenReq { grant_type: "password".into(), ..request() }, AccessTokenError::UnsupportedGrantType),
        (AccessTokenReq { target_nf_type: None, ..request() }, AccessTokenError::InvalidRequest),
        (AccessTokenReq { scope: String::new(), ..request() }, AccessTokenError::InvalidScope),
        (AccessTokenReq { scope: "x ".repeat(40), ..request() }, AccessTokenError::InvalidScope),
        (AccessTokenReq { scope: "nudr-dr nudm-sdm".into(), ..request() }, AccessTokenError::InvalidScope),
        (AccessTokenReq { target_nf_type: Some(NfType::Smf), ..request() }, AccessTokenError::InvalidScope),
        (
            AccessTokenReq { target_nf_instance_id: Some(Uuid::from_u128(3)), ..request() },
            AccessTokenError::InvalidScope,
        ),
    ];
    for (request, error) in rows {
        assert_eq!(asked(&request, Some(&udm())), Err(error), "{request:?}");
    }
}

#[test]
fn the_whole_profile_may_be_restricted() {
    let mut producer = udr();
    producer.nf_services.iter_mut().flatten().for_each(|service| service.allowed_nf_types = None);
    let consumer = udm();
    assert!(may_use(&consumer, &producer, "nudr-dr"));
    producer.allowed_nf_types = Some(vec![NfType::Pcf]);
    assert!(!may_use(&consumer, &producer, "nudr-dr"));
}
