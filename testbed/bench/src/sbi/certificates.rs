//! A certificate for both ends of HTTP/2 over TLS, made for one run.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sbi_transport::{Limits, Tls};

use crate::Failure;

const FILES: [&str; 3] = ["certificate.pem", "key.pem", "authority.pem"];

/// Writes one, with its authority's, into `folder`.
pub(crate) fn make(folder: &Path) -> Result<(), Failure> {
    let failed = |error: rcgen::Error| Failure::Other(format!("no certificate: {error}"));
    let mut authority = CertificateParams::new(Vec::new()).map_err(failed)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().map_err(failed)?).map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).map_err(failed)?;
    let certificate = names.signed_by(&key, &authority).map_err(failed)?;
    for (name, text) in FILES.into_iter().zip([certificate.pem(), key.serialize_pem(), authority.pem()]) {
        std::fs::write(folder.join(name), text).map_err(|error| Failure::Other(format!("{name}: {error}")))?;
    }
    Ok(())
}

/// The usual limits, with the certificate in `folder`.
pub(crate) fn limits(folder: &Path) -> Result<Limits, Failure> {
    let [certificate, key, authority] = FILES.map(|name| folder.join(name));
    let tls = Tls::read(&certificate, &key, &authority).map_err(|error| Failure::Other(error.to_string()))?;
    Ok(Limits { tls: Some(tls), ..Limits::default() })
}
