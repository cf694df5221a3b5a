//! The caller over a scripted network.

use std::collections::VecDeque;

use http::StatusCode;
use sbi_api::SbiError;
use sbi_models::nrf::NfProfile;

use super::super::directory::tests::{found, query, reach, udm};
use super::*;
use crate::Metrics;

/// What the network does with a request to an authority.
#[derive(Clone, Debug)]
enum Act {
    Answer(u16),
    Unreachable,
    Broken,
}

/// A network in which the NRF knows `profiles` and each authority acts by its script, the last act for ever.
#[derive(Default)]
struct Script {
    profiles: Mutex<Vec<NfProfile>>,
    acts: Mutex<HashMap<String, VecDeque<Act>>>,
    seen: Mutex<Vec<String>>,
    nrf_is_away: Mutex<bool>,
    /// Whether tokens are shown; the NRF gives out `1`, `2` and so on.
    oauth2: bool,
    given: Mutex<u32>,
    /// The tokens shown to others.
    shown: Mutex<Vec<String>>,
    /// Paths of requests that go ahead of others.
    urgent: Mutex<Vec<String>>,
}

const NRF: &str = "127.0.0.10:7777";

impl Script {
    fn of(profiles: Vec<NfProfile>, acts: &[(&str, &[Act])]) -> Arc<Self> {
        let acts =
            acts.iter().map(|(authority, acts)| ((*authority).to_owned(), acts.iter().cloned().collect())).collect();
        Arc::new(Self { profiles: Mutex::new(profiles), acts: Mutex::new(acts), ..Self::default() })
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().expect("no panic while held"))
    }

    fn act(&self, authority: &str) -> Act {
        let mut acts = self.acts.lock().expect("no panic while held");
        let Some(script) = acts.get_mut(authority) else { return Act::Answer(200) };
        let next = script.front().cloned().expect("a script has an act");
        if script.len() > 1 {
            script.pop_front();
        }
        next
    }
}

