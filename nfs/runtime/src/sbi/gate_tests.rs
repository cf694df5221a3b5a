//! Requests at the door of a UDM.

use std::sync::atomic::AtomicU64;

use sbi_models::nrf::Audience;
use sbi_token::Signer;

use super::*;

/// The time in these tests.
static NOW: AtomicU64 = AtomicU64::new(1_000);

fn clock() -> u64 {
    NOW.load(Relaxed)
}

struct Door {
    gate: TokenGate,
    signer: Signer,
    metrics: Metrics,
    _place: tempfile::TempDir,
}

fn signer() -> Signer {
    Signer::new(Signer::generate().expect("random numbers").as_ref()).expect("our own")
}

impl Door {
    fn new() -> Self {
        let (place, signer, metrics) = (tempfile::tempdir().expect("a directory"), signer(), Metrics::new("udm"));
        let file = place.path().join("keys");
        std::fs::write(&file, serde_json::to_vec(&signer.public_keys()).expect("JSON")).expect("written");
        let keys = NrfKeys::new(super::super::nrf_keys::Source::File(file));
        let gate = TokenGate::new(NfType::Udm, Uuid::from_u128(12), Some(keys), clock, &metrics);
        Self { gate, signer, metrics, _place: place }
    }

    fn token(&self, change: impl FnOnce(&mut AccessTokenClaims)) -> String {
        self.signer.sign(&claims(change)).expect("signed")
    }

    fn refused(&self, reason: &str) -> u64 {
        let line = format!("peregrine_sbi_refusals_total{{nf=\"udm\",reason=\"{reason}\"}}");
        let text = self.metrics.encode();
        let found = text.lines().find_map(|text| text.strip_prefix(&line)?.trim().parse().ok());
        found.unwrap_or(0)
    }
}

fn claims(change: impl FnOnce(&mut AccessTokenClaims)) -> AccessTokenClaims {
    let mut claims = AccessTokenClaims {
        iss: Uuid::from_u128(1),
        sub: Uuid::from_u128(2),
        aud: Audience::Type(NfType::Udm),
        scope: "nudm-sdm".into(),
        exp: u64::MAX,
        consumer_plmn_id: None,
        producer_plmn_id: None,
        producer_snssai_list: None,
        producer_nf_set_id: None,
    };
    change(&mut claims);
    claims
}

fn request(path: &str, token: Option<&str>) -> Request {
    let mut request = Request::default();
    *request.uri_mut() = path.parse().expect("a path");
    if let Some(token) = token {
        let field = format!("Bearer {token}").parse().expect("a value");
        request.headers_mut().insert(header::AUTHORIZATION, field);
    }
    request
}

const SDM: &str = "/nudm-sdm/v2/imsi-1/am-data";

/// Status and challenge of the answer, or 0 where the request is handled.
fn outcome(guard: &dyn Guard, path: &str, token: Option<&str>) -> (u16, String) {
    match guard.check(&request(path, token)) {
        Verdict::Admitted => (0, String::new()),
        Verdict::Refused(answer) | Verdict::Undecided(_, answer) => {
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
            (answer.status().as_u16(), challenge.to_owned())
        }
    }
}

fn is_admitted(guard: &dyn Guard, path: &str, token: Option<&str>) -> bool {
    outcome(guard, path, token).0 == 0
}

fn asked_by(agent: &'static str, path: &str, token: Option<&str>) -> Request {
    let mut request = request(path, token);
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(agent));
    request
}

/// Status of the answer to an NF that names itself so, or 0 where it is handled.
fn status(guard: &dyn Guard, request: &Request) -> u16 {
    match guard.check(request) {
        Verdict::Admitted => 0,
        Verdict::Refused(answer) | Verdict::Undecided(_, answer) => answer.status().as_u16(),
    }
}

#[test]
fn an_nf_of_a_type_without_business_here_is_refused_with_and_without_tokens() {
    let door = Door::new();
    let without = TokenGate::new(NfType::Udr, Uuid::from_u128(12), None, clock, &Metrics::new("udr"));
    let token = door.token(|_| ());
    for remembers in [false, true] {
        let (guard, open) = (door.gate.guard(remembers), without.guard(remembers));
        assert_eq!(status(&*guard, &asked_by("AMF-00000000-0000", SDM, Some(&token))), 0);
        assert_eq!(status(&*open, &asked_by("UDM-00000000-0000", "/nudr-dr/v2/x", None)), 0);
        // What gives no type, or none of 3GPP, is left to the token.
        assert_eq!(status(&*open, &asked_by("curl/8.0", "/nudr-dr/v2/x", None)), 0);
        assert_eq!(status(&*open, &request("/nudr-dr/v2/x", None)), 0);
        assert_eq!(status(&*door.gate.guard(remembers), &asked_by("curl/8.0", SDM, None)), 401);
        for agent in ["UPF", "UPF-1 upf.example", "NRF/1"] {
            let other = door.gate.guard(remembers);
            assert_eq!(status(&*other, &asked_by(agent, SDM, Some(&token))), 403, "{agent}");
        }
        assert_eq!(status(&*open, &asked_by("AMF-00000000-0000", "/nudr-dr/v2/x", None)), 403);
    }
    assert_eq!(door.refused("nf_type"), 6);
}

