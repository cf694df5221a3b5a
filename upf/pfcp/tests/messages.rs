//! Messages there and back, against an independent reader, and with everything wrong that can be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pfcp::*;
use proptest::prelude::*;
use rs_pfcp::message::Message as _;

const UE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 45, 0, 2));
const GNB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 8));
const SMF: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4));

fn uplink_pdr() -> CreatePdr {
    let mut pdi = Pdi::new(Interface::Access);
    pdi.f_teid = Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: Some(7) });
    pdi.network_instance = Some(NetworkInstance("internet".into()));
    pdi.ue_ip_addresses = vec![UeIpAddress::source(UE)];
    pdi.qfis = vec![Qfi::new(1).expect("below 64")];
    pdi.framed_routes = vec![FramedRoute("192.0.2.0/24 0.0.0.0 1".into()), FramedRoute("198.51.100.0/24".into())];
    pdi.framed_ipv6_routes = vec![FramedRoute("2001:db8:7::/48 :: 1".into())];
    pdi.sdf_filters = vec![SdfFilter {
        flow_description: Some("permit out ip from any to assigned".into()),
        tos_traffic_class: Some(0xb8fc),
        security_parameter_index: Some(0x1234_5678),
        flow_label: Some(0xf_1234),
        filter_id: Some(9),
    }];
    let mut pdr = CreatePdr::new(PdrId(1), Precedence(255), pdi);
    pdr.outer_header_removal = Some(OuterHeaderRemoval::GtpUUdpIpv4);
    pdr.far_id = Some(FarId(1));
    pdr.qer_ids = vec![QerId(1), QerId(2)];
    pdr.urr_ids = vec![UrrId(1)];
    pdr
}

fn downlink_far() -> CreateFar {
    let mut forwarding = ForwardingParameters::new(Interface::Access);
    forwarding.outer_header_creation = Some(OuterHeaderCreation::gtpu(Teid(0x55), GNB));
    forwarding.network_instance = Some(NetworkInstance("access".into()));
    forwarding.redirect_information = Some(RedirectInformation::Url("http://example.org".into()));
    forwarding.forwarding_policy = Some(ForwardingPolicy(b"a".to_vec()));
    let mut far = CreateFar::new(FarId(2), ApplyAction::FORW);
    far.forwarding_parameters = Some(forwarding);
    far.bar_id = Some(BarId(1));
    far
}

fn establishment() -> SessionEstablishmentRequest {
    let mut qer = CreateQer::new(QerId(1), GateStatus { uplink_closed: false, downlink_closed: true });
    qer.mbr = Some(BitRates { uplink: 1_000_000, downlink: (1 << 40) - 1 });
    qer.gbr = Some(BitRates { uplink: 1, downlink: 2 });
    qer.qfi = Qfi::new(9);
    let mut urr = CreateUrr::new(
        UrrId(1),
        MeasurementMethod::VOLUM,
        ReportingTriggers::VOLTH | ReportingTriggers::PERIO | ReportingTriggers::VOLQU,
    );
    urr.volume_threshold = Some(Volume { total: Some(1 << 40), uplink: None, downlink: Some(3) });
    urr.measurement_period = Some(Seconds(60));
    let mut bar = CreateBar::new(BarId(1));
    bar.suggested_packets = Some(SuggestedPackets(32));
    let mut request =
        SessionEstablishmentRequest::new(NodeId::Address(SMF), FSeid::new(Seid(0x1122_3344_5566_7788), SMF));
    request.create_pdrs = vec![uplink_pdr()];
    request.create_fars = vec![downlink_far()];
    request.create_qers = vec![qer];
    request.create_urrs = vec![urr];
    request.create_bars = vec![bar];
    request.pdn_type = Some(PdnType::Ipv4);
    request.apn_dnn = Some(ApnDnn("internet.operator".into()));
    request
}

