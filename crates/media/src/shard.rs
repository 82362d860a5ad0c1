//! All devices of one thread: orders and datagrams in, transmits and events out.
//!
//! A shard owns its connections outright. Work is done where it is shared by the most: a packet is decrypted, read and
//! made ready once, then written to each of its sinks; and each subscriber's connection is driven once for all that
//! came in with one batch of datagrams ([`Shard::flush`]).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crosspoint_ids::{DeviceId, ParticipantId, StreamId};
use str0m::Candidate;
use str0m::net::{Receive, Transmit};
use str0m::rtp::RtpPacket;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::codec::Side;
use crate::connection::{Broken, Happening, LocalEnd, Path};
use crate::counters::Counters;
use crate::demux::{ConnectionKey, Demux, Owner, Remote};
use crate::egress::Written;
use crate::ice_key::{DeviceTag, Farewell, IceKey};
use crate::lines::{FlowChange, StreamDescription};
use crate::order::{DeviceEvent, Order, PublishAnswer, StreamRequest};
use crate::publish::Publish;
use crate::routing::{Routing, Sink, TrackKey};
use crate::subscribe::Subscribe;
use crate::timers::Timers;
use crate::{MediaKind, SdpRefusal};

/// Offer revisions start from the clock, so that they grow across restarts: four for each second since 2026, which
/// stays within 31 bits until 2043.
const REVISIONS_PER_SECOND: u64 = 4;
const REVISION_EPOCH_SECS: u64 = 1_767_225_600;

/// The devices of one thread.
#[derive(Debug)]
pub struct Shard {
    local: LocalEnd,
    farewell: Farewell,
    devices: HashMap<DeviceId, Device>,
    tags: HashMap<DeviceTag, DeviceId>,
    streams: HashMap<StreamId, Source>,
    routing: Routing,
    demux: Demux,
    timers: Timers,
    /// Connections that were written to since the last [`Shard::flush`].
    touched: BTreeSet<ConnectionKey>,
    transmits: VecDeque<Transmit>,
    counters: Arc<Counters>,
    /// What the revision clock reads, and when it was set.
    clock: (Instant, Duration),
}

#[derive(Debug)]
struct Device {
    participant: ParticipantId,
    allowed: Vec<MediaKind>,
    events: mpsc::Sender<DeviceEvent>,
    publish: Option<Publish>,
    subscribe: Subscribe,
}

/// Where a stream comes from.
#[derive(Debug)]
struct Source {
    publisher: DeviceId,
    description: Arc<StreamDescription>,
}

impl Shard {
    /// An empty shard. `candidates` stand in every description; `unix_time` is the time since 1970 at `now`.
    pub fn new(
        candidates: Vec<Candidate>,
        ice_key: IceKey,
        counters: Arc<Counters>,
        now: Instant,
        unix_time: Duration,
    ) -> Self {
        Self {
            farewell: Farewell::new(ice_key.clone(), now),
            local: LocalEnd { candidates, ice_key },
            devices: HashMap::new(),
            tags: HashMap::new(),
            streams: HashMap::new(),
            routing: Routing::default(),
            demux: Demux::default(),
            timers: Timers::default(),
            touched: BTreeSet::new(),
            transmits: VecDeque::new(),
            counters,
            clock: (now, unix_time),
        }
    }

    /// Carries out an order. [`Shard::flush`] afterwards.
    pub fn handle_order(&mut self, order: Order, now: Instant) {
        match order {
            Order::OpenDevice { device, participant, allowed, lines, events } => {
                let (session_id, _) = Uuid::new_v4().as_u64_pair();
                let subscribe = Subscribe::new(device, session_id >> 2, &lines);
                let opened = Device { participant, allowed, events, publish: None, subscribe };
                self.devices.insert(device, opened);
                self.tags.insert(DeviceTag::of(device), device);
            }
            Order::SignallingChanged { device, signalling } => {
                if let Some(state) = self.devices.get_mut(&device) {
                    state.subscribe.set_signalling(signalling);
                    self.negotiate(device, now);
                }
            }
            Order::PublishOffer { device, sdp, streams, reply } => {
                // Whoever asked may be gone by now; the offer counts all the same.
                let _ = reply.send(self.accept_publish_offer(device, &sdp, &streams, now));
            }
            Order::SubscribeAnswer { device, sdp, reply } => {
                let _ = reply.send(self.accept_subscribe_answer(device, &sdp, now));
            }
            Order::Route { stop, start } => self.route(stop, start, now),
            Order::CloseDevice { device } => self.close_device(device),
        }
    }

