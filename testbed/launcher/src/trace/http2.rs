//! The frames of HTTP/2 (RFC 9113) that would have carried a call. Header blocks use the static table only (RFC 7541), so
//! that each can be read without those before it.

/// What a client says first (RFC 9113 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest frame payload that needs no agreement.
const FRAME: usize = 16_384;

/// The largest window there is: nothing here waits for credit.
const WINDOW: u32 = (1 << 31) - 1;

/// The window of a connection before it is enlarged.
const FIRST_WINDOW: u32 = 65_535;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;

/// Error code of a call that was given up.
const CANCEL: u32 = 8;

/// The static table's entries of use here: index, name, value ("" where only the name is indexed).
const STATIC: &[(u8, &str, &str)] = &[
    (1, ":authority", ""),
    (2, ":method", "GET"),
    (3, ":method", "POST"),
    (4, ":path", "/"),
    (6, ":scheme", "http"),
    (8, ":status", "200"),
    (9, ":status", "204"),
    (12, ":status", "400"),
    (13, ":status", "404"),
    (14, ":status", "500"),
    (19, "accept", ""),
    (23, "authorization", ""),
    (28, "content-length", ""),
    (31, "content-type", ""),
    (34, "etag", ""),
    (39, "if-match", ""),
    (46, "location", ""),
    (53, "retry-after", ""),
    (54, "server", ""),
    (58, "user-agent", ""),
];

/// A header block.
#[derive(Default)]
pub(super) struct Block(Vec<u8>);

impl Block {
    /// Adds a field; names are lower case in HTTP/2.
    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if let Some((index, ..)) = STATIC.iter().find(|(_, n, v)| *n == name && *v == value && !v.is_empty()) {
            self.0.push(0x80 | index);
            return self;
        }
        match STATIC.iter().find(|(_, n, _)| *n == name) {
            Some((index, ..)) => integer(&mut self.0, 4, usize::from(*index)),
            None => {
                self.0.push(0);
                string(&mut self.0, &name);
            }
        }
        string(&mut self.0, value);
        self
    }
}

/// An integer in the low `bits` of an octet and those after it (RFC 7541 5.1); the high bits are zero.
fn integer(out: &mut Vec<u8>, bits: u8, value: usize) {
    let most = (1_usize << bits) - 1;
    if value < most {
        return out.push(value as u8);
    }
    out.push(most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    out.push(rest as u8);
}

/// A string without Huffman code.
fn string(out: &mut Vec<u8>, text: &str) {
    integer(out, 7, text.len());
    out.extend(text.as_bytes());
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = (payload.len() as u32).to_be_bytes();
    out.extend(length.iter().skip(1));
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

/// What each end says at first: its settings, and a window for the whole connection.
pub(super) fn settings(out: &mut Vec<u8>) {
    let mut setting = SETTINGS_INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
    setting.extend(WINDOW.to_be_bytes());
    frame(out, SETTINGS, 0, 0, &setting);
    credit(out, WINDOW - FIRST_WINDOW);
}

/// Takes the other end's settings.
pub(super) fn settings_ack(out: &mut Vec<u8>) {
    frame(out, SETTINGS, ACK, 0, &[]);
}

/// Lets the other end send so many octets more.
pub(super) fn credit(out: &mut Vec<u8>, octets: u32) {
    frame(out, WINDOW_UPDATE, 0, 0, &octets.to_be_bytes());
}

/// A whole message: its header block and its body, the stream's end in this direction.
pub(super) fn message(out: &mut Vec<u8>, stream: u32, block: &Block, body: &[u8]) {
    let end = if body.is_empty() { END_STREAM } else { 0 };
    let mut parts = block.0.chunks(FRAME).peekable();
    let mut kind = (HEADERS, end);
    while let Some(part) = parts.next() {
        let last = if parts.peek().is_none() { END_HEADERS } else { 0 };
        frame(out, kind.0, kind.1 | last, stream, part);
        kind = (CONTINUATION, 0);
    }
    let mut parts = body.chunks(FRAME).peekable();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_none() { END_STREAM } else { 0 };
        frame(out, DATA, flags, stream, part);
    }
}

/// The end of a call without an answer.
pub(super) fn reset(out: &mut Vec<u8>, stream: u32) {
    frame(out, RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
}
