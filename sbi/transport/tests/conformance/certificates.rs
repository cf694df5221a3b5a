//! Certificates of an authority made for one test.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sbi_transport::Tls;

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("signed"))
    }

    /// A certificate for these names, and whose are taken: those of `taken`.
    pub(crate) fn tls(&self, names: &[&str], taken: &Self, directory: &Path) -> Tls {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).expect("names").signed_by(&key, &self.0).expect("signed");
        let file = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let certificate = file("certificate.pem", certificate.pem());
        let (key, authorities) = (file("key.pem", key.serialize_pem()), file("ca.pem", taken.0.pem()));
        Tls::read(&certificate, &key, &authorities).expect("they go together")
    }
}
