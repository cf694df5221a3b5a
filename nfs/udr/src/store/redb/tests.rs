//! The store against its promises: crash, damage, newer versions, wrong keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sbi_models::{PduSessionId, SecretHex};
use tempfile::TempDir;

use super::*;
use crate::subscriber::Slice;

const K: [u8; 16] = *b"the subscriber K";
const OPC: [u8; 16] = *b"the operator OPc";

fn supi(n: u64) -> Supi {
    format!("imsi-99970{n:010}").parse().expect("a SUPI")
}

fn subscriber(n: u64) -> Subscriber {
    let slice: Slice = "1:internet,ims".parse().expect("a slice");
    let keys = Keys::new(SecretHex(K), SecretHex(OPC));
    Subscriber { supi: supi(n), keys: Some(keys), profile: Profile::new(vec![slice]) }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("subscribers.redb")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("subscribers.key")
    }

    fn open(&self) -> RedbStore {
        self.try_open(&self.file()).expect("opens")
    }

    fn try_open(&self, file: &Path) -> Result<RedbStore, StoreError> {
        let options = Options { sqn_reserve: 4, context_delay: Duration::from_millis(1), ..Options::default() };
        RedbStore::open(file, &self.key(), options)
    }

    /// Opens what a crash at this moment would leave.
    fn after_crash(&self, name: &str) -> RedbStore {
        let copy = self.0.path().join(name);
        fs::copy(self.file(), &copy).expect("copied");
        self.try_open(&copy).expect("recovers")
    }
}

fn provisioned(store: &RedbStore, numbers: std::ops::Range<u64>) {
    block_on(store.provision(numbers.map(subscriber).collect(), Existing::Refuse)).expect("provisioned");
}

fn sqn_of(store: &RedbStore) -> Sqn {
    Sqn::from_octets(block_on(store.keys(&supi(1))).expect("keys").sqn.0)
}

fn refusal(result: Result<RedbStore, StoreError>) -> String {
    result.map(drop).expect_err("refused").to_string()
}

