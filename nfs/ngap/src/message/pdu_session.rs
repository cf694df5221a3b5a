//! PDU session management (TS 38.413 clauses 8.2 and 9.2.1). The transfers are the SMF's and
//! pass through the AMF as octets; [`crate::transfer`] reads them.

use bytes::Bytes;
use oxirush_ngap::ie;
use oxirush_ngap::ngap::{self as asn, NGAPPDU};

use super::ie::{field_type, messages, read_field, write_field};
use crate::diagnostics::CriticalityDiagnostics;
use crate::identity::Snssai;
use crate::ids::{AmfUeNgapId, PduSessionId, RanUeNgapId};
use crate::location::UserLocationInformation;
use crate::qos::UeAggregateMaximumBitRate;
use crate::wire::{Invalid, Wire, lists, record};

/// A session to set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PduSessionResourceSetupItem {
    /// Which.
    pub pdu_session_id: PduSessionId,
    /// A NAS message for the UE about it.
    pub nas_pdu: Option<Bytes>,
    /// Its slice.
    pub s_nssai: Snssai,
    /// PDU Session Resource Setup Request Transfer.
    pub transfer: Bytes,
}

impl<'w> Wire<asn::PDUSessionResourceSetupItemSUReq<'w>> for PduSessionResourceSetupItem {
    fn from_wire(wire: asn::PDUSessionResourceSetupItemSUReq<'w>) -> Result<Self, Invalid> {
        Ok(Self {
            pdu_session_id: Wire::from_wire(wire.pdu_session_id)?,
            nas_pdu: Wire::from_wire(wire.pdu_session_nas_pdu)?,
            s_nssai: Wire::from_wire(wire.s_nssai)?,
            transfer: Wire::from_wire(wire.pdu_session_resource_setup_request_transfer)?,
        })
    }
    fn to_wire(&self) -> Result<asn::PDUSessionResourceSetupItemSUReq<'w>, Invalid> {
        Ok(asn::PDUSessionResourceSetupItemSUReq {
            pdu_session_id: self.pdu_session_id.to_wire()?,
            pdu_session_nas_pdu: self.nas_pdu.to_wire()?,
            s_nssai: self.s_nssai.to_wire()?,
            pdu_session_resource_setup_request_transfer: self.transfer.to_wire()?,
            ie_extensions: None,
        })
    }
}

impl<'w> Wire<asn::PDUSessionResourceSetupItemCxtReq<'w>> for PduSessionResourceSetupItem {
    fn from_wire(wire: asn::PDUSessionResourceSetupItemCxtReq<'w>) -> Result<Self, Invalid> {
        Ok(Self {
            pdu_session_id: Wire::from_wire(wire.pdu_session_id)?,
            nas_pdu: Wire::from_wire(wire.nas_pdu)?,
            s_nssai: Wire::from_wire(wire.s_nssai)?,
            transfer: Wire::from_wire(wire.pdu_session_resource_setup_request_transfer)?,
        })
    }
    fn to_wire(&self) -> Result<asn::PDUSessionResourceSetupItemCxtReq<'w>, Invalid> {
        Ok(asn::PDUSessionResourceSetupItemCxtReq {
            pdu_session_id: self.pdu_session_id.to_wire()?,
            nas_pdu: self.nas_pdu.to_wire()?,
            s_nssai: self.s_nssai.to_wire()?,
            pdu_session_resource_setup_request_transfer: self.transfer.to_wire()?,
            ie_extensions: None,
        })
    }
}

record! {
    /// A session to change.
    PduSessionResourceModifyItem = PDUSessionResourceModifyItemModReq<'w> {
        /// Which.
        pdu_session_id: PduSessionId,
        /// A NAS message for the UE about it.
        nas_pdu: Option<Bytes>,
        /// PDU Session Resource Modify Request Transfer.
        pdu_session_resource_modify_request_transfer: Bytes,
    }
}

