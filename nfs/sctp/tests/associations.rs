//! One suite for both stacks: `SCTP_BACKEND=kernel` or `user-space` chooses, else the probe does.
//!
//! Runs in a network namespace of its own, as an ordinary user too. Arguments that are no options filter by name.

mod support;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use sctp::{Association, Backend, Error, Event, Listener, Options, PORT_NGAP, PPID_NGAP};

use support::{Child, Test, address, backend, eventually, from, options, pair, pattern, run};
use topo::Host;

fn main() -> ExitCode {
    run(&[
        test!(echo_keeps_stream_ppid_and_content),
        test!(messages_of_every_size_arrive_whole),
        test!(each_stream_keeps_its_order),
        test!(both_ends_know_streams_and_addresses),
        test!(what_cannot_be_sent_is_refused),
        test!(an_oversized_message_is_told_and_dropped),
        test!(an_abort_is_told_to_the_peer),
        test!(a_shutdown_delivers_first_and_ends_both),
        test!(dropping_an_association_shuts_it_down),
        test!(a_slow_receiver_makes_the_sender_wait),
        test!(a_hundred_associations_at_once),
        test!(a_peer_may_come_back_again_and_again),
        test!(associations_over_the_limit_are_aborted),
        test!(nobody_there_is_an_error_in_time),
        test!(two_addresses_are_one_end_point),
        test!(ipv6_carries_it_too),
        test!(two_hosts_talk_over_a_wire),
        test!(a_killed_peer_is_noticed),
        test!(a_listener_that_lost_its_memory_says_so),
        test!(a_peer_that_starts_anew_on_its_port_is_a_restart),
        test!(associations_end_while_messages_fly),
        test!(connects_are_given_up_at_any_moment),
    ])
}

async fn echo_keeps_stream_ppid_and_content() {
    let (mut here, mut there) = pair(options()).await;
    here.send(3, PPID_NGAP, Bytes::from_static(b"NG Setup Request")).await.expect("sent");
    let Event::Message { stream, ppid, data } = there.recv().await else { panic!("a message") };
    assert_eq!((stream, ppid, &data[..]), (3, 60, &b"NG Setup Request"[..]));
    there.send(1, 0xdead_beef, data).await.expect("sent");
    let expected = Event::Message { stream: 1, ppid: 0xdead_beef, data: Bytes::from_static(b"NG Setup Request") };
    assert_eq!(here.recv().await, expected);
}

async fn messages_of_every_size_arrive_whole() {
    let (mut here, mut there) = pair(options()).await;
    for length in [1, 2, 3, 1_400, 1_500, 10_000, 16_384, 16_385, 60_000, 65_536] {
        here.send(1, PPID_NGAP, pattern(length)).await.expect("sent");
        let message = there.recv().await;
        assert_eq!(message, Event::Message { stream: 1, ppid: 60, data: pattern(length) }, "{length} bytes");
        there.send(2, PPID_NGAP, pattern(length)).await.expect("sent");
        assert!(matches!(here.recv().await, Event::Message { data, .. } if data == pattern(length)));
    }
}

async fn each_stream_keeps_its_order() {
    let (here, mut there) = pair(options()).await;
    let (streams, each) = (10u16, 50u32);
    let sender = here.sender();
    let sending = tokio::spawn(async move {
        for number in 0..each {
            for stream in 0..streams {
                let data = Bytes::copy_from_slice(&number.to_be_bytes());
                sender.send(stream, PPID_NGAP, data).await.expect("sent");
            }
        }
    });
    let mut next = BTreeMap::new();
    for _ in 0..u32::from(streams) * each {
        let Event::Message { stream, data, .. } = there.recv().await else { panic!("a message") };
        let expected = next.entry(stream).or_insert(0u32);
        assert_eq!(&data[..], expected.to_be_bytes());
        *expected += 1;
    }
    sending.await.expect("all sent");
    assert_eq!(next, (0..streams).map(|stream| (stream, each)).collect());
}

async fn both_ends_know_streams_and_addresses() {
    let listener = Listener::bind(&[address(0)], options()).await.expect("bound");
    assert_eq!(listener.backend(), backend());
    let bound = listener.local_addresses().expect("addresses");
    assert_eq!(bound.len(), 1);
    assert_eq!(bound[0].ip(), address(0).ip());
    let asking = Options { outbound_streams: 30, inbound_streams: 4, ..options() };
    let (here, there) = tokio::join!(Association::connect(None, &bound, asking), listener.accept());
    let (here, there) = (here.expect("connected"), there.expect("accepted"));
    assert_eq!((here.outbound_streams(), there.outbound_streams()), (30, 4));
    assert_eq!(here.peer_addresses().expect("addresses"), bound);
    let peer = there.peer_addresses().expect("addresses");
    assert_eq!(peer.iter().map(|peer| peer.ip().to_string()).collect::<Vec<_>>(), ["127.0.0.1"]);
}

