//! What HTTP/2 lets a bad client do: the server goes on serving others, and forgets it.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sbi_api::{Answer, BoxFuture, Handler, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool, Server, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        match request.uri().path() {
            "/hang" => Box::pin(std::future::pending()),
            _ => Box::pin(ready(Response::new(request.into_body().into()))),
        }
    }
}

struct Site {
    server: Server,
    honest: Pool,
}

impl Site {
    async fn new(limits: Limits) -> Self {
        let endpoint = Endpoint::H2(([127, 0, 0, 1], 0).into());
        let site = Self {
            server: serve(&endpoint, Arc::new(Echo), limits).expect("free"),
            honest: Pool::new(Limits::default()),
        };
        site.still_serves().await;
        site
    }

    async fn connect(&self) -> TcpStream {
        let Endpoint::H2(address) = self.server.endpoint() else { panic!("not TCP") };
        TcpStream::connect(address).await.expect("it listens")
    }

    async fn still_serves(&self) {
        let request = http::Request::post("/echo").body(Bytes::from_static(b"x")).expect("a request");
        let deadline = Instant::now() + Duration::from_secs(10);
        let endpoint = std::slice::from_ref(self.server.endpoint());
        let response = self.honest.call(endpoint, "a", request, deadline).await.expect("an answer");
        assert_eq!(response.body(), "x");
    }

    /// A client without our limits.
    async fn client(&self) -> h2::client::SendRequest<Bytes> {
        let (requests, connection) = h2::client::handshake(self.connect().await).await.expect("a handshake");
        tokio::spawn(connection);
        requests
    }
}

fn head(path: &str) -> http::Request<()> {
    http::Request::post(format!("http://a{path}")).body(()).expect("a request")
}

#[tokio::test]
async fn a_flood_of_resets() {
    let site = Site::new(Limits::default()).await;
    let mut requests = site.client().await;
    for _ in 0..20_000 {
        let Ok(mut ready) = requests.ready().await else { break };
        let Ok((_answer, mut stream)) = ready.send_request(head("/hang"), true) else { break };
        stream.send_reset(h2::Reason::CANCEL);
        requests = ready;
        tokio::task::yield_now().await;
    }
    site.still_serves().await;
}

#[tokio::test]
async fn too_long_a_header_list() {
    let site = Site::new(Limits { max_header_list: 16 << 10, ..Limits::default() }).await;
    let mut requests = site.client().await.ready().await.expect("ready");
    let mut long = head("/echo");
    for number in 0..40 {
        let name = http::HeaderName::try_from(format!("x-{number}")).expect("a name");
        long.headers_mut().insert(name, "y".repeat(1000).parse().expect("a value"));
    }
    if let Ok((answer, _)) = requests.send_request(long, true) {
        assert!(answer.await.is_ok_and(|response| response.status() == 431) || requests.ready().await.is_err());
    }
    site.still_serves().await;
}

#[tokio::test]
async fn a_body_that_never_ends_and_one_that_never_comes() {
    let site = Site::new(Limits { max_body: 1 << 20, ..Limits::default() }).await;
    let mut requests = site.client().await.ready().await.expect("ready");
    let (_silent, _stream) = requests.send_request(head("/echo"), false).expect("sent");
    let mut requests = requests.ready().await.expect("ready");
    let (answer, mut endless) = requests.send_request(head("/echo"), false).expect("sent");
    let flood = tokio::spawn(async move {
        loop {
            endless.reserve_capacity(16_384);
            match std::future::poll_fn(|cx| endless.poll_capacity(cx)).await {
                Some(Ok(room)) if room > 0 => {
                    if endless.send_data(vec![0; room].into(), false).is_err() {
                        return;
                    }
                }
                Some(Ok(_)) => {}
                _ => return,
            }
        }
    });
    assert_eq!(answer.await.expect("an answer").status(), 413);
    site.still_serves().await;
    flood.await.expect("no panic");
}

