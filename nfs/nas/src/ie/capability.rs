//! UE security capability (TS 24.501 9.11.3.54) and 5GS network feature support (9.11.3.5).

use super::Element;
use crate::{CipheringAlgorithm, IntegrityAlgorithm};

/// The algorithms a UE has. The octets are kept as received, for the replay must be the very same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UeSecurityCapability(Box<[u8]>);

impl UeSecurityCapability {
    /// A capability of 5G algorithms only: `encryption` and `integrity` with bit 8 for 0, bit 7 for 1, and so on.
    pub fn new(encryption: u8, integrity: u8) -> Self {
        Self(Box::new([encryption, integrity]))
    }

    /// The octets as received: 5G-EA, 5G-IA, then maybe EEA, EIA and more.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Whether the UE can cipher with this.
    pub fn supports_ciphering(&self, algorithm: CipheringAlgorithm) -> bool {
        self.octet(0) & (0x80 >> algorithm.identity()) != 0
    }

    /// Whether the UE can protect integrity with this.
    pub fn supports_integrity(&self, algorithm: IntegrityAlgorithm) -> bool {
        self.octet(1) & (0x80 >> algorithm.identity()) != 0
    }

    /// NR encryption algorithms as NGAP has them: 16 bits, the first is NEA1.
    pub fn nr_encryption(&self) -> u16 {
        without_null(self.octet(0))
    }

    /// NR integrity algorithms as NGAP has them.
    pub fn nr_integrity(&self) -> u16 {
        without_null(self.octet(1))
    }

    /// E-UTRA encryption algorithms as NGAP has them: 0 if the UE sent none.
    pub fn eutra_encryption(&self) -> u16 {
        without_null(self.octet(2))
    }

    /// E-UTRA integrity algorithms as NGAP has them: 0 if the UE sent none.
    pub fn eutra_integrity(&self) -> u16 {
        without_null(self.octet(3))
    }

    fn octet(&self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }
}

/// NGAP leaves out the null algorithm, which NAS has in bit 8.
fn without_null(octet: u8) -> u16 {
    u16::from(octet << 1) << 8
}

impl Element for UeSecurityCapability {
    fn decode(octets: &[u8]) -> Option<Self> {
        (2..=8).contains(&octets.len()).then(|| Self(octets.into()))
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// What the network offers a UE; the octets as they are, with the flags in use by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkFeatureSupport(Box<[u8]>);

impl NetworkFeatureSupport {
    /// Nothing, in two octets.
    pub fn none() -> Self {
        Self(Box::new([0, 0]))
    }

    /// IMS voice over PS session over 3GPP access: some phones stay only where it is offered.
    pub fn with_ims_voice_over_ps(self, offered: bool) -> Self {
        self.with_bit(0, 0x01, offered)
    }

    /// Interworking without N26.
    pub fn with_interworking_without_n26(self, offered: bool) -> Self {
        self.with_bit(0, 0x40, offered)
    }

    /// Whether IMS voice over PS session is offered over 3GPP access.
    pub fn ims_voice_over_ps(&self) -> bool {
        self.0.first().is_some_and(|octet| octet & 0x01 != 0)
    }

    fn with_bit(mut self, at: usize, bit: u8, set: bool) -> Self {
        if let Some(octet) = self.0.get_mut(at) {
            *octet = if set { *octet | bit } else { *octet & !bit };
        }
        self
    }
}

impl Element for NetworkFeatureSupport {
    fn decode(octets: &[u8]) -> Option<Self> {
        (!octets.is_empty()).then(|| Self(octets.into()))
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ngap_has_no_null_algorithm() {
        let capability = UeSecurityCapability::decode(&[0xf0, 0x70, 0xc0, 0x20]).expect("four octets");
        assert_eq!((capability.nr_encryption(), capability.nr_integrity()), (0xe000, 0xe000));
        assert_eq!((capability.eutra_encryption(), capability.eutra_integrity()), (0x8000, 0x4000));
        assert!(capability.supports_ciphering(CipheringAlgorithm::Nea0));
        assert!(!capability.supports_integrity(IntegrityAlgorithm::Nia0));
        assert!(capability.supports_integrity(IntegrityAlgorithm::Nia3));
    }
}
