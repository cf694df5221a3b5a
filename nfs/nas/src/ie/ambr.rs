//! Session AMBR (TS 24.501 9.11.4.14): a unit and 16 bits, for each direction.

use super::Element;

/// The highest rates of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionAmbr {
    /// Downlink, in kbit/s.
    pub downlink_kbps: u64,
    /// Uplink, in kbit/s.
    pub uplink_kbps: u64,
}

/// The unit 256 Pbit/s, the last.
const LAST_UNIT: u8 = 25;

/// kbit/s of a unit: 1, 4, 16, 64, 256, then the same with M, G, T, P. Unit 0 is not used and read as 1 kbit/s.
fn unit_kbps(unit: u8) -> u64 {
    let step = u32::from(unit.clamp(1, LAST_UNIT) - 1);
    1000u64.pow(step / 5) * 4u64.pow(step % 5)
}

/// Unit and value of a rate: exact if it can be, else rounded up in the finest unit it fits.
pub(super) fn encode_rate(kbps: u64) -> (u8, u16) {
    let in_unit = |unit| u16::try_from(kbps.div_ceil(unit_kbps(unit))).ok().map(|value| (unit, value));
    let exact = (1..=LAST_UNIT).filter(|unit| kbps.is_multiple_of(unit_kbps(*unit))).find_map(in_unit);
    exact.or_else(|| (1..=LAST_UNIT).find_map(in_unit)).unwrap_or((LAST_UNIT, u16::MAX))
}

/// The rate of a unit and a value, in kbit/s.
pub(super) fn decode_rate(unit: u8, value: u16) -> u64 {
    unit_kbps(unit).saturating_mul(u64::from(value))
}

impl Element for SessionAmbr {
    fn decode(octets: &[u8]) -> Option<Self> {
        let [down_unit, d0, d1, up_unit, u0, u1] = *octets.first_chunk()?;
        Some(Self {
            downlink_kbps: decode_rate(down_unit, u16::from_be_bytes([d0, d1])),
            uplink_kbps: decode_rate(up_unit, u16::from_be_bytes([u0, u1])),
        })
    }

    fn encode(&self) -> Vec<u8> {
        [self.downlink_kbps, self.uplink_kbps]
            .into_iter()
            .flat_map(|kbps| {
                let (unit, value) = encode_rate(kbps);
                let [high, low] = value.to_be_bytes();
                [unit, high, low]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_gigabit_is_exact() {
        let ambr = SessionAmbr { downlink_kbps: 1_000_000, uplink_kbps: 50 };
        assert_eq!(ambr.encode(), [3, 0xf4, 0x24, 1, 0, 50]);
        assert_eq!(SessionAmbr::decode(&ambr.encode()), Some(ambr));
    }

    proptest! {
        #[test]
        fn never_less_and_hardly_more(kbps in 0u64..1 << 50) {
            let (unit, value) = encode_rate(kbps);
            let coded = decode_rate(unit, value);
            prop_assert!(coded >= kbps && coded - kbps <= kbps / 10_000 + 1);
        }

        #[test]
        fn what_a_unit_can_say_is_said_exactly(unit in 1..=LAST_UNIT, value: u16) {
            let rate = decode_rate(unit, value);
            let (unit, value) = encode_rate(rate);
            prop_assert_eq!(decode_rate(unit, value), rate);
        }
    }
}
