//! One stack or the other.

use std::net::SocketAddr;

use crate::{Backend, Error, Event, Options};

#[derive(Debug)]
pub(crate) enum ListenerSocket {}

impl ListenerSocket {
    pub(crate) async fn bind(_: &[SocketAddr], options: Options) -> Result<Self, Error> {
        Err(unavailable(&options))
    }

    pub(crate) async fn accept(&self) -> Result<Socket, Error> {
        match *self {}
    }

    pub(crate) fn backend(&self) -> Backend {
        match *self {}
    }

    pub(crate) fn local_addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        match *self {}
    }
}

#[derive(Debug)]
pub(crate) enum Socket {}

impl Socket {
    pub(crate) async fn connect(_: Option<&[SocketAddr]>, _: &[SocketAddr], options: Options) -> Result<Self, Error> {
        Err(unavailable(&options))
    }

    pub(crate) async fn send(&self, _: u16, _: u32, _: &[u8]) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) async fn recv(&self) -> Event {
        match *self {}
    }

    pub(crate) fn outbound_streams(&self) -> u16 {
        match *self {}
    }

    pub(crate) fn peer_addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        match *self {}
    }

    pub(crate) fn shutdown(&self) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) fn abort(&self) {
        match *self {}
    }
}

fn unavailable(options: &Options) -> Error {
    let backend = options.backend.unwrap_or_else(|| Backend::probe().backend);
    Error::Unavailable { backend, reason: "not built yet".to_owned() }
}
