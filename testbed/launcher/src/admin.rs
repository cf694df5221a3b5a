//! Calls at the operator's socket of a network function: HTTP/1.1, one request per connection.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use runtime::Directories;
use serde_json::Value;

use crate::Failure;

/// How long an NF may take to answer its operator.
const PATIENCE: Duration = Duration::from_secs(5);

/// Octets of the longest answer.
const LONGEST: u64 = 64 << 20;

/// An answer with a good status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer(Vec<u8>);

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0).unwrap_or(Value::Null)
    }
}

/// Calls the NF `nf`.
///
/// # Errors
/// It is not there, or refuses.
pub(crate) fn call(directories: &Directories, nf: &str, method: &str, path: &str) -> Result<Answer, Failure> {
    let socket = directories.admin_socket(nf);
    let raw = exchange(UnixStream::connect(&socket), method, path).map_err(|why| no_answer(nf, &why))?;
    match parse(&raw) {
        Some((200..=299, body)) => Ok(Answer(body.to_vec())),
        Some((status, body)) => Err(Failure::Refused { nf: nf.to_owned(), why: explanation(status, body) }),
        None => Err(Failure::NoAnswer { nf: nf.to_owned(), why: "its answer is not HTTP".into() }),
    }
}

/// Why an NF does not answer, for people.
pub(crate) fn no_answer(nf: &str, why: &io::Error) -> Failure {
    let why = match why.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => "it is not running".to_owned(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!("nothing within {} s", PATIENCE.as_secs()),
        _ => why.to_string(),
    };
    Failure::NoAnswer { nf: nf.to_owned(), why }
}

fn exchange(stream: io::Result<UnixStream>, method: &str, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = stream?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: peregrine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut raw = Vec::new();
    stream.take(LONGEST).read_to_end(&mut raw)?;
    Ok(raw)
}

/// Status and body. The server closes after its answer, so the body is the rest.
fn parse(raw: &[u8]) -> Option<(u16, &[u8])> {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (raw.get(..end)?, raw.get(end + 4..)?);
    let status = std::str::from_utf8(head).ok()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body))
}

/// What an error's body says to people.
pub(crate) fn explanation(status: u16, body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let detail = json.get("detail").or_else(|| json.get("error")).and_then(Value::as_str).map(str::to_owned);
    let text = detail.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    if text.is_empty() { format!("status {status}") } else { format!("{text} (status {status})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directories(place: &std::path::Path) -> Directories {
        Directories { run: place.to_path_buf(), state: place.to_path_buf() }
    }

    /// An NF that answers one call so.
    fn answering(answer: &'static str) -> (tempfile::TempDir, std::thread::JoinHandle<String>) {
        let place = tempfile::tempdir().expect("a directory");
        let listener =
            std::os::unix::net::UnixListener::bind(directories(place.path()).admin_socket("amf")).expect("a socket");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a call");
            let mut seen = [0; 512];
            let length = stream.read(&mut seen).expect("a request");
            stream.write_all(answer.as_bytes()).expect("taken");
            String::from_utf8_lossy(&seen[..length]).into_owned()
        });
        (place, server)
    }

    #[test]
    fn an_answer_is_its_body() {
        let (place, server) = answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"ues\":3}");
        let answer = call(&directories(place.path()), "amf", "GET", "/status").expect("an answer");
        assert_eq!(answer.json()["ues"], 3);
        assert!(server.join().expect("no panic").starts_with("GET /status HTTP/1.1\r\n"));
    }

    #[test]
    fn a_refusal_says_what_the_nf_said() {
        let (place, server) = answering("HTTP/1.1 404 Not Found\r\n\r\n{\"detail\":\"no such UE\"}");
        let error = call(&directories(place.path()), "amf", "POST", "/ue/x/deregister").expect_err("refused");
        assert_eq!(error.to_string(), "amf refuses: no such UE (status 404)");
        server.join().expect("no panic");
    }

    #[test]
    fn who_is_not_there_is_said_to_be_not_running() {
        let place = tempfile::tempdir().expect("a directory");
        let error = call(&directories(place.path()), "smf", "GET", "/status").expect_err("nobody");
        assert_eq!(error.to_string(), "smf does not answer: it is not running");
    }

    #[test]
    fn what_is_no_http_is_an_error() {
        for raw in ["", "hello", "HTTP/1.1 abc\r\n\r\n", "SSH-2.0\r\n\r\n"] {
            assert!(parse(raw.as_bytes()).is_none(), "{raw}");
        }
    }
}
