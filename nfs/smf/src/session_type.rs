//! Which type a PDU session gets: what the UE asks, the subscription allows and the data network has (TS 23.501 5.8.2.2.1,
//! TS 24.501 6.4.1.3).

use nas::GsmCause;
use nas::ie::PduSessionType;
use sbi_models::udm::PduSessionTypes;

use crate::refusal::Refusal;

/// A type that a session may have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IpType {
    Ipv4,
    Ipv6,
    Ipv4v6,
}

impl IpType {
    pub(crate) fn has_ipv4(self) -> bool {
        self != Self::Ipv6
    }

    pub(crate) fn has_ipv6(self) -> bool {
        self != Self::Ipv4
    }

    /// As NAS says it.
    pub(crate) fn nas(self) -> PduSessionType {
        match self {
            Self::Ipv4 => PduSessionType::Ipv4,
            Self::Ipv6 => PduSessionType::Ipv6,
            Self::Ipv4v6 => PduSessionType::Ipv4v6,
        }
    }

    /// As NGAP says it.
    pub(crate) fn ngap(self) -> ngap::transfer::PduSessionType {
        match self {
            Self::Ipv4 => ngap::transfer::PduSessionType::Ipv4,
            Self::Ipv6 => ngap::transfer::PduSessionType::Ipv6,
            Self::Ipv4v6 => ngap::transfer::PduSessionType::Ipv4v6,
        }
    }

    /// As PFCP says it.
    pub(crate) fn pfcp(self) -> pfcp::PdnType {
        match self {
            Self::Ipv4 => pfcp::PdnType::Ipv4,
            Self::Ipv6 => pfcp::PdnType::Ipv6,
            Self::Ipv4v6 => pfcp::PdnType::Ipv4v6,
        }
    }

    /// As the service-based interface says it.
    pub(crate) fn sbi(self) -> sbi_models::PduSessionType {
        match self {
            Self::Ipv4 => sbi_models::PduSessionType::Ipv4,
            Self::Ipv6 => sbi_models::PduSessionType::Ipv6,
            Self::Ipv4v6 => sbi_models::PduSessionType::Ipv4v6,
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
            _ => PduSessionType::Ipv4,
        };
        Self { default, ipv4: has(Type::Ipv4) || ipv4v6, ipv6: has(Type::Ipv6) || ipv4v6, ipv4v6 }
    }
}

/// The type, and the cause that tells a UE why it is not the one it asked for.
pub(crate) type Selected = (IpType, Option<GsmCause>);

/// Selects the type for a data network that has IPv4 and IPv6, or not.
///
/// # Errors
/// Where the UE cannot have what it asks for, not even half of it.
pub(crate) fn select(
    asked: Option<PduSessionType>,
    subscribed: &Subscribed,
    (has_ipv4, has_ipv6): (bool, bool),
) -> Result<Selected, Refusal> {
    let (ipv4, ipv6) = (has_ipv4 && subscribed.ipv4, has_ipv6 && subscribed.ipv6);
    let wanted = asked.unwrap_or(subscribed.default);
    let cause = |cause| asked.map(|_| cause);
    match (wanted, ipv4, ipv6) {
        (PduSessionType::Ipv4, true, _) => Ok((IpType::Ipv4, None)),
        (PduSessionType::Ipv6, _, true) => Ok((IpType::Ipv6, None)),
        (PduSessionType::Ipv4v6, true, true) if subscribed.ipv4v6 => Ok((IpType::Ipv4v6, None)),
        // Either, but one at a time: the UE may ask for the other in a session of its own, so no cause speaks against it.
        (PduSessionType::Ipv4v6, true, true) => Ok((IpType::Ipv4, None)),
        (PduSessionType::Ipv4v6, true, false) => Ok((IpType::Ipv4, cause(GsmCause::PduSessionTypeIpv4OnlyAllowed))),
        (PduSessionType::Ipv4v6, false, true) => Ok((IpType::Ipv6, cause(GsmCause::PduSessionTypeIpv6OnlyAllowed))),
        (PduSessionType::Ipv4, false, true) if asked.is_none() => Ok((IpType::Ipv6, None)),
        (PduSessionType::Ipv6, true, false) if asked.is_none() => Ok((IpType::Ipv4, None)),
        (PduSessionType::Ipv4, false, true) => Err(Refusal::OnlyIpv6(wanted)),
        (PduSessionType::Ipv6, true, false) => Err(Refusal::OnlyIpv4(wanted)),
        (PduSessionType::Ethernet | PduSessionType::Unstructured, ..) | (_, false, false) => {
            Err(Refusal::SessionType(wanted))
        }
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

    fn said(asked: &str, subscribed: &Subscribed, has: (bool, bool)) -> String {
        let asked = match asked {
            "4" => Some(PduSessionType::Ipv4),
            "6" => Some(PduSessionType::Ipv6),
            "46" => Some(PduSessionType::Ipv4v6),
            "eth" => Some(PduSessionType::Ethernet),
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
        let (both, v4, v6, none) = ((true, true), (true, false), (false, true), (false, false));
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
    fn the_subscription_limits_as_the_data_network_does() {
        let both = (true, true);
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
