//! Typed operations from threads outside of any runtime.

use std::sync::Arc;
use std::time::Duration;

use sbi_api::{Body, BoxFuture, CallError, Caller, Json, Request, Response, Target, notify};
use sbi_transport::{Blocking, Endpoint, Limits, Pool};
use tokio::time::Instant;

use crate::site::{Kind, Site};

/// Calls one endpoint, whatever the target.
struct There(Arc<Pool>, Endpoint);

impl Caller for There {
    fn call<'a>(&'a self, _: &'a Target, request: Request<Body<'a>>) -> BoxFuture<'a, Result<Response, CallError>> {
        Box::pin(async move {
            let deadline = Instant::now() + Duration::from_secs(20);
            self.0.call_as(std::slice::from_ref(&self.1), "127.0.0.1:7777", &request, None, deadline).await
        })
    }
}

#[test]
fn typed_operations_wait_on_the_thread_that_calls_them() {
    let serving = tokio::runtime::Runtime::new().expect("a runtime");
    let (server, site) = serving.block_on(async {
        let mut site = Site::new(Kind::Shm);
        (site.serve(Limits::default()), site)
    });
    let blocking = Blocking::start(site.pool.clone()).expect("a thread");
    let caller = There(site.pool.clone(), site.endpoint());
    std::thread::scope(|threads| {
        for thread in 0..8_u32 {
            let (blocking, caller) = (&blocking, &caller);
            threads.spawn(move || {
                for number in 0..200 {
                    let sent = vec![thread, number];
                    let operation = notify::<Json<Vec<u32>>, Json<Vec<u32>>>(caller, "http://a/echo", &sent);
                    assert_eq!(blocking.wait(operation).expect("an answer"), sent);
                }
            });
        }
    });
    assert_eq!(server.stats().calls, 1600);
    serving.block_on(async { drop(server) });
}
