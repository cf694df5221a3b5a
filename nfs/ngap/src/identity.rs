//! Tracking areas, slices, AMFs and temporary UE identities (TS 38.413 clause 9.3.3).

use std::fmt;

use oxirush_ngap::Bits;
use oxirush_ngap::ngap;

use crate::plmn::PlmnId;
use crate::wire::{Invalid, Wire, record};

/// Tracking area code (clause 9.3.3.10), below 2^24.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tac(u32);

impl Tac {
    /// The code, or `None` for more than 24 bits.
    pub const fn new(value: u32) -> Option<Self> {
        if value < 1 << 24 { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Tac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Wire<ngap::TAC> for Tac {
    fn from_wire(wire: ngap::TAC) -> Result<Self, Invalid> {
        let [a, b, c] = wire.0;
        Ok(Self(u32::from_be_bytes([0, a, b, c])))
    }
    fn to_wire(&self) -> Result<ngap::TAC, Invalid> {
        let [_, a, b, c] = self.0.to_be_bytes();
        Ok(ngap::TAC([a, b, c]))
    }
}

record! {
    /// Tracking area identity (clause 9.3.3.11).
    #[derive(Copy, Hash)]
    Tai = TAI {
        /// The network.
        plmn_identity: PlmnId,
        /// The area in it.
        tac: Tac,
    }
}

/// Single network slice selection assistance information (clause 9.3.1.24).
///
/// Equality is of what was sent; an absent SD and FFFFFF mean the same ([`Snssai::matches`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Snssai {
    /// Slice/service type.
    pub sst: u8,
    /// Slice differentiator, three octets, when there is one.
    pub sd: Option<[u8; 3]>,
}

impl Snssai {
    /// Whether both name the same slice: FFFFFF is "no SD associated" (TS 23.003 clause 28.4.2).
    pub fn matches(&self, other: &Self) -> bool {
        let sd = |slice: &Self| slice.sd.filter(|sd| *sd != [0xff; 3]);
        self.sst == other.sst && sd(self) == sd(other)
    }
}

impl fmt::Display for Snssai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sd {
            Some([a, b, c]) => write!(f, "{}-{a:02x}{b:02x}{c:02x}", self.sst),
            None => write!(f, "{}", self.sst),
        }
    }
}

impl fmt::Debug for Snssai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Wire<ngap::SNSSAI> for Snssai {
    fn from_wire(wire: ngap::SNSSAI) -> Result<Self, Invalid> {
        let [sst] = wire.sst.0;
        Ok(Self { sst, sd: wire.sd.map(|sd| sd.0) })
    }
    fn to_wire(&self) -> Result<ngap::SNSSAI, Invalid> {
        Ok(ngap::SNSSAI::new(ngap::SST([self.sst]), self.sd.map(ngap::SD), None))
    }
}

/// Makes each list of single S-NSSAIs a list of `Snssai`.
macro_rules! slice_items {
    ($($Item:ident,)*) => {
        $(impl Wire<ngap::$Item> for Snssai {
            fn from_wire(wire: ngap::$Item) -> Result<Self, Invalid> {
                Self::from_wire(wire.s_nssai)
            }
            fn to_wire(&self) -> Result<ngap::$Item, Invalid> {
                Ok(ngap::$Item { s_nssai: self.to_wire()?, ie_extensions: None })
            }
        })*
    };
}
slice_items! { SliceSupportItem, AllowedNSSAIItem, }

/// The two parts of an AMF identifier that a temporary UE identity shortens it to, and the
/// region: AMF Region ID, AMF Set ID and AMF Pointer (TS 23.003 clause 2.10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AmfId {
    region: u8,
    set: u16,
    pointer: u8,
}

impl AmfId {
    /// The identifier, or `None` for a set of more than 10 bits or a pointer of more than 6.
    pub const fn new(region: u8, set: u16, pointer: u8) -> Option<Self> {
        if set < 1 << 10 && pointer < 1 << 6 { Some(Self { region, set, pointer }) } else { None }
    }

    /// AMF Region ID.
    pub const fn region(self) -> u8 {
        self.region
    }

    /// AMF Set ID, 10 bits.
    pub const fn set(self) -> u16 {
        self.set
    }

