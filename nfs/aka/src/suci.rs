//! SUCI concealment and de-concealment (TS 33.501 annex C): null scheme, profile A (X25519), profile B (P-256).

use crate::secret::{from_hex, to_hex};
use oxirush_security::nas_5gs as oxi;
use std::collections::BTreeMap;
use std::fmt;

/// The protection scheme of a SUCI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// 0: the MSIN in clear.
    Null,
    /// 1: ECIES over X25519.
    ProfileA,
    /// 2: ECIES over secp256r1.
    ProfileB,
}

impl Scheme {
    /// The identifier on the wire.
    pub const fn identifier(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::ProfileA => 1,
            Self::ProfileB => 2,
        }
    }
}

/// Why a SUCI was not concealed or not understood. The variant is for the home network's log: a peer learns
/// only [`SuciError::cause`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuciError {
    /// Not `suci-0-<mcc>-<mnc>-<routing indicator>-<scheme>-<key id>-<output>` (TS 29.571 5.3.2).
    #[error("not a SUCI of an IMSI")]
    Malformed,
    /// A scheme other than 0, 1 and 2.
    #[error("protection scheme {0} is not supported")]
    UnsupportedScheme(u8),
    /// No home network key with this identifier for this scheme.
    #[error("no home network key {key_id} of {scheme:?}")]
    UnknownKey {
        /// The scheme of the SUCI.
        scheme: Scheme,
        /// The key it was concealed for.
        key_id: u8,
    },
    /// The scheme output does not verify under the key or hides no MSIN.
    #[error("scheme output does not verify")]
    SchemeOutput,
    /// A home network key that is none.
    #[error("invalid home network key")]
    Key,
    /// An identity that cannot be concealed.
    #[error("not an IMSI that can be concealed")]
    Identity,
    /// The operating system gave no random octets.
    #[error("no random octets from the operating system")]
    Random,
}

impl SuciError {
    /// The cause of the ProblemDetails (TS 29.503 6.3.7.3).
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::UnsupportedScheme(_) => "UNSUPPORTED_PROTECTION_SCHEME",
            Self::UnknownKey { .. } => "INVALID_HN_PUBLIC_KEY_IDENTIFIER",
            _ => "INVALID_SCHEME_OUTPUT",
        }
    }

    fn of(error: oxi::SuciError) -> Self {
        match error {
            oxi::SuciError::InvalidKey => Self::Key,
            oxi::SuciError::Identity => Self::Identity,
            oxi::SuciError::RandomSource => Self::Random,
            oxi::SuciError::UnknownScheme(scheme) | oxi::SuciError::ProprietaryScheme(scheme) => {
                Self::UnsupportedScheme(scheme)
            }
            _ => Self::SchemeOutput,
        }
    }
}

/// A private key of the home network; its octets are zeroed on drop and never printed.
pub struct HomeNetworkPrivateKey {
    key: oxi::HomeNetworkPrivateKey,
    octets: zeroize::Zeroizing<[u8; 32]>,
}

