//! Peers that keep to the channel but not to the calls in it: any kind, any stream, any head.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sbi_api::{Answer, BoxFuture, CallError, Handler, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool, serve, wire};
use tokio::sync::watch;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(20);

/// Answers at once or a little later, and counts what is under way.
#[derive(Default)]
struct Counting(Arc<watch::Sender<usize>>);

struct UnderWay(Arc<watch::Sender<usize>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Handler for Counting {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        self.0.send_modify(|count| *count += 1);
        let under_way = UnderWay(self.0.clone());
        Box::pin(async move {
            let _under_way = under_way;
            match request.uri().path() {
                "/hang" => std::future::pending().await,
                "/later" => tokio::task::yield_now().await,
                _ => {}
            }
            Response::new(request.into_body().into())
        })
    }
}

fn request(path: &str) -> Request {
    http::Request::post(path).header("content-type", "application/json").body("{}".into()).expect("a request")
}

async fn call(pool: &Pool, endpoint: &Endpoint, path: &str, patience: Duration) -> Result<Response, CallError> {
    pool.call(std::slice::from_ref(endpoint), "peer", request(path), Instant::now() + patience).await
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("it does not hang") })
}

/// A payload: a good request's or response's, one with octets changed, or anything.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let good = prop::sample::select(vec!["/now", "/later", "/hang"]).prop_map(|path| {
        let mut message = Vec::new();
        wire::encode_request("peer", &request(path), 1 << 16, &mut message).expect("short");
        message.extend_from_slice(b"{}");
        message
    });
    let response = any::<u8>().prop_map(|octet| {
        let mut message = Vec::new();
        wire::encode_response(&Response::<bytes::Bytes>::default(), 1 << 16, &mut message).expect("short");
        message.push(octet);
        message
    });
    let good = prop_oneof![good, response].boxed();
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let bad = (good.clone(), prop::collection::vec(change, 1..4)).prop_map(|(mut message, changes)| {
        changes.into_iter().for_each(|(place, octet)| *place.get_mut(&mut message) = octet);
        message
    });
    prop_oneof![good, bad, prop::collection::vec(any::<u8>(), 0..200)]
}

/// Stream, kind and payload of a message.
fn message() -> impl Strategy<Value = (u32, u8, Vec<u8>)> {
    (prop_oneof![0..6_u32, any::<u32>()], prop_oneof![4 => 1..=3_u8, 1 => 0..=8_u8], payload())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn a_lying_client_harms_only_itself(messages in prop::collection::vec(message(), 1..60)) {
        run(async {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("shm");
            let (endpoint, counting) = (Endpoint::Shm(path.clone()), Arc::new(Counting::default()));
            let under_way = counting.0.clone();
            let _server = serve(&endpoint, counting, Limits::default()).expect("it is free");
            let honest = Pool::new(Limits::default());
            call(&honest, &endpoint, "/now", PATIENCE).await.expect("an answer");
            let (sender, mut receiver) = shm::connect(&path, &shm::Options::default()).await.expect("it is let in");
            for (stream, kind, payload) in messages {
                if sender.send(stream, kind, &[&payload]).await.is_err() {
                    break;
                }
                let _ = receiver.try_recv();
                call(&honest, &endpoint, "/later", PATIENCE).await.expect("an answer");
            }
            drop((sender, receiver));
            under_way.subscribe().wait_for(|count| *count == 0).await.expect("all its work is cancelled");
            call(&honest, &endpoint, "/now", PATIENCE).await.expect("an answer");
        });
    }

    #[test]
    fn a_lying_server_fails_calls_at_worst(messages in prop::collection::vec(message(), 1..30)) {
        run(async {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("shm");
            let listener = shm::Listener::bind(&path, shm::Options::default()).expect("it is free");
            let liar = tokio::spawn(async move {
                loop {
                    let Ok((sender, mut receiver)) = listener.accept().await.expect("a client").open().await else { continue };
                    for (stream, kind, payload) in &messages {
                        if receiver.recv().await.is_err() || sender.send(*stream, *kind, &[payload]).await.is_err() {
                            break;
                        }
                    }
                }
            });
            let (pool, endpoint) = (Pool::new(Limits::default()), Endpoint::Shm(path));
            let patience = Duration::from_millis(3);
            let calls = (0..10).map(|_| call(&pool, &endpoint, "/now", patience));
            drop(futures_util::future::join_all(calls).await);
            drop(call(&pool, &endpoint, "/now", patience).await);
            liar.abort();
        });
    }
}
