//! GTP-U datagrams.

use std::net::{IpAddr, Ipv4Addr};

use gtpu::*;

/// A datagram on N3: what it says lies within it, and what we would send of it says the same.
pub fn gtpu(data: &[u8]) {
    let Ok(datagram) = Datagram::parse(data) else { return };
    let (length, payload) = (datagram.header_length, datagram.payload);
    assert_eq!(data.get(length..length + payload.len()), Some(payload), "the payload lies behind the header");
    if let Some(indication) = ErrorIndication::read(payload) {
        let mut out = [0; 36];
        let length = error_indication(indication.teid, indication.address, &mut out);
        let again = Datagram::parse(&out[..length]).expect("our own Error Indication");
        assert_eq!(ErrorIndication::read(again.payload), Some(indication));
    }
    forward(&datagram);
}

/// The inner packet put into a tunnel again.
fn forward(datagram: &Datagram<'_>) {
    let header = Encapsulation { teid: datagram.teid, pdu_session: datagram.pdu_session };
    let mut out = vec![0; HEADROOM];
    let Some(length) = header.write(&mut out, datagram.payload.len()) else { return };
    assert_eq!(length, header.length());
    out.drain(..HEADROOM - length);
    out.extend_from_slice(datagram.payload);
    let again = Datagram::parse(&out).expect("our own G-PDU");
    assert_eq!(
        (again.message, again.teid, again.pdu_session, again.payload),
        (message::G_PDU, datagram.teid, datagram.pdu_session, datagram.payload)
    );
}

/// One datagram of each message.
pub(crate) fn datagrams() -> Vec<Vec<u8>> {
    let mut indication = [0; 36];
    let length = error_indication(7, IpAddr::V4(Ipv4Addr::LOCALHOST), &mut indication);
    let pdu_session = Some(PduSession::Uplink { qfi: Qfi::new(1) });
    let mut packet = vec![0; HEADROOM];
    let inner = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 45, 0, 2, 8, 8, 8, 8];
    Encapsulation { teid: 1, pdu_session }.write(&mut packet, inner.len()).expect("there is room");
    packet.extend(inner);
    vec![
        packet,
        indication[..length].to_vec(),
        echo_response(1).to_vec(),
        end_marker(1).to_vec(),
        supported_extension_headers().to_vec(),
        vec![0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0],
        vec![0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0],
    ]
}
