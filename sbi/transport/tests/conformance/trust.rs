//! Who is let in: by certificate, by credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{StatusCode, header};
use sbi_api::{CallError, Problem, Request};
use sbi_transport::{Credentials, Endpoint, Gate, Guard, Limits, Pool, Verdict, serve};
use tokio::time::Instant;

use crate::certificates::Authority;
use crate::site::{Obedient, Site, call, post};

/// Lets in who has shown `good` on the connection, where it remembers, or else with the request.
#[derive(Default)]
pub(crate) struct Password {
    /// Times the password was shown.
    shown: Arc<AtomicUsize>,
}

struct Porter {
    shown: Arc<AtomicUsize>,
    remembers: bool,
    knows: AtomicUsize,
}

impl Gate for Password {
    fn guard(&self, remembers: bool) -> Box<dyn Guard> {
        Box::new(Porter { shown: self.shown.clone(), remembers, knows: AtomicUsize::new(0) })
    }
}

impl Guard for Porter {
    fn check(&self, request: &Request) -> Verdict {
        let shown = request.headers().get(header::AUTHORIZATION);
        self.shown.fetch_add(usize::from(shown.is_some()), Ordering::Relaxed);
        let good = shown.is_some_and(|shown| shown == "good");
        self.knows.fetch_add(usize::from(good), Ordering::Relaxed);
        match good || (shown.is_none() && self.remembers && self.knows.load(Ordering::Relaxed) > 0) {
            true => Verdict::Admitted,
            false => Verdict::Refused(Problem::new(StatusCode::UNAUTHORIZED, "WHO", "go there").into()),
        }
    }
}

fn credentials(word: &'static str) -> Arc<Credentials> {
    let authorization = Some(word.parse().expect("a value"));
    Arc::new(Credentials { user_agent: "AMF-1".parse().expect("a value"), authorization })
}

pub(crate) async fn credentials_are_shown_as_often_as_needed(mut site: Site) {
    let gate = Password::default();
    let shown = gate.shown.clone();
    let _server = site.serve_guarded(Arc::new(gate));
    let call = async |who: &Arc<Credentials>| {
        let (request, deadline) =
            (post("/echo", "x").map(sbi_api::Body::from), Instant::now() + Duration::from_secs(20));
        let endpoints = [site.endpoint()];
        let outcome = site.pool.call_as(&endpoints, "127.0.0.1:7777", &request, Some(who), deadline).await;
        outcome.expect("an answer").status().as_u16()
    };
    let (good, bad) = (credentials("good"), credentials("bad"));
    assert_eq!(site.call(post("/echo", "x")).await.expect("an answer").status(), 401);
    assert_eq!(call(&bad).await, 401);
    assert_eq!(site.handler.handled.load(Ordering::Relaxed), 0, "nobody was let in");
    for _ in 0..10 {
        assert_eq!(call(&good).await, 200);
    }
    let remembers = matches!(site.endpoint(), Endpoint::Shm(_) | Endpoint::Mem(_));
    assert_eq!(shown.load(Ordering::Relaxed), if remembers { 2 } else { 11 });
    assert_eq!(call(&bad).await, 401, "others on the same connection show their own");
    assert_eq!(call(&good).await, 200);
    assert_eq!(site.handler.handled.load(Ordering::Relaxed), 11);
}

/// What becomes of a call where client and server have these authorities, and the certificate this name.
async fn outcome(
    server: (&Authority, &Authority),
    client: Option<(&Authority, &Authority)>,
    name: &str,
) -> Result<(), CallError> {
    let place = tempfile::tempdir().expect("a directory");
    let tls = |(own, taken): (&Authority, &Authority)| own.tls(&[name], taken, place.path());
    let handler = Arc::new(Obedient::default());
    let endpoint = Endpoint::H2Tls { address: ([127, 0, 0, 1], 0).into(), name: None };
    let server = serve(&endpoint, handler, Limits { tls: Some(tls(server)), ..Limits::default() }).expect("it is free");
    let pool = Pool::new(Limits { tls: client.map(tls), ..Limits::default() });
    call(&pool, server.endpoint(), post("/echo", "x")).await.map(drop)
}

#[tokio::test]
async fn over_tls_only_certificates_of_a_known_authority_are_taken() {
    let (ours, other) = (Authority::new(), Authority::new());
    assert_eq!(outcome((&ours, &ours), Some((&ours, &ours)), "127.0.0.1").await, Ok(()));
    let stranger = outcome((&ours, &ours), Some((&other, &ours)), "127.0.0.1").await;
    assert!(stranger.is_err(), "the server does not know the client");
    let impostor = outcome((&other, &ours), Some((&ours, &ours)), "127.0.0.1").await;
    assert!(
        matches!(impostor, Err(CallError::Unreachable { .. })),
        "the client does not know the server: {impostor:?}"
    );
    let elsewhere = outcome((&ours, &ours), Some((&ours, &ours)), "192.0.2.1").await;
    assert!(matches!(elsewhere, Err(CallError::Unreachable { .. })), "a certificate for another place: {elsewhere:?}");
    let nobody = outcome((&ours, &ours), None, "127.0.0.1").await;
    assert!(matches!(nobody, Err(CallError::Unreachable { .. })), "no certificate at all: {nobody:?}");
}

#[tokio::test]
async fn who_speaks_no_tls_gets_nowhere_and_is_counted() {
    let (ours, place) = (Authority::new(), tempfile::tempdir().expect("a directory"));
    let endpoint = Endpoint::H2Tls { address: ([127, 0, 0, 1], 0).into(), name: None };
    let limits = Limits { tls: Some(ours.tls(&["127.0.0.1"], &ours, place.path())), ..Limits::default() };
    let server = serve(&endpoint, Arc::new(Obedient::default()), limits).expect("it is free");
    let Endpoint::H2Tls { address, .. } = *server.endpoint() else { panic!("of TLS") };
    let plain = call(&Pool::new(Limits::default()), &Endpoint::H2(address), post("/echo", "x")).await;
    assert!(plain.is_err());
    assert!(server.stats().refusals > 0);
}
