//! Whose datagram is it? One port serves all connections.
//!
//! A connection is found by the ICE user name in a STUN request, and the request's source address is bound to it once
//! the request has proved to know the connection's password. Everything else must come from a bound address.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crosspoint_ids::DeviceId;
use str0m::ice::StunMessage;
use str0m::net::Protocol;

use crate::codec::Side;

/// The most source addresses of one connection. A browser tries each of its interfaces; the oldest gives way.
const SOURCES_MAX: usize = 16;

/// The far end of what comes in: an address means another one over UDP than over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Remote {
    /// Over which protocol it is reached.
    pub protocol: Protocol,
    /// Its address.
    pub address: SocketAddr,
}

/// One peer connection of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionKey {
    pub(crate) device: DeviceId,
    pub(crate) side: Side,
}

/// The address book of all connections.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    by_source: HashMap<Remote, ConnectionKey>,
    by_ufrag: HashMap<String, ConnectionKey>,
    known: HashMap<ConnectionKey, Known>,
}

#[derive(Debug, Default)]
struct Known {
    ufrag: String,
    sources: VecDeque<Remote>,
}

/// Whose a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It came from an address that is bound to this connection.
    Bound(ConnectionKey),
    /// A STUN request that names this connection; it has to prove itself before its source is bound.
    Claimed(ConnectionKey),
}

impl Demux {
    /// Makes a connection known under its local ICE user name, which may have changed. Bound addresses stay.
    pub(crate) fn register(&mut self, key: ConnectionKey, ufrag: String) {
        let known = self.known.entry(key).or_default();
        if known.ufrag != ufrag {
            self.by_ufrag.remove(&known.ufrag);
            known.ufrag.clone_from(&ufrag);
            self.by_ufrag.insert(ufrag, key);
        }
    }

    /// Forgets a connection.
    pub(crate) fn remove(&mut self, key: ConnectionKey) {
        let Some(known) = self.known.remove(&key) else {
            return;
        };
        self.by_ufrag.remove(&known.ufrag);
        for source in known.sources {
            if self.by_source.get(&source) == Some(&key) {
                self.by_source.remove(&source);
            }
        }
    }

    /// Who gets this datagram; `None` when nobody does.
    pub(crate) fn owner(&self, source: Remote, datagram: &[u8]) -> Option<Owner> {
        let bound = self.by_source.get(&source).copied();
        if !is_stun(datagram) {
            return bound.map(Owner::Bound);
        }
        let message = StunMessage::parse(datagram).ok()?;
        if !message.is_binding_request() {
            // ICE lite sends no requests, so there is no response to wait for.
            return None;
        }
        let (local, _) = message.split_username()?;
        let claimed = self.by_ufrag.get(local).copied()?;
        Some(if bound == Some(claimed) { Owner::Bound(claimed) } else { Owner::Claimed(claimed) })
    }

    /// Whether an address is bound to a connection.
    pub(crate) fn is_bound(&self, source: Remote) -> bool {
        self.by_source.contains_key(&source)
    }

    /// Nothing comes from this address any more.
    pub(crate) fn unbind(&mut self, source: Remote) {
        let known = self.by_source.remove(&source).and_then(|key| self.known.get_mut(&key));
        if let Some(known) = known {
            known.sources.retain(|bound| *bound != source);
        }
    }

    /// Binds an address to a connection, after a request from there has proved itself.
    pub(crate) fn bind(&mut self, key: ConnectionKey, source: Remote) {
        let Some(known) = self.known.get_mut(&key) else {
            return;
        };
        if self.by_source.insert(source, key) == Some(key) {
            return;
        }
        known.sources.retain(|bound| *bound != source);
        known.sources.push_back(source);
        if known.sources.len() > SOURCES_MAX
            && let Some(oldest) = known.sources.pop_front()
            && self.by_source.get(&oldest) == Some(&key)
        {
            self.by_source.remove(&oldest);
        }
    }
}

/// RFC 7983 section 7: STUN starts with a byte of 0 to 3, and has a header of 20 bytes.
fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= 20 && datagram.first().is_some_and(|byte| *byte < 4)
}
