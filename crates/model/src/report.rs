//! What happened outside: past tense, already true, never refused.

use crosspoint_ids::{DeviceId, ParticipantId, StreamId};

use crate::{Alias, MediaTypes};

/// Something that happened to a device. One about a device that is no longer known is stale and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A device came up for a participant. It replaces an earlier one.
    DeviceConnected {
        /// For whom.
        participant: ParticipantId,
        /// The new device.
        device: DeviceId,
        /// The id under which applications see it.
        shown_as: DeviceId,
    },
    /// A device is gone for good; its streams with it.
    DeviceGone {
        /// Which.
        device: DeviceId,
        /// How it went.
        departure: Departure,
    },
    /// These, and no others, are the streams that a device publishes now.
    StreamsPublished {
        /// Which device.
        device: DeviceId,
        /// All its streams.
        streams: Vec<PublishedStream>,
    },
}

/// How a device went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It said goodbye.
    Left,
    /// It was lost.
    Lost,
}

/// A stream that a device publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedStream {
    /// The id under which subscribers see it.
    pub id: StreamId,
    /// The name that the device gave it.
    pub alias: Option<Alias>,
    /// What it carries.
    pub media_types: MediaTypes,
}
