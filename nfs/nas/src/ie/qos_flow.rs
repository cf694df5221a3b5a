//! QoS flow descriptions (TS 24.501 9.11.4.12).

use super::Element;
use super::ambr::{decode_rate, encode_rate};

/// What is done to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QosFlowOperation {
    /// 1.
    Create,
    /// 2.
    Delete,
    /// 3.
    Modify,
}

/// A parameter of a flow. Rates are in kbit/s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QosParameter {
    /// 5QI.
    FiveQi(u8),
    /// Guaranteed rate, uplink.
    GfbrUplink(u64),
    /// Guaranteed rate, downlink.
    GfbrDownlink(u64),
    /// Highest rate, uplink.
    MfbrUplink(u64),
    /// Highest rate, downlink.
    MfbrDownlink(u64),
    /// Averaging window, milliseconds.
    AveragingWindow(u16),
    /// EPS bearer identity, 4 bits.
    EpsBearerIdentity(u8),
    /// Another, as it is.
    Other(u8, Vec<u8>),
}

/// A flow's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QosFlow {
    /// The flow, 1 to 63.
    pub qfi: u8,
    /// What is done.
    pub operation: QosFlowOperation,
    /// Its parameters.
    pub parameters: Vec<QosParameter>,
}

impl QosFlow {
    /// A new flow that has a 5QI and nothing else.
    pub fn create(qfi: u8, five_qi: u8) -> Self {
        Self { qfi, operation: QosFlowOperation::Create, parameters: vec![QosParameter::FiveQi(five_qi)] }
    }
}

/// A list of descriptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QosFlows(pub Vec<QosFlow>);

impl Element for QosFlows {
    fn decode(octets: &[u8]) -> Option<Self> {
        let mut flows = Vec::new();
        let mut rest = octets;
        while !rest.is_empty() {
            let ([qfi, operation, count], mut after) = rest.split_first_chunk()?;
            let operation = match operation >> 5 {
                1 => QosFlowOperation::Create,
                2 => QosFlowOperation::Delete,
                3 => QosFlowOperation::Modify,
                _ => return None,
            };
            let mut parameters = Vec::new();
            for _ in 0..count & 0x3f {
                let ([id, length], next) = after.split_first_chunk()?;
                let (value, next) = next.split_at_checked(usize::from(*length))?;
                parameters.push(parameter(*id, value)?);
                after = next;
            }
            flows.push(QosFlow { qfi: qfi & 0x3f, operation, parameters });
            rest = after;
        }
        (!flows.is_empty()).then_some(Self(flows))
    }

    fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for flow in &self.0 {
            let operation = match flow.operation {
                QosFlowOperation::Create => 1,
                QosFlowOperation::Delete => 2,
                QosFlowOperation::Modify => 3,
            };
            let count = flow.parameters.len().min(63);
            // The E bit says that the list replaces what was there, or that there is one.
            let present = u8::from(count > 0) << 6;
            octets.extend([flow.qfi & 0x3f, operation << 5, present | u8::try_from(count).unwrap_or(63)]);
            flow.parameters.iter().take(count).for_each(|parameter| encode_parameter(parameter, &mut octets));
        }
        octets
    }
}

fn parameter(id: u8, value: &[u8]) -> Option<QosParameter> {
    let rate = |make: fn(u64) -> QosParameter| match *value {
        [unit, high, low] => Some(make(decode_rate(unit, u16::from_be_bytes([high, low])))),
        _ => None,
    };
    match id {
        1 => value.first().copied().map(QosParameter::FiveQi),
        2 => rate(QosParameter::GfbrUplink),
        3 => rate(QosParameter::GfbrDownlink),
        4 => rate(QosParameter::MfbrUplink),
        5 => rate(QosParameter::MfbrDownlink),
        6 => value.try_into().ok().map(|octets| QosParameter::AveragingWindow(u16::from_be_bytes(octets))),
        7 => value.first().map(|octet| QosParameter::EpsBearerIdentity(octet >> 4)),
        other => Some(QosParameter::Other(other, value.to_vec())),
    }
}

fn encode_parameter(parameter: &QosParameter, octets: &mut Vec<u8>) {
    let rate = |kbps: u64| {
        let (unit, value) = encode_rate(kbps);
        let [high, low] = value.to_be_bytes();
        vec![unit, high, low]
    };
    let (id, value) = match parameter {
        QosParameter::FiveQi(value) => (1, vec![*value]),
        QosParameter::GfbrUplink(kbps) => (2, rate(*kbps)),
        QosParameter::GfbrDownlink(kbps) => (3, rate(*kbps)),
        QosParameter::MfbrUplink(kbps) => (4, rate(*kbps)),
        QosParameter::MfbrDownlink(kbps) => (5, rate(*kbps)),
        QosParameter::AveragingWindow(milliseconds) => (6, milliseconds.to_be_bytes().to_vec()),
        QosParameter::EpsBearerIdentity(identity) => (7, vec![identity << 4]),
        QosParameter::Other(id, value) => (*id, value.clone()),
    };
    octets.extend([id, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
    octets.extend(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_flow_on_the_wire() {
        let flows = QosFlows(vec![QosFlow::create(1, 9)]);
        assert_eq!(flows.encode(), [0x01, 0x20, 0x41, 0x01, 0x01, 0x09]);
        assert_eq!(QosFlows::decode(&flows.encode()), Some(flows));
    }

    #[test]
    fn every_parameter_survives() {
        let flow = QosFlow {
            qfi: 63,
            operation: QosFlowOperation::Modify,
            parameters: vec![
                QosParameter::GfbrUplink(100),
                QosParameter::GfbrDownlink(200),
                QosParameter::MfbrUplink(300),
                QosParameter::MfbrDownlink(400),
                QosParameter::AveragingWindow(2000),
                QosParameter::EpsBearerIdentity(5),
                QosParameter::Other(9, vec![1, 2]),
            ],
        };
        let flows = QosFlows(vec![flow]);
        assert_eq!(QosFlows::decode(&flows.encode()), Some(flows));
    }

    #[test]
    fn what_overruns_is_no_list() {
        for octets in [&[1][..], &[1, 0x20, 0x41], &[1, 0x20, 0x41, 1, 2, 9], &[1, 0xe0, 0]] {
            assert_eq!(QosFlows::decode(octets), None, "{octets:02x?}");
        }
    }
}
