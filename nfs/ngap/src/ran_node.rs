//! NG-RAN nodes and their cells (TS 38.413 clauses 9.3.1.5 to 9.3.1.9).

use std::fmt;

use oxirush_ngap::Bits;
use oxirush_ngap::ngap;

use crate::plmn::PlmnId;
use crate::wire::{Invalid, Wire, record};

/// gNB ID: a number of 22 to 32 bits (clause 9.3.1.6). The length belongs to the identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GnbId {
    value: u32,
    length: u8,
}

impl GnbId {
    /// A gNB ID of `length` bits, or `None` when that is not 22 to 32 or `value` has more.
    pub const fn new(value: u32, length: u8) -> Option<Self> {
        let fits = length >= 22 && length <= 32 && (length == 32 || value >> length == 0);
        if fits { Some(Self { value, length }) } else { None }
    }

    /// The number.
    pub const fn value(self) -> u32 {
        self.value
    }

    /// Its length in bits, 22 to 32.
    pub const fn length(self) -> u8 {
        self.length
    }
}

impl fmt::Debug for GnbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}/{}", self.value, self.length)
    }
}

/// ng-eNB ID (clause 9.3.1.8), by the kind that gives its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NgEnbId {
    /// Macro ng-eNB ID, 20 bits.
    Macro(u32),
    /// Short macro ng-eNB ID, 18 bits.
    ShortMacro(u32),
    /// Long macro ng-eNB ID, 21 bits.
    LongMacro(u32),
}

/// Global RAN Node ID (clause 9.3.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GlobalRanNodeId {
    /// Global gNB ID.
    Gnb {
        /// The network.
        plmn_identity: PlmnId,
        /// The gNB in it.
        gnb_id: GnbId,
    },
    /// Global ng-eNB ID.
    NgEnb {
        /// The network.
        plmn_identity: PlmnId,
        /// The ng-eNB in it.
        ng_enb_id: NgEnbId,
    },
    /// Global N3IWF ID.
    N3iwf {
        /// The network.
        plmn_identity: PlmnId,
        /// The N3IWF in it.
        n3iwf_id: u16,
    },
}

impl GlobalRanNodeId {
    /// The network of the node.
    pub fn plmn_identity(&self) -> PlmnId {
        match self {
            Self::Gnb { plmn_identity, .. } | Self::NgEnb { plmn_identity, .. } | Self::N3iwf { plmn_identity, .. } => {
                *plmn_identity
            }
        }
    }
}

impl fmt::Display for GlobalRanNodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gnb { plmn_identity, gnb_id } => write!(f, "gNB {plmn_identity}/{gnb_id:?}"),
            Self::NgEnb { plmn_identity, ng_enb_id } => {
                write!(f, "ng-eNB {plmn_identity}/{ng_enb_id:?}")
            }
            Self::N3iwf { plmn_identity, n3iwf_id } => {
                write!(f, "N3IWF {plmn_identity}/{n3iwf_id:#x}")
            }
        }
    }
}

fn low_32(bits: Bits) -> Result<u32, Invalid> {
    u32::try_from(bits.value()).map_err(|_| Invalid("node ID"))
}

impl Wire<ngap::GNBID> for GnbId {
    fn from_wire(wire: ngap::GNBID) -> Result<Self, Invalid> {
        let ngap::GNBID::gNB_ID(bits) = wire else {
            return Err(Invalid("gNB ID of an unknown kind"));
        };
        let length = u8::try_from(bits.len()).map_err(|_| Invalid("gNB ID"))?;
        Self::new(low_32(bits)?, length).ok_or(Invalid("gNB ID"))
    }
    fn to_wire(&self) -> Result<ngap::GNBID, Invalid> {
        Ok(ngap::GNBID::gNB_ID(Bits::low(self.value.into(), self.length.into())))
    }
}

impl Wire<ngap::NgENBID> for NgEnbId {
    fn from_wire(wire: ngap::NgENBID) -> Result<Self, Invalid> {
        Ok(match wire {
            ngap::NgENBID::macroNgENB_ID(bits) => Self::Macro(low_32(bits)?),
            ngap::NgENBID::shortMacroNgENB_ID(bits) => Self::ShortMacro(low_32(bits)?),
            ngap::NgENBID::longMacroNgENB_ID(bits) => Self::LongMacro(low_32(bits)?),
            ngap::NgENBID::choice_Extensions(_) => return Err(Invalid("ng-eNB ID")),
        })
    }
    fn to_wire(&self) -> Result<ngap::NgENBID, Invalid> {
        let bits = |value: &u32, length| Bits::new((*value).into(), length).map_err(|_| Invalid("ng-eNB ID"));
        Ok(match self {
            Self::Macro(value) => ngap::NgENBID::macroNgENB_ID(bits(value, 20)?),
            Self::ShortMacro(value) => ngap::NgENBID::shortMacroNgENB_ID(bits(value, 18)?),
            Self::LongMacro(value) => ngap::NgENBID::longMacroNgENB_ID(bits(value, 21)?),
        })
    }
}

