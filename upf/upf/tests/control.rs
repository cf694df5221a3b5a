//! Sessions through the control half and the workers.

mod support;

use std::net::{IpAddr, SocketAddr};

use dataplane::{Bucket, Verdict};
use gtpu::Datagram;
use pfcp::*;
use support::*;

#[test]
fn a_session_carries_packets_is_measured_and_ends() {
    let mut site = Site::new(10);
    let (seid, teid) = site.establish(establishment(7, UE));
    let gnb = SocketAddr::new(GNB, gtpu::PORT);

    // Downlink before the gNB's tunnel is known: buffered, and told once.
    let down = packet(HOST.into(), UE);
    site.network.send_n6(&down);
    site.network.send_n6(&down);
    let Event::Request { token, seid: cp, message: Message::SessionReportRequest(report) } = site.event() else {
        panic!("no report");
    };
    assert_eq!((cp, report.report_type), (Seid(7), ReportType::DLDR));
    assert_eq!(report.downlink_data_report.expect("there").pdr_ids, [PdrId(2)]);
    site.smf.respond(token, seid, SessionReportResponse::new(Cause::RequestAccepted)).expect("fits");
    site.carry();

    // With the tunnel known, what was buffered goes out, and then the rest.
    let answer = site.ask(seid, activation(0x55));
    assert_eq!(answer.cause(), Some(Cause::RequestAccepted));
    for _ in 0..2 {
        let (verdict, sent) = site.network.receive(LIMIT).expect("sent");
        let datagram = Datagram::parse(&sent).expect("is GTP-U");
        assert_eq!((verdict, datagram.teid, datagram.payload), (Verdict::ToN3(gnb), 0x55, &down[..]));
        assert_eq!(datagram.pdu_session.map(|container| container.qfi().value()), Some(1));
    }
    let up = packet(UE, HOST.into());
    site.network.send_n3(gnb, &tunnelled(teid, &up));
    assert_eq!(site.network.receive(LIMIT), Some((Verdict::ToN6, up)));

    let text = site.metrics.encode();
    for line in ["packets_total{direction=\"uplink\",nf=\"upf\"} 1", "pfcp_associations{nf=\"upf\"} 1"] {
        assert!(text.contains(line) || text.contains(&reordered(line)), "{line} in {text}");
    }

    let Message::SessionDeletionResponse(gone) = site.ask(seid, SessionDeletionRequest::new()) else {
        panic!("another")
    };
    let volume = gone.usage_reports[0].volume.expect("measured");
    assert_eq!((gone.cause, volume.uplink, volume.downlink), (Cause::RequestAccepted, Some(100), Some(200)));
    assert_eq!(gone.usage_reports[0].trigger, UsageReportTrigger::TERMR);
    assert_eq!(site.control.shared().sessions(), 0);
    // The tunnel is gone with the session.
    site.network.send_n3(gnb, &tunnelled(teid, &packet(UE, HOST.into())));
    let (_, sent) = site.network.receive(LIMIT).expect("sent");
    assert_eq!(Datagram::parse(&sent).expect("is GTP-U").message, gtpu::message::ERROR_INDICATION);
}