async fn what_cannot_be_sent_is_refused() {
    let (here, _there) = pair(options()).await;
    let max = options().max_message;
    let empty = here.send(0, 60, Bytes::new()).await;
    assert!(matches!(empty, Err(Error::Length { length: 0, .. })));
    let long = here.send(0, 60, pattern(max + 1)).await;
    assert!(matches!(long, Err(Error::Length { max: limit, .. }) if limit == max));
    let stream = here.outbound_streams();
    assert!(matches!(here.send(stream, 60, pattern(1)).await, Err(Error::Stream { .. })));
    here.abort();
    assert!(matches!(here.send(0, 60, pattern(1)).await, Err(Error::Closed)));
}

async fn an_oversized_message_is_told_and_dropped() {
    let listener = Listener::bind(&[address(0)], Options { max_message: 20_000, ..options() }).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses");
    let (here, there) = tokio::join!(Association::connect(None, &bound, options()), listener.accept());
    let (here, mut there) = (here.expect("connected"), there.expect("accepted"));
    here.send(2, 60, pattern(20_001)).await.expect("sent");
    here.send(2, 60, pattern(20_000)).await.expect("sent");
    assert_eq!(there.recv().await, Event::Oversized { stream: 2, ppid: 60 });
    assert!(matches!(there.recv().await, Event::Message { data, .. } if data == pattern(20_000)));
}

async fn an_abort_is_told_to_the_peer() {
    let (mut here, mut there) = pair(options()).await;
    here.abort();
    assert_eq!(there.recv().await, Event::PeerAborted);
    assert_eq!(there.recv().await, Event::PeerAborted);
    assert_eq!(here.recv().await, Event::Shutdown);
    assert!(matches!(there.send(0, 60, pattern(1)).await, Err(Error::Closed)));
}

async fn a_shutdown_delivers_first_and_ends_both() {
    let (mut here, mut there) = pair(options()).await;
    for _ in 0..20 {
        here.send(0, 60, pattern(3_000)).await.expect("sent");
    }
    here.shutdown().expect("an association");
    for _ in 0..20 {
        assert!(matches!(there.recv().await, Event::Message { .. }));
    }
    assert_eq!(there.recv().await, Event::Shutdown);
    assert_eq!(here.recv().await, Event::Shutdown);
}

async fn dropping_an_association_shuts_it_down() {
    let (here, mut there) = pair(options()).await;
    let sender = here.sender();
    drop(here);
    sender.send(0, 60, pattern(5)).await.expect("a half keeps it open");
    assert!(matches!(there.recv().await, Event::Message { .. }));
    drop(sender);
    assert_eq!(there.recv().await, Event::Shutdown);
    let (here, mut there) = pair(options()).await;
    let (closed, event) = tokio::join!(here.close(), there.recv());
    assert_eq!(((), Event::Shutdown), (closed, event));
}

async fn a_slow_receiver_makes_the_sender_wait() {
    let (here, mut there) = pair(options()).await;
    let sender = here.sender();
    let (count, length) = (200, 30_000);
    let mut sending = tokio::spawn(async move {
        for _ in 0..count {
            sender.send(1, 60, pattern(length)).await.expect("sent");
        }
    });
    // Six megabytes are far more than both ends hold: without a reader it cannot end.
    let waits = tokio::time::timeout(Duration::from_millis(500), &mut sending).await.is_err();
    assert!(waits, "6 MB went without a reader");
    for _ in 0..count {
        assert!(matches!(there.recv().await, Event::Message { data, .. } if data.len() == length));
    }
    sending.await.expect("all sent");
}

async fn a_hundred_associations_at_once() {
    let listener = Listener::bind(&[address(0)], options()).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses");
    let accepting = tokio::spawn(async move {
        for _ in 0..100 {
            let mut association = listener.accept().await.expect("accepted");
            tokio::spawn(async move {
                while let Event::Message { stream, ppid, data } = association.recv().await {
                    association.send(stream, ppid, data).await.expect("sent");
                }
            });
        }
    });
    let clients: Vec<_> = (0..100u32)
        .map(|number| {
            let bound = bound.clone();
            tokio::spawn(async move {
                let mut association = Association::connect(None, &bound, options()).await.expect("connected");
                let data = Bytes::copy_from_slice(&number.to_be_bytes());
                association.send(1, 60, data.clone()).await.expect("sent");
                assert_eq!(association.recv().await, Event::Message { stream: 1, ppid: 60, data });
                association
            })
        })
        .collect();
    let mut associations = Vec::new();
    for client in clients {
        associations.push(client.await.expect("echoed"));
    }
    accepting.await.expect("all accepted");
}

