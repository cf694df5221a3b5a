//! NAS security (TS 24.501 4.4, TS 33.501 6.4): both NAS COUNTs, integrity, ciphering, replay protection.

use crate::header::{PROTECTED_HEADER, Protected};
use crate::ie::{NgKsi, Octet, UeSecurityCapability};
use crate::{EPD_5GMM, SecurityHeaderType};
use oxirush_security as oxi;
use std::fmt;

macro_rules! algorithm {
    ($(#[$doc:meta])* $name:ident in $inner:ident { $($(#[$vdoc:meta])* $variant:ident = $identity:literal is $same:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// All of them, by identity.
            pub const ALL: [Self; 4] = [$(Self::$variant),*];

            /// The algorithm identity, 0 to 3.
            pub const fn identity(self) -> u8 {
                match self { $(Self::$variant => $identity,)* }
            }

            /// From the algorithm identity.
            pub const fn from_identity(identity: u8) -> Option<Self> {
                match identity { $($identity => Some(Self::$variant),)* _ => None }
            }

            const fn inner(self) -> oxi::$inner {
                match self { $(Self::$variant => oxi::$inner::$same,)* }
            }
        }
    };
}

algorithm! {
    /// 5G-IA. NIA0 protects nothing and is for emergency sessions only.
    IntegrityAlgorithm in IntegrityAlgorithm {
        /// None.
        Nia0 = 0 is Null,
        /// SNOW 3G.
        Nia1 = 1 is Snow3g,
        /// AES.
        Nia2 = 2 is Aes,
        /// ZUC.
        Nia3 = 3 is Zuc,
    }
}

algorithm! {
    /// 5G-EA.
    CipheringAlgorithm in CipheringAlgorithm {
        /// None.
        Nea0 = 0 is Null,
        /// SNOW 3G.
        Nea1 = 1 is Snow3g,
        /// AES.
        Nea2 = 2 is Aes,
        /// ZUC.
        Nea3 = 3 is Zuc,
    }
}

/// The selected NAS security algorithms (TS 24.501 9.11.3.34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Algorithms {
    /// Integrity.
    pub integrity: IntegrityAlgorithm,
    /// Ciphering.
    pub ciphering: CipheringAlgorithm,
}

impl Algorithms {
    /// The first of each preference that the UE has. `None` if it has no integrity algorithm among ours, or no
    /// ciphering one: then 5GMM cause 23 follows. NIA0 is never selected.
    pub fn select(
        capability: &UeSecurityCapability,
        integrity: &[IntegrityAlgorithm],
        ciphering: &[CipheringAlgorithm],
    ) -> Option<Self> {
        let real = |algorithm: &&IntegrityAlgorithm| **algorithm != IntegrityAlgorithm::Nia0;
        let integrity = integrity.iter().filter(real).find(|algorithm| capability.supports_integrity(**algorithm))?;
        let ciphering = ciphering.iter().find(|algorithm| capability.supports_ciphering(**algorithm))?;
        Some(Self { integrity: *integrity, ciphering: *ciphering })
    }
}

impl Octet for Algorithms {
    fn from_octet(octet: u8) -> Option<Self> {
        Some(Self {
            integrity: IntegrityAlgorithm::from_identity(octet & 0x0f)?,
            ciphering: CipheringAlgorithm::from_identity(octet >> 4)?,
        })
    }

    fn to_octet(&self) -> u8 {
        self.ciphering.identity() << 4 | self.integrity.identity()
    }
}

/// KNASint and KNASenc. Zeroed on drop, never printed.
#[derive(Clone)]
pub struct NasKeys {
    integrity: oxi::nas_5gs::KNasInt,
    ciphering: oxi::nas_5gs::KNasEnc,
}

