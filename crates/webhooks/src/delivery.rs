//! One callback on its way.

use std::fmt;

use crosspoint_ids::{AccountId, ParticipantId, Timestamp};
use uuid::Uuid;

/// A callback that is to be delivered.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id in the durable queue; grows with every callback.
    pub id: u64,
    /// Whose participant.
    pub account: AccountId,
    /// Whom it is about; callbacks of one participant keep their order.
    pub participant: ParticipantId,
    /// Where it is posted.
    pub url: String,
    /// What receivers know it by (`webhook-id`): the same at each attempt.
    pub message_id: Uuid,
    /// What is posted: JSON, made when the event happened.
    pub body: String,
    /// When what it tells happened.
    pub created_at: Timestamp,
}

impl fmt::Debug for Delivery {
    /// Leaves out the URL and the body, which may hold secrets of the application.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("participant", &self.participant)
            .field("message_id", &self.message_id)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}
