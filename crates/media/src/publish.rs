//! Ingress: what a device publishes, and its packets.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crosspoint_ids::{DeviceId, StreamId};
use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, Mid};
use str0m::rtp::{ExtensionValues, RtpPacket, Ssrc};
use uuid::Uuid;

use crate::codec::{Codec, PayloadFormat, Side};
use crate::connection::{Broken, Connection, LocalEnd};
use crate::demux::ConnectionKey;
use crate::egress::TrackPacket;
use crate::key_frames::KeyFrameRequests;
use crate::order::{PublishedStream, StreamRequest};
use crate::routing::TrackKey;
use crate::sdp::{OfferedTrack, PublishLine, PublishOffer};
use crate::{MediaKind, SdpRefusal};

/// A device's publish connection and what comes in on it.
#[derive(Debug)]
pub(crate) struct Publish {
    key: ConnectionKey,
    connection: Connection,
    /// The device's ICE user name in the offer before.
    remote_ufrag: Option<String>,
    streams: Vec<LocalStream>,
    tracks: HashMap<Mid, Track>,
    /// Which m-line an SSRC belongs to, as the library found out; made anew after each negotiation.
    mids: HashMap<Ssrc, Mid>,
}

/// A stream that is up.
#[derive(Debug, Clone)]
pub(crate) struct LocalStream {
    pub(crate) published: PublishedStream,
    /// Its tracks, in the order of their m-lines.
    pub(crate) tracks: Vec<LocalTrack>,
}

/// A track that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalTrack {
    /// The MediaStreamTrack's id.
    id: String,
    mid: String,
    pub(crate) codec: Codec,
}

#[derive(Debug)]
struct Track {
    key: TrackKey,
    codec: Codec,
    key_frames: KeyFrameRequests,
    continuity: Option<Continuity>,
}

/// Keeps a track's numbers going when its SSRC changes.
#[derive(Debug, Clone, Copy)]
struct Continuity {
    ssrc: Ssrc,
    sequence_offset: u64,
    time_offset: u32,
    last_sequence: u64,
    last_time: u32,
    last_received: Instant,
}

impl Publish {
    /// A connection for a device that offers for the first time, or whose earlier one is dead.
    pub(crate) fn new(device: DeviceId, local: &LocalEnd, now: Instant) -> Self {
        let key = ConnectionKey { device, side: Side::Publish };
        Self {
            key,
            connection: Connection::new(key, local, now),
            remote_ufrag: None,
            streams: Vec::new(),
            tracks: HashMap::new(),
            mids: HashMap::new(),
        }
    }

    /// The same streams on a new connection, when the one before is dead, or given up by the device: then it offers
    /// another ICE user name (RFC 8839 section 4.4.1.1.1).
    fn renew(&mut self, remote_ufrag: &str, local: &LocalEnd, now: Instant) {
        let given_up = self.remote_ufrag.as_deref().is_some_and(|known| known != remote_ufrag);
        if given_up || !self.connection.is_alive() {
            self.connection = Connection::new(self.key, local, now);
            self.mids.clear();
        }
        self.remote_ufrag = Some(remote_ufrag.to_owned());
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.connection.is_alive()
    }

    /// The streams that are up.
    pub(crate) fn streams(&self) -> &[LocalStream] {
        &self.streams
    }

