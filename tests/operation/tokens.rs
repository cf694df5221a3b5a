//! Access tokens in a running core: who gets one, and what is done with those that are not good.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sbi_api::{Request, Response};
use sbi_transport::{Endpoint, Limits, Pool};
use serde_json::{Value, json};
use tests::Core;
use tokio::time::Instant;
use uuid::Uuid;

/// NFs by the last octet of their address.
const NRF: u8 = 10;
const UDM: u8 = 12;
const UDR: u8 = 20;

const AM_DATA: &str = "/nudm-sdm/v2/imsi-999700000000001/am-data";

fn address(last: u8) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, last), 7777).into()
}

/// Somebody on the network.
struct Stranger {
    pool: Pool,
    id: Uuid,
}

impl Stranger {
    async fn send(&self, last: u8, request: Request) -> Response {
        let (endpoints, deadline) = ([Endpoint::H2(address(last))], Instant::now() + Duration::from_secs(10));
        let answer = self.pool.call(&endpoints, &address(last).to_string(), request, deadline).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Says at the NRF that it is an NF of this type.
    async fn register(&self, nf_type: &str) {
        let profile = json!({"nfInstanceId": self.id, "nfType": nf_type, "nfStatus": "REGISTERED", "ipv4Addresses": ["127.0.0.99"]});
        let request = http::Request::put(format!("/nnrf-nfm/v1/nf-instances/{}", self.id));
        let request = request.header("content-type", "application/json").body(profile.to_string().into());
        assert!(self.send(NRF, request.expect("a request")).await.status().is_success());
    }

    /// Asks for a token. The answer is one, or the reason why not.
    async fn token(&self, nf_type: &str, target: &str, scope: &str) -> Result<String, String> {
        let form = format!(
            "grant_type=client_credentials&nfInstanceId={}&nfType={nf_type}&targetNfType={target}&scope={scope}",
            self.id
        );
        let request = http::Request::post("/oauth2/token").header("content-type", "application/x-www-form-urlencoded");
        let answer = self.send(NRF, request.body(form.into()).expect("a request")).await;
        let said: Value = serde_json::from_slice(answer.body()).expect("JSON");
        match answer.status().as_u16() {
            200 => Ok(said["access_token"].as_str().expect("a token").to_owned()),
            400 => Err(said["error"].as_str().expect("a reason").to_owned()),
            other => panic!("{other} {said}"),
        }
    }

    /// Status and challenge of a request with this token.
    async fn get(&self, last: u8, path: &str, token: Option<&str>) -> (u16, String) {
        self.get_as(None, last, path, token).await
    }

    /// The same of somebody who says who he is.
    async fn get_as(&self, agent: Option<&str>, last: u8, path: &str, token: Option<&str>) -> (u16, String) {
        let mut request = http::Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(agent) = agent {
            request = request.header("user-agent", agent);
        }
        let answer = self.send(last, request.body(Default::default()).expect("a request")).await;
        let challenge = answer.headers().get("www-authenticate").and_then(|text| text.to_str().ok());
        (answer.status().as_u16(), challenge.unwrap_or_default().to_owned())
    }
}

/// Refusals of all NFs by reason.
fn refused(core: &Core, reason: &str) -> u64 {
    counted(core, "peregrine_sbi_refusals_total", &[&format!("reason=\"{reason}\"")])
}

/// The sum of a metric over all NFs where its labels have these.
fn counted(core: &Core, metric: &str, labels: &[&str]) -> u64 {
    let metrics = core.peregrine(&["metrics"]);
    let wanted = |line: &&str| line.starts_with(metric) && labels.iter().all(|label| line.contains(label));
    metrics.lines().filter(wanted).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[test]
fn a_token_opens_what_it_is_for_and_nothing_else() {
    let core = Core::start("");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let genuine = runtime.block_on(strangers(&core));
    for (result, least) in [("invalid_client", 2), ("unauthorized_client", 2), ("invalid_scope", 1), ("success", 1)] {
        let labels = ["procedure=\"access_token\"".to_owned(), format!("result=\"{result}\"")];
        let count = counted(&core, "peregrine_procedures_total", &labels.each_ref().map(String::as_str));
        assert!(count >= least, "{result}: {}", core.peregrine(&["metrics"]));
    }
    for (reason, least) in [("no_token", 1), ("invalid", 4), ("audience", 1), ("scope", 1), ("nf_type", 1)] {
        assert!(refused(&core, reason) >= least, "{reason}: {}", core.peregrine(&["metrics"]));
    }
    let output = core.ran(&["attach", "--ues", "1", "--quiet", "--release"]);
    assert!(output.status.success(), "the core's own are not refused: {}", core.log());
    let (log, metrics) = (core.log(), core.peregrine(&["metrics"]));
    assert!(log.contains("is refused"), "a refusal is logged: {log}");
    let (_, claims_and_signature) = genuine.split_once('.').expect("a token");
    for part in claims_and_signature.split('.') {
        assert!(!log.contains(part) && !metrics.contains(part), "a token is a secret");
    }
}

async fn strangers(core: &Core) -> String {
    let smf = Stranger { pool: Pool::new(Limits::default()), id: Uuid::from_u128(0xbad) };
    let (unauthorised, invalid) = ((401, "Bearer".to_owned()), (401, "Bearer error=\"invalid_token\"".to_owned()));
    assert_eq!(smf.token("SMF", "UDM", "nudm-sdm").await, Err("invalid_client".into()), "it is not registered");
    smf.register("SMF").await;
    assert_eq!(smf.token("AMF", "UDM", "nudm-sdm").await, Err("invalid_client".into()), "it is no AMF");
    assert_eq!(smf.token("SMF", "UDR", "nudr-dr").await, Err("unauthorized_client".into()), "the UDR is not for SMFs");
    assert_eq!(smf.token("SMF", "UDM", "nudm-ueau").await, Err("unauthorized_client".into()));
    assert_eq!(smf.token("SMF", "UDM", "everything").await, Err("invalid_scope".into()));
    let token = smf.token("SMF", "UDM", "nudm-sdm").await.unwrap_or_else(|why| panic!("{why}: {}", core.log()));
    assert_eq!(smf.get(UDM, AM_DATA, None).await, unauthorised);
    assert_eq!(smf.get(UDM, AM_DATA, Some(&token)).await.0, 200);
    assert_eq!(smf.get(UDM, AM_DATA, Some(&token)).await.0, 200);
    assert_eq!(smf.get_as(Some("SMF-1"), UDM, AM_DATA, Some(&token)).await.0, 200);
    assert_eq!(
        smf.get_as(Some("UPF-1"), UDM, AM_DATA, Some(&token)).await.0,
        403,
        "it is of another type than it says"
    );
    let registration = "/nudm-uecm/v1/imsi-999700000000001/registrations/amf-3gpp-access";
    let (status, challenge) = smf.get(UDM, registration, Some(&token)).await;
    assert_eq!((status, challenge.contains("insufficient_scope")), (403, true), "{challenge}");
    let keys = "/nudr-dr/v2/subscription-data/imsi-999700000000001/authentication-data/authentication-subscription";
    assert_eq!(smf.get(UDR, keys, Some(&token)).await, invalid, "it is not for the UDR");
    assert_eq!(smf.get(UDR, keys, None).await, unauthorised);
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    let (_, claims) = signed.split_once('.').expect("three parts");
    let long = "A".repeat(20_000);
    let (unsigned, none) = (format!("{signed}."), format!("eyJhbGciOiJub25lIn0.{claims}."));
    for bad in [unsigned.as_str(), none.as_str(), "garbage", "", long.as_str()] {
        assert_eq!(smf.get(UDM, AM_DATA, Some(bad)).await, invalid, "{bad:.30}");
    }
    token
}

#[test]
fn without_tokens_a_foreign_nf_is_heard() {
    let core = Core::start("sbi: {oauth2: false}\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let nf = Stranger { pool: Pool::new(Limits::default()), id: Uuid::from_u128(1) };
    assert_eq!(runtime.block_on(nf.get(UDM, AM_DATA, None)).0, 200);
    assert_eq!(runtime.block_on(nf.get_as(Some("AMF-1 amf.example"), UDM, AM_DATA, None)).0, 200);
    assert_eq!(runtime.block_on(nf.get_as(Some("UPF"), UDM, AM_DATA, None)).0, 403);
    assert_eq!(refused(&core, "nf_type"), 1);
    assert!(core.ran(&["attach", "--ues", "1", "--quiet", "--release"]).status.success(), "{}", core.log());
}