async fn a_peer_may_come_back_again_and_again() {
    let listener = Listener::bind(&[address(0)], options()).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses");
    for round in 0..20 {
        let (here, there) = tokio::join!(Association::connect(None, &bound, options()), listener.accept());
        let (mut here, there) = (here.expect("connected"), there.expect("accepted"));
        there.send(0, 60, pattern(10)).await.expect("sent");
        assert!(matches!(here.recv().await, Event::Message { .. }));
        if round % 2 == 0 { here.abort() } else { here.close().await }
    }
}

async fn associations_over_the_limit_are_aborted() {
    let few = Options { max_associations: 2, ..options() };
    let listener = Listener::bind(&[address(0)], few).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses");
    let mut held = Vec::new();
    for _ in 0..2 {
        let (here, there) = tokio::join!(Association::connect(None, &bound, options()), listener.accept());
        held.push((here.expect("connected"), there.expect("accepted")));
    }
    let third = async {
        match Association::connect(None, &bound, options()).await {
            Ok(mut third) => third.recv().await,
            Err(_) => Event::PeerAborted,
        }
    };
    tokio::select! {
        _ = listener.accept() => panic!("the third has no place"),
        event = third => assert_eq!(event, Event::PeerAborted),
    }
    held.pop();
    let (here, there) = tokio::join!(Association::connect(None, &bound, options()), listener.accept());
    assert!(here.is_ok() && there.is_ok(), "a place that was given up is free again");
}

async fn nobody_there_is_an_error_in_time() {
    let impatient = Options { connect_timeout: Duration::from_millis(700), ..options() };
    let nobody = [address(5)];
    let failed = Association::connect(None, &nobody, impatient).await;
    assert!(matches!(failed, Err(Error::Connect { .. })), "{failed:?}");
    assert!(matches!(Association::connect(None, &[], options()).await, Err(Error::Addresses { .. })));
}

async fn two_addresses_are_one_end_point() {
    let port = support::free_port();
    let both: [SocketAddr; 2] = [([127, 0, 0, 5], port).into(), ([127, 0, 0, 1], port).into()];
    let listener = Listener::bind(&both, options()).await.expect("bound");
    assert_eq!(listener.local_addresses().expect("addresses").len(), 2);
    for address in both {
        let called = [address];
        let (here, there) = tokio::join!(Association::connect(None, &called, options()), listener.accept());
        let (here, mut there) = (here.expect("connected"), there.expect("accepted"));
        let mut known = here.peer_addresses().expect("addresses");
        known.sort();
        assert_eq!(known, [both[1], both[0]]);
        here.send(0, 60, pattern(9)).await.expect("sent");
        assert!(matches!(there.recv().await, Event::Message { .. }));
    }
}

async fn ipv6_carries_it_too() {
    let loopback: SocketAddr = (Ipv6Addr::LOCALHOST, 0).into();
    let listener = Listener::bind(&[loopback], options()).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses");
    assert_eq!(bound[0].ip(), loopback.ip());
    let (here, there) = tokio::join!(Association::connect(None, &bound, options()), listener.accept());
    let (here, mut there) = (here.expect("connected"), there.expect("accepted"));
    here.send(0, PPID_NGAP, pattern(20_000)).await.expect("sent");
    assert_eq!(there.recv().await, Event::Message { stream: 0, ppid: 60, data: pattern(20_000) });
}

async fn two_hosts_talk_over_a_wire() {
    let (core, ran) = (Host::new("core").expect("a host"), Host::new("ran").expect("a host"));
    let (near, far) = (Ipv4Addr::new(10, 100, 0, 1), Ipv4Addr::new(10, 100, 0, 2));
    topo::link((&core, near), (&ran, far)).expect("joined");
    let listener = SocketAddr::from((near, PORT_NGAP));
    let _listening = Child::listen(&core, listener).await;
    let mut calling = Child::call(&ran, listener, (far, 0).into()).await;
    for _ in 0..3 {
        calling.says("echoed").await;
    }
}

async fn a_killed_peer_is_noticed() {
    let watchful = Options {
        heartbeat: Duration::from_millis(200),
        rto: (Duration::from_millis(200), Duration::from_millis(400)),
        max_retransmissions: 2,
        ..options()
    };
    let listener = Listener::bind(&[address(0)], watchful).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses")[0];
    let (child, accepted) = tokio::join!(Child::connect(&Host::HERE, bound, from(0)), listener.accept());
    let mut accepted = accepted.expect("accepted");
    drop(child);
    let end = eventually(accepted.recv()).await;
    assert!(matches!(end, Event::PeerAborted | Event::Shutdown), "{end:?}");
}