/// Rules of an Ethernet session, with every element of one.
fn ethernet() -> SessionEstablishmentRequest {
    let mac = |last| Some(Mac([2, 0, 0, 0, 0, last]));
    let named = EthernetPacketFilter { id: Some(EthernetFilterId(3)), ..EthernetPacketFilter::new() };
    let filter = EthernetPacketFilter {
        properties: Some(EthernetFilterProperties::BIDE),
        addresses: vec![
            MacAddress { source: mac(1), destination: mac(2), upper_source: mac(9), upper_destination: mac(2) },
            MacAddress { destination: mac(7), ..MacAddress::default() },
        ],
        ethertype: Some(Ethertype(0x0806)),
        c_tag: Some(VlanTag { pcp: Some(5), dei: Some(true), vid: Some(0xabc) }),
        s_tag: Some(VlanTag { vid: Some(7), ..VlanTag::default() }),
        sdf_filters: vec![SdfFilter::flow("permit out ip from any to assigned")],
        ..named.clone()
    };
    let mut uplink = uplink_pdr();
    uplink.pdi.ethernet_packet_filters = vec![filter];
    let mut downlink = CreatePdr::new(PdrId(2), Precedence(255), Pdi::new(Interface::Core));
    downlink.pdi.ethernet_packet_filters = vec![named];
    downlink.pdi.ethernet_pdu_session_information = Some(EthernetPduSessionInformation::ETHI);
    let mut request = establishment();
    request.create_pdrs = vec![uplink, downlink];
    request.create_urrs[0].reporting_triggers = ReportingTriggers::MACAR;
    request.create_urrs[0].ethernet_inactivity_timer = Some(Seconds(60));
    request.pdn_type = Some(PdnType::Ethernet);
    request
}

fn stations() -> UsageReport {
    let list = |last| MacAddresses { addresses: vec![Mac([2, 0, 0, 0, 0, last]); 2], ..MacAddresses::default() };
    let tag = Some(VlanTag { vid: Some(7), ..VlanTag::default() });
    let detected = vec![list(1), MacAddresses { c_tag: tag, s_tag: tag, ..list(2) }];
    let traffic = EthernetTrafficInformation { detected, removed: vec![MacAddresses { s_tag: tag, ..list(3) }] };
    let report = UsageReport::new(UrrId(1), UrSeqn(4), UsageReportTrigger::MACAR);
    UsageReport { ethernet_traffic: Some(traffic), ..report }
}

/// TS 29.244 8.2.93 to 8.2.95: octets as the specification draws them, and what cannot be.
#[test]
fn addresses_and_tags_of_ethernet_lie_where_they_are_drawn() {
    let octets = Packet { seid: Some(Seid(5)), sequence: Sequence::new(1), message: ethernet().into() };
    let octets = octets.encode().expect("fits");
    let has = |value: &[u8]| octets.windows(value.len()).any(|window| window == value);
    let address = [&[0, 133, 0, 25, 0x0f][..], &[2, 0, 0, 0, 0, 1], &[2, 0, 0, 0, 0, 2], &[2, 0, 0, 0, 0, 9]].concat();
    assert!(has(&address) && has(&[0, 133, 0, 7, 2, 2, 0, 0, 0, 0, 7]));
    assert!(has(&[0, 134, 0, 3, 7, 0xad, 0xbc]) && has(&[0, 135, 0, 3, 4, 0, 7]));
    assert!(has(&[0, 136, 0, 2, 8, 6]) && has(&[0, 142, 0, 1, 1]) && has(&[0, 146, 0, 4, 0, 0, 0, 60]));
    let place = octets.windows(address.len()).position(|window| window == address).expect("there") + address.len() - 1;
    let mut reversed = octets.clone();
    reversed[place] = 0; // the range ends before it begins
    let Err(DecodeError::Rejected { problem, .. }) = Packet::decode(&reversed) else { panic!("taken") };
    assert_eq!(problem, IeProblem { cause: Cause::MandatoryIeIncorrect, offending: ie::MAC_ADDRESS });
}