    /// Takes an offer and answers it. Streams that stay keep their ids.
    pub(crate) fn accept(
        &mut self,
        sdp: &str,
        requests: &[StreamRequest],
        allowed: &[MediaKind],
        local: &LocalEnd,
        now: Instant,
    ) -> Result<String, SdpRefusal> {
        let offer = PublishOffer::parse(sdp)?;
        self.renew(offer.ice_ufrag(), local, now);
        let streams = self.select_streams(&offer, requests, allowed);
        let accepted: HashSet<&str> =
            streams.iter().flat_map(|stream| &stream.tracks).map(|track| track.mid.as_str()).collect();
        let cut_down = SdpOffer::from_sdp_string(&offer.render(&accepted))
            .map_err(|error| SdpRefusal::NotApplicable(error.to_string()))?;
        let answer = self
            .connection
            .rtc()
            .sdp_api()
            .accept_offer(cut_down)
            .map_err(|error| SdpRefusal::NotApplicable(error.to_string()))?;
        if offer.lines().iter().any(|line| matches!(line, PublishLine::Application { .. })) {
            self.connection.open_channels();
        }
        self.take_over(streams);
        Ok(answer.to_sdp_string())
    }

    /// The streams that the offer brings up: what the device names, as far as it sends and may send it.
    fn select_streams(
        &self,
        offer: &PublishOffer<'_>,
        requests: &[StreamRequest],
        allowed: &[MediaKind],
    ) -> Vec<LocalStream> {
        let mut by_msid: HashMap<&str, Vec<&OfferedTrack<'_>>> = HashMap::new();
        for line in offer.lines() {
            let PublishLine::Track(track) = line else { continue };
            let tracks = by_msid.entry(track.stream).or_default();
            // After a publish() that failed, the same track stands in the offer twice.
            let repeated = tracks.iter().any(|other| {
                (other.track, other.formats.codec.kind()) == (track.track, track.formats.codec.kind())
            });
            if !repeated && allowed.contains(&track.formats.codec.kind()) {
                tracks.push(track);
            }
        }
        requests
            .iter()
            .map(|request| {
                let tracks: Vec<LocalTrack> = by_msid
                    .get(request.msid.as_str())
                    .into_iter()
                    .flatten()
                    .map(|track| LocalTrack {
                        id: track.track.to_owned(),
                        mid: track.mid.to_owned(),
                        codec: track.formats.codec,
                    })
                    .collect();
                let mut kinds: Vec<MediaKind> = tracks.iter().map(|track| track.codec.kind()).collect();
                kinds.sort_unstable();
                kinds.dedup();
                let same =
                    |stream: &&LocalStream| stream.published.msid == request.msid && stream.tracks == tracks;
                let id = match self.streams.iter().find(same) {
                    Some(stream) => stream.published.id,
                    None => StreamId::new(Uuid::new_v4()),
                };
                let published =
                    PublishedStream { id, msid: request.msid.clone(), alias: request.alias.clone(), kinds };
                LocalStream { published, tracks }
            })
            .collect()
    }

    fn take_over(&mut self, streams: Vec<LocalStream>) {
        let mut earlier: HashMap<TrackKey, Track> =
            self.tracks.drain().map(|(_, track)| (track.key, track)).collect();
        for stream in &streams {
            for (index, track) in stream.tracks.iter().enumerate() {
                let key = TrackKey { stream: stream.published.id, index };
                let track_state = earlier.remove(&key).unwrap_or_else(|| Track {
                    key,
                    codec: track.codec,
                    key_frames: KeyFrameRequests::default(),
                    continuity: None,
                });
                self.tracks.insert(Mid::from(track.mid.as_str()), track_state);
            }
        }
        self.streams = streams;
        self.mids.clear();
    }