    fn accept_publish_offer(
        &mut self,
        device: DeviceId,
        sdp: &str,
        requests: &[StreamRequest],
        now: Instant,
    ) -> Result<PublishAnswer, SdpRefusal> {
        let state = self.devices.get_mut(&device).ok_or(SdpRefusal::NoSuchDevice)?;
        let publish = state.publish.get_or_insert_with(|| Publish::new(device, &self.local, now));
        let answer = publish.accept(sdp, requests, &state.allowed, &self.local, now)?;
        let ufrag = publish.connection().local_ufrag();
        let streams = publish.streams().to_vec();
        self.streams.retain(|id, source| {
            source.publisher != device || streams.iter().any(|stream| stream.published.id == *id)
        });
        for stream in &streams {
            let description = StreamDescription {
                id: stream.published.id,
                participant: state.participant,
                alias: stream.published.alias.clone(),
                kinds: stream.published.kinds.clone(),
                tracks: stream.tracks.iter().map(|track| track.codec).collect(),
            };
            let source = Source { publisher: device, description: Arc::new(description) };
            self.streams.insert(stream.published.id, source);
        }
        let key = ConnectionKey { device, side: Side::Publish };
        self.demux.register(key, ufrag);
        self.touched.insert(key);
        let streams = streams.into_iter().map(|stream| stream.published).collect();
        Ok(PublishAnswer { sdp: answer, streams })
    }

    fn accept_subscribe_answer(
        &mut self,
        device: DeviceId,
        sdp: &str,
        now: Instant,
    ) -> Result<(), SdpRefusal> {
        let state = self.devices.get_mut(&device).ok_or(SdpRefusal::NoSuchDevice)?;
        let changes = state.subscribe.handle_answer(sdp, now)?;
        self.touched.insert(ConnectionKey { device, side: Side::Subscribe });
        self.apply_flow_changes(device, &changes, now);
        self.negotiate(device, now);
        Ok(())
    }

    fn route(&mut self, stop: Vec<crate::Crosspoint>, start: Vec<crate::Crosspoint>, now: Instant) {
        let mut affected = BTreeSet::new();
        for crosspoint in stop {
            let Some(state) = self.devices.get_mut(&crosspoint.subscriber) else {
                continue;
            };
            let changes = state.subscribe.unwant(crosspoint.stream);
            self.apply_flow_changes(crosspoint.subscriber, &changes, now);
            self.touched.insert(ConnectionKey { device: crosspoint.subscriber, side: Side::Subscribe });
            affected.insert(crosspoint.subscriber);
        }
        for crosspoint in start {
            // A stream or device that is gone by now has its stop on the way.
            let Some(source) = self.streams.get(&crosspoint.stream) else {
                continue;
            };
            let Some(state) = self.devices.get_mut(&crosspoint.subscriber) else {
                continue;
            };
            state.subscribe.want(Arc::clone(&source.description));
            affected.insert(crosspoint.subscriber);
        }
        for device in affected {
            self.negotiate(device, now);
        }
    }

    fn apply_flow_changes(&mut self, subscriber: DeviceId, changes: &[FlowChange], now: Instant) {
        for change in changes {
            match *change {
                FlowChange::Ceased(track, line) => self.routing.disconnect(track, Sink { subscriber, line }),
                FlowChange::Began(track, line) => {
                    self.routing.connect(track, Sink { subscriber, line });
                    self.want_key_frame(track, now);
                }
            }
        }
    }

    fn want_key_frame(&mut self, track: TrackKey, now: Instant) {
        tracing::debug!(?track, "key frame wanted");
        let Some(source) = self.streams.get(&track.stream) else {
            return;
        };
        let publisher = self.devices.get_mut(&source.publisher);
        let Some(publish) = publisher.and_then(|state| state.publish.as_mut()) else {
            return;
        };
        publish.want_key_frame(track, now);
        self.touched.insert(ConnectionKey { device: source.publisher, side: Side::Publish });
    }