#[test]
fn on_http2_every_request_comes_with_a_token() {
    let door = Door::new();
    let (guard, token) = (door.gate.guard(false), door.token(|_| ()));
    assert!(is_admitted(&*guard, SDM, Some(&token)));
    assert!(is_admitted(&*guard, SDM, Some(&token)));
    assert_eq!(outcome(&*guard, SDM, None), (401, "Bearer".into()));
    assert_eq!(door.refused("no_token"), 1);
}

#[test]
fn a_connection_that_remembers_is_asked_once_per_service() {
    let door = Door::new();
    let guard = door.gate.guard(true);
    assert!(!is_admitted(&*guard, SDM, None));
    assert!(is_admitted(&*guard, SDM, Some(&door.token(|_| ()))));
    assert!(is_admitted(&*guard, SDM, None));
    assert!(!is_admitted(&*guard, "/nudm-uecm/v1/imsi-1", None), "another service");
    assert!(!is_admitted(&*door.gate.guard(true), SDM, None), "another connection");
    assert!(!is_admitted(&*guard, SDM, Some("x.y.z")), "what is shown counts, not what was");
}

#[test]
fn what_was_shown_is_good_until_it_expires() {
    let door = Door::new();
    let guard = door.gate.guard(true);
    let (long, short) = (door.token(|_| ()), door.token(|claims| claims.exp = 2_000));
    assert!(is_admitted(&*guard, SDM, Some(&short)));
    let later = door.gate.guard(true);
    assert!(is_admitted(&*later, SDM, Some(&long)));
    let before = NOW.swap(2_000, Relaxed);
    let after = [is_admitted(&*guard, SDM, None), is_admitted(&*later, SDM, None)];
    let again = outcome(&*guard, SDM, Some(&short));
    NOW.store(before, Relaxed);
    assert_eq!(after, [false, true]);
    assert_eq!(again, (401, "Bearer error=\"invalid_token\"".into()));
    assert_eq!(door.refused("expired"), 1);
}

#[test]
fn what_is_not_for_us_or_not_for_the_service_is_refused() {
    let door = Door::new();
    let guard = door.gate.guard(false);
    let invalid = (401, "Bearer error=\"invalid_token\"".to_owned());
    let for_smf = door.token(|claims| claims.aud = Audience::Type(NfType::Smf));
    let for_another = door.token(|claims| claims.aud = Audience::Instances(vec![Uuid::from_u128(13)]));
    let for_us = door.token(|claims| claims.aud = Audience::Instances(vec![Uuid::from_u128(12)]));
    assert_eq!(outcome(&*guard, SDM, Some(&for_smf)), invalid);
    assert_eq!(outcome(&*guard, SDM, Some(&for_another)), invalid);
    assert!(is_admitted(&*guard, SDM, Some(&for_us)));
    assert_eq!(door.refused("audience"), 2);
    let other = door.token(|claims| claims.scope = "nudm-uecm nudm".into());
    let scope = "Bearer error=\"insufficient_scope\", scope=\"nudm-sdm\"";
    assert_eq!(outcome(&*guard, SDM, Some(&other)), (403, scope.into()));
    assert_eq!(door.refused("scope"), 1);
}

#[test]
fn foreign_forged_and_meaningless_tokens_are_refused() {
    let door = Door::new();
    let guard = door.gate.guard(true);
    let foreign = signer().sign(&claims(|_| ())).expect("signed");
    let genuine = door.token(|_| ());
    // Nobody could look for keys in this test: it has no runtime. One that is unknown stays so.
    assert!(matches!(guard.check(&request(SDM, Some(&foreign))), Verdict::Undecided(..)));
    let (signed, _) = genuine.rsplit_once('.').expect("three parts");
    let unsigned = format!("{signed}.");
    for token in [foreign.as_str(), &unsigned, "", "garbage", "a.b.c", &"A".repeat(60_000)] {
        let answer = outcome(&*guard, SDM, Some(token));
        assert_eq!(answer, (401, "Bearer error=\"invalid_token\"".into()), "{token:.40}");
    }
    assert_eq!(door.refused("invalid"), 5);
    for scheme in ["Basic x", "Bearer", "", "Bear"] {
        let mut request = request(SDM, None);
        request.headers_mut().insert(header::AUTHORIZATION, scheme.parse().expect("a value"));
        assert!(matches!(guard.check(&request), Verdict::Refused(_)), "{scheme}");
    }
}

#[test]
fn notifications_and_the_nrfs_services_need_no_token() {
    let door = Door::new();
    let guard = door.gate.guard(false);
    for path in ["/nnrf-callback/v1/nf-status", "/namf-callback/v1/x", "/oauth2/token"] {
        assert!(is_admitted(&*guard, path, None), "{path}");
    }
}

#[tokio::test]
async fn a_new_key_of_the_nrf_is_learnt_with_its_first_token() {
    let mut door = Door::new();
    door.signer = signer();
    let (guard, token) = (door.gate.guard(false), door.token(|_| ()));
    let Verdict::Undecided(known, _) = guard.check(&request(SDM, Some(&token))) else { panic!("it is unknown") };
    let file = door._place.path().join("keys");
    std::fs::write(file, serde_json::to_vec(&door.signer.public_keys()).expect("JSON")).expect("written");
    known.await;
    assert!(is_admitted(&*guard, SDM, Some(&token)));
    let foreign = signer().sign(&claims(|_| ())).expect("signed");
    let verdict = guard.check(&request(SDM, Some(&foreign)));
    assert!(matches!(verdict, Verdict::Refused(_)), "new keys have just been looked for");
    assert_eq!(door.refused("foreign"), 1);
}
