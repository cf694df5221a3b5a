//! What N2 carries for access-stratum security (TS 38.413 clauses 9.3.1.86 to 9.3.1.88).

use std::fmt;

use oxirush_ngap::BitString;
use oxirush_ngap::Bits;
use oxirush_ngap::ngap;

use crate::wire::{Invalid, Wire};

/// UE Security Capabilities (clause 9.3.1.86). In each bitmap the leading bit (0x8000) is
/// algorithm 1, the next algorithm 2 and so on; algorithm 0 has no bit, as every UE has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UeSecurityCapabilities {
    /// 128-NEA1 (0x8000), 128-NEA2 (0x4000), 128-NEA3 (0x2000).
    pub nr_encryption_algorithms: u16,
    /// 128-NIA1 (0x8000), 128-NIA2 (0x4000), 128-NIA3 (0x2000).
    pub nr_integrity_protection_algorithms: u16,
    /// 128-EEA1 (0x8000), 128-EEA2 (0x4000), 128-EEA3 (0x2000).
    pub eutra_encryption_algorithms: u16,
    /// 128-EIA1 (0x8000), 128-EIA2 (0x4000), 128-EIA3 (0x2000).
    pub eutra_integrity_protection_algorithms: u16,
}

/// The first 16 bits: later bits are those of algorithms nobody has defined yet.
fn bitmap(bits: &BitString<'_>) -> Result<u16, Invalid> {
    let octets = bits.as_octets().first_chunk().ok_or(Invalid("UESecurityCapabilities"))?;
    Ok(u16::from_be_bytes(*octets))
}

impl<'w> Wire<ngap::UESecurityCapabilities<'w>> for UeSecurityCapabilities {
    fn from_wire(wire: ngap::UESecurityCapabilities<'w>) -> Result<Self, Invalid> {
        Ok(Self {
            nr_encryption_algorithms: bitmap(&wire.nr_encryption_algorithms.0)?,
            nr_integrity_protection_algorithms: bitmap(&wire.nr_integrity_protection_algorithms.0)?,
            eutra_encryption_algorithms: bitmap(&wire.eutra_encryption_algorithms.0)?,
            eutra_integrity_protection_algorithms: bitmap(&wire.eutra_integrity_protection_algorithms.0)?,
        })
    }
    fn to_wire(&self) -> Result<ngap::UESecurityCapabilities<'w>, Invalid> {
        let bits = |bitmap: u16| BitString::from_octets(bitmap.to_be_bytes());
        Ok(ngap::UESecurityCapabilities::new(
            ngap::NRencryptionAlgorithms(bits(self.nr_encryption_algorithms)),
            ngap::NRintegrityProtectionAlgorithms(bits(self.nr_integrity_protection_algorithms)),
            ngap::EUTRAencryptionAlgorithms(bits(self.eutra_encryption_algorithms)),
            ngap::EUTRAintegrityProtectionAlgorithms(bits(self.eutra_integrity_protection_algorithms)),
            None,
        ))
    }
}

/// Security Key (clause 9.3.1.87): KgNB, 256 bits. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecurityKey(pub [u8; 32]);

impl fmt::Debug for SecurityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl<'w> Wire<ngap::SecurityKey<'w>> for SecurityKey {
    fn from_wire(wire: ngap::SecurityKey<'w>) -> Result<Self, Invalid> {
        let octets = wire.0.as_octets().try_into();
        octets.map(Self).map_err(|_| Invalid("SecurityKey"))
    }
    fn to_wire(&self) -> Result<ngap::SecurityKey<'w>, Invalid> {
        Ok(ngap::SecurityKey(BitString::from_octets(self.0.to_vec())))
    }
}

/// Masked IMEISV (clause 9.3.1.54): 64 bits, the last four digits of the serial number masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskedImeisv(pub u64);

impl Wire<ngap::MaskedIMEISV> for MaskedImeisv {
    fn from_wire(wire: ngap::MaskedIMEISV) -> Result<Self, Invalid> {
        Ok(Self(wire.0.value()))
    }
    fn to_wire(&self) -> Result<ngap::MaskedIMEISV, Invalid> {
        let bits = Bits::new(self.0, 64).map_err(|_| Invalid("MaskedIMEISV"))?;
        Ok(ngap::MaskedIMEISV(bits))
    }
}
