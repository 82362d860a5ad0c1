//! What is there now: devices and their streams, as reports tell.
//!
//! A participant has one device at most; a stream belongs to one device.

use std::collections::{HashMap, HashSet};

use crosspoint_ids::{DeviceId, ParticipantId, StreamId, Timestamp};

use crate::{Alias, PublishedStream, StreamView};

#[derive(Debug, Default)]
pub(crate) struct Observation {
    devices: HashMap<DeviceId, Device>,
    by_participant: HashMap<ParticipantId, DeviceId>,
    streams: HashMap<StreamId, Stream>,
}

#[derive(Debug)]
struct Device {
    participant: ParticipantId,
    /// Oldest first.
    streams: Vec<StreamId>,
}

#[derive(Debug)]
struct Stream {
    device: DeviceId,
    view: StreamView,
}

/// A device that is no longer there, and the streams that went with it.
#[derive(Debug)]
pub(crate) struct Departed {
    pub(crate) device: DeviceId,
    pub(crate) streams: Vec<StreamId>,
}

/// How a snapshot of streams differs from the one before.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) publisher: ParticipantId,
    /// Streams that are gone.
    pub(crate) down: Vec<StreamId>,
    /// Streams that are new or have another alias.
    pub(crate) named: Vec<StreamId>,
}

impl Observation {
    pub(crate) fn has_device(&self, device: DeviceId) -> bool {
        self.devices.contains_key(&device)
    }

    pub(crate) fn device_of(&self, participant: ParticipantId) -> Option<DeviceId> {
        self.by_participant.get(&participant).copied()
    }

    /// The streams that a participant publishes, oldest first.
    pub(crate) fn streams_of(&self, participant: ParticipantId) -> impl Iterator<Item = &StreamView> {
        self.device_of(participant)
            .and_then(|device| self.devices.get(&device))
            .into_iter()
            .flat_map(|device| &device.streams)
            .filter_map(|stream| self.streams.get(stream))
            .map(|stream| &stream.view)
    }

    pub(crate) fn alias_of(&self, stream: StreamId) -> Option<&Alias> {
        self.streams.get(&stream)?.view.alias.as_ref()
    }

    /// A device that was not there came for a participant; an earlier one of the same participant departs.
    pub(crate) fn connect(&mut self, participant: ParticipantId, device: DeviceId) -> Option<Departed> {
        let departed = self.device_of(participant).and_then(|earlier| self.disconnect(earlier));
        self.by_participant.insert(participant, device);
        self.devices.insert(device, Device { participant, streams: Vec::new() });
        departed
    }

    pub(crate) fn disconnect(&mut self, device: DeviceId) -> Option<Departed> {
        let Device { participant, streams } = self.devices.remove(&device)?;
        self.by_participant.remove(&participant);
        for stream in &streams {
            self.streams.remove(stream);
        }
        Some(Departed { device, streams })
    }

    /// Takes over the snapshot of a device's streams. `None` when the device is not there. A stream of another
    /// device is passed over, and of entries with the same id the first counts.
    pub(crate) fn publish(
        &mut self,
        now: Timestamp,
        id: DeviceId,
        snapshot: Vec<PublishedStream>,
    ) -> Option<Publication> {
        let device = self.devices.get_mut(&id)?;
        let kept: HashSet<StreamId> = snapshot.iter().map(|stream| stream.id).collect();
        let mut publication = Publication {
            publisher: device.participant,
            down: device.streams.extract_if(.., |s| !kept.contains(s)).collect(),
            named: Vec::new(),
        };
        for stream in &publication.down {
            self.streams.remove(stream);
        }
        let mut seen = HashSet::new();
        for published in snapshot.into_iter().filter(|published| seen.insert(published.id)) {
            match self.streams.get_mut(&published.id) {
                Some(known) if known.device != id => {}
                Some(known) => {
                    if known.view.alias != published.alias {
                        publication.named.push(published.id);
                    }
                    known.view.alias = published.alias;
                    known.view.media_types = published.media_types;
                }
                None => {
                    publication.named.push(published.id);
                    device.streams.push(published.id);
                    self.streams.insert(published.id, Stream::new(now, id, published));
                }
            }
        }
        Some(publication)
    }
}

impl Stream {
    fn new(now: Timestamp, device: DeviceId, published: PublishedStream) -> Self {
        let view = StreamView {
            id: published.id,
            alias: published.alias,
            media_types: published.media_types,
            published_at: now,
        };
        Self { device, view }
    }
}
