//! The NRF's public keys: read from a file on the same machine, or asked for at the NRF.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sbi_api::nnrf_oauth2::NnrfOauth2;
use sbi_models::nrf::{AccessTokenClaims, JwkSet};
use sbi_token::{Fault, Keys};

/// Shortest time between two attempts to learn of new keys: tokens that nobody signed must not have us ask again and again.
const REST: Duration = Duration::from_secs(1);

/// How long the NRF may take to answer.
const NRF_PATIENCE: Duration = Duration::from_secs(1);

/// Octets of a file of keys.
const LONGEST_FILE: u64 = 64 << 10;

/// What is known of the NRF's keys.
pub(crate) struct NrfKeys {
    known: RwLock<Keys>,
    source: Source,
    /// When was looked for new ones last; held by who looks.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// Where keys come from.
pub(crate) enum Source {
    /// Only from this file, by configuration.
    File(PathBuf),
    /// From our NRF: the file it writes, where that is on this machine, and itself.
    Nrf(PathBuf, NnrfOauth2),
}

impl NrfKeys {
    /// The keys of this source, as far as they can be read without asking.
    pub(crate) fn new(source: Source) -> Arc<Self> {
        let (Source::File(file) | Source::Nrf(file, _)) = &source;
        let known = RwLock::new(read(file).unwrap_or_default());
        Arc::new(Self { known, source, looked: tokio::sync::Mutex::default() })
    }

    /// As [`Keys::verify`].
    pub(crate) fn verify(&self, token: &[u8], now: u64) -> Result<AccessTokenClaims, Fault> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).verify(token, now)
    }

    /// Whether it is worth looking for new keys, or to wait for somebody who does.
    pub(crate) fn may_be_stale(&self) -> bool {
        self.looked.try_lock().map_or(true, |looked| looked.is_none_or(|at| at.elapsed() >= REST))
    }

    /// Looks for new keys, unless somebody has just done so.
    pub(crate) async fn refresh(&self) {
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|at| at.elapsed() < REST) {
            return;
        }
        let found = match &self.source {
            Source::File(file) => read(file),
            Source::Nrf(file, nrf) => match tokio::time::timeout(NRF_PATIENCE, nrf.keys()).await {
                Ok(Ok(set)) => Some(Keys::new(&set)),
                _ => read(file),
            },
        };
        *looked = Some(Instant::now());
        match found.filter(|keys| !keys.is_empty()) {
            Some(keys) => *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys,
            None => tracing::warn!("the NRF's public keys cannot be had: tokens cannot be checked"),
        }
    }
}

fn read(file: &Path) -> Option<Keys> {
    use std::io::Read as _;
    let mut text = Vec::new();
    std::fs::File::open(file).ok()?.take(LONGEST_FILE).read_to_end(&mut text).ok()?;
    let keys = Keys::new(&serde_json::from_slice::<JwkSet>(&text).ok()?);
    (!keys.is_empty()).then_some(keys)
}