    /// Makes the device's next offer, if there is something to offer and none is in flight.
    fn negotiate(&mut self, device: DeviceId, now: Instant) {
        let clock = self.revision_clock(now);
        let Some(state) = self.devices.get_mut(&device) else {
            return;
        };
        let Some(offer) = state.subscribe.poll_offer(&self.local, clock, now) else {
            return;
        };
        let key = ConnectionKey { device, side: Side::Subscribe };
        if let Some(connection) = state.subscribe.connection() {
            let ufrag = connection.local_ufrag();
            self.demux.register(key, ufrag);
        }
        self.touched.insert(key);
        self.tell(device, DeviceEvent::OfferReady(offer));
    }

    fn revision_clock(&self, now: Instant) -> u32 {
        let (set_at, unix_time) = self.clock;
        let secs = (unix_time + now.saturating_duration_since(set_at)).as_secs();
        let ticks = secs.saturating_sub(REVISION_EPOCH_SECS) * REVISIONS_PER_SECOND;
        u32::try_from(ticks).map_or(1, |ticks| ticks.max(1))
    }

    fn tell(&mut self, device: DeviceId, event: DeviceEvent) {
        let Some(state) = self.devices.get(&device) else {
            return;
        };
        if state.events.try_send(event).is_err() {
            self.counters.devices_stuck.add(1);
            self.close_device(device);
        }
    }

    fn close_device(&mut self, device: DeviceId) {
        let Some(mut state) = self.devices.remove(&device) else {
            return;
        };
        for change in state.subscribe.drop_transport() {
            if let FlowChange::Ceased(track, line) = change {
                self.routing.disconnect(track, Sink { subscriber: device, line });
            }
        }
        self.streams.retain(|_, source| source.publisher != device);
        self.tags.remove(&DeviceTag::of(device));
        for side in [Side::Publish, Side::Subscribe] {
            let key = ConnectionKey { device, side };
            self.demux.remove(key);
            self.timers.remove(key);
            self.touched.remove(&key);
        }
    }

    /// Takes a datagram. [`Shard::flush`] after the last one of a batch.
    ///
    /// `destination` is the address it came in on; it must be a candidate's.
    pub fn handle_datagram(
        &mut self,
        source: Remote,
        destination: SocketAddr,
        datagram: &[u8],
        now: Instant,
    ) {
        self.counters.datagrams_received.add(1);
        let Some(owner) = self.demux.owner(source, datagram) else {
            self.counters.datagrams_dropped.add(1);
            let can_act = |tag: &DeviceTag| {
                let state = self.tags.get(tag).and_then(|device| self.devices.get(device));
                state.is_some_and(|state| state.subscribe.signalling() == Path::Up)
            };
            self.transmits.extend(self.farewell.answer(source, destination, datagram, can_act, now));
            return;
        };
        let Ok(receive) = Receive::new(source.protocol, source.address, destination, datagram) else {
            self.counters.datagrams_dropped.add(1);
            return;
        };
        let key = match owner {
            Owner::Bound(key) => key,
            Owner::Claimed(key) => {
                let Ok(claim) = Receive::new(source.protocol, source.address, destination, datagram) else {
                    return;
                };
                let proved = self.connection(key).is_some_and(|connection| connection.accepts(now, claim));
                if !proved {
                    self.counters.datagrams_dropped.add(1);
                    return;
                }
                self.demux.bind(key, source);
                key
            }
        };
        let Some(connection) = self.connection(key) else {
            return;
        };
        let handled = connection.handle_datagram(now, source, destination, receive.contents);
        self.drive(key, handled, now);
    }

    /// Whether what comes from there belongs to a connection.
    pub fn is_bound(&self, source: Remote) -> bool {
        self.demux.is_bound(source)
    }

    /// Nothing comes from there any more: a TCP connection was closed.
    pub fn unbind(&mut self, source: Remote) {
        self.demux.unbind(source);
    }

    fn connection(&mut self, key: ConnectionKey) -> Option<&mut crate::connection::Connection> {
        let state = self.devices.get_mut(&key.device)?;
        match key.side {
            Side::Publish => state.publish.as_mut().map(Publish::connection),
            Side::Subscribe => state.subscribe.connection(),
        }
    }

