//! User Location Information (TS 38.413 clause 9.3.1.16).

use oxirush_ngap::ngap;

use crate::identity::Tai;
use crate::ran_node::{EutraCgi, NrCgi};
use crate::tunnel::TransportLayerAddress;
use crate::wire::{Invalid, Wire, record};

/// Time Stamp (clause 9.3.1.75): the first four octets of an NTP time, seconds since 1900.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeStamp(pub u32);

impl Wire<ngap::TimeStamp> for TimeStamp {
    fn from_wire(wire: ngap::TimeStamp) -> Result<Self, Invalid> {
        Ok(Self(u32::from_be_bytes(wire.0)))
    }
    fn to_wire(&self) -> Result<ngap::TimeStamp, Invalid> {
        Ok(ngap::TimeStamp(self.0.to_be_bytes()))
    }
}

record! {
    /// Where a UE is in NR.
    #[derive(Copy)]
    UserLocationInformationNr = UserLocationInformationNR {
        /// The cell.
        nr_cgi: NrCgi,
        /// The tracking area.
        tai: Tai,
        /// When this was so.
        time_stamp: Option<TimeStamp>,
    }
}

record! {
    /// Where a UE is in E-UTRA.
    #[derive(Copy)]
    UserLocationInformationEutra = UserLocationInformationEUTRA {
        /// The cell.
        eutra_cgi: EutraCgi,
        /// The tracking area.
        tai: Tai,
        /// When this was so.
        time_stamp: Option<TimeStamp>,
    }
}

/// Where a UE is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserLocationInformation {
    /// In an NR cell.
    Nr(UserLocationInformationNr),
    /// In an E-UTRA cell.
    Eutra(UserLocationInformationEutra),
    /// Behind an N3IWF.
    N3iwf {
        /// The UE's local address.
        ip_address: TransportLayerAddress,
        /// The UE's UDP port.
        port_number: u16,
    },
}

impl UserLocationInformation {
    /// The tracking area, which an N3IWF does not tell.
    pub fn tai(&self) -> Option<Tai> {
        match self {
            Self::Nr(location) => Some(location.tai),
            Self::Eutra(location) => Some(location.tai),
            Self::N3iwf { .. } => None,
        }
    }
}

impl<'w> Wire<ngap::UserLocationInformation<'w>> for UserLocationInformation {
    fn from_wire(wire: ngap::UserLocationInformation<'w>) -> Result<Self, Invalid> {
        use ngap::UserLocationInformation as Asn;
        Ok(match wire {
            Asn::userLocationInformationNR(nr) => Self::Nr(Wire::from_wire(nr)?),
            Asn::userLocationInformationEUTRA(eutra) => Self::Eutra(Wire::from_wire(eutra)?),
            Asn::userLocationInformationN3IWF_with_PortNumber(n3iwf) => Self::N3iwf {
                ip_address: Wire::from_wire(n3iwf.ip_address)?,
                port_number: u16::from_be_bytes(n3iwf.port_number.0),
            },
            Asn::choice_Extensions(_) => return Err(Invalid("location of an unknown kind")),
        })
    }
    fn to_wire(&self) -> Result<ngap::UserLocationInformation<'w>, Invalid> {
        use ngap::UserLocationInformation as Asn;
        Ok(match self {
            Self::Nr(nr) => Asn::userLocationInformationNR(nr.to_wire()?),
            Self::Eutra(eutra) => Asn::userLocationInformationEUTRA(eutra.to_wire()?),
            Self::N3iwf { ip_address, port_number } => {
                let port = ngap::PortNumber(port_number.to_be_bytes());
                Asn::userLocationInformationN3IWF_with_PortNumber(
                    ngap::UserLocationInformationN3IWFWithPortNumber::new(ip_address.to_wire()?, port, None),
                )
            }
        })
    }
}
