//! Passes HTTP/2 on between NFs, and keeps what it saw.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::net::{TcpListener, TcpStream};

/// The NFs by the last octet of their address.
const NFS: [u8; 6] = [10, 20, 12, 11, 5, 4];

/// The network of the NFs and that of the recorder: texts of one length, so that a body that names one may name the other.
const THEIRS: &[u8] = b"127.0.0.";
const OURS: &[u8] = b"127.0.1.";

/// A request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) request: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) status: StatusCode,
    pub(crate) response: HeaderMap,
    pub(crate) answer: Bytes,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.method, self.uri, self.status.as_u16())
    }
}

/// A recorder before each NF.
pub(crate) struct Recorder {
    seen: Arc<Mutex<Vec<Exchange>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Recorder {
    pub(crate) fn start() -> Self {
        let seen = Arc::<Mutex<Vec<Exchange>>>::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        for last in NFS {
            let at = |third| SocketAddr::from((Ipv4Addr::new(127, 0, third, last), 7777));
            let listener = runtime.block_on(TcpListener::bind(at(1))).expect("a free address");
            runtime.spawn(listen(listener, at(0), seen.clone()));
        }
        Self { seen, _runtime: runtime }
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn listen(listener: TcpListener, nf: SocketAddr, seen: Arc<Mutex<Vec<Exchange>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // While the NF is away, so are we.
        let Ok(onward) = TcpStream::connect(nf).await else { continue };
        tokio::spawn(pass_on(stream, onward, seen.clone()));
    }
}

async fn pass_on(from: TcpStream, to: TcpStream, seen: Arc<Mutex<Vec<Exchange>>>) -> Result<(), h2::Error> {
    let mut incoming = h2::server::handshake(from).await?;
    let (onward, connection) = h2::client::handshake(to).await?;
    let mut connection = tokio::spawn(connection);
    loop {
        tokio::select! {
            accepted = incoming.accept() => {
                let Some(accepted) = accepted else { break };
                let (request, respond) = accepted?;
                tokio::spawn(exchange(request, respond, onward.clone(), seen.clone()));
            }
            _ = &mut connection => break,
        }
    }
    Ok(())
}

async fn exchange(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    onward: h2::client::SendRequest<Bytes>,
    seen: Arc<Mutex<Vec<Exchange>>>,
) -> Result<(), h2::Error> {
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    let mut sent = http::Request::new(());
    (*sent.method_mut(), *sent.uri_mut()) = (head.method.clone(), head.uri.clone());
    *sent.version_mut() = http::Version::HTTP_2;
    *sent.headers_mut() = head.headers.clone();
    let (answer, mut stream) = onward.ready().await?.send_request(sent, body.is_empty())?;
    if !body.is_empty() {
        stream.send_data(moved(&body), true)?;
    }
    let (answered, received) = answer.await?.into_parts();
    let received = read(received).await?;
    let mut response = http::Response::new(());
    *response.status_mut() = answered.status;
    for (name, value) in &answered.headers {
        let value = http::HeaderValue::from_bytes(&moved(value.as_bytes())).expect("as it was");
        response.headers_mut().append(name, value);
    }
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(Exchange {
        method: head.method,
        uri: head.uri,
        request: head.headers,
        body,
        status: answered.status,
        response: answered.headers,
        answer: received.clone(),
    });
    let mut stream = respond.send_response(response, received.is_empty())?;
    if !received.is_empty() {
        stream.send_data(moved(&received), true)?;
    }
    Ok(())
}

async fn read(mut stream: h2::RecvStream) -> Result<Bytes, h2::Error> {
    let mut whole = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        let _ = stream.flow_control().release_capacity(part.len());
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

/// The octets with our addresses in place of the NFs'.
fn moved(octets: &[u8]) -> Bytes {
    let mut octets = octets.to_vec();
    for place in 0..octets.len().saturating_sub(THEIRS.len() - 1) {
        if octets[place..].starts_with(THEIRS) {
            octets[place..place + OURS.len()].copy_from_slice(OURS);
        }
    }
    octets.into()
}
