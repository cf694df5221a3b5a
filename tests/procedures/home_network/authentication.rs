//! 5G-AKA from AUSF over UDM to UDR, each behind its own service interface, with the card's side from `aka`
//! (TS 33.501 6.1.2, 6.1.3.2, 6.1.3.3).

use crate::home::{self, HOME_NETWORK, Home, SUPI};
use aka::{Autn, AutnError, Auts, HxresStar, K, Opc, Rand, ResStar, Sqn, Usim, hres_star};

use sbi_api::SbiError;
use sbi_api::nausf_auth::auth_ctx_id;
use sbi_models::ausf::{
    AuthResult, AuthenticationInfo, ConfirmationData, ConfirmationDataResponse, UeAuthenticationCtx,
};
use sbi_models::udm::ResynchronizationInfo;
use sbi_models::{HexOctets, SupiOrSuci};

fn card() -> Usim {
    let k = K::from_hex("465B5CE8B199B49FAA5F0A2EE238A6BC").expect("K");
    Usim::new(k, Opc::from_hex("E8ED289DEBA952E4283B54E88E6183CA").expect("OPc"))
}

fn info(identity: &str) -> AuthenticationInfo {
    let identity: SupiOrSuci = identity.parse().expect("an identity");
    AuthenticationInfo::new(identity, HOME_NETWORK.into())
}

fn cause(error: SbiError) -> (u16, String) {
    (error.status().unwrap_or_default(), error.cause().unwrap_or_default().to_owned())
}

fn challenge(context: &UeAuthenticationCtx) -> (Rand, Autn) {
    (Rand::new(context.auth_data.rand.0), Autn::new(context.auth_data.autn.0))
}

impl Home {
    async fn challenge(&self, identity: &str) -> (String, UeAuthenticationCtx) {
        let created = self.ausf.authenticate(&info(identity)).await.expect("a challenge");
        (auth_ctx_id(&created.location).to_owned(), created.body)
    }

    async fn confirm(&self, id: &str, res_star: Option<[u8; 16]>) -> Result<ConfirmationDataResponse, SbiError> {
        self.ausf.confirm(&id.to_owned(), &ConfirmationData { res_star: res_star.map(HexOctets) }).await
    }
}

#[tokio::test]
async fn a_card_is_authenticated_by_supi_and_by_suci_of_every_scheme() {
    let home = Home::new().await;
    let mut usim = card();
    for identity in [SUPI.to_owned(), home::suci_null(), home::suci_a(), home::suci_b()] {
        home.wire.clear();
        let (id, context) = home.challenge(&identity).await;
        let (rand, autn) = challenge(&context);
        let answer = usim.authenticate(&rand, &autn, HOME_NETWORK).expect("the card trusts the network");
        assert_eq!(hres_star(&rand, &answer.res_star), HxresStar::new(context.auth_data.hxres_star.0));
        let confirmed = home.confirm(&id, Some(*answer.res_star.as_octets())).await.expect("answered");
        assert_eq!(confirmed.auth_result, AuthResult::Success);
        assert_eq!(confirmed.supi.as_ref().map(|supi| supi.as_str()), Some(SUPI));
        let kseaf = answer.kausf.kseaf(HOME_NETWORK).expect("derived");
        assert_eq!(confirmed.kseaf.map(|key| key.0), Some(*kseaf.as_octets()));
        let again =
            home.confirm(&id, Some(*answer.res_star.as_octets())).await.expect("a repetition is answered alike");
        assert_eq!(again.auth_result, AuthResult::Success);
        assert!(home.result_kept(true).await, "the UDM knows of it");
    }
    let ladder = home.wire.ladder();
    assert!(
        ladder.starts_with(&format!(
            "AUSF POST /nausf-auth/v1/ue-authentications
UDM POST /nudm-ueau/v1/{}/security-information/generate-auth-data
UDR GET /nudr-dr/v2/subscription-data/{SUPI}/authentication-data/authentication-subscription
UDR PATCH /nudr-dr/v2/subscription-data/{SUPI}/authentication-data/authentication-subscription
AUSF PUT /nausf-auth/v1/ue-authentications/{{id}}/5g-aka-confirmation
",
            home::suci_of(&ladder)
        )),
        "{ladder}"
    );
    assert_eq!(ladder.matches("auth-events").count(), 1, "one event, although the answer came twice:\n{ladder}");
}

#[tokio::test]
async fn a_wrong_answer_gets_no_key_and_no_second_try() {
    let home = Home::new().await;
    for wrong in [Some([0; 16]), None] {
        let (id, context) = home.challenge(SUPI).await;
        let failed = home.confirm(&id, wrong).await.expect("answered");
        assert_eq!((failed.auth_result, failed.supi, failed.kseaf), (AuthResult::Failure, None, None));
        let (rand, autn) = challenge(&context);
        let right = card().authenticate(&rand, &autn, HOME_NETWORK).expect("accepted").res_star;
        let late = home.confirm(&id, Some(*right.as_octets())).await.expect_err("it is over");
        assert_eq!(cause(late), (404, "CONTEXT_NOT_FOUND".into()));
        assert!(home.result_kept(false).await);
    }
}