async fn a_listener_that_lost_its_memory_says_so() {
    let port = support::free_port();
    let first = Child::listen(&Host::HERE, address(port)).await;
    let mut here = Association::connect(None, &[address(port)], options()).await.expect("connected");
    drop(first);
    let _second = Child::listen(&Host::HERE, address(port)).await;
    // Within a heartbeat or so, not after all the retransmissions: the new one tells that it knows of nothing.
    let end = tokio::time::timeout(Duration::from_secs(6), here.recv()).await.expect("told in time");
    assert!(matches!(end, Event::PeerAborted | Event::Shutdown), "{end:?}");
    Association::connect(None, &[address(port)], options()).await.expect("connected to the second");
}

async fn a_peer_that_starts_anew_on_its_port_is_a_restart() {
    if backend() == Backend::Kernel {
        return; // The kernel ends a killed process's associations: there is no restart to see.
    }
    let listener = Listener::bind(&[address(0)], options()).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses")[0];
    let from = from(support::free_port());
    let (first, accepted) = tokio::join!(Child::connect(&Host::HERE, bound, from), listener.accept());
    let mut accepted = accepted.expect("accepted");
    drop(first);
    let (mut second, event) = tokio::join!(Child::connect(&Host::HERE, bound, from), accepted.recv());
    assert_eq!(event, Event::Restarted);
    accepted.send(0, 60, pattern(4)).await.expect("sent");
    second.says("message").await;
}

/// Every way to end, from both sides, while packets come in for the socket that ends: the stack's threads must not find
/// it freed. Memory that is harmed shows as an abort of this process, sooner or later.
async fn associations_end_while_messages_fly() {
    let listener = Listener::bind(&[address(0)], options()).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses");
    let accepting = tokio::spawn(async move {
        loop {
            tokio::spawn(chatter(listener.accept().await.expect("accepted"), 2_000));
        }
    });
    let until = std::time::Instant::now() + Duration::from_secs(1);
    let clients: Vec<_> = (0..8usize)
        .map(|client| {
            let bound = bound.clone();
            tokio::spawn(async move {
                let mut number = client;
                while std::time::Instant::now() < until {
                    let mut here = Association::connect(None, &bound, options()).await.expect("connected");
                    for _ in 0..number % 7 {
                        let _ = here.send(1, PPID_NGAP, pattern(2_000)).await;
                        let _ = here.recv().await;
                    }
                    match number % 4 {
                        0 => here.abort(),
                        1 => here.close().await,
                        2 => tokio::spawn(chatter(here, 3)).await.expect("no panic"),
                        _ => drop(here),
                    }
                    number += 1;
                }
            })
        })
        .collect();
    for client in clients {
        eventually(client).await.expect("no panic");
    }
    accepting.abort();
}

/// Associations are given up before, as and after the peer answers, while others are accepted at the same moment.
async fn connects_are_given_up_at_any_moment() {
    let listener = Listener::bind(&[address(0)], options()).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses");
    let accepting = tokio::spawn(async move {
        loop {
            let mut accepted = listener.accept().await.expect("accepted");
            tokio::spawn(async move { accepted.recv().await });
        }
    });
    let until = std::time::Instant::now() + Duration::from_secs(1);
    let clients: Vec<_> = (0..16u64)
        .map(|client| {
            let bound = bound.clone();
            tokio::spawn(async move {
                let mut number = client;
                while std::time::Instant::now() < until {
                    let patience = Duration::from_micros(number * 37 % 2_000);
                    let connecting = Association::connect(None, &bound, options());
                    // Given up or connected and dropped: either way it ends here.
                    let _ = tokio::time::timeout(patience, connecting).await;
                    number += 16;
                }
            })
        })
        .collect();
    for client in clients {
        eventually(client).await.expect("no panic");
    }
    // Those that came up late keep the listener's places for a moment; then it serves as before.
    eventually(async {
        while let Err(error) = Association::connect(None, &bound, options()).await {
            assert!(matches!(error, Error::Connect { .. }), "{error}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    accepting.abort();
}

/// Sends without end and listens, until so many messages have come or the association is over.
async fn chatter(association: Association, most: usize) {
    let (sender, mut receiver) = association.split();
    let sending = tokio::spawn(async move { while sender.send(0, PPID_NGAP, pattern(1_000)).await.is_ok() {} });
    for _ in 0..most {
        if !matches!(receiver.recv().await, Event::Message { .. }) {
            break;
        }
    }
    sending.abort();
}
