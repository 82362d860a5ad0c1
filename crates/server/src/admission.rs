//! What a socket brings along when it asks to be let in.

use crosspoint_ids::ParticipantId;
use crosspoint_model::MediaTypes;
use tokio::sync::{mpsc, oneshot};

use crate::socket::{Incoming, Socket};

/// A socket that asks to be let in, with a token that was checked.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) participant: ParticipantId,
    pub(crate) publish_permissions: MediaTypes,
    /// The device's own name for itself; without one it can't resume.
    pub(crate) unique_id: Option<String>,
    pub(crate) socket: Socket,
    /// Gets the way to the device, unless the socket is turned away.
    pub(crate) reply: oneshot::Sender<mpsc::Sender<Incoming>>,
}
