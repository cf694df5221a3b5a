//! Tokens of a scripted NRF.

use std::sync::atomic::{AtomicUsize, Ordering};

use sbi_api::{ApiRoot, Body, BoxFuture, Caller, Codec as _, Request, Response, Target};

use super::*;

/// An NRF that says the same to everyone who asks for a token.
struct Nrf {
    status: u16,
    body: &'static str,
    asked: AtomicUsize,
}

impl Caller for Nrf {
    fn call<'a>(&'a self, _: &'a Target, request: Request<Body<'a>>) -> BoxFuture<'a, Result<Response, CallError>> {
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/oauth2/token"));
        let form = request.headers()["content-type"].to_str().expect("text");
        let asked = sbi_api::Form::<AccessTokenReq>::decode(form, request.body().to_bytes()).expect("a form");
        assert_eq!((asked.scope.as_str(), asked.target_nf_type), ("nudm-sdm", Some(NfType::Udm)));
        self.asked.fetch_add(1, Ordering::Relaxed);
        let response = http::Response::builder().status(self.status).header("content-type", "application/json");
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(response.body(self.body.into()).expect("a response"))
        })
    }
}

fn tokens(status: u16, body: &'static str) -> (Arc<Tokens>, Arc<Nrf>) {
    let nrf = Arc::new(Nrf { status, body, asked: AtomicUsize::new(0) });
    let who = Requester { nf_type: NfType::Amf, instance_id: Uuid::from_u128(5) };
    (Tokens::new(who, Some(NnrfOauth2::at(nrf.clone(), ApiRoot::http("nrf")))), nrf)
}

const GIVEN: &str = r#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":100}"#;

#[tokio::test]
async fn many_at_once_ask_for_one_token_and_it_is_kept() {
    let (tokens, nrf) = tokens(200, GIVEN);
    let all = futures_util::future::join_all((0..64).map(|_| tokens.credentials("nudm-sdm"))).await;
    let first = all.first().and_then(|first| first.clone().ok()).expect("a token");
    assert!(all.iter().all(|one| one.as_ref().is_ok_and(|one| Arc::ptr_eq(one, &first))));
    assert_eq!(first.authorization.as_ref().map(HeaderValue::as_bytes), Some(&b"Bearer a.b.c"[..]));
    assert!(first.user_agent.to_str().is_ok_and(|name| name.starts_with("AMF-00000000-")));
    assert_eq!(nrf.asked.load(Ordering::Relaxed), 1);
    tokens.forget("nudm-sdm", &first);
    assert!(tokens.credentials("nudm-sdm").await.is_ok_and(|again| !Arc::ptr_eq(&again, &first)));
    assert_eq!(nrf.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn no_token_is_asked_for_where_none_is_needed() {
    let (tokens, nrf) = tokens(200, GIVEN);
    for service in ["nnrf-nfm", "oauth2", "namf-callback"] {
        assert!(tokens.credentials(service).await.is_ok_and(|plain| plain.authorization.is_none()));
    }
    assert_eq!(nrf.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_token_is_renewed_while_the_old_one_still_holds() {
    let (tokens, nrf) = tokens(200, GIVEN);
    let first = tokens.credentials("nudm-sdm").await.expect("a token");
    tokens.held().get_mut("nudm-sdm").expect("held").renew_at = Instant::now();
    for _ in 0..3 {
        assert!(tokens.credentials("nudm-sdm").await.is_ok_and(|held| Arc::ptr_eq(&held, &first)), "nobody waits");
    }
    while tokens.held().get("nudm-sdm").is_some_and(|held| Arc::ptr_eq(&held.credentials, &first)) {
        tokio::task::yield_now().await;
    }
    assert_eq!(nrf.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_expired_token_is_not_shown() {
    let (tokens, nrf) = tokens(200, GIVEN);
    let first = tokens.credentials("nudm-sdm").await.expect("a token");
    tokens.held().get_mut("nudm-sdm").expect("held").expires_at = Instant::now();
    assert!(tokens.credentials("nudm-sdm").await.is_ok_and(|new| !Arc::ptr_eq(&new, &first)));
    assert_eq!(nrf.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn refusals_say_whether_to_wait() {
    let refused = |error| async move { tokens(400, error).0.credentials("nudm-sdm").await.expect_err("refused") };
    let error = refused(r#"{"error":"unauthorized_client"}"#).await;
    assert_eq!(error, CallError::NotAllowed("nudm-sdm".into()));
    let error = refused(r#"{"error":"invalid_client","error_description":"who?"}"#).await;
    assert!(
        matches!(&error, CallError::Unreachable { reason, .. } if reason.contains("invalid_client who?")),
        "{error}"
    );
    let error = tokens(404, "").0.credentials("nudm-sdm").await.expect_err("none");
    assert!(error.to_string().contains("sbi.oauth2"), "{error}");
}

#[test]
fn what_is_shown_never_prints_the_token() {
    let (tokens, _) = tokens(200, GIVEN);
    let given =
        AccessTokenRsp { access_token: "secret".into(), token_type: "bearer".into(), expires_in: None, scope: None };
    let held = tokens.accept(Instant::now(), &given).expect("taken");
    let shown = format!("{:?} {:?}", held.credentials, held.credentials.authorization);
    assert!(!shown.contains("secret"), "{shown}");
}
