//! The pool of m-lines on which a device receives.
//!
//! *Offered* is what stands on a line in the last offer; *flowing* is what the device has accepted. The pool never
//! shrinks, and a line never changes its place or kind, as RFC 9429 section 5.2.2 demands. A line whose stream is no
//! longer wanted is free with the next offer; so the pool is bounded by the most tracks ever wanted at one time.
//!
//! Not here: when an offer is made, and what it is sent on ([`subscribe`](crate::subscribe)).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crosspoint_ids::{ParticipantId, StreamId};
use str0m::media::Mid;
use str0m::rtp::Ssrc;
use uuid::Uuid;

use crate::MediaKind;
use crate::codec::Codec;
use crate::connection::Connection;
use crate::egress::{Egress, TrackPacket, Written};
use crate::routing::TrackKey;
use crate::sdp::{CarriedTrack, LineAnswer, OfferLine, mid_of};

/// The most media lines of one device. Streams beyond wait until others end.
pub(crate) const LINES_MAX: usize = 512;

/// The streams that a device wants, by id.
pub(crate) type Wanted = BTreeMap<StreamId, Arc<StreamDescription>>;

/// A stream as subscribers see it; shared by all of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StreamDescription {
    pub(crate) id: StreamId,
    pub(crate) participant: ParticipantId,
    pub(crate) alias: Option<String>,
    pub(crate) kinds: Vec<MediaKind>,
    pub(crate) tracks: Vec<Codec>,
}

/// The m-lines of a device below the application line, in their order.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<Line>);

#[derive(Debug)]
struct Line {
    offer: OfferLine,
    hold: Hold,
    flow: Option<Flow>,
    /// The SSRC that the connection knows for this line.
    declared: Option<Ssrc>,
}

/// Whether what the offer says of a line still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Kept,
    /// The stream was given up since the offer. Even if it is wanted again, it comes under another SSRC: the one that was
    /// taken away must not count its packets from the start again under the same key (RFC 3711 section 9.1).
    Revoked,
}

/// What a line sends.
#[derive(Debug)]
struct Flow {
    track: TrackKey,
    egress: Egress,
}

/// A track that began or ceased to flow on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowChange {
    /// Packets of the track go to this line.
    Began(TrackKey, usize),
    /// They no longer do.
    Ceased(TrackKey, usize),
}

impl Lines {
    /// The pool that a client has from before; nothing is on it.
    pub(crate) fn known(kinds: &[MediaKind]) -> Self {
        let free = |kind: &MediaKind| {
            let codec = match kind {
                MediaKind::Audio => Codec::Opus,
                MediaKind::Video => Codec::Vp8,
            };
            let offer = OfferLine { codec, carried: None };
            Line { offer, hold: Hold::Kept, flow: None, declared: None }
        };
        Self(kinds.iter().take(LINES_MAX).map(free).collect())
    }