    /// Polls a connection dry and sets its timer.
    fn drive(&mut self, key: ConnectionKey, handled: Result<(), Broken>, now: Instant) {
        let mut result = handled;
        while result.is_ok() {
            let Some(connection) = self.connection(key) else {
                return;
            };
            match connection.poll() {
                Ok(None) => break,
                Ok(Some(happening)) => self.handle_happening(key, happening, now),
                Err(broken) => result = Err(broken),
            }
        }
        if result.is_err() {
            self.handle_path(key, Path::Down, now);
        }
        self.set_timer(key);
    }

    fn set_timer(&mut self, key: ConnectionKey) {
        let Some(state) = self.devices.get(&key.device) else {
            return;
        };
        let at = match key.side {
            Side::Publish => {
                state.publish.as_ref().filter(|publish| publish.is_alive()).map(Publish::timeout)
            }
            Side::Subscribe => state.subscribe.timeout(),
        };
        match at {
            Some(at) => self.timers.set(key, at),
            None => self.timers.remove(key),
        }
    }

    fn handle_happening(&mut self, key: ConnectionKey, happening: Happening, now: Instant) {
        match happening {
            Happening::Transmit(transmit) => self.transmits.push_back(transmit),
            Happening::Packet(packet) => self.forward(key.device, packet, now),
            Happening::KeyFrameWanted(mid) => {
                let state = self.devices.get(&key.device);
                if let Some(track) = state.and_then(|state| state.subscribe.track_on(mid)) {
                    self.want_key_frame(track, now);
                }
            }
            Happening::Path(path) => self.handle_path(key, path, now),
        }
    }

    fn handle_path(&mut self, key: ConnectionKey, path: Path, now: Instant) {
        if key.side == Side::Subscribe && path == Path::Down {
            // The client does nothing about this path: a new transport is offered on the same m-lines.
            let Some(state) = self.devices.get_mut(&key.device) else {
                return;
            };
            let changes = state.subscribe.drop_transport();
            self.apply_flow_changes(key.device, &changes, now);
            self.demux.remove(key);
            self.negotiate(key.device, now);
        }
        self.tell(key.device, DeviceEvent::PathChanged { side: key.side, path });
    }

    fn forward(&mut self, publisher: DeviceId, packet: RtpPacket, now: Instant) {
        let publish = self.devices.get_mut(&publisher).and_then(|state| state.publish.as_mut());
        let Some(publish) = publish else { return };
        let Some((track, packet)) = publish.read(packet) else {
            self.counters.packets_refused.add(1);
            return;
        };
        self.counters.packets_received.add(1);
        let mut key_frame_missing = false;
        let mut forwarded = 0;
        for sink in self.routing.sinks(track) {
            let Some(state) = self.devices.get_mut(&sink.subscriber) else {
                continue;
            };
            match state.subscribe.write(sink.line, track, &packet) {
                Some(Written::Sent) => {
                    forwarded += 1;
                    self.touched.insert(ConnectionKey { device: sink.subscriber, side: Side::Subscribe });
                }
                Some(Written::HeldTooLong) => key_frame_missing = true,
                Some(Written::Held) | None => {}
            }
        }
        self.counters.packets_forwarded.add(forwarded);
        if key_frame_missing {
            self.want_key_frame(track, now);
        }
    }

    /// Drives what was written to since the last time.
    pub fn flush(&mut self, now: Instant) {
        while let Some(key) = self.touched.pop_first() {
            self.wake(key, now);
        }
    }

    /// Lets time pass for those whose deadline is over, and flushes.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(key) = self.timers.pop_due(now) {
            self.wake(key, now);
        }
        self.flush(now);
    }

    fn wake(&mut self, key: ConnectionKey, now: Instant) {
        let Some(state) = self.devices.get_mut(&key.device) else {
            return;
        };
        let handled = match key.side {
            Side::Publish => state.publish.as_mut().map(|publish| publish.handle_timeout(now)),
            Side::Subscribe => {
                if state.subscribe.handle_timeout(now) {
                    self.counters.offers_unanswered.add(1);
                    self.negotiate(key.device, now);
                    self.touched.remove(&key);
                }
                self.connection(key).map(|connection| connection.handle_timeout(now))
            }
        };
        match handled {
            Some(handled) => self.drive(key, handled, now),
            None => self.set_timer(key),
        }
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// When [`Shard::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }
}

#[cfg(test)]
#[path = "shard_tests.rs"]
mod tests;
