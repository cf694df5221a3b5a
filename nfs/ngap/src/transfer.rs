//! The containers that SMF and RAN exchange through the AMF: N2 SM information (TS 38.413
//! clause 9.3.4). Each has `decode`, which bounds and checks once, and `encode`.

use bytes::Bytes;
use oxirush_ngap::aper::protocol::Ie;
use oxirush_ngap::ngap::{self as asn, decode_open_type, encode_open_type};
use oxirush_ngap::{Deviation, build_ngap_ie, ie};

use crate::cause::Cause;
use crate::diagnostics::{Criticality, CriticalityDiagnostics};
use crate::error::EncodeError;
use crate::ids::Qfi;
use crate::message::ie::{Ies, refused, unencodable};
use crate::qos::{
    PduSessionAggregateMaximumBitRate, QosFlowAddOrModifyRequestItem, QosFlowSetupRequestItem, QosFlowWithCauseItem,
};
use crate::tunnel::GtpTunnel;
use crate::wire::{Invalid, Wire, enumerated, record};

/// The most octets of a transfer that is looked at.
pub const MAX_TRANSFER_LEN: usize = 16_384;

/// The sender's fault: octets that are no such container. The receiver treats the session it is
/// about as failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{container}: {reason}")]
pub struct TransferError {
    /// Which container it should have been.
    pub container: &'static str,
    /// What is wrong.
    pub reason: String,
}

fn wrong(container: &'static str, reason: impl ToString) -> TransferError {
    TransferError { container, reason: reason.to_string() }
}

fn bounded(container: &'static str, octets: &[u8]) -> Result<(), TransferError> {
    if octets.len() > MAX_TRANSFER_LEN {
        return Err(wrong(container, "longer than any such container"));
    }
    Ok(())
}

/// Gives a type that is a plain SEQUENCE its `decode` and `encode`.
macro_rules! sequence_codec {
    ($($Name:ident = $Asn:ident,)*) => {
        $(impl $Name {
            /// The container that `octets` are.
            ///
            /// # Errors
            /// Octets that are too many or no such container.
            pub fn decode(octets: &[u8]) -> Result<Self, TransferError> {
                const NAME: &str = stringify!($Asn);
                bounded(NAME, octets)?;
                let wire: asn::$Asn = decode_open_type(octets).map_err(|e| wrong(NAME, e))?;
                Self::from_wire(wire).map_err(|Invalid(what)| wrong(NAME, what))
            }

            /// The octets of the container.
            ///
            /// # Errors
            /// A field that its IE cannot carry.
            pub fn encode(&self) -> Result<Bytes, EncodeError> {
                const NAME: &str = stringify!($Asn);
                let wire: asn::$Asn = self.to_wire().map_err(refused(NAME))?;
                let octets = encode_open_type(&wire).map_err(unencodable(NAME))?;
                Ok(Bytes::from(octets.into_vec()))
            }
        })*
    };
}

enumerated! {
    /// PDU Session Type (clause 9.3.1.52).
    PduSessionType = PDUSessionType {
        /// IPv4.
        Ipv4 = ipv4,
        /// IPv6.
        Ipv6 = ipv6,
        /// Both.
        Ipv4v6 = ipv4v6,
        /// Ethernet.
        Ethernet = ethernet,
        /// Unstructured.
        Unstructured = unstructured,
    }
}

enumerated! {
    /// Whether user-plane integrity protection is to be used (clause 9.3.1.27).
    IntegrityProtectionIndication = IntegrityProtectionIndication {
        /// It must.
        Required = required,
        /// If the RAN can.
        Preferred = preferred,
        /// It must not.
        NotNeeded = not_needed,
    }
}

enumerated! {
    /// Whether user-plane ciphering is to be used (clause 9.3.1.27).
    ConfidentialityProtectionIndication = ConfidentialityProtectionIndication {
        /// It must.
        Required = required,
        /// If the RAN can.
        Preferred = preferred,
        /// It must not.
        NotNeeded = not_needed,
    }
}