/// Asked about, in time, and at its end: what was used is told once, each report with its number and reason.
#[test]
fn usage_is_reported_when_asked_in_time_and_at_the_end() {
    let mut site = Site::new(10);
    let mut request = establishment(7, UE);
    let mut urr = CreateUrr::new(
        UrrId(1),
        MeasurementMethod(MeasurementMethod::VOLUM.0 | MeasurementMethod::DURAT.0),
        ReportingTriggers::PERIO,
    );
    urr.measurement_period = Some(Seconds(1));
    urr.measurement_information = Some(MeasurementInformation::MNOP);
    request.create_urrs = vec![urr];
    let (seid, teid) = site.establish(request);
    let up = packet(UE, HOST.into());
    site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, &up));
    assert_eq!(site.network.receive(LIMIT), Some((Verdict::ToN6, up)));

    let mut query = SessionModificationRequest::new();
    query.query_urrs = vec![QueryUrr::new(UrrId(1))];
    query.query_urr_reference = Some(QueryUrrReference(99));
    let Message::SessionModificationResponse(answer) = site.ask(seid, query) else { panic!("another") };
    let told = &answer.usage_reports[0];
    let volume = told.volume.expect("measured");
    assert_eq!((volume.uplink, volume.total_packets), (Some(100), Some(1)));
    assert_eq!(
        (told.trigger, told.ur_seqn, told.query_urr_reference),
        (UsageReportTrigger::IMMER, UrSeqn(0), Some(QueryUrrReference(99)))
    );

    let Event::Request { token, message: Message::SessionReportRequest(report), .. } = site.event() else {
        panic!("no report");
    };
    let told = &report.usage_reports[0];
    assert_eq!((report.report_type, told.trigger), (ReportType::USAR, UsageReportTrigger::PERIO));
    assert_eq!((told.volume.expect("measured").total, told.ur_seqn), (Some(0), UrSeqn(1)));
    assert!(told.duration.is_some_and(|duration| duration.0 <= 2));
    site.smf.respond(token, seid, SessionReportResponse::new(Cause::RequestAccepted)).expect("fits");
    site.carry();

    let Message::SessionDeletionResponse(gone) = site.ask(seid, SessionDeletionRequest::new()) else {
        panic!("another")
    };
    assert_eq!(gone.usage_reports[0].trigger, UsageReportTrigger::TERMR);
}

/// The same sample with its labels the other way round.
fn reordered(line: &str) -> String {
    line.replace("{direction=\"uplink\",nf=\"upf\"}", "{nf=\"upf\",direction=\"uplink\"}")
}

/// TS 23.527 4.3: a UPF that has started again takes its sessions back as they were, tunnels and all.
#[test]
fn a_session_is_restored_after_a_start() {
    let (_, teid) = Site::new(10).establish(establishment(7, UE));
    let mut site = Site::new(10);
    let mut request = establishment(7, UE);
    request.create_pdrs[0].pdi.f_teid = Some(FTeid::new(Teid(teid), N3));
    assert_eq!(site.refused(request.clone()).0, Cause::InvalidFTeidAllocationOption);
    request.se_req_flags = Some(SeReqFlags::RESTI);
    let Message::SessionEstablishmentResponse(response) = site.ask(Seid(0), request) else { panic!("another") };
    assert_eq!(response.cause, Cause::RequestAccepted);
    let up = packet(UE, HOST.into());
    site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, &up));
    assert_eq!(site.network.receive(LIMIT), Some((Verdict::ToN6, up)));
    // What others get is none of it.
    let (_, another) = site.establish(establishment(8, IpAddr::from([10, 45, 0, 3])));
    assert_ne!(another, teid);
}

