//! Network name (TS 24.008 10.5.3.5a).

use crate::message::CarriedBy;
use oxirush_nas::nas_5gs::NasNetworkName;

/// A network's name, as a phone shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkName(pub String);

impl CarriedBy<NasNetworkName> for NetworkName {
    fn from_carrier(carrier: &NasNetworkName) -> Option<Self> {
        carrier.name().map(Self)
    }

    fn to_carrier(&self) -> NasNetworkName {
        NasNetworkName::from_name(&self.0, false)
    }
}
