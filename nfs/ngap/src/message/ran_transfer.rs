//! RAN configuration transfer (TS 38.413 clauses 8.8 and 9.2.7), which the AMF relays.

use bytes::Bytes;
use oxirush_ngap::ie;
use oxirush_ngap::ngap::{self as asn, NGAPPDU, decode_open_type, encode_open_type};

use super::ie::{field_type, messages, read_field, write_field};
use crate::identity::Tai;
use crate::ran_node::GlobalRanNodeId;
use crate::wire::{Invalid, Wire};

/// SON Configuration Transfer (clause 9.3.3.6): from one node to another, opaque but for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SonConfigurationTransfer {
    target_ran_node_id: GlobalRanNodeId,
    target_tai: Tai,
    encoded: Bytes,
}

impl SonConfigurationTransfer {
    /// A request of `source` for the Xn transport addresses of `target`.
    #[cfg(test)]
    pub(crate) fn asking_for_xn(
        source: GlobalRanNodeId,
        source_tai: Tai,
        target_ran_node_id: GlobalRanNodeId,
        target_tai: Tai,
    ) -> Self {
        let wire = asn::SONConfigurationTransfer::new(
            asn::TargetRANNodeIDSON::new(target_ran_node_id.to_wire().unwrap(), target_tai.to_wire().unwrap(), None),
            asn::SourceRANNodeID::new(source.to_wire().unwrap(), source_tai.to_wire().unwrap(), None),
            asn::SONInformation::sONInformationRequest(asn::SONInformationRequest::xn_TNL_configuration_info),
            None,
            None,
        );
        Self::from_wire(wire).unwrap()
    }

    /// The node it is for.
    pub fn target_ran_node_id(&self) -> GlobalRanNodeId {
        self.target_ran_node_id
    }

    /// A tracking area of that node.
    pub fn target_tai(&self) -> Tai {
        self.target_tai
    }
}

impl<'w> Wire<asn::SONConfigurationTransfer<'w>> for SonConfigurationTransfer {
    fn from_wire(wire: asn::SONConfigurationTransfer<'w>) -> Result<Self, Invalid> {
        let encoded = encode_open_type(&wire).map_err(|_| Invalid("SONConfigurationTransfer"))?;
        let target = wire.target_ran_node_id_son;
        Ok(Self {
            target_ran_node_id: Wire::from_wire(target.global_ran_node_id)?,
            target_tai: Wire::from_wire(target.selected_tai)?,
            encoded: Bytes::from(encoded.into_vec()),
        })
    }
    fn to_wire(&self) -> Result<asn::SONConfigurationTransfer<'w>, Invalid> {
        let owned = decode_open_type::<asn::SONConfigurationTransfer<'_>>(&self.encoded);
        owned.map(asn::SONConfigurationTransfer::into_owned).map_err(|_| Invalid("SONConfigurationTransfer"))
    }
}

messages! {
    /// UPLINK RAN CONFIGURATION TRANSFER (9.2.7.1), RAN to AMF.
    #[derive(Default)]
    UplinkRanConfigurationTransfer = UplinkRANConfigurationTransfer {
        /// What to relay.
        opt son_configuration_transfer: SonConfigurationTransfer = SONConfigurationTransferUL,
    }

    /// DOWNLINK RAN CONFIGURATION TRANSFER (9.2.7.2), AMF to RAN.
    #[derive(Default)]
    DownlinkRanConfigurationTransfer = DownlinkRANConfigurationTransfer {
        /// What is relayed.
        opt son_configuration_transfer: SonConfigurationTransfer = SONConfigurationTransferDL,
    }
}
