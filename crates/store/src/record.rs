//! What is kept besides the model's records, and the writes.

use std::fmt;

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, Timestamp};
use crosspoint_model::{Change, IdempotencyRecord, ParticipantRecord, SessionRecord};
use uuid::Uuid;

/// Everything that a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records {
    /// All sessions, in the order of their `sequence`.
    pub sessions: Vec<SessionRecord>,
    /// All participants, in the order of their `sequence`.
    pub participants: Vec<ParticipantRecord>,
    /// All idempotency keys, in no order.
    pub idempotency: Vec<IdempotencyRecord>,
    /// All devices, in no order.
    pub devices: Vec<DeviceRecord>,
    /// All callbacks that are not delivered, in the order of their ids.
    pub deliveries: Vec<DeliveryRecord>,
}

/// One record to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// What the model wants written.
    Model(Change),
    /// Insert or replace the device of this participant.
    PutDevice(DeviceRecord),
    /// Forget the device of this participant.
    DeleteDevice(ParticipantId),
    /// Insert this callback.
    PutDelivery(DeliveryRecord),
    /// Forget the callback with this id.
    DeleteDelivery(u64),
}

/// What a device's client knows and does not say again. A participant has one at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Whose device.
    pub participant: ParticipantId,
    /// Which.
    pub device: DeviceId,
    /// The device's own name for itself; by it a client is known again.
    pub unique_id: Option<String>,
    /// Whether it was there when this was written.
    pub presence: Presence,
    /// The m-lines that it was offered, below the application line, in their order.
    pub lines: Vec<LineKind>,
}

/// Whether a device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is, or was until the server ended.
    Here,
    /// It went. Its client may come back and expects the same m-lines.
    Gone,
}

/// What an m-line carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A callback that is not delivered yet.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Grows with every callback.
    pub id: u64,
    /// Whose participant.
    pub account: AccountId,
    /// Whom it is about; callbacks of one participant keep their order.
    pub participant: ParticipantId,
    /// Where it is posted.
    pub url: String,
    /// What receivers know it by; the same at each attempt.
    pub message_id: Uuid,
    /// What is posted: JSON.
    pub body: String,
    /// When what it tells happened.
    pub created_at: Timestamp,
}

impl fmt::Debug for DeliveryRecord {
    /// Leaves out the URL and the body, which may hold secrets of the application.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryRecord")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("participant", &self.participant)
            .finish_non_exhaustive()
    }
}
