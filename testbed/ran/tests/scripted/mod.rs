//! A network that says to one UE what a script has it say.

use aka::suci::Concealment;
use aka::{AmfField, HomeVector, K, Kamf, Milenage, Opc, Rand, ResStar, Sqn, serving_network_name};
use nas::gmm::*;
use nas::gsm::GsmPdu;
use nas::ie::*;
use nas::{
    Algorithms, CipheringAlgorithm, Envelope, GmmMessage, GsmMessage, IntegrityAlgorithm, NasKeys, SecurityContext,
    SecurityHeaderType, Side,
};
use ran::Subscriber;
use ran::ue::{Command, Failure, Output, Procedure, Profile, Ue};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const IMSI: &str = "999700000000001";
const CIPHERED: SecurityHeaderType = SecurityHeaderType::IntegrityProtectedAndCiphered;

pub(crate) fn keys() -> (K, Opc) {
    let k = K::from_hex("465B5CE8B199B49FAA5F0A2EE238A6BC").expect("K");
    (k, Opc::from_hex("E8ED289DEBA952E4283B54E88E6183CA").expect("OPc"))
}

pub(crate) fn plmn() -> Plmn {
    Plmn::new("999", "70").expect("digits")
}

pub(crate) fn guti(tmsi: u32) -> Guti {
    Guti { plmn: plmn(), amf_region_id: 2, s_tmsi: STmsi { amf_set_id: 1, amf_pointer: 0, tmsi } }
}

pub(crate) fn capability() -> UeSecurityCapability {
    UeSecurityCapability::new(0xf0, 0x70)
}

/// A UE and the network it talks to, under a clock that only the script moves.
pub(crate) struct Script {
    pub(crate) ue: Ue,
    pub(crate) now: Instant,
    pub(crate) security: Option<SecurityContext>,
    pub(crate) sqn: Sqn,
    kamf: Option<Kamf>,
    vector: Option<HomeVector>,
}

impl Script {
    pub(crate) fn new() -> Self {
        let (k, opc) = keys();
        let subscriber = Subscriber::range(IMSI, 1, &k, &opc).expect("an IMSI").remove(0);
        let profile = Profile {
            plmn: plmn(),
            requested_slices: vec![SNssai::new(1, None)],
            capability: capability(),
            routing_indicator: "0000".into(),
            patience: Duration::from_secs(15),
        };
        Self {
            ue: Ue::new(Arc::new(profile), &subscriber, Arc::new(Concealment::Null)),
            now: Instant::now(),
            security: None,
            sqn: Sqn::INITIAL,
            kamf: None,
            vector: None,
        }
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.ue.command(self.now, command);
    }

    pub(crate) fn output(&mut self) -> Output {
        self.ue.poll_output().expect("the UE has something to say")
    }

    pub(crate) fn silent(&mut self) {
        assert_eq!(self.ue.poll_output(), None);
    }

    pub(crate) fn finished(&mut self, procedure: Procedure) -> Result<(), Failure> {
        match self.output() {
            Output::Finished(done, result) if done == procedure => result,
            other => panic!("{procedure:?} was expected to be over, not {other:?}"),
        }
    }

    /// The NAS PDU of the next output.
    pub(crate) fn pdu(&mut self) -> Vec<u8> {
        match self.output() {
            Output::Connect { nas, .. } | Output::Transmit(nas) => nas,
            other => panic!("a NAS PDU was expected, not {other:?}"),
        }
    }

    /// The next message of the UE, as the network reads it.
    pub(crate) fn heard(&mut self) -> GmmMessage {
        let pdu = self.pdu();
        self.read(&pdu)
    }

    pub(crate) fn read(&mut self, pdu: &[u8]) -> GmmMessage {
        let octets = match Envelope::open(pdu).expect("a NAS PDU") {
            Envelope::Plain(plain) => plain.to_vec(),
            Envelope::Protected(protected) => {
                let context = self.security.as_mut().expect("keys");
                context.unprotect(&protected).expect("protected with these keys").octets
            }
        };
        GmmMessage::decode(&octets).expect("a message")
    }

    pub(crate) fn say_plain(&mut self, message: impl Into<GmmMessage>) {
        let pdu = message.into().encode().expect("encodable");
        self.ue.handle_nas(self.now, &pdu);
    }

    pub(crate) fn protected(&mut self, message: impl Into<GmmMessage>) -> Vec<u8> {
        let plain = message.into().encode().expect("encodable");
        self.security.as_mut().expect("keys").protect(&plain, CIPHERED).expect("counts are left")
    }

    pub(crate) fn say(&mut self, message: impl Into<GmmMessage>) {
        let pdu = self.protected(message);
        self.ue.handle_nas(self.now, &pdu);
    }

