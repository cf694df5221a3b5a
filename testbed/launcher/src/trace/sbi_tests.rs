//! What is written is what was sent: read back by a reader of our own and by the `h2` crate.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::trace::pcapng::read;
use crate::trace::samples::{answer, call};

/// The octets of both directions of a connection, from its client's first.
#[derive(Default)]
struct Streams {
    up: Vec<u8>,
    down: Vec<u8>,
}

/// The connections of a capture by the client's address and port; sequence numbers must fit.
fn streams(capture: &[u8]) -> BTreeMap<(Vec<u8>, u16), Streams> {
    let mut next = BTreeMap::new();
    let mut found: BTreeMap<_, Streams> = BTreeMap::new();
    for packet in read::packets(capture) {
        assert_eq!(packet.interface, "sbi");
        let (ip, tcp) = packet.octets.split_at(20);
        let address = |at: usize| ip[at..at + 4].to_vec();
        let port = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
        let sequence = u32::from_be_bytes(tcp[4..8].try_into().expect("four octets"));
        let (from, to) = ((address(12), port(0)), (address(16), port(2)));
        let (syn, data) = (tcp[13] & 2 != 0, &tcp[20..]);
        let expected = next.entry((from.clone(), to.clone())).or_insert(sequence);
        assert_eq!(sequence, *expected, "nothing is missing between");
        *expected = sequence.wrapping_add(data.len() as u32 + u32::from(syn));
        let (client, up) = if to.1 == 7777 { (from, true) } else { (to, false) };
        let streams = found.entry(client).or_default();
        if up { &mut streams.up } else { &mut streams.down }.extend(data);
    }
    found
}

/// The first so many requests that a server reads from a client.
async fn requests(octets: Vec<u8>, count: usize) -> Vec<(Method, String, HeaderMap, Vec<u8>)> {
    let (server, mut client) = tokio::io::duplex(64 << 20);
    let feed = async move {
        let (first, rest) = octets.split_at(http2::PREFACE.len());
        client.write_all(first).await.expect("taken");
        // Its window is large once it has said so.
        let mut said = vec![0; 1 << 12];
        while !said.windows(4).any(|octets| octets == [8, 0, 0, 0]) {
            let count = client.read(&mut said).await.expect("its settings");
            assert_ne!(count, 0, "it ended");
        }
        client.write_all(rest).await.expect("taken");
        client // read no more, but open
    };
    let feed = tokio::spawn(feed);
    let mut builder = h2::server::Builder::new();
    builder.initial_window_size(1 << 30).initial_connection_window_size(1 << 30).max_header_list_size(1 << 20);
    let mut connection = builder.handshake::<_, Bytes>(server).await.expect("a client's preface and settings");
    let mut requests = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..count {
        let (request, answer) = connection.accept().await.expect("open").expect("well-formed frames");
        answers.push(answer);
        requests.push(request);
    }
    let driver = tokio::spawn(async move {
        while let Some(accepted) = connection.accept().await {
            assert!(accepted.as_ref().err().is_none_or(h2::Error::is_io), "{accepted:?}");
        }
    });
    let client = feed.await.expect("fed");
    let mut read = Vec::new();
    for request in requests {
        let (parts, body) = request.into_parts();
        read.push((parts.method, parts.uri.to_string(), parts.headers, whole(body).await));
    }
    drop(client);
    driver.await.expect("nothing else was wrong");
    read
}

/// What a client that sends so many requests reads from a server.
async fn responses(octets: Vec<u8>, count: usize) -> Vec<Option<(u16, HeaderMap, Vec<u8>)>> {
    let (client, mut server) = tokio::io::duplex(64 << 20);
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 30).initial_connection_window_size(1 << 30).max_header_list_size(1 << 20);
    let (mut requests, connection) = builder.handshake::<_, Bytes>(client).await.expect("a client");
    let driver = tokio::spawn(connection);
    let mut answers = Vec::new();
    for _ in 0..count {
        requests = requests.ready().await.expect("ready");
        let request = http::Request::get("http://smf/").body(()).expect("a request");
        answers.push(requests.send_request(request, true).expect("sent").0);
    }
    // The requests have been written once the server has seen them.
    let mut seen = vec![0; 1 << 16];
    while tokio::time::timeout(std::time::Duration::from_millis(50), server.read(&mut seen)).await.is_ok() {}
    server.write_all(&octets).await.expect("taken");
    server.shutdown().await.expect("closed");
    let mut read = Vec::new();
    for answer in answers {
        read.push(match answer.await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                Some((parts.status.as_u16(), parts.headers, whole(body).await))
            }
            Err(_) => None,
        });
    }
    driver.abort();
    read
}

async fn whole(mut body: h2::RecvStream) -> Vec<u8> {
    let mut octets = Vec::new();
    while let Some(part) = body.data().await {
        let part = part.expect("well-formed frames");
        let _ = body.flow_control().release_capacity(part.len());
        octets.extend(part);
    }
    octets
}

