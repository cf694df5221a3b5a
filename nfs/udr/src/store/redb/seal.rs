//! K and OPc at rest: AES-256-GCM under the key file, bound to their subscriber.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use sbi_models::{HexOctets, SecretHex};
use zeroize::Zeroizing;

use crate::store::StoreError;
use crate::subscriber::Keys;

const NONCE: usize = 12;

/// What the check value in the file says once unsealed.
const RECOGNISED: &[u8] = b"peregrine subscriber store";

/// Encrypts and decrypts subscribers' keys.
pub(super) struct Sealer(Aes256Gcm);

impl Sealer {
    /// Reads the key file.
    pub(super) fn read(path: &Path) -> Result<Self, StoreError> {
        let unusable = |why: String| StoreError::File { path: path.to_owned(), why };
        let mut text = Zeroizing::new(String::new());
        let file = File::open(path).map_err(|why| {
            unusable(format!(
                "{why}. Without this file the subscribers' keys cannot be read: put it back from a backup"
            ))
        })?;
        file.take(256).read_to_string(&mut text).map_err(|why| unusable(why.to_string()))?;
        let key: SecretHex<32> =
            text.trim().parse().map_err(|_| unusable("not a key file: it must hold 64 hexadecimal digits".into()))?;
        Ok(Self::with(key.0))
    }

    /// Makes a key and its file, which only its owner can read.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let unusable = |why: std::io::Error| StoreError::File { path: path.to_owned(), why: why.to_string() };
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|why| StoreError::Failed(why.to_string()))?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(unusable)?;
        let text = Zeroizing::new(format!("{}\n", HexOctets(*key)));
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unusable)?;
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(unusable)?;
        }
        Ok(Self::with(*key))
    }

    fn with(key: [u8; 32]) -> Self {
        Self(Aes256Gcm::new(&Key::<Aes256Gcm>::from(key)))
    }

    /// The check value for a new store.
    pub(super) fn mark(&self) -> Result<Vec<u8>, StoreError> {
        self.encrypt(0, RECOGNISED)
    }

    /// Whether a store's check value was made with this key.
    pub(super) fn recognises(&self, mark: &[u8]) -> bool {
        self.decrypt(0, mark).is_some_and(|text| *text == RECOGNISED)
    }

    /// The row of a subscriber's keys: the management field, then K and OPc sealed.
    pub(super) fn seal(&self, subscriber: u64, keys: &Keys) -> Result<Vec<u8>, StoreError> {
        let mut clear = Zeroizing::new(Vec::with_capacity(32));
        clear.extend(keys.k.0);
        clear.extend(keys.opc.0);
        let mut row = keys.amf.0.to_vec();
        row.extend(self.encrypt(subscriber, &clear)?);
        Ok(row)
    }

    /// Reads such a row. The sequence number is kept elsewhere.
    pub(super) fn open(&self, subscriber: u64, row: &[u8]) -> Result<Keys, StoreError> {
        let damaged = || StoreError::Failed("a subscriber's keys cannot be decrypted: the store is damaged".into());
        let (amf, sealed) = row.split_first_chunk::<2>().ok_or_else(damaged)?;
        let clear = self.decrypt(subscriber, sealed).ok_or_else(damaged)?;
        let (k, opc) = clear.split_first_chunk::<16>().ok_or_else(damaged)?;
        let opc = opc.first_chunk::<16>().ok_or_else(damaged)?;
        Ok(Keys { amf: HexOctets(*amf), ..Keys::new(SecretHex(*k), SecretHex(*opc)) })
    }

    fn encrypt(&self, subscriber: u64, clear: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|why| StoreError::Failed(why.to_string()))?;
        let payload = Payload { msg: clear, aad: &subscriber.to_be_bytes() };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| StoreError::Failed("AES-GCM refuses to encrypt".into()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn decrypt(&self, subscriber: u64, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: &subscriber.to_be_bytes() };
        self.0.decrypt(&Nonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }
}
