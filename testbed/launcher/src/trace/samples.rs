//! Records for tests.

use runtime::trace::{Call, Head, Record, Shown};

use super::source::Seen;

/// A call that `nf` makes of the SMF over shared memory.
pub(super) fn call(nf: &str, call: u64, at: u64, method: &str, path: &str) -> Seen {
    let shown = Shown::Request(Call {
        call,
        incoming: false,
        transport: "shm".into(),
        endpoint: "shm:/run/127.0.0.4_7777.shm".into(),
        authority: "127.0.0.4:7777".into(),
        method: method.into(),
        path: path.into(),
        head: Head::default(),
    });
    Seen { nf: nf.into(), record: Record { at, shown } }
}

/// The answer to it.
pub(super) fn answer(nf: &str, call: u64, at: u64, status: u16) -> Seen {
    let shown = Shown::Response { call, status, head: Head::default() };
    Seen { nf: nf.into(), record: Record { at, shown } }
}