fn with(mut seen: Seen, fields: &[(&str, &str)], body: &[u8]) -> Seen {
    let (Shown::Request(Call { head, .. }) | Shown::Response { head, .. }) = &mut seen.record.shown else {
        panic!("neither request nor response")
    };
    head.fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    head.body.0 = body.to_vec();
    seen
}

fn names() -> Names {
    Names::from([("amf", "127.0.0.5:7777"), ("smf", "127.0.0.4:7777")])
}

fn capture(seen: &[Seen]) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut writer = SbiWriter::begin(&mut octets, names()).expect("written");
    seen.iter().for_each(|seen| writer.write(seen).expect("written"));
    drop(writer);
    octets
}

#[tokio::test]
async fn a_capture_holds_what_was_sent() {
    let large: Vec<u8> = (0..1_u32 << 20).map(|n| n as u8).collect();
    let long = "x".repeat(20_000);
    let json = ("content-type", "application/json");
    let seen = [
        with(call("amf", 1, 10, "POST", "/nsmf-pdusession/v1/sm-contexts"), &[json, ("accept", "*/*")], &large),
        with(call("amf", 2, 20, "GET", "/a?b=c"), &[("x-long", &long)], b""),
        with(answer("amf", 2, 30, 204), &[], b""),
        call("amf", 3, 35, "DELETE", "/"),
        with(answer("amf", 1, 40, 201), &[("location", "/x/9"), json], br#"{"a":1}"#),
        Seen {
            nf: "amf".into(),
            record: runtime::trace::Record { at: 50, shown: Shown::Failed { call: 3, why: "given up".into() } },
        },
    ];
    let octets = capture(&seen);
    let streams = streams(&octets);
    assert_eq!(streams.keys().collect::<Vec<_>>(), [&(vec![127, 0, 0, 5], PORTS[0])], "one connection for the pair");
    let Streams { up, down } = streams.into_values().next().expect("one");
    let requests = requests(up, 2).await;
    // The third was reset: a server need not show it.
    assert_eq!(requests[0].0, Method::POST);
    assert_eq!(requests[0].1, "http://127.0.0.4:7777/nsmf-pdusession/v1/sm-contexts");
    assert_eq!(
        (requests[0].2["content-type"].as_bytes(), requests[0].2["accept"].as_bytes()),
        (&b"application/json"[..], &b"*/*"[..])
    );
    assert!(requests[0].3 == large, "{} octets", requests[0].3.len());
    assert_eq!(requests[1].1, "http://127.0.0.4:7777/a?b=c");
    assert_eq!(requests[1].2["x-long"], long.as_str());
    let responses = responses(down, 3).await;
    let first = responses[0].as_ref().expect("answered");
    assert_eq!((first.0, first.1["location"].as_bytes(), first.2.as_slice()), (201, &b"/x/9"[..], &br#"{"a":1}"#[..]));
    assert_eq!(responses[1].as_ref().map(|answer| answer.0), Some(204));
    assert!(responses[2].is_none());
}

#[test]
fn comments_name_both_nfs_and_the_transport_and_what_was_blanked() {
    let mut secret = with(call("amf", 1, 10, "GET", "/"), &[("authorization", "***")], b"");
    let Shown::Request(request) = &mut secret.record.shown else { panic!("a request") };
    request.head.blanked = vec!["authorization".into()];
    let packets = read::packets(&capture(&[secret, answer("amf", 1, 20, 200)]));
    let comments: Vec<&str> =
        packets.iter().map(|p| p.comment.as_str()).filter(|comment| !comment.is_empty()).collect();
    assert_eq!(
        comments,
        [
            "AMF -> SMF over shm; TCP and HTTP/2 framing made up by peregrine trace",
            "AMF -> SMF over shm (shm:/run/127.0.0.4_7777.shm); blanked: authorization",
            "SMF -> AMF over shm",
        ]
    );
    let times: Vec<u64> = packets.iter().map(|packet| packet.at).collect();
    assert_eq!((times[0], times[times.len() - 1]), (10, 20));
}

#[test]
fn pairs_have_connections_of_their_own_from_their_own_addresses() {
    let mut other = call("smf", 1, 10, "GET", "/");
    let Shown::Request(request) = &mut other.record.shown else { panic!("a request") };
    request.authority = "127.0.0.5:7777".into();
    let octets = capture(&[call("amf", 1, 5, "GET", "/"), other, answer("smf", 99, 11, 200)]);
    assert_eq!(streams(&octets).len(), 2);
    let ends: Vec<([u8; 4], [u8; 4])> = read::packets(&octets)
        .iter()
        .filter(|packet| packet.octets[33] == crate::trace::packet::flag::SYN)
        .map(|packet| {
            (packet.octets[12..16].try_into().expect("four"), packet.octets[16..20].try_into().expect("four"))
        })
        .collect();
    assert_eq!(ends, [([127, 0, 0, 5], [127, 0, 0, 4]), ([127, 0, 0, 4], [127, 0, 0, 5])]);
}
