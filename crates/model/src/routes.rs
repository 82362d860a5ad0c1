//! The set of routes as it is now, and how it differs from the set last told.
//!
//! Knows nothing of sessions: what should be routed is said by `grants.rs`. Both directions are indexed, so that a
//! change costs as much as the subscriber or stream in question has routes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use crosspoint_ids::{DeviceId, StreamId};

use crate::{Crosspoint, RouteChange};

#[derive(Debug, Default)]
pub(crate) struct Routes {
    by_stream: HashMap<StreamId, HashSet<DeviceId>>,
    by_subscriber: HashMap<DeviceId, HashSet<StreamId>>,
    stopped: BTreeSet<Crosspoint>,
    started: BTreeSet<Crosspoint>,
}

impl Routes {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Crosspoint> {
        self.by_stream.iter().flat_map(|(stream, subscribers)| {
            subscribers.iter().map(|subscriber| Crosspoint { stream: *stream, subscriber: *subscriber })
        })
    }

    /// From now on a subscriber receives exactly these streams.
    pub(crate) fn set_row(&mut self, subscriber: DeviceId, streams: &HashSet<StreamId>) {
        let (old, new) = difference(self.by_subscriber.get(&subscriber), streams);
        for stream in old {
            self.stop(Crosspoint { stream, subscriber });
        }
        for stream in new {
            self.start(Crosspoint { stream, subscriber });
        }
    }

    /// From now on exactly these subscribers receive a stream.
    pub(crate) fn set_column(&mut self, stream: StreamId, subscribers: &HashSet<DeviceId>) {
        let (old, new) = difference(self.by_stream.get(&stream), subscribers);
        for subscriber in old {
            self.stop(Crosspoint { stream, subscriber });
        }
        for subscriber in new {
            self.start(Crosspoint { stream, subscriber });
        }
    }

    /// What was stopped and started since the last call; `None` for nothing.
    pub(crate) fn take_difference(&mut self) -> Option<RouteChange> {
        let stop: Vec<_> = std::mem::take(&mut self.stopped).into_iter().collect();
        let start: Vec<_> = std::mem::take(&mut self.started).into_iter().collect();
        (!stop.is_empty() || !start.is_empty()).then_some(RouteChange { stop, start })
    }

    fn start(&mut self, crosspoint: Crosspoint) {
        let Crosspoint { stream, subscriber } = crosspoint;
        self.by_stream.entry(stream).or_default().insert(subscriber);
        self.by_subscriber.entry(subscriber).or_default().insert(stream);
        if !self.stopped.remove(&crosspoint) {
            self.started.insert(crosspoint);
        }
    }

    fn stop(&mut self, crosspoint: Crosspoint) {
        let Crosspoint { stream, subscriber } = crosspoint;
        remove(&mut self.by_stream, stream, subscriber);
        remove(&mut self.by_subscriber, subscriber, stream);
        if !self.started.remove(&crosspoint) {
            self.stopped.insert(crosspoint);
        }
    }
}

/// What is only in `current`, and what is only in `wanted`.
fn difference<T: Copy + Eq + Hash>(current: Option<&HashSet<T>>, wanted: &HashSet<T>) -> (Vec<T>, Vec<T>) {
    let has = |item: &T| current.is_some_and(|current| current.contains(item));
    let old = current.into_iter().flatten().filter(|item| !wanted.contains(item));
    let new = wanted.iter().filter(|item| !has(item));
    (old.copied().collect(), new.copied().collect())
}

fn remove<K: Eq + Hash, V: Eq + Hash>(index: &mut HashMap<K, HashSet<V>>, key: K, value: V) {
    let Some(values) = index.get_mut(&key) else {
        return;
    };
    values.remove(&value);
    if values.is_empty() {
        index.remove(&key);
    }
}
