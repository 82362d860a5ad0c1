//! What applications are told of: everything that changed, in their own words.

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, SessionId};

use crate::{CallbackUrl, StreamView, Subscriptions, Tag};

/// Something that happened in an account. Events of one participant come in the order in which it happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose.
    pub account: AccountId,
    /// What.
    pub happening: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A session was made.
    SessionCreated {
        /// Which.
        session: SessionId,
        /// The application's label.
        tag: Option<Tag>,
    },
    /// A session ended. Its members were removed before.
    SessionEnded {
        /// Which.
        session: SessionId,
        /// Why.
        cause: EndCause,
    },
    /// A participant was made.
    ParticipantCreated {
        /// Who.
        participant: ParticipantId,
        /// The application's label.
        tag: Option<Tag>,
    },
    /// A participant ended. It was removed from its session, and its device left, before.
    ParticipantEnded {
        /// Who.
        participant: ParticipantId,
        /// Why.
        cause: EndCause,
    },
    /// A participant became a member.
    ParticipantAdded {
        /// To which session.
        session: SessionId,
        /// Who.
        participant: ParticipantId,
    },
    /// A participant is no longer a member; its subscriptions in the session are gone.
    ParticipantRemoved {
        /// From which session.
        session: SessionId,
        /// Who.
        participant: ParticipantId,
    },
    /// A participant has other subscriptions than before.
    SubscriptionsChanged {
        /// In which session.
        session: SessionId,
        /// The subscriber.
        participant: ParticipantId,
        /// Its subscriptions now.
        subscriptions: Option<Subscriptions>,
    },
    /// A device's signalling came up.
    DeviceConnected(DeviceSubject),
    /// A device said goodbye, or the server removed it.
    DeviceLeft(DeviceSubject),
    /// A device was lost.
    DeviceDisconnected(DeviceSubject),
    /// A stream came up, or has another alias or other media types than before.
    StreamPublished(DeviceSubject, StreamView),
    /// A stream is gone.
    StreamUnpublished(DeviceSubject, StreamView),
}

/// Why something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndCause {
    /// The application asked for it.
    Deleted,
    /// Its time was over.
    Expired,
}

/// A device in an event, with what its callbacks need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSubject {
    /// Whose device.
    pub participant: ParticipantId,
    /// The participant's label.
    pub tag: Option<Tag>,
    /// Where the participant's events are posted.
    pub callback_url: Option<CallbackUrl>,
    /// The id under which applications see the device.
    pub device: DeviceId,
}
