//! Subscription data and registrations of a subscriber: UDM over UDR (TS 29.503 5.2, 5.3).

use crate::home::{Home, SUPI};

use sbi_api::SbiError;
use sbi_models::udm::{
    Amf3GppAccessRegistration, Amf3GppAccessRegistrationModification, SdmSubscription, SmDataQuery, SmfRegistration,
    SubscriptionQuery,
};
use sbi_models::{Guami, PduSessionId, RatType, Supi};
use uuid::Uuid;

fn supi() -> Supi {
    SUPI.parse().expect("a SUPI")
}

fn cause(error: SbiError) -> (u16, String) {
    (error.status().unwrap_or_default(), error.cause().unwrap_or_default().to_owned())
}

fn amf(amf_id: &str, host: u8) -> Amf3GppAccessRegistration {
    let plmn: sbi_models::PlmnId = "999/70".parse().expect("a PLMN");
    Amf3GppAccessRegistration {
        amf_instance_id: Uuid::new_v4(),
        dereg_callback_uri: format!("http://127.0.0.{host}:7777/namf-callback/v1/{SUPI}/dereg-notify"),
        guami: Guami { plmn_id: plmn.into(), amf_id: amf_id.parse().expect("an AMF id") },
        rat_type: RatType::Nr,
        pei: None,
        purge_flag: None,
        initial_registration_ind: Some(true),
        dr_flag: None,
        registration_time: None,
        supported_features: None,
    }
}

#[tokio::test]
async fn the_amf_that_loses_the_ue_is_told_so_and_no_other() {
    let home = Home::new().await;
    let notified = || home.wire.notified.lock().expect("whole").clone();
    let created = home.uecm.register_amf(&supi(), &amf("020040", 5)).await.expect("registered");
    assert!(created.location.is_some_and(|uri| uri.ends_with("/registrations/amf-3gpp-access")));
    let restarted = amf("020040", 5);
    assert!(home.uecm.register_amf(&supi(), &restarted).await.expect("registered").location.is_none());
    home.settled().await;
    assert!(notified().is_empty(), "an AMF that was restarted does not hear of itself");
    home.uecm.register_amf(&supi(), &amf("020041", 6)).await.expect("registered");
    home.settled().await;
    let [(uri, body)] = &notified()[..] else { panic!("one notification") };
    assert_eq!(uri, &restarted.dereg_callback_uri);
    assert!(body.contains("\"deregReason\":\"UE_INITIAL_REGISTRATION\""), "{body}");
}

#[tokio::test]
async fn only_the_serving_amf_may_end_its_registration() {
    let home = Home::new().await;
    let (serving, other) = (amf("020040", 5), amf("020041", 6));
    let end = |guami: &Guami| Amf3GppAccessRegistrationModification {
        guami: guami.clone(),
        purge_flag: Some(true),
        pei: None,
    };
    let none = home.uecm.update_amf(&supi(), &end(&serving.guami)).await.expect_err("not registered");
    assert_eq!(cause(none), (404, "CONTEXT_NOT_FOUND".into()));
    home.uecm.register_amf(&supi(), &serving).await.expect("registered");
    let foreign = home.uecm.update_amf(&supi(), &end(&other.guami)).await.expect_err("not its UE");
    assert_eq!(cause(foreign), (403, "INVALID_GUAMI".into()));
    home.uecm.update_amf(&supi(), &end(&serving.guami)).await.expect("ended");
    assert_eq!(home.uecm.amf_registration(&supi()).await.expect("kept").purge_flag, Some(true));
    home.uecm.register_amf(&supi(), &other).await.expect("registered");
    home.settled().await;
    assert!(home.wire.notified.lock().expect("whole").is_empty(), "the UE had left before");
    let nowhere = Amf3GppAccessRegistration { dereg_callback_uri: "ftp://x".into(), ..amf("020040", 5) };
    let refused = home.uecm.register_amf(&supi(), &nowhere).await.expect_err("no callback");
    assert_eq!(cause(refused), (400, "MANDATORY_IE_INCORRECT".into()));
}