fn modification() -> SessionModificationRequest {
    let mut far = UpdateFar::new(FarId(2));
    far.apply_action = Some(ApplyAction::BUFF | ApplyAction::NOCP);
    let mut forwarding = UpdateForwardingParameters::new();
    forwarding.outer_header_creation =
        Some(OuterHeaderCreation::gtpu(Teid(7), "2001:db8::7".parse().expect("an address")));
    forwarding.sm_req_flags = Some(SmReqFlags::SNDEM);
    far.forwarding_parameters = Some(forwarding);
    let mut pdr = UpdatePdr::new(PdrId(1));
    pdr.precedence = Some(Precedence(3));
    SessionModificationRequest {
        remove_pdrs: vec![RemovePdr::new(PdrId(4))],
        remove_fars: vec![RemoveFar::new(FarId(4))],
        remove_qers: vec![RemoveQer::new(QerId(4))],
        remove_urrs: vec![RemoveUrr::new(UrrId(4))],
        remove_bars: vec![RemoveBar::new(BarId(4))],
        update_fars: vec![far],
        update_pdrs: vec![pdr],
        update_qers: vec![UpdateQer { gate_status: Some(GateStatus::default()), ..UpdateQer::new(QerId(1)) }],
        update_urrs: vec![UpdateUrr { time_quota: Some(Seconds(5)), ..UpdateUrr::new(UrrId(1)) }],
        update_bars: vec![UpdateBar { notification_delay: Some(NotificationDelay(2)), ..UpdateBar::new(BarId(1)) }],
        query_urrs: vec![QueryUrr::new(UrrId(1))],
        sm_req_flags: Some(SmReqFlags::QAURR),
        ..SessionModificationRequest::default()
    }
}

fn usage() -> UsageReport {
    let mut report = UsageReport::new(UrrId(1), UrSeqn(3), UsageReportTrigger::TERMR);
    report.volume = Some(VolumeMeasurement {
        total: Some(30),
        uplink: Some(10),
        downlink: Some(20),
        ..VolumeMeasurement::default()
    });
    report.duration = Some(Seconds(12));
    report.start_time = Some(NtpTime(1));
    report.end_time = Some(NtpTime(13));
    report
}

fn created() -> Vec<CreatedPdr> {
    vec![CreatedPdr { f_teid: Some(FTeid::new(Teid(0xabcd), GNB)), ..CreatedPdr::new(PdrId(1)) }]
}

fn application() -> ApplicationPfds {
    let all = PfdContents {
        url: Some(b"https://example.org/.*".to_vec()),
        domain_name: Some(b"example.org".to_vec()),
        custom: Some(vec![1, 2, 3]),
        domain_name_protocol: Some(b"tls".to_vec()),
        more_flow_descriptions: Some(vec![0, 1, b'x']),
        more_urls: Some(vec![]),
        more_domain_names: Some(vec![7]),
        ..PfdContents::flow("permit out 6 from 192.0.2.7 443 to any")
    };
    let of_url = PfdContents { url: Some(vec![b'u']), ..PfdContents::default() };
    let contexts = [vec![all], vec![PfdContents::flow("permit out ip from any to any"), of_url]];
    let contexts = contexts.map(|contents| PfdContext { contents }).into();
    ApplicationPfds { application_id: ApplicationId(b"maps".to_vec()), contexts }
}

fn overload() -> OverloadControlInformation {
    let overload = OverloadControlInformation::new(LoadSequence(8), Metric(50), Timer(5));
    OverloadControlInformation { flags: Some(OciFlags::AOCI), ..overload }
}

