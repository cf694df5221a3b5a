//! Rules whose packets go elsewhere besides, or in place of, where they want to.

use std::net::IpAddr;

use rules::{Duplicate, Redirect};

use crate::frame::Frame;
use crate::inner::Inner;
use crate::session::{Far, Session};
use crate::{rewrite, web};

/// A FAR, and what it does besides.
pub(crate) struct Steered {
    /// What becomes of its packets.
    pub(crate) far: Far,
    /// Where uplink packets go in place of where they want to.
    pub(crate) redirect: Option<Redirect>,
    /// Where copies go.
    pub(crate) copies: Box<[Duplicate]>,
}

/// What a redirection made of an uplink packet.
pub(crate) enum Redirection {
    /// It goes to another server.
    Onward,
    /// It is the answer, towards the UE.
    Answered,
}

impl Session {
    /// Redirects an uplink packet. `None`: it is nothing that can be.
    pub(crate) fn redirect(&mut self, place: u16, frame: &mut Frame) -> Option<Redirection> {
        let rare = self.rare.as_deref_mut()?;
        match rare.steered.get(usize::from(place))?.redirect.as_ref()? {
            Redirect::Url(url) => {
                let answer = web::answer(frame.packet(), url)?;
                frame.replace(&answer);
                Some(Redirection::Answered)
            }
            Redirect::Server { ipv4, ipv6 } => {
                let inner = Inner::parse(frame.packet())?;
                let server = match inner.destination {
                    IpAddr::V4(_) => IpAddr::from((*ipv4)?),
                    IpAddr::V6(_) => IpAddr::from((*ipv6)?),
                };
                // Who asks the server itself is noted, too: it is no longer whom it asked before.
                rare.redirected.note(frame.packet(), &inner, server);
                if server != inner.destination {
                    rewrite::destination(frame.packet_mut(), server)?;
                }
                Some(Redirection::Onward)
            }
        }
    }

    /// Makes what a server answers that packets were redirected to the answer of whom the UE asked; the packet as it is then.
    #[cold]
    pub(crate) fn as_asked(&mut self, frame: &mut Frame) -> Option<Inner> {
        let rare = self.rare.as_deref_mut()?;
        let asked = rare.redirected.asked(frame.packet())?;
        rewrite::source(frame.packet_mut(), asked)?;
        Inner::parse(frame.packet())
    }
}