#[test]
fn keys_survive_and_are_not_readable_in_the_file() {
    let place = Place::new();
    provisioned(&place.open(), 1..3);
    let store = place.open();
    let keys = block_on(store.keys(&supi(2))).expect("there");
    assert_eq!((keys.k, keys.opc), (SecretHex(K), SecretHex(OPC)));
    assert_eq!(block_on(store.profile(&supi(2))).expect("there"), subscriber(2).profile);
    drop(store);
    let octets = fs::read(place.file()).expect("readable");
    for secret in [K, OPC] {
        assert!(!octets.windows(16).any(|window| window == secret), "a key stands in the file");
    }
    for file in [place.file(), place.key()] {
        assert_eq!(fs::metadata(file).expect("there").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_new_subscription_begins_where_a_fresh_card_accepts() {
    let place = Place::new();
    let store = place.open();
    provisioned(&store, 1..2);
    assert!(sqn_of(&store).next().get() >= 32);
}

#[test]
fn a_sequence_number_is_taken_once() {
    let place = Place::new();
    let store = place.open();
    provisioned(&store, 1..2);
    let last = sqn_of(&store);
    let next = last.next();
    block_on(store.advance_sqn(&supi(1), Some(last), next)).expect("free");
    for (tested, to) in [(Some(last), next.next()), (None, next), (None, last)] {
        let refused = block_on(store.advance_sqn(&supi(1), tested, to));
        assert!(matches!(refused, Err(StoreError::SqnConflict { last }) if last == next));
    }
    assert!(matches!(block_on(store.advance_sqn(&supi(9), None, Sqn::MAX)), Err(StoreError::NoSubscriber(_))));
    block_on(store.advance_sqn(&supi(1), None, Sqn::MAX)).expect("48 bits");
    drop(store);
    assert_eq!(sqn_of(&place.open()), Sqn::MAX, "it does not wrap");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Steps, resynchronisations, re-provisioning, ends in order and crashes in any order: no value twice.
    #[test]
    fn the_sequence_number_never_goes_back(actions in proptest::collection::vec(0u8..12, 1..40)) {
        let place = Place::new();
        let mut store = place.open();
        provisioned(&store, 1..2);
        let mut highest = sqn_of(&store);
        let mut crashed = None;
        for (n, action) in actions.into_iter().enumerate() {
            match action {
                0 => {
                    let copy = format!("{n}.redb");
                    store = place.after_crash(&copy);
                    crashed = Some(copy);
                }
                1 if crashed.is_none() => {
                    drop(store);
                    store = place.open();
                }
                2 => {
                    let jump = Sqn::new(highest.get() + (1 << 20)).expect("48 bits");
                    block_on(store.advance_sqn(&supi(1), None, jump)).expect("higher");
                    highest = jump;
                }
                3 => { block_on(store.provision(vec![subscriber(1)], Existing::Replace)).expect("replaced"); }
                4 => {
                    block_on(store.remove(vec![supi(1)])).expect("removed");
                    provisioned(&store, 1..2);
                }
                _ => {
                    let next = sqn_of(&store).next();
                    prop_assert!(next > highest, "{next:?} after {highest:?}");
                    block_on(store.advance_sqn(&supi(1), None, next)).expect("higher");
                    highest = next;
                }
            }
            prop_assert!(sqn_of(&store) >= highest);
            if crashed.is_some() {
                return Ok(()); // what came before the crash was compared; the copy lives under another name
            }
        }
    }
}

#[test]
fn after_a_crash_at_any_answer_the_next_number_is_higher() {
    let place = Place::new();
    let store = place.open();
    provisioned(&store, 1..2);
    for n in 0..12 {
        let next = sqn_of(&store).next();
        block_on(store.advance_sqn(&supi(1), None, next)).expect("higher");
        let restarted = place.after_crash(&format!("{n}.redb"));
        assert!(sqn_of(&restarted) >= next, "crash after {n}");
    }
}

#[test]
fn many_at_once_get_different_numbers() {
    let place = Place::new();
    let store = Arc::new(place.open());
    provisioned(&store, 1..2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let take = async |store: Arc<RedbStore>| {
        let mut taken = Vec::new();
        while taken.len() < 50 {
            let last = Sqn::from_octets(store.keys(&supi(1)).await.expect("keys").sqn.0);
            if store.advance_sqn(&supi(1), Some(last), last.next()).await.is_ok() {
                taken.push(last.next().get());
            }
        }
        taken
    };
    let tasks: Vec<_> = (0..4).map(|_| runtime.spawn(take(store.clone()))).collect();
    let mut all: Vec<u64> = tasks.into_iter().flat_map(|task| runtime.block_on(task).expect("no panic")).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 200);
}

#[test]
fn context_data_are_there_at_once_and_after_the_end() {
    let place = Place::new();
    let store = place.open();
    provisioned(&store, 1..3);
    let session = ContextItem::SmfRegistration(PduSessionId::new(5).expect("valid"));
    let set = |item, text: Option<&'static str>| block_on(store.set_context(&supi(1), item, text.map(Bytes::from)));
    assert!(!set(ContextItem::AmfRegistration, Some("amf")).expect("set"));
    assert!(!set(session, Some("smf")).expect("set"));
    assert!(set(session, Some("smf2")).expect("set"));
    assert!(matches!(block_on(store.set_context(&supi(7), session, None)), Err(StoreError::NoSubscriber(_))));
    assert_eq!(block_on(store.smf_registrations(&supi(1))).expect("read"), ["smf2"]);
    drop(store);
    let store = place.open();
    assert_eq!(block_on(store.context(&supi(1), ContextItem::AmfRegistration)).expect("read"), Some("amf".into()));
    assert_eq!(block_on(store.smf_registrations(&supi(2))).expect("read"), Vec::<Bytes>::new());
    assert_eq!(block_on(store.remove(vec![supi(1), supi(9)])).expect("removed"), 1);
    provisioned(&store, 1..2);
    assert_eq!(
        block_on(store.context(&supi(1), ContextItem::AmfRegistration)).expect("read"),
        None,
        "all went with it"
    );
}

#[test]
fn provisioning_is_all_or_nothing() {
    let place = Place::new();
    let store = place.open();
    provisioned(&store, 5..6);
    let all = (1..10).map(subscriber).collect();
    assert!(matches!(block_on(store.provision(all, Existing::Refuse)), Err(StoreError::Exists(who)) if who == supi(5)));
    assert_eq!(store.count().expect("counted"), 1);
    let keyless = Subscriber { keys: None, ..subscriber(1) };
    let refused = block_on(store.provision(vec![subscriber(2), keyless], Existing::Replace));
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    assert_eq!(store.count().expect("counted"), 1);
    let done = block_on(store.provision((1..10).map(subscriber).collect(), Existing::Replace)).expect("provisioned");
    assert_eq!((done.added, done.replaced), (8, 1));
    let listed = block_on(store.list(Some(&supi(3)), 4)).expect("listed");
    assert_eq!(listed.iter().map(|s| s.supi.clone()).collect::<Vec<_>>(), (4..8).map(supi).collect::<Vec<_>>());
}

#[test]
fn another_process_and_a_lost_key_are_told_apart_from_damage() {
    let place = Place::new();
    let store = place.open();
    assert!(refusal(place.try_open(&place.file())).contains("in use by another process"));
    drop(store);
    let key = fs::read(place.key()).expect("readable");
    fs::remove_file(place.key()).expect("removed");
    assert!(refusal(place.try_open(&place.file())).contains("put it back from a backup"));
    fs::write(place.key(), "00".repeat(32)).expect("written");
    assert!(refusal(place.try_open(&place.file())).contains("not the one this store was made with"));
    fs::write(place.key(), "short").expect("written");
    assert!(refusal(place.try_open(&place.file())).contains("64 hexadecimal digits"));
    fs::write(place.key(), key).expect("written");
    place.open();
}

#[test]
fn a_store_of_a_newer_version_is_left_as_it_is() {
    let place = Place::new();
    drop(place.open());
    let database = Database::open(place.file()).expect("opens");
    let transaction = database.begin_write().expect("begins");
    let mut meta = transaction.open_table(META).expect("there");
    meta.insert("version", 2u64.to_be_bytes().as_slice()).expect("inserted");
    drop(meta);
    transaction.commit().expect("committed");
    drop(database);
    let before = fs::read(place.file()).expect("readable");
    let why = refusal(place.try_open(&place.file()));
    assert!(why.contains("version 2") && why.contains("knows version 1"), "{why}");
    assert_eq!(fs::read(place.file()).expect("readable"), before);
}

/// Closed or not, cut or overwritten anywhere: the file is either fine or refused and left as it is.
#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let place = Place::new();
    provisioned(&place.open(), 1..200);
    let closed = fs::read(place.file()).expect("readable");
    let store = place.open();
    let unclosed = fs::read(place.file()).expect("readable");
    drop(store);
    let victim = place.0.path().join("victim.redb");
    let mut refused = 0;
    for whole in [&closed, &unclosed] {
        let cuts = [1, 8, 100, 4096, whole.len() / 2, whole.len() - 1].map(|length| whole[..length].to_vec());
        let scratches = [0, 9, 64, 200, 320, 4096, 8200, whole.len() / 3, whole.len() - 4000].map(|at| {
            let mut damaged = whole.clone();
            damaged[at..].iter_mut().take(64).for_each(|octet| *octet ^= 0x5a);
            damaged
        });
        for damaged in cuts.into_iter().chain(scratches).chain([vec![0; 70_000], b"hello".to_vec()]) {
            fs::write(&victim, &damaged).expect("written");
            if place.try_open(&victim).is_err() {
                refused += 1;
                assert!(fs::read(&victim).expect("readable") == damaged, "a refused file was changed");
            }
        }
    }
    assert!(refused >= 20, "{refused}");
}