/// Another address of the UE hashes to another worker. The session stays where it began, and so do the commands for it.
#[test]
fn commands_follow_a_session_that_gets_another_address() {
    let mut site = Site::with_workers(10, 2);
    let worker = |address: &IpAddr| Bucket::of_address(*address).0 % 2;
    let mut addresses = (2..=200).map(|host| IpAddr::from([10, 45, 0, host]));
    let mut next = |at: u8| addresses.find(|address| worker(address) == at).expect("one of two hundred");
    let (first, second, third) = (next(0), next(1), next(0));
    let (seid, teid) = site.establish(establishment(7, first));
    for address in [second, third, second] {
        let uplink = UpdatePdr { pdi: Some(uplink(address)), ..UpdatePdr::new(PdrId(1)) };
        let downlink = UpdatePdr { pdi: Some(downlink(address)), ..UpdatePdr::new(PdrId(2)) };
        let update_pdrs =
            [uplink, downlink].map(|pdr| UpdatePdr { qer_ids: vec![QerId(1)], urr_ids: vec![UrrId(1)], ..pdr });
        let change =
            SessionModificationRequest { update_pdrs: update_pdrs.into(), ..SessionModificationRequest::new() };
        assert_eq!(site.ask(seid, change).cause(), Some(Cause::RequestAccepted));
        // Whichever worker it comes to.
        let up = packet(address, HOST.into());
        let ports = [&site.network, &site.others[0]];
        for port in ports {
            port.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, &up));
            assert_eq!(site.network.receive(LIMIT), Some((Verdict::ToN6, up.clone())));
        }
    }
    let Message::SessionDeletionResponse(gone) = site.ask(seid, SessionDeletionRequest::new()) else {
        panic!("another")
    };
    assert_eq!(gone.usage_reports[0].volume.expect("measured").uplink, Some(600));
    site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, &packet(second, HOST.into())));
    let (_, sent) = site.network.receive(LIMIT).expect("sent");
    assert_eq!(Datagram::parse(&sent).expect("is GTP-U").message, gtpu::message::ERROR_INDICATION);
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let mut site = Site::new(2);
    let foreign = IpAddr::from([10, 99, 0, 2]);
    let refused = site.refused(establishment(1, foreign));
    assert_eq!(refused, (Cause::MandatoryIeIncorrect, Some(ie::UE_IP_ADDRESS), None));
    assert_eq!(site.rejects.latest(None)[0].reject.key, "network.dnns");
    let mut request = establishment(1, UE);
    request.create_pdrs[0].far_id = Some(FarId(9));
    let failed = Some(FailedRuleId::Pdr(1));
    assert_eq!(site.refused(request), (Cause::RuleCreationModificationFailure, None, failed));
    let mut request = establishment(1, UE);
    request.create_pdrs[0].pdi.sdf_filters = vec![SdfFilter::flow("permit out nonsense")];
    assert_eq!(site.refused(request), (Cause::MandatoryIeIncorrect, Some(ie::SDF_FILTER), None));
    let mut request = establishment(1, UE);
    request.create_pdrs[0].pdi.f_teid = Some(FTeid::new(Teid(1), N3));
    assert_eq!(site.refused(request).0, Cause::InvalidFTeidAllocationOption);
    // Nothing is left of those: the address is free. One session more than allowed is refused.
    site.establish(establishment(1, UE));
    site.establish(establishment(2, IpAddr::from([10, 45, 0, 3])));
    assert_eq!(site.refused(establishment(3, IpAddr::from([10, 45, 0, 4]))).0, Cause::NoResourcesAvailable);
    assert_eq!(site.control.shared().sessions(), 2);
}

/// What a rule asks for is done or refused, never overlooked: packets would go where they are not to.
#[test]
fn what_is_not_offered_is_refused_by_its_element() {
    let mut site = Site::new(10);
    let there = || NotOffered(vec![2, 0, 1, b'x']);
    let unsupported = |element| (Cause::ServiceNotSupported, Some(element), None);
    let (seid, _) = site.establish(establishment(9, IpAddr::from([10, 45, 0, 9])));
    let mut parameters = ForwardingParameters::new(Interface::Core);
    parameters.header_enrichment = vec![there()];
    let mut update = UpdateForwardingParameters::new();
    update.header_enrichment = vec![there()];
    let mut request = establishment(1, UE);
    request.create_fars[0].forwarding_parameters = Some(parameters);
    assert_eq!(site.refused(request), unsupported(ie::HEADER_ENRICHMENT));
    let change = UpdateFar { forwarding_parameters: Some(update), ..UpdateFar::new(FarId(1)) };
    let change = SessionModificationRequest { update_fars: vec![change], ..SessionModificationRequest::new() };
    let Message::SessionModificationResponse(answer) = site.ask(seid, change) else { panic!("another") };
    let told = (answer.cause, answer.offending_ie.map(|ie| ie.0));
    assert_eq!(told, (Cause::ServiceNotSupported, Some(ie::HEADER_ENRICHMENT)));
    let mut pdi = |change: fn(&mut CreatePdr, NotOffered)| {
        let mut request = establishment(1, UE);
        change(&mut request.create_pdrs[0], there());
        site.refused(request)
    };
    let ethernet = pdi(|pdr, _| pdr.pdi.ethernet_packet_filters = vec![EthernetPacketFilter::new()]);
    assert_eq!(ethernet, (Cause::MandatoryIeIncorrect, Some(ie::ETHERNET_PACKET_FILTER), None), "of an IP session");
    let endpoint = pdi(|pdr, there| pdr.pdi.traffic_endpoint_ids = vec![there]);
    assert_eq!(endpoint, unsupported(ie::TRAFFIC_ENDPOINT_ID));
    let predefined = pdi(|pdr, there| pdr.activate_predefined_rules = vec![there]);
    assert_eq!(predefined, (Cause::UnknownPredefinedRule, Some(ie::ACTIVATE_PREDEFINED_RULES), None));
    let mut request = establishment(1, UE);
    // Bit 6 of octet 5: for MBS sessions.
    request.create_fars[0].apply_action = ApplyAction::FORW | ApplyAction(1 << 5);
    assert_eq!(site.refused(request), unsupported(ie::APPLY_ACTION));
    assert_eq!(site.control.shared().sessions(), 1);
}