    /// What each line carries, in their order.
    pub(crate) fn kinds(&self) -> Vec<MediaKind> {
        self.0.iter().map(|line| line.offer.codec.kind()).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What stands on each line in the next offer.
    pub(crate) fn offer(&self) -> Vec<OfferLine> {
        self.0.iter().map(|line| line.offer.clone()).collect()
    }

    /// The streams that are offered, each once.
    pub(crate) fn offered_streams(&self) -> Vec<StreamId> {
        let mut ids: Vec<StreamId> = self.carried().map(|carried| carried.stream).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn carried(&self) -> impl Iterator<Item = &CarriedTrack> {
        self.0.iter().filter_map(|line| line.offer.carried.as_ref())
    }

    /// Frees the lines of streams that are no longer wanted, and gives lines to those that have none. All tracks of a
    /// stream come into the same offer. `true` when anything changed.
    pub(crate) fn assign(&mut self, wanted: &Wanted) -> bool {
        let mut changed = false;
        for line in &mut self.0 {
            let hold = std::mem::replace(&mut line.hold, Hold::Kept);
            let given_up =
                |carried: &mut CarriedTrack| hold == Hold::Revoked || !wanted.contains_key(&carried.stream);
            changed |= line.offer.carried.take_if(given_up).is_some();
        }
        let offered = self.offered_streams();
        for stream in wanted.values().filter(|stream| offered.binary_search(&stream.id).is_err()) {
            let Some(places) = self.find_places(stream) else {
                continue;
            };
            for (track, (codec, place)) in stream.tracks.iter().copied().zip(places).enumerate() {
                self.put(place, codec, stream.id, track);
                changed = true;
            }
        }
        changed
    }

    /// A line for each track: free ones of the same kind first, then new ones at the end. `None` without room.
    fn find_places(&self, stream: &StreamDescription) -> Option<Vec<usize>> {
        let mut places = Vec::with_capacity(stream.tracks.len());
        let mut end = self.0.len();
        for codec in &stream.tracks {
            let free = self.0.iter().enumerate().position(|(index, line)| {
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

    fn put(&mut self, place: usize, codec: Codec, stream: StreamId, track: usize) {
        let ssrc = self.fresh_ssrc();
        let rtx_ssrc = codec.rtx_payload_type().map(|_| self.fresh_ssrc());
        let carried = Some(CarriedTrack { stream, track, ssrc, rtx_ssrc });
        let offer = OfferLine { codec, carried };
        match self.0.get_mut(place) {
            Some(line) => line.offer = offer,
            None => self.0.push(Line { offer, hold: Hold::Kept, flow: None, declared: None }),
        }
    }

    fn fresh_ssrc(&self) -> u32 {
        loop {
            // Random, as RFC 3550 section 8 wants it, and never one that an offer has in use.
            let (random, _) = Uuid::new_v4().as_u64_pair();
            let ssrc = (random >> 32) as u32;
            let in_use = self.carried().any(|carried| carried.ssrc == ssrc || carried.rtx_ssrc == Some(ssrc));
            if ssrc != 0 && !in_use {
                return ssrc;
            }
        }
    }

    /// Prepares the lines for a new transport. It starts its sequence numbers anew, so it must not use an SSRC of the
    /// one before.
    pub(crate) fn renew(&mut self) {
        for index in 0..self.0.len() {
            let (ssrc, rtx) = (self.fresh_ssrc(), self.fresh_ssrc());
            let Some(line) = self.0.get_mut(index) else {
                continue;
            };
            line.declared = None;
            if let Some(carried) = &mut line.offer.carried {
                carried.ssrc = ssrc;
                carried.rtx_ssrc = carried.rtx_ssrc.map(|_| rtx);
            }
        }
    }

    /// Stops everything that flows.
    pub(crate) fn cease(&mut self) -> Vec<FlowChange> {
        let ceased = self.0.iter_mut().enumerate().filter_map(|(index, line)| {
            let flow = line.flow.take()?;
            Some(FlowChange::Ceased(flow.track, index))
        });
        ceased.collect()
    }

    /// Gives a stream up: it ceases to flow, and nothing of it is sent again, however often the device asks.
    pub(crate) fn revoke(
        &mut self,
        stream: StreamId,
        connection: Option<&mut Connection>,
    ) -> Vec<FlowChange> {
        let mut api = connection.map(|connection| connection.rtc().direct_api());
        let mut changes = Vec::new();
        for (index, line) in self.0.iter_mut().enumerate() {
            if line.offer.carried.as_ref().is_none_or(|carried| carried.stream != stream) {
                continue;
            }
            line.hold = Hold::Revoked;
            if let (Some(api), Some(ssrc)) = (&mut api, line.declared.take()) {
                api.remove_stream_tx(ssrc);
            }
            if let Some(flow) = line.flow.take() {
                changes.push(FlowChange::Ceased(flow.track, index));
            }
        }
        changes
    }

    /// Lets flow what the device has accepted and still wants.
    pub(crate) fn accept(
        &mut self,
        verdicts: &[LineAnswer],
        wanted: &Wanted,
        connection: &mut Connection,
        now: Instant,
    ) -> Vec<FlowChange> {
        let mut changes = Vec::new();
        for (index, (line, verdict)) in self.0.iter_mut().zip(verdicts).enumerate() {
            line.declare(connection, index);
            let accepted = line.offer.carried.as_ref().filter(|carried| {
                *verdict == LineAnswer::Receiving
                    && line.hold == Hold::Kept
                    && wanted.contains_key(&carried.stream)
            });
            let track = accepted.map(|carried| TrackKey { stream: carried.stream, index: carried.track });
            let flowing = line.flow.as_ref().map(|flow| flow.track);
            if track == flowing {
                continue;
            }
            if let Some(ceased) = flowing {
                changes.push(FlowChange::Ceased(ceased, index));
            }
            line.flow = accepted.zip(track).map(|(carried, track)| {
                changes.push(FlowChange::Began(track, index));
                Flow { track, egress: Egress::new(carried.ssrc.into(), now) }
            });
        }
        changes
    }

    /// Writes a packet to a line. `None` when the line sends something else by now.
    pub(crate) fn write(
        &mut self,
        index: usize,
        track: TrackKey,
        packet: &TrackPacket,
        connection: &mut Connection,
    ) -> Option<Written> {
        let flow = self.0.get_mut(index)?.flow.as_mut().filter(|flow| flow.track == track)?;
        Some(flow.egress.write(connection.rtc(), packet))
    }

    /// The track that flows on the line with this mid.
    pub(crate) fn track_on(&self, mid: Mid) -> Option<TrackKey> {
        let index = mid.parse::<usize>().ok()?.checked_sub(1)?;
        Some(self.0.get(index)?.flow.as_ref()?.track)
    }
}

impl Line {
    /// Makes the connection's streams follow the offer that was answered.
    fn declare(&mut self, connection: &mut Connection, index: usize) {
        let mid = Mid::from(mid_of(index).as_str());
        let carried = self.offer.carried.as_ref().filter(|_| self.hold == Hold::Kept);
        let offered = carried.map(|carried| Ssrc::from(carried.ssrc));
        if self.declared == offered {
            return;
        }
        let is_new = connection.rtc().media(mid).is_none();
        let mut api = connection.rtc().direct_api();
        if let Some(ssrc) = self.declared.take() {
            api.remove_stream_tx(ssrc);
        }
        let Some(carried) = carried else { return };
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