impl NasKeys {
    /// The keys of the two algorithms, as derived from KAMF.
    pub const fn new(integrity: &[u8; 16], ciphering: &[u8; 16]) -> Self {
        Self { integrity: oxi::nas_5gs::KNasInt::new(integrity), ciphering: oxi::nas_5gs::KNasEnc::new(ciphering) }
    }
}

impl fmt::Debug for NasKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A NAS COUNT: 24 bits, the low 8 of which travel as the sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct NasCount(u32);

impl NasCount {
    /// The last count a key may be used with.
    pub const MAX: Self = Self(0x00ff_ffff);

    /// From a number; `None` above 24 bits.
    pub const fn new(value: u32) -> Option<Self> {
        if value <= Self::MAX.0 { Some(Self(value)) } else { None }
    }

    /// The number, as the key derivations take it.
    pub const fn get(self) -> u32 {
        self.0
    }

    const fn sequence_number(self) -> u8 {
        self.0.to_be_bytes()[3]
    }
}

/// Whose end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The AMF: sends downlink.
    Network,
    /// The UE: sends uplink.
    Ue,
}

impl Side {
    const fn sends(self) -> oxi::Direction {
        match self {
            Self::Network => oxi::Direction::Downlink,
            Self::Ue => oxi::Direction::Uplink,
        }
    }

    const fn receives(self) -> oxi::Direction {
        match self {
            Self::Network => oxi::Direction::Uplink,
            Self::Ue => oxi::Direction::Downlink,
        }
    }
}

/// All counts of these keys are used up: a new authentication is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("NAS COUNT exhausted")]
pub struct CountExhausted;

/// Why a protected message was not accepted. It is then discarded, but for the initial messages that TS 24.501 4.4.4.3
/// lets the network process as if plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectError {
    /// The MAC is not the one of these keys.
    #[error("MAC does not verify")]
    Mac,
    /// The MAC is right for a count that was used before.
    #[error("NAS COUNT was used before")]
    Replayed,
    /// All counts are used up.
    #[error("NAS COUNT exhausted")]
    Exhausted,
}

/// A message that was checked and deciphered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// The message: to be given to [`crate::GmmMessage::decode`].
    pub octets: Vec<u8>,
    /// How it was protected.
    pub header_type: SecurityHeaderType,
    /// The count it came with.
    pub count: NasCount,
}

/// A 5G NAS security context for 3GPP access: keys, algorithms and the two counts of one end.
#[derive(Debug, Clone)]
pub struct SecurityContext {
    side: Side,
    ng_ksi: NgKsi,
    algorithms: Algorithms,
    keys: NasKeys,
    /// The count of the next message sent; one above the last when exhausted.
    next_sent: u32,
    /// The least count a received message may have.
    next_received: u32,
}

impl SecurityContext {
    /// A context whose counts are both 0, as after an authentication.
    pub fn new(side: Side, ng_ksi: NgKsi, algorithms: Algorithms, keys: NasKeys) -> Self {
        Self { side, ng_ksi, algorithms, keys, next_sent: 0, next_received: 0 }
    }

    /// The same with counts kept elsewhere: of the next message sent and of the next one received.
    pub fn with_counts(mut self, next_sent: NasCount, next_received: NasCount) -> Self {
        (self.next_sent, self.next_received) = (next_sent.0, next_received.0);
        self
    }

    /// The key set's identifier.
    pub fn ng_ksi(&self) -> NgKsi {
        self.ng_ksi
    }

    /// The algorithms in use.
    pub fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// The count of the next message sent.
    pub fn next_sent(&self) -> NasCount {
        NasCount(self.next_sent)
    }

    /// The least count a received message may have; one above the last count when exhausted.
    pub fn next_received(&self) -> NasCount {
        NasCount(self.next_received)
    }

    /// The count of the last message accepted, from which KgNB is derived; 0 before the first.
    pub fn last_received(&self) -> NasCount {
        NasCount(self.next_received.saturating_sub(1))
    }