#[tokio::test]
async fn what_is_not_http2() {
    let site = Site::new(Limits::default()).await;
    let frames: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x00\x00\x00\x00\x00\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x05\x09\x00\x00\x00\x00\x01hello",
        b"\x00",
    ];
    for octets in frames {
        let mut stream = site.connect().await;
        stream.write_all(octets).await.expect("it takes it");
        stream.shutdown().await.expect("it is open");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await; // a GOAWAY, a reset, or nothing
        site.still_serves().await;
    }
}

#[tokio::test]
async fn a_flood_of_continuations() {
    let site = Site::new(Limits::default()).await;
    let mut stream = site.connect().await;
    let mut octets = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    octets.extend_from_slice(b"\x00\x00\x00\x01\x00\x00\x00\x00\x01"); // HEADERS without END_HEADERS
    stream.write_all(&octets).await.expect("it takes it");
    // A field "a: aa.." without indexing, again and again, never with END_HEADERS.
    let mut frame = b"\x00\x40\x00\x09\x00\x00\x00\x00\x01".to_vec();
    while frame.len() < 9 + 0x4000 {
        frame.extend_from_slice(b"\x00\x01a\x01a");
    }
    frame.truncate(9 + 0x4000);
    let mut sent = 0;
    while sent < 2000 && stream.write_all(&frame).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 2000, "32 MB of fields were taken");
    site.still_serves().await;
}

#[tokio::test]
async fn more_connections_than_allowed_wait() {
    let site = Site::new(Limits { max_connections: 3, ..Limits::default() }).await;
    let first = [site.client().await, site.client().await];
    let waiting = site.client();
    let mut waiting = std::pin::pin!(waiting);
    let (requests, ()) = futures_util::future::join(
        async {
            let client = waiting.as_mut().await;
            client
                .ready()
                .await
                .expect("ready")
                .send_request(head("/echo"), true)
                .expect("sent")
                .0
                .await
                .expect("served")
        },
        async {
            site.still_serves().await;
            drop(first);
        },
    )
    .await;
    assert_eq!(requests.status(), 200);
}

/// Streams of one channel that the server serves at once.
const STREAMS: usize = 8;

/// Opens one more stream on a channel and calls over it; a reset where the server has enough of them.
async fn one_more(connections: &shm::Connections) -> Result<h2::client::SendRequest<Bytes>, h2::Error> {
    let stream = connections.connect().await.expect("the channel has room for it");
    let (requests, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let mut requests = requests.ready().await?;
    let (answer, _) = requests.send_request(head("/echo"), true)?;
    assert_eq!(answer.await?.status(), 200);
    Ok(requests)
}

/// A client opens streams without end over one channel, each a connection of its own.
#[tokio::test]
async fn more_streams_of_a_channel_than_are_served() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("h2-shm");
    let _server = serve(&Endpoint::H2Shm(path.clone()), Arc::new(Echo), Limits::default()).expect("free");
    let (sender, receiver) = shm::connect(&path, &shm::Options::default()).await.expect("it is let in");
    let connections = shm::Connections::over(sender, receiver);
    let mut served = Vec::new();
    for _ in 0..STREAMS {
        served.push(one_more(&connections).await.expect("there is room"));
    }
    for _ in 0..20 {
        let mut refused = connections.connect().await.expect("the channel has room for it");
        let error = refused.read(&mut [0]).await.expect_err("it is reset");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    // The others go on, and the place of one that leaves is free for another.
    served.pop();
    let deadline = Instant::now() + Duration::from_secs(10);
    while one_more(&connections).await.is_err() {
        assert!(Instant::now() < deadline, "no stream is served in place of one that left");
    }
    for requests in served {
        let mut requests = requests.ready().await.expect("ready");
        let (answer, _) = requests.send_request(head("/echo"), true).expect("sent");
        assert_eq!(answer.await.expect("an answer").status(), 200);
    }
}