impl Wire<ngap::N3IWFID> for u16 {
    fn from_wire(wire: ngap::N3IWFID) -> Result<Self, Invalid> {
        let ngap::N3IWFID::n3IWF_ID(bits) = wire else { return Err(Invalid("N3IWF ID")) };
        u16::try_from(bits.value()).map_err(|_| Invalid("N3IWF ID"))
    }
    fn to_wire(&self) -> Result<ngap::N3IWFID, Invalid> {
        Ok(ngap::N3IWFID::n3IWF_ID(Bits::low((*self).into(), 16)))
    }
}

impl Wire<ngap::GlobalRANNodeID> for GlobalRanNodeId {
    fn from_wire(wire: ngap::GlobalRANNodeID) -> Result<Self, Invalid> {
        Ok(match wire {
            ngap::GlobalRANNodeID::globalGNB_ID(id) => {
                Self::Gnb { plmn_identity: Wire::from_wire(id.plmn_identity)?, gnb_id: Wire::from_wire(id.gnb_id)? }
            }
            ngap::GlobalRANNodeID::globalNgENB_ID(id) => Self::NgEnb {
                plmn_identity: Wire::from_wire(id.plmn_identity)?,
                ng_enb_id: Wire::from_wire(id.ng_enb_id)?,
            },
            ngap::GlobalRANNodeID::globalN3IWF_ID(id) => Self::N3iwf {
                plmn_identity: Wire::from_wire(id.plmn_identity)?,
                n3iwf_id: Wire::from_wire(id.n3iwf_id)?,
            },
            ngap::GlobalRANNodeID::choice_Extensions(_) => {
                return Err(Invalid("Global RAN Node ID of an unknown kind"));
            }
        })
    }
    fn to_wire(&self) -> Result<ngap::GlobalRANNodeID, Invalid> {
        let plmn = self.plmn_identity().to_wire()?;
        Ok(match self {
            Self::Gnb { gnb_id, .. } => {
                ngap::GlobalRANNodeID::globalGNB_ID(ngap::GlobalGNBID::new(plmn, gnb_id.to_wire()?, None))
            }
            Self::NgEnb { ng_enb_id, .. } => {
                ngap::GlobalRANNodeID::globalNgENB_ID(ngap::GlobalNgENBID::new(plmn, ng_enb_id.to_wire()?, None))
            }
            Self::N3iwf { n3iwf_id, .. } => {
                ngap::GlobalRANNodeID::globalN3IWF_ID(ngap::GlobalN3IWFID::new(plmn, n3iwf_id.to_wire()?, None))
            }
        })
    }
}

/// NR Cell Identity, 36 bits, whose first 22 to 32 are the gNB ID (clause 9.3.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NrCellIdentity(u64);

impl NrCellIdentity {
    /// The identity, or `None` for more than 36 bits.
    pub const fn new(value: u64) -> Option<Self> {
        if value < 1 << 36 { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Wire<ngap::NRCellIdentity> for NrCellIdentity {
    fn from_wire(wire: ngap::NRCellIdentity) -> Result<Self, Invalid> {
        Self::new(wire.0.value()).ok_or(Invalid("NRCellIdentity"))
    }
    fn to_wire(&self) -> Result<ngap::NRCellIdentity, Invalid> {
        Ok(ngap::NRCellIdentity(Bits::low(self.0, 36)))
    }
}

/// E-UTRA Cell Identity, 28 bits (clause 9.3.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EutraCellIdentity(u32);

impl EutraCellIdentity {
    /// The identity, or `None` for more than 28 bits.
    pub const fn new(value: u32) -> Option<Self> {
        if value < 1 << 28 { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Wire<ngap::EUTRACellIdentity> for EutraCellIdentity {
    fn from_wire(wire: ngap::EUTRACellIdentity) -> Result<Self, Invalid> {
        Self::new(low_32(wire.0)?).ok_or(Invalid("EUTRACellIdentity"))
    }
    fn to_wire(&self) -> Result<ngap::EUTRACellIdentity, Invalid> {
        Ok(ngap::EUTRACellIdentity(Bits::low(self.0.into(), 28)))
    }
}

record! {
    /// NR CGI (clause 9.3.1.7).
    #[derive(Copy)]
    NrCgi = NRCGI {
        /// The network.
        plmn_identity: PlmnId,
        /// The cell in it.
        nr_cell_identity: NrCellIdentity,
    }
}

record! {
    /// E-UTRA CGI (clause 9.3.1.9).
    #[derive(Copy)]
    EutraCgi = EUTRACGI {
        /// The network.
        plmn_identity: PlmnId,
        /// The cell in it.
        eutra_cell_identity: EutraCellIdentity,
    }
}
