//! What the shell must do, in order.

use crosspoint_ids::{DeviceId, StreamId};

/// Something to carry out. Effects leave only after the changes before them are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Change who receives what, as one step.
    Route(RouteChange),
    /// Close this device's signalling and media for good.
    CloseDevice {
        /// Which.
        device: DeviceId,
        /// Why.
        reason: CloseReason,
    },
}

/// The difference between two sets of routes. No crosspoint is in both lists, none stands twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteChange {
    /// Crosspoints that end.
    pub stop: Vec<Crosspoint>,
    /// Crosspoints that begin.
    pub start: Vec<Crosspoint>,
}

/// One stream going to one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Crosspoint {
    /// What is received.
    pub stream: StreamId,
    /// By which device.
    pub subscriber: DeviceId,
}

/// Why the server closes a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// Its participant was deleted or expired.
    ParticipantEnded,
    /// A newer device of the same participant came.
    Replaced,
    /// The participant got a new token, and the device came with an older one.
    TokenRenewed,
}