enumerated! {
    /// How much integrity-protected uplink the UE can bear (clause 9.3.1.103).
    MaximumIntegrityProtectedDataRate = MaximumIntegrityProtectedDataRate {
        /// 64 kbit/s.
        Bitrate64Kbs = bitrate64kbs,
        /// Whatever the radio gives.
        MaximumUeRate = maximum_UE_rate,
    }
}

record! {
    /// Security Indication (clause 9.3.1.27).
    #[derive(Copy)]
    SecurityIndication = SecurityIndication {
        /// Integrity protection.
        integrity_protection_indication: IntegrityProtectionIndication,
        /// Ciphering.
        confidentiality_protection_indication: ConfidentialityProtectionIndication,
        /// The UE's limit, there unless integrity protection is not needed.
        maximum_integrity_protected_data_rate_ul: Option<MaximumIntegrityProtectedDataRate>,
    }
}

/// PDU Session Resource Setup Request Transfer (clause 9.3.4.1), SMF to RAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PduSessionResourceSetupRequestTransfer {
    /// There when a non-GBR flow is set up.
    pub pdu_session_aggregate_maximum_bit_rate: Option<PduSessionAggregateMaximumBitRate>,
    /// Where the UPF takes uplink packets.
    pub ul_ngu_up_tnl_information: GtpTunnel,
    /// The type of the session.
    pub pdu_session_type: PduSessionType,
    /// User-plane security.
    pub security_indication: Option<SecurityIndication>,
    /// The flows, 1 to 64.
    pub qos_flow_setup_request_list: Vec<QosFlowSetupRequestItem>,
}

/// The object set's criticality of an IE of a transfer is that of its message; here the sender's
/// counts (clause 10.3.4.2).
fn unacceptable(deviation: &Deviation) -> bool {
    match deviation {
        Deviation::RepeatedIe { .. } | Deviation::OutOfOrder { .. } => true,
        Deviation::MissingIe { criticality, .. } | Deviation::UnexpectedIe { criticality, .. } => {
            Criticality::from_wire(*criticality) == Ok(Criticality::Reject)
        }
        _ => false,
    }
}

/// Refuses a container of IEs that is not of its object set.
fn check(container: &'static str, deviations: &[Deviation]) -> Result<(), TransferError> {
    let fault = deviations.iter().find(|deviation| unacceptable(deviation));
    fault.map_or(Ok(()), |deviation| Err(wrong(container, deviation)))
}

/// The first IE `X` of a container, if it is there.
fn find<'p, X, T>(container: &'static str, ies: &'p asn::ProtocolIEContainer<'_>) -> Result<Option<T>, TransferError>
where
    X: Ie,
    T: Wire<X::Value<'p>>,
{
    let Some(field) = ies.0.iter().find(|field| field.id.0 == X::ID) else { return Ok(None) };
    let value = decode_open_type::<X::Value<'p>>(&field.value).map_err(|e| wrong(container, e))?;
    T::from_wire(value).map(Some).map_err(|Invalid(what)| wrong(container, what))
}

fn required<T>(container: &'static str, name: &str, ie: Option<T>) -> Result<T, TransferError> {
    ie.ok_or_else(|| wrong(container, format!("no {name}")))
}

/// Adds an IE to those of a container.
macro_rules! push {
    ($ies:ident, $Asn:ident, $Ie:ident, $value:expr) => {{
        let value = $value.to_wire().map_err(refused(stringify!($Asn)))?;
        let value: <ie::$Ie as Ie>::Value<'static> = value;
        let field = build_ngap_ie!($Asn, $Ie(value));
        $ies.push(field.map_err(unencodable(stringify!($Asn)))?);
    }};
}

impl PduSessionResourceSetupRequestTransfer {
    const NAME: &str = "PDUSessionResourceSetupRequestTransfer";

