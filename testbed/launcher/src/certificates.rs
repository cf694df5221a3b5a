//! Certificates for `sbi.tls`: an authority of the core's own, and one certificate per network function.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use runtime::config::section_name;

use crate::{Core, Failure};

/// Why a certificate is not made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is there already, or cannot be written.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The certificate cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// Makes an authority in `directory`, and a certificate for each NF with a service-based interface: for its address in the
/// configuration, as server and as client. Nothing that is there is replaced.
pub(crate) fn make(core: &Core, directory: &Path) -> Result<ExitCode, Failure> {
    let failed = |why| CertificateError::File { path: directory.to_owned(), why };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    let authority = authority()?;
    write(&directory.join("ca.key"), 0o600, &authority.key().serialize_pem())?;
    write(&directory.join("ca.pem"), 0o644, &authority.pem())?;
    let listening = core.settings.sbi.listen.all().into_iter().map(|(nf, address)| (section_name(&nf), address.ip()));
    // The UPF serves nothing, but it calls the NRF.
    for (name, address) in listening.chain([("upf", Ipv4Addr::LOCALHOST.into())]) {
        let key = KeyPair::generate().map_err(CertificateError::from)?;
        let certificate = parameters(name, &address.to_string())?.signed_by(&key, &authority);
        write(&directory.join(format!("{name}.key")), 0o600, &key.serialize_pem())?;
        write(&directory.join(format!("{name}.pem")), 0o644, &certificate.map_err(CertificateError::from)?.pem())?;
    }
    let at = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let file = |name: &str| at.join(name).display().to_string();
    tell!("sbi:");
    tell!(
        "  tls: {{certificate: \"{}\", key: \"{}\", ca: \"{}\"}}",
        file("{nf}.pem"),
        file("{nf}.key"),
        file("ca.pem")
    );
    Ok(ExitCode::SUCCESS)
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, CertificateError> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name.push(DnType::CommonName, "Peregrine core");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?)
}

fn parameters(name: &str, address: &str) -> Result<CertificateParams, CertificateError> {
    let mut parameters = CertificateParams::new(vec![address.to_owned()])?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(parameters)
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), CertificateError> {
    let failed = |why| CertificateError::File { path: path.to_owned(), why };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
