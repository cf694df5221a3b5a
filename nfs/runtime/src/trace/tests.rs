//! Who watches sees what it asked for; while nobody does, nothing is made for nobody.

use http::StatusCode;
use sbi_api::{Request, Response};
use sbi_transport::{Endpoint, Side};

use super::*;

fn wish(kinds: &[Kind]) -> Wish {
    Wish { kinds: kinds.iter().copied().collect(), ..Wish::default() }
}

fn message() -> Message {
    Message { from: "gNB".into(), to: "AMF".into(), name: "InitialUeMessage".into(), keys: vec!["ngap:1".into()] }
}

fn packet() -> Datagram {
    let (from, to) = (([127, 0, 0, 7], 2152).into(), ([127, 0, 0, 1], 2152).into());
    Datagram { interface: "n3".into(), from, to, octets: Octets(vec![1, 2, 3]), rule: None }
}

async fn next(subscription: &mut Subscription) -> Shown {
    let line = subscription.line().await.expect("a line");
    Record::read(std::str::from_utf8(&line).expect("text")).expect("a record").shown
}

#[tokio::test]
async fn nothing_is_made_for_nobody_and_what_is_asked_for_comes() {
    let trace = Trace::default();
    trace.message(|| panic!("nobody watches"));
    let mut watcher = trace.subscribe(wish(&[Kind::Signalling])).expect("room");
    trace.n4(|| panic!("nobody watches this"));
    trace.message(message);
    assert_eq!(next(&mut watcher).await, Shown::Message(message()));
    drop(watcher);
    assert!(!trace.wants(Kind::Signalling));
    trace.message(|| panic!("nobody watches any more"));
}

#[tokio::test]
async fn packets_come_for_the_ue_that_was_asked_for() {
    let trace = Trace::default();
    let (one, other) = (IpAddr::from([10, 45, 0, 2]), IpAddr::from([10, 45, 0, 3]));
    let mut watcher = trace.subscribe(Wish { ues: vec![one], ..wish(&[Kind::N3]) }).expect("room");
    trace.packet(Kind::N3, Some(other), || panic!("another's"));
    trace.packet(Kind::N3, None, || panic!("nobody's"));
    trace.packet(Kind::N3, Some(one), packet);
    assert_eq!(next(&mut watcher).await, Shown::Datagram(packet()));
}

#[tokio::test]
async fn readers_are_few() {
    let trace = Trace::default();
    let readers: Vec<_> = (0..MOST_READERS).filter_map(|_| trace.subscribe(wish(&Kind::ALL))).collect();
    assert_eq!(readers.len(), MOST_READERS);
    assert!(trace.subscribe(wish(&Kind::ALL)).is_none());
    drop(readers);
    assert!(trace.subscribe(wish(&Kind::ALL)).is_some());
}

#[tokio::test]
async fn a_call_is_shown_from_begin_to_end_without_its_secrets() {
    let trace = Trace::default();
    let endpoint = Endpoint::Mem("ausf".into());
    let request: Request = http::Request::post("/nausf-auth/v1/ue-authentications?x=1")
        .header("authorization", "Bearer t0ken")
        .header("content-type", "application/json")
        .body(r#"{"resStar":"00"}"#.into())
        .expect("a request");
    assert!(trace.tap().begin(Side::Client, &endpoint, "127.0.0.11:7777", || request.clone()).is_none());
    let mut watcher = trace.subscribe(wish(&[Kind::Sbi])).expect("room");
    let mut all = trace.subscribe(Wish { secrets: true, ..wish(&[Kind::Sbi]) }).expect("room");
    let begin = || trace.tap().begin(Side::Client, &endpoint, "127.0.0.11:7777", || request.clone()).expect("watched");
    let response: Response = http::Response::builder().status(StatusCode::CREATED).body("".into()).expect("one");
    begin().answered(&response);
    drop(begin());
    let Shown::Request(call) = next(&mut watcher).await else { panic!("a request first") };
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/nausf-auth/v1/ue-authentications?x=1"));
    assert_eq!((call.transport.as_str(), call.authority.as_str()), ("mem", "127.0.0.11:7777"));
    assert_eq!(call.head.fields[0], ("authorization".to_owned(), "************".to_owned()));
    assert_eq!(call.head.body.0, br#"{"resStar":"**"}"#);
    assert!(matches!(next(&mut watcher).await, Shown::Response { status: 201, .. }));
    assert!(matches!(next(&mut watcher).await, Shown::Request(_)));
    assert!(matches!(next(&mut watcher).await, Shown::Failed { why, .. } if why == "given up"));
    let Shown::Request(call) = next(&mut all).await else { panic!("a request first") };
    assert_eq!(call.head.body.0, br#"{"resStar":"00"}"#, "this reader may see it");
    assert_eq!(call.head.fields[0].1, "Bearer t0ken");
}