    /// The protected form of a plain message, header included, under the next count.
    pub fn protect(&mut self, plain: &[u8], header_type: SecurityHeaderType) -> Result<Vec<u8>, CountExhausted> {
        if self.next_sent > NasCount::MAX.0 {
            return Err(CountExhausted);
        }
        let count = NasCount(self.next_sent);
        let mut pdu = Vec::with_capacity(PROTECTED_HEADER + plain.len());
        pdu.extend([EPD_5GMM, header_type.value(), 0, 0, 0, 0, count.sequence_number()]);
        pdu.extend_from_slice(plain);
        if header_type.is_ciphered() {
            self.cipher(count, self.side.sends(), pdu.get_mut(PROTECTED_HEADER..).unwrap_or_default());
        }
        let mac = self.mac(count, self.side.sends(), pdu.get(PROTECTED_HEADER - 1..).unwrap_or_default());
        if let Some(place) = pdu.get_mut(2..6) {
            place.copy_from_slice(&mac);
        }
        self.next_sent += 1;
        Ok(pdu)
    }

    /// Checks MAC and freshness of a received message and deciphers it. A message that is refused changes nothing.
    pub fn unprotect(&mut self, message: &Protected<'_>) -> Result<Plain, UnprotectError> {
        let count = self.estimate(message.sequence_number).ok_or(UnprotectError::Exhausted)?;
        let direction = self.side.receives();
        if !self.verifies(count, message) {
            let earlier = count.0.checked_sub(256).map(NasCount);
            let replayed = earlier.is_some_and(|earlier| self.verifies(earlier, message));
            return Err(if replayed { UnprotectError::Replayed } else { UnprotectError::Mac });
        }
        let mut octets = message.message().to_vec();
        if message.header_type.is_ciphered() {
            self.cipher(count, direction, &mut octets);
        }
        self.next_received = count.0 + 1;
        Ok(Plain { octets, header_type: message.header_type, count })
    }

    /// Ciphers the value of a NAS message container that goes into the next message sent, which itself is only
    /// integrity protected (an initial message, TS 24.501 4.4.6).
    pub fn cipher_container(&self, container: &mut [u8]) {
        self.cipher(NasCount(self.next_sent), self.side.sends(), container);
    }

    /// Deciphers the value of the NAS message container of an initial message accepted with this count.
    pub fn decipher_container(&self, count: NasCount, container: &mut [u8]) {
        self.cipher(count, self.side.receives(), container);
    }

    /// The least count not below the expected one that has this sequence number.
    fn estimate(&self, sequence_number: u8) -> Option<NasCount> {
        let expected = self.next_received;
        let candidate = expected & !0xff | u32::from(sequence_number);
        let count = if candidate < expected { candidate + 256 } else { candidate };
        (count <= NasCount::MAX.0).then_some(NasCount(count))
    }

    fn verifies(&self, count: NasCount, message: &Protected<'_>) -> bool {
        let expected = self.mac(count, self.side.receives(), message.covered());
        oxi::constant_time_eq(&expected, &message.mac)
    }

    fn mac(&self, count: NasCount, direction: oxi::Direction, covered: &[u8]) -> [u8; 4] {
        let algorithm = self.algorithms.integrity.inner();
        let key = &self.keys.integrity;
        oxi::nia_mac(key, count.0, CONNECTION, direction, covered, algorithm).to_be_bytes()
    }

    fn cipher(&self, count: NasCount, direction: oxi::Direction, octets: &mut [u8]) {
        let algorithm = self.algorithms.ciphering.inner();
        oxi::nea_cipher(&self.keys.ciphering, count.0, CONNECTION, direction, octets, algorithm);
    }
}

/// The NAS connection identifier of 3GPP access, which takes the place of BEARER (TS 33.501 6.4.3.1).
const CONNECTION: oxi::Bearer = match oxi::Bearer::new(1) {
    Ok(bearer) => bearer,
    Err(_) => oxi::Bearer::ZERO,
};
