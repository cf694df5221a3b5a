//! The ways to carry a call, and the caller's side of each.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::ValueEnum;
use sbi_api::{Body, BoxFuture, CallError, Caller, Request, Response, Target};
use sbi_models::udm::SessionManagementSubscriptionData;
use sbi_transport::{Blocking, Endpoint, Limits, Pool};
use tokio::runtime::Runtime;

#[cfg(feature = "iceoryx2")]
use super::iceoryx;
use super::other::{ECHO, Other};
use super::ring::{self, Ends};
use super::series::Pattern;
use crate::Failure;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Way {
    /// Our rings, both sides polling, nothing else: what cannot be beaten
    Ring,
    /// Messages over a channel of shared memory
    Channel,
    /// The same, from a thread that waits for its channel alone
    ChannelThreads,
    /// Calls of the service-based interface over shared memory
    Shm,
    /// The same, from threads that wait
    Threads,
    /// HTTP/2 over a byte stream in shared memory
    H2Shm,
    /// HTTP/2 over a unix socket
    H2Unix,
    /// HTTP/2 over TCP
    H2,
    /// HTTP/2 over TLS over TCP
    H2Tls,
    /// Typed operations, JSON at both ends, over shared memory
    JsonShm,
    /// Typed operations, JSON at both ends, HTTP/2 over TCP
    JsonH2,
    /// Request-response of iceoryx2, both sides polling
    #[cfg(feature = "iceoryx2")]
    Iceoryx,
    /// The same, both sides waiting for its events
    #[cfg(feature = "iceoryx2")]
    IceoryxEvents,
}

impl Way {
    pub(crate) const ALL: &[Self] = &[
        Self::Ring,
        Self::Channel,
        Self::ChannelThreads,
        Self::Shm,
        Self::Threads,
        Self::H2Shm,
        Self::H2Unix,
        Self::H2,
        Self::H2Tls,
        Self::JsonShm,
        Self::JsonH2,
        #[cfg(feature = "iceoryx2")]
        Self::Iceoryx,
        #[cfg(feature = "iceoryx2")]
        Self::IceoryxEvents,
    ];

    /// Whether it never sleeps, so that on one core each side waits out the other's time slice.
    pub(crate) fn only_spins(self) -> bool {
        match self {
            Self::Ring => true,
            #[cfg(feature = "iceoryx2")]
            Self::Iceoryx => true,
            _ => false,
        }
    }

    /// What it is compared with.
    pub(crate) fn yardstick(self) -> Self {
        match self {
            Self::JsonShm | Self::JsonH2 => Self::JsonH2,
            _ => Self::H2,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ring => "ring, polled",
            Self::Channel => "channel",
            Self::ChannelThreads => "channel, threads",
            Self::Shm => "shm",
            Self::Threads => "shm, threads",
            Self::H2Shm => "h2+shm",
            Self::H2Unix => "h2+unix",
            Self::H2 => "h2",
            Self::H2Tls => "h2+tls",
            Self::JsonShm => "JSON, shm",
            Self::JsonH2 => "JSON, h2",
            #[cfg(feature = "iceoryx2")]
            Self::Iceoryx => "iceoryx2, polled",
            #[cfg(feature = "iceoryx2")]
            Self::IceoryxEvents => "iceoryx2, events",
        })
    }
}

/// The operation of the typed ways: sends what a UDM sends, and gets it back.
mod mirror {
    use sbi_api::{Json, service};
    use sbi_models::udm::SessionManagementSubscriptionData;

    service! {
        /// A service of this benchmark alone.
        client Mirror, server MirrorServer, of Udm NudmSdm at "/bench/v1";

        /// Answers with the body.
        fn mirror(; body Json<Vec<SessionManagementSubscriptionData>>) = POST "/mirror" -> Json<Vec<SessionManagementSubscriptionData>>;
    }
}

pub(crate) use mirror::{MirrorServer, routes};

/// A server's side of it.
pub(crate) struct Looking;

impl MirrorServer for Looking {
    async fn mirror(
        &self,
        body: Vec<SessionManagementSubscriptionData>,
    ) -> Result<Vec<SessionManagementSubscriptionData>, sbi_api::Problem> {
        Ok(body)
    }
}

/// Session management data of one slice (TS 29.503 6.1.6.2.8).
const SUBSCRIBED: &str = r#"{"singleNssai":{"sst":1,"sd":"00000a"},"dnnConfigurations":{"internet":{
    "pduSessionTypes":{"defaultSessionType":"IPV4","allowedSessionTypes":["IPV4","IPV4V6"]},
    "sscModes":{"defaultSscMode":"SSC_MODE_1"},"5gQosProfile":{"5qi":9,"arp":{"priorityLevel":8,
    "preemptCap":"NOT_PREEMPT","preemptVuln":"NOT_PREEMPTABLE"}},"sessionAmbr":{"uplink":"1 Gbps","downlink":"1 Gbps"}}}}"#;