/// One of each message, with every element at least once over all.
fn all() -> Vec<Packet> {
    let node = |message: Message| Packet { seid: None, sequence: Sequence::new(0x01_0203), message };
    let session = |message: Message| Packet { seid: Some(Seid(5)), sequence: Sequence::new(0xff_ffff), message };
    let (id, recovery) = (NodeId::Address(SMF), RecoveryTimeStamp(3_900_000_000));
    let name = NodeId::Fqdn("upf1.example.org".into());
    let features = UpFunctionFeatures::FTUP | UpFunctionFeatures::EMPU | UpFunctionFeatures::UEIP;
    vec![
        node(HeartbeatRequest::new(recovery).into()),
        node(HeartbeatResponse::new(recovery).into()),
        node(
            AssociationSetupRequest {
                cp_features: Some(CpFunctionFeatures::LOAD),
                ..AssociationSetupRequest::new(id.clone(), recovery)
            }
            .into(),
        ),
        node(
            AssociationSetupResponse {
                up_features: Some(features),
                ..AssociationSetupResponse::new(name.clone(), Cause::RequestAccepted, recovery)
            }
            .into(),
        ),
        node(
            AssociationUpdateRequest {
                release_request: Some(ReleaseRequest(1)),
                ..AssociationUpdateRequest::new(name.clone())
            }
            .into(),
        ),
        node(AssociationUpdateResponse::new(id.clone(), Cause::Other(200)).into()),
        node(AssociationReleaseRequest::new(NodeId::Address(Ipv6Addr::LOCALHOST.into())).into()),
        node(AssociationReleaseResponse::new(id.clone(), Cause::RequestAccepted).into()),
        session(establishment().into()),
        session(ethernet().into()),
        session(
            SessionReportRequest { usage_reports: vec![stations()], ..SessionReportRequest::new(ReportType::USAR) }
                .into(),
        ),
        session(
            SessionEstablishmentResponse {
                up_f_seid: Some(FSeid { seid: Seid(9), ipv4: None, ipv6: Some(Ipv6Addr::LOCALHOST) }),
                created_pdrs: created(),
                offending_ie: Some(OffendingIe(ie::F_TEID)),
                failed_rule_id: Some(FailedRuleId::Pdr(1)),
                load: Some(LoadControlInformation::new(LoadSequence(7), Metric(80))),
                overload: Some(overload()),
                ..SessionEstablishmentResponse::new(id, Cause::RequestAccepted)
            }
            .into(),
        ),
        session(modification().into()),
        session(
            SessionModificationResponse {
                usage_reports: vec![usage()],
                created_pdrs: created(),
                failed_rule_id: Some(FailedRuleId::Bar(3)),
                load: Some(LoadControlInformation::new(LoadSequence(u32::MAX), Metric(0))),
                ..SessionModificationResponse::new(Cause::RequestAccepted)
            }
            .into(),
        ),
        session(SessionDeletionRequest::new().into()),
        session(
            SessionDeletionResponse {
                usage_reports: vec![usage(), usage()],
                overload: Some(overload()),
                ..SessionDeletionResponse::new(Cause::MoreUsageReportToSend)
            }
            .into(),
        ),
        session(
            SessionReportRequest {
                downlink_data_report: Some(DownlinkDataReport { pdr_ids: vec![PdrId(2), PdrId(3)] }),
                usage_reports: vec![usage()],
                error_indication_report: Some(ErrorIndicationReport { remote_f_teids: vec![FTeid::new(Teid(1), GNB)] }),
                ..SessionReportRequest::new(ReportType::DLDR | ReportType::USAR | ReportType::ERIR)
            }
            .into(),
        ),
        session(
            SessionReportResponse {
                sr_rsp_flags: Some(SrRspFlags::DROBU),
                ..SessionReportResponse::new(Cause::RequestAccepted)
            }
            .into(),
        ),
        node(
            NodeReportRequest {
                path_failure: Some(PathFailureReport { peers: vec![GNB.into(), SMF.into()] }),
                path_recovery: Some(PathRecoveryReport {
                    peers: vec![GtpUPeer { ipv4: Some(Ipv4Addr::LOCALHOST), ipv6: Some(Ipv6Addr::LOCALHOST) }],
                }),
                ..NodeReportRequest::new(name.clone(), NodeReportType(3))
            }
            .into(),
        ),
        node(
            NodeReportResponse {
                offending_ie: Some(OffendingIe(ie::NODE_REPORT_TYPE)),
                ..NodeReportResponse::new(name, Cause::MandatoryIeMissing)
            }
            .into(),
        ),
        node(VersionNotSupportedResponse::new().into()),
        node(PfdManagementRequest { applications: vec![application()] }.into()),
        node(
            PfdManagementResponse {
                offending_ie: Some(OffendingIe(ie::PFD_CONTENTS)),
                ..PfdManagementResponse::new(Cause::ServiceNotSupported)
            }
            .into(),
        ),
    ]
}

