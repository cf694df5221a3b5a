//! The key that access tokens are signed with: made at the first start, kept for its owner only; the public half lies beside it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use runtime::{StartError, TOKEN_KEYS};
use sbi_token::Signer;

/// Name of the private key's file in the state directory: a PKCS #8 document.
const PRIVATE: &str = "nrf-tokens.key";

/// Octets of a P-256 key as PKCS #8, generously.
const LONGEST: u64 = 4096;

/// Reads the key, or makes one, and writes the public keys for the other NFs on this machine.
///
/// # Errors
/// A file cannot be read or written, or holds no key.
pub(crate) fn open(directory: &Path) -> Result<Signer, StartError> {
    let path = directory.join(PRIVATE);
    let key = match read(&path) {
        Err(why) if why.kind() == ErrorKind::NotFound => make(&path)?,
        Err(why) => return Err(StartError::file(path, why)),
        Ok(key) => key,
    };
    let signer = Signer::new(&key).map_err(|why| {
        StartError::file(
            &path,
            format_args!("{why}. Remove it to have a new one made: tokens given out are then worthless"),
        )
    })?;
    publish(&directory.join(TOKEN_KEYS), &signer)?;
    Ok(signer)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut key = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut key)?;
    Ok(key)
}

fn make(path: &Path) -> Result<Vec<u8>, StartError> {
    let key = Signer::generate().map_err(StartError::system)?;
    write(path, key.as_ref(), 0o600)?;
    tracing::info!("a key for access tokens is made: {}", path.display());
    Ok(key.as_ref().to_vec())
}

fn publish(path: &Path, signer: &Signer) -> Result<(), StartError> {
    let text = serde_json::to_vec(&signer.public_keys()).map_err(StartError::system)?;
    write(path, &text, 0o644)
}

/// Writes a file whole: whoever reads it meanwhile reads the old one.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), StartError> {
    let failed = |why: std::io::Error| StartError::file(path, why);
    let new = path.with_extension("new");
    match std::fs::remove_file(&new) {
        Err(why) if why.kind() != ErrorKind::NotFound => return Err(failed(why)),
        _ => (),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_only() {
        let place = tempfile::tempdir().expect("a directory");
        let first = open(place.path()).unwrap_or_else(|why| panic!("{why}"));
        let mode = std::fs::metadata(place.path().join(PRIVATE)).expect("there").mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = open(place.path()).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(first.public_keys(), again.public_keys());
        let told = std::fs::read(place.path().join(TOKEN_KEYS)).expect("there");
        assert_eq!(told, serde_json::to_vec(&first.public_keys()).expect("JSON"));
    }

    #[test]
    fn what_is_no_key_is_refused_by_its_file() {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::write(place.path().join(PRIVATE), "no key").expect("written");
        let error = open(place.path()).expect_err("no key").to_string();
        assert!(error.contains(PRIVATE) && error.contains("not a PKCS #8"), "{error}");
    }
}