impl fmt::Debug for HomeNetworkPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl HomeNetworkPrivateKey {
    /// A key of `scheme`, [`Scheme::ProfileA`] or [`Scheme::ProfileB`], from its 32 octets.
    pub fn new(scheme: Scheme, octets: [u8; 32]) -> Result<Self, SuciError> {
        let key = match scheme {
            Scheme::Null => return Err(SuciError::Key),
            Scheme::ProfileA => oxi::HomeNetworkPrivateKey::profile_a(&octets),
            Scheme::ProfileB => oxi::HomeNetworkPrivateKey::profile_b(&octets).map_err(SuciError::of)?,
        };
        Ok(Self { key, octets: zeroize::Zeroizing::new(octets) })
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(scheme: Scheme, digits: &str) -> Result<Self, SuciError> {
        Self::new(scheme, from_hex(digits).ok_or(SuciError::Key)?)
    }

    /// A fresh key.
    pub fn generate(scheme: Scheme) -> Result<Self, SuciError> {
        let mut octets = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(octets.as_mut_slice()).map_err(|_| SuciError::Random)?;
        Self::new(scheme, *octets)
    }

    /// The octets, to be stored where nobody else reads them.
    pub fn as_octets(&self) -> &[u8; 32] {
        &self.octets
    }

    /// The profile.
    pub fn scheme(&self) -> Scheme {
        if self.key.scheme() == oxi::ProtectionScheme::PROFILE_B { Scheme::ProfileB } else { Scheme::ProfileA }
    }

    /// What the subscribers' USIMs hold.
    pub fn public_key(&self) -> HomeNetworkPublicKey {
        HomeNetworkPublicKey(self.key.public_key())
    }
}

/// A public key of the home network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeNetworkPublicKey(oxi::HomeNetworkPublicKey);

impl HomeNetworkPublicKey {
    /// From 32 octets (profile A) or a SEC 1 point of 33 or 65 (profile B).
    pub fn new(scheme: Scheme, octets: &[u8]) -> Result<Self, SuciError> {
        match scheme {
            Scheme::Null => Err(SuciError::Key),
            Scheme::ProfileA => {
                let octets = octets.try_into().map_err(|_| SuciError::Key)?;
                Ok(Self(oxi::HomeNetworkPublicKey::profile_a(octets)))
            }
            Scheme::ProfileB => oxi::HomeNetworkPublicKey::profile_b(octets).map(Self).map_err(SuciError::of),
        }
    }

    /// From hexadecimal digits: 64 for profile A, 66 or 130 for profile B.
    pub fn from_hex(scheme: Scheme, digits: &str) -> Result<Self, SuciError> {
        match digits.len() {
            64 => Self::new(scheme, &from_hex::<32>(digits).ok_or(SuciError::Key)?),
            66 => Self::new(scheme, &from_hex::<33>(digits).ok_or(SuciError::Key)?),
            130 => Self::new(scheme, &from_hex::<65>(digits).ok_or(SuciError::Key)?),
            _ => Err(SuciError::Key),
        }
    }

    /// The octets, a point of profile B compressed.
    pub fn to_octets(&self) -> Vec<u8> {
        self.0.to_octets()
    }

    /// Lower case hexadecimal.
    pub fn to_hex(&self) -> String {
        to_hex(&self.0.to_octets())
    }
}

/// How a UE conceals its SUPI.
#[derive(Debug, Clone)]
pub enum Concealment {
    /// Not at all.
    Null,
    /// With ECIES by the key's profile.
    Key {
        /// The home network public key identifier, 1 to 254.
        key_id: u8,
        /// The key.
        key: HomeNetworkPublicKey,
    },
}

impl Concealment {
    /// The scheme this uses.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Null => Scheme::Null,
            Self::Key { key, .. } if key.0.scheme() == oxi::ProtectionScheme::PROFILE_B => Scheme::ProfileB,
            Self::Key { .. } => Scheme::ProfileA,
        }
    }
}

/// The SUCI of an IMSI, as octets of a 5GS mobile identity from its type octet on (TS 24.501 9.11.3.4): what
/// `nas::MobileIdentity::decode` takes. A fresh ephemeral key each time.
pub fn conceal_imsi(
    mcc: &str,
    mnc: &str,
    msin: &str,
    routing_indicator: &str,
    concealment: &Concealment,
) -> Result<Vec<u8>, SuciError> {
    let plmn = oxirush_security::Plmn::new(mcc, mnc).map_err(|_| SuciError::Identity)?;
    let routing = oxi::RoutingIndicator::new(routing_indicator).map_err(|_| SuciError::Identity)?;
    let protection = match concealment {
        Concealment::Null => oxi::Protection::Null,
        Concealment::Key { key_id, key } => oxi::Protection::Ecies { key_id: *key_id, key: &key.0 },
    };
    let suci = oxi::Suci::conceal_imsi(plmn, msin, routing, protection).map_err(SuciError::of)?;
    suci.to_nas_octets().map_err(SuciError::of)
}