    /// The container that `octets` are.
    ///
    /// # Errors
    /// Octets that are too many, no such container, or one with IEs missing or not comprehended
    /// that the sender wants rejected.
    pub fn decode(octets: &[u8]) -> Result<Self, TransferError> {
        const NAME: &str = PduSessionResourceSetupRequestTransfer::NAME;
        bounded(NAME, octets)?;
        type Asn<'a> = asn::PDUSessionResourceSetupRequestTransfer<'a>;
        let deviations = Asn::check_structure(octets).map_err(|e| wrong(NAME, e))?;
        check(NAME, &deviations)?;
        let wire: Asn<'_> = decode_open_type(octets).map_err(|e| wrong(NAME, e))?;
        let ies = &wire.protocol_ies;
        let flows = find::<ie::QosFlowSetupRequestList, _>(NAME, ies)?;
        let tunnel = find::<ie::UL_NGU_UP_TNLInformation, _>(NAME, ies)?;
        let kind = find::<ie::PDUSessionType, _>(NAME, ies)?;
        Ok(Self {
            pdu_session_aggregate_maximum_bit_rate: find::<ie::PDUSessionAggregateMaximumBitRate, _>(NAME, ies)?,
            ul_ngu_up_tnl_information: required(NAME, "UL NG-U UP TNL Information", tunnel)?,
            pdu_session_type: required(NAME, "PDU Session Type", kind)?,
            security_indication: find::<ie::SecurityIndication, _>(NAME, ies)?,
            qos_flow_setup_request_list: required(NAME, "QoS Flow Setup Request List", flows)?,
        })
    }

    /// The octets of the container, its IEs in the order of the ASN.1.
    ///
    /// # Errors
    /// A field that its IE cannot carry.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut ies = Ies::new();
        if let Some(rate) = &self.pdu_session_aggregate_maximum_bit_rate {
            push!(ies, PDUSessionResourceSetupRequestTransfer, PDUSessionAggregateMaximumBitRate, rate);
        }
        let tunnel = &self.ul_ngu_up_tnl_information;
        push!(ies, PDUSessionResourceSetupRequestTransfer, UL_NGU_UP_TNLInformation, tunnel);
        let kind = &self.pdu_session_type;
        push!(ies, PDUSessionResourceSetupRequestTransfer, PDUSessionType, kind);
        if let Some(security) = &self.security_indication {
            push!(ies, PDUSessionResourceSetupRequestTransfer, SecurityIndication, security);
        }
        let flows = &self.qos_flow_setup_request_list;
        push!(ies, PDUSessionResourceSetupRequestTransfer, QosFlowSetupRequestList, flows);
        let ies = asn::ProtocolIEContainer(ies);
        let octets = encode_open_type(&asn::PDUSessionResourceSetupRequestTransfer::new(ies))
            .map_err(unencodable(Self::NAME))?;
        Ok(Bytes::from(octets.into_vec()))
    }
}

/// PDU Session Resource Modify Request Transfer (clause 9.3.4.3), SMF to RAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PduSessionResourceModifyRequestTransfer {
    /// The new aggregate maximum bit rate.
    pub pdu_session_aggregate_maximum_bit_rate: Option<PduSessionAggregateMaximumBitRate>,
    /// Flows to add or change, 1 to 64.
    pub qos_flow_add_or_modify_request_list: Option<Vec<QosFlowAddOrModifyRequestItem>>,
    /// Flows to release, 1 to 64.
    pub qos_flow_to_release_list: Option<Vec<QosFlowWithCauseItem>>,
}

impl PduSessionResourceModifyRequestTransfer {
    const NAME: &str = "PDUSessionResourceModifyRequestTransfer";

    /// The container that `octets` are.
    ///
    /// # Errors
    /// Octets that are too many, no such container, or one with IEs not comprehended that the
    /// sender wants rejected.
    pub fn decode(octets: &[u8]) -> Result<Self, TransferError> {
        const NAME: &str = PduSessionResourceModifyRequestTransfer::NAME;
        bounded(NAME, octets)?;
        type Asn<'a> = asn::PDUSessionResourceModifyRequestTransfer<'a>;
        let deviations = Asn::check_structure(octets).map_err(|e| wrong(NAME, e))?;
        check(NAME, &deviations)?;
        let wire: Asn<'_> = decode_open_type(octets).map_err(|e| wrong(NAME, e))?;
        let ies = &wire.protocol_ies;
        Ok(Self {
            pdu_session_aggregate_maximum_bit_rate: find::<ie::PDUSessionAggregateMaximumBitRate, _>(NAME, ies)?,
            qos_flow_add_or_modify_request_list: find::<ie::QosFlowAddOrModifyRequestList, _>(NAME, ies)?,
            qos_flow_to_release_list: find::<ie::QosFlowToReleaseList, _>(NAME, ies)?,
        })
    }

