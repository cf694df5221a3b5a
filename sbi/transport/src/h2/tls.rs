//! HTTP/2 over TLS 1.3 with certificates on both sides (TS 33.501 13.1, TS 33.210 6.2), on rustls.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::uri::Scheme;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sbi_api::BoxFuture;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{TcpDoor, client, listener, server, tune};
use crate::accept::{self, Door, HANDSHAKE};
use crate::connection::{ConnectError, Connection, Transport};
use crate::service::Service;
use crate::stats::{Stats, count};
use crate::{Endpoint, Limits, ServeError};

/// The protocol agreed in the handshake (RFC 9113 3.3).
const ALPN: &[u8] = b"h2";

/// Who we are, and whose certificates we take: for both roles.
#[derive(Clone)]
pub struct Tls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

/// Why TLS cannot be had with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not what it should be.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; nothing of a key is in it.
        why: String,
    },
    /// Certificate, key and authorities do not go together.
    #[error("certificate and key: {0}")]
    Mismatch(String),
}

impl Tls {
    /// From PEM files: our certificate with those up to the authority, its private key, and the authorities whose certificates
    /// we take.
    ///
    /// # Errors
    /// A file is not what it should be, or the key is not the certificate's.
    pub fn read(certificate: &Path, key: &Path, authorities: &Path) -> Result<Self, TlsError> {
        let wrong = |path: &Path, why: String| TlsError::File { path: path.to_owned(), why };
        let chain = certificates(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|why| wrong(key, why.to_string()))?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(authorities)? {
            roots.add(authority).map_err(|why| wrong(authorities, why.to_string()))?;
        }
        Self::new(chain, private, Arc::new(roots))
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        roots: Arc<RootCertStore>,
    ) -> Result<Self, TlsError> {
        let mismatch = |why: &dyn fmt::Display| TlsError::Mismatch(why.to_string());
        let provider = Arc::new(default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
        let clients = clients.map_err(|why| mismatch(&why))?;
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(|why| mismatch(&why))?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(|why| mismatch(&why))?;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|why| mismatch(&why))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|why| mismatch(&why))?;
        server.alpn_protocols = vec![ALPN.to_vec()];
        client.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self { server: Arc::new(server), client: Arc::new(client) })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |why: &dyn fmt::Display| TlsError::File { path: path.to_owned(), why: why.to_string() };
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|why| wrong(&why))?;
    if all.is_empty() { Err(wrong(&"no certificate in it")) } else { Ok(all) }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// HTTP/2 over TLS over TCP. The server's certificate must be for this name, or where there is none, for the address.
pub(crate) struct OverTls(pub(crate) SocketAddr, pub(crate) Option<String>);

impl OverTls {
    fn endpoint(&self, address: SocketAddr) -> Endpoint {
        Endpoint::H2Tls { address, name: self.1.clone() }
    }
}

impl Transport for OverTls {
    fn connect(&self, limits: Limits, stats: Arc<Stats>) -> BoxFuture<'_, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(async move {
            let tls = limits.tls.clone().ok_or_else(unconfigured)?;
            let name = match &self.1 {
                Some(name) => ServerName::try_from(name.clone()).map_err(|why| ConnectError(why.to_string()))?,
                None => ServerName::from(self.0.ip()),
            };
            let stream = TcpStream::connect(self.0).await?;
            tune(&stream)?;
            let stream = TlsConnector::from(tls.client).connect(name, stream).await?;
            client::start(stream, Scheme::HTTPS, limits, stats).await
        })
    }

    fn listen(&self, service: Arc<Service>) -> Result<(Endpoint, BoxFuture<'static, ()>), ServeError> {
        let failed = |error: io::Error| ServeError::new(self.endpoint(self.0), error);
        let tls = service.limits.tls.clone();
        let tls = tls.ok_or_else(|| ServeError::new(self.endpoint(self.0), unconfigured().0))?;
        let listener: TcpListener = listener(self.0).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let door = TlsDoor { door: TcpDoor(listener), acceptor: TlsAcceptor::from(tls.server) };
        Ok((self.endpoint(address), Box::pin(accept::run(door, service))))
    }
}

fn unconfigured() -> ConnectError {
    ConnectError("no certificate is configured for TLS".into())
}

struct TlsDoor {
    door: TcpDoor,
    acceptor: TlsAcceptor,
}

impl Door for TlsDoor {
    type Guest = (TcpStream, TlsAcceptor);
    const REMEMBERS: bool = false;

    async fn accept(&self) -> io::Result<Self::Guest> {
        Ok((self.door.accept().await?, self.acceptor.clone()))
    }

    async fn serve((stream, acceptor): Self::Guest, service: Arc<Service>) {
        let refused = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => return server::serve_connection(stream, service).await,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it did not finish in time".to_owned(),
        };
        count(&service.stats.refusals, 1);
        tracing::debug!("a client's TLS handshake failed: {refused}");
    }
}
