//! Which type a PDU session gets: what the UE asks, the subscription allows and the data network has (TS 23.501 5.8.2.2.1,
//! TS 24.501 6.4.1.3).

use nas::GsmCause;
use nas::ie::PduSessionType;
use runtime::DataNetwork;
use sbi_models::udm::PduSessionTypes;

use crate::refusal::Refusal;

/// A type that a session may have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionType {
    Ipv4,
    Ipv6,
    Ipv4v6,
    Ethernet,
    /// With a tunnel of this IP version on N6.
    Unstructured {
        ipv4: bool,
    },
}

impl SessionType {
    /// Whether it takes an IPv4 address: the UE's, or for the session's end of the tunnel on N6.
    pub(crate) fn has_ipv4(self) -> bool {
        matches!(self, Self::Ipv4 | Self::Ipv4v6 | Self::Unstructured { ipv4: true })
    }

    /// Whether it takes an IPv6 prefix, likewise.
    pub(crate) fn has_ipv6(self) -> bool {
        matches!(self, Self::Ipv6 | Self::Ipv4v6 | Self::Unstructured { ipv4: false })
    }

    /// Whether it carries IP packets.
    pub(crate) fn is_ip(self) -> bool {
        !matches!(self, Self::Ethernet | Self::Unstructured { .. })
    }

    /// As NAS says it.
    pub(crate) fn nas(self) -> PduSessionType {
        match self {
            Self::Ipv4 => PduSessionType::Ipv4,
            Self::Ipv6 => PduSessionType::Ipv6,
            Self::Ipv4v6 => PduSessionType::Ipv4v6,
            Self::Ethernet => PduSessionType::Ethernet,
            Self::Unstructured { .. } => PduSessionType::Unstructured,
        }
    }

    /// As NGAP says it.
    pub(crate) fn ngap(self) -> ngap::transfer::PduSessionType {
        match self {
            Self::Ipv4 => ngap::transfer::PduSessionType::Ipv4,
            Self::Ipv6 => ngap::transfer::PduSessionType::Ipv6,
            Self::Ipv4v6 => ngap::transfer::PduSessionType::Ipv4v6,
            Self::Ethernet => ngap::transfer::PduSessionType::Ethernet,
            Self::Unstructured { .. } => ngap::transfer::PduSessionType::Unstructured,
        }
    }

    /// As PFCP says it.
    pub(crate) fn pfcp(self) -> pfcp::PdnType {
        match self {
            Self::Ipv4 => pfcp::PdnType::Ipv4,
            Self::Ipv6 => pfcp::PdnType::Ipv6,
            Self::Ipv4v6 => pfcp::PdnType::Ipv4v6,
            Self::Ethernet => pfcp::PdnType::Ethernet,
            Self::Unstructured { .. } => pfcp::PdnType::NonIp,
        }
    }

    /// As the service-based interface says it.
    pub(crate) fn sbi(self) -> sbi_models::PduSessionType {
        match self {
            Self::Ipv4 => sbi_models::PduSessionType::Ipv4,
            Self::Ipv6 => sbi_models::PduSessionType::Ipv6,
            Self::Ipv4v6 => sbi_models::PduSessionType::Ipv4v6,
            Self::Ethernet => sbi_models::PduSessionType::Ethernet,
            Self::Unstructured { .. } => sbi_models::PduSessionType::Unstructured,
        }
    }
}

/// What the subscription allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscribed {
    /// Where the UE asks for nothing.
    default: PduSessionType,
    ipv4: bool,
    ipv6: bool,
    /// Both in one session.
    ipv4v6: bool,
    ethernet: bool,
    unstructured: bool,
}

impl Subscribed {
    /// Who may have both in one session may have either alone. A subscription that says nothing allows everything.
    pub(crate) fn read(types: &PduSessionTypes) -> Self {
        use sbi_models::PduSessionType as Type;
        let allowed = types.allowed_session_types.as_deref().unwrap_or_default();
        let all: Vec<&Type> = types.default_session_type.iter().chain(allowed).collect();
        let has = |wanted: Type| all.is_empty() || all.contains(&&wanted);
        let ipv4v6 = has(Type::Ipv4v6);
        let default = match types.default_session_type {
            Some(Type::Ipv6) => PduSessionType::Ipv6,
            Some(Type::Ipv4v6) => PduSessionType::Ipv4v6,
            Some(Type::Ethernet) => PduSessionType::Ethernet,
            Some(Type::Unstructured) => PduSessionType::Unstructured,
            _ => PduSessionType::Ipv4,
        };
        let (ipv4, ipv6) = (has(Type::Ipv4) || ipv4v6, has(Type::Ipv6) || ipv4v6);
        let (ethernet, unstructured) = (has(Type::Ethernet), has(Type::Unstructured));
        Self { default, ipv4, ipv6, ipv4v6, ethernet, unstructured }
    }
}

