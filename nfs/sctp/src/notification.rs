//! Notifications (RFC 6458 section 6.1): the same layout in both stacks, with other numbers.

use crate::transport::Notice;

/// A stack's numbers for what this crate asks to be told.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) association_change: u16,
    pub(crate) partial_delivery: u16,
    /// `sac_state` of an established association; lost, restarted, complete and not started follow it.
    pub(crate) communication_up: u16,
}

/// Reads a notification; one that is cut short is [`Notice::Other`], as is one nobody asked for.
pub(crate) fn notice(numbers: &Numbers, bytes: &[u8]) -> Notice {
    let field = |at: usize| bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes);
    let Some(kind) = field(0) else { return Notice::Other };
    if kind == numbers.partial_delivery {
        return Notice::PartialAborted;
    }
    if kind != numbers.association_change {
        return Notice::Other;
    }
    let (Some(state), Some(outbound_streams)) = (field(8), field(12)) else { return Notice::Other };
    match state.checked_sub(numbers.communication_up) {
        Some(0) => Notice::Up,
        Some(1 | 4) => Notice::Lost,
        Some(2) => Notice::Restarted { outbound_streams },
        Some(3) => Notice::Complete,
        _ => Notice::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Numbers = Numbers { association_change: 0x8001, partial_delivery: 0x8006, communication_up: 0 };

    fn association_change(state: u16, streams: u16) -> Vec<u8> {
        let mut bytes = vec![0; 20];
        bytes[..2].copy_from_slice(&0x8001u16.to_ne_bytes());
        bytes[8..10].copy_from_slice(&state.to_ne_bytes());
        bytes[12..14].copy_from_slice(&streams.to_ne_bytes());
        bytes
    }

    #[test]
    fn every_state_is_told_apart() {
        let told: Vec<_> = (0..6).map(|state| notice(&NUMBERS, &association_change(state, 7))).collect();
        let restarted = Notice::Restarted { outbound_streams: 7 };
        assert_eq!(told, [Notice::Up, Notice::Lost, restarted, Notice::Complete, Notice::Lost, Notice::Other]);
    }

    #[test]
    fn cut_and_unknown_notifications_are_nothing() {
        let whole = association_change(1, 1);
        for length in 0..14 {
            assert_eq!(notice(&NUMBERS, &whole[..length]), Notice::Other);
        }
        assert_eq!(notice(&NUMBERS, &[0xff; 40]), Notice::Other);
    }
}