#[test]
fn every_message_comes_back_as_it_was() {
    for packet in all() {
        let octets = packet.encode().expect("fits");
        assert_eq!(Packet::decode(&octets).as_ref(), Ok(&packet));
    }
}

#[test]
fn an_independent_reader_reads_the_same() {
    for packet in all() {
        let octets = packet.encode().expect("fits");
        let read = rs_pfcp::message::parse(&octets).unwrap_or_else(|why| panic!("{:?}: {why}", packet.message.kind()));
        assert_eq!(read.msg_type() as u8, packet.message.kind().code());
        assert_eq!(read.sequence().0, packet.sequence.value());
        assert_eq!(read.seid().map(|seid| seid.0), packet.seid.map(|seid| seid.0));
    }
}

/// TS 29.244 8.2.70: the flags of a GTP-U peer, and what may follow its addresses.
#[test]
fn a_gtp_u_peer_is_read_by_its_flags() {
    let report = |value: &[u8]| {
        let (id, kind) = ([0, 60, 0, 5, 0, 127, 0, 0, 7], [0, 101, 0, 1, 1]);
        let peer = [&[0, 103, 0, value.len() as u8], value].concat();
        let group = [&[0, 102, 0, peer.len() as u8], &peer[..]].concat();
        let body = [&id[..], &kind, &group].concat();
        Packet::decode(&with_body(&[0x20, 12, 0, 0, 0, 0, 1, 0], &body))
    };
    let read = |value: &[u8]| match report(value).map(|packet| packet.message) {
        Ok(Message::NodeReportRequest(request)) => request.path_failure.expect("there").peers,
        other => panic!("{other:?}"),
    };
    let v4 = Ipv4Addr::new(192, 0, 2, 1);
    assert_eq!(read(&[2, 192, 0, 2, 1]), [GtpUPeer { ipv4: Some(v4), ipv6: None }]);
    // With a destination interface and a network instance behind.
    assert_eq!(read(&[14, 192, 0, 2, 1, 0, 1, 0, 0, 1, b'a']), [GtpUPeer { ipv4: Some(v4), ipv6: None }]);
    assert_eq!(read(&[&[1][..], &[0; 16]].concat()), [GtpUPeer { ipv4: None, ipv6: Some(Ipv6Addr::UNSPECIFIED) }]);
    for (value, cause) in [
        (&[][..], Cause::InvalidLength),
        (&[2, 192, 0], Cause::InvalidLength),
        (&[1, 0, 0], Cause::InvalidLength),
        (&[0], Cause::MandatoryIeIncorrect),
    ] {
        let Err(DecodeError::Rejected { problem, .. }) = report(value) else { panic!("taken: {value:?}") };
        assert_eq!(problem, IeProblem { cause, offending: ie::REMOTE_GTP_U_PEER });
    }
}