/// The type, and the cause that tells a UE why it is not the one it asked for.
pub(crate) type Selected = (SessionType, Option<GsmCause>);

/// What a data network has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offered {
    ipv4: bool,
    ipv6: bool,
    ethernet: bool,
    /// Whether its tunnels on N6 are of IPv4, where it has unstructured sessions.
    unstructured: Option<bool>,
}

impl Offered {
    /// By this data network.
    pub(crate) fn by(network: &DataNetwork) -> Self {
        Self {
            ipv4: network.ipv4.is_some(),
            ipv6: network.ipv6.is_some(),
            ethernet: network.ethernet.is_some(),
            unstructured: network.unstructured.as_ref().map(|sessions| sessions.peer.is_ipv4()),
        }
    }
}

/// Selects the type for a data network that has this.
///
/// # Errors
/// Where the UE cannot have what it asks for, not even half of it.
pub(crate) fn select(
    asked: Option<PduSessionType>,
    subscribed: &Subscribed,
    offered: Offered,
) -> Result<Selected, Refusal> {
    let (ipv4, ipv6) = (offered.ipv4 && subscribed.ipv4, offered.ipv6 && subscribed.ipv6);
    let ethernet = offered.ethernet && subscribed.ethernet;
    let unstructured = offered.unstructured.filter(|_| subscribed.unstructured);
    let wanted = asked.unwrap_or(subscribed.default);
    let cause = |cause| asked.map(|_| cause);
    match (wanted, ipv4, ipv6) {
        (PduSessionType::Ethernet, ..) if ethernet => Ok((SessionType::Ethernet, None)),
        (PduSessionType::Unstructured, ..) => {
            let tunnel = unstructured.ok_or(Refusal::SessionType(wanted))?;
            Ok((SessionType::Unstructured { ipv4: tunnel }, None))
        }
        (PduSessionType::Ipv4, true, _) => Ok((SessionType::Ipv4, None)),
        (PduSessionType::Ipv6, _, true) => Ok((SessionType::Ipv6, None)),
        (PduSessionType::Ipv4v6, true, true) if subscribed.ipv4v6 => Ok((SessionType::Ipv4v6, None)),
        // Either, but one at a time: the UE may ask for the other in a session of its own, so no cause speaks against it.
        (PduSessionType::Ipv4v6, true, true) => Ok((SessionType::Ipv4, None)),
        (PduSessionType::Ipv4v6, true, false) => {
            Ok((SessionType::Ipv4, cause(GsmCause::PduSessionTypeIpv4OnlyAllowed)))
        }
        (PduSessionType::Ipv4v6, false, true) => {
            Ok((SessionType::Ipv6, cause(GsmCause::PduSessionTypeIpv6OnlyAllowed)))
        }
        (PduSessionType::Ipv4, false, true) if asked.is_none() => Ok((SessionType::Ipv6, None)),
        (PduSessionType::Ipv6, true, false) if asked.is_none() => Ok((SessionType::Ipv4, None)),
        (PduSessionType::Ipv4, false, true) => Err(Refusal::OnlyIpv6(wanted)),
        (PduSessionType::Ipv6, true, false) => Err(Refusal::OnlyIpv4(wanted)),
        // Who asks for nothing, and would get IP where there is none, gets Ethernet.
        (_, false, false) if asked.is_none() && ethernet => Ok((SessionType::Ethernet, None)),
        (PduSessionType::Ethernet, ..) | (_, false, false) => Err(Refusal::SessionType(wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Default and allowed types by their names on the wire.
    fn subscribed(default: &str, allowed: &str) -> Subscribed {
        let text = format!(r#"{{"defaultSessionType":"{default}","allowedSessionTypes":[{allowed}]}}"#);
        Subscribed::read(&serde_json::from_str(&text).expect("types"))
    }

    fn has(ipv4: bool, ipv6: bool) -> Offered {
        Offered { ipv4, ipv6, ..Offered::default() }
    }

    fn said(asked: &str, subscribed: &Subscribed, has: Offered) -> String {
        let asked = match asked {
            "4" => Some(PduSessionType::Ipv4),
            "6" => Some(PduSessionType::Ipv6),
            "46" => Some(PduSessionType::Ipv4v6),
            "eth" => Some(PduSessionType::Ethernet),
            "any" => Some(PduSessionType::Unstructured),
            _ => None,
        };
        match select(asked, subscribed, has) {
            Ok((kind, None)) => format!("{kind:?}"),
            Ok((kind, Some(cause))) => format!("{kind:?} #{}", cause.value()),
            Err(refusal) => format!("#{}", refusal.gsm_cause().value()),
        }
    }

    #[test]
    fn the_table_of_what_is_asked_and_what_there_is() {
        let all = subscribed("IPV4", r#""IPV4V6""#);
        let (both, v4, v6, none) = (has(true, true), has(true, false), has(false, true), has(false, false));
        for (asked, of_both, of_v4, of_v6, of_none) in [
            ("", "Ipv4", "Ipv4", "Ipv6", "#28"),
            ("4", "Ipv4", "Ipv4", "#51", "#28"),
            ("6", "Ipv6", "#50", "Ipv6", "#28"),
            ("46", "Ipv4v6", "Ipv4 #50", "Ipv6 #51", "#28"),
            ("eth", "#28", "#28", "#28", "#28"),
        ] {
            let got = [both, v4, v6, none].map(|has| said(asked, &all, has));
            assert_eq!(got, [of_both, of_v4, of_v6, of_none], "asked '{asked}'");
        }
    }

    #[test]
    fn what_is_no_ip_is_asked_for_subscribed_and_there() {
        let all = subscribed("IPV4", r#""ETHERNET","UNSTRUCTURED""#);
        let lan = Offered { ethernet: true, ..Offered::default() };
        let sensors = Offered { ipv4: true, unstructured: Some(true), ..Offered::default() };
        assert_eq!(
            [("eth", lan), ("any", lan), ("4", lan), ("", lan)].map(|(asked, has)| said(asked, &all, has)),
            ["Ethernet", "#28", "#28", "Ethernet"]
        );
        assert_eq!(
            ["any", "eth", "4", ""].map(|asked| said(asked, &all, sensors)),
            ["Unstructured { ipv4: true }", "#28", "Ipv4", "Ipv4"]
        );
        let only_ip = subscribed("IPV4", r#""IPV6""#);
        assert_eq!([("eth", lan), ("any", sensors)].map(|(asked, has)| said(asked, &only_ip, has)), ["#28", "#28"]);
        assert_eq!(said("", &subscribed("ETHERNET", ""), lan), "Ethernet");
        assert_eq!(said("", &subscribed("UNSTRUCTURED", ""), sensors), "Unstructured { ipv4: true }");
    }

    #[test]
    fn the_subscription_limits_as_the_data_network_does() {
        let both = has(true, true);
        let only_v4 = subscribed("IPV4", "");
        assert_eq!(["46", "6", "4"].map(|asked| said(asked, &only_v4, both)), ["Ipv4 #50", "#50", "Ipv4"]);
        let only_v6 = subscribed("IPV6", "");
        assert_eq!(["46", "6", "4", ""].map(|asked| said(asked, &only_v6, both)), ["Ipv6 #51", "Ipv6", "#51", "Ipv6"]);
        let one_at_a_time = subscribed("IPV4", r#""IPV6""#);
        assert_eq!(["46", "6", "4"].map(|asked| said(asked, &one_at_a_time, both)), ["Ipv4", "Ipv6", "Ipv4"]);
        assert_eq!(said("46", &subscribed("IPV4V6", ""), both), "Ipv4v6");
        assert_eq!(said("", &subscribed("IPV4V6", ""), both), "Ipv4v6");
        assert_eq!(said("4", &subscribed("ETHERNET", ""), both), "#28");
        let nothing = Subscribed::read(&serde_json::from_str("{}").expect("types"));
        assert_eq!(said("46", &nothing, both), "Ipv4v6");
    }
}
