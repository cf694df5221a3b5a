//! What the OpenAPI files of TS 29.5xx, Release 17, say of each operation our procedures use.

use crate::recorder::Exchange;

/// An operation: where it is, what goes in, what comes out.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    method: &'static str,
    path: &'static str,
    /// Media type of the request's body; empty where it has none.
    takes: &'static str,
    /// Good statuses, each with the media type of its body; empty where it has none.
    gives: &'static [(u16, &'static str)],
}

const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/related";
const PATCH: &str = "application/json-patch+json";
const PROBLEM: &str = "application/problem+json";

const fn operation_of(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    takes: &'static str,
    gives: &'static [(u16, &'static str)],
) -> Operation {
    Operation { name, method, path, takes, gives }
}

/// `{}` is one segment of the path.
const OPERATIONS: &[Operation] = &[
    operation_of("NFRegister", "PUT", "/nnrf-nfm/v1/nf-instances/{}", JSON, &[(200, JSON), (201, JSON)]),
    operation_of("NFUpdate", "PATCH", "/nnrf-nfm/v1/nf-instances/{}", PATCH, &[(200, JSON), (204, "")]),
    operation_of("NFDeregister", "DELETE", "/nnrf-nfm/v1/nf-instances/{}", "", &[(204, "")]),
    operation_of("NFStatusSubscribe", "POST", "/nnrf-nfm/v1/subscriptions", JSON, &[(201, JSON)]),
    operation_of("NFStatusNotify", "POST", "/nnrf-callback/v1/nf-status", JSON, &[(204, "")]),
    operation_of("NFDiscover", "GET", "/nnrf-disc/v1/nf-instances", "", &[(200, JSON)]),
    operation_of("AccessToken_Get", "POST", "/oauth2/token", "application/x-www-form-urlencoded", &[(200, JSON)]),
    operation_of("keys", "GET", "/oauth2/jwks", "", &[(200, JSON)]),
    operation_of(
        "UEAuthentication_Authenticate",
        "POST",
        "/nausf-auth/v1/ue-authentications",
        JSON,
        &[(201, "application/3gppHal+json")],
    ),
    operation_of(
        "5g-aka-confirmation",
        "PUT",
        "/nausf-auth/v1/ue-authentications/{}/5g-aka-confirmation",
        JSON,
        &[(200, JSON)],
    ),
    operation_of(
        "delete 5g-aka-confirmation",
        "DELETE",
        "/nausf-auth/v1/ue-authentications/{}/5g-aka-confirmation",
        "",
        &[(204, "")],
    ),
    operation_of(
        "UEAuthentication_Get",
        "POST",
        "/nudm-ueau/v1/{}/security-information/generate-auth-data",
        JSON,
        &[(200, JSON)],
    ),
    operation_of("ResultConfirmation", "POST", "/nudm-ueau/v1/{}/auth-events", JSON, &[(201, JSON)]),
    operation_of("remove auth-event", "PUT", "/nudm-ueau/v1/{}/auth-events/{}", JSON, &[(204, "")]),
    operation_of(
        "UECM_Registration of the AMF",
        "PUT",
        "/nudm-uecm/v1/{}/registrations/amf-3gpp-access",
        JSON,
        &[(200, JSON), (201, JSON), (204, "")],
    ),
    operation_of(
        "UECM update of the AMF",
        "PATCH",
        "/nudm-uecm/v1/{}/registrations/amf-3gpp-access",
        "application/merge-patch+json",
        &[(204, "")],
    ),
    operation_of(
        "UECM_Registration of the SMF",
        "PUT",
        "/nudm-uecm/v1/{}/registrations/smf-registrations/{}",
        JSON,
        &[(200, JSON), (201, JSON), (204, "")],
    ),
    operation_of(
        "UECM_Deregistration of the SMF",
        "DELETE",
        "/nudm-uecm/v1/{}/registrations/smf-registrations/{}",
        "",
        &[(204, "")],
    ),
    operation_of("SDM_Get am-data", "GET", "/nudm-sdm/v2/{}/am-data", "", &[(200, JSON)]),
    operation_of("SDM_Get smf-select-data", "GET", "/nudm-sdm/v2/{}/smf-select-data", "", &[(200, JSON)]),
    operation_of("SDM_Get sm-data", "GET", "/nudm-sdm/v2/{}/sm-data", "", &[(200, JSON)]),
    operation_of("SDM_Get nssai", "GET", "/nudm-sdm/v2/{}/nssai", "", &[(200, JSON)]),
    operation_of("SDM_Get ue-context-in-smf-data", "GET", "/nudm-sdm/v2/{}/ue-context-in-smf-data", "", &[(200, JSON)]),
    operation_of("SDM_Subscribe", "POST", "/nudm-sdm/v2/{}/sdm-subscriptions", JSON, &[(201, JSON)]),
    operation_of("SDM_Unsubscribe", "DELETE", "/nudm-sdm/v2/{}/sdm-subscriptions/{}", "", &[(204, "")]),
    operation_of(
        "DR_Query authentication-subscription",
        "GET",
        "/nudr-dr/v2/subscription-data/{}/authentication-data/authentication-subscription",
        "",
        &[(200, JSON)],
    ),
    operation_of(
        "DR_Update authentication-subscription",
        "PATCH",
        "/nudr-dr/v2/subscription-data/{}/authentication-data/authentication-subscription",
        PATCH,
        &[(200, JSON), (204, "")],
    ),
    operation_of(
        "DR_Create authentication-status",
        "PUT",
        "/nudr-dr/v2/subscription-data/{}/authentication-data/authentication-status",
        JSON,
        &[(204, "")],
    ),
    operation_of(
        "DR_Delete authentication-status",
        "DELETE",
        "/nudr-dr/v2/subscription-data/{}/authentication-data/authentication-status",
        "",
        &[(204, "")],
    ),
    operation_of(
        "DR_Query provisioned data",
        "GET",
        "/nudr-dr/v2/subscription-data/{}/{}/provisioned-data/{}",
        "",
        &[(200, JSON)],
    ),
    operation_of(
        "DR_Query context data",
        "GET",
        "/nudr-dr/v2/subscription-data/{}/context-data/{}",
        "",
        &[(200, JSON)],
    ),
    operation_of(
        "DR_Create amf-3gpp-access",
        "PUT",
        "/nudr-dr/v2/subscription-data/{}/context-data/amf-3gpp-access",
        JSON,
        &[(201, JSON), (204, ""), (200, JSON)],
    ),
    operation_of(
        "DR_Update amf-3gpp-access",
        "PATCH",
        "/nudr-dr/v2/subscription-data/{}/context-data/amf-3gpp-access",
        PATCH,
        &[(200, JSON), (204, "")],
    ),
    operation_of(
        "DR_Create smf-registration",
        "PUT",
        "/nudr-dr/v2/subscription-data/{}/context-data/smf-registrations/{}",
        JSON,
        &[(201, JSON), (204, ""), (200, JSON)],
    ),
    operation_of(
        "DR_Query smf-registration",
        "GET",
        "/nudr-dr/v2/subscription-data/{}/context-data/smf-registrations/{}",
        "",
        &[(200, JSON)],
    ),
    operation_of(
        "DR_Delete smf-registration",
        "DELETE",
        "/nudr-dr/v2/subscription-data/{}/context-data/smf-registrations/{}",
        "",
        &[(204, "")],
    ),
    operation_of(
        "DR_Create sdm-subscription",
        "POST",
        "/nudr-dr/v2/subscription-data/{}/context-data/sdm-subscriptions",
        JSON,
        &[(201, JSON)],
    ),
    operation_of(
        "DR_Delete sdm-subscription",
        "DELETE",
        "/nudr-dr/v2/subscription-data/{}/context-data/sdm-subscriptions/{}",
        "",
        &[(204, "")],
    ),
    operation_of(
        "N1N2MessageTransfer",
        "POST",
        "/namf-comm/v1/ue-contexts/{}/n1-n2-messages",
        MULTIPART,
        &[(200, JSON), (202, JSON)],
    ),
    operation_of("SMContextStatusNotify", "POST", "/namf-callback/v1/{}/sm-context-status/{}/{}", JSON, &[(204, "")]),
    operation_of(
        "CreateSMContext",
        "POST",
        "/nsmf-pdusession/v1/sm-contexts",
        MULTIPART,
        &[(201, JSON), (201, MULTIPART)],
    ),
    operation_of(
        "UpdateSMContext with parts",
        "POST",
        "/nsmf-pdusession/v1/sm-contexts/{}/modify",
        MULTIPART,
        &[(200, JSON), (200, MULTIPART), (204, "")],
    ),
    operation_of(
        "UpdateSMContext",
        "POST",
        "/nsmf-pdusession/v1/sm-contexts/{}/modify",
        JSON,
        &[(200, JSON), (200, MULTIPART), (204, "")],
    ),
    operation_of(
        "ReleaseSMContext",
        "POST",
        "/nsmf-pdusession/v1/sm-contexts/{}/release",
        JSON,
        &[(200, JSON), (204, "")],
    ),
];

