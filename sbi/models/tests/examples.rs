//! Bodies as the specifications write them, read and written again without a change.

use std::fmt::Debug;

use sbi_models::{amf, ausf, nrf, smf, udm, udr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn round_trip<T: Serialize + DeserializeOwned + Debug + PartialEq>(example: Value) -> T {
    let read: T = serde_json::from_str(&example.to_string()).unwrap_or_else(|why| panic!("{why} in {example}"));
    assert_eq!(serde_json::to_value(&read).expect("writes"), example);
    read
}

fn guami() -> Value {
    json!({"plmnId": {"mcc": "999", "mnc": "70"}, "amfId": "020040"})
}

#[test]
fn an_amf_registers_at_the_nrf() {
    let profile: nrf::NfProfile = round_trip(json!({
        "nfInstanceId": "4947a69a-f61b-4bc1-b9da-47c9c5d14b64",
        "nfType": "AMF",
        "nfStatus": "REGISTERED",
        "heartBeatTimer": 10,
        "plmnList": [{"mcc": "999", "mnc": "70"}],
        "sNssais": [{"sst": 1}, {"sst": 2, "sd": "00000a"}],
        "ipv4Addresses": ["127.0.0.5"],
        "amfInfo": {"amfSetId": "001", "amfRegionId": "02", "guamiList": [guami()],
            "taiList": [{"plmnId": {"mcc": "999", "mnc": "70"}, "tac": "000001"}]},
        "nfServices": [{
            "serviceInstanceId": "namf-comm", "serviceName": "namf-comm",
            "versions": [{"apiVersionInUri": "v1", "apiFullVersion": "1.0.0"}],
            "scheme": "http", "nfServiceStatus": "REGISTERED",
            "ipEndPoints": [{"ipv4Address": "127.0.0.5", "port": 7777}]
        }],
        "vendorSpecific-peregrine": {"node": "n1", "shm": "/run/peregrine/a.shm"},
        "vendorSpecific-012345": {"anything": [1, 2]},
        "servingScope": ["here"]
    }));
    assert_eq!(profile.local.map(|local| local.node).as_deref(), Some("n1"));
    assert!(profile.other.contains_key("servingScope"), "what we do not read is passed on");
    let other: nrf::NfProfile = round_trip(json!({
        "nfInstanceId": "4947a69a-f61b-4bc1-b9da-47c9c5d14b64", "nfType": "5G_EIR", "nfStatus": "REGISTERED"
    }));
    assert_eq!(other.nf_type, nrf::NfType::Other("5G_EIR".into()));
}

#[test]
fn nrf_messages() {
    round_trip::<Vec<nrf::PatchItem>>(json!([
        {"op": "replace", "path": "/nfStatus", "value": "REGISTERED"}, {"op": "add", "path": "/load", "value": 50}
    ]));
    round_trip::<nrf::SubscriptionData>(json!({
        "nfStatusNotificationUri": "http://127.0.0.5:7777/nnrf-callback/v1/nf-status",
        "subscrCond": {"nfType": "SMF"}, "validityTime": "2026-11-21T00:00:00Z"
    }));
    round_trip::<nrf::NotificationData>(json!({
        "event": "NF_DEREGISTERED", "nfInstanceUri": "http://127.0.0.10:7777/nnrf-nfm/v1/nf-instances/4947a69a-f61b-4bc1-b9da-47c9c5d14b64"
    }));
    round_trip::<nrf::SearchResult>(json!({"validityPeriod": 60, "nfInstances": []}));
}

#[test]
fn a_session_is_created_changed_and_released() {
    let data: smf::SmContextCreateData = round_trip(json!({
        "supi": "imsi-999700000000001", "pei": "imeisv-4370816125816151", "pduSessionId": 1, "dnn": "internet",
        "sNssai": {"sst": 1}, "servingNfId": "4947a69a-f61b-4bc1-b9da-47c9c5d14b64", "guami": guami(),
        "servingNetwork": {"mcc": "999", "mnc": "70"}, "requestType": "INITIAL_REQUEST",
        "n1SmMsg": {"contentId": "n1SmMsg"}, "anType": "3GPP_ACCESS", "ratType": "NR",
        "ueLocation": {"nrLocation": {"tai": {"plmnId": {"mcc": "999", "mnc": "70"}, "tac": "000001"},
            "ncgi": {"plmnId": {"mcc": "999", "mnc": "70"}, "nrCellId": "000000010"}}},
        "ueTimeZone": "+01:00",
        "smContextStatusUri": "http://127.0.0.5:7777/namf-callback/v1/imsi-999700000000001/sm-context-status/1"
    }));
    assert_eq!(data.pdu_session_id.map(|id| id.get()), Some(1));
    round_trip::<smf::SmContextCreateError>(json!({
        "error": {"status": 403, "cause": "DNN_DENIED"}, "n1SmMsg": {"contentId": "n1SmMsg"}
    }));
    round_trip::<smf::SmContextUpdateData>(json!({
        "n2SmInfo": {"contentId": "n2SmInfo"}, "n2SmInfoType": "PDU_RES_SETUP_RSP", "upCnxState": "ACTIVATED",
        "ngApCause": {"group": 0, "value": 20}, "5gMmCauseValue": 9
    }));
    round_trip::<smf::SmContextStatusNotification>(json!({
        "statusInfo": {"resourceStatus": "RELEASED", "cause": "REL_DUE_TO_DUPLICATE_SESSION_ID"}
    }));
}

#[test]
fn n1_and_n2_messages_through_the_amf() {
    round_trip::<amf::N1N2MessageTransferReqData>(json!({
        "n1MessageContainer": {"n1MessageClass": "SM", "n1MessageContent": {"contentId": "n1"}},
        "n2InfoContainer": {"n2InformationClass": "SM", "smInfo": {"pduSessionId": 5,
            "n2InfoContent": {"ngapIeType": "PDU_RES_SETUP_REQ", "ngapData": {"contentId": "n2"}}, "sNssai": {"sst": 1}}},
        "pduSessionId": 5, "arp": {"priorityLevel": 8, "preemptCap": "NOT_PREEMPT", "preemptVuln": "NOT_PREEMPTABLE"},
        "5qi": 9, "n1n2FailureTxfNotifURI": "http://127.0.0.4:7777/nsmf-callback/v1/sm-contexts/1/transfer-failure"
    }));
    round_trip::<amf::N1N2MessageTransferRspData>(json!({"cause": "N1_N2_TRANSFER_INITIATED"}));
    round_trip::<amf::N1N2MessageTransferError>(json!({
        "error": {"status": 409, "cause": "TEMPORARY_REJECT_REGISTRATION_ONGOING"}, "errInfo": {"retryAfter": 2}
    }));
}

#[test]
fn an_authentication() {
    let context: ausf::UeAuthenticationCtx = round_trip(json!({
        "authType": "5G_AKA",
        "5gAuthData": {"rand": "23553cbe9637a89d218ae64dae47bf35", "autn": "55f328b43577b9b94a9ffac354dfafb3",
            "hxresStar": "0102030405060708090a0b0c0d0e0f10"},
        "_links": {"5g-aka": {"href": "http://127.0.0.11:7777/nausf-auth/v1/ue-authentications/1/5g-aka-confirmation"}},
        "servingNetworkName": "5G:mnc070.mcc999.3gppnetwork.org"
    }));
    assert_eq!(context.links.len(), 1);
    round_trip::<ausf::ConfirmationData>(json!({"resStar": "0102030405060708090a0b0c0d0e0f10"}));
    round_trip::<ausf::ConfirmationData>(json!({"resStar": null}));
    let kseaf = "00".repeat(32);
    let done: ausf::ConfirmationDataResponse =
        round_trip(json!({"authResult": "AUTHENTICATION_SUCCESS", "supi": "imsi-999700000000001", "kseaf": kseaf}));
    assert!(format!("{done:?}").contains("<secret>") && !format!("{done:?}").contains(&kseaf));
    round_trip::<udm::AuthenticationInfoResult>(json!({
        "authType": "5G_AKA", "supi": "imsi-999700000000001",
        "authenticationVector": {"avType": "5G_HE_AKA", "rand": "23553cbe9637a89d218ae64dae47bf35",
            "xresStar": "0102030405060708090a0b0c0d0e0f10", "autn": "55f328b43577b9b94a9ffac354dfafb3", "kausf": kseaf}
    }));
    round_trip::<udr::AuthenticationSubscription>(json!({
        "authenticationMethod": "5G_AKA", "encPermanentKey": "465b5ce8b199b49faa5f0a2ee238a6bc",
        "encOpcKey": "e8ed289deba952e4283b54e88e6183ca", "authenticationManagementField": "8000",
        "algorithmId": "milenage",
        "sequenceNumber": {"sqnScheme": "NON_TIME_BASED", "sqn": "000000000020", "indLength": 5}
    }));
}

#[test]
fn subscription_data() {
    let selection: udm::SmfSelectionSubscriptionData = round_trip(json!({
        "subscribedSnssaiInfos": {
            "1": {"dnnInfos": [{"dnn": "internet", "defaultDnnIndicator": true}, {"dnn": "ims"}]},
            "1-00000a": {"dnnInfos": [{"dnn": "corp"}]}
        }
    }));
    let slice = "1".parse().expect("a slice");
    assert_eq!(selection.default_dnn(slice).map(|dnn| dnn.to_string()).as_deref(), Some("internet"));
    assert_eq!(selection.dnns(slice).count(), 2);
    round_trip::<udm::AccessAndMobilitySubscriptionData>(json!({
        "gpsis": ["msisdn-491700000000"], "subscribedUeAmbr": {"uplink": "1 Gbps", "downlink": "2 Gbps"},
        "nssai": {"defaultSingleNssais": [{"sst": 1}]}
    }));
    round_trip::<Vec<udm::SessionManagementSubscriptionData>>(json!([{
        "singleNssai": {"sst": 1},
        "dnnConfigurations": {"internet": {
            "pduSessionTypes": {"defaultSessionType": "IPV4", "allowedSessionTypes": ["IPV4"]},
            "sscModes": {"defaultSscMode": "SSC_MODE_1"},
            "5gQosProfile": {"5qi": 9, "arp": {"priorityLevel": 8, "preemptCap": "NOT_PREEMPT", "preemptVuln": "NOT_PREEMPTABLE"}},
            "sessionAmbr": {"uplink": "1 Gbps", "downlink": "1 Gbps"}
        }}
    }]));
    round_trip::<udm::UeContextInSmfData>(json!({"pduSessions": {"5": {
        "dnn": "internet", "smfInstanceId": "4947a69a-f61b-4bc1-b9da-47c9c5d14b64", "plmnId": {"mcc": "999", "mnc": "70"}
    }}}));
    round_trip::<udm::Amf3GppAccessRegistration>(json!({
        "amfInstanceId": "4947a69a-f61b-4bc1-b9da-47c9c5d14b64", "guami": guami(), "ratType": "NR",
        "deregCallbackUri": "http://127.0.0.5:7777/namf-callback/v1/imsi-999700000000001/dereg-notify",
        "initialRegistrationInd": true
    }));
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |json: &str| serde_json::from_str::<smf::SmContextCreateData>(json).is_err();
    assert!(refused("{}") && refused("[]") && refused("null"));
    for (field, value) in
        [("pduSessionId", "0"), ("pduSessionId", "16"), ("supi", "\"imsi-\\u0000\""), ("dnn", "\"a..b\"")]
    {
        let data = format!(
            r#"{{"servingNfId":"4947a69a-f61b-4bc1-b9da-47c9c5d14b64","servingNetwork":{{"mcc":"999","mnc":"70"}},"anType":"3GPP_ACCESS","smContextStatusUri":"http://a/b","{field}":{value}}}"#
        );
        assert!(refused(&data), "{data}");
    }
}