#[test]
fn an_independent_writer_is_understood() {
    use rs_pfcp::ie::create_far::CreateFar as Far;
    use rs_pfcp::message::session_establishment_request::SessionEstablishmentRequestBuilder;
    let pdi = rs_pfcp::ie::pdi::PdiBuilder::uplink_access()
        .f_teid(rs_pfcp::ie::f_teid::Fteid::choose_ipv4(0))
        .sdf_filter(rs_pfcp::ie::sdf_filter::SdfFilter::new("permit out ip from any to assigned"))
        .build()
        .expect("a PDI");
    let pdr = rs_pfcp::ie::create_pdr::CreatePdrBuilder::new(rs_pfcp::ie::pdr_id::PdrId::new(1))
        .precedence(rs_pfcp::ie::precedence::Precedence::new(100))
        .pdi(pdi)
        .far_id(rs_pfcp::ie::far_id::FarId::new(1))
        .build()
        .expect("a PDR");
    let far = Far::builder(rs_pfcp::ie::far_id::FarId::new(1))
        .forward_to(rs_pfcp::ie::destination_interface::Interface::Core)
        .build()
        .expect("a FAR");
    let octets = SessionEstablishmentRequestBuilder::new(0, 77)
        .node_id(Ipv4Addr::new(127, 0, 0, 4))
        .fseid(0x11, Ipv4Addr::new(127, 0, 0, 4))
        .create_pdrs(vec![pdr.to_ie()])
        .create_fars(vec![far.to_ie()])
        .build()
        .expect("a request")
        .marshal();
    let packet = Packet::decode(&octets).expect("is a message");
    let Message::SessionEstablishmentRequest(request) = packet.message else { panic!("another message") };
    assert_eq!(request.cp_f_seid, FSeid::new(Seid(0x11), SMF));
    let pdr = &request.create_pdrs[0];
    assert_eq!((pdr.pdr_id, pdr.precedence, pdr.far_id), (PdrId(1), Precedence(100), Some(FarId(1))));
    assert_eq!(pdr.pdi.f_teid, Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: None }));
    assert_eq!(pdr.pdi.sdf_filters, [SdfFilter::flow("permit out ip from any to assigned")]);
    let forwarding = request.create_fars[0].forwarding_parameters.as_ref().expect("given");
    assert_eq!(
        (request.create_fars[0].apply_action, forwarding.destination_interface),
        (ApplyAction::FORW, Interface::Core)
    );
}

/// Elements of a message or group as type and value.
fn elements(mut octets: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    while let [a, b, c, d, rest @ ..] = octets {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        found.push((u16::from_be_bytes([*a, *b]), rest[..length].to_vec()));
        octets = &rest[length..];
    }
    found
}

