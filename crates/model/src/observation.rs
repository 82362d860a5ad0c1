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
    shown_as: DeviceId,
    /// Oldest first.
    streams: Vec<StreamId>,
}

#[derive(Debug)]
struct Stream {
    device: DeviceId,
    view: StreamView,
}

/// A device that is no longer there, and the streams that went with it.
#[derive(Debug, Clone)]
pub(crate) struct Departed {
    pub(crate) device: DeviceId,
    pub(crate) participant: ParticipantId,
    pub(crate) shown_as: DeviceId,
    /// Oldest first.
    pub(crate) streams: Vec<StreamView>,
}

/// How a snapshot of streams differs from the one before.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) publisher: ParticipantId,
    /// The id under which applications see the device.
    pub(crate) shown_as: DeviceId,
    /// Streams that are gone.
    pub(crate) down: Vec<StreamView>,
    /// Streams that are new or have another alias.
    pub(crate) named: Vec<StreamId>,
    /// Streams that are new or look different.
    pub(crate) changed: Vec<StreamView>,
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
    pub(crate) fn connect(
        &mut self,
        participant: ParticipantId,
        device: DeviceId,
        shown_as: DeviceId,
    ) -> Option<Departed> {
        let departed = self.device_of(participant).and_then(|earlier| self.disconnect(earlier));
        self.by_participant.insert(participant, device);
        self.devices.insert(device, Device { participant, shown_as, streams: Vec::new() });
        departed
    }

    pub(crate) fn disconnect(&mut self, device: DeviceId) -> Option<Departed> {
        let Device { participant, shown_as, streams } = self.devices.remove(&device)?;
        self.by_participant.remove(&participant);
        let streams = streams.iter().filter_map(|stream| self.streams.remove(stream));
        let streams = streams.map(|stream| stream.view).collect();
        Some(Departed { device, participant, shown_as, streams })
    }

    /// Undoes [`Observation::disconnect`], before anything else came for the participant.
    pub(crate) fn reinstate(&mut self, departed: Departed) {
        let Departed { device, participant, shown_as, streams: views } = departed;
        let streams = views.iter().map(|view| view.id).collect();
        self.by_participant.insert(participant, device);
        self.devices.insert(device, Device { participant, shown_as, streams });
        self.streams.extend(views.into_iter().map(|view| (view.id, Stream { device, view })));
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
        let gone = device.streams.extract_if(.., |s| !kept.contains(s));
        let mut publication = Publication {
            publisher: device.participant,
            shown_as: device.shown_as,
            down: gone.filter_map(|stream| self.streams.remove(&stream)).map(|stream| stream.view).collect(),
            named: Vec::new(),
            changed: Vec::new(),
        };
        let mut seen = HashSet::new();
        for published in snapshot.into_iter().filter(|published| seen.insert(published.id)) {
            match self.streams.get_mut(&published.id) {
                Some(known) if known.device != id => {}
                Some(known) => {
                    if known.view.alias != published.alias {
                        publication.named.push(published.id);
                    }
                    let seen = published.seen_since(known.view.published_at);
                    if known.view != seen {
                        publication.changed.push(seen.clone());
                    }
                    known.view = seen;
                }
                None => {
                    publication.named.push(published.id);
                    device.streams.push(published.id);
                    let view = published.seen_since(now);
                    publication.changed.push(view.clone());
                    self.streams.insert(view.id, Stream { device: id, view });
                }
            }
        }
        Some(publication)
    }
}

impl PublishedStream {
    fn seen_since(self, published_at: Timestamp) -> StreamView {
        let Self { id, alias, media_types } = self;
        StreamView { id, alias, media_types, published_at }
    }
}