/// Declares a session with its transfer, as several lists have it under different names.
macro_rules! transfer_items {
    ($($(#[$meta:meta])* $Name:ident { $($Asn:ident . $field:ident,)* })*) => {
        $($(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $Name {
            /// Which.
            pub pdu_session_id: PduSessionId,
            /// The transfer that the list has for it.
            pub transfer: Bytes,
        }
        $(impl<'w> Wire<asn::$Asn<'w>> for $Name {
            fn from_wire(wire: asn::$Asn<'w>) -> Result<Self, Invalid> {
                Ok(Self {
                    pdu_session_id: Wire::from_wire(wire.pdu_session_id)?,
                    transfer: Wire::from_wire(wire.$field)?,
                })
            }
            fn to_wire(&self) -> Result<asn::$Asn<'w>, Invalid> {
                Ok(asn::$Asn {
                    pdu_session_id: self.pdu_session_id.to_wire()?,
                    $field: self.transfer.to_wire()?,
                    ie_extensions: None,
                })
            }
        })*)*
    };
}

transfer_items! {
    /// A session set up, released or changed, with the response transfer of that.
    PduSessionResourceResponseItem {
        PDUSessionResourceSetupItemSURes.pdu_session_resource_setup_response_transfer,
        PDUSessionResourceSetupItemCxtRes.pdu_session_resource_setup_response_transfer,
        PDUSessionResourceReleasedItemRelRes.pdu_session_resource_release_response_transfer,
        PDUSessionResourceModifyItemModRes.pdu_session_resource_modify_response_transfer,
    }
    /// A session that could not be set up or changed, with the unsuccessful transfer of that.
    PduSessionResourceFailedItem {
        PDUSessionResourceFailedToSetupItemSURes.pdu_session_resource_setup_unsuccessful_transfer,
        PDUSessionResourceFailedToSetupItemCxtRes.pdu_session_resource_setup_unsuccessful_transfer,
        PDUSessionResourceFailedToSetupItemCxtFail.pdu_session_resource_setup_unsuccessful_transfer,
        PDUSessionResourceFailedToModifyItemModRes.pdu_session_resource_modify_unsuccessful_transfer,
    }
    /// A session to release, with a PDU Session Resource Release Command Transfer.
    PduSessionResourceToReleaseItem {
        PDUSessionResourceToReleaseItemRelCmd.pdu_session_resource_release_command_transfer,
    }
    /// A session the RAN tells about, with a PDU Session Resource Notify Transfer, or, when it
    /// released the session, a Notify Released Transfer.
    PduSessionResourceNotifyItem {
        PDUSessionResourceNotifyItem.pdu_session_resource_notify_transfer,
        PDUSessionResourceReleasedItemNot.pdu_session_resource_notify_released_transfer,
    }
}

/// Makes each list of bare session identifiers a list of `PduSessionId`.
macro_rules! bare_items {
    ($($Item:ident,)*) => {
        $(impl Wire<asn::$Item> for PduSessionId {
            fn from_wire(wire: asn::$Item) -> Result<Self, Invalid> {
                Self::from_wire(wire.pdu_session_id)
            }
            fn to_wire(&self) -> Result<asn::$Item, Invalid> {
                Ok(asn::$Item { pdu_session_id: self.to_wire()?, ie_extensions: None })
            }
        })*
    };
}
bare_items! { PDUSessionResourceItemCxtRelReq, PDUSessionResourceItemCxtRelCpl, }

lists! {
    PDUSessionResourceSetupListSUReq<'w> = PduSessionResourceSetupItem,
    PDUSessionResourceSetupListCxtReq<'w> = PduSessionResourceSetupItem,
    PDUSessionResourceSetupListSURes<'w> = PduSessionResourceResponseItem,
    PDUSessionResourceSetupListCxtRes<'w> = PduSessionResourceResponseItem,
    PDUSessionResourceFailedToSetupListSURes<'w> = PduSessionResourceFailedItem,
    PDUSessionResourceFailedToSetupListCxtRes<'w> = PduSessionResourceFailedItem,
    PDUSessionResourceFailedToSetupListCxtFail<'w> = PduSessionResourceFailedItem,
    PDUSessionResourceToReleaseListRelCmd<'w> = PduSessionResourceToReleaseItem,
    PDUSessionResourceReleasedListRelRes<'w> = PduSessionResourceResponseItem,
    PDUSessionResourceModifyListModReq<'w> = PduSessionResourceModifyItem,
    PDUSessionResourceModifyListModRes<'w> = PduSessionResourceResponseItem,
    PDUSessionResourceFailedToModifyListModRes<'w> = PduSessionResourceFailedItem,
    PDUSessionResourceNotifyList<'w> = PduSessionResourceNotifyItem,
    PDUSessionResourceReleasedListNot<'w> = PduSessionResourceNotifyItem,
    PDUSessionResourceListCxtRelReq = PduSessionId,
    PDUSessionResourceListCxtRelCpl = PduSessionId,
}

messages! {
    /// PDU SESSION RESOURCE SETUP REQUEST (9.2.1.1), AMF to RAN.
    PduSessionResourceSetupRequest = PDUSessionResourceSetupRequest {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// A NAS message about none of the sessions.
        opt nas_pdu: Bytes = NAS_PDU,
        /// The sessions, 1 to 256.
        man pdu_session_resource_setup_list: Vec<PduSessionResourceSetupItem>
            = PDUSessionResourceSetupListSUReq,
        /// The UE's aggregate maximum bit rate, if not told before.
        opt ue_aggregate_maximum_bit_rate: UeAggregateMaximumBitRate = UEAggregateMaximumBitRate,
    }

    /// PDU SESSION RESOURCE SETUP RESPONSE (9.2.1.2), RAN to AMF.
    PduSessionResourceSetupResponse = PDUSessionResourceSetupResponse {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Sessions set up (transfer: PDU Session Resource Setup Response Transfer).
        opt pdu_session_resource_setup_list: Vec<PduSessionResourceResponseItem>
            = PDUSessionResourceSetupListSURes,
        /// Sessions that failed (transfer: PDU Session Resource Setup Unsuccessful Transfer).
        opt pdu_session_resource_failed_to_setup_list: Vec<PduSessionResourceFailedItem>
            = PDUSessionResourceFailedToSetupListSURes,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
        /// Where the UE is.
        opt user_location_information: UserLocationInformation = UserLocationInformation,
    }

    /// PDU SESSION RESOURCE RELEASE COMMAND (9.2.1.3), AMF to RAN.
    PduSessionResourceReleaseCommand = PDUSessionResourceReleaseCommand {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// A NAS message for the UE.
        opt nas_pdu: Bytes = NAS_PDU,
        /// The sessions, 1 to 256.
        man pdu_session_resource_to_release_list: Vec<PduSessionResourceToReleaseItem>
            = PDUSessionResourceToReleaseListRelCmd,
    }

    /// PDU SESSION RESOURCE RELEASE RESPONSE (9.2.1.4), RAN to AMF.
    PduSessionResourceReleaseResponse = PDUSessionResourceReleaseResponse {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// The sessions released (transfer: PDU Session Resource Release Response Transfer).
        len pdu_session_resource_released_list: Vec<PduSessionResourceResponseItem>
            = PDUSessionResourceReleasedListRelRes,
        /// Where the UE is.
        opt user_location_information: UserLocationInformation = UserLocationInformation,
        /// What was not comprehended in the command.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// PDU SESSION RESOURCE MODIFY REQUEST (9.2.1.5), AMF to RAN.
    PduSessionResourceModifyRequest = PDUSessionResourceModifyRequest {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// The sessions, 1 to 256.
        man pdu_session_resource_modify_list: Vec<PduSessionResourceModifyItem>
            = PDUSessionResourceModifyListModReq,
    }

    /// PDU SESSION RESOURCE MODIFY RESPONSE (9.2.1.6), RAN to AMF.
    PduSessionResourceModifyResponse = PDUSessionResourceModifyResponse {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Sessions changed (transfer: PDU Session Resource Modify Response Transfer).
        opt pdu_session_resource_modify_list: Vec<PduSessionResourceResponseItem>
            = PDUSessionResourceModifyListModRes,
        /// Sessions that failed (transfer: PDU Session Resource Modify Unsuccessful Transfer).
        opt pdu_session_resource_failed_to_modify_list: Vec<PduSessionResourceFailedItem>
            = PDUSessionResourceFailedToModifyListModRes,
        /// Where the UE is.
        opt user_location_information: UserLocationInformation = UserLocationInformation,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// PDU SESSION RESOURCE NOTIFY (9.2.1.7), RAN to AMF.
    PduSessionResourceNotify = PDUSessionResourceNotify {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Sessions whose flows changed.
        opt pdu_session_resource_notify_list: Vec<PduSessionResourceNotifyItem>
            = PDUSessionResourceNotifyList,
        /// Sessions the RAN released.
        opt pdu_session_resource_released_list: Vec<PduSessionResourceNotifyItem>
            = PDUSessionResourceReleasedListNot,
        /// Where the UE is.
        opt user_location_information: UserLocationInformation = UserLocationInformation,
    }
}
