//! What a device receives: what it wants, and the one offer in flight.
//!
//! *Wanted* streams come from routes; the m-lines follow them offer by offer ([`Lines`]). A stream stops flowing at once
//! when it is no longer wanted. Changes that come while an offer is in flight go into the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crosspoint_ids::{DeviceId, StreamId};
use str0m::Candidate;
use str0m::media::Mid;

use crate::codec::Side;
use crate::connection::{Connection, LocalEnd, Path};
use crate::demux::ConnectionKey;
use crate::egress::{TrackPacket, Written};
use crate::lines::{FlowChange, Lines, StreamDescription, Wanted};
use crate::order::{Offer, OfferedStream};
use crate::routing::TrackKey;
use crate::sdp::{SubscribeAnswer, SubscribeOffer};
use crate::{MediaKind, SdpRefusal};

/// How long an offer may stay unanswered before it is made again.
pub(crate) const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// After this many unanswered offers in a row, the device gets no more until something changes for it.
pub(crate) const UNANSWERED_OFFERS_MAX: u32 = 3;

/// A device's subscribe connection, m-lines and negotiation.
#[derive(Debug)]
pub(crate) struct Subscribe {
    key: ConnectionKey,
    wanted: Wanted,
    lines: Lines,
    negotiation: Negotiation,
    signalling: Path,
    transport: Transport,
    session_id: u64,
    revision: u32,
}

/// Where the exchange of offers and answers stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Negotiation {
    /// The last offer, if any, is answered.
    Settled,
    /// An offer is on its way.
    InFlight {
        /// When it counts as unanswered.
        deadline: Instant,
        /// How many before it went unanswered.
        unanswered: u32,
    },
    /// An offer must be made even if nothing changed.
    Due {
        /// How many before went unanswered.
        unanswered: u32,
    },
    /// The device does not answer; wait until something changes.
    GivenUp,
}

/// The peer connection below the m-lines.
#[derive(Debug)]
enum Transport {
    /// Nothing was offered yet.
    None,
    /// It was offered, its far side is not known.
    Offered(Connection),
    /// The device has answered.
    Connected(Connection),
}