#[tokio::test]
async fn sessions_are_registered_and_found() {
    let home = Home::new().await;
    let id = PduSessionId::new(5).expect("valid");
    let registration = SmfRegistration {
        smf_instance_id: Uuid::new_v4(),
        pdu_session_id: id,
        single_nssai: "1".parse().expect("a slice"),
        dnn: Some("internet".parse().expect("a DNN")),
        plmn_id: "999/70".parse().expect("a PLMN"),
        dereg_callback_uri: None,
        emergency_services: None,
        registration_time: None,
        supported_features: None,
    };
    let created = home.uecm.register_smf(&supi(), &id, &registration).await.expect("registered");
    assert!(created.location.is_some_and(|uri| uri.ends_with("/smf-registrations/5")));
    let found = home.sdm.ue_context_in_smf_data(&supi()).await.expect("found").pdu_sessions.expect("there");
    assert_eq!(found[&id].smf_instance_id, registration.smf_instance_id);
    let six = PduSessionId::new(6).expect("valid");
    let other = home.uecm.register_smf(&supi(), &six, &registration).await.expect_err("two identities");
    assert_eq!(cause(other), (400, "MANDATORY_IE_INCORRECT".into()));
    home.uecm.deregister_smf(&supi(), &id).await.expect("removed");
    let gone = home.uecm.deregister_smf(&supi(), &id).await.expect_err("gone");
    assert_eq!(cause(gone), (404, "CONTEXT_NOT_FOUND".into()));
}

#[tokio::test]
async fn subscription_data_are_those_provisioned() {
    let home = Home::new().await;
    let any = SubscriptionQuery { plmn_id: Some("999/70".parse::<sbi_models::PlmnId>().expect("a PLMN").into()) };
    let am = home.sdm.am_data(&supi(), &any).await.expect("found");
    let slice = "1".parse().expect("a slice");
    assert_eq!(am.nssai.expect("slices").default_single_nssais, [slice]);
    let selection = home.sdm.smf_select_data(&supi(), &any).await.expect("found");
    assert_eq!(selection.default_dnn(slice).expect("a default").as_str(), "internet");
    let of = |dnn: &str, slice: &str| SmDataQuery {
        dnn: Some(dnn.parse().expect("a DNN")),
        single_nssai: Some(slice.parse().expect("a slice")),
        plmn_id: None,
    };
    let data = home.sdm.sm_data(&supi(), &of("internet", "1")).await.expect("found");
    let configurations = data[0].dnn_configurations.as_ref().expect("there");
    assert_eq!(configurations.keys().collect::<Vec<_>>(), ["internet"]);
    for query in [of("elsewhere", "1"), of("internet", "2")] {
        let none = home.sdm.sm_data(&supi(), &query).await.expect_err("not subscribed");
        assert_eq!(cause(none), (404, "DATA_NOT_FOUND".into()));
    }
    let stranger = "imsi-999700000000099".parse().expect("a SUPI");
    let unknown = home.sdm.am_data(&stranger, &any).await.expect_err("unknown");
    assert_eq!(cause(unknown), (404, "USER_NOT_FOUND".into()));
}

#[tokio::test]
async fn subscriptions_to_changes_are_kept_once_per_subscriber_and_bounded() {
    let home = Home::new().await;
    let subscription = |n: usize| SdmSubscription {
        nf_instance_id: Uuid::nil(),
        callback_reference: format!("http://127.0.0.5:7777/c/{n}"),
        monitored_resource_uris: vec![format!("/{SUPI}/am-data")],
        implicit_unsubscribe: None,
        expires: None,
        subscription_id: None,
        plmn_id: None,
        single_nssai: None,
        dnn: None,
    };
    let created = home.sdm.subscribe(&supi(), &subscription(0)).await.expect("subscribed");
    let id = created.body.subscription_id.expect("an identity");
    assert!(created.location.ends_with(&id));
    home.sdm.unsubscribe(&supi(), &id).await.expect("ended");
    assert_eq!(cause(home.sdm.unsubscribe(&supi(), &id).await.expect_err("gone")).0, 404);
    for n in 0..200 {
        home.sdm.subscribe(&supi(), &subscription(n)).await.expect("taken, the oldest goes");
    }
}
