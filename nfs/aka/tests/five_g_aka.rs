//! 5G-AKA: the key hierarchy against values calculated from TS 33.501 annex A with another implementation, and both
//! ends against each other.

use aka::{
    AmfField, AutnError, Auts, HomeVector, K, Milenage, Opc, Rand, ResStar, Sqn, Usim, hres_star, serving_network_name,
};

const K_HEX: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
const OPC_HEX: &str = "e8ed289deba952e4283b54e88e6183ca";
const RAND_HEX: &str = "23553cbe9637a89d218ae64dae47bf35";

fn keys() -> (K, Opc) {
    (K::from_hex(K_HEX).expect("K"), Opc::from_hex(OPC_HEX).expect("OPc"))
}

fn milenage() -> Milenage {
    let (k, opc) = keys();
    Milenage::new(&k, &opc)
}

fn usim() -> Usim {
    let (k, opc) = keys();
    Usim::new(k, opc)
}

fn vector(sqn: Sqn) -> HomeVector {
    let rand = Rand::from_hex(RAND_HEX).expect("RAND");
    HomeVector::generate(&milenage(), rand, sqn, AmfField::SEPARATED, &network()).expect("a vector")
}

fn network() -> String {
    serving_network_name("999", "70")
}

#[test]
fn the_hierarchy_from_k_to_the_algorithm_keys() {
    assert_eq!(network(), "5G:mnc070.mcc999.3gppnetwork.org");
    let vector = vector(Sqn::INITIAL);
    assert_eq!(vector.autn.to_hex(), "95ea6c44316380000cf661619e1a630c");
    assert_eq!(vector.xres_star.to_hex(), "494971b7c0300cf47df7412c1889aee1");
    assert_eq!(vector.xres_star.hxres_star(&vector.rand).to_hex(), "7d9aa11bfdba41ab7ad690fab870f42e");
    assert_eq!(vector.kausf.to_hex(), "4f2a3c0449084e104f39d0fe2af0c40ebc59ffbbd1eae27f314324b192f4e841");
    let kseaf = vector.kausf.kseaf(&network()).expect("KSEAF");
    assert_eq!(kseaf.to_hex(), "2532d4c43e0ad4a3e3b2c125fe145a64b092e8f123ff1c52db5f20e2e3205ef6");
    let kamf = kseaf.kamf("999700000000001", &[0, 0]).expect("KAMF");
    assert_eq!(kamf.to_hex(), "3b342433dd37dc9ad17e14fd47f1df93417befff787891fa710c7b1c37801052");
    assert_eq!(kamf.nas_integrity_key(2).expect("NIA2").to_hex(), "68c1b91f3eb481f9f4694de8d740c3df");
    assert_eq!(kamf.nas_ciphering_key(2).expect("NEA2").to_hex(), "1feed6bfc79973d28c52be1028e56b03");
    assert!(kamf.nas_ciphering_key(4).is_err());
    let kgnb = kamf.kgnb(5).expect("KgNB");
    assert_eq!(kgnb.to_hex(), "843d3a17aea1a6273f62c86de3ed6911e16fd4a611b6f9f9fe67d1d6e4413247");
    let next_hop = kamf.first_next_hop(&kgnb);
    assert_eq!(next_hop.to_hex(), "f529fd6f5302f43a854dd0e0c4e88fa0b31ac1c3ba4ac52277d599230b02e0f2");
    let after = kamf.next_hop(&next_hop).to_hex();
    assert_eq!(after, "8e93f63aa8c3cd57063c65a1c1a5b5cc4169406677f77a3ab4f9a82b79b9d4b8");
}

#[test]
fn the_ue_answers_what_the_network_expects() {
    let vector = vector(Sqn::INITIAL);
    let answer = usim().authenticate(&vector.rand, &vector.autn, &network()).expect("accepted");
    assert!(vector.xres_star.accepts(&answer.res_star));
    assert_eq!(vector.xres_star.hxres_star(&vector.rand), hres_star(&vector.rand, &answer.res_star));
    assert_eq!(vector.kausf, answer.kausf);
    assert!(!vector.xres_star.accepts(&ResStar::new([0; 16])));
}

#[test]
fn another_network_gives_another_answer() {
    let vector = vector(Sqn::INITIAL);
    let elsewhere = serving_network_name("001", "001");
    let answer = usim().authenticate(&vector.rand, &vector.autn, &elsewhere).expect("accepted");
    assert!(!vector.xres_star.accepts(&answer.res_star));
}

#[test]
fn a_replayed_challenge_is_answered_with_auts_and_the_network_catches_up() {
    let sqn_ms = Sqn::new(0xff).expect("48 bits");
    let mut card = usim().with_sqn(sqn_ms);
    let vector = vector(sqn_ms);
    let refused = card.authenticate(&vector.rand, &vector.autn, &network());
    let Err(AutnError::SynchFailure { auts }) = refused else { panic!("{refused:?}") };
    assert_eq!(auts.to_hex(), "42e43b09e703a522500165058d10");
    let caught_up = milenage().resynchronise(&vector.rand, &auts).expect("MAC-S verifies");
    assert_eq!(caught_up, sqn_ms);
    let rand = vector.rand;
    let fresh =
        HomeVector::generate(&milenage(), rand, caught_up.next(), AmfField::SEPARATED, &network()).expect("a vector");
    assert!(card.authenticate(&fresh.rand, &fresh.autn, &network()).is_ok());
}

#[test]
fn the_whole_range_of_sqn_can_be_resynchronised() {
    for value in [0, 0x20, 0x7fff_ffff_ffff, Sqn::MAX.get()] {
        let sqn = Sqn::new(value).expect("48 bits");
        let rand = Rand::from_hex(RAND_HEX).expect("RAND");
        assert_eq!(milenage().resynchronise(&rand, &milenage().auts(&rand, sqn)), Ok(sqn));
    }
}

#[test]
fn forged_proofs_are_refused() {
    let vector = vector(Sqn::INITIAL);
    for at in 0..16 {
        let mut octets = *vector.autn.as_octets();
        octets[at] ^= 1;
        let forged = aka::Autn::new(octets);
        let refused = usim().authenticate(&vector.rand, &forged, &network());
        assert_eq!(refused.err(), Some(AutnError::MacFailure), "octet {at}");
    }
    let auts = milenage().auts(&vector.rand, Sqn::INITIAL);
    let mut octets = *auts.as_octets();
    octets[13] ^= 1;
    assert!(milenage().resynchronise(&vector.rand, &Auts::new(octets)).is_err());
}

#[test]
fn the_separation_bit_is_set_whatever_the_subscription_says() {
    let rand = Rand::from_hex(RAND_HEX).expect("RAND");
    let vector =
        HomeVector::generate(&milenage(), rand, Sqn::INITIAL, AmfField::new([0, 0]), &network()).expect("a vector");
    assert!(usim().authenticate(&vector.rand, &vector.autn, &network()).is_ok());
}

#[test]
fn nothing_secret_prints() {
    let vector = vector(Sqn::INITIAL);
    let printed = format!("{vector:?} {:?} {:?}", usim(), milenage());
    for secret in [K_HEX, OPC_HEX, &vector.kausf.to_hex(), &vector.xres_star.to_hex()] {
        assert!(!printed.contains(secret));
    }
    assert!(printed.contains("<secret>"));
}