    /// The octets of the container, its IEs in the order of the ASN.1.
    ///
    /// # Errors
    /// A field that its IE cannot carry.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut ies = Ies::new();
        if let Some(rate) = &self.pdu_session_aggregate_maximum_bit_rate {
            push!(ies, PDUSessionResourceModifyRequestTransfer, PDUSessionAggregateMaximumBitRate, rate);
        }
        if let Some(flows) = &self.qos_flow_add_or_modify_request_list {
            push!(ies, PDUSessionResourceModifyRequestTransfer, QosFlowAddOrModifyRequestList, flows);
        }
        if let Some(flows) = &self.qos_flow_to_release_list {
            push!(ies, PDUSessionResourceModifyRequestTransfer, QosFlowToReleaseList, flows);
        }
        let ies = asn::ProtocolIEContainer(ies);
        let octets = encode_open_type(&asn::PDUSessionResourceModifyRequestTransfer::new(ies))
            .map_err(unencodable(Self::NAME))?;
        Ok(Bytes::from(octets.into_vec()))
    }
}

record! {
    /// QoS Flow per TNL Information (clause 9.3.2.8): a tunnel and the flows it carries.
    QosFlowPerTnlInformation = QosFlowPerTNLInformation<'w> {
        /// The tunnel.
        up_transport_layer_information: GtpTunnel,
        /// Its flows, 1 to 64.
        associated_qos_flow_list: Vec<Qfi>,
    }
}

/// PDU Session Resource Setup Response Transfer (clause 9.3.4.2), RAN to SMF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PduSessionResourceSetupResponseTransfer {
    /// Where the RAN takes downlink packets.
    pub dl_qos_flow_per_tnl_information: QosFlowPerTnlInformation,
    /// Flows that could not be set up.
    pub qos_flow_failed_to_setup_list: Option<Vec<QosFlowWithCauseItem>>,
}

impl<'w> Wire<asn::PDUSessionResourceSetupResponseTransfer<'w>> for PduSessionResourceSetupResponseTransfer {
    fn from_wire(wire: asn::PDUSessionResourceSetupResponseTransfer<'w>) -> Result<Self, Invalid> {
        Ok(Self {
            dl_qos_flow_per_tnl_information: Wire::from_wire(wire.dl_qos_flow_per_tnl_information)?,
            qos_flow_failed_to_setup_list: Wire::from_wire(wire.qos_flow_failed_to_setup_list)?,
        })
    }
    fn to_wire(&self) -> Result<asn::PDUSessionResourceSetupResponseTransfer<'w>, Invalid> {
        Ok(asn::PDUSessionResourceSetupResponseTransfer {
            dl_qos_flow_per_tnl_information: self.dl_qos_flow_per_tnl_information.to_wire()?,
            additional_dl_qos_flow_per_tnl_information: None,
            security_result: None,
            qos_flow_failed_to_setup_list: self.qos_flow_failed_to_setup_list.to_wire()?,
            ie_extensions: None,
        })
    }
}

/// PDU Session Resource Modify Response Transfer (clause 9.3.4.4), RAN to SMF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PduSessionResourceModifyResponseTransfer {
    /// Where the RAN takes downlink packets from now on, when that changed.
    pub dl_ngu_up_tnl_information: Option<GtpTunnel>,
    /// Flows added or changed.
    pub qos_flow_add_or_modify_response_list: Option<Vec<Qfi>>,
    /// Flows that failed.
    pub qos_flow_failed_to_add_or_modify_list: Option<Vec<QosFlowWithCauseItem>>,
}

