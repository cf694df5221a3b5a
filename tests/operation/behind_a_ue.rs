//! What the subscription fixes: addresses that are always the UE's, and hosts behind it.

use std::net::IpAddr;
use std::time::Duration;

use aka::{K, Opc};
use ran::ue::{Command, SessionRequest};
use ran::{Ran, RanSetup, Subscriber, UeId};
use tests::{Core, plmn};

/// UEs may have addresses beyond the pool, and hosts of these networks behind them.
const CONFIGURATION: &str = "
network:
  dnns:
    - name: internet
      ipv4: 10.45.0.0/16
      ipv6: fd00:10:45::/48
      routes: [10.99.0.0/24, 198.51.100.0/24, 'fd00:99::/48']
";

const KEY: &str = "465B5CE8B199B49FAA5F0A2EE238A6BC";
const OPC: &str = "E8ED289DEBA952E4283B54E88E6183CA";

/// The IMSIs' beginning; the last digit follows.
const IMSI: &str = "99970000020000";

/// A line to import, with what is fixed in the subscription.
fn line(last: u8, fixed: &str) -> String {
    let slices = format!(r#"[{{"sst":1,"dnns":[{{"dnn":"internet"{fixed}}}]}}]"#);
    format!(r#"{{"supi":"imsi-{IMSI}{last}","k":"{KEY}","opc":"{OPC}","slices":{slices}}}"#) + "\n"
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Where the pool's gateways answer.
const GATEWAYS: [&str; 2] = ["10.45.0.1", "fd00:10:45::1"];

#[tokio::test]
async fn addresses_and_hosts_behind_ues_are_those_of_the_subscription() {
    let core = Core::start(CONFIGURATION);
    let lines = [
        line(
            0,
            r#","ipv4":"10.99.0.7","ipv6":"fd00:99:0:5::/64","framedRoutes":["198.51.100.0/25","fd00:99:0:7::/64"]"#,
        ),
        line(1, r#","ipv4":"10.45.0.2""#),
        line(2, ""),
        line(3, r#","ipv4":"10.45.0.2""#),
        line(4, r#","ipv4":"10.77.0.2""#),
    ];
    let file = core.file("subscribers.json", &lines.concat());
    core.peregrine(&["subscriber", "import", &file]);
    let (k, opc) = (K::from_hex(KEY).expect("a key"), Opc::from_hex(OPC).expect("a key"));
    let subscribers = Subscriber::range(&format!("{IMSI}0"), lines.len(), &k, &opc).expect("15 digits");
    let ran = Ran::start(&RanSetup::new(plmn()), &subscribers).await.expect("the AMF takes the gNB");
    let session = |kind| Command::Establish(SessionRequest { kind, ..SessionRequest::usual(1) });
    for ue in ran.ues() {
        ran.run(ue, Command::Register).await.unwrap_or_else(|why| panic!("{why}\n{}", core.log()));
    }
    for ue in [UeId(0), UeId(1), UeId(2)] {
        let both = session(nas::ie::PduSessionType::Ipv4v6);
        ran.run(ue, both).await.unwrap_or_else(|why| panic!("{why}\n{}", core.log()));
        ran.autoconfigured(ue, 1, Duration::from_secs(10)).await.expect("a prefix");
    }
    assert_eq!(ran.addresses(UeId(0), 1)[0], address("10.99.0.7"));
    let prefix = |of: &IpAddr| of.to_string().starts_with("fd00:99:0:5:");
    assert!(ran.addresses(UeId(0), 1).iter().any(prefix), "{:?}", ran.addresses(UeId(0), 1));
    assert_eq!(ran.addresses(UeId(1), 1)[0], address("10.45.0.2"));
    assert_eq!(ran.addresses(UeId(2), 1)[0], address("10.45.0.3"));
    // Nobody has the address of another, nor one that is not the data network's.
    for (ue, why) in [(UeId(3), "address_in_use"), (UeId(4), "foreign_address")] {
        assert!(
            ran.run(ue, session(nas::ie::PduSessionType::Ipv4)).await.is_err(),
            "it has a session in spite of {why}"
        );
        assert!(core.peregrine(&["metrics", "smf"]).contains(why), "{why}");
    }

    // The gateway is of the data network: its answers are to hosts behind the UE, both ways through the session.
    let patience = Duration::from_secs(5);
    for (host, gateway) in [("198.51.100.77", GATEWAYS[0]), ("fd00:99:0:7::77", GATEWAYS[1])] {
        let answer = ran.ping_from(address(host), UeId(0), 1, address(gateway), patience).await;
        answer.unwrap_or_else(|why| panic!("{host}: {why}\n{}", core.log()));
        for (other, ue) in [(UeId(1), "another UE's"), (UeId(2), "nobody's")] {
            let stolen = ran.ping_from(address(host), other, 1, address(gateway), Duration::from_millis(200)).await;
            assert!(stolen.is_err(), "{host} is not behind {ue}");
        }
    }
    for gateway in GATEWAYS {
        let answer = ran.ping(UeId(0), 1, address(gateway), patience).await;
        answer.unwrap_or_else(|why| panic!("{gateway}: {why}\n{}", core.log()));
    }
    // Beyond what is the UE's.
    let beyond = ran.ping_from(address("198.51.100.200"), UeId(0), 1, address(GATEWAYS[0]), Duration::from_millis(200));
    assert!(beyond.await.is_err());
}
