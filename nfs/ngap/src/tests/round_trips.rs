//! Every message and container comes back as it was sent, and arbitrary octets are refused
//! without harm.

use oxirush_ngap::Deviation;
use oxirush_ngap::ngap::NGAP_PDU;
use proptest::prelude::*;

use crate::sample::{Sample, Seed};
use crate::transfer::*;
use crate::{Message, decode, receive};

/// Sends and receives the message, and checks it against the object set of the ASN.1.
fn round_trip(message: &Message) {
    let octets = message.encode().unwrap_or_else(|error| panic!("{message:?}: {error}"));
    let received = receive(&octets).unwrap_or_else(|error| panic!("{message:?}: {error}"));
    assert_eq!(&received.message, message);
    assert!(received.notify.is_empty());
    let mut deviations = NGAP_PDU::decode(&octets).unwrap().check().unwrap();
    // An uplink NAS message is understood without the location that it must be sent with.
    deviations.retain(|deviation| !matches!(deviation, Deviation::MissingIe { id: 121, .. }));
    assert!(deviations.is_empty(), "{}: {deviations:?}", message.name());
}

/// The octets of one message of each type.
fn all_encoded(seed: u64) -> Vec<Vec<u8>> {
    let messages = Message::samples(&mut Seed(seed));
    messages.iter().map(|message| message.encode().unwrap().to_vec()).collect()
}

/// Every container through its codec.
macro_rules! containers_round_trip {
    ($seed:ident: $($Name:ident,)*) => {
        $({
            let container = $Name::sample(&mut $seed);
            let octets = container.encode().unwrap();
            assert_eq!($Name::decode(&octets).unwrap(), container);
        })*
    };
}

/// The containers' decoders on the same octets.
macro_rules! decode_as_containers {
    ($octets:ident: $($Name:ident,)*) => {
        $(if let Ok(container) = $Name::decode($octets) {
            let again = container.encode().and_then(|octets| Ok($Name::decode(&octets)));
            assert!(again.is_err() || again.unwrap().as_ref() == Ok(&container));
        })*
    };
}

/// What a decoder must bear: anything. What it accepts is a value that encodes to itself.
fn decode_anything(octets: &[u8]) {
    match receive(octets) {
        Ok(received) => {
            if let Ok(again) = received.message.encode() {
                assert_eq!(decode(&again).unwrap(), received.message);
            }
        }
        Err(error) => {
            if let Some(answer) = error.answer() {
                answer.encode().unwrap();
            }
        }
    }
    decode_as_containers! { octets:
        PduSessionResourceSetupRequestTransfer,
        PduSessionResourceSetupResponseTransfer,
        PduSessionResourceSetupUnsuccessfulTransfer,
        PduSessionResourceModifyRequestTransfer,
        PduSessionResourceModifyResponseTransfer,
        PduSessionResourceModifyUnsuccessfulTransfer,
        PduSessionResourceReleaseCommandTransfer,
        PduSessionResourceReleaseResponseTransfer,
        PduSessionResourceNotifyReleasedTransfer,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_round_trips(seed in any::<u64>()) {
        for message in Message::samples(&mut Seed(seed)) {
            round_trip(&message);
        }
    }

    #[test]
    fn every_container_round_trips(seed in any::<u64>()) {
        let mut seed = Seed(seed);
        containers_round_trip! { seed:
            PduSessionResourceSetupRequestTransfer,
            PduSessionResourceSetupResponseTransfer,
            PduSessionResourceSetupUnsuccessfulTransfer,
            PduSessionResourceModifyRequestTransfer,
            PduSessionResourceModifyResponseTransfer,
            PduSessionResourceModifyUnsuccessfulTransfer,
            PduSessionResourceReleaseCommandTransfer,
            PduSessionResourceReleaseResponseTransfer,
            PduSessionResourceNotifyReleasedTransfer,
        }
    }

    #[test]
    fn arbitrary_octets_do_no_harm(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        decode_anything(&octets);
    }

    #[test]
    fn mutated_messages_do_no_harm(seed in any::<u64>(), changes in 1..4_u64) {
        let mut random = Seed(seed);
        for mut octets in all_encoded(seed) {
            for _ in 0..changes {
                let at = random.below(octets.len() as u64) as usize;
                match random.below(4) {
                    0 => octets[at] ^= 1 << random.below(8),
                    1 => octets[at] = random.next() as u8,
                    2 => octets.truncate(at.max(1)),
                    _ => octets.insert(at, random.next() as u8),
                }
            }
            decode_anything(&octets);
        }
    }
}

#[test]
fn a_message_cut_anywhere_is_refused_or_read_but_never_harms() {
    for octets in all_encoded(7) {
        for end in 0..octets.len() {
            decode_anything(&octets[..end]);
        }
    }
}

#[test]
fn secrets_stay_out_of_debug() {
    let key = crate::SecurityKey([0x5a; 32]);
    assert_eq!(format!("{key:?}"), "<secret>");
}