impl<'w> Wire<asn::PDUSessionResourceModifyResponseTransfer<'w>> for PduSessionResourceModifyResponseTransfer {
    fn from_wire(wire: asn::PDUSessionResourceModifyResponseTransfer<'w>) -> Result<Self, Invalid> {
        Ok(Self {
            dl_ngu_up_tnl_information: Wire::from_wire(wire.dl_ngu_up_tnl_information)?,
            qos_flow_add_or_modify_response_list: Wire::from_wire(wire.qos_flow_add_or_modify_response_list)?,
            qos_flow_failed_to_add_or_modify_list: Wire::from_wire(wire.qos_flow_failed_to_add_or_modify_list)?,
        })
    }
    fn to_wire(&self) -> Result<asn::PDUSessionResourceModifyResponseTransfer<'w>, Invalid> {
        Ok(asn::PDUSessionResourceModifyResponseTransfer {
            dl_ngu_up_tnl_information: self.dl_ngu_up_tnl_information.to_wire()?,
            ul_ngu_up_tnl_information: None,
            qos_flow_add_or_modify_response_list: self.qos_flow_add_or_modify_response_list.to_wire()?,
            additional_dl_qos_flow_per_tnl_information: None,
            qos_flow_failed_to_add_or_modify_list: self.qos_flow_failed_to_add_or_modify_list.to_wire()?,
            ie_extensions: None,
        })
    }
}

record! {
    /// PDU Session Resource Setup Unsuccessful Transfer (clause 9.3.4.16), RAN to SMF.
    PduSessionResourceSetupUnsuccessfulTransfer = PDUSessionResourceSetupUnsuccessfulTransfer {
        /// Why.
        cause: Cause,
        /// What was not comprehended.
        criticality_diagnostics: Option<CriticalityDiagnostics>,
    }
}

record! {
    /// PDU Session Resource Modify Unsuccessful Transfer (clause 9.3.4.17), RAN to SMF.
    PduSessionResourceModifyUnsuccessfulTransfer = PDUSessionResourceModifyUnsuccessfulTransfer {
        /// Why.
        cause: Cause,
        /// What was not comprehended.
        criticality_diagnostics: Option<CriticalityDiagnostics>,
    }
}

record! {
    /// PDU Session Resource Release Command Transfer (clause 9.3.4.12), SMF to RAN.
    #[derive(Copy)]
    PduSessionResourceReleaseCommandTransfer = PDUSessionResourceReleaseCommandTransfer {
        /// Why.
        cause: Cause,
    }
}

record! {
    /// PDU Session Resource Release Response Transfer (clause 9.3.4.21), RAN to SMF.
    #[derive(Copy, Default)]
    PduSessionResourceReleaseResponseTransfer = PDUSessionResourceReleaseResponseTransfer {}
}

record! {
    /// PDU Session Resource Notify Released Transfer (clause 9.3.4.13), RAN to SMF.
    #[derive(Copy)]
    PduSessionResourceNotifyReleasedTransfer = PDUSessionResourceNotifyReleasedTransfer {
        /// Why.
        cause: Cause,
    }
}

sequence_codec! {
    PduSessionResourceSetupResponseTransfer = PDUSessionResourceSetupResponseTransfer,
    PduSessionResourceModifyResponseTransfer = PDUSessionResourceModifyResponseTransfer,
    PduSessionResourceSetupUnsuccessfulTransfer = PDUSessionResourceSetupUnsuccessfulTransfer,
    PduSessionResourceModifyUnsuccessfulTransfer = PDUSessionResourceModifyUnsuccessfulTransfer,
    PduSessionResourceReleaseCommandTransfer = PDUSessionResourceReleaseCommandTransfer,
    PduSessionResourceReleaseResponseTransfer = PDUSessionResourceReleaseResponseTransfer,
    PduSessionResourceNotifyReleasedTransfer = PDUSessionResourceNotifyReleasedTransfer,
}