    /// AMF Pointer, 6 bits.
    pub const fn pointer(self) -> u8 {
        self.pointer
    }
}

/// The number of `bits`, which the codec has checked to be no longer than its type.
fn number<T: TryFrom<u64>>(bits: Bits, what: &'static str) -> Result<T, Invalid> {
    T::try_from(bits.value()).map_err(|_| Invalid(what))
}

impl Wire<ngap::AMFSetID> for u16 {
    fn from_wire(wire: ngap::AMFSetID) -> Result<Self, Invalid> {
        number(wire.0, "AMFSetID")
    }
    fn to_wire(&self) -> Result<ngap::AMFSetID, Invalid> {
        Ok(ngap::AMFSetID(Bits::low(u64::from(*self), 10)))
    }
}

/// Globally unique AMF identifier (clause 9.3.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guami {
    /// The network.
    pub plmn_identity: PlmnId,
    /// The AMF in it.
    pub amf_id: AmfId,
}

impl Wire<ngap::GUAMI> for Guami {
    fn from_wire(wire: ngap::GUAMI) -> Result<Self, Invalid> {
        let amf_id = AmfId::new(
            number(wire.amf_region_id.0, "AMFRegionID")?,
            number(wire.amf_set_id.0, "AMFSetID")?,
            number(wire.amf_pointer.0, "AMFPointer")?,
        );
        Ok(Self { plmn_identity: PlmnId::from_wire(wire.plmn_identity)?, amf_id: amf_id.ok_or(Invalid("GUAMI"))? })
    }
    fn to_wire(&self) -> Result<ngap::GUAMI, Invalid> {
        Ok(ngap::GUAMI::new(
            self.plmn_identity.to_wire()?,
            ngap::AMFRegionID(Bits::low(self.amf_id.region.into(), 8)),
            self.amf_id.set.to_wire()?,
            ngap::AMFPointer(Bits::low(self.amf_id.pointer.into(), 6)),
            None,
        ))
    }
}

/// 5G-S-TMSI (clause 9.3.3.20): the short temporary identity of a UE, without the AMF region.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FiveGSTmsi {
    /// AMF Set ID, 10 bits (more are refused when encoding).
    pub amf_set_id: u16,
    /// AMF Pointer, 6 bits (more are refused when encoding).
    pub amf_pointer: u8,
    /// 5G-TMSI.
    pub five_g_tmsi: u32,
}

impl fmt::Debug for FiveGSTmsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "5G-S-TMSI {}/{}/{:08x}", self.amf_set_id, self.amf_pointer, self.five_g_tmsi)
    }
}

impl Wire<ngap::FiveGSTMSI> for FiveGSTmsi {
    fn from_wire(wire: ngap::FiveGSTMSI) -> Result<Self, Invalid> {
        Ok(Self {
            amf_set_id: u16::from_wire(wire.amf_set_id)?,
            amf_pointer: number(wire.amf_pointer.0, "AMFPointer")?,
            five_g_tmsi: u32::from_be_bytes(wire.five_g_tmsi.0),
        })
    }
    fn to_wire(&self) -> Result<ngap::FiveGSTMSI, Invalid> {
        if self.amf_set_id >= 1 << 10 || self.amf_pointer >= 1 << 6 {
            return Err(Invalid("5G-S-TMSI"));
        }
        Ok(ngap::FiveGSTMSI::new(
            self.amf_set_id.to_wire()?,
            ngap::AMFPointer(Bits::low(self.amf_pointer.into(), 6)),
            ngap::FiveGTMSI(self.five_g_tmsi.to_be_bytes()),
            None,
        ))
    }
}

impl Wire<ngap::UEPagingIdentity> for FiveGSTmsi {
    fn from_wire(wire: ngap::UEPagingIdentity) -> Result<Self, Invalid> {
        match wire {
            ngap::UEPagingIdentity::fiveG_S_TMSI(identity) => Self::from_wire(identity),
            ngap::UEPagingIdentity::choice_Extensions(_) => Err(Invalid("UEPagingIdentity")),
        }
    }
    fn to_wire(&self) -> Result<ngap::UEPagingIdentity, Invalid> {
        Ok(ngap::UEPagingIdentity::fiveG_S_TMSI(self.to_wire()?))
    }
}
