//! 5GSM messages (TS 24.501 8.3) as the SMF reads and writes them.

use std::net::IpAddr;

use bytes::Bytes;
use nas::ie::{
    EpcoRequest, PduSessionType, QosFlow, QosFlows, QosRule, QosRules, SNssai, SessionAmbr, SessionOptions, SscMode,
};
use nas::{GsmCause, GsmMessage, GsmPdu, gsm};
use runtime::DataNetwork;

use crate::n4_rules::{DEFAULT_QFI, kilobits};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session_type::SessionType;

/// What the UE asks for in a PDU SESSION ESTABLISHMENT REQUEST.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) pdu_session_id: u8,
    pub(crate) pti: u8,
    pub(crate) session_type: Option<PduSessionType>,
    pub(crate) ssc_mode: Option<SscMode>,
    pub(crate) always_on: bool,
    pub(crate) epco: Option<EpcoRequest>,
}

impl Asked {
    /// Reads the UE's request.
    ///
    /// # Errors
    /// With the identities to answer under, where they could be read.
    pub(crate) fn read(octets: &[u8]) -> Result<Self, (u8, u8, Refusal)> {
        let pdu = GsmPdu::decode(octets).map_err(|wrong| {
            let (id, pti) = wrong.header.map_or((0, 0), |header| (header.pdu_session_id, header.pti));
            (id, pti, Refusal::Malformed(wrong.cause().unwrap_or(GsmCause::ProtocolErrorUnspecified)))
        })?;
        let (id, pti) = (pdu.pdu_session_id, pdu.pti);
        let GsmMessage::PduSessionEstablishmentRequest(request) = pdu.message else {
            return Err((id, pti, Refusal::Malformed(GsmCause::MessageTypeNotCompatible)));
        };
        if pti == 0 {
            return Err((id, pti, Refusal::Malformed(GsmCause::InvalidPtiValue)));
        }
        Ok(Self {
            pdu_session_id: id,
            pti,
            session_type: request.pdu_session_type,
            ssc_mode: request.ssc_mode,
            always_on: request.always_on_requested.is_some_and(|requested| requested & 1 == 1),
            epco: request.epco,
        })
    }
}

/// PDU SESSION ESTABLISHMENT ACCEPT (TS 24.501 6.4.1.3).
///
/// `narrowed` tells a UE that asked for IPv4v6 why it gets one of the two.
pub(crate) fn accept(asked: &Asked, session: &Session, network: &DataNetwork, narrowed: Option<GsmCause>) -> GsmPdu {
    let ambr = SessionAmbr {
        downlink_kbps: kilobits(session.granted.ambr.downlink.0),
        uplink_kbps: kilobits(session.granted.ambr.uplink.0),
    };
    let accept = gsm::PduSessionEstablishmentAccept {
        pdu_session_type: session.address.kind().nas(),
        ssc_mode: SscMode::Mode1,
        qos_rules: QosRules(vec![default_rule(session)]),
        session_ambr: ambr,
        cause: narrowed,
        pdu_address: session.address.pdu_address(),
        s_nssai: Some(SNssai::new(session.slice.sst, session.slice.sd.map(|sd| sd.to_octets()))),
        always_on: asked.always_on.then_some(0), // not allowed (9.11.4.3): said only to who asked
        qos_flows: Some(QosFlows(vec![QosFlow::create(DEFAULT_QFI, session.granted.five_qi)])),
        epco: asked.epco.as_ref().and_then(|request| request.answer(&options(session, network))),
        dnn: nas::ie::Dnn::new(&session.dnn.to_string()),
    };
    GsmPdu::new(asked.pdu_session_id, asked.pti, accept)
}

/// The default QoS rule: for every packet. That of an unstructured session has no packet filter (TS 23.501 5.7.1.4).
fn default_rule(session: &Session) -> QosRule {
    let rule = QosRule::match_all(1, DEFAULT_QFI);
    match session.address.kind() {
        SessionType::Unstructured { .. } => QosRule { filters: Vec::new(), ..rule },
        _ => rule,
    }
}

/// What the data network can configure a session with. The MTU of IPv6 comes by Router Advertisement.
fn options(session: &Session, network: &DataNetwork) -> SessionOptions {
    if session.address.pdu_address().is_none() {
        return SessionOptions::default();
    }
    let mtu = session.address.ipv4().map(|_| network.mtu);
    let mut options = SessionOptions { mtu, ..SessionOptions::default() };
    for server in &network.dns {
        match server {
            IpAddr::V4(v4) => options.dns_ipv4.push(*v4),
            IpAddr::V6(v6) => options.dns_ipv6.push(*v6),
        }
    }
    options
}

/// PDU SESSION ESTABLISHMENT REJECT (TS 24.501 6.4.1.4).
pub(crate) fn reject(pdu_session_id: u8, pti: u8, refusal: &Refusal) -> GsmPdu {
    let cause = refusal.gsm_cause();
    let allowed_ssc_mode = (cause == GsmCause::NotSupportedSscMode).then_some(0b001);
    let reject = gsm::PduSessionEstablishmentReject { cause, back_off_timer: None, allowed_ssc_mode, epco: None };
    GsmPdu::new(pdu_session_id, pti, reject)
}

/// PDU SESSION RELEASE COMMAND (TS 24.501 6.3.3.2).
pub(crate) fn release_command(pdu_session_id: u8, pti: u8, cause: GsmCause) -> GsmPdu {
    let command = gsm::PduSessionReleaseCommand { cause, back_off_timer: None, epco: None };
    GsmPdu::new(pdu_session_id, pti, command)
}

/// PDU SESSION RELEASE REJECT (TS 24.501 6.4.3.4).
pub(crate) fn release_reject(pdu_session_id: u8, pti: u8, cause: GsmCause) -> GsmPdu {
    GsmPdu::new(pdu_session_id, pti, gsm::PduSessionReleaseReject { cause, epco: None })
}

/// PDU SESSION MODIFICATION REJECT (TS 24.501 6.4.2.4): this SMF changes no session on the UE's wish.
pub(crate) fn modification_reject(pdu_session_id: u8, pti: u8) -> GsmPdu {
    let cause = GsmCause::ServiceOptionNotSupported;
    GsmPdu::new(pdu_session_id, pti, gsm::PduSessionModificationReject { cause, back_off_timer: None, epco: None })
}

/// 5GSM STATUS (TS 24.501 6.5.3).
pub(crate) fn status(pdu_session_id: u8, pti: u8, cause: GsmCause) -> GsmPdu {
    GsmPdu::new(pdu_session_id, pti, gsm::GsmStatus { cause })
}

/// The octets of a message of ours.
pub(crate) fn octets(pdu: &GsmPdu) -> Option<Bytes> {
    match pdu.encode() {
        Ok(octets) => Some(octets.into()),
        Err(error) => {
            tracing::error!(%error, "a 5GSM message of ours cannot be written");
            None
        }
    }
}
