//! Transport of NAS messages (TS 38.413 clauses 8.6 and 9.2.5), and paging (9.2.4).

use bytes::Bytes;
use oxirush_ngap::ie;
use oxirush_ngap::ngap::{self as asn, NGAPPDU};

use super::ie::{field_type, messages, read_field, write_field};
use super::interface::PagingDrx;
use super::ue_context::UeRadioCapabilityForPaging;
use crate::cause::Cause;
use crate::identity::{FiveGSTmsi, Snssai, Tai};
use crate::ids::{AmfUeNgapId, RanUeNgapId};
use crate::location::UserLocationInformation;
use crate::qos::UeAggregateMaximumBitRate;
use crate::wire::enumerated;

enumerated! {
    /// RRC Establishment Cause (clause 9.3.1.111).
    #[derive(Default)]
    RrcEstablishmentCause = RRCEstablishmentCause {
        /// Emergency.
        Emergency = emergency,
        /// High priority access.
        HighPriorityAccess = highPriorityAccess,
        /// Mobile terminated access.
        MtAccess = mt_Access,
        /// Mobile originated signalling.
        MoSignalling = mo_Signalling,
        /// Mobile originated data.
        MoData = mo_Data,
        /// Mobile originated voice call.
        MoVoiceCall = mo_VoiceCall,
        /// Mobile originated video call.
        MoVideoCall = mo_VideoCall,
        /// Mobile originated SMS.
        MoSms = mo_SMS,
        /// Multimedia priority service.
        MpsPriorityAccess = mps_PriorityAccess,
        /// Mission critical service.
        McsPriorityAccess = mcs_PriorityAccess,
        /// Not known, also when it was not understood.
        #[default]
        NotAvailable = notAvailable,
        /// Mobile originated exception data.
        MoExceptionData = mo_ExceptionData,
    }
}

enumerated! {
    /// Paging Priority (clause 9.3.1.78), 1 is the highest.
    PagingPriority = PagingPriority {
        /// Level 1.
        Level1 = priolevel1,
        /// Level 2.
        Level2 = priolevel2,
        /// Level 3.
        Level3 = priolevel3,
        /// Level 4.
        Level4 = priolevel4,
        /// Level 5.
        Level5 = priolevel5,
        /// Level 6.
        Level6 = priolevel6,
        /// Level 7.
        Level7 = priolevel7,
        /// Level 8.
        Level8 = priolevel8,
    }
}

messages! {
    /// INITIAL UE MESSAGE (9.2.5.1), RAN to AMF.
    InitialUeMessage = InitialUEMessage {
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Its first NAS message.
        man nas_pdu: Bytes = NAS_PDU,
        /// Where it is.
        man user_location_information: UserLocationInformation = UserLocationInformation,
        /// Why it connected.
        len rrc_establishment_cause: RrcEstablishmentCause = RRCEstablishmentCause,
        /// Its temporary identity, if it told one in RRC.
        opt five_g_s_tmsi: FiveGSTmsi = FiveG_S_TMSI,
        /// The AMF set the RAN rerouted to.
        opt amf_set_id: u16 = AMFSetID,
        /// The RAN asks for an Initial Context Setup.
        flag ue_context_request: bool = UEContextRequest,
        /// The UE's slices, when another AMF rerouted it.
        opt allowed_nssai: Vec<Snssai> = AllowedNSSAI,
    }

    /// DOWNLINK NAS TRANSPORT (9.2.5.2), AMF to RAN.
    DownlinkNasTransport = DownlinkNASTransport {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// The AMF it was rerouted from.
        opt old_amf: String = OldAMF,
        /// The NAS message.
        man nas_pdu: Bytes = NAS_PDU,
        /// RAT/frequency selection priority, 1 to 256.
        opt index_to_rfsp: u16 = IndexToRFSP,
        /// The UE's aggregate maximum bit rate.
        opt ue_aggregate_maximum_bit_rate: UeAggregateMaximumBitRate = UEAggregateMaximumBitRate,
        /// The UE's slices.
        opt allowed_nssai: Vec<Snssai> = AllowedNSSAI,
    }

    /// UPLINK NAS TRANSPORT (9.2.5.3), RAN to AMF.
    UplinkNasTransport = UplinkNASTransport {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// The NAS message.
        man nas_pdu: Bytes = NAS_PDU,
        /// Where the UE is. Mandatory to send; `None` when what came was not understood.
        opt user_location_information: UserLocationInformation = UserLocationInformation,
    }

    /// NAS NON DELIVERY INDICATION (9.2.5.4), RAN to AMF.
    NasNonDeliveryIndication = NASNonDeliveryIndication {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// What was not delivered.
        len nas_pdu: Bytes = NAS_PDU,
        /// Why.
        len cause: Cause = Cause,
    }

    /// PAGING (9.2.4.1), AMF to RAN.
    Paging = Paging {
        /// Whom.
        man ue_paging_identity: FiveGSTmsi = UEPagingIdentity,
        /// Its DRX cycle, if it has one of its own.
        opt paging_drx: PagingDrx = PagingDRX,
        /// Where, 1 to 16.
        man tai_list_for_paging: Vec<Tai> = TAIListForPaging,
        /// How urgent.
        opt paging_priority: PagingPriority = PagingPriority,
        /// What it can do.
        opt ue_radio_capability_for_paging: UeRadioCapabilityForPaging = UERadioCapabilityForPaging,
    }
}
