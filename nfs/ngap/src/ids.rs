//! The identifiers of a UE on N2 and of its PDU sessions and QoS flows.

use std::fmt;

use oxirush_ngap::ngap::{AMFUENGAPID, PDUSessionID, QosFlowIdentifier, RANUENGAPID};

use crate::wire::{Invalid, Wire};

/// AMF UE NGAP ID (clause 9.3.3.1): what the AMF calls a UE on an NG interface, below 2^40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AmfUeNgapId(u64);

impl AmfUeNgapId {
    /// The largest value.
    pub const MAX: u64 = (1 << 40) - 1;

    /// The identifier, or `None` for a value of more than 40 bits.
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AmfUeNgapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Wire<AMFUENGAPID> for AmfUeNgapId {
    fn from_wire(wire: AMFUENGAPID) -> Result<Self, Invalid> {
        Self::new(wire.0).ok_or(Invalid("AMF-UE-NGAP-ID"))
    }
    fn to_wire(&self) -> Result<AMFUENGAPID, Invalid> {
        Ok(AMFUENGAPID(self.0))
    }
}

/// RAN UE NGAP ID (clause 9.3.3.2): what an NG-RAN node calls a UE, unique in that node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RanUeNgapId(pub u32);

impl fmt::Display for RanUeNgapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Wire<RANUENGAPID> for RanUeNgapId {
    fn from_wire(wire: RANUENGAPID) -> Result<Self, Invalid> {
        Ok(Self(wire.0))
    }
    fn to_wire(&self) -> Result<RANUENGAPID, Invalid> {
        Ok(RANUENGAPID(self.0))
    }
}

/// PDU Session ID (clause 9.3.1.50), as NGAP carries it: 0 to 255. NAS allows 1 to 15 only
/// (TS 24.501 clause 9.4), which whoever matches it with a session sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PduSessionId(pub u8);

impl fmt::Display for PduSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Wire<PDUSessionID> for PduSessionId {
    fn from_wire(wire: PDUSessionID) -> Result<Self, Invalid> {
        Ok(Self(wire.0))
    }
    fn to_wire(&self) -> Result<PDUSessionID, Invalid> {
        Ok(PDUSessionID(self.0))
    }
}

/// QoS Flow Identifier (clause 9.3.1.51), 0 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Qfi(u8);

impl Qfi {
    /// The identifier, or `None` above 63.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 63 { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Wire<QosFlowIdentifier> for Qfi {
    fn from_wire(wire: QosFlowIdentifier) -> Result<Self, Invalid> {
        let value = u8::try_from(wire.0).ok();
        value.and_then(Self::new).ok_or(Invalid("QosFlowIdentifier"))
    }
    fn to_wire(&self) -> Result<QosFlowIdentifier, Invalid> {
        Ok(QosFlowIdentifier(self.0.into()))
    }
}