/// The caller's side.
pub(crate) enum Client {
    Calls {
        pool: Arc<Pool>,
        endpoint: Endpoint,
        json: bool,
    },
    Threads {
        pool: Arc<Pool>,
        blocking: Blocking,
        endpoint: Endpoint,
    },
    Messages(RefCell<Ends>),
    Waiting(RefCell<shm::BlockingChannel>),
    Ring(RefCell<Ends>),
    #[cfg(feature = "iceoryx2")]
    Iceoryx(Box<iceoryx::Ends>),
}

impl Client {
    pub(crate) async fn connect(way: Way, other: &Other) -> Result<Self, Failure> {
        let calls =
            |endpoint: Endpoint, json| Self::Calls { pool: Arc::new(Pool::new(Limits::default())), endpoint, json };
        Ok(match way {
            Way::Ring => Self::Ring(RefCell::new(ring::connect(&other.folder().join("ring")).await?)),
            Way::Channel => Self::Messages(RefCell::new(ring::connect(&other.folder().join("channel")).await?)),
            Way::ChannelThreads => {
                let (_, receiver) = ring::connect(&other.folder().join("waiting")).await?;
                let channel = shm::BlockingChannel::new(receiver);
                Self::Waiting(RefCell::new(channel.map_err(|error| Failure::Other(error.to_string()))?))
            }
            Way::Shm => calls(other.shm(), false),
            Way::Threads => {
                let pool = Arc::new(Pool::new(Limits::default()));
                let blocking = Blocking::start(pool.clone()).map_err(|error| Failure::Other(error.to_string()))?;
                Self::Threads { pool, blocking, endpoint: other.shm() }
            }
            Way::H2Shm => calls(other.h2_shm(), false),
            Way::H2Unix => calls(other.h2_unix(), false),
            Way::H2 => calls(other.h2(), false),
            Way::H2Tls => {
                let pool = Arc::new(Pool::new(super::certificates::limits(other.folder())?));
                Self::Calls { pool, endpoint: other.h2_tls(), json: false }
            }
            Way::JsonShm => calls(other.shm(), true),
            Way::JsonH2 => calls(other.h2(), true),
            #[cfg(feature = "iceoryx2")]
            Way::Iceoryx => Self::Iceoryx(iceoryx::Ends::connect(other.folder(), iceoryx::Noticing::Polling)?.into()),
            #[cfg(feature = "iceoryx2")]
            Way::IceoryxEvents => {
                Self::Iceoryx(iceoryx::Ends::connect(other.folder(), iceoryx::Noticing::Events)?.into())
            }
        })
    }

    /// Counters of our end, where it is a bare channel; the other end's are told with its own.
    pub(crate) fn counters(&self) -> shm::ChannelCounters {
        match self {
            Self::Messages(ends) | Self::Ring(ends) => ends.borrow().0.counters(),
            Self::Waiting(channel) => channel.borrow().sender().counters(),
            Self::Calls { pool, .. } | Self::Threads { pool, .. } => {
                let counters = pool.stats().into_iter().map(|(_, counters)| counters.channel);
                counters.fold(shm::ChannelCounters::default(), |sum, counters| sum + counters)
            }
            #[cfg(feature = "iceoryx2")]
            Self::Iceoryx(_) => shm::ChannelCounters::default(), // it counts nothing
        }
    }