/// What a UE that comes and goes surely causes.
pub(crate) const AT_LEAST_ONCE: [&str; 15] = [
    "NFRegister",
    "NFStatusSubscribe",
    "NFDiscover",
    "AccessToken_Get",
    "UEAuthentication_Authenticate",
    "5g-aka-confirmation",
    "UEAuthentication_Get",
    "ResultConfirmation",
    "UECM_Registration of the AMF",
    "SDM_Get am-data",
    "SDM_Get sm-data",
    "UECM_Registration of the SMF",
    "DR_Query authentication-subscription",
    "N1N2MessageTransfer",
    "CreateSMContext",
];

/// The operation of an exchange.
pub(crate) fn operation(exchange: &Exchange) -> Option<&'static Operation> {
    let takes = media_type(exchange.request.get("content-type"));
    let named =
        |operation: &&Operation| exchange.method == operation.method && matches(operation.path, exchange.uri.path());
    OPERATIONS.iter().filter(named).find(|operation| operation.takes == takes)
}

/// Whatever is not as it should be.
pub(crate) fn faults(exchange: &Exchange, operation: &Operation) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            faults.push(format!("{exchange} ({}): {what}", operation.name));
        }
    };
    let (request, response) = (&exchange.request, &exchange.response);
    let text = |name: &str| request.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // TS 29.500 5.2.2.2, RFC 9113 8.3.1.
    let agent = text("user-agent");
    check(
        ["NRF-", "UDR-", "UDM-", "AUSF-", "AMF-", "SMF-", "UPF-"].iter().any(|nf| agent.starts_with(nf)),
        "User-Agent",
    );
    check(text("accept").contains(JSON) && text("accept").contains(PROBLEM), "Accept");
    check(exchange.uri.scheme_str() == Some("http"), ":scheme");
    check(exchange.uri.authority().is_some_and(|authority| authority.as_str().ends_with(":7777")), ":authority");
    check(exchange.body.is_empty() == operation.takes.is_empty(), "a body where there should be none, or none");
    check(!request.contains_key("connection") && !request.contains_key("transfer-encoding"), "fields of HTTP/1.1");
    // TS 33.501 13.4.1: a token for services, none for the NRF's own and for notifications.
    let open = ["/nnrf-", "/oauth2/", "/namf-callback/", "/nsmf-callback/"];
    let token = text("authorization");
    match open.iter().any(|prefix| exchange.uri.path().starts_with(prefix)) {
        true => check(token.is_empty(), "a token where none is needed"),
        false => check(token.strip_prefix("Bearer ").is_some_and(|token| token.split('.').count() == 3), "no token"),
    }
    let (status, kind) = (exchange.status.as_u16(), media_type(response.get("content-type")));
    check(exchange.answer.is_empty() == kind.is_empty(), "Content-Type goes with a body");
    match status {
        200..300 => check(operation.gives.contains(&(status, kind.as_str())), &format!("answered {status} '{kind}'")),
        400.. if exchange.uri.path() == "/oauth2/token" => check(status == 400 && kind == JSON, "RFC 6749 5.2"),
        404 => check(kind == PROBLEM, "an error without problem details"),
        other => check(false, &format!("answered {other}")),
    }
    if status == 201 {
        // The URI of what was created (TS 29.501 4.4.3).
        let location = response.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        check(location.starts_with("http://"), "201 without the new resource's URI");
    }
    if operation.takes == MULTIPART {
        // RFC 2387; the first part is the JSON (TS 29.500 6.1.2.4).
        check(text("content-type").contains("boundary="), "no boundary");
        let start = String::from_utf8_lossy(exchange.body.get(..200).unwrap_or(&exchange.body)).to_lowercase();
        check(
            start.contains("content-type: application/json") || start.contains("content-type:application/json"),
            "no JSON",
        );
    }
    faults
}

fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("{}"), Some(segment)) if !segment.is_empty() => (),
            (Some(segment), Some(same)) if segment == same => (),
            _ => return false,
        }
    }
}

/// The media type without its parameters.
fn media_type(field: Option<&http::HeaderValue>) -> String {
    let text = field.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_owned()
}
