//! The process is killed while it hands out sequence numbers: the next start never repeats one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use aka::Sqn;
use sbi_models::{SecretHex, Supi};
use udr::store::{Existing, Options, RedbStore, Store};
use udr::subscriber::{Keys, Profile, Slice, Subscriber};

const DIRECTORY: &str = "PEREGRINE_TEST_STORE";

fn supi(n: usize) -> Supi {
    format!("imsi-99970{n:010}").parse().expect("a SUPI")
}

fn open(directory: &Path) -> RedbStore {
    // A reserve this small has every other answer wait for the disk.
    let options = Options { sqn_reserve: 2, ..Options::default() };
    RedbStore::open(&directory.join("s.redb"), &directory.join("s.key"), options).expect("opens after any kill")
}

async fn last(store: &RedbStore, n: usize) -> Sqn {
    Sqn::from_octets(store.keys(&supi(n)).await.expect("keys").sqn.0)
}

/// Not a test of its own: the process that is killed. It prints every number after it was accepted.
#[tokio::test]
async fn victim() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let store = open(Path::new(&directory));
    loop {
        let next = [last(&store, 0).await.next(), last(&store, 1).await.next(), last(&store, 2).await.next()];
        let (first, second, third) = (supi(0), supi(1), supi(2));
        let (a, b, c) = tokio::join!(
            store.advance_sqn(&first, None, next[0]),
            store.advance_sqn(&second, None, next[1]),
            store.advance_sqn(&third, None, next[2]),
        );
        a.and(b).and(c).expect("accepted");
        for (n, sqn) in next.iter().enumerate() {
            println!("answered {n} {}", sqn.get());
        }
    }
}

#[tokio::test]
async fn no_number_is_given_twice_whatever_is_killed_when() {
    let directory = tempfile::tempdir().expect("a directory");
    let slice: Slice = "1:internet".parse().expect("a slice");
    let keys = Keys::new(SecretHex([1; 16]), SecretHex([2; 16]));
    let subscriber =
        |n| Subscriber { supi: supi(n), keys: Some(keys.clone()), profile: Profile::new(vec![slice.clone()]) };
    open(directory.path()).provision((0..3).map(subscriber).collect(), Existing::Refuse).await.expect("provisioned");
    let mut answered = [0u64; 3];
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "victim", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            // The test harness writes before the first of them on the same line.
            let Some((_, said)) = line.split_once("answered ") else { continue };
            let (n, sqn) = said.split_once(' ').expect("two words");
            let (n, sqn): (usize, u64) = (n.parse().expect("a number"), sqn.parse().expect("a number"));
            assert!(sqn > answered[n], "round {round}: {sqn} after {}", answered[n]);
            answered[n] = sqn;
            seen += 1;
            if seen == 10 + 7 * round {
                child.kill().expect("killed"); // lines already in the pipe are read on
            }
        }
        child.wait().expect("ended");
        assert!(seen >= 10, "it answered before it was killed");
        let store = open(directory.path());
        for (n, sqn) in answered.iter().enumerate() {
            assert!(last(&store, n).await.get() >= *sqn, "round {round}");
        }
    }
}