    /// Makes so many calls, and how long each took.
    pub(crate) fn calls(
        &self,
        runtime: &Runtime,
        pattern: Pattern,
        size: usize,
        calls: usize,
    ) -> Result<Vec<Duration>, Failure> {
        match self {
            Self::Messages(ends) => runtime.block_on(ring::messages(&mut ends.borrow_mut(), pattern, size, calls)),
            Self::Waiting(channel) => ring::waiting(&mut channel.borrow_mut(), pattern, size, calls),
            Self::Ring(ends) => ring::polled(&mut ends.borrow_mut(), pattern, size, calls),
            #[cfg(feature = "iceoryx2")]
            Self::Iceoryx(ends) => ends.calls(pattern, size, calls),
            Self::Calls { pool, endpoint, json: false } => {
                let request = Arc::new(echo_request(size)?);
                let caller = Arc::new(Direct { pool: pool.clone(), endpoint: [endpoint.clone()] });
                runtime.block_on(lanes(pattern, calls, move || {
                    let (caller, request) = (caller.clone(), request.clone());
                    async move { caller.echo(&request, size).await }
                }))
            }
            Self::Threads { blocking, endpoint, .. } => {
                let request = echo_request(size)?;
                threads(pattern, calls, || {
                    let endpoints = std::slice::from_ref(endpoint);
                    let answer = blocking.call(endpoints, "127.0.0.1:7777", &request, PATIENCE);
                    same(answer.map_err(|error| Failure::Other(error.to_string()))?.body().len(), size)
                })
            }
            Self::Calls { pool, endpoint, json: true } => {
                let caller = Direct { pool: pool.clone(), endpoint: [endpoint.clone()] };
                let client = Arc::new(mirror::Mirror::at(Arc::new(caller), sbi_api::ApiRoot::http("127.0.0.1:7777")));
                let data: SessionManagementSubscriptionData =
                    serde_json::from_str(SUBSCRIBED).map_err(|error| Failure::Other(error.to_string()))?;
                let each = serde_json::to_vec(&data).map_err(|error| Failure::Other(error.to_string()))?.len() + 1;
                let body = Arc::new(vec![data; size.div_ceil(each)]);
                runtime.block_on(lanes(pattern, calls, move || {
                    let (client, body) = (client.clone(), body.clone());
                    async move {
                        let mirrored = client.mirror(&body).await.map_err(|error| Failure::Other(error.to_string()))?;
                        same(mirrored.len(), body.len())
                    }
                }))
            }
        }
    }
}

/// Made once for many calls: that is not what the transports differ in.
fn echo_request(size: usize) -> Result<Request<Body<'static>>, Failure> {
    let request = http::Request::post(ECHO).header("content-type", "application/json");
    request.body(Bytes::from(vec![b'x'; size]).into()).map_err(|error| Failure::Other(error.to_string()))
}

/// Calls one endpoint, as the runtime's caller does once it knows it.
struct Direct {
    pool: Arc<Pool>,
    endpoint: [Endpoint; 1],
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Direct {
    async fn echo(&self, request: &Request<Body<'_>>, size: usize) -> Result<(), Failure> {
        let answer = self.send(request).await.map_err(|error| Failure::Other(error.to_string()))?;
        same(answer.body().len(), size)
    }

    async fn send(&self, request: &Request<Body<'_>>) -> Result<Response, CallError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        self.pool.call_as(&self.endpoint, "127.0.0.1:7777", request, None, deadline).await
    }
}

impl Caller for Direct {
    fn call<'a>(&'a self, _: &'a Target, request: Request<Body<'a>>) -> BoxFuture<'a, Result<Response, CallError>> {
        Box::pin(async move { self.send(&request).await })
    }
}

pub(crate) fn same(came: usize, went: usize) -> Result<(), Failure> {
    match came == went {
        true => Ok(()),
        false => Err(Failure::Other(format!("{came} came back of {went}"))),
    }
}

/// So many callers, each a thread of its own, that share the calls.
fn threads(
    pattern: Pattern,
    calls: usize,
    call: impl Fn() -> Result<(), Failure> + Sync,
) -> Result<Vec<Duration>, Failure> {
    let each = || {
        (0..calls / pattern.callers())
            .map(|_| {
                pattern.pause().into_iter().for_each(std::thread::sleep);
                let begun = Instant::now();
                call().map(|()| begun.elapsed())
            })
            .collect::<Result<Vec<_>, _>>()
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..pattern.callers()).map(|_| scope.spawn(each)).collect();
        let gone = |_| Err(Failure::Other("a caller panicked".into()));
        let of_each = callers.into_iter().map(|caller| caller.join().unwrap_or_else(gone));
        of_each.collect::<Result<Vec<_>, _>>().map(|latencies| latencies.concat())
    })
}

/// So many callers, each a task of its own, that share the calls.
async fn lanes<F: Future<Output = Result<(), Failure>> + Send + 'static>(
    pattern: Pattern,
    calls: usize,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> Result<Vec<Duration>, Failure> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..pattern.callers() {
        let call = call.clone();
        tasks.spawn(async move {
            let mut latencies = Vec::with_capacity(calls / pattern.callers());
            for _ in 0..calls / pattern.callers() {
                if let Some(pause) = pattern.pause() {
                    tokio::time::sleep(pause).await;
                }
                let begun = Instant::now();
                call().await?;
                latencies.push(begun.elapsed());
            }
            Ok::<_, Failure>(latencies)
        });
    }
    let mut all = Vec::with_capacity(calls);
    while let Some(done) = tasks.join_next().await {
        all.extend(done.map_err(|error| Failure::Other(error.to_string()))??);
    }
    Ok(all)
}
