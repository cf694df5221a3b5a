//! What UPFs are told of the network's applications: by which flows their packets are known (TS 29.244 6.2.5).

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use pfcp::{
    ApplicationId, ApplicationPfds, Cause, Endpoint, Message, PfdContents, PfdContext, PfdManagementRequest,
    RequestError, RequestId, UpFunctionFeatures,
};
use runtime::Application;

/// The applications, and the requests about them that UPFs have not answered.
pub(super) struct Provisioning {
    /// A request each: all of them might not fit a datagram.
    requests: Vec<PfdManagementRequest>,
    waiting: HashMap<RequestId, IpAddr>,
}

impl Provisioning {
    pub(super) fn of(applications: &[Application]) -> Self {
        Self { requests: applications.iter().map(request).collect(), waiting: HashMap::new() }
    }

    /// Tells a UPF with a new association, which knows nothing.
    pub(super) fn begin(&mut self, now: Instant, endpoint: &mut Endpoint, upf: IpAddr, features: UpFunctionFeatures) {
        self.waiting.retain(|_, asked| *asked != upf);
        if !self.requests.is_empty() && !features.contains(UpFunctionFeatures::PFDM) {
            tracing::error!(%upf, "the UPF cannot be told of network.applications: it refuses sessions that need them");
            return;
        }
        for request in &self.requests {
            match endpoint.request(now, upf, pfcp::Seid(0), request.clone()) {
                Ok(id) => drop(self.waiting.insert(id, upf)),
                Err(why) => tracing::error!(%upf, %why, "an application is not told to the UPF"),
            }
        }
    }

    /// Takes the answer to a request; whether it was one of these, and the UPF's last.
    pub(super) fn answered(&mut self, id: RequestId, result: &Result<Message, RequestError>) -> bool {
        let Some(upf) = self.waiting.remove(&id) else { return false };
        match result {
            Ok(message) if message.cause() == Some(Cause::RequestAccepted) => {}
            Ok(message) => {
                let cause = message.cause();
                tracing::error!(%upf, ?cause, "the UPF refuses an application: see the flows of network.applications");
            }
            Err(why) => tracing::warn!(%upf, %why, "no answer about an application"),
        }
        !self.waits_for(upf)
    }

    pub(super) fn waits_for(&self, upf: IpAddr) -> bool {
        self.waiting.values().any(|asked| *asked == upf)
    }
}

fn request(application: &Application) -> PfdManagementRequest {
    let contexts = application.flows.iter().map(|flow| PfdContext { contents: vec![PfdContents::flow(flow)] });
    let application_id = ApplicationId(application.name.as_bytes().to_vec());
    PfdManagementRequest { applications: vec![ApplicationPfds { application_id, contexts: contexts.collect() }] }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use pfcp::{
        CpFunctionFeatures, EndpointConfig, Event, NodeId, Packet, PfdManagementResponse, RecoveryTimeStamp, Role,
    };

    use super::*;

    const UPF: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::new(127, 0, 0, 7), 8805));

    fn associated(now: Instant) -> Endpoint {
        let own = NodeId::Address([127, 0, 0, 4].into());
        let role = Role::Cp(CpFunctionFeatures::default());
        let mut endpoint = Endpoint::new(EndpointConfig::new(own, role, RecoveryTimeStamp(1)));
        let setup = pfcp::AssociationSetupRequest::new(NodeId::Address(UPF.ip()), RecoveryTimeStamp(1));
        endpoint.handle_datagram(now, UPF, &Packet::node(pfcp::Sequence::new(1), setup).encode().expect("fits"));
        while endpoint.poll_transmit().is_some() || endpoint.poll_event().is_some() {}
        endpoint
    }

    /// Each application in a message of its own; the UPF is waited for until it has answered about all of them, however.
    #[test]
    fn a_upf_is_ready_when_it_has_answered_about_every_application() {
        let now = Instant::now();
        let mut endpoint = associated(now);
        let flows = vec!["permit out 6 from 192.0.2.7 443 to any".to_owned()];
        let applications = ["maps", "chat"].map(|name| Application { name: name.into(), flows: flows.clone() });
        let mut provisioning = Provisioning::of(&applications);
        provisioning.begin(now, &mut endpoint, UPF.ip(), UpFunctionFeatures::FTUP);
        assert!(!provisioning.waits_for(UPF.ip()) && endpoint.poll_transmit().is_none(), "it cannot be told");
        provisioning.begin(now, &mut endpoint, UPF.ip(), UpFunctionFeatures::PFDM);
        for (name, cause, last) in [("maps", Cause::RequestAccepted, false), ("chat", Cause::ServiceNotSupported, true)]
        {
            assert!(provisioning.waits_for(UPF.ip()));
            let packet = Packet::decode(&endpoint.poll_transmit().expect("sent").octets).expect("a message");
            let Message::PfdManagementRequest(request) = packet.message else { panic!("another message") };
            assert_eq!(request.applications[0].application_id.0, name.as_bytes());
            assert_eq!(request.applications[0].contexts[0].contents, [PfdContents::flow(&flows[0])]);
            let answer = Packet::node(packet.sequence, PfdManagementResponse::new(cause));
            endpoint.handle_datagram(now, UPF, &answer.encode().expect("fits"));
            let Some(Event::Response { id, result }) = endpoint.poll_event() else { panic!("no answer") };
            assert_eq!(provisioning.answered(id, &result), last);
        }
        assert!(!provisioning.waits_for(UPF.ip()));
    }
}
