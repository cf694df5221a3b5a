//! Against an independent codec, and with every damage.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use gtpu::*;
use oxirush_gtp_u as oracle;
use proptest::prelude::*;

fn encapsulated(encapsulation: Encapsulation, payload: &[u8]) -> Vec<u8> {
    let mut octets = [&[0xee; HEADROOM], payload].concat();
    let length = encapsulation.write(&mut octets[..HEADROOM], payload.len()).expect("room");
    octets.split_off(HEADROOM - length)
}

fn containers() -> impl Strategy<Value = Option<PduSession>> {
    let downlink = (0..64u8, any::<bool>()).prop_map(|(qfi, rqi)| PduSession::Downlink { qfi: Qfi::new(qfi), rqi });
    let uplink = (0..64u8).prop_map(|qfi| PduSession::Uplink { qfi: Qfi::new(qfi) });
    proptest::option::of(prop_oneof![downlink, uplink])
}

proptest! {
    #[test]
    fn what_is_written_is_read_by_both(
        teid in any::<u32>(),
        pdu_session in containers(),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let octets = encapsulated(Encapsulation { teid, pdu_session }, &payload);
        let read = Datagram::parse(&octets).expect("is a message");
        prop_assert_eq!((read.message, read.teid, read.pdu_session), (message::G_PDU, teid, pdu_session));
        prop_assert_eq!(read.payload, &payload[..]);
        prop_assert_eq!(&octets[read.header_length..], &payload[..]);
        let other = oracle::Packet::decode(&octets).expect("is a message");
        prop_assert_eq!((other.teid, other.qfi()), (teid, pdu_session.map(|container| container.qfi().value())));
        prop_assert_eq!(other.payload, payload);
    }

    #[test]
    fn what_another_writes_is_read(
        teid in any::<u32>(),
        qfi in 0..64u8,
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        sequence in any::<u16>(),
    ) {
        let octets = oracle::Packet::uplink(teid, qfi, payload.clone()).encode().expect("fits");
        let read = Datagram::parse(&octets).expect("is a message");
        prop_assert_eq!(read.pdu_session, Some(PduSession::Uplink { qfi: Qfi::new(qfi) }));
        prop_assert_eq!((read.teid, read.payload), (teid, &payload[..]));
        let echo = oracle::Packet::echo_request(sequence).encode().expect("fits");
        let read = Datagram::parse(&echo).expect("is a message");
        prop_assert_eq!((read.message, read.sequence), (message::ECHO_REQUEST, Some(sequence)));
    }

    #[test]
    fn arbitrary_octets_never_panic_and_agree_with_the_other(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        check(&octets);
    }

    #[test]
    fn damaged_headers_never_panic_and_agree_with_the_other(
        damage in proptest::collection::vec((0..24usize, any::<u8>()), 1..6),
        length in 0..40usize,
    ) {
        let container = Some(PduSession::Uplink { qfi: Qfi::new(9) });
        let mut octets = encapsulated(Encapsulation { teid: 1, pdu_session: container }, &[0x45; 24]);
        for (place, value) in damage {
            octets[place] = value;
        }
        octets.truncate(length);
        check(&octets);
    }

    #[test]
    fn error_indications_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = ErrorIndication::read(&octets);
    }
}

/// Where both read a G-PDU, they read the same; the payload lies where we say.
fn check(octets: &[u8]) {
    let Ok(read) = Datagram::parse(octets) else { return };
    let end = read.header_length + read.payload.len();
    assert_eq!(octets.get(read.header_length..end), Some(read.payload));
    if let (message::G_PDU, Ok(other)) = (read.message, oracle::Packet::decode(octets)) {
        assert_eq!((read.teid, read.payload), (other.teid, &other.payload[..]));
    }
}

#[test]
fn extension_chains_are_walked_to_their_end() {
    // PDCP PDU number, then a UDP port, then a PDU Session Container of two units, then the packet.
    let octets = [
        0x34, 255, 0, 22, 0, 0, 0, 7, 0, 0, 0, 0xc0, 1, 0, 5, 0x40, 1, 8, 0x68, 0x85, 2, 0x10, 9, 0, 0, 0, 0, 0, 0xaa,
        0xbb,
    ];
    let read = Datagram::parse(&octets).expect("is a message");
    assert_eq!(read.pdu_session, Some(PduSession::Uplink { qfi: Qfi::new(9) }));
    assert_eq!(read.payload, [0xaa, 0xbb]);
}

#[test]
fn bad_extensions_are_told_apart() {
    let with = |extension: &[u8], kind: u8| {
        let mut octets = vec![0x34, 255, 0, 0, 0, 0, 0, 7, 0, 0, 0, kind];
        octets.extend_from_slice(extension);
        octets[3] = (octets.len() - 8) as u8;
        octets
    };
    let parse = |octets: &[u8]| Datagram::parse(octets).map(|_| ());
    assert_eq!(parse(&with(&[0, 0, 0, 0], 0x85)), Err(Malformed::EmptyExtension));
    assert_eq!(parse(&with(&[2, 0x10, 9, 0], 0x85)), Err(Malformed::LongExtension));
    assert_eq!(parse(&with(&[], 0x85)), Err(Malformed::LongExtension));
    assert_eq!(parse(&with(&[1, 0xf0, 9, 0], 0x85)), Err(Malformed::Container));
    assert_eq!(parse(&with(&[1, 0, 0, 0], 0xa7)), Err(Malformed::UnknownExtension(0xa7)));
    assert_eq!(parse(&with(&[1, 0, 0, 0], 0x27)), Ok(()), "need not be understood");
    assert_eq!(parse(&with(&[1, 0, 0, 0x85], 0x40)), Err(Malformed::LongExtension), "announced, not there");
}

#[test]
fn other_versions_are_refused() {
    for flags in [0x00, 0x10, 0x20, 0x50, 0xf0] {
        assert_eq!(Datagram::parse(&[flags, 255, 0, 0, 0, 0, 0, 0]), Err(Malformed::Version), "{flags:#x}");
    }
}

#[test]
fn signalling_is_read_by_another() {
    use oracle::Packet;
    assert_eq!(echo_response(7)[..], Packet::echo_response(7).encode().expect("fits"));
    assert_eq!(end_marker(7)[..], Packet::end_marker(7).encode().expect("fits"));
    let notification = Packet::decode(&supported_extension_headers()).expect("is a message");
    assert_eq!(notification.information_elements().expect("well formed").len(), 1);
    for address in [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7)), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let mut out = [0; 36];
        let length = error_indication(0x0102_0304, address, &mut out);
        let other = Packet::error_indication(0x0102_0304, address).encode().expect("fits");
        let ours = Packet::decode(&out[..length]).expect("is a message");
        let theirs = Packet::decode(&other).expect("is a message");
        assert_eq!(ours.information_elements(), theirs.information_elements());
        for octets in [&out[..length], &other[..]] {
            let read = Datagram::parse(octets).expect("is a message");
            assert_eq!(read.message, message::ERROR_INDICATION);
            assert_eq!(ErrorIndication::read(read.payload), Some(ErrorIndication { teid: 0x0102_0304, address }));
        }
    }
}

#[test]
fn no_header_where_there_is_no_room() {
    let with = Encapsulation { teid: 1, pdu_session: Some(PduSession::Uplink { qfi: Qfi::new(1) }) };
    assert_eq!(with.write(&mut [0; 15], 10), None);
    assert_eq!(with.write(&mut [0; 16], 65_530), None);
    assert_eq!(Encapsulation { teid: 1, pdu_session: None }.write(&mut [0; 7], 10), None);
}
