//! Ethernet and unstructured sessions over N4, their packets through several workers.

mod support;

use std::net::{IpAddr, SocketAddr};

use dataplane::{Bucket, Verdict};
use gtpu::Datagram;
use pfcp::*;
use rules::Link;
use support::*;

const LAN: Link = Link(0);
const HOST_MAC: [u8; 6] = [2, 0, 0, 0, 9, 9];
const BROADCAST: [u8; 6] = [0xff; 6];

fn station(ue: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, ue]
}

fn frame(from: [u8; 6], to: [u8; 6], payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &[8, 6], payload].concat()
}

fn gnb() -> SocketAddr {
    SocketAddr::new(GNB, gtpu::PORT)
}

/// The session of a UE in the data network `lan`.
fn ethernet(cp: u64) -> SessionEstablishmentRequest {
    let mut request = establishment(cp, UE);
    for pdr in &mut request.create_pdrs {
        pdr.pdi.ue_ip_addresses.clear();
        pdr.pdi.network_instance = Some(NetworkInstance("lan".into()));
    }
    request.create_pdrs[1].pdi.ethernet_pdu_session_information = Some(EthernetPduSessionInformation::ETHI);
    request.pdn_type = Some(PdnType::Ethernet);
    request
}

/// What was sent to gNBs, by tunnel, and to N6: so many frames in any order.
fn sent(site: &Site, count: usize) -> Vec<(Option<u32>, Vec<u8>)> {
    let mut all: Vec<_> = (0..count)
        .map(|_| match site.network.receive(LIMIT).expect("sent") {
            (Verdict::ToN3(_), octets) => {
                let datagram = Datagram::parse(&octets).expect("GTP-U");
                (Some(datagram.teid), datagram.payload.to_vec())
            }
            (Verdict::ToEthernet(LAN), octets) => (None, octets),
            other => panic!("{other:?}"),
        })
        .collect();
    all.sort();
    all
}

#[test]
fn ues_of_an_ethernet_network_reach_each_other_whichever_worker_receives() {
    let mut site = Site::with_workers(10, 3);
    let mut tunnels = Vec::new();
    for ue in 1..=3u32 {
        let mut request = ethernet(ue.into());
        let mut urr = CreateUrr::new(UrrId(9), MeasurementMethod::EVENT, ReportingTriggers::MACAR);
        urr.ethernet_inactivity_timer = Some(Seconds(3600));
        request.create_urrs.extend((ue == 1).then_some(urr));
        let (seid, teid) = site.establish(request);
        assert_eq!(Bucket::of_tunnel(teid), Bucket::of_link(LAN), "where all of the network lies");
        assert_eq!(site.ask(seid, activation(ue)).cause(), Some(Cause::RequestAccepted));
        tunnels.push(teid);
    }
    let asks = frame(station(1), BROADCAST, b"who has?");
    site.others[0].send_n3(gnb(), &tunnelled(tunnels[0], &asks));
    assert_eq!(sent(&site, 3), [(None, asks.clone()), (Some(2), asks.clone()), (Some(3), asks)]);
    let Event::Request { seid, message: Message::SessionReportRequest(report), .. } = site.event() else {
        panic!("no report")
    };
    let usage = &report.usage_reports[0];
    assert_eq!((seid, usage.urr_id, usage.trigger), (Seid(1), UrrId(9), UsageReportTrigger::MACAR));
    let traffic = usage.ethernet_traffic.as_ref().expect("told");
    assert_eq!((traffic.detected[0].addresses.as_slice(), traffic.removed.len()), (&[Mac(station(1))][..], 0));
    let answers = frame(station(2), station(1), b"I");
    site.others[1].send_n3(gnb(), &tunnelled(tunnels[1], &answers));
    assert_eq!(sent(&site, 1), [(Some(1), answers)]);
    let comes = frame(HOST_MAC, station(2), b"from N6");
    for port in [&site.network, &site.others[0], &site.others[1]] {
        port.send_ethernet(LAN, &comes);
        assert_eq!(sent(&site, 1), [(Some(2), comes.clone())]);
    }
}