impl Carrier for Arc<Script> {
    async fn carry(
        &self,
        _: &[Endpoint],
        authority: &str,
        request: &Request<Body<'_>>,
        shown: &Arc<Credentials>,
        _: Instant,
    ) -> Result<Response, CallError> {
        self.seen.lock().expect("no panic while held").push(authority.to_owned());
        if request.headers().contains_key(MESSAGE_PRIORITY) {
            self.urgent.lock().expect("no panic while held").push(request.uri().path().to_owned());
        }
        let away = *self.nrf_is_away.lock().expect("no panic while held");
        let unreachable = || CallError::Unreachable { peer: authority.into(), reason: "refused".into() };
        if let Some(token) = &shown.authorization {
            self.shown.lock().expect("no panic while held").push(token.to_str().expect("text").to_owned());
        }
        if authority == NRF && request.uri().path() == "/oauth2/token" {
            let mut given = self.given.lock().expect("no panic while held");
            *given += 1;
            let body = format!(r#"{{"access_token":"{given}","token_type":"Bearer","expires_in":60}}"#);
            let answer = http::Response::builder().header("content-type", "application/json").body(body.into());
            return Ok(answer.expect("a response"));
        }
        if authority == NRF {
            let profiles = self.profiles.lock().expect("no panic while held").clone();
            let body = serde_json::to_vec(&found(profiles)).expect("serialises");
            let answer = http::Response::builder().header("content-type", "application/json").body(body.into());
            return if away { Err(unreachable()) } else { Ok(answer.expect("a response")) };
        }
        match self.act(authority) {
            Act::Answer(status) => {
                let mut response = Response::default();
                *response.status_mut() = StatusCode::from_u16(status).expect("a status");
                Ok(response)
            }
            Act::Unreachable => Err(unreachable()),
            Act::Broken => Err(CallError::Broken { peer: authority.into(), reason: "gone".into() }),
        }
    }
}

fn caller(script: &Arc<Script>, absence: Duration) -> SbiCaller<Arc<Script>> {
    let patience = Patience { timeout: Duration::from_secs(5), absence };
    let metrics = ClientMetrics::new(&Metrics::new("amf"));
    let who = Requester { nf_type: NfType::Amf, instance_id: uuid::Uuid::from_u128(5) };
    SbiCaller::new(script.clone(), reach(), Some(ApiRoot::http(NRF)), script.oauth2, who, patience, metrics)
}

async fn call(caller: &SbiCaller<Arc<Script>>, method: &str) -> Result<u16, CallError> {
    let request =
        http::Request::builder().method(method).uri("/nudm-sdm/v2/x").body(Default::default()).expect("a request");
    caller.call(&Target::Service(query()), request).await.map(|response| response.status().as_u16())
}

#[tokio::test]
async fn the_nrf_is_asked_once_as_long_as_its_answer_holds() {
    let script = Script::of(vec![udm(1, "here", 0)], &[]);
    let caller = caller(&script, Duration::ZERO);
    for _ in 0..3 {
        assert_eq!(call(&caller, "GET").await, Ok(200));
    }
    assert_eq!(script.seen(), [NRF, "127.0.0.1:7777", "127.0.0.1:7777", "127.0.0.1:7777"]);
}

#[tokio::test]
async fn many_at_once_ask_the_nrf_once() {
    let script = Script::of(vec![udm(1, "here", 0)], &[]);
    let caller = caller(&script, Duration::ZERO);
    let calls = futures_util::future::join_all((0..64).map(|_| call(&caller, "GET"))).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(script.seen().iter().filter(|authority| *authority == NRF).count(), 1);
}

#[tokio::test]
async fn an_unreachable_instance_is_passed_over_for_any_method() {
    let script = Script::of(vec![udm(1, "here", 0), udm(2, "here", 1)], &[("127.0.0.1:7777", &[Act::Unreachable])]);
    let caller = caller(&script, Duration::ZERO);
    assert_eq!(call(&caller, "POST").await, Ok(200));
    assert_eq!(script.seen(), [NRF, "127.0.0.1:7777", "127.0.0.2:7777"]);
    assert_eq!(call(&caller, "POST").await, Ok(200));
    assert_eq!(script.seen(), [NRF, "127.0.0.2:7777"], "the failed one comes last, and the NRF is asked again");
}

#[tokio::test]
async fn what_broke_half_way_is_repeated_elsewhere_only_if_it_may_be() {
    let profiles = || vec![udm(1, "here", 0), udm(2, "here", 1)];
    for (method, repeats) in [("GET", true), ("PUT", true), ("DELETE", true), ("POST", false), ("PATCH", false)] {
        let script = Script::of(profiles(), &[("127.0.0.1:7777", &[Act::Broken])]);
        let caller = caller(&script, Duration::ZERO);
        assert_eq!(call(&caller, method).await.is_ok(), repeats, "{method}");
    }
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_goes_nowhere_else() {
    let script = Script::of(vec![udm(1, "here", 0), udm(2, "here", 1)], &[("127.0.0.1:7777", &[Act::Answer(403)])]);
    assert_eq!(call(&caller(&script, Duration::ZERO), "GET").await, Ok(403));
    assert_eq!(script.seen(), [NRF, "127.0.0.1:7777"]);
}

#[tokio::test]
async fn a_call_waits_for_an_nf_that_comes_back() {
    let acts: &[Act] = &[Act::Unreachable, Act::Unreachable, Act::Answer(201)];
    let script = Script::of(vec![udm(1, "here", 0)], &[("127.0.0.1:7777", acts)]);
    assert_eq!(call(&caller(&script, Duration::from_secs(5)), "POST").await, Ok(201));
}

#[tokio::test]
async fn nobody_registered_is_an_error_that_names_the_service() {
    let script = Script::of(vec![], &[]);
    let error = call(&caller(&script, Duration::ZERO), "GET").await.expect_err("nobody");
    assert_eq!(error, CallError::NoInstance("nudm-sdm".into()));
}

#[tokio::test]
async fn what_the_nrf_said_last_holds_while_it_is_away() {
    let script = Script::of(vec![udm(1, "here", 0)], &[]);
    let caller = caller(&script, Duration::ZERO);
    assert_eq!(call(&caller, "GET").await, Ok(200));
    *script.nrf_is_away.lock().expect("no panic while held") = true;
    caller.expire_all();
    assert_eq!(call(&caller, "GET").await, Ok(200));
    assert_eq!(script.seen(), [NRF, "127.0.0.1:7777", NRF, "127.0.0.1:7777"]);
    assert_eq!(call(&caller, "GET").await, Ok(200));
    assert_eq!(script.seen(), ["127.0.0.1:7777"], "it is not asked again at once");
    script.acts.lock().expect("no panic while held").insert("127.0.0.1:7777".into(), [Act::Broken].into());
    assert!(call(&caller, "POST").await.is_err());
}

#[tokio::test]
async fn a_root_is_called_without_asking_anyone() {
    let script = Script::of(vec![], &[]);
    let caller = caller(&script, Duration::ZERO);
    let target = Target::Root(ApiRoot::http("127.0.0.9:7777"));
    assert!(caller.call(&target, Request::default()).await.is_ok());
    assert_eq!(script.seen(), ["127.0.0.9:7777"]);
    let nowhere = Target::Root(ApiRoot::http("amf.invalid"));
    let error = caller.call(&nowhere, Request::default()).await.map_err(SbiError::from).expect_err("no such name");
    assert!(error.to_string().contains("amf.invalid"), "{error}");
}

#[tokio::test]
async fn a_token_is_shown_to_producers_and_renewed_once_where_it_is_refused() {
    let script = Script { oauth2: true, ..Script::default() };
    *script.profiles.lock().expect("no panic while held") = vec![udm(1, "here", 0)];
    let refusing: &[Act] = &[Act::Answer(200), Act::Answer(401), Act::Answer(204), Act::Answer(401)];
    script.acts.lock().expect("no panic while held").insert("127.0.0.1:7777".into(), refusing.to_vec().into());
    let script = Arc::new(script);
    let caller = caller(&script, Duration::ZERO);
    let shown = || std::mem::take(&mut *script.shown.lock().expect("no panic while held"));
    assert_eq!(call(&caller, "GET").await, Ok(200));
    assert_eq!(shown(), ["Bearer 1"]);
    assert_eq!(call(&caller, "POST").await, Ok(204), "what was not looked at may be sent again");
    assert_eq!(shown(), ["Bearer 1", "Bearer 2"]);
    assert_eq!(call(&caller, "GET").await, Ok(401), "but only once");
    assert_eq!(shown(), ["Bearer 2", "Bearer 3"]);
}

#[tokio::test]
async fn where_a_producer_says_that_it_needs_no_token_it_gets_none() {
    let script = Script { oauth2: true, ..Script::default() };
    let mut open = udm(1, "here", 0);
    open.nf_services.iter_mut().flatten().for_each(|service| service.oauth2_required = Some(false));
    *script.profiles.lock().expect("no panic while held") = vec![open];
    let script = Arc::new(script);
    assert_eq!(call(&caller(&script, Duration::ZERO), "GET").await, Ok(200));
    assert!(script.shown.lock().expect("no panic while held").is_empty());
}

#[tokio::test]
async fn the_instance_that_made_a_resource_is_shown_a_token_of_its_service() {
    let script = Arc::new(Script { oauth2: true, ..Script::default() });
    let caller = caller(&script, Duration::ZERO);
    let request = http::Request::builder().uri("/nsmf-pdusession/v1/sm-contexts/1").body(Default::default());
    let target = Target::Root(ApiRoot::http("127.0.0.4:7777"));
    assert!(caller.call(&target, request.expect("a request")).await.is_ok());
    assert_eq!(*script.shown.lock().expect("no panic while held"), ["Bearer 1"]);
}

#[tokio::test]
async fn whoever_gave_a_callback_is_shown_no_token() {
    let script = Arc::new(Script { oauth2: true, ..Script::default() });
    let caller = caller(&script, Duration::ZERO);
    // The path looks like a service's own.
    let request = http::Request::builder().method("POST").uri("/nsmf-pdusession/v1/sm-contexts/1");
    let target = Target::Callback(ApiRoot::http("127.0.0.4:7777"));
    assert!(caller.call(&target, request.body(Default::default()).expect("a request")).await.is_ok());
    assert!(script.shown.lock().expect("no panic while held").is_empty());
}

#[tokio::test]
async fn what_an_nf_tells_the_nrf_of_itself_goes_ahead_of_others() {
    let script = Script::of(vec![udm(1, "here", 0)], &[]);
    let caller = caller(&script, Duration::ZERO);
    assert!(call(&caller, "GET").await.is_ok());
    let beat = http::Request::patch("/nnrf-nfm/v1/nf-instances/1").body(Body::default()).expect("a request");
    caller.direct().call(&Target::Root(ApiRoot::http(NRF)), beat).await.expect("an answer");
    assert_eq!(*script.urgent.lock().expect("no panic while held"), ["/nnrf-nfm/v1/nf-instances/1"]);
}