    pub(crate) fn say_session(&mut self, id: u8, pti: u8, message: impl Into<GsmMessage>) {
        let payload = GsmPdu::new(id, pti, message).encode().expect("encodable");
        let mut transport = DlNasTransport::new(PayloadContainerType::N1SmInformation, payload);
        transport.pdu_session_id = Some(id);
        self.say(transport);
    }

    /// The next message of the UE, which must carry a 5GSM message.
    pub(crate) fn heard_session(&mut self) -> (UlNasTransport, GsmPdu) {
        match self.heard() {
            GmmMessage::UlNasTransport(transport) => {
                let pdu = GsmPdu::decode(&transport.payload_container).expect("a 5GSM message");
                (*transport, pdu)
            }
            other => panic!("UL NAS TRANSPORT was expected, not {}", other.name()),
        }
    }

    pub(crate) fn milenage() -> Milenage {
        let (k, opc) = keys();
        Milenage::new(&k, &opc)
    }

    /// AUTHENTICATION REQUEST with the next vector, not yet sent.
    pub(crate) fn challenge(&mut self, ng_ksi: u8) -> AuthenticationRequest {
        let rand = Rand::new([0x23; 16]);
        let network = serving_network_name("999", "70");
        let vector = HomeVector::generate(&Self::milenage(), rand, self.sqn, AmfField::SEPARATED, &network);
        let vector = vector.expect("a vector");
        let ng_ksi = NgKsi::native(ng_ksi).expect("below 7");
        let mut request = AuthenticationRequest::new(ng_ksi, vec![0, 0]);
        (request.rand, request.autn) = (Some(*rand.as_octets()), Some(*vector.autn.as_octets()));
        self.vector = Some(vector);
        request
    }

    /// Checks AUTHENTICATION RESPONSE and derives KAMF.
    pub(crate) fn check_response(&mut self, message: GmmMessage) {
        let GmmMessage::AuthenticationResponse(response) = message else { panic!("{}", message.name()) };
        let vector = self.vector.take().expect("a challenge was sent");
        let res_star = ResStar::new(response.res_star.expect("RES*"));
        assert!(vector.xres_star.accepts(&res_star));
        let kseaf = vector.kausf.kseaf(&serving_network_name("999", "70")).expect("KSEAF");
        self.kamf = Some(kseaf.kamf(IMSI, &[0, 0]).expect("KAMF"));
    }

    /// SECURITY MODE COMMAND under a context of the new KAMF.
    pub(crate) fn command_security(&mut self, algorithms: Algorithms, edit: impl FnOnce(&mut SecurityModeCommand)) {
        let ng_ksi = NgKsi::native(0).expect("below 7");
        let kamf = self.kamf.as_ref().expect("KAMF");
        let integrity = kamf.nas_integrity_key(algorithms.integrity.identity()).expect("a key");
        let ciphering = kamf.nas_ciphering_key(algorithms.ciphering.identity()).expect("a key");
        let keys = NasKeys::new(integrity.as_octets(), ciphering.as_octets());
        self.security = Some(SecurityContext::new(Side::Network, ng_ksi, algorithms, keys));
        let mut command = SecurityModeCommand::new(algorithms, ng_ksi, capability());
        command.imeisv_request = Some(ImeisvRequest::Requested);
        edit(&mut command);
        let plain = GmmMessage::from(command).encode().expect("encodable");
        let header = SecurityHeaderType::IntegrityProtectedWithNewContext;
        let pdu = self.security.as_mut().expect("keys").protect(&plain, header).expect("counts are left");
        self.ue.handle_nas(self.now, &pdu);
    }

    pub(crate) fn accept(&mut self, tmsi: u32) {
        let result = RegistrationResult { access: AccessType::ThreeGpp, sms_allowed: false };
        let mut accept = RegistrationAccept::new(result);
        accept.guti = Some(guti(tmsi));
        accept.tai_list = Some(TaiList(vec![Tai { plmn: plmn(), tac: 1 }]));
        accept.allowed_nssai = Some(Nssai(vec![SNssai::new(1, None)]));
        self.say(accept);
    }

    /// A UE that has registered.
    pub(crate) fn registered() -> Self {
        let mut script = Self::new();
        script.command(Command::Register);
        script.heard();
        let challenge = script.challenge(0);
        script.say_plain(challenge);
        let response = script.heard();
        script.check_response(response);
        script.command_security(AES, |_| {});
        script.heard();
        script.accept(1);
        script.heard();
        assert_eq!(script.finished(Procedure::Registration), Ok(()));
        script
    }

    /// The gNB releases the connection.
    pub(crate) fn released(mut self) -> Self {
        self.ue.handle_released();
        self
    }
}

pub(crate) const AES: Algorithms =
    Algorithms { integrity: IntegrityAlgorithm::Nia2, ciphering: CipheringAlgorithm::Nea2 };