#[test]
fn sessions_that_are_not_there_or_another_smfs() {
    let mut site = Site::new(10);
    let (seid, _) = site.establish(establishment(1, UE));
    for request in [Message::from(activation(1)), SessionDeletionRequest::new().into()] {
        let answer = site.ask(Seid(seid.0 + 1), request);
        assert_eq!(answer.cause(), Some(Cause::SessionContextNotFound));
    }
    // Another SMF with an association of its own.
    let other = SocketAddr::from(([127, 0, 0, 44], PORT));
    let setup = AssociationSetupRequest::new(NodeId::Address(other.ip()), RecoveryTimeStamp(1));
    let octets = Packet::node(Sequence::new(1), setup).encode().expect("fits");
    site.control.handle_datagram(site.now, other, &octets);
    let octets = Packet::session(seid, Sequence::new(2), SessionDeletionRequest::new()).encode().expect("fits");
    site.control.handle_datagram(site.now, other, &octets);
    let answers: Vec<_> = std::iter::from_fn(|| site.control.poll_transmit()).filter(|sent| sent.to == other).collect();
    let answer = Packet::decode(&answers.last().expect("answered").octets).expect("a message");
    assert_eq!(answer.message.cause(), Some(Cause::SessionContextNotFound));
    assert_eq!(site.control.shared().sessions(), 1);
}

#[test]
fn a_refused_change_leaves_the_session_as_it_was() {
    let mut site = Site::new(10);
    let (seid, teid) = site.establish(establishment(1, UE));
    let mut change = activation(1);
    change.remove_pdrs = vec![RemovePdr::new(PdrId(9))];
    let Message::SessionModificationResponse(answer) = site.ask(seid, change) else { panic!("another") };
    assert_eq!(answer.cause, Cause::RuleCreationModificationFailure);
    assert_eq!(answer.failed_rule_id, Some(FailedRuleId::Pdr(9)));
    let up = packet(UE, HOST.into());
    site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, &up));
    assert_eq!(site.network.receive(LIMIT), Some((Verdict::ToN6, up)));
}

#[test]
fn an_smf_that_starts_again_begins_without_sessions() {
    let mut site = Site::new(10);
    site.establish(establishment(1, UE));
    site.smf = smf(2);
    site.associate();
    assert_eq!(site.control.shared().sessions(), 0);
    site.establish(establishment(1, UE));
    // It forgot a session, and gives its address to another.
    site.establish(establishment(2, UE));
    assert_eq!(site.control.shared().sessions(), 1);
    assert_eq!(site.control.shared().associations(), ["127.0.0.4 (127.0.0.4)"]);
}

#[test]
fn an_error_indication_is_reported_and_a_session_the_smf_does_not_know_ends() {
    let mut site = Site::new(10);
    let (seid, _) = site.establish(establishment(7, UE));
    site.ask(seid, activation(0x55));
    let mut told = [0; 36];
    let length = gtpu::error_indication(0x55, GNB, &mut told);
    site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &told[..length]);
    let Event::Request { token, message: Message::SessionReportRequest(report), .. } = site.event() else {
        panic!("no report");
    };
    assert_eq!(report.error_indication_report.expect("there").remote_f_teids, [FTeid::new(Teid(0x55), GNB)]);
    site.smf.respond(token, Seid(0), SessionReportResponse::new(Cause::SessionContextNotFound)).expect("fits");
    site.carry();
    assert_eq!(site.control.shared().sessions(), 0);
}

