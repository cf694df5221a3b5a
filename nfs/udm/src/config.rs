//! Section `udm` of the configuration.

use aka::suci::{HomeNetworkPrivateKey, KeyRing, Scheme};
use sbi_models::SecretHex;
use serde::{Deserialize, Serialize};

/// Private key of profile A in TS 33.501 C.4.3.
const TEST_KEY_A: &str = "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d";
/// Private key of profile B in TS 33.501 C.4.4.
const TEST_KEY_B: &str = "f1ab1074477ebcc7f554ea1c5fc368b1616730155e0041ac447d6301975fecda";

/// What the operator says of the UDM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Private keys by which SUCIs are de-concealed. By default the test keys of TS 33.501 C.4: 1 of profile A, 2 of profile B.
    pub home_network_keys: Vec<HomeNetworkKey>,
}

/// A private key of the home network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HomeNetworkKey {
    /// Home network public key identifier, as the cards have it: 1 to 254.
    #[serde(deserialize_with = "runtime::within::<_, _, 1, 254>")]
    pub id: u8,
    /// Its profile.
    pub scheme: KeyScheme,
    /// 64 hexadecimal digits.
    pub private_key: SecretHex<32>,
}

/// A protection scheme that has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyScheme {
    /// ECIES over X25519.
    A,
    /// ECIES over P-256.
    B,
}

impl Default for Config {
    fn default() -> Self {
        let key = |id, scheme, digits: &str| {
            digits.parse().ok().map(|private_key| HomeNetworkKey { id, scheme, private_key })
        };
        let keys = [key(1, KeyScheme::A, TEST_KEY_A), key(2, KeyScheme::B, TEST_KEY_B)];
        Self { home_network_keys: keys.into_iter().flatten().collect() }
    }
}

impl Config {
    /// The keys in use.
    ///
    /// # Errors
    /// Path of the configuration key, and what is wrong there.
    pub fn key_ring(&self) -> Result<KeyRing, (String, String)> {
        let mut ring = KeyRing::default();
        for (n, key) in self.home_network_keys.iter().enumerate() {
            let path = format!("udm.home_network_keys[{n}]");
            let scheme = match key.scheme {
                KeyScheme::A => Scheme::ProfileA,
                KeyScheme::B => Scheme::ProfileB,
            };
            let earlier = self.home_network_keys.iter().take(n);
            if earlier.into_iter().any(|other| (other.id, other.scheme) == (key.id, key.scheme)) {
                return Err((path, format!("key {} of profile {:?} stands here twice", key.id, key.scheme)));
            }
            let private = HomeNetworkPrivateKey::new(scheme, key.private_key.0);
            ring.insert(key.id, private.map_err(|why| (format!("{path}.private_key"), why.to_string()))?);
        }
        Ok(ring)
    }

    /// Identifiers of the keys that everyone knows.
    pub(crate) fn test_keys(&self) -> Vec<u8> {
        let known = Self::default().home_network_keys;
        let used = self.home_network_keys.iter();
        used.filter(|key| known.iter().any(|test| test.private_key == key.private_key)).map(|key| key.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_keys_of_the_specification() {
        let config = Config::default();
        assert_eq!(config.test_keys(), [1, 2]);
        assert!(config.key_ring().is_ok());
        assert!(!format!("{config:?}").contains("c53c"), "keys are not printed");
    }

    #[test]
    fn a_key_that_cannot_be_is_refused_by_its_path() {
        let mut config = Config::default();
        config.home_network_keys.push(config.home_network_keys[0].clone());
        assert_eq!(config.key_ring().expect_err("twice").0, "udm.home_network_keys[2]");
        config.home_network_keys[2] = HomeNetworkKey { id: 3, scheme: KeyScheme::B, private_key: SecretHex([0; 32]) };
        assert_eq!(config.key_ring().expect_err("no point").0, "udm.home_network_keys[2].private_key");
    }
}
