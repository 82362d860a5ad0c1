//! What a device receives: the m-lines it was offered, and the one offer in flight.
//!
//! *Wanted* streams come from routes. *Offered* is what stands on the m-lines in the last offer; *flowing* is what the
//! device has accepted and still wants. A stream stops flowing at once when it is no longer wanted; its m-lines become
//! free with the next offer and carry another stream later, so that their number is bounded by the most tracks ever
//! wanted at one time. Changes that come while an offer is in flight go into the next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crosspoint_ids::{ParticipantId, StreamId};
use str0m::Candidate;
use str0m::media::Mid;
use str0m::rtp::Ssrc;

use crate::codec::{Codec, Side};
use crate::connection::{Connection, Path};
use crate::egress::{Egress, TrackPacket, Written};
use crate::order::{Offer, OfferedStream};
use crate::routing::TrackKey;
use crate::sdp::{CarriedTrack, LineAnswer, OfferLine, SubscribeAnswer, SubscribeOffer, mid_of};
use crate::{MediaKind, SdpRefusal};

/// How long an offer may stay unanswered before it is made again.
pub(crate) const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// After this many unanswered offers in a row, the device gets no more until something changes for it.
pub(crate) const UNANSWERED_OFFERS_MAX: u32 = 3;
/// The most media lines of one device. Streams beyond wait until others end.
pub(crate) const LINES_MAX: usize = 512;

/// A stream as subscribers see it; shared by all of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StreamDescription {
    pub(crate) id: StreamId,
    pub(crate) participant: ParticipantId,
    pub(crate) alias: Option<String>,
    pub(crate) kinds: Vec<MediaKind>,
    pub(crate) tracks: Vec<Codec>,
}

/// A device's subscribe connection, m-lines and negotiation.
#[derive(Debug)]
pub(crate) struct Subscribe {
    wanted: BTreeMap<StreamId, Arc<StreamDescription>>,
    lines: Vec<Line>,
    negotiation: Negotiation,
    signalling: Path,
    transport: Transport,
    session_id: u64,
    revision: u32,
}

/// One m-line below the application line.
#[derive(Debug)]
struct Line {
    offer: OfferLine,
    flow: Option<Flow>,
    /// The SSRC that the connection knows for this line.
    declared: Option<Ssrc>,
}

/// What a line sends.
#[derive(Debug)]
struct Flow {
    track: TrackKey,
    egress: Egress,
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

/// A track that began or ceased to flow on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowChange {
    /// Packets of the track go to this line.
    Began(TrackKey, usize),
    /// They no longer do.
    Ceased(TrackKey, usize),
}