/// TS 23.527 5.2: the SMF hears of it once when the gNB that a session forwards to falls silent, and once when it is back.
#[test]
fn a_gnb_that_does_not_answer_is_reported_and_its_return_too() {
    let mut site = Site::new(10);
    let (seid, _) = site.establish(establishment(7, UE));
    assert_eq!(site.control.shared().paths(), [0, 0]);
    site.ask(seid, activation(0x55));
    let gnb = SocketAddr::new(GNB, gtpu::PORT);
    // Lets time pass until the next Echo Request.
    let echo = |site: &mut Site| loop {
        site.now = site.control.poll_timeout().expect("something to do");
        site.control.handle_timeout(site.now);
        site.smf.handle_timeout(site.now);
        site.carry();
        if let Some((to, octets)) = site.control.poll_echo() {
            assert_eq!(to, gnb);
            return octets;
        }
    };
    let start = site.now;
    let first = echo(&mut site);
    assert_eq!(site.now - start, PATHS.interval);
    assert_eq!(Datagram::parse(&first).map(|datagram| datagram.message), Ok(gtpu::message::ECHO_REQUEST));
    assert_eq!(echo(&mut site), first);
    // The next is a minute after the first: between them the path has failed.
    let next = echo(&mut site);
    assert_eq!(site.control.shared().paths(), [1, 1]);
    let report = |site: &mut Site| match site.event() {
        Event::Request { token, message: Message::NodeReportRequest(report), .. } => {
            let answer = NodeReportResponse::new(NodeId::Address(smf_address().ip()), Cause::RequestAccepted);
            site.smf.respond(token, Seid(0), answer).expect("fits");
            site.carry();
            report
        }
        other => panic!("no node report: {other:?}"),
    };
    let told = report(&mut site);
    assert_eq!((told.report_type, told.path_recovery), (NodeReportType::UPFR, None));
    assert_eq!(told.path_failure.expect("there").peers, [GNB.into()]);

    let sequence = Datagram::parse(&next).expect("is GTP-U").sequence.expect("has one");
    let stranger = SocketAddr::new(GNB, gtpu::PORT + 1);
    site.control.handle_echo(site.now, stranger, &gtpu::echo_response(sequence));
    assert_eq!(site.control.shared().paths(), [1, 1]);
    site.control.handle_echo(site.now, gnb, &gtpu::echo_response(sequence));
    assert_eq!(site.control.shared().paths(), [1, 0]);
    let told = report(&mut site);
    assert_eq!((told.report_type, told.path_failure), (NodeReportType::UPRR, None));
    assert_eq!(told.path_recovery.expect("there").peers, [GNB.into()]);
    assert_eq!(site.smf.poll_event(), None);
    assert_eq!(site.control.shared().sessions(), 1);

    // Nobody forwards there any more: it is asked no more.
    site.ask(seid, SessionDeletionRequest::new());
    site.now += PATHS.interval;
    site.control.handle_timeout(site.now);
    assert_eq!((site.control.poll_echo(), site.control.shared().paths()), (None, [0, 0]));
}

#[test]
fn malformed_messages_get_their_cause_and_harm_nobody() {
    let mut site = Site::new(10);
    let (seid, _) = site.establish(establishment(7, UE));
    let mut octets = Packet::session(seid, Sequence::new(900), activation(1)).encode().expect("fits");
    // The action of the rule to be updated becomes an element of another type: of no octets, then of none at all.
    let place = octets.len() - 1;
    octets.truncate(place);
    let length = (octets.len() - 4) as u16;
    octets[2..4].copy_from_slice(&length.to_be_bytes());
    site.control.handle_datagram(site.now, smf_address(), &octets);
    let answer = Packet::decode(&site.control.poll_transmit().expect("answered").octets).expect("a message");
    assert_eq!((answer.message.cause(), answer.seid), (Some(Cause::InvalidLength), Some(Seid(7))));
    assert_eq!(site.control.shared().sessions(), 1);
}