#[test]
fn an_unstructured_session_has_its_end_of_a_tunnel() {
    let mut site = Site::with_workers(10, 2);
    let peer = SocketAddr::from((HOST, 5000));
    let mut request = establishment(1, UE);
    request.pdn_type = Some(PdnType::NonIp);
    let missing = (Cause::ConditionalIeMissing, Some(ie::OUTER_HEADER_CREATION), None);
    assert_eq!(site.refused(request.clone()), missing);
    let to_core = request.create_fars[0].forwarding_parameters.as_mut().expect("there");
    to_core.outer_header_creation = Some(OuterHeaderCreation::Udp(peer));
    let (seid, teid) = site.establish(request.clone());
    site.ask(seid, activation(5));
    site.network.send_n3(gnb(), &tunnelled(teid, b"reading"));
    let (verdict, octets) = site.network.receive(LIMIT).expect("sent");
    let read = etherparse::SlicedPacket::from_ip(&octets).expect("IP");
    let Some(etherparse::TransportSlice::Udp(udp)) = read.transport else { panic!("no UDP") };
    assert_eq!((verdict, udp.destination_port(), udp.payload()), (Verdict::ToN6, 5000, &b"reading"[..]));
    let IpAddr::V4(ue) = UE else { panic!("IPv4") };
    let mut command = Vec::new();
    let builder = etherparse::PacketBuilder::ipv4(HOST.octets(), ue.octets(), 64).udp(5000, 5000);
    builder.write(&mut command, b"command").expect("fits");
    site.others[0].send_n6(&command);
    assert_eq!(sent(&site, 1), [(Some(5), b"command".to_vec())]);
    // The tunnel is the session's for good.
    let mut update = UpdateFar::new(FarId(1));
    let mut parameters = UpdateForwardingParameters::new();
    parameters.outer_header_creation = Some(OuterHeaderCreation::Udp(SocketAddr::from((HOST, 5001))));
    update.forwarding_parameters = Some(parameters);
    let change = SessionModificationRequest { update_fars: vec![update], ..SessionModificationRequest::new() };
    let Message::SessionModificationResponse(answer) = site.ask(seid, change) else { panic!("another") };
    let refused = (answer.cause, answer.offending_ie.map(|ie| ie.0));
    assert_eq!(refused, (Cause::ServiceNotSupported, Some(ie::OUTER_HEADER_CREATION)));
}

#[test]
fn an_ethernet_session_is_of_a_network_that_is_there() {
    let mut site = Site::new(10);
    let mut request = ethernet(1);
    let mut network = |name: Option<&str>| {
        for pdr in &mut request.create_pdrs {
            pdr.pdi.network_instance = name.map(|name| NetworkInstance(name.into()));
        }
        site.refused(request.clone())
    };
    let of_network = |cause| (cause, Some(ie::NETWORK_INSTANCE), None);
    assert_eq!(network(None), of_network(Cause::ConditionalIeMissing));
    assert_eq!(network(Some("internet")), of_network(Cause::MandatoryIeIncorrect));
    let addressed = SessionEstablishmentRequest { pdn_type: Some(PdnType::Ethernet), ..ethernet(1) };
    let mut request = addressed;
    request.create_pdrs[1].pdi.ue_ip_addresses = vec![UeIpAddress::destination(UE)];
    assert_eq!(site.refused(request), (Cause::MandatoryIeIncorrect, Some(ie::UE_IP_ADDRESS), None));
    // After a start the tunnel of before is its own only in the network's bucket.
    let mut restored = ethernet(2);
    restored.se_req_flags = Some(SeReqFlags::RESTI);
    for (bucket, cause) in
        [(Bucket(7), Cause::InvalidFTeidAllocationOption), (Bucket::of_link(LAN), Cause::RequestAccepted)]
    {
        restored.create_pdrs[0].pdi.f_teid = Some(FTeid::new(Teid(bucket.tunnel(99)), N3));
        assert_eq!(site.refused(restored.clone()).0, cause);
    }
}