fn joined(elements: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let one =
        |(kind, value): &(u16, Vec<u8>)| [&kind.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat();
    elements.iter().flat_map(one).collect()
}

fn with_body(header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut octets = [header, body].concat();
    let length = (octets.len() - 4) as u16;
    octets[2..4].copy_from_slice(&length.to_be_bytes());
    octets
}

fn rejected(octets: &[u8]) -> (Cause, u16) {
    match Packet::decode(octets) {
        Err(DecodeError::Rejected { problem, .. } | DecodeError::BadResponse { problem, .. }) => {
            (problem.cause, problem.offending)
        }
        other => panic!("not rejected: {other:?}"),
    }
}

#[test]
fn each_mandatory_element_missing_is_named() {
    let octets = Packet::session(Seid(0), Sequence::new(1), establishment()).encode().expect("fits");
    let (header, body) = octets.split_at(16);
    for missing in [ie::NODE_ID, ie::F_SEID] {
        let rest: Vec<_> = elements(body).into_iter().filter(|(kind, _)| *kind != missing).collect();
        assert_eq!(rejected(&with_body(header, &joined(&rest))), (Cause::MandatoryIeMissing, missing));
    }
    let inside = [
        (ie::CREATE_PDR, ie::PDR_ID),
        (ie::CREATE_PDR, ie::PRECEDENCE),
        (ie::CREATE_PDR, ie::PDI),
        (ie::CREATE_FAR, ie::FAR_ID),
        (ie::CREATE_FAR, ie::APPLY_ACTION),
        (ie::CREATE_QER, ie::QER_ID),
        (ie::CREATE_QER, ie::GATE_STATUS),
        (ie::CREATE_URR, ie::MEASUREMENT_METHOD),
        (ie::CREATE_BAR, ie::BAR_ID),
    ];
    for (group, missing) in inside {
        let mut outer = elements(body);
        for (_, value) in outer.iter_mut().filter(|(kind, _)| *kind == group) {
            let rest: Vec<_> = elements(value).into_iter().filter(|(kind, _)| *kind != missing).collect();
            *value = joined(&rest);
        }
        assert_eq!(rejected(&with_body(header, &joined(&outer))), (Cause::MandatoryIeMissing, missing));
    }
}

#[test]
fn a_wrong_node_id_and_a_short_address_are_named() {
    let octets = Packet::session(Seid(0), Sequence::new(1), establishment()).encode().expect("fits");
    let (header, body) = octets.split_at(16);
    let mut outer = elements(body);
    outer.iter_mut().find(|(kind, _)| *kind == ie::NODE_ID).expect("there").1 = vec![9, 1, 2, 3, 4];
    assert_eq!(rejected(&with_body(header, &joined(&outer))), (Cause::MandatoryIeIncorrect, ie::NODE_ID));
    outer.iter_mut().find(|(kind, _)| *kind == ie::NODE_ID).expect("there").1 = vec![0, 1, 2];
    assert_eq!(rejected(&with_body(header, &joined(&outer))), (Cause::InvalidLength, ie::NODE_ID));
}

#[test]
fn the_answer_to_a_bad_establishment_can_name_its_session() {
    let octets = Packet::session(Seid(0), Sequence::new(1), establishment()).encode().expect("fits");
    let (header, body) = octets.split_at(16);
    let rest: Vec<_> = elements(body).into_iter().filter(|(kind, _)| *kind != ie::NODE_ID).collect();
    let Err(DecodeError::Rejected { sender, .. }) = Packet::decode(&with_body(header, &joined(&rest))) else {
        panic!("not rejected")
    };
    assert_eq!(sender, Some(FSeid::new(Seid(0x1122_3344_5566_7788), SMF)));
}

#[test]
fn unknown_elements_are_passed_over_and_the_first_of_several_counts() {
    let octets = Packet::node(Sequence::new(1), HeartbeatRequest::new(RecoveryTimeStamp(7))).encode().expect("fits");
    let (header, body) = octets.split_at(8);
    let mut more = elements(body);
    more.insert(0, (0x8123, vec![0, 1, 2]));
    more.push((ie::RECOVERY_TIME_STAMP, vec![0, 0, 0, 9]));
    more.push((999, vec![]));
    let packet = Packet::decode(&with_body(header, &joined(&more))).expect("is a message");
    assert_eq!(packet.message, HeartbeatRequest::new(RecoveryTimeStamp(7)).into());
}

#[test]
fn other_versions_and_cut_datagrams() {
    let octets = Packet::node(Sequence::new(3), HeartbeatRequest::new(RecoveryTimeStamp(7))).encode().expect("fits");
    let mut other = octets.clone();
    other[0] = 2 << 5;
    assert_eq!(Packet::decode(&other), Err(DecodeError::Version { version: 2, sequence: Sequence::new(3) }));
    for cut in 0..octets.len() {
        assert!(matches!(Packet::decode(&octets[..cut]), Err(DecodeError::Discard(_))), "cut at {cut}");
    }
}

#[test]
fn a_message_too_long_for_a_datagram_is_not_written() {
    let mut request = establishment();
    request.create_pdrs = vec![uplink_pdr(); 1000];
    assert!(Packet::session(Seid(0), Sequence::new(1), request).encode().is_err());
}

proptest! {
    #[test]
    fn arbitrary_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Packet::decode(&octets);
    }

    #[test]
    fn damaged_messages_never_panic(
        which in 0..all().len(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<Option<proptest::sample::Index>>(),
    ) {
        let mut octets = all()[which].encode().expect("fits");
        for (place, value) in damage {
            let place = place.index(octets.len());
            octets[place] = value;
        }
        if let Some(cut) = cut {
            octets.truncate(cut.index(octets.len()));
        }
        if let Ok(packet) = Packet::decode(&octets) {
            // What was read can be written and read again.
            let again = packet.encode().expect("fits");
            prop_assert_eq!(Packet::decode(&again), Ok(packet));
        }
    }
}