/// The private keys of the home network by scheme and identifier.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: BTreeMap<(Scheme, u8), HomeNetworkPrivateKey>,
}

impl KeyRing {
    /// Adds a key under its home network public key identifier, 1 to 254, replacing the one before.
    pub fn insert(&mut self, key_id: u8, key: HomeNetworkPrivateKey) {
        self.keys.insert((key.scheme(), key_id), key);
    }

    /// The SUPI, `imsi-<digits>`, of a SUCI in the form of TS 29.571 (`suci-0-999-70-0000-1-1-<hexadecimal>`).
    pub fn deconceal(&self, suci: &str) -> Result<String, SuciError> {
        let suci = ParsedSuci::parse(suci)?;
        let identity = oxi::Suci::from_nas_octets(&suci.nas_octets()?).map_err(SuciError::of)?;
        let key = match suci.scheme {
            Scheme::Null => None,
            scheme => {
                let unknown = SuciError::UnknownKey { scheme, key_id: suci.key_id };
                Some(&self.keys.get(&(scheme, suci.key_id)).ok_or(unknown)?.key)
            }
        };
        let supi = identity.deconceal(key).map_err(SuciError::of)?;
        Ok(supi.to_string())
    }
}

/// The parts of a SUCI's text.
struct ParsedSuci<'a> {
    mcc: &'a str,
    mnc: &'a str,
    routing_indicator: &'a str,
    scheme: Scheme,
    key_id: u8,
    output: &'a str,
}

impl<'a> ParsedSuci<'a> {
    fn parse(suci: &'a str) -> Result<Self, SuciError> {
        let mut parts = suci.split('-');
        let mut next = || parts.next().ok_or(SuciError::Malformed);
        if (next()?, next()?) != ("suci", "0") {
            return Err(SuciError::Malformed);
        }
        let (mcc, mnc, routing_indicator) = (next()?, next()?, next()?);
        let scheme = u8::from_str_radix(next()?, 16).map_err(|_| SuciError::Malformed)?;
        let scheme = match scheme {
            0 => Scheme::Null,
            1 => Scheme::ProfileA,
            2 => Scheme::ProfileB,
            other => return Err(SuciError::UnsupportedScheme(other)),
        };
        let key_id = next()?.parse().map_err(|_| SuciError::Malformed)?;
        let output = next()?;
        if parts.next().is_some() || output.len() > 512 {
            return Err(SuciError::Malformed);
        }
        Ok(Self { mcc, mnc, routing_indicator, scheme, key_id, output })
    }

    fn nas_octets(&self) -> Result<Vec<u8>, SuciError> {
        let plmn = oxirush_security::Plmn::new(self.mcc, self.mnc).map_err(|_| SuciError::Malformed)?;
        let routing = oxi::RoutingIndicator::new(self.routing_indicator).map_err(|_| SuciError::Malformed)?;
        if self.scheme == Scheme::Null {
            let clear = oxi::Suci::conceal_imsi(plmn, self.output, routing, oxi::Protection::Null);
            return clear.and_then(|suci| suci.to_nas_octets()).map_err(|_| SuciError::Malformed);
        }
        // The null SUCI of the same network gives the octets before the scheme.
        let clear = oxi::Suci::conceal_imsi(plmn, "1", routing, oxi::Protection::Null)
            .and_then(|suci| suci.to_nas_octets())
            .map_err(|_| SuciError::Malformed)?;
        let mut octets = clear.get(..6).ok_or(SuciError::Malformed)?.to_vec();
        octets.extend([self.scheme.identifier(), self.key_id]);
        octets.extend(scheme_output(self.output).ok_or(SuciError::SchemeOutput)?);
        Ok(octets)
    }
}

fn scheme_output(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let pairs = digits.chunks(2);
    pairs.map(|pair| from_hex::<1>(std::str::from_utf8(pair).ok()?).map(|[octet]| octet)).collect()
}
