//! HTTP/2 in clear with prior knowledge, as small as it gets: a connection per call, and a server.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tokio::net::{TcpListener, TcpStream};

/// A request.
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Its answer; `kind` is the media type.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
}

impl Message {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a value"));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// A field's value, empty where there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Calls, over a connection of its own.
pub(crate) async fn call(peer: SocketAddr, message: Message) -> Answer {
    let stream = TcpStream::connect(peer).await.unwrap_or_else(|error| panic!("{peer}: {error}"));
    let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut request = http::Request::builder().method(&*message.method).uri(format!("http://{peer}{}", message.path));
    request.headers_mut().expect("good so far").extend(message.headers);
    let request = request.version(http::Version::HTTP_2).body(()).expect("a request");
    let mut sender = sender.ready().await.expect("a stream");
    let (answer, mut stream) = sender.send_request(request, message.body.is_empty()).expect("sent");
    if !message.body.is_empty() {
        stream.send_data(message.body, true).expect("sent");
    }
    let (head, body) = answer.await.expect("an answer").into_parts();
    let field = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Answer {
        status: head.status.as_u16(),
        kind: field("content-type").unwrap_or_default(),
        location: field("location"),
        body: read(body).await.expect("a body"),
    }
}

/// Answers whoever connects.
pub(crate) async fn serve<F>(listener: TcpListener, answer: Arc<dyn Fn(Message) -> F + Send + Sync>)
where
    F: Future<Output = Answer> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        let answer = answer.clone();
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(stream).await?;
            while let Some(accepted) = connection.accept().await {
                let (request, respond) = accepted?;
                tokio::spawn(exchange(request, respond, answer.clone()));
            }
            Ok::<_, h2::Error>(())
        });
    }
}

async fn exchange<F: Future<Output = Answer>>(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    answer: Arc<dyn Fn(Message) -> F + Send + Sync>,
) -> Result<(), h2::Error> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let (method, headers, body) = (head.method.to_string(), head.headers, read(body).await?);
    let given = answer(Message { method, path, headers, body }).await;
    let mut response = http::Response::builder().status(given.status);
    if !given.kind.is_empty() {
        response = response.header("content-type", given.kind);
    }
    if let Some(location) = given.location {
        response = response.header("location", location);
    }
    let mut stream = respond.send_response(response.body(()).expect("a response"), given.body.is_empty())?;
    if !given.body.is_empty() {
        stream.send_data(given.body, true)?;
    }
    Ok(())
}

async fn read(mut stream: h2::RecvStream) -> Result<Bytes, h2::Error> {
    let mut whole = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        let _ = stream.flow_control().release_capacity(part.len()); // the stream may have ended
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}