    /// Reads a packet that came in. `None`: it belongs to no track that is up and allowed.
    pub(crate) fn read(&mut self, packet: RtpPacket) -> Option<(TrackKey, TrackPacket)> {
        let ssrc = packet.header.ssrc;
        let mid = match self.mids.get(&ssrc) {
            Some(mid) => *mid,
            None => {
                let mut api = self.connection.rtc().direct_api();
                let mid = api.stream_rx(&ssrc)?.mid();
                self.mids.insert(ssrc, mid);
                mid
            }
        };
        let track = self.tracks.get_mut(&mid)?;
        let codecs = self.connection.rtc().codec_config();
        let format = codecs
            .find(|params| params.pt() == packet.header.payload_type)
            .and_then(|params| PayloadFormat::from_spec(&params.spec()));
        let fits = match format {
            Some(PayloadFormat::Media(codec)) => codec == track.codec,
            Some(PayloadFormat::TelephoneEvent(_)) => track.codec.kind() == MediaKind::Audio,
            None => false,
        };
        let payload_type = format.filter(|_| fits).and_then(PayloadFormat::payload_type)?;
        let (sequence, time) = track.continue_numbers(&packet);
        let extensions = ExtensionValues {
            audio_level: packet.header.ext_vals.audio_level,
            voice_activity: packet.header.ext_vals.voice_activity,
            video_orientation: packet.header.ext_vals.video_orientation,
            ..Default::default()
        };
        let packet = TrackPacket {
            codec: track.codec,
            payload_type,
            sequence,
            time,
            marker: packet.header.marker,
            extensions,
            starts_key_frame: track.codec.starts_key_frame(&packet.payload),
            payload: packet.payload,
            received_at: packet.timestamp,
        };
        Some((track.key, packet))
    }

    /// Asks the device for a key frame of a track, now or as soon as the spacing allows.
    pub(crate) fn want_key_frame(&mut self, key: TrackKey, now: Instant) {
        let found = self.tracks.iter_mut().find(|(_, track)| track.key == key);
        let Some((mid, track)) = found else { return };
        if track.codec.kind() == MediaKind::Video && track.key_frames.want(now) {
            request_key_frame(&mut self.connection, *mid);
        }
    }

    /// Lets time pass. Poll the connection afterwards.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), Broken> {
        for (mid, track) in &mut self.tracks {
            if track.key_frames.handle_timeout(now) {
                request_key_frame(&mut self.connection, *mid);
            }
        }
        self.connection.handle_timeout(now)
    }

    /// When [`Publish::handle_timeout`] is due.
    pub(crate) fn timeout(&self) -> Instant {
        let key_frames = self.tracks.values().filter_map(|track| track.key_frames.timeout());
        key_frames.fold(self.connection.timeout(), Instant::min)
    }
}

fn request_key_frame(connection: &mut Connection, mid: Mid) {
    let mut api = connection.rtc().direct_api();
    if let Some(stream) = api.stream_rx_by_mid(mid, None) {
        stream.request_keyframe(KeyframeRequestKind::Pli);
    }
}

impl Track {
    /// The packet's sequence number and time as part of one row that no change of SSRC breaks.
    fn continue_numbers(&mut self, packet: &RtpPacket) -> (u64, u32) {
        let ssrc = packet.header.ssrc;
        let (sequence, time) = (*packet.seq_no, packet.header.timestamp);
        let fresh = Continuity {
            ssrc,
            sequence_offset: 0,
            time_offset: 0,
            last_sequence: sequence,
            last_time: time,
            last_received: packet.timestamp,
        };
        let continuity = self.continuity.get_or_insert(fresh);
        if continuity.ssrc != ssrc {
            let pause = packet.timestamp.saturating_duration_since(continuity.last_received);
            let clock_rate = match self.codec.kind() {
                MediaKind::Audio => 48,
                MediaKind::Video => 90,
            };
            let ticks = u32::try_from(pause.as_millis().max(1)).unwrap_or(u32::MAX).wrapping_mul(clock_rate);
            let next_time = continuity.last_time.wrapping_add(ticks);
            continuity.ssrc = ssrc;
            continuity.sequence_offset = (continuity.last_sequence + 1).wrapping_sub(sequence);
            continuity.time_offset = next_time.wrapping_sub(time);
        }
        let sequence = sequence.wrapping_add(continuity.sequence_offset);
        let time = time.wrapping_add(continuity.time_offset);
        if sequence >= continuity.last_sequence {
            continuity.last_sequence = sequence;
            continuity.last_time = time;
            continuity.last_received = packet.timestamp;
        }
        (sequence, time)
    }
}
