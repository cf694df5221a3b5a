//! A foreign NF in place of one of ours: an AUSF that shares nothing with ours but the primitives of TS 33.501 annex A. It registers,
//! discovers, gets its tokens and calls our UDM as a client, and serves our AMF, all as TS 29.509, 29.503 and 29.510 have it.

#[path = "foreign/ausf.rs"]
mod ausf;
#[path = "foreign/http2.rs"]
mod http2;

use serde_json::{Value, json};
use tests::Core;

use ausf::{Ausf, nf};
use http2::{Answer, Message, call};

/// All of ours but the AUSF.
const OTHERS: &str = "nrf,udr,udm,amf,smf,upf";

fn runtime() -> tokio::runtime::Runtime {
    let made = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    made.expect("a runtime")
}

/// A UE registers, opens a session, lets it go and leaves, twice.
fn attach(core: &Core) {
    for _ in 0..2 {
        let output = core.ran(&["attach", "--ues", "1", "--quiet", "--release"]);
        assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), core.log());
    }
}

#[test]
fn an_ausf_of_another_make_authenticates_our_ues() {
    let core = Core::start_only(OTHERS, "");
    let runtime = runtime();
    let ausf = runtime.block_on(Ausf::start());
    attach(&core);
    let faults = ausf.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(ausf.authenticated(), 2, "both registrations went through it");
    // Our UDM keeps who said so: the event that the foreign AUSF reported can be removed again.
    runtime.block_on(ausf.remove_event());
}

#[test]
fn what_a_foreign_client_gets_wrong_is_answered_with_problem_details() {
    let core = Core::start_only(OTHERS, "");
    let runtime = runtime();
    let ausf = runtime.block_on(Ausf::start());
    let token = runtime.block_on(ausf.token("UDM", "nudm-ueau"));
    let good = json!({"servingNetworkName": "5G:mnc070.mcc999.3gppnetwork.org", "ausfInstanceId": ausf.id()});
    let path = "/nudm-ueau/v1/imsi-999700000000001/security-information/generate-auth-data";
    let stranger = "/nudm-ueau/v1/imsi-999709999999999/security-information/generate-auth-data";
    let elsewhere = "/nudm-ueau/v1/imsi-999700000000001/security-information/no-such-thing";
    let with = |method: &'static str, path: &str, kind: &str, body: String| {
        let message = Message::new(method, path).with("user-agent", "AUSF-foreign").with("content-type", kind);
        let message = message.with("authorization", &format!("Bearer {token}")).body(body.into_bytes());
        runtime.block_on(call(nf(12), message))
    };
    let mut lacking = good.clone();
    lacking.as_object_mut().expect("an object").remove("servingNetworkName");
    let json = "application/json";
    // TS 29.500 table 5.2.7.2-1, TS 29.503 table 6.3.7.3-1.
    let rows: [(Answer, u16, &str); 6] = [
        (with("POST", stranger, json, good.to_string()), 404, "USER_NOT_FOUND"),
        (with("POST", elsewhere, json, good.to_string()), 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND"),
        (with("POST", path, json, "{\"servingNetworkName\": ".into()), 400, "INVALID_MSG_FORMAT"),
        (with("POST", path, json, lacking.to_string()), 400, "MANDATORY_IE_MISSING"),
        (with("POST", path, "text/plain", good.to_string()), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (with("DELETE", path, json, good.to_string()), 405, "METHOD_NOT_ALLOWED"),
    ];
    for (answer, status, cause) in rows {
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert_eq!((answer.status, answer.kind.as_str()), (status, "application/problem+json"), "{cause}: {said}");
        assert_eq!((&said["status"], &said["cause"]), (&json!(status), &json!(cause)), "{said}");
    }
    let answer = with("POST", path, json, good.to_string());
    let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((answer.status, answer.kind.as_str(), &said["authType"]), (200, json, &json!("5G_AKA")), "{said}");
    drop(core);
}
