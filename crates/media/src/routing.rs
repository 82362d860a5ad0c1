//! Which sinks each track goes to: the crosspoints that packets really pass.

use std::collections::HashMap;

use crosspoint_ids::{DeviceId, StreamId};

/// One track of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TrackKey {
    pub(crate) stream: StreamId,
    /// Its place among the tracks of the stream.
    pub(crate) index: usize,
}

/// One m-line of one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sink {
    pub(crate) subscriber: DeviceId,
    /// Its place among the subscriber's media lines.
    pub(crate) line: usize,
}

/// The sinks of every track.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    sinks: HashMap<TrackKey, Vec<Sink>>,
}

impl Routing {
    /// Lets a track's packets pass to a sink.
    pub(crate) fn connect(&mut self, track: TrackKey, sink: Sink) {
        let sinks = self.sinks.entry(track).or_default();
        if !sinks.contains(&sink) {
            sinks.push(sink);
        }
    }

    /// Stops a track's packets from passing to a sink.
    pub(crate) fn disconnect(&mut self, track: TrackKey, sink: Sink) {
        let Some(sinks) = self.sinks.get_mut(&track) else {
            return;
        };
        sinks.retain(|other| *other != sink);
        if sinks.is_empty() {
            self.sinks.remove(&track);
        }
    }

    /// Where a track's packets go.
    pub(crate) fn sinks(&self, track: TrackKey) -> &[Sink] {
        self.sinks.get(&track).map_or(&[], Vec::as_slice)
    }
}
