//! The way to the store: through the running UDR, or directly.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use runtime::Directories;
use runtime::config::{Of, Settings};

use super::Failure;
use crate::Udr;
use crate::admin::{Answer, Call, PATH, perform};
use crate::store::RedbStore;

/// Performs calls.
pub(super) enum Access {
    /// A UDR runs.
    Running(PathBuf),
    /// None runs: the store is ours.
    Direct { store: Box<RedbStore>, tokio: tokio::runtime::Runtime },
}

impl Access {
    /// The UDR of the core that `settings` describe, if it runs; else its store.
    pub(super) fn find(settings: &Settings<Of<Udr>>) -> Result<Self, Failure> {
        let directories = Directories::find(&settings.process);
        let socket = directories.admin_socket("udr");
        if UnixStream::connect(&socket).is_ok() {
            return Ok(Self::Running(socket));
        }
        directories.make()?;
        let tokio = tokio::runtime::Builder::new_current_thread().build().map_err(runtime::StartError::system)?;
        let opened = tokio.block_on(crate::open_store(&settings.own, &settings.network, &directories.state));
        Ok(Self::Direct { store: Box::new(opened?), tokio })
    }

    /// Performs `call`.
    pub(super) fn call(&mut self, call: Call) -> Result<Answer, Failure> {
        match self {
            Self::Running(socket) => ask(socket, &call),
            Self::Direct { store, tokio } => Ok(tokio.block_on(perform(&**store, call))?),
        }
    }
}

/// One HTTP/1.1 exchange over the operator's socket.
fn ask(socket: &Path, call: &Call) -> Result<Answer, Failure> {
    let no_answer = |why: String| Failure::NoAnswer { socket: socket.to_owned(), why };
    let broken = |why: std::io::Error| no_answer(why.to_string());
    let body = serde_json::to_vec(call).map_err(|why| no_answer(why.to_string()))?;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: udr\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = UnixStream::connect(socket).map_err(broken)?;
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).map_err(broken)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(broken)?;
    let end =
        answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(|| no_answer("no answer".into()))?;
    let (head, body) = answer.split_at(end);
    let body = body.get(4..).unwrap_or_default();
    if !head.starts_with(b"HTTP/1.1 200") {
        return Err(Failure::Refused(String::from_utf8_lossy(body).into_owned()));
    }
    serde_json::from_slice(body).map_err(|why| no_answer(why.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::admin;
    use crate::store::Options;
    use crate::subscriber::{Keys, Profile, Subscriber};

    fn subscriber(digits: &str) -> Subscriber {
        let keys = Keys::new(sbi_models::SecretHex([1; 16]), sbi_models::SecretHex([2; 16]));
        let profile = Profile::new(vec!["1:internet".parse().expect("a slice")]);
        Subscriber { supi: digits.parse().expect("a SUPI"), keys: Some(keys), profile }
    }

    fn exercise(access: &mut Access) {
        let (one, two) = (subscriber("imsi-00101"), subscriber("imsi-00102"));
        let added = access.call(Call::Add(vec![one.clone(), two.clone()])).expect("added");
        assert!(matches!(added, Answer::Provisioned(done) if done.added == 2));
        let twice = access.call(Call::Add(vec![one.clone()])).map(drop).expect_err("there already").to_string();
        assert!(twice.starts_with("subscriber imsi-00101 is there already"), "{twice}");
        let replaced = access.call(Call::Import(vec![one.clone()])).expect("replaced");
        assert!(matches!(replaced, Answer::Provisioned(done) if done.replaced == 1));
        let shown = access.call(Call::Show(two.supi.clone())).expect("shown");
        assert!(matches!(shown, Answer::Subscribers(found) if found == [two.clone()]));
        let listed = access.call(Call::List { after: Some(one.supi.clone()), limit: 9 }).expect("listed");
        assert!(matches!(listed, Answer::Subscribers(found) if found == [two.clone()]));
        let removed = access.call(Call::Remove(vec![one.supi, two.supi.clone()])).expect("removed");
        assert!(matches!(removed, Answer::Removed(2)));
        let gone = access.call(Call::Show(two.supi)).map(drop).expect_err("gone").to_string();
        assert_eq!(gone, "no subscriber imsi-00102");
    }

    #[test]
    fn a_running_udr_and_its_store_alone_answer_alike() {
        let place = tempfile::tempdir().expect("a directory");
        let file = |name: &str| place.path().join(name);
        let store = |name: &str| RedbStore::open(&file(name), &file("key"), Options::default()).expect("opens");
        let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        exercise(&mut Access::Direct { store: Box::new(store("direct.redb")), tokio });
        let running = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let (running, socket) = (running.expect("a runtime"), file("udr.admin.sock"));
        let listener = running.block_on(async { tokio::net::UnixListener::bind(&socket) }).expect("bound");
        let router = admin::router(Arc::new(store("running.redb")));
        running.spawn(async move { axum::serve(listener, router).await });
        exercise(&mut Access::Running(socket));
        running.shutdown_background();
    }
}