impl Subscribe {
    /// `session_id` stands in the offers' `o=` line, below 2^62.
    /// `lines` are what the client has from before.
    pub(crate) fn new(device: DeviceId, session_id: u64, lines: &[MediaKind]) -> Self {
        let negotiation = match lines {
            [] => Negotiation::Settled,
            _ => Negotiation::Due { unanswered: 0 },
        };
        Self {
            key: ConnectionKey { device, side: Side::Subscribe },
            wanted: Wanted::new(),
            lines: Lines::known(lines),
            negotiation,
            signalling: Path::Down,
            transport: Transport::None,
            session_id,
            revision: 0,
        }
    }

    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.transport {
            Transport::None => None,
            Transport::Offered(connection) | Transport::Connected(connection) => Some(connection),
        }
    }

    /// Wants a stream, from the next offer on.
    pub(crate) fn want(&mut self, stream: Arc<StreamDescription>) {
        self.wanted.insert(stream.id, stream);
        self.revive();
    }

    /// No longer wants a stream; it ceases to flow at once.
    pub(crate) fn unwant(&mut self, stream: StreamId) -> Vec<FlowChange> {
        if self.wanted.remove(&stream).is_none() {
            return Vec::new();
        }
        self.revive();
        let connection = match &mut self.transport {
            Transport::Connected(connection) => Some(connection),
            Transport::None | Transport::Offered(_) => None,
        };
        self.lines.revoke(stream, connection)
    }

    fn revive(&mut self) {
        if self.negotiation == Negotiation::GivenUp {
            self.negotiation = Negotiation::Due { unanswered: 0 };
        }
    }

    /// Whether offers can reach the device. When they can again, an unanswered one is made again.
    pub(crate) fn set_signalling(&mut self, signalling: Path) {
        self.signalling = signalling;
        match self.negotiation {
            Negotiation::InFlight { .. } | Negotiation::GivenUp => {
                self.negotiation = Negotiation::Due { unanswered: 0 };
            }
            Negotiation::Settled | Negotiation::Due { .. } => {}
        }
    }

    /// Whether offers can reach the device.
    pub(crate) fn signalling(&self) -> Path {
        self.signalling
    }

    /// Gives the transport up: the next offer brings a new one, on the same m-lines.
    pub(crate) fn drop_transport(&mut self) -> Vec<FlowChange> {
        if matches!(self.transport, Transport::None) {
            return Vec::new();
        }
        self.transport = Transport::None;
        self.negotiation = Negotiation::Due { unanswered: 0 };
        self.lines.cease()
    }

    /// Makes the next offer, if one is needed and may go out now. `clock` is the least revision that it may have.
    pub(crate) fn poll_offer(&mut self, local: &LocalEnd, clock: u32, now: Instant) -> Option<Offer> {
        let (unanswered, due) = match self.negotiation {
            Negotiation::InFlight { .. } | Negotiation::GivenUp => return None,
            Negotiation::Settled => (0, false),
            Negotiation::Due { unanswered } => (unanswered, true),
        };
        if self.signalling == Path::Down {
            return None;
        }
        let changed = self.lines.assign(&self.wanted);
        // Without a single m-line there is nothing to say to a device that has never been offered anything.
        if !(changed || due) || self.lines.is_empty() {
            return None;
        }
        if matches!(self.transport, Transport::None) {
            let mut connection = Connection::new(self.key, local, now);
            connection.rtc().direct_api().set_ice_controlling(false);
            self.transport = Transport::Offered(connection);
            self.lines.renew();
        }
        self.revision = clock.max(self.revision.saturating_add(1));
        self.negotiation = Negotiation::InFlight { deadline: now + ANSWER_DEADLINE, unanswered };
        let sdp = self.render(&local.candidates)?;
        let (streams, lines) = (self.offered_streams(), self.lines.kinds());
        Some(Offer { sdp, revision: self.revision, streams, lines })
    }

    fn render(&mut self, candidates: &[Candidate]) -> Option<String> {
        let (session_id, revision, lines) = (self.session_id, self.revision, self.lines.offer());
        let api = self.connection()?.rtc().direct_api();
        let offer = SubscribeOffer {
            session_id,
            revision,
            credentials: &api.local_ice_credentials(),
            fingerprint: &api.local_dtls_fingerprint().to_string(),
            candidates,
            lines: &lines,
        };
        Some(offer.render())
    }

    fn offered_streams(&self) -> Vec<OfferedStream> {
        let ids = self.lines.offered_streams();
        let described = ids.iter().filter_map(|id| self.wanted.get(id));
        described
            .map(|stream| OfferedStream {
                id: stream.id,
                participant: stream.participant,
                alias: stream.alias.clone(),
                kinds: stream.kinds.clone(),
            })
            .collect()
    }

    /// Takes the answer to the offer in flight.
    pub(crate) fn handle_answer(&mut self, sdp: &str, now: Instant) -> Result<Vec<FlowChange>, SdpRefusal> {
        let Negotiation::InFlight { .. } = self.negotiation else {
            return Ok(Vec::new());
        };
        let answer = SubscribeAnswer::parse(sdp, self.lines.len())?;
        self.connect(&answer)?;
        self.negotiation = Negotiation::Settled;
        let Transport::Connected(connection) = &mut self.transport else {
            return Ok(Vec::new());
        };
        Ok(self.lines.accept(&answer.lines, &self.wanted, connection, now))
    }

    fn connect(&mut self, answer: &SubscribeAnswer) -> Result<(), SdpRefusal> {
        let mut connection = match std::mem::replace(&mut self.transport, Transport::None) {
            Transport::Offered(connection) => connection,
            other @ (Transport::None | Transport::Connected(_)) => {
                self.transport = other;
                return Ok(());
            }
        };
        let mut api = connection.rtc().direct_api();
        api.set_remote_ice_credentials(answer.credentials.clone());
        api.set_remote_fingerprint(answer.fingerprint.clone());
        let started = api.start_dtls(true);
        api.start_sctp(true);
        connection.open_channels();
        self.transport = Transport::Connected(connection);
        started.map_err(|error| SdpRefusal::NotApplicable(error.to_string()))
    }

    /// Writes a packet to a line. `None` when the line sends something else by now.
    pub(crate) fn write(&mut self, line: usize, track: TrackKey, packet: &TrackPacket) -> Option<Written> {
        let Transport::Connected(connection) = &mut self.transport else {
            return None;
        };
        self.lines.write(line, track, packet, connection)
    }

    /// The track that flows on the line with this mid.
    pub(crate) fn track_on(&self, mid: Mid) -> Option<TrackKey> {
        self.lines.track_on(mid)
    }

    /// Lets the answer's deadline pass. `true` when an offer went unanswered.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        match self.negotiation {
            Negotiation::InFlight { deadline, unanswered } if now >= deadline => {
                let unanswered = unanswered + 1;
                self.negotiation = if unanswered < UNANSWERED_OFFERS_MAX {
                    Negotiation::Due { unanswered }
                } else {
                    Negotiation::GivenUp
                };
                true
            }
            Negotiation::InFlight { .. }
            | Negotiation::Settled
            | Negotiation::Due { .. }
            | Negotiation::GivenUp => false,
        }
    }

    /// When [`Subscribe::handle_timeout`] or the connection is due.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let deadline = match self.negotiation {
            Negotiation::InFlight { deadline, .. } => Some(deadline),
            Negotiation::Settled | Negotiation::Due { .. } | Negotiation::GivenUp => None,
        };
        let connection = match &self.transport {
            Transport::None => None,
            Transport::Offered(connection) | Transport::Connected(connection) => Some(connection.timeout()),
        };
        [deadline, connection].into_iter().flatten().min()
    }
}