impl Subscribe {
    /// `session_id` stands in the offers' `o=` line, below 2^62.
    pub(crate) fn new(session_id: u64) -> Self {
        Self {
            wanted: BTreeMap::new(),
            lines: Vec::new(),
            negotiation: Negotiation::Settled,
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
        self.cease(|track| track.stream == stream)
    }

    fn revive(&mut self) {
        if self.negotiation == Negotiation::GivenUp {
            self.negotiation = Negotiation::Due { unanswered: 0 };
        }
    }

    fn cease(&mut self, which: impl Fn(TrackKey) -> bool) -> Vec<FlowChange> {
        let mut changes = Vec::new();
        for (index, line) in self.lines.iter_mut().enumerate() {
            if let Some(flow) = line.flow.take_if(|flow| which(flow.track)) {
                changes.push(FlowChange::Ceased(flow.track, index));
            }
        }
        changes
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

    /// Gives the transport up: the next offer brings a new one, on the same m-lines.
    pub(crate) fn drop_transport(&mut self) -> Vec<FlowChange> {
        if matches!(self.transport, Transport::None) {
            return Vec::new();
        }
        self.transport = Transport::None;
        self.negotiation = Negotiation::Due { unanswered: 0 };
        for line in &mut self.lines {
            line.declared = None;
        }
        self.cease(|_| true)
    }

    /// Makes the next offer, if one is needed and may go out now. `clock` is the least revision that it may have.
    pub(crate) fn poll_offer(&mut self, candidates: &[Candidate], clock: u32, now: Instant) -> Option<Offer> {
        let unanswered = match self.negotiation {
            Negotiation::InFlight { .. } | Negotiation::GivenUp => return None,
            Negotiation::Settled => 0,
            Negotiation::Due { unanswered } => unanswered,
        };
        if self.signalling == Path::Down {
            return None;
        }
        let changed = self.assign_lines();
        let due = matches!(self.negotiation, Negotiation::Due { .. });
        // Without a single m-line there is nothing to say to a device that has never been offered anything.
        if !(changed || due) || self.lines.is_empty() {
            return None;
        }
        if matches!(self.transport, Transport::None) {
            let mut connection = Connection::new(Side::Subscribe, candidates, now);
            connection.rtc().direct_api().set_ice_controlling(false);
            self.transport = Transport::Offered(connection);
            self.renew_ssrcs();
        }
        self.revision = clock.max(self.revision.saturating_add(1));
        self.negotiation = Negotiation::InFlight {
            deadline: now + ANSWER_DEADLINE,
            unanswered,
        };
        Some(Offer {
            sdp: self.render(candidates)?,
            revision: self.revision,
            streams: self.offered_streams(),
        })
    }

    fn render(&mut self, candidates: &[Candidate]) -> Option<String> {
        let connection = match &mut self.transport {
            Transport::None => return None,
            Transport::Offered(connection) | Transport::Connected(connection) => connection,
        };
        let api = connection.rtc().direct_api();
        let credentials = api.local_ice_credentials();
        let fingerprint = api.local_dtls_fingerprint().to_string();
        let lines: Vec<OfferLine> = self.lines.iter().map(|line| line.offer.clone()).collect();
        let offer = SubscribeOffer {
            session_id: self.session_id,
            revision: self.revision,
            credentials: &credentials,
            fingerprint: &fingerprint,
            candidates,
            lines: &lines,
        };
        Some(offer.render())
    }

    fn offered_streams(&self) -> Vec<OfferedStream> {
        let mut ids: Vec<StreamId> = self
            .lines
            .iter()
            .filter_map(|line| Some(line.offer.carried.as_ref()?.stream))
            .collect();
        ids.sort_unstable();
        ids.dedup();
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

    /// Frees the lines of streams that are no longer wanted, and gives lines to those that have none. All tracks of a
    /// stream come into the same offer. `true` when anything changed.
    fn assign_lines(&mut self) -> bool {
        let mut changed = false;
        for line in &mut self.lines {
            let wanted = &self.wanted;
            changed |= line
                .offer
                .carried
                .take_if(|carried| !wanted.contains_key(&carried.stream))
                .is_some();
        }
        let waiting: Vec<Arc<StreamDescription>> = self
            .wanted
            .values()
            .filter(|stream| !self.is_offered(stream.id))
            .cloned()
            .collect();
        for stream in waiting {
            let Some(places) = self.find_places(&stream) else {
                continue;
            };
            for (track, (codec, place)) in stream.tracks.iter().copied().zip(places).enumerate() {
                let ssrc = self.fresh_ssrc();
                let rtx_ssrc = codec.rtx_payload_type().map(|_| self.fresh_ssrc());
                let carried = Some(CarriedTrack {
                    stream: stream.id,
                    track,
                    ssrc,
                    rtx_ssrc,
                });
                let offer = OfferLine { codec, carried };
                match self.lines.get_mut(place) {
                    Some(line) => line.offer = offer,
                    None => self.lines.push(Line {
                        offer,
                        flow: None,
                        declared: None,
                    }),
                }
                changed = true;
            }
        }
        changed
    }

    fn is_offered(&self, stream: StreamId) -> bool {
        let mut carried = self.lines.iter().filter_map(|line| line.offer.carried.as_ref());
        carried.any(|carried| carried.stream == stream)
    }

    /// A line for each track: free ones of the same kind first, then new ones at the end. `None` without room.
    fn find_places(&self, stream: &StreamDescription) -> Option<Vec<usize>> {
        let mut places = Vec::with_capacity(stream.tracks.len());
        let mut end = self.lines.len();
        for codec in &stream.tracks {
            let free = self.lines.iter().enumerate().position(|(index, line)| {
                line.offer.carried.is_none()
                    && line.offer.codec.kind() == codec.kind()
                    && !places.contains(&index)
            });
            places.push(free.unwrap_or(end));
            if free.is_none() {
                end += 1;
            }
        }
        (end <= LINES_MAX && !places.is_empty()).then_some(places)
    }

    fn fresh_ssrc(&mut self) -> u32 {
        loop {
            // Random, as RFC 3550 section 8 wants it, and never one that an offer has in use.
            let (ssrc, _) = uuid::Uuid::new_v4().as_u64_pair();
            let ssrc = (ssrc >> 32) as u32;
            let in_use = self
                .lines
                .iter()
                .filter_map(|line| line.offer.carried.as_ref())
                .any(|carried| carried.ssrc == ssrc || carried.rtx_ssrc == Some(ssrc));
            if ssrc != 0 && !in_use {
                return ssrc;
            }
        }
    }

    /// A new transport starts its sequence numbers anew, so it must not use an SSRC of the one before.
    fn renew_ssrcs(&mut self) {
        for index in 0..self.lines.len() {
            let (ssrc, rtx) = (self.fresh_ssrc(), self.fresh_ssrc());
            if let Some(carried) = self
                .lines
                .get_mut(index)
                .and_then(|line| line.offer.carried.as_mut())
            {
                carried.ssrc = ssrc;
                carried.rtx_ssrc = carried.rtx_ssrc.map(|_| rtx);
            }
        }
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
        let mut changes = Vec::new();
        for (index, (line, verdict)) in self.lines.iter_mut().zip(&answer.lines).enumerate() {
            line.declare(connection, index);
            let accepted = line.offer.carried.as_ref().filter(|carried| {
                *verdict == LineAnswer::Receiving && self.wanted.contains_key(&carried.stream)
            });
            let track = accepted.map(|carried| TrackKey {
                stream: carried.stream,
                index: carried.track,
            });
            let flowing = line.flow.as_ref().map(|flow| flow.track);
            if track == flowing {
                continue;
            }
            if let Some(ceased) = flowing {
                changes.push(FlowChange::Ceased(ceased, index));
            }
            line.flow = accepted.zip(track).map(|(carried, track)| {
                changes.push(FlowChange::Began(track, index));
                Flow {
                    track,
                    egress: Egress::new(carried.ssrc.into(), now),
                }
            });
        }
        Ok(changes)
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
        let flow = self
            .lines
            .get_mut(line)?
            .flow
            .as_mut()
            .filter(|flow| flow.track == track)?;
        Some(flow.egress.write(connection.rtc(), packet))
    }

    /// The track that flows on the line with this mid.
    pub(crate) fn track_on(&self, mid: Mid) -> Option<TrackKey> {
        let index = mid.parse::<usize>().ok()?.checked_sub(1)?;
        Some(self.lines.get(index)?.flow.as_ref()?.track)
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

impl Line {
    /// Makes the connection's streams follow the offer that was answered.
    fn declare(&mut self, connection: &mut Connection, index: usize) {
        let mid = Mid::from(mid_of(index).as_str());
        let offered = self
            .offer
            .carried
            .as_ref()
            .map(|carried| Ssrc::from(carried.ssrc));
        if self.declared == offered {
            return;
        }
        let is_new = connection.rtc().media(mid).is_none();
        let mut api = connection.rtc().direct_api();
        if let Some(ssrc) = self.declared.take() {
            api.remove_stream_tx(ssrc);
        }
        let Some(carried) = &self.offer.carried else {
            return;
        };
        if is_new {
            let kind = match self.offer.codec.kind() {
                MediaKind::Audio => str0m::media::MediaKind::Audio,
                MediaKind::Video => str0m::media::MediaKind::Video,
            };
            api.declare_media(mid, kind);
        }
        api.declare_stream_tx(carried.ssrc.into(), carried.rtx_ssrc.map(Ssrc::from), mid, None);
        self.declared = offered;
    }
}
