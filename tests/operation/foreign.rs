//! A foreign NF in place of one of ours, which shares nothing with ours but the primitives of TS 33.501 annex A. It registers,
//! discovers, gets its tokens, calls ours as a client and serves them, all as TS 29.5xx has it, and keeps a list of what it finds
//! wrong with what ours say. Its answers are what is legal and ours never say: other members, statuses and media types.

#[path = "foreign/amf.rs"]
mod amf;
#[path = "foreign/ausf.rs"]
mod ausf;
#[path = "foreign/http2.rs"]
mod http2;
#[path = "foreign/multipart.rs"]
mod multipart;
#[path = "foreign/nf.rs"]
mod nf;
#[path = "foreign/nrf.rs"]
mod nrf;
#[path = "foreign/smf.rs"]
mod smf;
#[path = "foreign/udm.rs"]
mod udm;
#[path = "foreign/udr.rs"]
mod udr;

use serde_json::{Value, json};
use tests::Core;

use amf::Amf;
use ausf::Ausf;
use http2::{Answer, Message, call};
use nf::{Nf, nf};
use nrf::Nrf;
use smf::Smf;
use udm::Udm;
use udr::Udr;

/// All of ours but the AUSF.
const OTHERS: &str = "nrf,udr,udm,amf,smf,upf";

/// What the AMF knows of a UE that has left goes at once, and the UDM is told.
const PURGE: &str = "amf: {timers: {purge: 0}}\n";

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

fn assert_no_faults(nf: &Nf) {
    assert!(nf.faults().is_empty(), "{}", nf.faults().join("\n"));
}

#[test]
fn an_ausf_of_another_make_authenticates_our_ues() {
    let core = Core::start_only(OTHERS, "");
    let runtime = runtime();
    let ausf = runtime.block_on(Ausf::start());
    attach(&core);
    assert_no_faults(&ausf.nf);
    assert_eq!(ausf.authenticated(), 2, "both registrations went through it");
    // Our UDM keeps who said so: the event that the foreign AUSF reported can be removed again.
    runtime.block_on(ausf.remove_event());
}

#[test]
fn a_udm_of_another_make_serves_our_ausf_amf_and_smf() {
    let core = Core::start_only("nrf,ausf,amf,smf,upf", PURGE);
    let runtime = runtime();
    let udm = runtime.block_on(Udm::start());
    attach(&core);
    runtime.block_on(udm.nf.until([("amf update", 2), ("smf gone", 2)]));
    assert_no_faults(&udm.nf);
    // Each run of the simulator begins with a fresh card, which takes the second vector's number: only the first resynchronises.
    assert_eq!(udm.nf.seen(["vector", "resynchronisation", "event"]), [2, 1, 2]);
    assert_eq!(udm.nf.seen(["nssai", "am-data", "smf-select-data", "amf", "sm-data", "smf"]), [2; 6]);
    assert!(udm.is_left(), "neither AMF nor session");
}

#[test]
fn a_udr_of_another_make_keeps_what_our_udm_tells_it() {
    let core = Core::start_only("nrf,udm,ausf,amf,smf,upf", PURGE);
    let runtime = runtime();
    let udr = runtime.block_on(Udr::start());
    attach(&core);
    let (amf, session) = ("context-data/amf-3gpp-access", "context-data/smf-registrations/1");
    runtime.block_on(udr.nf.until([(&*format!("PATCH {amf}"), 2), (&*format!("DELETE {session}"), 2)]));
    assert_no_faults(&udr.nf);
    // The vector that came late was made again, with the number after the other's.
    assert_eq!(udr.nf.seen(["sequence number"]), [3]);
    let sqn = udr.member("authentication-data/authentication-subscription", "/sequenceNumber/sqn");
    assert!(sqn.is_some_and(|sqn| sqn.as_str().is_some_and(|sqn| sqn.to_lowercase().as_str() > "000000000a20")));
    assert_eq!(udr.member("authentication-data/authentication-status", "/success"), Some(json!(true)));
    assert_eq!(udr.member(amf, "/purgeFlag"), Some(json!(true)));
    assert!(!udr.has(session), "the session has ended");
}

#[test]
fn an_smf_of_another_make_opens_sessions_through_our_amf() {
    let core = Core::start_only("nrf,udr,udm,ausf,amf", "");
    let runtime = runtime();
    let smf = runtime.block_on(Smf::start());
    attach(&core);
    runtime.block_on(smf.nf.until([("gone", 2)]));
    assert_no_faults(&smf.nf);
    let times = ["create", "transfer", "PDU_RES_SETUP_RSP", "release request", "PDU_RES_REL_RSP", "gone"];
    assert_eq!(smf.nf.seen(times), [2; 6]);
    assert_eq!(smf.contexts(), 0);
}

#[test]
fn an_amf_of_another_make_uses_our_ausf_udm_and_smf() {
    let core = Core::start_only("nrf,udr,udm,ausf,smf,upf", "");
    let runtime = runtime();
    runtime.block_on(async {
        let amf = Amf::start().await;
        amf.register_ue().await;
        amf.session(true).await;
        amf.session(false).await;
        amf.deregister_ue().await;
        assert_no_faults(&amf.nf);
    });
    drop(core);
}

#[test]
fn an_nrf_of_another_make_runs_our_core() {
    let runtime = runtime();
    let nrf = runtime.block_on(Nrf::start());
    let place = tempfile::tempdir().expect("a directory");
    let keys = place.path().join("nrf.jwks");
    std::fs::write(&keys, nrf.public_keys()).expect("written");
    let configuration = format!("sbi: {{nrf: \"{}\", oauth2_keys: \"{}\"}}\n", nrf.nf.own, keys.display());
    let core = Core::start_only("udr,udm,ausf,amf,smf,upf", &configuration);
    attach(&core);
    // UDR, UDM, AUSF, AMF and SMF subscribe; the UPF has no service-based interface.
    assert_eq!(runtime.block_on(nrf.notify()), 5);
    runtime.block_on(nrf.nf.until([("register", 6), ("heartbeat", 12)]));
    attach(&core);
    // AUSF, UDM three times (AUSF, AMF, SMF), UDR, SMF, AMF at least.
    let [discoveries, tokens] = nrf.nf.seen(["discovery", "token"]);
    assert!(discoveries >= 7 && tokens >= 7, "{discoveries} discoveries, {tokens} tokens");
    drop(core);
    assert_no_faults(&nrf.nf);
    assert_eq!(nrf.registered(), <[String; 0]>::default(), "all deregistered");
}

#[test]
fn what_a_foreign_client_gets_wrong_is_answered_with_problem_details() {
    let core = Core::start_only(OTHERS, "");
    let runtime = runtime();
    let ausf = runtime.block_on(Ausf::start());
    let token = runtime.block_on(ausf.nf.token("UDM", "nudm-ueau"));
    let good = json!({"servingNetworkName": "5G:mnc070.mcc999.3gppnetwork.org", "ausfInstanceId": ausf.nf.id});
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
