//! The names of service operations by their requests, as the ladders of TS 23.502 and docs/procedures have them.

use runtime::trace::Call;

/// Method, the end of the path, and the operation's name. The first that fits holds.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("POST", "/ue-authentications", "Nausf_UEAuthentication_Authenticate"),
    ("PUT", "/5g-aka-confirmation", "Nausf_UEAuthentication_Authenticate (RES*)"),
    ("DELETE", "/5g-aka-confirmation", "Nausf_UEAuthentication_Deregister"),
    ("POST", "/generate-auth-data", "Nudm_UEAuthentication_Get"),
    ("POST", "/auth-events", "Nudm_UEAuthentication_ResultConfirmation"),
    ("PUT", "/nudm-uecm/v1/{}/registrations/amf-3gpp-access", "Nudm_UECM_Registration"),
    ("PATCH", "/nudm-uecm/v1/{}/registrations/amf-3gpp-access", "Nudm_UECM_Update"),
    ("GET", "/nudm-uecm/v1/{}/registrations/amf-3gpp-access", "Nudm_UECM_Get"),
    ("PUT", "/nudm-uecm/v1/{}/registrations/smf-registrations/{}", "Nudm_UECM_Registration (session)"),
    ("DELETE", "/nudm-uecm/v1/{}/registrations/smf-registrations/{}", "Nudm_UECM_Deregistration (session)"),
    ("GET", "/nudm-sdm/v2/{}/am-data", "Nudm_SDM_Get (access and mobility)"),
    ("GET", "/nudm-sdm/v2/{}/smf-select-data", "Nudm_SDM_Get (SMF selection)"),
    ("GET", "/nudm-sdm/v2/{}/sm-data", "Nudm_SDM_Get (session management)"),
    ("POST", "/sdm-subscriptions", "Nudm_SDM_Subscribe"),
    ("DELETE", "/sdm-subscriptions/{}", "Nudm_SDM_Unsubscribe"),
    ("POST", "/sm-contexts", "Nsmf_PDUSession_CreateSMContext"),
    ("POST", "/sm-contexts/{}/release", "Nsmf_PDUSession_ReleaseSMContext"),
    ("POST", "/sm-contexts/{}/retrieve", "Nsmf_PDUSession_ContextRequest"),
    ("POST", "/n1-n2-messages", "Namf_Communication_N1N2MessageTransfer"),
    ("POST", "/sm-context-status/{}/{}", "Nsmf_PDUSession_SMContextStatusNotify"),
    ("POST", "/dereg-notify", "Nudm_UECM_DeregistrationNotify"),
    ("POST", "/transfer-failure", "Namf_Communication_N1N2TransferFailureNotification"),
];

/// What an update of an SM context is about, by what stands in its body.
const UPDATES: &[(&str, &str)] = &[
    ("PDU_RES_SETUP_RSP", "N2: set up"),
    ("PDU_RES_SETUP_FAIL", "N2: not set up"),
    ("PDU_RES_REL_RSP", "N2: released"),
    ("DEACTIVATED", "deactivate"),
    ("ACTIVATING", "activate"),
    ("n1SmMsg", "N1"),
];

/// The operation that a call performs; method and path where it has no name.
pub(super) fn name(call: &Call) -> String {
    let path = call.path.split('?').next().unwrap_or_default();
    let body = String::from_utf8_lossy(&call.head.body.0);
    if path.ends_with("/ue-authentications") && body.contains("resynchronizationInfo") {
        return "Nausf_UEAuthentication_Authenticate (AUTS)".into();
    }
    if call.method == "POST" && fits("/sm-contexts/{}/modify", path) {
        let about = UPDATES.iter().find(|(text, _)| body.contains(text));
        let about = about.map(|(_, about)| format!(" ({about})")).unwrap_or_default();
        return format!("Nsmf_PDUSession_UpdateSMContext{about}");
    }
    if let Some(rest) = path.strip_prefix("/nudr-dr/") {
        return data_repository(&call.method, rest);
    }
    let known = OPERATIONS.iter().find(|(method, end, _)| *method == call.method && fits(end, path));
    known.map_or_else(|| format!("{} {path}", call.method), |(_, _, name)| (*name).to_owned())
}

/// Whether a path ends so; `{}` stands for any segment.
fn fits(end: &str, path: &str) -> bool {
    let (wanted, have): (Vec<&str>, Vec<&str>) = (end.rsplit('/').collect(), path.rsplit('/').collect());
    // The template begins with a slash: its last piece from the right is empty.
    let wanted = wanted.split_last().map(|(_, wanted)| wanted).unwrap_or_default();
    wanted.len() < have.len() && wanted.iter().zip(&have).all(|(wanted, have)| *wanted == "{}" || wanted == have)
}

/// Nudr_DataRepository (TS 29.504): what is done, and to which data.
fn data_repository(method: &str, path: &str) -> String {
    let done = match method {
        "GET" => "Query",
        "PUT" | "POST" => "Create",
        "PATCH" => "Update",
        "DELETE" => "Delete",
        other => other,
    };
    let numbered = |segment: &&str| segment.bytes().any(|octet| octet.is_ascii_digit()) && !segment.contains("3gpp");
    let data = path.rsplit('/').find(|segment| !numbered(segment)).unwrap_or_default();
    format!("Nudr_DR_{done} ({data})")
}

#[cfg(test)]
mod tests {
    use runtime::trace::Shown;

    use crate::trace::samples::call;

    #[test]
    fn operations_have_the_names_of_the_ladders() {
        for (method, path, body, name) in [
            ("POST", "/nausf-auth/v1/ue-authentications", "{}", "Nausf_UEAuthentication_Authenticate"),
            (
                "POST",
                "/nausf-auth/v1/ue-authentications",
                "{\"resynchronizationInfo\":{}}",
                "Nausf_UEAuthentication_Authenticate (AUTS)",
            ),
            ("PUT", "/nudm-uecm/v1/imsi-1/registrations/amf-3gpp-access", "", "Nudm_UECM_Registration"),
            ("GET", "/nudm-sdm/v2/imsi-1/am-data?plmn-id=x", "", "Nudm_SDM_Get (access and mobility)"),
            (
                "POST",
                "/nsmf-pdusession/v1/sm-contexts/7/modify",
                "{\"n2SmInfoType\":\"PDU_RES_SETUP_RSP\"}",
                "Nsmf_PDUSession_UpdateSMContext (N2: set up)",
            ),
            (
                "GET",
                "/nudr-dr/v2/subscription-data/imsi-1/99970/provisioned-data/am-data",
                "",
                "Nudr_DR_Query (am-data)",
            ),
            (
                "PUT",
                "/nudr-dr/v2/subscription-data/imsi-1/context-data/smf-registrations/1",
                "",
                "Nudr_DR_Create (smf-registrations)",
            ),
            (
                "PUT",
                "/nudr-dr/v2/subscription-data/imsi-1/context-data/amf-3gpp-access",
                "",
                "Nudr_DR_Create (amf-3gpp-access)",
            ),
            ("GET", "/x/v1/y", "", "GET /x/v1/y"),
        ] {
            let mut seen = call("amf", 1, 1, method, path);
            let Shown::Request(call) = &mut seen.record.shown else { panic!("a request") };
            call.head.body.0 = body.into();
            assert_eq!(super::name(call), name);
        }
    }
}
