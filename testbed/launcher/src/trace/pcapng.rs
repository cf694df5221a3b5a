//! A capture file (draft-ietf-opsawg-pcapng): one section, interfaces of raw IP packets, times in nanoseconds.

use std::io::{self, Write};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// LINKTYPE_RAW: packets begin with the header of IPv4 or IPv6.
const RAW: u16 = 101;

const OPTION_COMMENT: u16 = 1;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_APPLICATION: u16 = 4;
const OPTION_TIME_RESOLUTION: u16 = 9;

/// Ten to the minus ninth.
const NANOSECONDS: u8 = 9;

/// An interface of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interface(u32);

/// A capture being written.
pub(super) struct Capture<W> {
    out: W,
    interfaces: u32,
}

impl<W: Write> Capture<W> {
    /// Begins a capture.
    pub(super) fn begin(mut out: W) -> io::Result<Self> {
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]); // version 1.0
        body.extend(u64::MAX.to_le_bytes()); // the section's length is not known
        option(&mut body, OPTION_APPLICATION, b"peregrine trace");
        end_of_options(&mut body);
        block(&mut out, SECTION_HEADER, &body)?;
        Ok(Self { out, interfaces: 0 })
    }

    /// Adds an interface.
    pub(super) fn interface(&mut self, name: &str) -> io::Result<Interface> {
        let mut body = Vec::new();
        body.extend(RAW.to_le_bytes());
        body.extend([0; 6]); // reserved; no limit on the length of packets
        option(&mut body, OPTION_INTERFACE_NAME, name.as_bytes());
        option(&mut body, OPTION_TIME_RESOLUTION, &[NANOSECONDS]);
        end_of_options(&mut body);
        block(&mut self.out, INTERFACE, &body)?;
        self.interfaces += 1;
        Ok(Interface(self.interfaces - 1))
    }

    /// Adds a packet seen at `at`, nanoseconds since 1970.
    pub(super) fn packet(&mut self, interface: Interface, at: u64, packet: &[u8], comment: &str) -> io::Result<()> {
        let mut body = Vec::with_capacity(packet.len() + comment.len() + 64);
        body.extend(interface.0.to_le_bytes());
        body.extend(((at >> 32) as u32).to_le_bytes());
        body.extend((at as u32).to_le_bytes());
        let length = u32::try_from(packet.len()).map_err(io::Error::other)?;
        body.extend(length.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(packet);
        pad(&mut body);
        if !comment.is_empty() {
            option(&mut body, OPTION_COMMENT, comment.as_bytes());
            end_of_options(&mut body);
        }
        block(&mut self.out, ENHANCED_PACKET, &body)
    }

    /// Hands what was written to the file.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default();
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 12).map_err(io::Error::other)?.to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&length)?;
    out.write_all(body)?;
    out.write_all(&length)
}

/// A minimal reader, for tests.
#[cfg(test)]
pub(super) mod read {
    /// A packet of a capture.
    #[derive(Debug)]
    pub(in crate::trace) struct Packet {
        pub(in crate::trace) interface: String,
        pub(in crate::trace) at: u64,
        pub(in crate::trace) octets: Vec<u8>,
        pub(in crate::trace) comment: String,
    }

    fn u32_at(octets: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(octets[at..at + 4].try_into().expect("four octets"))
    }

    fn options(mut octets: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut found = Vec::new();
        while octets.len() >= 4 {
            let code = u16::from_le_bytes([octets[0], octets[1]]);
            let length = usize::from(u16::from_le_bytes([octets[2], octets[3]]));
            if code == 0 {
                break;
            }
            found.push((code, octets[4..4 + length].to_vec()));
            octets = &octets[4 + length.next_multiple_of(4)..];
        }
        found
    }

    fn text(options: &[(u16, Vec<u8>)], code: u16) -> String {
        let found = options.iter().find(|(c, _)| *c == code);
        found.map(|(_, value)| String::from_utf8(value.clone()).expect("UTF-8")).unwrap_or_default()
    }

    /// All packets; every block is checked.
    pub(in crate::trace) fn packets(mut octets: &[u8]) -> Vec<Packet> {
        let (mut interfaces, mut packets) = (Vec::new(), Vec::new());
        assert_eq!(u32_at(octets, 0), super::SECTION_HEADER);
        assert_eq!(u32_at(octets, 8), 0x1a2b_3c4d, "written little-endian");
        while !octets.is_empty() {
            let (kind, length) = (u32_at(octets, 0), u32_at(octets, 4) as usize);
            assert!(length.is_multiple_of(4) && u32_at(octets, length - 4) as usize == length, "both lengths");
            let body = &octets[8..length - 4];
            match kind {
                super::SECTION_HEADER => {}
                super::INTERFACE => {
                    assert_eq!(body[..2], super::RAW.to_le_bytes());
                    let options = options(&body[8..]);
                    assert!(options.contains(&(super::OPTION_TIME_RESOLUTION, vec![super::NANOSECONDS])));
                    interfaces.push(text(&options, super::OPTION_INTERFACE_NAME));
                }
                super::ENHANCED_PACKET => {
                    let length = u32_at(body, 12) as usize;
                    assert_eq!(u32_at(body, 16) as usize, length, "never cut");
                    packets.push(Packet {
                        interface: interfaces[u32_at(body, 0) as usize].clone(),
                        at: u64::from(u32_at(body, 4)) << 32 | u64::from(u32_at(body, 8)),
                        octets: body[20..20 + length].to_vec(),
                        comment: text(&options(&body[20 + length.next_multiple_of(4)..]), super::OPTION_COMMENT),
                    });
                }
                other => panic!("block type {other}"),
            }
            octets = &octets[length..];
        }
        packets
    }
}