#[tokio::test]
async fn a_card_ahead_of_the_network_is_caught_up_with() {
    let home = Home::new().await;
    let far = Sqn::new(0x1234_5678_9aa1).expect("48 bits, of the index that comes next");
    let mut usim = card().with_sqn(far);
    let (_, context) = home.challenge(SUPI).await;
    let (rand, autn) = challenge(&context);
    let Err(AutnError::SynchFailure { auts }) = usim.authenticate(&rand, &autn, HOME_NETWORK) else {
        panic!("the card must refuse an old number")
    };
    let mut again = info(SUPI);
    again.resynchronization_info = Some(resynchronisation(&rand, &auts));
    let created = home.ausf.authenticate(&again).await.expect("a challenge");
    let (rand, autn) = challenge(&created.body);
    usim.authenticate(&rand, &autn, HOME_NETWORK).expect("in step again");
    assert!(home.sqn().await > far);
    // And what is kept now serves the next one without an AUTS.
    let (_, next) = home.challenge(SUPI).await;
    let (rand, autn) = challenge(&next);
    usim.authenticate(&rand, &autn, HOME_NETWORK).expect("in step");
}

fn resynchronisation(rand: &Rand, auts: &Auts) -> ResynchronizationInfo {
    ResynchronizationInfo { rand: HexOctets(*rand.as_octets()), auts: HexOctets(*auts.as_octets()) }
}

#[tokio::test]
async fn a_forged_auts_moves_nothing() {
    let home = Home::new().await;
    let mut usim = card();
    for _ in 0..20 {
        let before = home.sqn().await;
        let mut forged = info(SUPI);
        forged.resynchronization_info = Some(resynchronisation(&Rand::new([1; 16]), &Auts::new([7; 14])));
        let created = home.ausf.authenticate(&forged).await.expect("a challenge all the same");
        let (rand, autn) = challenge(&created.body);
        usim.authenticate(&rand, &autn, HOME_NETWORK).expect("the real card is served");
        assert_eq!(home.sqn().await, before.next());
    }
}

#[tokio::test]
async fn refusals_have_the_cause_of_the_specification() {
    let home = Home::new().await;
    let refused = async |info: AuthenticationInfo| cause(home.ausf.authenticate(&info).await.expect_err("refused"));
    assert_eq!(refused(info("imsi-999700000000099")).await, (404, "USER_NOT_FOUND".into()));
    assert_eq!(refused(info("suci-0-001-01-0000-0-0-0000000001")).await, (404, "USER_NOT_FOUND".into()));
    assert_eq!(
        refused(info(&home::suci_a().replace("-1-1-", "-1-9-"))).await,
        (403, "INVALID_HN_PUBLIC_KEY_IDENTIFIER".into())
    );
    assert_eq!(refused(info("suci-0-999-70-0000-1-1-00ff")).await, (403, "INVALID_SCHEME_OUTPUT".into()));
    assert_eq!(refused(info(&home::tampered(home::suci_a()))).await, (403, "INVALID_SCHEME_OUTPUT".into()));
    assert_eq!(refused(info(&home::tampered(home::suci_b()))).await, (403, "INVALID_SCHEME_OUTPUT".into()));
    assert_eq!(refused(info("suci-0-999-70-0000-9-1-00")).await, (501, "UNSUPPORTED_PROTECTION_SCHEME".into()));
    for network in ["", "5G:mnc001.mcc001.3gppnetwork.org", "5G:mnc070.mcc999.3gppnetwork.org "] {
        let other = AuthenticationInfo { serving_network_name: network.into(), ..info(SUPI) };
        assert_eq!(refused(other).await, (403, "SERVING_NETWORK_NOT_AUTHORIZED".into()), "{network}");
    }
    let unknown = home.confirm("00000000-0000-0000-0000-000000000000", None).await.expect_err("unknown");
    assert_eq!(cause(unknown), (404, "CONTEXT_NOT_FOUND".into()));
    assert_eq!(cause(home.confirm("../../x", None).await.expect_err("unknown")), (404, "CONTEXT_NOT_FOUND".into()));
    home.wire.cut("UDR");
    assert_eq!(refused(info(SUPI)).await, (504, "TARGET_NF_NOT_REACHABLE".into()).clone());
}

#[tokio::test]
async fn many_at_once_never_share_a_sequence_number() {
    let home = Home::new().await;
    let (first, mut usim) = (home.sqn().await, card());
    let all = (0..30).map(|_| home.challenge(SUPI));
    let challenges = futures(all).await;
    for (_, context) in &challenges {
        let (rand, autn) = challenge(context);
        usim.authenticate(&rand, &autn, HOME_NETWORK).expect("a number of its own");
    }
    assert_eq!(home.sqn().await.get() >> 5, (first.get() >> 5) + 30);
}

async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut done = Vec::new();
    for one in all {
        done.push(one.await);
    }
    done
}

#[tokio::test]
async fn a_result_can_be_removed() {
    let home = Home::new().await;
    let (id, context) = home.challenge(SUPI).await;
    let (rand, autn) = challenge(&context);
    let answer: ResStar = card().authenticate(&rand, &autn, HOME_NETWORK).expect("accepted").res_star;
    home.confirm(&id, Some(*answer.as_octets())).await.expect("answered");
    assert!(home.result_kept(true).await);
    home.ausf.delete_result(&id).await.expect("removed");
    assert!(home.no_result().await);
    assert_eq!(cause(home.ausf.delete_result(&id).await.expect_err("gone")), (404, "CONTEXT_NOT_FOUND".into()));
}
